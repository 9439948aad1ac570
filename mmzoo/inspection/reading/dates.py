"""Which way dates are written."""

from __future__ import annotations

import dataclasses
import datetime
import itertools

import numpy as np

from mmzoo.encoding.fields import days_since_1970

_DAYS = (
    *("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y:%m:%d", "%Y.%m.%d"),
    *("%d.%m.%y", "%d/%m/%y", "%m/%d/%y"),
    *("%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y"),
)
_TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", "T%H:%M:%S")
_OTHERS = ("%b %Y", "%B %Y", "%m/%Y", "%Y-%m", "%Y", "%a %b %d %H:%M:%S %Y", "%Y%m%d", "%Y%m%d%H%M%S", "%Y%m%d_%H%M%S")
_WITH_OFFSET = ("%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z")
_FORMATS = (*(day + time for day, time in itertools.product(_DAYS, _TIMES)), *_OTHERS, *_WITH_OFFSET)
# Day first where a column leaves it open, as in most of the world.
_SWAPPED = {
    f: f.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m") for f in _FORMATS if "%m" in f and "%d" in f
}
ISO = ""

# To find the formats, so many values are tried with all of them.
_TRIED = 150


@dataclasses.dataclass(frozen=True)
class Dates:
    """How the values of a column are read as dates.

    Attributes:
        formats: of `datetime.strptime`, the most frequent first; "" is ISO 8601.
        which: int (values,), the index of each value's format, -1: it is no date.
        days: float (values,), days since 1970, NaN.
        ambiguous: the main format fits as well with day and month swapped.
    """

    formats: tuple[str, ...]
    which: np.ndarray
    days: np.ndarray
    ambiguous: bool = False


def read_dates(values: list[str], weights: np.ndarray) -> Dates | None:
    """Finds the formats in which the values are dates.

    Args:
        values: different texts.
        weights: how often each occurs.

    Returns:
        The formats; None if most values are no dates.
    """
    order = np.argsort(-weights, kind="stable")
    order = np.unique(np.concatenate([order[: _TRIED // 2], order[:: max(1, len(order) // (_TRIED // 2))]]))
    tried = [values[i] for i in order]
    if np.mean([_could_be(value) for value in tried]) < 0.8:
        return None
    hits = {f: sum(_parse(value, f) is not None for value in tried) for f in (ISO, *_FORMATS)}
    # Of two formats with as many hits, the first of the list; sorted() is stable.
    formats = [f for f in sorted(hits, key=lambda f: -hits[f]) if hits[f]]
    which = np.full(len(values), -1)
    days = np.full(len(values), np.nan)
    # Format by format, since strptime keeps but five of them compiled.
    for number, date_format in enumerate(formats):
        for index in np.flatnonzero(which < 0):
            days[index] = _days(_parse(values[index], date_format))
            which[index] = number if np.isfinite(days[index]) else -1
    if weights[which >= 0].sum() < 0.8 * weights.sum():
        return None
    rows = np.bincount(which[which >= 0], weights[which >= 0], minlength=len(formats))
    order = [int(i) for i in np.argsort(-rows, kind="stable") if rows[i]]
    place = {old: new for new, old in enumerate(order)}
    main = formats[order[0]]
    swapped = _SWAPPED.get(main, main)
    ambiguous = swapped != main and all(
        _parse(value, swapped) is not None for value, number in zip(values, which, strict=True) if number == order[0]
    )
    return Dates(tuple(formats[i] for i in order), np.array([place.get(i, -1) for i in which]), days, ambiguous)


def parse_all(values: list[str], date_format: str) -> Dates:
    """The values as dates of one format.

    Args:
        values: different texts.
        date_format: of `datetime.strptime`; "" is ISO 8601.
    """
    days = np.array([_days(_parse(value, date_format, strict=False)) for value in values], float)
    return Dates((date_format,), np.where(np.isfinite(days), 0, -1), days)


def in_words(date_format: str) -> str:
    """A format for a message."""
    return f"{date_format!r}" if date_format else "ISO 8601 (2026-11-23)"


def _days(date):
    return np.nan if date is None else days_since_1970(date)


def _could_be(value):
    return 4 <= len(value) <= 40 and sum(c.isdigit() for c in value) >= 4


def _parse(value, date_format, strict=True):
    try:
        if date_format:
            return datetime.datetime.strptime(value, date_format)
        # fromisoformat() takes 20260101 and 2026W01 too, which are numbers and names as well.
        if strict and value[4:5] != "-":
            return None
        return datetime.datetime.fromisoformat(value)
    except ValueError:
        return None
