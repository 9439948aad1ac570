"""What each column is worth: how much worse the model does without it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmzoo.evaluation.arrays import predict_arrays
from mmzoo.evaluation.metrics import headlines
from mmzoo.evaluation.missing_inputs import hide_inputs
from mmzoo.tasks import figure_of


def column_worth(
    model, inputs: Mapping[str, np.ndarray], targets: Mapping[str, np.ndarray], *, batch_size: int = 512
) -> pd.DataFrame:
    """Hides every input, and of sensors and series every field, in turn, and measures what that costs.

    A field of a series is hidden over all steps. States and noise are never hidden.

    Two columns that say the same can each look worthless, since the other is still there.

    Args:
        model: a model with a schema.
        inputs: input name -> array (N, ...).
        targets: output name -> array.
        batch_size: samples a prediction step.

    Returns:
        One row a column: "column" (`<input>` or `<input>.<field>`), "given" (share of samples that have it) and for
        each output `<output>_<metric>_lost`: by how much its headline metric gets worse, the largest loss first.
    """
    schema = model.schema

    def figures(arrays):
        return headlines(schema, targets, predict_arrays(model, arrays, batch_size))

    whole = figures(inputs)
    rows = []

    def add(column, arrays, given):
        worse = {f"{key}_lost": figure_of(key).loss(value, whole[key]) for key, value in figures(arrays).items()}
        rows.append({"column": column, "given": float(np.mean(given)), **worse})

    for name, modality in schema.given.items():
        array = np.asarray(inputs[name])
        for index, field in enumerate(modality.fields):
            hidden = array.copy()
            hidden[..., index] = np.nan
            given = ~np.isnan(array[..., index]).reshape(len(array), -1).all(axis=1)
            add(f"{name}.{field.name}", {**inputs, name: hidden}, given)
        if not modality.fields:
            add(name, hide_inputs(inputs, schema, [name]), modality.present(array))
    table = pd.DataFrame(rows)
    return table.sort_values(table.columns[2], ascending=False, kind="stable", ignore_index=True)
