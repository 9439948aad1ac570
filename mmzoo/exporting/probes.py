"""Inputs that a written file is tried on: random, empty, extreme, and with every subset of the inputs missing."""

from __future__ import annotations

import itertools
import math

import numpy as np

from mmzoo import encoding
from mmzoo.schema import Audio, Category, History, Image, Schema, Sensors, Sequence, Text, Video

# 2^6 subsets; of models with more inputs only the subsets of at most one missing or one given input are tried.
MOST_INPUTS_FOR_ALL_SUBSETS = 6
LAST_CHARACTER = "\U0010ffff"
# Calibration samples whose texts and histories reach the last step.
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
    return {name: _random(modality, count, rng) for name, modality in schema.inputs.items()}


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
    """The subsets of inputs that are hidden in turn, from none to all."""
    names = list(schema.inputs)
    sizes = range(len(names) + 1)
    if len(names) > MOST_INPUTS_FOR_ALL_SUBSETS:
        sizes = (0, 1, len(names) - 1, len(names))
    return [subset for size in sizes for subset in itertools.combinations(names, size)]


def calibration_samples(schema: Schema, samples: Arrays, count: int = 128, seed: int = 0) -> Arrays:
    """What static quantization sees: real samples as they are, with every subset of inputs and each field missing, and
    with texts and histories of full length.

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
            rows.append({n: encoding.missing(schema.inputs[n]) if n in subset else row[n] for n in row})
    rows += _split(_missing_fields(schema, samples)) if _fields(schema) else []
    names = [name for name, modality in schema.inputs.items() if isinstance(modality, (Text, History))]
    for _ in range(FULL_LENGTH if names else 0):
        row = _row(samples, rng.integers(total))
        rows.append({**row, **{name: _full_length(samples[name], rng) for name in names}})
    return _rows(rows)


def _full_length(ids, rng):
    """The ids of some samples, one behind another, cut to the full length; ones where all samples are missing."""
    length = ids.shape[1]
    given = ids[rng.permutation(len(ids))[:length]]
    given = given[given != 0]
    return np.resize(given, length) if given.size else np.ones(length, ids.dtype)


def _missing_inputs(schema, samples):
    total = len(next(iter(samples.values())))
    rows = []
    for number, subset in enumerate(subsets_of_inputs(schema)):
        row = _row(samples, number % total)
        rows.append({name: encoding.missing(schema.inputs[name]) if name in subset else row[name] for name in row})
    return _rows(rows)


def _missing_fields(schema, samples):
    rows = []
    for name, column in _fields(schema):
        row = _row(samples, len(rows) % len(samples[name]))
        row[name][..., column] = np.nan
        rows.append(row)
    return _rows(rows)


def _extremes(schema, samples):
    rows = [{name: _extreme(modality, side) for name, modality in schema.inputs.items()} for side in (0, 1)]
    for name, column in _fields(schema):
        for side in (0, 1):
            row = _row(samples, len(rows) % len(samples[name]))
            row[name][..., column] = schema.inputs[name].fields[column].extremes[side]
            rows.append(row)
    return _rows(rows)


def _extreme(modality, side):
    if isinstance(modality, (Image, Video)):
        return np.full(modality.shape, (1, 255)[side], modality.dtype)
    if isinstance(modality, Text):
        if modality.tokenizer == "bytes":
            return encoding.encode_text(modality, ("\x01", LAST_CHARACTER)[side] * modality.length, "text")
        return np.full(modality.shape, (1, modality.vocabulary_size - 1)[side], modality.dtype)
    if isinstance(modality, History):
        return np.full(modality.shape, (1, modality.items)[side], modality.dtype)
    if isinstance(modality, Audio):
        return np.full(modality.shape, (-1.0, 1.0)[side], modality.dtype)
    return np.broadcast_to(
        np.array([field.extremes[side] for field in modality.fields], modality.dtype), modality.shape
    ).copy()


def _random(modality, count, rng):
    shape = (count, *modality.shape)
    if isinstance(modality, (Image, Video)):
        return rng.integers(0, 256, shape).astype(modality.dtype)
    if isinstance(modality, (Text, History)):
        low, high = 1, modality.items + 1 if isinstance(modality, History) else modality.vocabulary_size
        if isinstance(modality, Text) and modality.tokenizer == "bytes":
            low, high = 32, 127
        ids = rng.integers(low, high, shape)
        lengths = rng.integers(1, modality.length + 1, (count, 1))
        return np.where(np.arange(modality.length) < lengths, ids, 0).astype(modality.dtype)
    if isinstance(modality, (Sensors, Sequence)):
        columns = [_random_field(field, shape[:-1], rng) for field in modality.fields]
        return np.stack(columns, axis=-1).astype(modality.dtype)
    return rng.uniform(-1.0, 1.0, shape).astype(modality.dtype)


def _random_field(field, shape, rng):
    if isinstance(field, Category):
        return rng.integers(0, len(field.categories), shape)
    return rng.uniform(*field.extremes, shape)


def _fields(schema):
    return [
        (name, column)
        for name, modality in schema.inputs.items()
        if isinstance(modality, (Sensors, Sequence))
        for column in range(len(modality.fields))
    ]


def _row(samples, index):
    return {name: array[index].copy() for name, array in samples.items()}


def _split(arrays):
    return [_row(arrays, i) for i in range(len(next(iter(arrays.values()))))]


def _rows(rows):
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}
