"""Tables of own data: a file, a folder or a DataFrame to a DataFrame with row numbers, and which column feeds what."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Collection, Iterator, Mapping

import pandas as pd

from mmzoo.data.tables.frames import SOURCE, read_frame, read_frames, with_missing
from mmzoo.schema import Schema
from mmzoo.schema.columns import match_column, named_output

# In the folder of a prepared table: it says that the records are whole.
RECORD = "prepared.json"


def is_prepared(table: str | os.PathLike | pd.DataFrame) -> bool:
    """Whether a table is a folder that `mmzoo.prepare` wrote."""
    return not isinstance(table, pd.DataFrame) and (pathlib.Path(table) / RECORD).is_file()


def read_table(table: str | os.PathLike | pd.DataFrame, *, missing: Collection[str] = ()) -> tuple[pd.DataFrame, str]:
    """Reads a table.

    Args:
        table: a DataFrame, or the path of a file or folder in one of the formats of
            `mmzoo.encoding.tables.open_table`: CSV, Excel, Parquet, JSON lines, a folder for each class. Its cells are
            texts as they stand; which of them mean "missing" is for what reads them.
        missing: words that stand for an empty cell, beside those of `mmzoo.encoding.missing`.

    Returns:
        The table and its name for error messages. The index of a CSV file's table are the rows as a spreadsheet numbers
        them: 1 is the header, 2 the first sample; empty rows are left out.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no UTF-8 or no table, has no rows or one with more or fewer cells than the header, or a
            column stands there twice.
        TypeError: neither a path nor a DataFrame.
        ImportError: a package that the file's format needs is not installed.
    """
    if isinstance(table, pd.DataFrame):
        frame, source = with_missing(table, missing), table.attrs.get(SOURCE, "DataFrame")
    elif isinstance(table, (str, os.PathLike)):
        frame, source = read_frame(table, missing), os.fspath(table)
    else:
        raise TypeError(f"table: expected the path of a table or a pandas DataFrame, got {type(table).__name__}")
    columns = list(frame.columns)
    _check_once(columns, source)
    if not len(frame):
        raise ValueError(f"{source}: no rows; the columns are {columns}")
    return frame, source


def read_chunks(
    table: str | os.PathLike | pd.DataFrame, rows: int, *, missing: Collection[str] = ()
) -> Iterator[tuple[pd.DataFrame, str]]:
    """Reads a table as `read_table` does, but some rows at a time, so that it need not fit in memory.

    Args:
        table, missing: see `read_table`.
        rows: rows of a chunk.

    Yields:
        A part of the table, with the index that it has in the whole, and the table's name.

    Raises:
        FileNotFoundError, ValueError, TypeError, ImportError: see `read_table`.
    """
    if not isinstance(table, (str, os.PathLike)):
        frame, source = read_table(table, missing=missing)
        for start in range(0, len(frame), rows):
            yield frame.iloc[start : start + rows], source
        return
    source, found = os.fspath(table), False
    for frame in read_frames(table, rows, missing):
        if not found:
            _check_once(list(frame.columns), source)
        found = True
        yield frame, source
    if not found:
        # Which says what is missing.
        read_table(table)


def root_of(table: str | os.PathLike | pd.DataFrame, root: str | os.PathLike | None) -> pathlib.Path:
    """What the table's paths are relative to: by default its folder, or the current one of a DataFrame.

    Raises:
        FileNotFoundError: there is no such root.
    """
    if root is None:
        if isinstance(table, pd.DataFrame):
            return pathlib.Path()
        return pathlib.Path(table) if os.path.isdir(table) else pathlib.Path(table).parent
    if not os.path.isdir(root):
        raise FileNotFoundError(f"root: no such folder: {os.fspath(root)}")
    return pathlib.Path(root)


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
