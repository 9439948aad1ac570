"""What each missing input costs: the metric for every subset of the inputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from mmzoo.evaluation.arrays import predict_arrays
from mmzoo.evaluation.metrics import headlines
from mmzoo.schema import Image, Schema


def hide_inputs(inputs: Mapping[str, np.ndarray], schema: Schema, hidden: Iterable[str]) -> dict[str, np.ndarray]:
    """A batch with some inputs missing.

    Args:
        inputs: input name -> array (N, ...).
        schema: says how missing looks.
        hidden: names of the inputs to hide.

    Returns:
        The same arrays but for the hidden ones.

    Raises:
        KeyError: a name that is no input.
    """
    missing = schema.missing()
    result = dict(inputs)
    for name in hidden:
        if name not in missing:
            raise KeyError(f"unknown input {name!r}; the inputs are {list(schema.inputs)}")
        result[name] = np.broadcast_to(missing[name], (len(inputs[name]), *missing[name].shape))
    return result


def subsets(names: Iterable[str]) -> list[tuple[str, ...]]:
    """Every non-empty subset, the largest first, in the order of the names."""
    names = list(names)
    return [subset for size in range(len(names), 0, -1) for subset in itertools.combinations(names, size)]


def missing_input_table(
    model,
    inputs: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    *,
    failures: Mapping[str, Callable] | None = None,
    batch_size: int = 512,
    progress=None,
) -> pd.DataFrame:
    """The headline metric of each output for every non-empty subset of the inputs that users give.

    An input may be missing in the data itself: "given" is what was not hidden on top of that. Of an output that
    compares inputs with each other (`Output.compares`) nothing is measured where one is hidden: NaN.

    Args:
        model: a model with a schema.
        inputs: input name -> array (N, ...).
        targets: output name -> array.
        failures: name -> function of a picture input's array (N, H, W, C) that gives it as a failing camera would; each
            subset with a picture is measured under each of them too. See `mmzoo.data.corruption`.
        batch_size: samples a prediction step.
        progress: called with (done, total) after each subset.

    Returns:
        One row a subset: a bool column for each input (given or hidden), then `<output>_<metric>`, then
        `<output>_<metric>_<failure>` for each failure.
    """
    pictures = model.schema.of_kind(Image)
    conditions = {"": inputs}
    for failure, spoil in (failures or {}).items():
        conditions[f"_{failure}"] = {**inputs, **{name: spoil(inputs[name]) for name in pictures}}
    rows = []
    names = list(model.schema.given)
    cases = subsets(names)
    for done, given in enumerate(cases, start=1):
        hidden = [name for name in names if name not in given]
        row = {name: name in given for name in names}
        for condition, arrays in conditions.items():
            # Without a picture a failing camera changes nothing.
            if not condition or set(pictures) & set(given):
                predicted = predict_arrays(model, hide_inputs(arrays, model.schema, hidden), batch_size)
            found = headlines(model.schema, targets, predicted, whole=not hidden)
            row |= {f"{figure}{condition}": value for figure, value in found.items()}
        rows.append(row)
        if progress is not None:
            progress(done, len(cases))
    return pd.DataFrame(rows)
