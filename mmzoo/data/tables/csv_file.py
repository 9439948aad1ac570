"""CSV files, checked line by line before pandas reads them: as a whole, or some rows at a time."""

from __future__ import annotations

import csv
import pathlib
from collections.abc import Iterable, Iterator

import pandas as pd

_SEPARATORS = (",", ";", "\t")


def read_csv(path: pathlib.Path) -> pd.DataFrame:
    """The table as strings, "" where a cell is empty; its index are the rows as a spreadsheet numbers them.

    Args:
        path: in UTF-8 (with or without BOM), separated by commas, semicolons or tabs.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: no UTF-8, no table, or rows with more or fewer cells than the header; the message names the row.
    """
    _check(path)
    try:
        frame = _parse(path)
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(f"{path}: not a CSV table ({error})") from error
    frame.columns = [name.strip() for name in frame.iloc[0]]
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = frame.iloc[1:]
    return frame[(frame != "").any(axis=1)]


def read_csv_chunks(path: pathlib.Path, rows: int) -> Iterator[pd.DataFrame]:
    """The same some rows at a time, so that the table need not fit in memory.

    Args:
        path: see `read_csv`.
        rows: rows of a chunk.

    Raises:
        FileNotFoundError, ValueError: see `read_csv`.
    """
    _check(path)
    columns, line = None, 1
    try:
        with _parse(path, chunksize=rows) as chunks:
            for frame in chunks:
                frame = frame.fillna("")
                frame.index = pd.RangeIndex(line, line + len(frame))
                line += len(frame)
                if columns is None:
                    columns = [name.strip() for name in frame.iloc[0]]
                    frame = frame.iloc[1:]
                frame.columns = columns
                frame = frame[(frame != "").any(axis=1)]
                if len(frame):
                    yield frame
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(f"{path}: not a CSV table ({error})") from error


def _parse(path, **options):
    # The header is read as a row, or pandas would rename a column that stands there twice.
    found = pd.read_csv(
        path,
        sep=_separator(path),
        header=None,
        dtype=str,
        keep_default_na=False,
        skip_blank_lines=False,
        encoding="utf-8-sig",
        **options,
    )
    return found if options else found.fillna("")


def _check(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    _check_text(path)
    _check_lengths(path)


def _check_text(path):
    """Refuses a file that is no UTF-8, with the line of the first byte that is none."""
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = line[error.start : error.start + 1]
                found = (
                    f"line {number}, byte 0x{byte.hex()}, {byte.decode('cp1252', 'replace')!r} if it is Windows-1252"
                )
                if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    found = "it is UTF-16, which spreadsheets call 'Unicode text'"
                raise ValueError(
                    f"{path}: not in UTF-8 ({found}); save the table as 'CSV UTF-8', or read it with "
                    "pandas.read_csv(..., encoding=...) and give the DataFrame"
                ) from error


def _check_lengths(path):
    """Refuses rows with more cells than the header, and rows cut short, whose last cells pandas takes for empty."""
    short, long, limit = {}, {}, csv.field_size_limit(2**31 - 1)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = enumerate(csv.reader(file, delimiter=_separator(path)), start=1)
            columns = len(next(rows, (1, []))[1])
            for number, cells in rows:
                if 0 < len(cells) < columns:
                    short[number] = len(cells)
                elif len(cells) > columns:
                    long[number] = len(cells)
    finally:
        csv.field_size_limit(limit)
    # An open quote swallows the rows behind it; pandas says so.
    for ragged, why in ((long, "a cell that holds the separator needs quotes"), (short, "is the row cut short?")):
        if ragged and columns and not _has_open_quote(path):
            (number, count), *others = ragged.items()
            more = f", and {len(others)} more such rows ({_first(row for row, _ in others)})" if others else ""
            raise ValueError(f"{path}, row {number}: {count} cells, but {columns} columns in the header{more}; {why}")


def _has_open_quote(path):
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for _ in csv.reader(file, delimiter=_separator(path), strict=True):
                pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _first(numbers: Iterable[int], shown: int = 5) -> str:
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:shown])) + (", ..." if len(numbers) > shown else "")


def _separator(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    return max(_SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))
