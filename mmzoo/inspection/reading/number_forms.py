"""Numbers that a table writes in a way that can't be read cell by cell: decimal commas, thousands, units."""

from __future__ import annotations

import collections
import re

import numpy as np

from mmzoo.encoding.numbers import with_plain_sign

_COMMA = re.compile(r"[+-]?\d{1,3}(\.\d{3})+,\d+|[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")
_SPACED = re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f'’]\d{3})+([.,]\d+)?")
_POINTS = re.compile(r"[+-]?\d{1,3}(\.\d{3}){2,}")
_PLAIN = re.compile(r"[+-]?\d+(\.\d+)?")
_WITH_UNIT = re.compile(r"([€$£¥₹]|Rs\.?|USD|EUR|GBP|INR)?\s*([+-]?\d[\d.,]*)\s*([^\d\s.,+-][^\d]{0,9})?")

# Words that may stand for "no value" in a column of numbers, but are values elsewhere, so that the user must say so.
MAYBE_MISSING = {
    *("none", ".", "missing", "unknown", "undefined", "inf", "-inf", "not available", "not applicable", "k.a.", "x"),
    *("empty", "void", "invalid", "error", "todo", "tbd"),
}


def unreadable_numbers(name: str, values: list[str], weights: np.ndarray) -> tuple[str, str] | None:
    """Recognises a column of numbers that no cell-by-cell reader can take.

    Args:
        name: the column's name.
        values: its different values.
        weights: how often each occurs.

    Returns:
        (what they are, what to do), or None if they are no such numbers.
    """
    column = f"df[{name!r}]"
    values = [with_plain_sign(value) for value in values]
    total = weights.sum()

    def share(*patterns):
        matching = [any(pattern.fullmatch(value) for pattern in patterns) for value in values]
        return weights[np.array(matching, bool)].sum() / max(total, 1)

    words = np.array([value.lower() in MAYBE_MISSING for value in values], bool)
    enough = 0.9 * (1 - weights[words].sum() / max(total, 1))
    if enough <= 0.5 or share(_PLAIN) >= enough:
        return None
    # Every comma before exactly three digits, and none in front of the first: thousands, not decimals.
    if share(_THOUSANDS, _PLAIN) >= enough and not any(re.match(r"[+-]?0,", value) for value in values):
        return (
            "numbers with commas for thousands (or for decimals, if it is three of them)",
            f"write them without: {column} = {column}.str.replace(',', '').astype(float)",
        )
    if share(_COMMA, _PLAIN) >= enough:
        return (
            "numbers with decimal commas",
            "write them with points: pandas.read_csv(..., decimal=',', thousands='.'), or "
            f"{column} = {column}.str.replace('.', '').str.replace(',', '.').astype(float)",
        )
    if share(_SPACED, _POINTS, _PLAIN, _COMMA) >= enough:
        return "numbers with marks between thousands", "write them without: 1234567.5"
    units = collections.Counter()
    for value, weight in zip(values, weights.tolist(), strict=True):
        match = _WITH_UNIT.fullmatch(value)
        if match and (match.group(1) or match.group(3)):
            units[(match.group(1) or "") + (match.group(3) or "").strip()] += weight
    if units and units.most_common(1)[0][1] >= enough * total:
        unit = units.most_common(1)[0][0]
        return (
            f"numbers with their unit {unit!r} in each cell",
            f"keep the number alone and name the unit in the column: {column} = "
            f"{column}.str.extract(r'([-+]?[0-9.]+)', expand=False).astype(float)",
        )
    return None
