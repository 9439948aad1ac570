"""What is measured of the model that ships, and the page about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmzoo.data.samples.samples import VALIDATION
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.arms import ALL, COLUMNS, given_rows
from mmzoo.recipes.running.recording.record import RunRecord

# Of a model with more inputs than this, what is missing is not measured for every subset.
MOST_INPUTS_IN_SUBSETS = 5
# A bundle's files are compared with the Keras model on at most so many samples.
MOST_PARITY_SAMPLES = 10_000


def report(
    model, arrays, note: str, failures: Mapping[str, Callable] | None = None, disagree: Iterable[str] = ()
):  # fmt: skip
    """The `Evaluation` of a model, with what each missing input costs.

    Args:
        model: the model.
        arrays: (inputs, targets).
        note: what is real and what is simulated.
        failures: of a recipe.
        disagree: inputs to be taken from a row of another class, see `mmzoo.evaluation.disagreement`.
    """
    import mmzoo

    few = len(model.schema.inputs) <= MOST_INPUTS_IN_SUBSETS
    return mmzoo.evaluate(
        model, arrays, note=note, missing_inputs=few, failures=dict(failures or {}), disagree=disagree
    )


def given_records(result, split: str, seed: int, parameters: int) -> list[dict[str, Any]]:
    """The missing-input table of an `Evaluation` as figures of a record.

    Args:
        result: the evaluation.
        split: what its rows are called.
        seed: of the model.
        parameters: of the model.
    """
    rows = given_rows(result.missing_inputs, result.schema.given, result.schema.predicted)
    # All inputs given, and no failing sensor: that is the figure of the model itself.
    rows = [row for row in rows if not (row[0] == ALL and row[2] in result.metrics[row[1]])]
    return [_figure(split, seed, *row, result.samples, parameters) for row in rows]


def disagreement_records(result, split: str, seed: int, parameters: int) -> list[dict[str, Any]]:
    """Where inputs disagree, as figures of a record; arguments as of `given_records`."""
    return [
        _figure(split, seed, f"{ALL}, {name} of another class", output, metric, value, figures["samples"], parameters)
        for name, outputs in result.disagreements.items()
        for output, figures in outputs.items()
        for metric, value in figures.items()
        if metric != "samples"
    ]


def own_records(result, split: str, seed: int, parameters: int) -> list[dict[str, Any]]:
    """The metrics of an `Evaluation` as figures of a record; arguments as of `given_records`."""
    return [
        _figure(split, seed, ALL, output, metric, value, result.samples, parameters)
        for output, metrics in result.metrics.items()
        for metric, value in metrics.items()
    ]


def _figure(split, seed, arm, output, metric, value, samples, parameters):
    # What isn't defined for the samples is None, as JSON has it.
    known = None if math.isnan(value) else float(value)
    return dict(zip(COLUMNS, (split, seed, arm, output, metric, known, samples, parameters), strict=True))


def page_about(record: RunRecord, recipe: Recipe) -> dict[str, Any]:
    """What report.html says beside the figures."""
    group = recipe.data[record.data].group
    by_group = group and record.held_out and record.split.startswith(f"{VALIDATION} (")
    apart = f"no {group} is also in the training data; " if by_group else ""
    return {
        "title": f"{record.model} on {record.data}, {record.split}",
        "about": f"{record.parameters:,} parameters; {apart}one seed ({record.seed})",
        "command": record.command,
        "machine": record.machine,
    }
