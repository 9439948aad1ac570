"""Normalisation of the sensors and of the values to predict from the training data, where nobody has set it yet."""

from __future__ import annotations

import numpy as np

from mmzoo.fusion.head import value_scaling_name
from mmzoo.layers import SensorEncoder, ValueScaling
from mmzoo.schema import Value

# Mean and deviation of a field are known well enough after this many samples.
ADAPT_SAMPLES = 20_000


def unadapted_sensors(model) -> list[str]:
    """Names of the sensor and series inputs whose normalisation is the schema's: neither adapted nor pretrained."""
    return [
        name
        for name, modality in model.schema.inputs.items()
        if modality.fields and _is_default(model, f"{name}_encoder", SensorEncoder, len(modality.fields))
    ]


def unadapted_values(model) -> list[str]:
    """Names of the `Value` outputs whose scale is still the schema's default."""
    return [
        name
        for name, kind in model.schema.outputs.items()
        if isinstance(kind, Value) and _is_default(model, value_scaling_name(name), ValueScaling, 1)
    ]


def _is_default(model, name, kind, features):
    layers = {layer.name: layer for layer in model.layers}
    if not isinstance(layers.get(name), kind):
        return False
    layer = layers[name]
    fresh = kind.from_config(layer.get_config())
    fresh.build((None, features))
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(layer.get_weights(), fresh.get_weights(), strict=True)
    )


def adapt_sensors(model, arrays: dict) -> None:
    """Sets the normalisation of every sensor and series input from data.

    Args:
        model: the model.
        arrays: input name -> float array (N, fields) or (N, steps, fields) for inputs with fields; others are left out.
    """
    for name, modality in model.schema.inputs.items():
        if modality.fields and name in arrays:
            model.get_layer(f"{name}_encoder").adapt(arrays[name])


def adapt_from(model, batches) -> list[str]:
    """Adapts the sensor and series inputs and the values to predict that still have the default normalisation.

    Args:
        model: the model.
        batches: `Batches` of the training data; up to `ADAPT_SAMPLES` samples are read.

    Returns:
        The names of the inputs and outputs adapted.
    """
    sensors, values = unadapted_sensors(model), unadapted_values(model)
    names = [*sensors, *values]
    if not names:
        return []
    rows: dict[str, list] = {name: [] for name in names}
    count = 0
    for inputs, targets, *_ in batches.peek(batches.steps):
        for name in names:
            rows[name].append((inputs if name in inputs else targets)[name])
        count += len(rows[names[0]][-1])
        if count >= ADAPT_SAMPLES:
            break
    arrays = {name: np.concatenate(parts)[:ADAPT_SAMPLES] for name, parts in rows.items()}
    adapt_sensors(model, {name: arrays[name] for name in sensors})
    for name in values:
        model.get_layer(value_scaling_name(name)).adapt(arrays[name])
    return names
