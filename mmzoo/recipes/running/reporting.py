"""What is measured of the model that ships, and the page about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.arms import ALL, given_rows
from mmzoo.recipes.running.record import RunRecord

# Of a model with more inputs than this, what is missing is not measured for every subset.
MOST_INPUTS_IN_SUBSETS = 5
# A bundle's files are compared with the Keras model on at most so many samples.
MOST_PARITY_SAMPLES = 10_000


def report(recipe: Recipe, model, arrays, note: str):
    """The `Evaluation` of a model, with what each missing input costs.

    Args:
        recipe: for its failures.
        model: the model.
        arrays: (inputs, targets).
        note: what is real and what is simulated.
    """
    import mmzoo

    few = len(model.schema.inputs) <= MOST_INPUTS_IN_SUBSETS
    return mmzoo.evaluate(model, arrays, note=note, missing_inputs=few, failures=dict(recipe.failures))


def figures_of(result) -> Iterator[tuple[str, dict[str, dict[str, float]]]]:
    """(arm, output -> metric -> value) of an `Evaluation`: all inputs, then the rows of its missing-input table."""
    yield ALL, result.metrics
    for arm, output, metric, value in given_rows(result.missing_inputs, result.schema.inputs, result.schema.outputs):
        yield arm, {output: {metric: value}}


def page_about(record: RunRecord) -> dict[str, Any]:
    """What report.html says beside the figures."""
    by_group = record.held_out and "(fold" in record.split
    apart = "nothing of the training rows' groups is among these; " if by_group else ""
    return {
        "title": f"{record.model} on {record.data}, {record.split}",
        "about": f"{record.parameters:,} parameters; {apart}one seed ({record.seed})",
        "command": record.command,
        "machine": record.machine,
    }
