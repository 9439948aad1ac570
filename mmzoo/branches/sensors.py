"""Sensor branch: numbers, angles and categories through a small dense network."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.layers import FieldTokens, SensorEncoder
from mmzoo.schema import Sensors


def sensor_branch(
    values, sensors: Sensors, *, width: int = 64, units: int = 32, tokens: bool = False, name: str = "sensors"
) -> Features:
    """Encodes a row of fields.

    Args:
        values: float32 (B, F) in the fields' own units, NaN where missing.
        sensors: the schema's description of the fields.
        width: width of the features.
        units: units of the hidden layer.
        tokens: give one token a field.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features; present if any field is.
    """
    missing = ops.isnan(values)
    present = ops.logical_not(ops.all(missing, axis=1, keepdims=True))
    encoder = SensorEncoder(sensors.fields, name=f"{name}_encoder")
    encoded = encoder(values)
    x = layers.Dense(units, activation="relu", name=f"{name}_dense")(encoded)
    vector = layers.Dense(width, name=f"{name}_vector")(x)
    if not tokens:
        return Features(None, None, vector, present)
    fields = FieldTokens(encoder.features_of_fields(), width, name=f"{name}_tokens")(encoded)
    return Features(fields, ops.logical_not(missing), vector, present)
