"""The task of a `MultiLabel`: which of several classes, any number of them."""

from __future__ import annotations

import numpy as np

from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import ACCURACY, MACRO_F1, MOST_CLASSES
from mmzoo.tasks.task import Task, gives_logits, with_targets


class MultiLabelTask(Task):
    """Several classes: binary cross-entropy, and F1 at a threshold of 0.5."""

    figures = (MACRO_F1, Figure("micro_f1"), Figure("exact_match"))

    def activation(self, output, name, classifier_activation):
        return "sigmoid" if classifier_activation else "linear"

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        import keras

        return keras.losses.BinaryCrossentropy(from_logits=gives_logits(model, name))

    def fit_metrics(self, model, name, output):
        import keras

        return [keras.metrics.BinaryAccuracy(name="accuracy", threshold=0.0 if gives_logits(model, name) else 0.5)]

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Rows of 0 and 1 (or between), float32 (N, classes)."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iufb":
            raise ValueError(f"{place}: expected numbers, got {targets.dtype}")
        targets, count = targets.astype(np.float32), len(output.classes)
        if targets.ndim != 2 or targets.shape[1] != count:
            raise ValueError(f"{place}: expected shape (N, {count}), got {targets.shape}")
        targets = np.where(output.has_target(targets)[:, None], targets, np.float32(0))
        if not np.isfinite(targets).all():
            raise ValueError(f"{place}: a target is NaN or infinite; leave such samples out, or make the whole row NaN")
        if not ((targets >= 0) & (targets <= 1)).all():
            raise ValueError(f"{place}: expected 0 or 1 (or between) for each class")
        return targets

    # Measuring -------------------------------------------------------------------------------------------------------

    def measure(self, output, targets, predicted):
        from sklearn import metrics

        targets, predicted = with_targets(output, targets, predicted)
        truth, guess = targets > 0.5, predicted > 0.5
        return {
            "macro_f1": float(metrics.f1_score(truth, guess, average="macro", zero_division=0)),
            "micro_f1": float(metrics.f1_score(truth, guess, average="micro", zero_division=0)),
            "exact_match": float((truth == guess).all(axis=1).mean()),
        }

    def trivial(self, output, known, targets):
        return f"{len(output.classes)} labels"

    def fit_baseline(self, output, targets, features, make):
        columns = (np.asarray(targets) > 0.5).T
        models = [None if column.all() or not column.any() else make(False).fit(features, column) for column in columns]
        return lambda features: np.stack(
            [
                np.full(features.shape[0], float(column[0])) if model is None else model.predict_proba(features)[:, 1]
                for model, column in zip(models, columns, strict=True)
            ],
            axis=1,
        )

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        from sklearn.metrics import f1_score

        targets, predicted = with_targets(output, evaluation.targets[name], evaluation.predictions[name])
        truth, guess = targets > 0.5, predicted > 0.5
        scores = f1_score(truth, guess, average=None, zero_division=0)
        bars = [
            {"name": name, "value": float(score), "samples": int(count), "instead": "", "picture": None}
            for name, score, count in zip(output.classes, scores, truth.sum(axis=0), strict=True)
            if count
        ]
        return {"bars_title": "F1 of each class", "bars": sorted(bars, key=lambda row: row["value"])[:MOST_CLASSES]}

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        """The share of equal yes/no decisions."""
        cut = _cut(wanted)
        return {"argmax_agreement": float(((wanted > cut) == (values > cut)).mean())}

    @property
    def parity_figure(self):
        # F1 of a rare class jumps with a single sample.
        return ACCURACY

    def measure_file(self, output, targets, values, wanted):
        """The share of right yes/no decisions."""
        return float(((values > _cut(wanted)) == (targets > 0.5)).mean())


def _cut(wanted):
    """What a class is a yes above: 0.5 for probabilities, 0 for logits."""
    return 0.5 if wanted.min() >= 0 and wanted.max() <= 1 else 0.0
