"""From sensor values in their own units to features a dense layer can work with, NaN-aware."""

from __future__ import annotations

import dataclasses
import math

import keras
import numpy as np
from keras import ops

from mmzoo import schema as schema_lib

# Beyond this many standard deviations a value says no more than "extreme".
CLIP = 5.0


@keras.saving.register_keras_serializable(package="mmzoo")
class SensorEncoder(keras.layers.Layer):
    """Turns a row of fields into features, field by field, always in float32.

    Number and Date: the normalised value, 0 where missing. Angle: sine and cosine, 0 where missing. Category: one-hot,
    all 0 where missing or outside the list. Each field adds a flag that is 1 where it is missing. Mean and standard
    deviation are weights: until `adapt` they follow from the schema's ranges, as if values were spread evenly between.

    Args:
        fields: the schema's fields, as `Number`, `Angle`, `Category` or `Date` objects or their config dicts.

    Input: float32 (B, len(fields)). Output: float32 (B, features).
    """

    def __init__(self, fields, **kwargs):
        # A latitude under float16 loses half its meaning, whatever the global policy.
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.fields = tuple(_field(field) for field in fields)

    def build(self, input_shape):
        if input_shape[-1] != len(self.fields):
            raise ValueError(
                f"expected {len(self.fields)} fields in the last dimension, got shape {tuple(input_shape)}"
            )
        low, high = np.array([field.extremes for field in self.fields], np.float32).T
        spread = np.maximum((high - low) / math.sqrt(12.0), 1e-6)
        self.mean = self._statistic("mean", (low + high) / 2)
        self.deviation = self._statistic("deviation", spread)

    def _statistic(self, name, values):
        return self.add_weight(
            name=name,
            shape=values.shape,
            trainable=False,
            initializer=lambda shape, dtype: ops.convert_to_tensor(values, dtype),
        )

    def adapt(self, rows):
        """Sets mean and deviation of the number fields from data.

        Args:
            rows: float array (N, len(fields)); NaN is left out. A field that is missing in all rows, or constant,
                keeps the deviation it has.
        """
        rows = np.asarray(rows, np.float64)
        if rows.ndim != 2 or rows.shape[1] != len(self.fields):
            raise ValueError(f"expected rows of {len(self.fields)} fields, got an array of shape {rows.shape}")
        mean, deviation = np.array(self.mean, np.float32), np.array(self.deviation, np.float32)
        for column, field in enumerate(self.fields):
            values = rows[:, column][np.isfinite(rows[:, column])]
            if isinstance(field, (schema_lib.Number, schema_lib.Date)) and values.size:
                mean[column] = values.mean()
                if values.std() > 1e-6:
                    deviation[column] = values.std()
        self.mean.assign(mean)
        self.deviation.assign(deviation)

    def call(self, inputs):
        features = []
        for column, field in enumerate(self.fields):
            value = inputs[:, column : column + 1]
            missing = ops.isnan(value)
            if isinstance(field, schema_lib.Category):
                count = len(field.categories)
                missing = ops.logical_or(missing, ops.logical_or(value < 0.0, value > count - 1.0))
                index = ops.cast(ops.where(missing, float(count), value), "int32")
                # Row `count` is all zeros. LiteRT's own ONE_HOT goes wrong silently under int8.
                table = ops.convert_to_tensor(np.eye(count + 1, count, dtype=np.float32))
                features.append(ops.take(table, ops.squeeze(index, 1), axis=0))
            elif isinstance(field, schema_lib.Angle):
                radians = ops.where(missing, 0.0, value) * (math.pi / 180.0)
                given = 1.0 - ops.cast(missing, "float32")
                features += [ops.sin(radians) * given, ops.cos(radians) * given]
            else:
                mean, deviation = self.mean[column : column + 1], self.deviation[column : column + 1]
                normalised = (ops.where(missing, mean, value) - mean) / deviation
                features.append(ops.clip(normalised, -CLIP, CLIP))
            features.append(ops.cast(missing, "float32"))
        return ops.concatenate(features, axis=1)

    def compute_output_shape(self, input_shape):
        extra = {schema_lib.Category: lambda f: len(f.categories), schema_lib.Angle: lambda f: 2}
        return input_shape[0], sum(1 + extra.get(type(f), lambda f: 1)(f) for f in self.fields)

    def get_config(self):
        fields = [{"kind": type(field).__name__, **dataclasses.asdict(field)} for field in self.fields]
        return {**super().get_config(), "fields": fields}


def _field(field):
    if isinstance(field, schema_lib.Field):
        return field
    kinds = {
        kind.__name__: kind for kind in (schema_lib.Number, schema_lib.Angle, schema_lib.Category, schema_lib.Date)
    }
    config = dict(field)
    return kinds[config.pop("kind")](**config)
