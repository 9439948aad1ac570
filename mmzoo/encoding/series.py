"""Series over time to the numbers of a tensor: lists of steps, arrays, CSV files."""

from __future__ import annotations

import datetime
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.csv_rows import column_names, numbered_rows
from mmzoo.encoding.fields import days_since_1970, encode_fields
from mmzoo.encoding.missing import is_missing, is_missing_word
from mmzoo.encoding.numbers import read_number

# Columns of a CSV file that say when a step was, where the series has no such field.
TIMES = ("time", "t")


def encode_series(series, value: Any, place: str) -> np.ndarray:
    """A series to the model's numbers: of a longer one the newest steps, a shorter one padded in front.

    Args:
        series: the `Series` of the schema.
        value: a list of steps, each a mapping from field to value, a row of values in the fields' order, or None where
            it is missing; a float array (T, F) as it stands in the tensor, counted from the origins; or the path
            of a CSV file with a header, whose columns are named like the fields. A column "time" or "t", numbers or ISO
            8601 dates, must rise, unless the series has such a field. An empty path and an empty list are missing.
        place: the input's name, for error messages.

    Returns:
        float32 (steps, F), NaN where a step or a field is missing.

    Raises:
        FileNotFoundError: there is no such file.
        KeyError: a step has an unknown field.
        ValueError: rows of different length, times out of order, columns that are no fields, a wrong number of columns,
            or a value that a field refuses; the message names file and row, or the step.
        TypeError: another kind of value.
    """
    if isinstance(value, (str, os.PathLike)):
        if not os.fspath(value):
            return series.missing()
        rows = _read_file(series, os.fspath(value), place)
    elif isinstance(value, np.ndarray):
        rows = _check_array(series, value, place)
    elif isinstance(value, (list, tuple)):
        rows = [_encode_step(series, step, f"{place}, step {number}") for number, step in enumerate(value)]
    else:
        raise TypeError(
            f"{place}: expected a list of mappings from field to value, an array (T, {len(series.fields)}) or the path "
            f"of a CSV file, got {type(value).__name__}: {value!r:.80}"
        )
    array = series.missing()
    newest = rows[-series.steps :]
    if len(newest):
        array[-len(newest) :] = newest
    return array


def _check_array(series, array, place):
    wanted = f"{place}: expected a float array (T, {len(series.fields)}), a column for each of the fields "
    wanted += f"{[field.name for field in series.fields]}"
    if array.ndim != 2 or array.shape[1] != len(series.fields):
        raise ValueError(f"{wanted}, got shape {array.shape}")
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{wanted}, got {array.dtype}")
    series.check(array, place)
    return array.astype(np.float32)


def _encode_step(series, step, place):
    if is_missing(step):
        return np.full(len(series.fields), np.nan, np.float32)
    if isinstance(step, Mapping):
        return encode_fields(series.fields, step, place)
    if not isinstance(step, (list, tuple)):
        raise TypeError(f"{place}: expected a mapping from field to value, got {type(step).__name__}: {step!r:.80}")
    names = [field.name for field in series.fields]
    if len(step) != len(names):
        raise ValueError(f"{place}: {len(step)} values, expected one for each of the fields {names}")
    return encode_fields(series.fields, dict(zip(names, step, strict=True)), place)


def _read_file(series, path, place):
    source = f"{place}: {path:.4096}"
    if not os.path.isfile(path):
        raise FileNotFoundError(f"{source}: no such file")
    fields = {field.name: field for field in series.fields}
    with open(path, newline="", encoding="utf-8-sig") as file:
        numbered = numbered_rows(file, source)
        columns = column_names(next(numbered, (1, []))[1])
        time = _check_header(columns, fields, source)
        rows, before = [], None
        for number, cells in numbered:
            where = f"{source}, row {number}"
            if len(cells) != len(columns):
                raise ValueError(f"{where}: {len(cells)} cells, but {len(columns)} columns in the header")
            found = dict(zip(columns, cells, strict=True))
            if time is not None:
                before = _later(found.pop(time), time, before, where)
            rows.append(
                [_encode_cell(field, found.get(name, ""), f"{where}, {name}") for name, field in fields.items()]
            )
    return rows


def _encode_cell(field, cell, place):
    return field.encode(None if is_missing_word(cell, field.categories) else field.parse_cell(cell, place), place)


def _check_header(columns, fields, source):
    """The column of times, if there is one."""
    if not columns:
        raise ValueError(f"{source}: is empty; expected a header with some of the fields {list(fields)}")
    twice = [name for name in columns if columns.count(name) > 1]
    if twice:
        raise ValueError(f"{source}, row 1: column {twice[0]!r:.80} stands there twice")
    time = next((name for name in TIMES if name in columns and name not in fields), None)
    unknown = [name for name in columns if name not in fields and name != time]
    if unknown:
        raise ValueError(f"{source}, row 1: unknown field {unknown[0]!r:.80}; the fields are {list(fields)}")
    if columns == [time]:
        raise ValueError(f"{source}, row 1: no column is a field; the fields are {list(fields)}")
    return time


def _later(cell, column, before, where):
    """The time in a cell, which must be later than the one before: (number, as it is written)."""
    text = cell.strip()
    try:
        now = read_number(text)
    except ValueError:
        now = _days(text)
    if not math.isfinite(now):
        raise ValueError(f"{where}: {column}: expected a number or an ISO 8601 date, got {cell!r:.80}")
    if before is not None and now <= before[0]:
        raise ValueError(
            f"{where}: {column} {text} is not later than {before[1]} in the row before; sort the steps by time"
        )
    return now, text


def _days(text):
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return days_since_1970(moment)
