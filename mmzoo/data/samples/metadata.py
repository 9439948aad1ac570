"""The metadata.csv of a data set's folder: one row a sample, paths relative to the folder; and its rows as arrays."""

from __future__ import annotations

import dataclasses
import hashlib
import pathlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mmzoo.schema import Schema, Text

if TYPE_CHECKING:
    import pandas as pd

FILE = "metadata.csv"


def read_metadata(folder: pathlib.Path, columns: Sequence[str]) -> pd.DataFrame:
    """The table of a folder, packed with gzip or not, as strings, "" where a cell is empty; its index are the rows as a
    spreadsheet numbers them.

    Args:
        folder: of the data set; the table may be packed there, as metadata.csv.gz.
        columns: those that must be there.

    Raises:
        FileNotFoundError: the folder holds neither metadata.csv nor metadata.csv.gz.
        ValueError: a column is missing, there are no rows, or the file is broken; the message names it.
    """
    from mmzoo.data.tables.frames import read_frame

    path, packed = folder / FILE, folder / f"{FILE}.gz"
    path = packed if packed.is_file() and not path.is_file() else path
    table = read_frame(path)
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; expected {list(columns)}, got {list(table)}")
    if table.empty:
        raise ValueError(f"{path}: no rows")
    return table


def numbers_of(table: pd.DataFrame, column: str, folder: pathlib.Path):
    """A column as float64 (N,).

    Raises:
        ValueError: a cell that is no finite number; the message names file and row.
    """
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(table[column].str.strip(), errors="coerce").to_numpy(float)
    wrong = np.flatnonzero(~np.isfinite(numbers))
    if len(wrong):
        row = table.index[wrong[0]]
        raise ValueError(
            f"{folder / FILE}: row {row}, column {column!r}: expected a number, got {table[column][row]!r}"
        )
    return numbers


def classes_of(table: pd.DataFrame, column: str, classes: Sequence[str], folder: pathlib.Path):
    """A column of class names as their numbers, int32 (N,).

    Raises:
        ValueError: a cell that is none of the classes; the message names file and row.
    """
    import numpy as np

    numbers = {name: number for number, name in enumerate(classes)}
    wrong = table.index[~table[column].isin(list(numbers))]
    if len(wrong):
        value, article = table[column][wrong[0]], "an" if column[0] in "aeiou" else "a"
        raise ValueError(
            f"{folder / FILE}: row {wrong[0]}: expected {article} {column} of {list(classes)}, got {value!r}"
        )
    return table[column].map(numbers).to_numpy(np.int32)


def refuse_empty(table: pd.DataFrame, column: str, folder: pathlib.Path) -> None:
    """Refuses rows that have nothing in a column that each of them needs.

    Raises:
        ValueError: an empty cell; the message names file and row.
    """
    empty = table.index[table[column].str.strip() == ""]
    if len(empty):
        raise ValueError(f"{folder / FILE}: row {empty[0]}: the {column} is empty")


def hashed_part(key: str, parts: int) -> int:
    """Which of so many equal parts a key falls into, by its hash: other rows that come or go move none.

    Args:
        key: what the rows that belong together have in common.
        parts: number of parts.
    """
    return int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % parts


def encoded(schema: Schema, raw: Mapping[str, Sequence], table: pd.DataFrame, folder: pathlib.Path) -> dict:
    """The inputs of the rows of a table: input -> array (N, *shape), of those inputs that the schema has as data.

    Args:
        schema: of the model.
        raw: input -> raw values, one a row, in the order of the table; an input of the schema that is left out is
            missing in every row, and so is "" in one. Paths of files are relative to the folder; a file is read once.
        table: whose index says which row it is, for messages.
        folder: of the data set.

    Raises:
        ValueError, FileNotFoundError, ImportError: a value that can't be encoded; the message names file and row.
    """
    import numpy as np

    inputs = {}
    for name, kind in schema.given.items():
        if name not in raw:
            inputs[name] = np.repeat(kind.missing()[None], len(table), axis=0)
            continue
        rows, places, unique = [], {}, []
        for row, value in zip(table.index, raw[name], strict=True):
            is_text = isinstance(value, str)
            key = value if is_text else len(unique)
            if key not in places:
                given = None if is_text and not value else folder / value if is_text and kind.is_file else value
                unique.append(kind.encode(given, f"{folder / FILE}: row {row}"))
                places[key] = len(unique) - 1
            rows.append(places[key])
        inputs[name] = np.stack(unique)[rows] if rows else np.empty((0, *kind.shape), kind.dtype)
    return inputs


def findings(schema: Schema, raw: Mapping[str, Sequence], inputs: Mapping) -> str:
    """What the rows lack, to stand behind a note: "; voice missing in 2 of 418 rows", "" where nothing is to be said.

    An empty text, a silent sound, a black picture and a patient of whom nothing is known are missing inputs; a text is
    cut where it is longer than the model reads.

    Args:
        schema: of the model.
        raw: see `encoded`.
        inputs: what that gave.
    """
    said = []
    for name in (name for name in raw if name in inputs):
        kind, count = schema.inputs[name], len(raw[name])
        absent = count - int(kind.present(inputs[name]).sum())
        said += [f"{name} missing in {absent:,} of {count:,} rows"] if absent else []
        if isinstance(kind, Text):
            longer = {text for text in set(raw[name]) if not _is_read_whole(kind, text)}
            cut = sum(text in longer for text in raw[name])
            said += [f"{name} longer than is read, and cut, in {cut:,} of {count:,}"] if cut else []
    return "".join(f"; {one}" for one in said)


def _is_read_whole(kind, text):
    long = dataclasses.replace(kind, length=8 * kind.length)
    steps = int((long.encode(text, "text") != 0).sum())
    # Of n words there are n - 1 pairs behind them, which may be cut.
    return (steps + 1) // 2 <= kind.length if kind.tokenizer == "ngrams" and kind.pairs else steps <= kind.length
