"""Normalisation of the sensors from the training data, where nobody has set it yet."""

from __future__ import annotations

import numpy as np

from mmzoo.layers import SensorEncoder
from mmzoo.models.schema_model import adapt_sensors
from mmzoo.schema import Sensors

# Mean and deviation of a field are known well enough after this many samples.
ADAPT_SAMPLES = 20_000


def unadapted_sensors(model) -> list[str]:
    """Names of the sensor inputs whose normalisation is still the schema's default: neither adapted nor pretrained."""
    return [
        name
        for name, modality in model.schema.inputs.items()
        if isinstance(modality, Sensors) and _is_default(model, f"{name}_encoder")
    ]


def _is_default(model, name):
    layers = {layer.name: layer for layer in model.layers}
    if not isinstance(layers.get(name), SensorEncoder):
        return False
    layer = layers[name]
    fresh = SensorEncoder.from_config(layer.get_config())
    fresh.build((None, len(layer.fields)))
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(layer.get_weights(), fresh.get_weights(), strict=True)
    )


def adapt_from(model, batches) -> list[str]:
    """Adapts the sensor inputs that still have the default normalisation.

    Args:
        model: the model.
        batches: `Batches` of the training data; up to `ADAPT_SAMPLES` samples are read.

    Returns:
        The names of the inputs adapted.
    """
    names = unadapted_sensors(model)
    if not names:
        return []
    rows: dict[str, list] = {name: [] for name in names}
    count = 0
    for inputs, *_ in batches.peek(batches.steps):
        for name in names:
            rows[name].append(inputs[name])
        count += len(rows[names[0]][-1])
        if count >= ADAPT_SAMPLES:
            break
    adapt_sensors(model, {name: np.concatenate(parts)[:ADAPT_SAMPLES] for name, parts in rows.items()})
    return names
