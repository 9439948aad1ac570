"""`mmzoo.predict`: a Keras model's predictions from raw files, strings and numbers, in a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.missing import is_missing
from mmzoo.schema import Schema


def predict(
    model,
    raws: Mapping[str, Any] | Iterable[Mapping[str, Any]] | None = None,
    *,
    top: int = 3,
    batch_size: int = 64,
    seed: int = 0,
    **raw: Any,
) -> dict[str, Any] | list[dict[str, Any]]:
    """Predicts from raw inputs: one sample by keyword or as a dict, or several as a list of dicts.

    Takes the same raw inputs as `mmzoo.edge`, so a notebook and a device can be compared directly.

    Args:
        model: a `keras.Model` with a `schema`, as mmzoo's builders make it; any backend.
        raws: one dict or an iterable of dicts, input name -> raw value, see `Schema.encode`.
        top: how many of the most likely classes of a `Label` to name.
        batch_size: samples run at once.
        seed: of the noise, for a model that has such an input and samples that don't give it.
        **raw: one sample, instead of `raws`; an input that is left out, None or NaN is missing.

    Returns:
        One sample: output name -> {class: probability}, most likely first, or the number. Several: a list of those.

    Raises:
        TypeError: the model has no schema, or both `raws` and keywords are given.
        KeyError, ValueError, FileNotFoundError: a raw value that can't be encoded; the message names the place.

    >>> from mmzoo.models.road_sign import build_road_sign_model
    >>> model = build_road_sign_model(size="nano")
    >>> prediction = predict(model, text="50", location={"speed": 48.0}, top=2)
    >>> len(prediction["sign"])
    2
    """
    schema = getattr(model, "schema", None)
    if not isinstance(schema, Schema):
        raise TypeError(f"model: expected a model with a schema, as mmzoo's builders make it, got {model!r:.80}")
    if raws is not None and raw:
        raise TypeError(f"give the samples either as raws or by keyword, not both; got raws and {sorted(raw)}")
    if batch_size < 1:
        raise ValueError(f"batch_size: expected at least 1, got {batch_size!r}")
    rng = np.random.default_rng(seed)
    if raws is None or isinstance(raws, Mapping):
        raw = raw if raws is None else raws
        arrays = {name: array[None].copy() for name, array in schema.encode(raw).items()}
        _draw_noise(schema, arrays, [raw], rng)
        return schema.decode(_run(model, arrays), top, [raw])[0]
    raws = list(raws)
    arrays = schema.encode_batch(raws)
    _draw_noise(schema, arrays, raws, rng)
    predictions = []
    for start in range(0, len(raws), batch_size):
        batch = {name: array[start : start + batch_size] for name, array in arrays.items()}
        predictions += schema.decode(_run(model, batch), top, raws[start : start + batch_size])
    return predictions


def _run(model, arrays):
    return model.schema.from_tensors(model.predict_on_batch(model.schema.to_tensors(arrays)))


def _draw_noise(schema, arrays, raws, rng):
    """Sample by sample, as a device that is called for one after another."""
    drawn = [name for name, modality in schema.inputs.items() if modality.is_drawn]
    for number, raw in enumerate(raws):
        for name in drawn:
            if is_missing(raw.get(name)):
                arrays[name][number] = schema.inputs[name].initial(rng)
