"""Sensor branch: numbers, angles and categories through a small dense network."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.features import Features
from mmzoo.layers import SensorEncoder
from mmzoo.schema import Sensors


def sensor_branch(values, sensors: Sensors, *, width: int = 64, units: int = 32, name: str = "sensors") -> Features:
    """Encodes a row of fields.

    Args:
        values: float32 (B, F) in the fields' own units, NaN where missing.
        sensors: the schema's description of the fields.
        width: width of the features.
        units: units of the hidden layer.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features with one token; present if any field is.
    """
    present = ops.logical_not(ops.all(ops.isnan(values), axis=1, keepdims=True))
    x = SensorEncoder(sensors.fields, name=f"{name}_encoder")(values)
    x = layers.Dense(units, activation="relu", name=f"{name}_dense")(x)
    vector = layers.Dense(width, name=f"{name}_vector")(x)
    return Features(ops.expand_dims(vector, 1), present, vector, present)
