"""The task of a `Pair`: what belongs together is found, among all others."""

from __future__ import annotations

import numpy as np

from mmzoo.tasks.calibration import wilson_interval
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, with_targets

RANKS = (10, 5, 1)
COSINE = Figure("cosine", is_share=False)
# Questions that are compared with all answers at once.
_QUESTIONS = 512
# Two vectors of one and the same input differ by less, whatever batches they were made in.
_SAME = 1e-5


class PairTask(Task):
    """In-batch contrast with a learned temperature; how often what belongs together is among the first that are found.

    Figures that begin with "first" are of the first input, found by the second: in how many cases it is among the 1, 5
    or 10 that are most like it, and its median rank. Those with "second" are the other way round, of the best of all
    that belong to it, such as any of five captions. Each is over all samples that are measured, so that more samples
    make it harder.
    """

    no_head = "its two vectors are of an input each"
    figures = (
        *(Figure(f"first_recall_{k}", in_summaries=True) for k in RANKS),
        *(Figure(f"second_recall_{k}", in_summaries=True) for k in RANKS),
        Figure("first_median_rank", is_share=False, lower_is_better=True),
        Figure("second_median_rank", is_share=False, lower_is_better=True),
        COSINE,
    )

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        from mmzoo.layers import PairedVectors
        from mmzoo.layers.graph import output_layer
        from mmzoo.tasks.losses import Contrastive

        vectors = output_layer(model, name, PairedVectors)
        if vectors is None:
            raise ValueError(f"output {name!r}: a Pair is made by the layer PairedVectors, which holds the temperature")
        return Contrastive(vectors)

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """What belongs together, int32 (N,); -1 where there is no target."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iu" or targets.shape not in ((len(targets),), (len(targets), 1)):
            raise ValueError(f"{place}: expected numbers (N,) that say what belongs together, got {targets.dtype} "
                             f"{targets.shape}")  # fmt: skip
        return np.maximum(targets.reshape(-1), -1).astype(np.int32)

    # Measuring -------------------------------------------------------------------------------------------------------

    def measure(self, output, targets, predicted):
        ranks = ranks_of(*with_targets(output, targets, predicted))
        found = {f"{side}_recall_{k}": float((of <= k).mean()) for side, of in ranks.items() for k in RANKS}
        return found | {f"{side}_median_rank": float(np.median(of)) for side, of in ranks.items()}

    def interval(self, output, value, samples):
        return wilson_interval(round(value * samples), samples)

    def trivial(self, output, known, targets):
        (targets,) = with_targets(output, targets)
        things = len(np.unique(targets))
        return f"by chance: {100 * min(1.0, RANKS[0] / things):.1f} % of {things:,} among the first {RANKS[0]}"

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        numbers, vectors = with_targets(output, evaluation.targets[name], evaluation.predictions[name])
        first, second = output.of
        ranks, nearest = _ranks(numbers, vectors[:, 1], numbers, vectors[:, 0])
        worst = np.argsort(-ranks, kind="stable")[:MOST_MISTAKES]
        candidates = len(_distinct(numbers, vectors[:, 0]))
        return {
            "figures": [(f"different values of {first}", f"{candidates:,}")],
            "about": f"first: {first}, found by {second}; second: {second}, found by {first}, where any of those that "
            "belong to it will do. With one of the two missing there is nothing to find, so no table of missing inputs",
            "mistakes_title": f"Where {first} was found last",
            "mistakes_about": "With the rank of the right one, and what the first that was found is of.",
            "mistakes": [
                {
                    **evaluation.sample(samples[i]),
                    "truth": f"rank {ranks[i]:g} of {candidates:,}",
                    "said": evaluation.sample(samples[nearest[i]])["texts"] or [f"sample {samples[nearest[i]]}"],
                }
                for i in worst
            ],
        }

    def prediction_cells(self, output, target, row):
        target = int(np.ravel(target)[0])
        return target if target >= 0 else "", *output.cells(row), ""

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        """The least cosine of a vector and the Keras model's."""
        return {"cosine": float(_cosines(wanted, values).min())}

    @property
    def parity_figure(self):
        return COSINE

    def measure_file(self, output, targets, values, wanted):
        """The mean cosine of the vectors and the Keras model's."""
        return float(_cosines(wanted, values).mean())

    def scale(self, output, largest):
        return 1.0

    def same(self, output, found, expected):
        return bool(_cosines(found[None], expected[None]).min() > 0.999)


def ranks_of(targets: np.ndarray, vectors: np.ndarray) -> dict[str, np.ndarray]:
    """At which place each is found among all others: 1 is the best.

    Args:
        targets: int (N,), what belongs together.
        vectors: float (N, 2, D).

    Returns:
        "first" -> ranks of the first ones, each asked for by every second; "second" -> ranks of the second ones, each
        asked for by every different first. Where others are exactly as like, half of them count as found before it.
    """
    first, second = vectors[:, 0], vectors[:, 1]
    firsts, seconds = _distinct(targets, first), _distinct(targets, second)
    by_second, _ = _ranks(targets[seconds], second[seconds], targets[firsts], first[firsts])
    by_first, _ = _ranks(targets[firsts], first[firsts], targets[seconds], second[seconds])
    return {"first": by_second, "second": by_first}


def _ranks(asking, questions, belonging, answers):
    """(rank of the best answer to each question, place of the one found first), questions by the hundreds."""
    ranks, nearest = np.empty(len(questions)), np.empty(len(questions), np.int64)
    for start in range(0, len(questions), _QUESTIONS):
        rows = slice(start, start + _QUESTIONS)
        scores = questions[rows] @ answers.T
        right = asking[rows, None] == belonging[None]
        best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
        ranks[rows] = 1 + ((scores > best) & ~right).sum(axis=1) + ((scores == best) & ~right).sum(axis=1) / 2
        nearest[rows] = scores.argmax(axis=1)
    return ranks, nearest


def _distinct(targets, vectors):
    """Numbers of the rows that differ, each once: rows of one thing may hold one and the same picture five times."""
    order = np.argsort(targets, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(targets[order]) != 0])
    first_of = np.repeat(order[starts], np.diff(np.r_[starts, len(order)]))
    same = np.abs(vectors[order] - vectors[first_of]).max(axis=1) < _SAME
    return np.sort(order[~same | (order == first_of)])


def _cosines(wanted, values):
    """Of vectors (N, 2, D): float (N, 2); 1 for two that are both of a missing input."""
    wanted, values = np.asarray(wanted, np.float64), np.asarray(values, np.float64)
    lengths = np.linalg.norm(wanted, axis=-1) * np.linalg.norm(values, axis=-1)
    absent = ~wanted.any(axis=-1) & (np.abs(values).max(axis=-1) < _SAME)
    return np.where(absent, 1.0, (wanted * values).sum(-1) / np.maximum(lengths, 1e-12))
