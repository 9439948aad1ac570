"""Golden vectors: a few samples with the model's answers, for whoever writes a device's code in another language."""

from __future__ import annotations

import json
import math
import pathlib
from typing import Any

import numpy as np

from mmzoo.schema import Schema
from mmzoo.tasks import task_for

# So many whole samples are drawn, from which all others are made.
_DRAWN = 6
# Arrays of more numbers are in golden.npz only.
_MOST_LISTED = 2_000


def golden_samples(schema: Schema, seed: int = 0) -> list[tuple[str, dict[str, Any]]]:
    """About eight raw samples: all missing, partly missing, umlauts, what is cut, extremes.

    Args:
        schema: the model's schema.
        seed: seed of all that is drawn.

    Returns:
        (what it is, raw sample as `Schema.encode` takes it); inputs that have no raw form are left out. Noise is in all
        of them, since nobody could draw the same.
    """
    rng = np.random.default_rng(seed)
    full = [
        _existing({name: modality.golden(rng, number) for name, modality in schema.inputs.items()})
        for number in range(_DRAWN)
    ]
    names = [name for name in full[0] if name in schema.given]
    samples = [("all inputs missing", {}), ("a short text", full[0]), ("umlauts", full[1])]
    samples += [(f"only {name} given", {name: full[2 + i % 4][name]}) for i, name in enumerate(names)]
    thinned = {name: schema.inputs[name].golden_thinned(value) for name, value in full[2].items()}
    samples.append(("every second field missing", thinned))
    samples.append(("long text, cut", full[3]))
    cut = _existing({name: modality.golden_cut() for name, modality in schema.inputs.items()})
    samples.append(("texts cut inside a character, or after as many words as fit", {**full[4], **cut}))
    for side, word in ((0, "lowest"), (1, "highest")):
        extreme = _existing({name: modality.golden_extreme(side) for name, modality in schema.inputs.items()})
        samples.append((f"{word} values", extreme))
    return [(what, {**_drawn(schema, rng), **raw}) for what, raw in samples]


def _existing(raw):
    return {name: value for name, value in raw.items() if value is not None}


def _drawn(schema, rng):
    """Noise; a state that is not given is at its start."""
    return {name: modality.golden(rng, 0) for name, modality in schema.inputs.items() if modality.is_drawn}


def write_golden(schema: Schema, samples: list, expected: dict[str, np.ndarray], folder: pathlib.Path) -> list[str]:
    """Writes golden.npz and golden.json: raw values by the schema's names, tensors by those of `Schema.tensor_names`.

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
        **{f"input_{name}": array for name, array in schema.to_tensors(arrays).items()},
        **{f"expected_{name}": array for name, array in schema.to_tensors(expected).items()},
    )
    entries = []
    for i, (what, raw) in enumerate(samples):
        entries.append(
            {
                "what": what,
                "raw": _existing(
                    {
                        name: schema.inputs[name].plain(value)
                        for name, value in raw.items()
                        if schema.inputs[name].is_given or arrays[name][i].size <= _MOST_LISTED
                    }
                ),
                "inputs": _listed(
                    schema, {name: array[i] for name, array in arrays.items() if not schema.inputs[name].is_large}
                ),
                "expected": _listed(schema, {name: array[i] for name, array in expected.items()}),
            }
        )
    about = {
        "about": "What the model answers (float32) for these inputs; null is NaN. Pictures, sounds and what else is "
        "large are in golden.npz only: input_<name>[i] is the tensor of sample i.",
        "tolerance": {"model_float32.tflite": 1e-5},
        "samples": entries,
    }
    (folder / "golden.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return ["golden.npz", "golden.json"]


def encode_golden(schema: Schema, samples: list) -> dict[str, np.ndarray]:
    """The samples as arrays (N, ...) by input name; inputs that have no raw form are missing."""
    rows = [schema.encode(raw) for _, raw in samples]
    return {name: np.stack([row[name] for row in rows]) for name in schema.inputs}


def _listed(schema, arrays):
    """The arrays as lists, by the names of their tensors, but for large ones."""
    return schema.to_tensors({name: _plain(array) for name, array in arrays.items() if array.size <= _MOST_LISTED})


def _plain(array):
    return [None if isinstance(v, float) and math.isnan(v) else v for v in array.ravel().tolist()]
