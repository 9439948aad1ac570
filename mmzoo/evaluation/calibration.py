"""Whether a classifier is as sure as it is right."""

from __future__ import annotations

import numpy as np
import pandas as pd

BINS = 15


def are_probabilities(predicted: np.ndarray) -> bool:
    """Whether the rows (N, classes) are distributions, not logits."""
    return bool(predicted.min() >= 0 and np.allclose(predicted.sum(axis=1), 1, atol=1e-2))


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
