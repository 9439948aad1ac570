"""Pictures of how good predictions are, drawn with matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np


def confusion_picture(truth, predicted, classes: Sequence[str], title: str = "") -> bytes:
    """Draws the confusion matrix: rows the true class, columns the predicted one, in per cent of the row.

    Args:
        truth: class ids (N,).
        predicted: class ids (N,).
        classes: the names.
        title: title of the picture.

    Returns:
        A PNG.
    """
    from matplotlib import colors
    from matplotlib.figure import Figure
    from sklearn.metrics import confusion_matrix

    count = len(classes)
    matrix = confusion_matrix(truth, predicted, labels=range(count)).astype(float)
    share = 100 * matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 0.24 * count + 2.5)
    figure = Figure(figsize=(size + 1, size), layout="constrained")
    axes = figure.add_subplot()
    # A logarithmic scale: with a good model all that matters lies below 5 %.
    norm = colors.SymLogNorm(linthresh=1.0, vmin=0, vmax=100)
    picture = axes.imshow(share, cmap="Blues", norm=norm)
    axes.set_xticks(range(count), classes, rotation=90, fontsize=7)
    axes.set_yticks(range(count), classes, fontsize=7)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(title)
    for row, column in zip(*np.nonzero(matrix), strict=True):
        dark = share[row, column] > 12
        axes.text(
            column, row, f"{share[row, column]:.0f}" if share[row, column] >= 0.5 else "<1",
            ha="center", va="center", fontsize=5, color="white" if dark else "black",
        )  # fmt: skip
    bar = figure.colorbar(picture, ax=axes, shrink=0.6, label="% of the true class")
    bar.set_ticks([0, 1, 10, 100], labels=["0", "1", "10", "100"])
    return _png(figure)


def value_picture(truth, predicted, unit: str) -> bytes:
    """Draws predicted against true values, with the line where they are equal.

    Args:
        truth: float (N,).
        predicted: float (N,).
        unit: of both.

    Returns:
        A PNG.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    ends = [min(np.min(truth), np.min(predicted)), max(np.max(truth), np.max(predicted))]
    axes.plot(ends, ends, color="grey", linewidth=1)
    axes.scatter(truth, predicted, s=6, alpha=0.4)
    axes.set_xlabel(f"true ({unit})" if unit else "true")
    axes.set_ylabel(f"predicted ({unit})" if unit else "predicted")
    return _png(figure)


def _png(figure):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()
