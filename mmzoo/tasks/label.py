"""The task of a `Label`: which of several classes."""

from __future__ import annotations

import collections
import math
from typing import Any

import numpy as np

from mmzoo.schema import Label
from mmzoo.tasks.calibration import (
    are_probabilities,
    expected_calibration_error,
    probabilities_of,
    reliability_table,
    wilson_interval,
)
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.task import Task, gives_logits, with_targets

ACCURACY = Figure("accuracy", in_summaries=True)
MACRO_F1 = Figure("macro_f1", in_summaries=True)
# Of samples whose inputs disagree, see `mmzoo.evaluation.disagreement`.
FOLLOWS_SWAPPED, FOLLOWS_OTHERS = Figure("follows_swapped"), Figure("follows_others")
FOLLOWS_NEITHER = Figure("follows_neither")
# Keras' best class leads by so much: the model is sure.
SURE = 0.5
# What a page still shows in full; of more, the worst.
MOST_CLASSES = 60
MOST_MISTAKES = 36
# Of one and the same confusion, so that thirty frames of one sign don't fill the page.
MISTAKES_A_PAIR = 3


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


class LabelTask(Task):
    """One class: cross-entropy, accuracy, and balanced accuracy beside it, which rare classes count in as well."""

    figures = (
        ACCURACY,
        Figure("balanced_accuracy", in_summaries=True),
        Figure("macro_precision"),
        Figure("macro_recall"),
        MACRO_F1,
        Figure("average_precision", in_summaries=True),
        Figure("auroc"),
        FOLLOWS_SWAPPED,
        FOLLOWS_OTHERS,
        FOLLOWS_NEITHER,
    )
    monitor = "val_accuracy"
    weighs_classes = True
    picture_file = "confusion"

    def activation(self, output, name, classifier_activation):
        return classifier_activation or "linear"

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        import keras

        return keras.losses.CategoricalCrossentropy(from_logits=gives_logits(model, name))

    def fit_metrics(self, model, name, output):
        import keras

        return [keras.metrics.CategoricalAccuracy(name="accuracy")]

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """One-hot rows, float32 (N, classes); of zeros where there is no target."""
        rows = _one_hot(output, np.asarray(targets), place)
        present = rows.any(axis=1, keepdims=True)
        return np.where(present, rows * (1 - label_smoothing) + label_smoothing / rows.shape[1], 0).astype(np.float32)

    def taught(self, output, targets, said, share):
        from keras import ops

        # Of -1, no target, a row of zeros.
        rows = ops.one_hot(targets, output.shape[-1], dtype="float32")
        present = ops.cast(targets >= 0, "float32")[:, None]
        return (1 - share) * rows + share * present * ops.cast(said, "float32")

    # Measuring -------------------------------------------------------------------------------------------------------

    def measure(self, output, targets, predicted):
        """Macro figures and balanced accuracy are means over the classes that occur, each class counting the same.

        Of two classes the second is what is looked for: average_precision and auroc are its own, NaN where one of the
        classes does not occur.
        """
        from sklearn import metrics

        targets, predicted = with_targets(output, targets, predicted)
        truth, guess = class_ids(targets, output), predicted.argmax(axis=1)
        precision, recall, f1, _ = metrics.precision_recall_fscore_support(
            truth, guess, labels=np.unique(truth), average="macro", zero_division=0
        )
        found = {
            "accuracy": float((truth == guess).mean()),
            "balanced_accuracy": float(recall),
            "macro_precision": float(precision),
            "macro_recall": float(recall),
            "macro_f1": float(f1),
        }
        if len(output.classes) == 2:
            # In the order of the second class's probability, of logits as well.
            score, both = predicted[:, 1] - predicted[:, 0], 0 < truth.sum() < len(truth)
            found["average_precision"] = float(metrics.average_precision_score(truth, score)) if both else math.nan
            found["auroc"] = float(metrics.roc_auc_score(truth, score)) if both else math.nan
        return found

    def interval(self, output, value, samples):
        return wilson_interval(round(value * samples), samples)

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        most = np.bincount(class_ids(known, output), minlength=len(output.classes)).argmax()
        share = (class_ids(targets, output) == most).mean()
        return f"always saying {output.classes[most]!r}: {100 * share:.1f} %"

    def fit_baseline(self, output, targets, features, make):
        ids, count = class_ids(targets, output), len(output.classes)
        if len(np.unique(ids)) == 1:
            return lambda features: np.eye(count)[np.full(features.shape[0], ids[0])]
        model = make(False).fit(features, ids)

        def probabilities(features):
            rows = np.zeros((features.shape[0], count))
            rows[:, model.classes_] = model.predict_proba(features)
            return rows

        return probabilities

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        targets, predicted = with_targets(output, evaluation.targets[name], evaluation.predictions[name])
        truth = class_ids(targets, output)
        wrong = int((truth != predicted.argmax(axis=1)).sum())
        low, high = wilson_interval(len(truth) - wrong, len(truth))
        section = {
            "figures": [],
            "interval": f"95 % interval {100 * low:.2f} to {100 * high:.2f} %, as if samples were independent",
            "errors": f"{wrong:,} wrong of {len(truth):,}",
            "bars_title": "Recall of each class",
            "bars": _bars(evaluation, output, samples, truth, predicted),
            "picture_title": "Confusion matrix",
            "mistakes_title": "The worst mistakes",
            "mistakes_about": f"The surest first, at most {MISTAKES_A_PAIR} of one confusion.",
            "mistakes": _mistakes(evaluation, output, samples, truth, predicted),
        }
        if are_probabilities(predicted):
            table = reliability_table(truth, predicted)
            section["figures"] = [("calibration error", f"{100 * expected_calibration_error(table):.2f} %")]
            section["reliability"] = table.to_dict("records")
        return section

    def picture(self, output, targets, predicted, note):
        from mmzoo.tasks.pictures import confusion_picture

        targets, predicted = with_targets(output, targets, predicted)
        return confusion_picture(class_ids(targets, output), predicted.argmax(axis=1), output.classes, title=note)

    def tables(self, output, targets, predicted):
        """Precision, recall, F1 and samples of each class."""
        import pandas as pd
        from sklearn.metrics import precision_recall_fscore_support

        targets, predicted = with_targets(output, targets, predicted)
        precision, recall, f1, support = precision_recall_fscore_support(
            class_ids(targets, output), predicted.argmax(axis=1), labels=range(len(output.classes)), zero_division=0
        )
        columns = {"class": output.classes, "precision": precision, "recall": recall, "f1": f1, "samples": support}
        return {"per_class": pd.DataFrame(columns)}

    def prediction_cells(self, output, target, row):
        target, best = np.asarray(target)[None], int(row.argmax())
        truth = output.classes[class_ids(target, output)[0]] if output.has_target(target)[0] else ""
        return truth, output.classes[best], f"{row[best]:.6f}"

    def advice(self, output, targets, predicted):
        targets, predicted = with_targets(output, targets, predicted)
        truth, guess = class_ids(targets, output), predicted.argmax(axis=1)
        recalls = {c: (guess[truth == c] == c).mean() for c in np.unique(truth) if (truth == c).sum() >= 5}
        if not recalls or min(recalls.values()) > 0.6:
            return ""
        worst = min(recalls, key=recalls.get)
        share = f"{recalls[worst]:.0%} of its rows only"
        return f"class {output.classes[worst]!r} is found in {share}: more of them, or class_weight='sqrt'"

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        probabilities = probabilities_of(wanted)
        ordered = np.sort(probabilities, axis=-1)
        sure = ordered[..., -1] - (ordered[..., -2] if wanted.shape[-1] > 1 else 0.0) >= SURE
        same = wanted.argmax(-1) == values.argmax(-1)
        error = np.abs(values.sum(-1) - 1).max() if probabilities is wanted else 0.0
        return {
            "argmax_agreement": float(same.mean()),
            "sure": float(sure.mean()),
            "sure_agreement": float(same[sure].mean()) if sure.any() else None,
            "sum_error": float(error),
        }


def _one_hot(label, target, place):
    count = len(label.classes)
    if target.dtype.kind not in "iufb":
        raise ValueError(f"{place}: expected class numbers or one-hot rows, got {target.dtype}")
    if target.ndim == 2 and target.shape[1] == count and count > 1:
        rows = target.astype(np.float32)
        if not (np.isfinite(rows) & (rows >= 0)).all():
            raise ValueError(f"{place}: one-hot rows: expected finite numbers of at least 0")
        return rows
    if target.ndim not in (1, 2) or (target.ndim == 2 and target.shape[1] != 1):
        raise ValueError(f"{place}: expected class numbers (N,) or one-hot rows (N, {count}), got shape {target.shape}")
    target = target.reshape(-1)
    present = label.has_target(target)
    wrong = target[present & ~((target >= 0) & (target < count) & (target == np.floor(target)))]
    if wrong.size:
        raise ValueError(f"{place}: class {wrong[0]} is not in 0..{count - 1}")
    return np.eye(count, dtype=np.float32)[np.where(present, target, 0).astype(np.int64)] * present[:, None]


def _bars(evaluation, output, samples, truth, predicted) -> list[dict[str, Any]]:
    """One row a class that occurs, the lowest recall first."""
    from sklearn.metrics import confusion_matrix

    count = len(output.classes)
    matrix = confusion_matrix(truth, predicted.argmax(axis=1), labels=range(count))
    rows = []
    for index in np.flatnonzero(matrix.sum(axis=1)):
        own = np.flatnonzero(truth == index)
        # The sample the model is surest of is a clear picture of the class.
        example = own[predicted[own, index].argmax()]
        wrong = np.where(np.arange(count) == index, 0, matrix[index])
        rows.append(
            {
                "name": output.classes[index],
                "value": matrix[index, index] / matrix[index].sum(),
                "samples": len(own),
                "instead": output.classes[wrong.argmax()] if wrong.any() else "",
                "picture": evaluation.sample(samples[example])["picture"],
            }
        )
    return sorted(rows, key=lambda row: row["value"])[:MOST_CLASSES]


def _mistakes(evaluation, output, samples, truth, predicted) -> list[dict[str, Any]]:
    guess = predicted.argmax(axis=1)
    wrong = np.flatnonzero(truth != guess)
    shown, pairs = [], collections.Counter()
    for i in wrong[np.argsort(-predicted[wrong, guess[wrong]], kind="stable")]:
        pairs[truth[i], guess[i]] += 1
        if pairs[truth[i], guess[i]] <= MISTAKES_A_PAIR and len(shown) < MOST_MISTAKES:
            said = output.decode(predicted[i], top=2).items()
            shown.append(
                {
                    **evaluation.sample(samples[i]),
                    "truth": output.classes[truth[i]],
                    "said": [f"{name} {100 * score:.0f} %" for name, score in said],
                }
            )
    return shown
