"""Figures, examples and a histogram of one column, for the table and the page."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.deciding.targets import labels_of
from mmzoo.inspection.inspection import Column, figure
from mmzoo.inspection.reading.cells import Cells

_EXAMPLES = 5
_BARS = 12
_BINS = 24
_PICTURES = 8


def describe(cells: Cells, decision: Decision, role: str, feeds: str) -> Column:
    """The record of one column."""
    statistics, bars, pictures = _figures(cells, decision)
    return Column(
        name=cells.name,
        role=role,
        kind=decision.kind,
        why=decision.why,
        feeds=feeds,
        missing=1 - cells.filled / len(cells),
        distinct=len(cells.values),
        examples=tuple(_spread(cells.values, _EXAMPLES)),
        statistics=statistics,
        bars=tuple(bars),
        pictures=tuple(pictures),
    )


def _figures(cells: Cells, decision: Decision) -> tuple[dict[str, Any], list, list]:
    if decision.kind in ("number", "angle", "value") and decision.values is not None:
        seen = decision.values[np.isfinite(decision.values)]
        return _number_figures(seen), _histogram(seen, figure), []
    if decision.kind == "date" and decision.values is not None:
        seen = decision.values[np.isfinite(decision.values)]
        ends = {"first": _day(seen.min()), "last": _day(seen.max())} if len(seen) else {}
        return ends, _histogram(seen, _day), []
    if decision.kind == "time" and decision.values is not None:
        seen = decision.values[np.isfinite(decision.values)]
        return {}, _histogram(seen, lambda degrees: f"{degrees / 15:.1f} h"), []
    if decision.kind in ("image", "audio") and decision.contents is not None:
        return _file_figures(decision)
    if decision.kind == "text":
        lengths = np.array([len(value.encode("utf-8", "replace")) for value in cells.values], int)
        lengths = np.repeat(lengths, cells.counts)
        figures = {"median bytes": int(np.median(lengths)), "most bytes": int(lengths.max())} if len(lengths) else {}
        return figures, _histogram(np.minimum(lengths, np.quantile(lengths, 0.99)), lambda x: f"{x:.0f} bytes"), []
    if decision.kind == "multilabel":
        counts: dict[str, int] = {}
        for value, count in cells.by_count():
            for label in labels_of(value):
                counts[label] = counts.get(label, 0) + count
        return {}, _most(sorted(counts.items(), key=lambda item: -item[1])), []
    if decision.kind in ("category", "label", "split", "constant", "unusable"):
        return {}, _most(cells.by_count()), []
    return {}, [], []


def _number_figures(seen):
    if not len(seen):
        return {}
    low, median, high = np.quantile(seen, [0, 0.5, 1])
    return {
        "minimum": figure(low),
        "median": figure(median),
        "mean": figure(seen.mean()),
        "maximum": figure(high),
    }


def _file_figures(decision):
    contents, files = decision.contents, decision.files
    good = contents.sizes[contents.good]
    figures = {}
    if len(good) and contents.thumbnails is not None:
        sizes, count = np.unique(good, axis=0, return_counts=True)
        width, height = sizes[count.argmax()]
        figures = {
            "most frequent size": f"{width:.0f} x {height:.0f}",
            "smallest side": int(good.min()),
            "largest side": int(good.max()),
        }
        pictures = [files.paths[index] for index in _spread(contents.looked[contents.good].tolist(), _PICTURES)]
        return figures, [], pictures
    if len(good):
        rates = ", ".join(f"{rate:.0f}" for rate in np.unique(good[:, 1])[:4])
        figures = {"median seconds": figure(np.median(good[:, 0])), "samples a second": rates}
        return figures, _histogram(good[:, 0], lambda x: f"{x:.2g} s"), []
    return figures, [], []


def _histogram(seen, name):
    """Equally wide bins; a long tail is cut at the 99th percentile, whose bin holds the rest."""
    if not len(seen):
        return []
    low, high = float(np.min(seen)), float(np.max(seen))
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return [(name(low), len(seen))]
    top = float(np.quantile(seen, 0.99))
    cut = high > top + 2 * (top - low) and top > low
    counts, edges = np.histogram(np.minimum(seen, top) if cut else seen, min(_BINS, max(1, len(np.unique(seen)))))
    labels = [f"{name(a)} to {name(b)}" for a, b in zip(edges[:-1], edges[1:], strict=True)]
    if cut:
        labels[-1] = f"{name(edges[-2])} and more, up to {name(high)}"
    return list(zip(labels, counts.tolist(), strict=True))


def _most(counts):
    rest = sum(count for _, count in counts[_BARS:])
    shown = [(name, count) for name, count in counts[:_BARS]]
    return shown + ([(f"{len(counts) - _BARS:,} others", rest)] if rest else [])


def _spread(values, count):
    """Some values, spread evenly over all."""
    if len(values) <= count:
        return list(values)
    return [values[i] for i in np.linspace(0, len(values) - 1, count).astype(int)]


def _day(days):
    return str(np.datetime64(int(np.floor(days)), "D"))
