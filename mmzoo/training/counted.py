"""Metrics that leave out samples of weight 0, such as those without a target, and count all others the same."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class Counted(keras.metrics.Metric):
    """A metric over the samples whose weight is not 0; how much a sample weighs in the loss makes no difference to it.

    Args:
        metric: a `keras.metrics.Metric`, whose name this one gets.

    Call arguments:
        y_true, y_pred: as the metric takes them.
        sample_weight: float (B,), or None: all count.
    """

    def __init__(self, metric, name=None, **kwargs):
        super().__init__(name=name or metric.name, **kwargs)
        self.metric = metric

    def update_state(self, y_true, y_pred, sample_weight=None):
        if sample_weight is not None:
            sample_weight = ops.cast(ops.not_equal(sample_weight, 0), "float32")
        self.metric.update_state(y_true, y_pred, sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()

    def get_config(self):
        return {**super().get_config(), "metric": keras.saving.serialize_keras_object(self.metric)}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("metric")), **config)
