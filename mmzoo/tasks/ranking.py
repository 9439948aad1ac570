"""The task of a `Ranking`: the item that came next is found among all items."""

from __future__ import annotations

import numpy as np

from mmzoo.schema.outputs.ranking import NO_ITEM, places_of, ranks_of
from mmzoo.tasks.calibration import wilson_interval
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, with_targets

BEST = 10


class RankingTask(Task):
    """Softmax over all items; how often the item that came next is among the ten best, and how far up.

    All items are ranked that the user has not had, never a sample of them: rankings against a hundred drawn items are
    far higher and can turn the order of models round (Krichene & Rendle, "On sampled metrics for item recommendation",
    KDD 2020).
    """

    figures = (
        Figure(f"hit_rate_{BEST}", in_summaries=True),
        Figure(f"ndcg_{BEST}", in_summaries=True),
        Figure("mean_reciprocal_rank", in_summaries=True),
    )

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        import keras

        return keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=NO_ITEM)

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Places of the items, int32 (N,); -1 where there is no target, or one that is no item."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iu" or targets.ndim not in (1, 2) or targets.ndim == 2 and not targets.shape[1]:
            raise ValueError(f"{place}: expected places of items (N,) or (N, 1 + S), got {targets.dtype} "
                             f"{targets.shape}")  # fmt: skip
        wrong = np.flatnonzero(targets.max(axis=-1, initial=-1) >= len(output.items)) if targets.ndim == 2 else (
            np.flatnonzero(targets >= len(output.items)))  # fmt: skip
        if wrong.size:
            raise ValueError(
                f"{place}: sample {wrong[0]}: item {targets[wrong[0]].max()} is not in 0..{len(output.items) - 1}"
            )
        return np.maximum(places_of(targets), NO_ITEM).astype(np.int32)

    # Measuring -------------------------------------------------------------------------------------------------------

    def measure(self, output, targets, predicted):
        targets, scores = with_targets(output, targets, predicted)
        ranks = ranks_of(scores, targets)
        found = ranks <= BEST
        gains = np.where(found, 1 / np.log2(1 + np.where(found, ranks, 1)), 0)
        return {
            f"hit_rate_{BEST}": float(found.mean()),
            f"ndcg_{BEST}": float(gains.mean()),
            "mean_reciprocal_rank": float((1 / ranks).mean()),
        }

    def interval(self, output, value, samples):
        return wilson_interval(round(value * samples), samples)

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        known = places_of(known)
        counts = np.bincount(known[known >= 0], minlength=len(output.items)).astype(np.float32)
        share = (ranks_of(np.tile(counts, (len(targets), 1)), targets) <= BEST).mean()
        return f"always the {BEST} most popular: {100 * share:.1f} %"

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        targets, scores = with_targets(output, evaluation.targets[name], evaluation.predictions[name])
        ranks, places = ranks_of(scores, targets), places_of(targets)
        found = int((ranks <= BEST).sum())
        low, high = wilson_interval(found, len(ranks))
        worst = np.argsort(-ranks, kind="stable")[:MOST_MISTAKES]
        return {
            "figures": [("median rank", f"{np.median(ranks):g} of {len(output.items):,}")],
            "interval": f"{100 * low:.2f} to {100 * high:.2f} % found among the {BEST} best (95 % interval), as if "
            "samples were independent",
            "about": "each over all items that the user has not had",
            "mistakes_title": "Found last",
            "mistakes_about": "What came next, with its rank, and what the model would rather have seen.",
            "mistakes": [
                {
                    **evaluation.sample(samples[i]),
                    "truth": f"{_name(output, places[i])}, rank {ranks[i]:g}",
                    "said": list(output.decode(_without_had(scores[i], targets[i]), top=3)),
                }
                for i in worst
            ],
        }

    def prediction_cells(self, output, target, row):
        target = np.asarray(target).reshape(1, -1)
        if not output.has_target(target)[0]:
            return "", *output.cells(row), ""
        rank = ranks_of(np.asarray(row)[None], target)[0]
        return _name(output, target[0, 0]), *output.cells(_without_had(row, target[0])), f"{rank:g}"

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        """Share of samples with the same best item."""
        return {"argmax_agreement": float((wanted.argmax(-1) == values.argmax(-1)).mean())}


def _name(output, place):
    return output.items[place] if place >= 0 else "an item that the model does not know"


def _without_had(row, target):
    """The scores, those of items that the user has had lower than any."""
    row, had = np.array(row, np.float32), np.ravel(target)[1:]
    row[had[had >= 0]] = -np.inf
    return row
