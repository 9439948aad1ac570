"""Losses that look into the model: of values on the head's own scale, and weighed by a learned uncertainty."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class ScaledSquaredError(keras.losses.Loss):
    """Squared error on the scale of a `ValueScaling`, so that a price in rupees weighs no more than one in euros.

    Args:
        scaling: the output's layer.

    Call arguments:
        y_true, y_pred: float (B, 1), in the value's own unit.
    """

    def __init__(self, scaling, name="scaled_squared_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.scaling = scaling

    def call(self, y_true, y_pred):
        difference = self.scaling.normalised(y_pred) - self.scaling.normalised(y_true)
        return ops.mean(ops.square(difference), axis=-1)

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        # A compiled model that was saved: its layer is not to be had here. Models are compiled anew for training.
        return keras.losses.MeanSquaredError()


@keras.saving.register_keras_serializable(package="mmzoo")
class UncertaintyWeighted(keras.losses.Loss):
    """A loss weighed by the output's learned variance s: exp(-s) * loss + s / 2, for a `Value` half the first term.

    Source: Kendall, Gal & Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018, equations 7, 10.

    Args:
        loss: the loss, a `keras.losses.Loss`.
        uncertainty: the output's `TaskUncertainty` layer.
        factor: 1 for classes, 1/2 for values.
    """

    def __init__(self, loss, uncertainty=None, factor=1.0, name="uncertainty_weighted", **kwargs):
        super().__init__(name=name, **kwargs)
        self.loss, self.uncertainty, self.factor = loss, uncertainty, factor

    def call(self, y_true, y_pred):
        log_variance = ops.cast(self.uncertainty.log_variance, "float32")
        return self.factor * ops.exp(-log_variance) * self.loss.call(y_true, y_pred) + log_variance / 2

    def get_config(self):
        return {"loss": keras.saving.serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        return keras.saving.deserialize_keras_object(config["loss"])
