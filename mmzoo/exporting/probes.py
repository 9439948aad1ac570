"""Inputs that a written file is tried on: random, empty, extreme, and with every subset of the inputs missing."""

from __future__ import annotations

import itertools
import math

import numpy as np

from mmzoo.schema import Schema

# 2^6 subsets; of models with more inputs only the subsets of at most one missing or one given input are tried.
MOST_INPUTS_FOR_ALL_SUBSETS = 6
# Calibration samples whose texts and series fill every step.
FULL_LENGTH = 16

Arrays = dict[str, np.ndarray]


def random_samples(schema: Schema, count: int, seed: int = 0) -> Arrays:
    """Samples that are valid but mean nothing: evenly spread pixels, printable texts, values within their ranges.

    Args:
        schema: the model's schema.
        count: number of samples.
        seed: seed of the draws.

    Returns:
        Input name -> array (count, ...) of the modality's shape and dtype; nothing is missing.
    """
    rng = np.random.default_rng(seed)
    return {name: modality.random(count, rng) for name, modality in schema.inputs.items()}


def probe_sets(schema: Schema, samples: Arrays, seed: int = 0) -> dict[str, Arrays]:
    """The sets of inputs beside the real ones that every file must get right.

    Args:
        schema: the model's schema.
        samples: some samples, real or random, whose inputs are hidden in turn; input name -> array (N, ...), N >= 1.
        seed: seed of the random set.

    Returns:
        Set name -> input name -> array: "random"; "all_zero"; "all_missing"; "extremes" (every input at its lowest and
        at its highest, and each sensor field for itself); "missing_inputs" (every subset); "missing_fields" (each field
        for itself).
    """
    return {
        "random": random_samples(schema, 64, seed),
        "all_zero": {name: np.zeros((1, *m.shape), m.dtype) for name, m in schema.inputs.items()},
        "all_missing": _rows([schema.missing()]),
        "extremes": _extremes(schema, samples),
        "missing_inputs": _missing_inputs(schema, samples),
        **({"missing_fields": _missing_fields(schema, samples)} if _fields(schema) else {}),
    }


def subsets_of_inputs(schema: Schema) -> list[tuple[str, ...]]:
    """The subsets of inputs that are hidden in turn, from none to all; states and noise never are."""
    names = list(schema.given)
    sizes = range(len(names) + 1)
    if len(names) > MOST_INPUTS_FOR_ALL_SUBSETS:
        sizes = (0, 1, len(names) - 1, len(names))
    return [subset for size in sizes for subset in itertools.combinations(names, size)]


def calibration_samples(schema: Schema, samples: Arrays, count: int = 128, seed: int = 0) -> Arrays:
    """What static quantization sees: real samples as they are, with every subset of inputs and each field missing, and
    with texts and series of full length.

    A step of an unrolled network that no sample reaches would get the range 0..0: whatever came there on the device
    would be cut off to nothing, and XNNPACK leaves operators without a range to slow ones.

    Args:
        schema: the model's schema.
        samples: real samples, input name -> array (N, ...), N >= 1.
        count: how many of them to use as they are; as many again, at least, get something hidden.
        seed: seed of the choice.

    Returns:
        Input name -> array (M, ...).
    """
    rng = np.random.default_rng(seed)
    total = len(next(iter(samples.values())))
    chosen = rng.permutation(total)[:count]
    rows = [_row(samples, i) for i in chosen]
    hidden = subsets_of_inputs(schema)
    for _ in range(max(1, math.ceil(count / len(hidden)))):
        for subset in hidden:
            row = _row(samples, rng.integers(total))
            rows.append(_hidden(schema, row, subset))
    rows += _split(_missing_fields(schema, samples)) if _fields(schema) else []
    steps = [name for name, modality in schema.inputs.items() if modality.full(samples[name], _rng()) is not None]
    for _ in range(FULL_LENGTH if steps else 0):
        row = _row(samples, rng.integers(total))
        rows.append({**row, **{name: schema.inputs[name].full(samples[name], rng) for name in steps}})
    return _rows(rows)


def _rng():
    return np.random.default_rng(0)


def _hidden(schema, row, names):
    return {name: schema.inputs[name].missing() if name in names else array for name, array in row.items()}


def _missing_inputs(schema, samples):
    total = len(next(iter(samples.values())))
    rows = []
    for number, subset in enumerate(subsets_of_inputs(schema)):
        rows.append(_hidden(schema, _row(samples, number % total), subset))
    return _rows(rows)


def _missing_fields(schema, samples):
    rows = []
    for name, column in _fields(schema):
        row = _row(samples, len(rows) % len(samples[name]))
        row[name][..., column] = np.nan
        rows.append(row)
    return _rows(rows)


def _extremes(schema, samples):
    rows = [{name: modality.extreme(side) for name, modality in schema.inputs.items()} for side in (0, 1)]
    for name, column in _fields(schema):
        for side in (0, 1):
            row = _row(samples, len(rows) % len(samples[name]))
            row[name][..., column] = schema.inputs[name].fields[column].extremes[side]
            rows.append(row)
    return _rows(rows)


def _fields(schema):
    return [(name, column) for name, modality in schema.inputs.items() for column in range(len(modality.fields))]


def _row(samples, index):
    return {name: array[index].copy() for name, array in samples.items()}


def _split(arrays):
    return [_row(arrays, i) for i in range(len(next(iter(arrays.values()))))]


def _rows(rows):
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
