"""From a head's plain number to a value in its own unit."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

# exp() of more than this leaves float32's range.
LARGEST_LOG = 80.0


@keras.saving.register_keras_serializable(package="mmzoo")
class ValueScaling(keras.layers.Layer):
    """Turns a number around 0 into a `Value` in its own unit, so that the head and the loss work on a scale of 1.

    The value is `mean + deviation * x`, on a log scale the exponential of that. Mean and deviation are weights: until
    `adapt` they follow from the value's range, as if values were spread evenly in it; without a range 0 and 1.

    Args:
        scale: "linear" or "log".
        minimum, maximum: the value's range, or None.

    Input and output: float32 (B, 1).
    """

    is_for_output = True
    adapts_to = "targets"

    def __init__(self, scale="linear", minimum=None, maximum=None, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        if scale not in ("linear", "log"):
            raise ValueError(f"scale: expected 'linear' or 'log', got {scale!r}")
        self.scale, self.minimum, self.maximum = scale, minimum, maximum

    def build(self, input_shape):
        low, high = self.minimum, self.maximum
        mean, deviation = 0.0, 1.0
        if low is not None and high is not None and (self.scale == "linear" or low > 0):
            low, high = (low, high) if self.scale == "linear" else (math.log(low), math.log(high))
            # Of a range without width the deviation says nothing.
            mean, deviation = (low + high) / 2, abs(high - low) / math.sqrt(12.0) or 1.0
        self.mean = self._statistic("mean", mean)
        self.deviation = self._statistic("deviation", deviation)

    def _statistic(self, name, value):
        return self.add_weight(
            name=name, shape=(), trainable=False, initializer=keras.initializers.Constant(float(value))
        )

    def adapt(self, values):
        """Sets mean and deviation from targets.

        Args:
            values: float array (N,) or (N, 1) in the value's unit, finite; above 0 on a log scale. Where all are the
                same the deviation stays.

        Raises:
            ValueError: a value of at most 0 on a log scale.
        """
        values = np.asarray(values, np.float64).reshape(-1)
        if self.scale == "log":
            if values.size and values.min() <= 0:
                raise ValueError(f"{self.name}: a log scale needs values above 0, got {values.min():g}")
            values = np.log(values)
        if values.size:
            self.mean.assign(values.mean())
            # Less than float32 can tell apart is no deviation, whatever the unit.
            if values.std() > 1e-7 * np.abs(values).max():
                self.deviation.assign(values.std())

    def call(self, inputs):
        x = self.mean + self.deviation * ops.cast(inputs, "float32")
        return ops.exp(ops.clip(x, -LARGEST_LOG, LARGEST_LOG)) if self.scale == "log" else x

    def normalised(self, values):
        """The inverse: values in their own unit, float (B, 1), to numbers around 0."""
        values = ops.cast(values, "float32")
        if self.scale == "log":
            values = ops.log(ops.maximum(values, math.exp(-LARGEST_LOG)))
        return (values - self.mean) / self.deviation

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "scale": self.scale, "minimum": self.minimum, "maximum": self.maximum}
