"""Tables of own data: a CSV file or a DataFrame to a DataFrame with row numbers, and which column feeds what."""

from __future__ import annotations

import csv
import os
import pathlib
from collections.abc import Mapping

import pandas as pd

from mmzoo.edge.columns import match_column
from mmzoo.schema import Schema, Sensors, identifier

_SEPARATORS = (",", ";", "\t")


def read_table(table: str | os.PathLike | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Reads a table.

    Args:
        table: a DataFrame, or the path of a CSV file in UTF-8 (with or without BOM), separated by commas, semicolons
            or tabs. Its cells are read as they stand; "NA" is a text like any other.

    Returns:
        The table and its name for error messages. The index of a CSV file's table are the rows as a spreadsheet numbers
        them: 1 is the header, 2 the first sample; empty rows are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no UTF-8 or no table, has no rows or one with more or fewer cells than the header, or a
            column stands there twice.
        TypeError: neither a path nor a DataFrame.
    """
    if isinstance(table, pd.DataFrame):
        frame, source = table, "DataFrame"
    elif isinstance(table, (str, os.PathLike)):
        frame, source = _read_csv(pathlib.Path(table)), os.fspath(table)
    else:
        raise TypeError(f"table: expected the path of a CSV file or a pandas DataFrame, got {type(table).__name__}")
    columns = list(frame.columns)
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise ValueError(f"{source}: column {twice[0]!r} stands there twice")
    if not len(frame):
        raise ValueError(f"{source}: no rows; the columns are {columns}")
    return frame, source


def _read_csv(path):
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    _check_text(path)
    _check_lengths(path)
    try:
        # The header is read as a row, or pandas would rename a column that stands there twice.
        frame = pd.read_csv(
            path,
            sep=_separator(path),
            header=None,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            encoding="utf-8-sig",
        )
    except (pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise ValueError(f"{path}: not a CSV table ({error})") from error
    frame = frame.fillna("")
    frame.columns = [name.strip() for name in frame.iloc[0]]
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    frame = frame.iloc[1:]
    return frame[(frame != "").any(axis=1)]


def _check_text(path):
    """Refuses a file that is no UTF-8, with the line of the first byte that is none."""
    content = path.read_bytes()
    try:
        content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if content.startswith((b"\xff\xfe", b"\xfe\xff")):
            found = "it is UTF-16, which spreadsheets call 'Unicode text'"
        else:
            line, byte = content.count(b"\n", 0, error.start) + 1, content[error.start : error.start + 1]
            found = f"line {line}, byte 0x{byte.hex()}, {byte.decode('cp1252', 'replace')!r} if it is Windows-1252"
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


def _first(numbers, shown=5):
    numbers = list(numbers)
    return ", ".join(map(str, numbers[:shown])) + (", ..." if len(numbers) > shown else "")


def _separator(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    return max(_SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))


def choose_columns(
    schema: Schema, available: list[str], columns: Mapping[str, str | None] | None, source: str, *, targets: bool
) -> dict[tuple[str, int | None], str | None]:
    """Finds the column of every input, field and output.

    By default an image, text, sound or output has the column of its name (or one of which that is the
    `mmzoo.schema.identifier`), a sensor `<input>_<field>`, `<input>.<field>` or,
    where only one input has such a field, `<field>`.

    Args:
        schema: inputs and outputs.
        available: the table's columns.
        columns: input, field (named as above) or output -> its column, where it differs; None: missing in all rows.
            A `Sensors` input may be given as a whole as None.
        source: the table's name, for error messages.
        targets: whether outputs need a column too.

    Returns:
        (input or output, index of the field or None) -> column, or None for what is missing in all rows.

    Raises:
        ValueError: a key of `columns` that is neither input, field nor output, columns that the table lacks, or two
            columns for one input.
    """
    wanted: dict[tuple[str, int | None], str] = {}
    for name, modality in schema.inputs.items():
        if isinstance(modality, Sensors):
            wanted |= {(name, index): f"{name}_{field.name}" for index, field in enumerate(modality.fields)}
        else:
            wanted[name, None] = name
    if targets:
        wanted |= {(name, None): name for name in schema.outputs}
    chosen: dict[tuple[str, int | None], str | None] = {}
    for key, column in (columns or {}).items():
        target = _target(schema, key)
        if target == (key, None) and isinstance(schema.inputs.get(key), Sensors):
            if column is not None:
                raise ValueError(f"columns: {key!r} has fields; name the column of each, such as {key}_<field>")
            chosen |= {place: None for place in wanted if place[0] == key}
        elif target in wanted:
            chosen[target] = column
    explicit = set(chosen)
    for column in available:
        target = None if column in chosen.values() else _default_target(schema, column, source)
        if target in wanted and target not in explicit:
            if target in chosen:
                raise ValueError(f"{source}: columns {chosen[target]!r} and {column!r} are the same input; drop one")
            chosen[target] = column
    absent = [wanted[place] for place in wanted if place not in chosen]
    absent += [column for column in chosen.values() if column is not None and column not in available]
    if absent:
        raise ValueError(
            f"{source}: no column {', '.join(map(repr, absent))}; the columns are {available}. Name another with "
            f"columns={{{absent[0]!r}: ...}}; None there means that it is missing in all rows"
        )
    return {place: chosen[place] for place in wanted}


def _default_target(schema, column, source):
    for name in (column, identifier(column)):
        if name in schema.outputs:
            return name, None
    return match_column(schema, str(column), source)


def _target(schema, key):
    if key in schema.inputs or key in schema.outputs:
        return key, None
    target = match_column(schema, key, "columns")
    if target is None:
        raise ValueError(
            f"columns: {key!r} is no input, field (<input>_<field>) or output of schema {schema.name!r}; "
            f"inputs: {list(schema.inputs)}, outputs: {list(schema.outputs)}"
        )
    return target
