"""The metadata.csv of a data set's folder: one row a sample, paths relative to the folder."""

from __future__ import annotations

import pathlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FILE = "metadata.csv"


def read_metadata(folder: pathlib.Path, columns: Sequence[str]) -> pd.DataFrame:
    """The table of a folder as strings, "" where a cell is empty; its index are the rows as a spreadsheet numbers them.

    Args:
        folder: of the data set.
        columns: those that must be there.

    Raises:
        FileNotFoundError: the folder holds no metadata.csv.
        ValueError: a column is missing, there are no rows, or the file is broken; the message names it.
    """
    from mmzoo.data.tables.frames import read_frame

    path = folder / FILE
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
