"""Samples seen in a mirror: pictures, and every number that says left or right, as a tf.data operation over batches."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Mirroring:
    """Mirrors a share of the samples left to right, all that belongs to them alike.

    Attributes:
        images: inputs to mirror.
        negated: (input, place on its last axis) of the fields that change their sign, such as a steering angle.
        targets: outputs that change their sign.
        share: of the samples.

    Inputs and outputs that a batch doesn't hold are left out.
    """

    images: tuple[str, ...] = ("image",)
    negated: tuple[tuple[str, int], ...] = ()
    targets: tuple[str, ...] = ()
    share: float = 0.5

    def __call__(self, inputs, targets, seed):
        count = tf.shape(next(iter(inputs.values())))[0]
        mirrored = tf.random.stateless_uniform((count,), seed) < self.share

        def changed(tensor, other):
            return tf.where(tf.reshape(mirrored, [-1] + [1] * (len(tensor.shape) - 1)), other, tensor)

        inputs, targets = dict(inputs), dict(targets)
        for name in self.images:
            if name in inputs:
                inputs[name] = changed(inputs[name], tf.reverse(inputs[name], [-2]))
        for name in {name for name, _ in self.negated if name in inputs}:
            signs = [-1.0 if (name, place) in self.negated else 1.0 for place in range(inputs[name].shape[-1])]
            inputs[name] = changed(inputs[name], inputs[name] * tf.constant(signs, inputs[name].dtype))
        for name in self.targets:
            if name in targets:
                targets[name] = changed(targets[name], -targets[name])
        return inputs, targets
