"""What is measured of predictions: the figures of each output's task."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from mmzoo.schema import Output, Schema
from mmzoo.tasks import task_for


def measure_output(name: str, output: Output, targets, predicted) -> dict[str, float]:
    """The figures of one output.

    Args:
        name: of the output, for messages.
        output: its description in the schema.
        targets: (N, ...), see the output's class; samples without a target are left out.
        predicted: the model's output (N, ...), as `predict_arrays` gives it.

    Returns:
        Figure -> value; see `Task.measure` of the output's task.

    Raises:
        ValueError: no sample has a target, or they don't fit; the message names the output.
    """
    try:
        return task_for(output).measure(output, np.asarray(targets), np.asarray(predicted))
    except ValueError as error:
        raise ValueError(f"output {name!r}: {error}") from error


def measure_outputs(
    schema: Schema, targets: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray]
) -> dict[str, dict[str, float]]:
    """`measure_output` of every output: output -> figure -> value."""
    return {
        name: measure_output(name, output, targets[name], predicted[name]) for name, output in schema.predicted.items()
    }


def headlines(
    schema: Schema, targets: Mapping[str, np.ndarray], predicted: Mapping[str, np.ndarray], *, whole: bool = True
) -> dict[str, float]:
    """The headline figure of every output: "<output>_<figure>" -> value.

    Args:
        schema: of the model.
        targets: output -> array (N, ...).
        predicted: output -> array (N, ...).
        whole: whether no input was hidden; else what compares inputs with each other is NaN.
    """
    found = {}
    for name, output in schema.predicted.items():
        figure = task_for(output).headline.name
        is_known = whole or not output.compares
        measured = measure_output(name, output, targets[name], predicted[name]) if is_known else {}
        found[f"{name}_{figure}"] = measured.get(figure, math.nan)
    return found


def samples_with_target(schema: Schema, targets: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Output -> number of samples that have a target."""
    return {name: int(output.has_target(targets[name]).sum()) for name, output in schema.predicted.items()}
