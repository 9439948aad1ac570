"""What stands for "missing": among raw values, whatever library they come from, and as a word in a cell of a table."""

from __future__ import annotations

import decimal
from collections.abc import Collection
from typing import Any

import numpy as np

# Without regard to case. Words that people also use as a value ("none", "unknown", "x") are not among them.
MISSING_WORDS = frozenset(
    (
        *("na", "n/a", "n.a.", "<na>", "#n/a", "#na", "#n/a n/a", "nan", "-nan", "nat", "null", "#null!", "nil"),
        *("?", "-", "--", "---", "\u2013", "\u2014", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "1.#qnan"),
    )
)
# pandas' own, told by their names: it is no package of the device.
_OF_PANDAS = ("NAType", "NaTType")


def is_missing(value: Any) -> bool:
    """Whether a raw value stands for "missing": None, "", NaN, NaT, or pandas' NA.

    >>> [is_missing(value) for value in (None, "", float("nan"), np.datetime64("NaT"), 0, "nan", [])]
    [True, True, True, True, False, False, False]
    """
    if value is None or (isinstance(value, (str, bytes)) and not value):
        return True
    if type(value).__name__ in _OF_PANDAS:
        return True
    return isinstance(value, (float, np.floating, np.datetime64, decimal.Decimal)) and bool(value != value)


def is_missing_word(cell: str, known: Collection[str] = ()) -> bool:
    """Whether a cell of a table holds a word for "no value".

    Args:
        cell: its text.
        known: words that are values here, such as the classes of a label: what is one of them is not missing.

    >>> is_missing_word(" N/A "), is_missing_word("-", known=("+", "-")), is_missing_word("none")
    (True, False, False)
    """
    word = cell.strip()
    return len(word) <= 9 and word.lower() in MISSING_WORDS and word not in known


def is_empty_cell(cell: Any, known: Collection[str] = ()) -> bool:
    """Whether a cell of a table holds no value: missing, blank, or a word for that.

    Args:
        cell: of any type.
        known: see `is_missing_word`.

    >>> [is_empty_cell(cell) for cell in (None, float("nan"), " ", "NA", 0, "none")]
    [True, True, True, True, False, False]
    """
    return is_missing(cell) or isinstance(cell, str) and (not cell.strip() or is_missing_word(cell, known))
