"""Cells of typed tables as they would stand in a CSV file."""

from __future__ import annotations

import datetime
import json
import math
from typing import Any

import numpy as np


def cell_text(cell: Any, place: str) -> str:
    """A cell as text; "" where it is empty. Lists and mappings become JSON, as a series' cell is written.

    Args:
        cell: a number, truth value, text, date, time, list, mapping, or one of the values that stand for "none".
        place: file, row and column, for error messages.

    Raises:
        ValueError: bytes, or another type; the message says what to do.

    >>> [cell_text(cell, "") for cell in (3.0, 0.25, True, None, float("nan"), [1, 2])]
    ['3', '0.25', 'True', '', '', '[1, 2]']
    """
    if isinstance(cell, str):
        return cell
    if cell is None or type(cell).__name__ in ("NAType", "NaTType") or isinstance(cell, float) and math.isnan(cell):
        return ""
    if isinstance(cell, np.generic):
        return cell_text(cell.item(), place)
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        # What is whole is written as a float where a cell of its column is empty.
        return str(int(cell))
    if isinstance(cell, (int, float)):
        return repr(cell)
    if isinstance(cell, datetime.datetime):
        return (cell.date() if cell.time() == datetime.time() and cell.tzinfo is None else cell).isoformat()
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, np.ndarray):
        cell = cell.tolist()
    inner = cell.values() if isinstance(cell, dict) else [cell]
    if any(isinstance(one, (bytes, bytearray)) for one in inner):
        raise ValueError(
            f"{place}: holds bytes, a picture or a sound maybe; write each to a file of its own, and its path here"
        )
    try:
        return json.dumps(cell, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(cell)
