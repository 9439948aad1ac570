"""The mean of those tokens that count."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class MaskedMean(keras.layers.Layer):
    """Mean over the tokens where the mask is True; zeros where there are none.

    Call arguments:
        tokens: float (B, N, D).
        mask: bool (B, N).

    Returns:
        float (B, D).
    """

    keeps_float = True

    def call(self, tokens, mask):
        weights = ops.expand_dims(ops.cast(mask, tokens.dtype), 2)
        return ops.sum(tokens * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)

    def compute_output_spec(self, tokens, mask):
        return keras.KerasTensor((tokens.shape[0], tokens.shape[2]), tokens.dtype)
