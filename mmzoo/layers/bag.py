"""A bag of embedded words: their sum by the root of their number."""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="mmzoo")
class Bag(layers.Layer):
    """Adds up embeddings, without padding, and divides by the root of their number, so that long texts stay in range.

    A layer of its own, since its arithmetic, and that of what reads it, stays in float32 in a static int8 file: a text
    of one word again and again gives sums far beyond what was calibrated, and they would be cut off.

    Args:
        dropout: probability that a word is left out while training.
        seed: seed of that.
    """

    keeps_float = readers_keep_float = True

    def __init__(self, dropout: float = 0.0, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = dropout, seed
        self.dropout = layers.Dropout(dropout, seed=seed, name="dropout")

    def call(self, embedded, mask, training=None):
        """Adds up.

        Args:
            embedded: float (B, T, D).
            mask: bool (B, T), False where there is padding.
            training: leave words out.

        Returns:
            float (B, D); 0 where all is padding.
        """
        weights = ops.expand_dims(ops.cast(mask, embedded.dtype), -1)
        root = ops.sqrt(ops.maximum(ops.sum(weights, axis=1), 1.0))
        return ops.sum(embedded * self.dropout(weights, training=training), axis=1) / root

    def compute_output_shape(self, embedded_shape, mask_shape=None):
        return embedded_shape[0], embedded_shape[2]

    def get_config(self):
        return {**super().get_config(), "dropout": self.rate, "seed": self.seed}
