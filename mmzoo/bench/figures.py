"""Measured figures, and the table they are shown in."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from rich.table import Table

RATIOS = "ratios, the median of all rounds"


@dataclasses.dataclass(frozen=True)
class Figure:
    """One row of the table.

    Attributes:
        section: what kind of figure it is.
        name: what was measured.
        value: the median of the repetitions, or the one value there is; None where it couldn't be measured.
        unit: of `value` and `p95`: "ms", "samples/s", "images/s", "KB" (1,000 bytes), "MB", "s", "%", or "x" for
            a ratio.
        p95: 95th percentile of the repetitions, where they are single predictions.
        note: what else there is to know; why there is no value.
    """

    section: str
    name: str
    value: float | None
    unit: str
    p95: float | None = None
    note: str = ""


def ratio(name: str, values: Sequence[float], other: str, others: Sequence[float], note: str = "") -> Figure:
    """How two figures compare: the median of the rounds' quotients, which a change of the machine's load hardly moves.

    Args:
        name, values: what stands above the line, a value a round.
        other, others: what stands below it, in the same rounds.
        note: see `Figure`.
    """
    return Figure(RATIOS, f"{name} / {other}", float(np.median(np.divide(values, others))), "x", note=note)


def rich_table(figures: Sequence[Figure], title: str) -> Table:
    """The figures for the terminal, a part for each section."""
    table = Table(title=title, title_justify="left")
    for name, justify in (("", "left"), ("median", "right"), ("p95", "right"), ("unit", "left"), ("note", "left")):
        table.add_column(name, justify=justify)
    for i, figure in enumerate(figures):
        if i == 0 or figure.section != figures[i - 1].section:
            table.add_section()
            table.add_row(f"[bold]{figure.section}[/]")
        table.add_row(figure.name, _number(figure.value), _number(figure.p95), figure.unit, figure.note)
    return table


def write_markdown(figures: Sequence[Figure], machine: str, path: str | os.PathLike) -> None:
    """The figures as a Markdown table, to be pasted.

    Args:
        figures: the figures.
        machine: what they were measured on.
        path: the file.
    """
    lines = [f"Machine: {machine}.", "", "| | median | p95 | unit | note |", "|---|--:|--:|---|---|"]
    for i, figure in enumerate(figures):
        if i == 0 or figure.section != figures[i - 1].section:
            lines.append(f"| **{figure.section}** | | | | |")
        cells = (figure.name, _number(figure.value), _number(figure.p95), figure.unit, figure.note)
        lines.append("| " + " | ".join(cells) + " |")
    pathlib.Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_csv(figures: Sequence[Figure], machine: str, path: str | os.PathLike) -> None:
    """The figures with all their digits, one a row, the machine beside each."""
    table = pd.DataFrame([dataclasses.asdict(figure) for figure in figures])
    table.assign(machine=machine).to_csv(path, index=False)


def read_csv(path: str | os.PathLike) -> pd.DataFrame:
    """What `write_csv` wrote: columns as `Figure` has them, and "machine"; NaN where there is no value or p95."""
    return pd.read_csv(path, keep_default_na=False, na_values={"value": "", "p95": ""})


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"
