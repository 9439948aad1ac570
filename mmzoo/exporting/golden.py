"""Golden vectors: a few samples with the model's answers, for whoever writes a device's code in another language."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import numpy as np

from mmzoo import encoding
from mmzoo.schema import Audio, Category, Image, Number, Schema, Sensors, Text
from mmzoo.schema.columns import FILES
from mmzoo.tasks import task_for

_TEXTS = ("50", "Überholverbot für LKW über 7,5 t", "auf 2 km", "Straße gesperrt – Umleitung über Köln", "STOP", "€ 5")


def golden_samples(schema: Schema, seed: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """About eight raw samples: all missing, partly missing, umlauts, texts cut inside a character, extremes.

    Args:
        schema: the model's schema.
        seed: seed of pictures, sounds and numbers.

    Returns:
        (what it is, raw sample as `Schema.encode` takes it); inputs that have no raw form are left out.
    """
    rng = np.random.default_rng(seed)
    full = [_raw_sample(schema, rng, text) for text in _TEXTS]
    names = list(full[0])
    samples = [("all inputs missing", {}), ("a short text", full[0]), ("umlauts", full[1])]
    samples += [(f"only {name} given", {name: full[2 + i % 4][name]}) for i, name in enumerate(names)]
    samples.append(("every second field missing", _thinned(full[2])))
    samples.append(("long text, cut", full[3]))
    samples.append(("texts cut inside a character, or after as many words as fit", _filled(schema, full[4])))
    for side, word in ((0, "lowest"), (1, "highest")):
        samples.append((f"{word} values", _extreme_sample(schema, side)))
    return samples


def write_golden(schema: Schema, samples: list, expected: dict[str, np.ndarray], folder: pathlib.Path) -> list[str]:
    """Writes golden.npz and golden.json.

    Args:
        schema: the model's schema.
        samples: of `golden_samples`.
        expected: output name -> float32 (N, *shape) of the Keras model for them; of large outputs their task says what
            is kept.
        folder: where to.

    Returns:
        The files' names.
    """
    arrays = encode_golden(schema, samples)
    expected = {
        name: task_for(kind).golden_expected(kind, expected[name]) if kind.is_predicted else expected[name]
        for name, kind in schema.outputs.items()
    }
    np.savez_compressed(
        folder / "golden.npz",
        **{f"input_{name}": array for name, array in arrays.items()},
        **{f"expected_{name}": array for name, array in expected.items()},
    )
    entries = []
    for i, (what, raw) in enumerate(samples):
        entries.append(
            {
                "what": what,
                "raw": {n: v for n, v in raw.items() if not isinstance(schema.inputs[n], FILES)},
                "inputs": {n: _plain(a[i]) for n, a in arrays.items() if not isinstance(schema.inputs[n], FILES)},
                "expected": {name: _plain(array[i]) for name, array in expected.items()},
            }
        )
    about = {
        "about": "What the model answers (float32) for these inputs; null is NaN. Pictures and sounds are in "
        "golden.npz only: input_<name>[i] is the tensor of sample i.",
        "tolerance": {"model_float32.tflite": 1e-5},
        "samples": entries,
    }
    (folder / "golden.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return ["golden.npz", "golden.json"]


def encode_golden(schema: Schema, samples: list) -> dict[str, np.ndarray]:
    """The samples as arrays (N, ...) by input name; inputs that have no raw form are missing."""
    missing = schema.missing()
    rows = [
        {n: encoding.encode(m, raw[n], n) if n in raw else missing[n] for n, m in schema.inputs.items()}
        for _, raw in samples
    ]
    return {name: np.stack([row[name] for row in rows]) for name in schema.inputs}


def _raw_sample(schema, rng, text):
    raw = {}
    for name, modality in schema.inputs.items():
        if isinstance(modality, Image):
            raw[name] = _picture(modality, rng)
        elif isinstance(modality, Audio):
            raw[name] = _sound(modality, rng)
        elif isinstance(modality, Text):
            raw[name] = f"{text} {_known_words(modality, rng)}" if modality.vocabulary else text
        elif isinstance(modality, Sensors):
            raw[name] = {field.name: _value(field, rng) for field in modality.fields}
    return raw


def _known_words(text, rng):
    """A few words of the vocabulary, one of them long enough to be put together from pieces, maybe."""
    words = [piece for piece in text.vocabulary[1:] if piece.isalnum()] or [""]
    return " ".join(str(word) for word in rng.choice(words, 5)) + " " + "".join(str(w) for w in rng.choice(words, 2))


def _picture(image, rng):
    # A coloured slope with a bright disc: no two pixels' neighbourhoods alike, so swapped axes or channels show.
    y, x = np.mgrid[: image.height, : image.width] / max(image.height, image.width)
    disc = (x - rng.uniform(0.3, 0.7)) ** 2 + (y - rng.uniform(0.3, 0.7)) ** 2 < 0.06
    planes = [np.where(disc, rng.uniform(0.5, 1), a * x + (1 - a) * y) for a in rng.uniform(0, 1, image.channels)]
    pixels = np.stack(planes, -1) * 255
    return pixels.astype(np.uint8)


def _sound(audio, rng):
    # A tone that rises, for a second at most, in steps that 16 bits hold exactly and that files can pack.
    count = min(audio.samples, audio.sample_rate)
    low, high = np.sort(rng.uniform(0.01, 0.4, 2))
    phase = np.cumsum(np.linspace(low, high, count)) * np.pi
    return (np.round(rng.uniform(30, 120) * np.sin(phase)) / 128).astype(np.float32)


def _value(field, rng):
    if isinstance(field, Category):
        return str(rng.choice(field.categories))
    if isinstance(field, Number):
        return round(float(rng.uniform(field.minimum, field.maximum)), 2)
    return float(rng.integers(0, 360)) if hasattr(field, "unit") else "2026-11-23"


def _thinned(raw):
    thinned = {name: dict(list(value.items())[::2]) for name, value in raw.items() if isinstance(value, dict)}
    return {**raw, **thinned}


def _filled(schema, raw):
    # Of bytes one short of full, then a character of two bytes that must go as a whole; else more words than fit.
    texts = {}
    for name, modality in schema.inputs.items():
        if name in raw and isinstance(modality, Text):
            is_bytes = modality.tokenizer == "bytes"
            texts[name] = "x" * (modality.length - 1) + "ß" if is_bytes else "Straße 7 " * modality.length
    return {**raw, **texts}


def _extreme_sample(schema, side):
    raw = {}
    for name, modality in schema.inputs.items():
        if isinstance(modality, Image):
            raw[name] = np.full(modality.shape, (1, 255)[side], np.uint8)
        elif isinstance(modality, Audio):
            raw[name] = np.full(modality.shape, (-1.0, 1.0 - 2.0**-15)[side], np.float32)
        elif isinstance(modality, Text):
            raw[name] = ("\x01", "\U0010ffff" * modality.length)[side]
        elif isinstance(modality, Sensors):
            raw[name] = {field.name: _extreme_value(field, side) for field in modality.fields}
    return raw


def _extreme_value(field, side):
    if isinstance(field, Category):
        return field.categories[-1 if side else 0]
    if isinstance(field, Number):
        return field.extremes[side]
    return (0.0, 359.0)[side] if hasattr(field, "unit") else ("1970-01-01", "2069-12-31")[side]


def _plain(array):
    return [None if isinstance(v, float) and math.isnan(v) else v for v in array.ravel().tolist()]
