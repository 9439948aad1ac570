"""What tells the steps of a sequence from one another."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="mmzoo")
class LearnedPositions(keras.layers.Layer):
    """Adds a learned vector to each step (B, T, D), as in BERT and SASRec; the T is fixed when it is built."""

    def build(self, input_shape):
        self.positions = self.add_weight(
            shape=tuple(input_shape[1:]), initializer=keras.initializers.RandomNormal(stddev=0.02), name="positions"
        )

    def call(self, inputs):
        return inputs + keras.ops.cast(self.positions, inputs.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape
