"""The metrics of each kind of output, by scikit-learn."""

from __future__ import annotations

import numpy as np

from mmzoo.schema import Label, MultiLabel, Output, Value

# The metric a table of many cases shows for each kind of output.
HEADLINE = {Label: "accuracy", MultiLabel: "macro_f1", Value: "mae"}
_OF_VALUES = {"mae", "rmse", "r2"}


def is_share(column: str) -> bool:
    """Whether a metric, or a column named <output>_<metric>[_<condition>], is a share of 1."""
    return not _OF_VALUES & set(column.split("_"))


def lower_is_better(column: str) -> bool:
    """Whether a metric, or a column named as for `is_share`, is an error."""
    return bool({"mae", "rmse"} & set(column.split("_")))


def class_ids(target, output: Label) -> np.ndarray:
    """Class ids int (N,) from ids (N,) or (N, 1), or from one-hot (or probability) rows (N, classes).

    Raises:
        ValueError: another shape, or an id outside the classes.
    """
    target = np.asarray(target)
    if target.ndim == 2 and target.shape[1] == len(output.classes) and len(output.classes) > 1:
        return target.argmax(axis=1)
    if target.ndim > 2 or (target.ndim == 2 and target.shape[1] != 1):
        raise ValueError(f"expected class ids (N,) or rows of {len(output.classes)} classes, got shape {target.shape}")
    ids = target.reshape(-1).astype(np.int64)
    wrong = np.flatnonzero((ids < 0) | (ids >= len(output.classes)))
    if wrong.size:
        raise ValueError(f"sample {wrong[0]}: class id {ids[wrong[0]]} is outside 0..{len(output.classes) - 1}")
    return ids


def output_metrics(output: Output, target, predicted: np.ndarray) -> dict[str, float]:
    """The metrics of one output.

    Args:
        output: its description in the schema.
        target: Label: class ids (N,) or one-hot (N, classes); MultiLabel: 0/1 (N, classes); Value: float (N,).
        predicted: the model's output, float (N, units).

    Returns:
        Label: accuracy, macro_precision, macro_recall, macro_f1 (means over the classes that occur, each class
        counting the same). MultiLabel: macro_f1, micro_f1, exact_match at a threshold of 0.5. Value: mae, rmse, r2, in
        the value's own unit.
    """
    from sklearn import metrics

    if isinstance(output, Label):
        truth, guess = class_ids(target, output), np.asarray(predicted).argmax(axis=1)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, guess, labels=np.unique(truth), average="macro", zero_division=0
        )
        return {
            "accuracy": float((truth == guess).mean()),
            "macro_precision": float(precision),
            "macro_recall": float(recall),
            "macro_f1": float(f1),
        }
    if isinstance(output, MultiLabel):
        truth, guess = np.asarray(target) > 0.5, np.asarray(predicted) > 0.5
        return {
            "macro_f1": float(metrics.f1_score(truth, guess, average="macro", zero_division=0)),
            "micro_f1": float(metrics.f1_score(truth, guess, average="micro", zero_division=0)),
            "exact_match": float((truth == guess).all(axis=1).mean()),
        }
    truth, guess = np.asarray(target, np.float64).reshape(-1), np.asarray(predicted, np.float64).reshape(-1)
    return {
        "mae": float(metrics.mean_absolute_error(truth, guess)),
        "rmse": float(metrics.root_mean_squared_error(truth, guess)),
        "r2": float(metrics.r2_score(truth, guess)) if len(truth) > 1 else float("nan"),
    }
