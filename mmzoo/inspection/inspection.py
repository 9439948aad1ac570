"""What an inspection finds: a record a column, and findings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from mmzoo.schema import Schema

LEVELS = ("error", "warning", "note")

# Rows and values that a message names before it only counts.
SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something to put right or to know.

    Attributes:
        level: "error": training would stop, or could not begin; "warning": the result would be worse, or better than
            it deserves; "note": for information.
        column: the column's name; "" where it is the table as a whole.
        message: what is wrong, in which rows, and what to do.
        rows: the rows, as many as are worth a look; a CSV file's are numbered as a spreadsheet does (1 is the header).
    """

    level: str
    column: str
    message: str
    rows: tuple[Any, ...] = ()

    def __str__(self) -> str:
        return f"{self.level}: {f'column {self.column!r}: ' if self.column else ''}{self.message}"


@dataclasses.dataclass(frozen=True)
class Column:
    """What one column holds.

    Attributes:
        name: its name in the table.
        role: "input", "target", "split" or "left out".
        kind: "image", "audio", "text", "number", "angle", "category", "date", "time"; of a target "label",
            "multilabel", "value"; of a column that is left out the reason: "identifier", "constant", "empty", "copy",
            "fold", "ignore", "unusable".
        why: the reason for the decision, in words.
        feeds: the input or output, or "<input>.<field>"; "" if none.
        missing: share of the rows whose cell is empty, 0..1.
        distinct: number of different values.
        examples: some values, as texts.
        statistics: name -> number or text; what there is depends on the kind.
        bars: (label, number of rows) of a histogram or of the most frequent values.
        pictures: files of some pictures, for images.
    """

    name: str
    role: str
    kind: str
    why: str
    feeds: str = ""
    missing: float = 0.0
    distinct: int = 0
    examples: tuple[str, ...] = ()
    statistics: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    bars: tuple[tuple[str, int], ...] = ()
    pictures: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Inspection:
    """What a table holds.

    Attributes:
        schema: inputs and outputs that were decided on; None where an error stands in the way.
        columns: a record a column, in the table's order.
        findings: errors first, then warnings, then notes.
        source: the table's name.
        rows: the number of its rows.
        mapping: input or output -> column, where the name alone does not tell; the `columns` of
            `mmzoo.data.tables.manifest.read_manifest`.
    """

    schema: Schema | None
    columns: tuple[Column, ...]
    findings: tuple[Finding, ...]
    source: str
    rows: int
    mapping: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def column(self, name: str) -> Column:
        """The record of one column.

        Raises:
            KeyError: the table has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.source}: no column {name!r}; the columns are {[c.name for c in self.columns]}")

    def of_level(self, level: str) -> list[Finding]:
        """The findings of one level."""
        return [finding for finding in self.findings if finding.level == level]


def in_words(rows: Iterable[Any]) -> str:
    """Row numbers for a message: "row 3", "rows 3, 5 and 8", "rows 3, 5, 8, 9, 12 and 40 more".

    >>> in_words([3, 5, 8])
    'rows 3, 5 and 8'
    """
    rows = [str(row) for row in rows]
    if len(rows) == 1:
        return f"row {rows[0]}"
    last = f"{len(rows) - SHOWN:,} more" if len(rows) > SHOWN else rows.pop()
    return f"rows {', '.join(rows[:SHOWN])} and {last}"


def counted(number: int, what: str) -> str:
    """A number of things for a message.

    >>> counted(1, "row"), counted(1200, "picture")
    ('1 row', '1,200 pictures')
    """
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}{'es' if what.endswith('s') else 's'}"


def figure(number: float) -> str:
    """A number for people: four digits, or more where it has them before the point.

    >>> figure(35.0), figure(201000.0), figure(0.0483394)
    ('35', '201,000', '0.04834')
    """
    return f"{number:,.0f}" if 1000 <= abs(number) < 1e12 else f"{number:.4g}"


def quoted(values: Iterable[Any], shown: int = SHOWN) -> str:
    """Values for a message: 'a', 'b' and 7 more."""
    values = list(values)
    text = ", ".join(repr(str(value))[:60] for value in values[:shown])
    return text + (f" and {len(values) - shown:,} more" if len(values) > shown else "")


def percent(share: float) -> str:
    """A share for a message; what is neither nothing nor all is never rounded to it.

    >>> percent(0.0004), percent(0.5), percent(1.0)
    ('0.04 %', '50 %', '100 %')
    """
    number = 100 * share
    if 0 < number < 1 or 99 < number < 100:
        return f"{number:.2g} %" if number < 1 else f"{min(number, 99.9):.1f} %"
    return f"{number:.0f} %"
