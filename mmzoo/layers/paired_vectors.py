"""Two vectors to unit length, side by side, with the learned temperature of the loss that draws them together."""

from __future__ import annotations

import math

import keras
from keras import ops

LOSSES = ("clip", "siglip")
# As in the papers: CLIP begins at 1 / 0.07 and goes no higher than 100, SigLIP begins at 10 and -10.
_FIRST_SCALE = {"clip": 1 / 0.07, "siglip": 10.0}
_FIRST_BIAS = -10.0
_LARGEST_SCALE = 100.0
_TINY = 1e-12


@keras.saving.register_keras_serializable(package="mmzoo")
class PairedVectors(keras.layers.Layer):
    """Scales two vectors to unit length and stacks them; a missing one is zeros.

    It also holds what the loss of a `Pair` learns (see `mmzoo.tasks.losses.Contrastive`): the scale that similarities
    are multiplied by, which is one over the temperature, and for SigLIP a bias. The output is free of both.

    Args:
        loss: "clip" or "siglip".

    Call arguments:
        inputs: [float (B, D), float (B, D), bool (B, 1), bool (B, 1)]: the vectors, and which of them are there.

    Returns:
        float (B, 2, D).
    """

    is_for_output = True
    keeps_float = True

    def __init__(self, loss="clip", **kwargs):
        super().__init__(**kwargs)
        if loss not in LOSSES:
            raise ValueError(f"loss: expected one of {list(LOSSES)}, got {loss!r}")
        self.loss = loss

    def build(self, input_shape):
        first = keras.initializers.Constant(math.log(_FIRST_SCALE[self.loss]))
        self.log_scale = self.add_weight(name="log_scale", shape=(), initializer=first, dtype="float32")
        self.bias = None
        if self.loss == "siglip":
            bias = keras.initializers.Constant(_FIRST_BIAS)
            self.bias = self.add_weight(name="bias", shape=(), initializer=bias, dtype="float32")

    @property
    def scale(self):
        """What the loss multiplies similarities by; a scalar tensor."""
        log_scale = ops.cast(self.log_scale, "float32")
        return ops.exp(ops.minimum(log_scale, float(math.log(_LARGEST_SCALE))))

    def call(self, inputs):
        first, second, first_is_there, second_is_there = inputs
        return ops.stack([_unit(first, first_is_there), _unit(second, second_is_there)], axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0][0], 2, input_shape[0][-1]

    def get_config(self):
        return {**super().get_config(), "loss": self.loss}


def _unit(vector, is_there):
    squares = ops.sum(ops.square(vector), axis=-1, keepdims=True)
    return vector * ops.rsqrt(ops.maximum(squares, _TINY)) * ops.cast(is_there, vector.dtype)
