"""A table on disk as a DataFrame of texts, as a whole or some rows at a time; every row is checked before."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Iterator

import pandas as pd

from mmzoo.encoding.missing import is_empty_cell
from mmzoo.encoding.tables import TableFile, open_table

_log = logging.getLogger(__name__)

# Under which names a frame of a table on disk keeps where it is from, and what was left out of it.
SOURCE, NOTES = "mmzoo_source", "mmzoo_notes"
# Rows that are read as lists before they become a part of the frame.
_CHUNK = 20_000


def read_frame(path: str | os.PathLike, missing: Collection[str] = ()) -> pd.DataFrame:
    """The table as strings, "" where a cell is empty; its index are the rows' numbers.

    Args:
        path: a file or folder, see `mmzoo.encoding.tables.open_table`.
        missing: words that stand for an empty cell.

    Raises:
        FileNotFoundError, ImportError: see `open_table`.
        ValueError: no table, or rows with more or fewer cells than the header; the message names the row.
    """
    table = open_table(path)
    chunks = list(_frames(table, _CHUNK, missing))
    frame = pd.concat(chunks) if chunks else pd.DataFrame([], columns=table.columns, dtype=str)
    frame.attrs[SOURCE], frame.attrs[NOTES] = os.fspath(path), table.notes
    return frame


def read_frames(path: str | os.PathLike, rows: int, missing: Collection[str] = ()) -> Iterator[pd.DataFrame]:
    """The same some rows at a time, so that the table need not fit in memory.

    Args:
        path, missing: see `read_frame`.
        rows: rows of a chunk.

    Raises:
        FileNotFoundError, ImportError, ValueError: see `read_frame`.
    """
    table = open_table(path)
    for note in table.notes:
        _log.warning("%s: %s", table.source, note)
    yield from _frames(table, rows, missing)


def with_missing(frame: pd.DataFrame, missing: Collection[str], columns: Collection[str] | None = None) -> pd.DataFrame:
    """The table with "" for the cells that are one of some words; in some of its columns, or in all."""
    words = {word.strip() for word in missing}
    if not words:
        return frame

    def empty(cell):
        return "" if isinstance(cell, str) and cell.strip() in words else cell

    chosen = list(frame.columns if columns is None else columns)
    return frame.map(empty) if columns is None else frame.assign(**{name: frame[name].map(empty) for name in chosen})


def lacks_value(cells: pd.Series, known: Collection[str] = ()) -> pd.Series:
    """Which cells are empty, or hold a word for that which is not among those known as values: bool (N,)."""
    return pd.Series([is_empty_cell(cell, known) for cell in cells.tolist()], index=cells.index, dtype=bool)


def _frames(table: TableFile, rows, missing):
    _check_lengths(table)
    numbers: list[int] = []
    cells: list[list[str]] = []

    def frame():
        return with_missing(pd.DataFrame(cells, pd.Index(numbers), table.columns, str), missing)

    for number, row in table.read():
        # Nothing can be learnt from a row without a cell; a prediction has a row for each.
        if not any(row):
            continue
        numbers.append(number)
        cells.append(row)
        if len(cells) == rows:
            yield frame()
            numbers, cells = [], []
    if cells:
        yield frame()


def _check_lengths(table):
    """Refuses rows with more cells than the header, and rows cut short."""
    short, long, columns = {}, {}, len(table.columns)
    for number, cells in table.read():
        if len(cells) < columns:
            short[number] = len(cells)
        elif len(cells) > columns:
            long[number] = len(cells)
    for ragged, why in ((long, "a cell that holds the separator needs quotes"), (short, "is the row cut short?")):
        if ragged:
            (number, count), *others = ragged.items()
            more = f", and {len(others)} more such rows ({_first(row for row, _ in others)})" if others else ""
            raise ValueError(
                f"{table.source}, row {number}: {count} cells, but {columns} columns in the header{more}; {why}"
            )


def _first(numbers: Iterable[int], shown: int = 5) -> str:
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:shown])) + (", ..." if len(numbers) > shown else "")
