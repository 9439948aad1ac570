"""Skewed classes: what they weigh in training, and the figure that is looked at instead of accuracy."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from mmzoo.inspection.deciding.balance import proposed_class_weight
from mmzoo.schema import Label, Schema
from mmzoo.tasks import task_for

BALANCED = "balanced_accuracy"


def skewed_outputs(schema: Schema, frame: pd.DataFrame, columns: Mapping[str, str | None]) -> dict[str, str]:
    """Output -> the class weight that is proposed for it, for those whose classes are skewed.

    Args:
        schema: the schema.
        frame: the table.
        columns: input or output -> column, where the names differ.
    """
    found = {}
    for name, output in schema.predicted.items():
        column = columns.get(name) or name
        if isinstance(output, Label) and column in frame:
            found[name] = proposed_class_weight(frame[column].dropna().astype(str).value_counts())
    return {name: weight for name, weight in found.items() if weight}


def class_weight_for(skewed: Mapping[str, str]) -> str | None:
    """One class weight for all outputs: the stronger where they differ; of balanced classes it changes nothing."""
    return max(skewed.values(), key=("sqrt", "balanced").index, default=None)


def leading_figures(schema: Schema, skewed: Mapping[str, str]) -> dict[str, str]:
    """Output -> the figure that stands first: of skewed classes the balanced accuracy, else its task's headline."""
    return {
        name: BALANCED if name in skewed else task_for(output).headline.name
        for name, output in schema.predicted.items()
    }


def watched_figure(schema: Schema, skewed: Mapping[str, str]) -> dict:
    """Keywords of `mmzoo.fit`: what stops the training where the one output's classes are skewed."""
    if len(schema.predicted) != 1 or not skewed:
        return {}
    import keras

    from mmzoo.training.balanced_accuracy import BalancedAccuracy

    ((name, output),) = schema.predicted.items()
    metrics = [keras.metrics.CategoricalAccuracy(name="accuracy"), BalancedAccuracy(len(output.classes), name=BALANCED)]
    return {"monitor": f"val_{BALANCED}", "metrics": {name: metrics}}
