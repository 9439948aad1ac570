"""What a model adapts to its data before the training: the normalisation of inputs, the scale of outputs.

Layers say by `adapts_to` what their `adapt` is given, see `mmzoo.layers`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.layers.graph import adapting_layers

# Mean and deviation of a field are known well enough after this many samples.
ADAPT_SAMPLES = 20_000


def adapt(model, arrays: Mapping[str, np.ndarray]) -> None:
    """Adapts the layers of some inputs and outputs.

    Args:
        model: the model.
        arrays: name of an input or output -> its data, (N, ...); names that nothing adapts to are left out.
    """
    for name, layers in adapting_layers(model).items():
        for layer in layers if name in arrays else ():
            layer.adapt(arrays[name])


def adapt_from(model, batches) -> list[str]:
    """Adapts the layers that still are as they were made: neither adapted nor pretrained.

    Args:
        model: the model.
        batches: `Batches` of the training data; up to `ADAPT_SAMPLES` samples are read.

    Returns:
        The names of the inputs and outputs adapted.
    """
    fresh = {name: [layer for layer in layers if _is_fresh(layer)] for name, layers in adapting_layers(model).items()}
    names = [name for name in (*model.schema.inputs, *model.schema.outputs) if fresh.get(name)]
    if not names:
        return []
    rows: dict[str, list] = {name: [] for name in names}
    count = 0
    for batch in batches.peek(batches.steps):
        inputs, targets, weights = (model.schema.from_tensors(part) for part in batch)
        for name in names:
            # In place of a missing target stands something else, of weight 0.
            rows[name].append(inputs[name] if name in inputs else targets[name][weights[name] > 0])
        count += len(next(iter(inputs.values())))
        if count >= ADAPT_SAMPLES:
            break
    for name in names:
        for layer in fresh[name]:
            layer.adapt(np.concatenate(rows[name])[:ADAPT_SAMPLES])
    return names


def _is_fresh(layer):
    fresh = type(layer).from_config(layer.get_config())
    fresh.build_from_config(layer.get_build_config())
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(layer.get_weights(), fresh.get_weights(), strict=True)
    )
