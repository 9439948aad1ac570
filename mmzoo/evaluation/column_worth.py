"""What each column is worth: how much worse the model does without it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmzoo.evaluation.arrays import predict_arrays
from mmzoo.evaluation.metrics import HEADLINE, lower_is_better, output_metrics
from mmzoo.evaluation.missing_inputs import hide_inputs


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
        predicted = predict_arrays(model, arrays, batch_size)
        return {
            f"{name}_{HEADLINE[type(output)]}": output_metrics(output, targets[name], predicted[name])[
                HEADLINE[type(output)]
            ]
            for name, output in schema.predicted.items()
        }

    whole = figures(inputs)
    rows = []

    def add(column, arrays, given):
        worse = {
            f"{key}_lost": value - whole[key] if lower_is_better(key) else whole[key] - value
            for key, value in figures(arrays).items()
        }
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
