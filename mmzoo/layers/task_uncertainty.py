"""How much each of several outputs counts in the loss, learned."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="mmzoo")
class TaskUncertainty(keras.layers.Layer):
    """Passes an output's logits on and holds the log variance that weighs its loss (see `mmzoo.training.objectives`).

    Source: Kendall, Gal & Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018.

    Input and output: float (B, units), the same.
    """

    is_for_output = True

    def build(self, input_shape):
        self.log_variance = self.add_weight(name="log_variance", shape=(), initializer="zeros")

    def call(self, inputs):
        return inputs

    def compute_output_shape(self, input_shape):
        return input_shape
