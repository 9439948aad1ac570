"""How sure a classifier is, whether it is as sure as it is right, and how sure its accuracy is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

BINS = 15
# How far from 1 the sum of what are probabilities may be.
_SUM_BOUND = 1e-2


def are_probabilities(predicted: np.ndarray) -> bool:
    """Whether the rows (..., classes) are distributions, not logits."""
    return bool(predicted.min() >= 0 and np.allclose(predicted.sum(axis=-1), 1, atol=_SUM_BOUND))


def probabilities_of(predicted: np.ndarray) -> np.ndarray:
    """The predictions (..., classes) themselves where they are distributions, the softmax of logits."""
    if are_probabilities(predicted):
        return predicted
    exponents = np.exp(predicted - predicted.max(axis=-1, keepdims=True))
    return exponents / exponents.sum(axis=-1, keepdims=True)


def wilson_interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), as if the samples were independent of each other."""
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return centre - half, centre + half


def reliability_table(truth, probabilities, bins: int = BINS) -> pd.DataFrame:
    """Accuracy against confidence, in bins of equal width.

    Args:
        truth: class ids (N,).
        probabilities: float (N, classes).
        bins: number of bins between 0 and 1.

    Returns:
        One row a bin that holds samples: "low", "high" (its edges), "samples", "confidence" (mean probability of the
        predicted class) and "accuracy".
    """
    import pandas as pd

    probabilities = np.asarray(probabilities)
    confidence = probabilities.max(axis=1)
    edges = np.linspace(0, 1, bins + 1)
    # As in the paper below, a bin holds its upper edge: a confidence of 1 is in the last one.
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    rows = pd.DataFrame(
        {"bin": place, "confidence": confidence, "accuracy": probabilities.argmax(axis=1) == np.asarray(truth)}
    )
    table = rows.groupby("bin").agg(
        samples=("accuracy", "size"), confidence=("confidence", "mean"), accuracy=("accuracy", "mean")
    )
    table.insert(0, "low", edges[table.index])
    table.insert(1, "high", edges[table.index + 1])
    return table.reset_index(drop=True)


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Mean distance between accuracy and confidence, each bin by its samples (Guo et al., "On calibration of modern
    neural networks", ICML 2017).

    Args:
        table: of `reliability_table`.
    """
    return float(np.average((table.accuracy - table.confidence).abs(), weights=table.samples))
