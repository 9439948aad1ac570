"""A token a field, from the features of all fields side by side."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class FieldTokens(keras.layers.Layer):
    """Projects the features of each field on their own (Gorishniy et al., "Revisiting deep learning models for tabular
    data", NeurIPS 2021: the feature tokenizer).

    Input: float (B, sum of `features`), as `SensorEncoder` gives it. Output: float (B, fields, width).

    Args:
        features: how many features each field has, in order.
        width: of a token.
    """

    # One scale in 8 bits would have to do for the tokens of all fields.
    keeps_float = True

    def __init__(self, features, width: int, **kwargs):
        super().__init__(**kwargs)
        self.features, self.width = tuple(int(count) for count in features), width
        # Which features are a field's: (fields, features).
        self._own = np.repeat(np.eye(len(self.features), dtype=np.float32), self.features, axis=1)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=(sum(self.features), self.width), initializer="glorot_uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(len(self.features), self.width), initializer="zeros")

    def call(self, inputs):
        each = ops.expand_dims(inputs, 1) * ops.cast(self._own, inputs.dtype)
        return ops.matmul(each, self.kernel) + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape[0], len(self.features), self.width

    def get_config(self):
        return {**super().get_config(), "features": list(self.features), "width": self.width}
