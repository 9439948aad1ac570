"""Normalisation of the sensors and of the values to predict from the training data, where nobody has set it yet."""

from __future__ import annotations

import numpy as np

from mmzoo.layers import SensorEncoder
from mmzoo.schema import Sensors
from mmzoo.tasks import task_for

# Mean and deviation of a field are known well enough after this many samples.
ADAPT_SAMPLES = 20_000


def unadapted_sensors(model) -> list[str]:
    """Names of the sensor inputs whose normalisation is still the schema's default: neither adapted nor pretrained."""
    return [
        name
        for name, modality in model.schema.inputs.items()
        if isinstance(modality, Sensors) and _has_default_encoder(model, name, modality)
    ]


def unadapted_values(model) -> list[str]:
    """Names of the outputs whose scale, of a `Value`, is still the schema's default."""
    scalings = {name: task_for(kind).scaling(model, name, kind) for name, kind in model.schema.predicted.items()}
    shapes = {name: kind.shape for name, kind in model.schema.predicted.items()}
    return [name for name, layer in scalings.items() if layer is not None and _is_default(layer, shapes[name])]


def _has_default_encoder(model, name, modality):
    layer = {layer.name: layer for layer in model.layers}.get(f"{name}_encoder")
    return isinstance(layer, SensorEncoder) and _is_default(layer, modality.shape)


def _is_default(layer, shape):
    fresh = type(layer).from_config(layer.get_config())
    fresh.build((None, *shape))
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(layer.get_weights(), fresh.get_weights(), strict=True)
    )


def adapt_sensors(model, arrays: dict) -> None:
    """Sets the normalisation of every sensor input from data.

    Args:
        model: the model.
        arrays: input name -> float array (N, fields) for each `Sensors` input; others are left out.
    """
    for name, modality in model.schema.inputs.items():
        if isinstance(modality, Sensors) and name in arrays:
            model.get_layer(f"{name}_encoder").adapt(arrays[name])


def adapt_from(model, batches) -> list[str]:
    """Adapts the sensor inputs and the values to predict that still have the default normalisation.

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
    for inputs, targets, weights in batches.peek(batches.steps):
        for name in names:
            # In place of a missing target stands something else, of weight 0.
            rows[name].append(inputs[name] if name in inputs else targets[name][weights[name] > 0])
        count += len(next(iter(inputs.values())))
        if count >= ADAPT_SAMPLES:
            break
    arrays = {name: np.concatenate(parts)[:ADAPT_SAMPLES] for name, parts in rows.items()}
    adapt_sensors(model, {name: arrays[name] for name in sensors})
    for name in values:
        kind = model.schema.outputs[name]
        task_for(kind).scaling(model, name, kind).adapt(arrays[name])
    return names
