"""Scores of steps to probabilities over the steps that count."""

from __future__ import annotations

import keras
from keras import ops

BOUND, MASKED = 10.0, 30.0


@keras.saving.register_keras_serializable(package="mmzoo")
class StepSoftmax(keras.layers.Layer):
    """The softmax of scores over the steps of a text, or of any other tokens, where padding gets next to nothing.

    Scores are bounded to -10..10, those of padding lie 30 lower: of finite bounds 8-bit files have a scale. Where all
    is padding, as in a missing text, zeros come out.

    Args:
        axis: that of the steps: 1 for scores (B, T, K), 2 for scores (B, K, T).

    Call arguments:
        scores: float (B, T, K) or (B, K, T).
        mask: bool (B, T), False where a step is padding.

    Returns:
        float of the scores' shape; sums to 1 over the steps, or to 0.
    """

    keeps_float = True
    is_for_output = True

    def __init__(self, axis=1, **kwargs):
        super().__init__(**kwargs)
        if axis not in (1, 2):
            raise ValueError(f"axis: expected 1 or 2, got {axis!r}")
        self.axis = axis

    def call(self, scores, mask):
        given = ops.expand_dims(ops.cast(mask, scores.dtype), 3 - self.axis)
        shares = ops.softmax(BOUND * ops.tanh(scores / BOUND) - MASKED * (1.0 - given), axis=self.axis)
        return shares * ops.max(given, axis=self.axis, keepdims=True)

    def compute_output_spec(self, scores, mask):
        return keras.KerasTensor(scores.shape, scores.dtype)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}
