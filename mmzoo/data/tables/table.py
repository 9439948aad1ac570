"""Tables of own data: a CSV file or a DataFrame to a DataFrame with row numbers, and which column feeds what."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator, Mapping

import pandas as pd

from mmzoo.data.tables.csv_file import read_csv, read_csv_chunks
from mmzoo.schema import Schema
from mmzoo.schema.columns import match_column, named_output

_SOURCE = "mmzoo_source"


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
        frame, source = table, table.attrs.get(_SOURCE, "DataFrame")
    elif isinstance(table, (str, os.PathLike)):
        frame, source = read_csv(pathlib.Path(table)), os.fspath(table)
        # So that a part of it is still known by its name.
        frame.attrs[_SOURCE] = source
    else:
        raise TypeError(f"table: expected the path of a CSV file or a pandas DataFrame, got {type(table).__name__}")
    columns = list(frame.columns)
    _check_once(columns, source)
    if not len(frame):
        raise ValueError(f"{source}: no rows; the columns are {columns}")
    return frame, source


def read_chunks(table: str | os.PathLike | pd.DataFrame, rows: int) -> Iterator[tuple[pd.DataFrame, str]]:
    """Reads a table as `read_table` does, but some rows at a time, so that it need not fit in memory.

    Args:
        table: see `read_table`.
        rows: rows of a chunk.

    Yields:
        A part of the table, with the index that it has in the whole, and the table's name.

    Raises:
        FileNotFoundError, ValueError, TypeError: see `read_table`.
    """
    if not isinstance(table, (str, os.PathLike)):
        frame, source = read_table(table)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows], source
        return
    source, found = os.fspath(table), False
    for frame in read_csv_chunks(pathlib.Path(table), rows):
        if not found:
            _check_once(list(frame.columns), source)
        found = True
        yield frame, source
    if not found:
        # Which says what is missing.
        read_table(table)


def _check_once(columns, source):
    twice = [column for column in columns if columns.count(column) > 1]
    if twice:
        raise ValueError(f"{source}: column {twice[0]!r} stands there twice")


def choose_columns(
    schema: Schema, available: list[str], columns: Mapping[str, str | None] | None, source: str, *, targets: bool
) -> dict[tuple[str, int | None], str | None]:
    """Finds the column of every input, field and output.

    By default an image, text, sound, series or output has the column of its name (or, without such a column, one of
    which that is the `mmzoo.schema.identifier`), a sensor, where only one input has such a field, `<field>`, or
    `<input>_<field>` or `<input>.<field>`.

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
    for name, modality in schema.given.items():
        if modality.is_column:
            wanted[name, None] = name
        else:
            wanted |= {(name, index): f"{name}_{field.name}" for index, field in enumerate(modality.fields)}
    if targets:
        wanted |= {(name, None): name for name in schema.predicted}
    chosen: dict[tuple[str, int | None], str | None] = {}
    for key, column in (columns or {}).items():
        target = _target(schema, key)
        if target == (key, None) and key in schema.given and not schema.given[key].is_column:
            if column is not None:
                raise ValueError(f"columns: {key!r} has fields; name the column of each, such as {key}_<field>")
            chosen |= {place: None for place in wanted if place[0] == key}
        elif target in wanted:
            chosen[target] = column
    explicit = set(chosen)
    for column in available:
        target = None if column in chosen.values() else _default_target(schema, column, source, available)
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


def _default_target(schema, column, source, available):
    output = named_output(schema, str(column), available)
    return (output, None) if output is not None else match_column(schema, str(column), source, available)


def _target(schema, key):
    if key in schema.given or key in schema.predicted:
        return key, None
    target = match_column(schema, key, "columns")
    if target is None:
        raise ValueError(
            f"columns: {key!r} is no input, field (<input>_<field>) or output of schema {schema.name!r}; "
            f"inputs: {list(schema.given)}, outputs: {list(schema.predicted)}"
        )
    return target
