"""Real samples for calibration and parity: drawn from any number of batches, checked against the schema."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.schema import Schema

Arrays = dict[str, np.ndarray]

# Without targets there is only agreement to measure, which needs fewer samples than a metric does.
WITH_TARGETS, WITHOUT_TARGETS = 2000, 512
# What the outputs of all samples may take, of each file and of the Keras model; and samples there are in any case.
_MOST_BYTES, _LEAST = 256_000_000, 64


def collect_samples(
    samples: Iterable | None, schema: Schema, *, limit: int | None = None, seed: int = 0
) -> tuple[Arrays, Arrays]:
    """Draws samples evenly from batches, so that data sorted by class serves as well.

    Args:
        samples: batches, each {input: array (N, ...)} or a tuple of that and {output: targets}; a `tf.data.Dataset`,
            a list, any iterable that ends. States and noise may be left out: they are at their start, or drawn.
        schema: the model's schema.
        limit: at most so many; None: 2,000 with targets and 512 without. Of large outputs, such as sentences of many
            possible words, there are fewer.
        seed: seed of the draw.

    Returns:
        (inputs, targets): input name -> array (M, ...) of the schema's dtype; output name -> array (M, ...), empty
        where the batches have no targets. Both empty for `samples=None`.

    Raises:
        ValueError: no samples at all, an endless data set, or a batch that doesn't fit the schema; the message has the
            batch's number, the key, what was expected and what came.
    """
    if samples is None:
        return {}, {}
    if isinstance(samples, Mapping):
        samples = [samples]
    if getattr(samples, "cardinality", None) is not None and int(samples.cardinality()) == -1:
        raise ValueError("samples: an endless data set (repeat()); give one that ends, such as dataset.take(20)")
    rng = np.random.default_rng(seed)
    kept: list[tuple[Arrays, Arrays]] = []
    seen = 0
    for number, batch in enumerate(samples):
        inputs, targets = _checked(batch, schema, number)
        if number == 0:
            limit = limit or (WITH_TARGETS if targets else WITHOUT_TARGETS)
            limit = min(limit, max(_LEAST, _MOST_BYTES // _output_bytes(schema)))
            outputs = list(targets)
        elif list(targets) != outputs:
            raise ValueError(f"samples: batch {number} has targets {list(targets)}, the first one had {outputs}")
        count = len(next(iter(inputs.values())))
        # Reservoir sampling (Vitter 1985): every sample has the same chance, whatever their number.
        places = rng.integers(0, np.arange(seen, seen + count) + 1)
        for i in range(count):
            place = seen + i if seen + i < limit else int(places[i])
            if place < limit:
                row = {n: a[i] for n, a in inputs.items()}, {n: a[i] for n, a in targets.items()}
                kept[place : place + 1] = [row]
        seen += count
    if not kept:
        raise ValueError("samples: holds no samples; give at least one, or None to export without")
    return tuple({name: np.stack([row[part][name] for row in kept]) for name in kept[0][part]} for part in (0, 1))


def _output_bytes(schema: Schema) -> int:
    return sum(4 * math.prod(output.shape) for output in schema.outputs.values())


def _checked(batch: Any, schema: Schema, number: int) -> tuple[Arrays, Arrays]:
    inputs, targets = (batch[0], batch[1]) if isinstance(batch, (tuple, list)) and len(batch) > 1 else (batch, {})
    if isinstance(inputs, (tuple, list)) and len(inputs) == 1:
        inputs = inputs[0]
    place = f"samples: batch {number}"
    if not isinstance(inputs, Mapping) or not set(schema.given) <= set(inputs) <= set(schema.inputs):
        got = sorted(inputs) if isinstance(inputs, Mapping) else type(inputs).__name__
        raise ValueError(
            f"{place}: expected a dict of the inputs {sorted(schema.inputs)}, or a tuple of that and the targets, "
            f"got {got}"
        )
    arrays = {name: _checked_input(np.asarray(inputs[name]), schema, name, place) for name in inputs}
    sizes = {name: len(array) for name, array in arrays.items()}
    if targets is None:
        targets = {}
    if not isinstance(targets, Mapping):
        targets = {next(iter(schema.predicted)): targets}
    unknown = [name for name in targets if name not in schema.predicted]
    if unknown:
        raise ValueError(f"{place}: target {unknown[0]!r} is no output; the outputs are {list(schema.predicted)}")
    goals = {name: np.asarray(array) for name, array in targets.items()}
    sizes |= {f"target {name}": len(array) for name, array in goals.items()}
    if len(set(sizes.values())) != 1:
        raise ValueError(f"{place}: the arrays differ in length: {sizes}")
    return schema.completed(arrays, max(sizes.values()), np.random.default_rng(number)), goals


def _checked_input(array, schema, name, place):
    modality = schema.inputs[name]
    if array.shape[1:] != modality.shape or array.ndim == 0:
        raise ValueError(
            f"{place}: {name!r} has shape {array.shape}, expected (N, {', '.join(map(str, modality.shape))})"
        )
    if not np.can_cast(array.dtype, modality.dtype, "same_kind"):
        raise ValueError(f"{place}: {name!r} is {array.dtype}, expected {modality.dtype}")
    modality.check(array, f"{place}: {name!r}")
    return array.astype(modality.dtype, copy=False)
