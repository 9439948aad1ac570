"""The mean of the classes' recalls, while training."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class BalancedAccuracy(keras.metrics.Metric):
    """Each class counts the same, however rare; classes that do not occur are left out.

    Args:
        num_classes: number of classes.
        name: of the metric.

    Call arguments:
        y_true: float (B, classes), one-hot; a row of zeros has no target.
        y_pred: float (B, classes).
        sample_weight: float (B,), or None.
    """

    def __init__(self, num_classes: int, name: str = "balanced_accuracy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self._found = self.add_variable((num_classes,), "zeros", name="found")
        self._count = self.add_variable((num_classes,), "zeros", name="count")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth = ops.one_hot(ops.argmax(y_true, axis=-1), self.num_classes, dtype="float32")
        truth *= ops.cast(ops.any(y_true > 0, axis=-1, keepdims=True), "float32")
        if sample_weight is not None:
            truth *= ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
        guess = ops.one_hot(ops.argmax(y_pred, axis=-1), self.num_classes, dtype="float32")
        self._found.assign_add(ops.sum(truth * guess, axis=0))
        self._count.assign_add(ops.sum(truth, axis=0))

    def result(self):
        occurs = ops.cast(self._count > 0, "float32")
        return ops.sum(self._found / ops.maximum(self._count, 1e-7) * occurs) / ops.maximum(ops.sum(occurs), 1.0)

    def get_config(self):
        return {**super().get_config(), "num_classes": self.num_classes}
