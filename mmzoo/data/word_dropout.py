"""Words left out of texts at random, as a tf.data operation over batches."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class WordDropout:
    """Hides words of a text while training, so that few texts are not learnt by heart (Iyyer et al., ACL 2015).

    Attributes:
        name: a `Text` input, int32 ids (B, T); a hidden word's id becomes 0, which is padding to every text branch.
        rate: how often each word is hidden.

    An input that a batch doesn't hold is left out.
    """

    name: str
    rate: float = 0.3

    def __call__(self, inputs, targets, seed):
        if self.name not in inputs:
            return inputs, targets
        ids = inputs[self.name]
        kept = tf.random.stateless_uniform(tf.shape(ids), seed) >= self.rate
        return {**inputs, self.name: tf.where(kept, ids, tf.zeros_like(ids))}, targets
