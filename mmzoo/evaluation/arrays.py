"""Arrays from data of either kind, and from arrays what a model says."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.schema import Schema
from mmzoo.tasks import task_for

MOST_BATCH_BYTES = 8_000_000


def gather(data, schema: Schema) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Collects samples in memory.

    Args:
        data: (inputs, targets) as dicts of arrays, or an iterable of such batches that ends.
        schema: names the inputs and outputs; an input that the data lacks is missing in all samples, a state at its
            start, noise drawn, the same at each call.

    Returns:
        (inputs, targets), each name -> array (N, ...).

    Raises:
        ValueError: an output without targets, an unknown input, or arrays of different length.
    """
    if isinstance(data, tuple) and len(data) in (2, 3) and isinstance(data[0], Mapping):
        batches = [data]
    else:
        batches = list(data)
    if not batches:
        raise ValueError("the data holds no batch")
    inputs = {name: _join(batches, 0, name) for name in batches[0][0]}
    targets = {name: _join(batches, 1, name) for name in _named(batches[0][1], schema)}
    unknown = [name for name in inputs if name not in schema.inputs]
    absent = [name for name in schema.predicted if name not in targets]
    if unknown:
        raise ValueError(f"unknown input {unknown[0]!r}; the inputs are {list(schema.inputs)}")
    if absent:
        raise ValueError(f"no targets for output {absent[0]!r}; the data has {list(targets)}")
    lengths = {name: len(array) for name, array in {**inputs, **targets}.items()}
    if len(set(lengths.values())) != 1:
        raise ValueError(f"arrays of different length: {lengths}")
    count = next(iter(lengths.values()))
    return schema.completed(inputs, count, np.random.default_rng(0)), targets


def predict_arrays(model, inputs: Mapping[str, np.ndarray], batch_size: int = 512) -> dict[str, np.ndarray]:
    """What `model.predict` gives for arrays, without a tf.data pipeline for each call: for many calls on few samples.

    Args:
        model: a model with a schema.
        inputs: input name -> array (N, ...), N > 0; those left out are missing, noise is the same at each call.
        batch_size: samples a step; of large pictures fewer, whose feature maps would take gigabytes.

    Returns:
        Output name -> (N, ...), of each batch what its task keeps (`Task.reduce`): the output itself, float
        (N, *shape), but for large ones.
    """
    count = len(next(iter(inputs.values())))
    inputs = model.schema.completed(inputs, count, np.random.default_rng(0))
    outputs, tensors = model.schema.predicted, model.schema.to_tensors(inputs)
    largest = max(array[:1].nbytes for array in inputs.values())
    batch_size = max(1, min(batch_size, MOST_BATCH_BYTES // max(largest, 1)))
    batches = []
    for start in range(0, count, batch_size):
        batch = model.predict_on_batch({name: array[start : start + batch_size] for name, array in tensors.items()})
        batch = model.schema.from_tensors(batch)
        batches.append({name: task_for(kind).reduce(kind, np.asarray(batch[name])) for name, kind in outputs.items()})
    return {name: np.concatenate([batch[name] for batch in batches]) for name in outputs}


def _named(target, schema):
    return target if isinstance(target, Mapping) else {next(iter(schema.predicted)): target}


def _join(batches, part, name):
    arrays = [np.asarray(batch[part][name] if isinstance(batch[part], Mapping) else batch[part]) for batch in batches]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
