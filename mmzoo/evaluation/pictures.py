"""Pictures of samples, drawn with matplotlib."""

from __future__ import annotations

import pathlib
import textwrap
from collections.abc import Sequence


def sample_sheet(images, titles: Sequence[str], path: str | pathlib.Path, columns: int = 8, title: str = "") -> None:
    """Draws images in a grid, each with a line of text.

    Args:
        images: uint8 (N, H, W, 3).
        titles: one a sample.
        path: file to write.
        columns: images a row.
        title: title of the picture.
    """
    from matplotlib.figure import Figure

    rows = max(1, -(-len(images) // columns))
    figure = Figure(figsize=(1.5 * columns, 1.75 * rows + 0.4), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, text in zip(axes, images, titles, strict=False):
        axis.imshow(image)
        axis.set_title("\n".join(textwrap.fill(line, 26) for line in text.split("\n")), fontsize=6)
    figure.suptitle(title, fontsize=9)
    figure.savefig(path, dpi=110)
