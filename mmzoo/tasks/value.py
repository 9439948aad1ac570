"""The task of a `Value`: a number, or one for each of several steps."""

from __future__ import annotations

import math

import numpy as np

from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, with_targets


class ValueTask(Task):
    """Numbers: squared error on the head's scale, and errors in the value's own unit."""

    figures = (
        Figure("mae", is_share=False, lower_is_better=True, has_unit=True, in_summaries=True),
        Figure("rmse", is_share=False, lower_is_better=True, has_unit=True),
        Figure("r2", is_share=False, in_summaries=True),
        Figure("kendall_tau", is_share=False, in_summaries=True),
        Figure("spearman_rho", is_share=False),
    )
    # A Gaussian's log likelihood holds half the squared error.
    loss_factor = 0.5

    def activation(self, output, name, classifier_activation):
        from mmzoo.layers import ValueScaling

        return ValueScaling(output.scale, output.minimum, output.maximum, name=f"head_{name}_scaling")

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        import keras

        from mmzoo.layers import ValueScaling
        from mmzoo.layers.graph import output_layer
        from mmzoo.tasks.losses import ScaledSquaredError

        scaling = output_layer(model, name, ValueScaling)
        return keras.losses.MeanSquaredError() if scaling is None else ScaledSquaredError(scaling)

    def fit_metrics(self, model, name, output):
        import keras

        return [keras.metrics.MeanAbsoluteError(name="mae")]

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Numbers in their own unit, float32 (N, steps)."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iufb":
            raise ValueError(f"{place}: expected numbers, got {targets.dtype}")
        targets = targets.astype(np.float32)
        targets = targets.reshape(-1, 1) if targets.ndim == 1 else targets
        if targets.ndim != 2 or targets.shape[1] != output.steps:
            raise ValueError(f"{place}: expected shape (N, {output.steps}), got {targets.shape}")
        # In place of a missing one, what has a logarithm as well.
        targets = np.where(output.has_target(targets)[:, None], targets, np.float32(1))
        if not np.isfinite(targets).all():
            raise ValueError(
                f"{place}: a target is NaN or infinite; leave such samples out, or make the whole target NaN"
            )
        if output.scale == "log" and not (targets > 0).all():
            raise ValueError(
                f"{place}: is on a log scale, expected targets above 0, got {targets.min():g}; leave such samples out, "
                "or describe the output as Value(scale='linear')"
            )
        return targets

    # Measuring -------------------------------------------------------------------------------------------------------

    def measure(self, output, targets, predicted):
        """Errors over all steps; r2 is the steps' mean; tau and rho compare the order of the steps within a sample.

        Tau and rho are means over the samples; one whose true steps are all the same has no order and is left out.
        """
        from sklearn import metrics

        truth, guess = _numbers(output, targets, predicted)
        found = {
            "mae": float(metrics.mean_absolute_error(truth, guess)),
            "rmse": float(metrics.root_mean_squared_error(truth.ravel(), guess.ravel())),
            "r2": float(metrics.r2_score(truth, guess)) if len(truth) > 1 else math.nan,
        }
        return found if output.steps == 1 else found | _orders(truth, guess)

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        middle = float(np.median(known))
        return f"always saying {middle:.4g}: {np.abs(targets - middle).mean():.4g}"

    def fit_baseline(self, output, targets, features, make):
        values = np.asarray(targets, np.float64).reshape(-1, output.steps)
        values = np.log(values) if output.scale == "log" else values
        models = [make(True).fit(features, column) for column in values.T]

        def predict(features):
            found = np.stack([model.predict(features) for model in models], axis=1)
            return np.exp(found) if output.scale == "log" else found

        return predict

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        truth, guess = _numbers(output, evaluation.targets[name], evaluation.predictions[name])
        worst = np.argsort(-np.abs(truth - guess).mean(axis=1), kind="stable")[:MOST_MISTAKES]
        return {
            "picture_title": "Predicted against true",
            "mistakes_title": "The largest errors",
            "mistakes_about": "",
            "mistakes": [
                {
                    **evaluation.sample(samples[i]),
                    "truth": _in_words(output, truth[i]),
                    "said": [_in_words(output, guess[i])],
                }
                for i in worst
            ],
        }

    def picture(self, output, targets, predicted, note):
        from mmzoo.tasks.pictures import value_picture

        truth, guess = _numbers(output, targets, predicted)
        return value_picture(truth.ravel(), guess.ravel(), output.unit)

    # Proving ---------------------------------------------------------------------------------------------------------

    def scale(self, output, largest):
        """The width of its range; without one the size of what the model gives."""
        if output.minimum is not None and output.maximum is not None:
            return output.maximum - output.minimum
        return largest or 1.0

    def same(self, output, found, expected):
        """To within 0.1 %."""
        return bool((np.abs(found - expected) <= 1e-3 * np.maximum(1.0, np.abs(expected))).all())


def _numbers(output, targets, predicted):
    """(truth, guess) of the samples with a target, each float64 (N, steps)."""
    return [np.asarray(part, np.float64).reshape(-1, output.steps) for part in with_targets(output, targets, predicted)]


def _orders(truth, guess):
    from scipy import stats

    def mean(measure):
        # Of a guess without an order scipy gives NaN, and warns: it says nothing about the order, as chance does.
        found = [measure(t, g).statistic if np.ptp(g) > 0 else 0.0 for t, g in pairs]
        return float(np.mean(found)) if found else math.nan

    pairs = [(t, g) for t, g in zip(truth, guess, strict=True) if np.ptp(t) > 0]
    return {"kendall_tau": mean(stats.kendalltau), "spearman_rho": mean(stats.spearmanr)}


def _in_words(output, numbers):
    return f"{', '.join(f'{number:.4g}' for number in numbers)} {output.unit}".strip()
