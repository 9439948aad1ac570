"""Values of fields to the numbers that stand in a tensor."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.spelling import find_name

_START, _DAY = datetime.datetime(1970, 1, 1), datetime.timedelta(days=1)


def encode_fields(fields, value: Any, place: str) -> np.ndarray:
    """A mapping from field name to value, to float32 (F,) with NaN for what is missing."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{place}: expected a mapping from field to value, got {type(value).__name__}: {value!r:.80}")
    names = [field.name for field in fields]
    unknown = [name for name in value if name not in names]
    if unknown:
        raise KeyError(f"{place}: unknown field {unknown[0]!r:.80}; the fields are {names}")
    return np.asarray([field.encode(value.get(field.name), f"{place}.{field.name}") for field in fields], np.float32)


def encode_number(number, value: Any, place: str) -> float:
    """A number within the bounds of a `Number`, less its origin."""
    found = _finite(value, place)
    low, high = number.extremes
    # As float32 too, so that what the tensor holds of a bound is within it.
    if not np.float32(low) <= _as_float32(found - number.origin) <= np.float32(high):
        raise ValueError(
            f"{place}: {in_digits(found)} {number.unit} is outside {in_digits(number.minimum)}.."
            f"{in_digits(number.maximum)} {number.unit}".replace("  ", " ").rstrip()
        )
    return found - number.origin


def in_digits(number: float) -> str:
    """A number for a message, of a time in milliseconds every digit.

    >>> in_digits(300.0), in_digits(1709251200123.0), in_digits(1e300), in_digits(0.25)
    ('300', '1709251200123', '1e+300', '0.25')
    """
    return f"{number:.0f}" if abs(number) < 1e15 and float(number).is_integer() else f"{number:.12g}"


def encode_angle(value: Any, place: str) -> float:
    """A finite number of degrees, to 0..360."""
    # As float32, the tensor's, so that a small negative angle does not end up at 360.
    return float(np.float32(_finite(value, place) % 360.0)) % 360.0


def encode_category(category, value: Any, place: str) -> float:
    """A category's index, however the category is spelt, see `mmzoo.encoding.spelling`."""
    index = find_name(category.categories, value)
    if index is None:
        raise ValueError(f"{place}: unknown category {value!r:.80}; expected one of {list(category.categories)}")
    return float(index)


def encode_date(date, value: Any, place: str) -> float:
    """A date, as `Date` has it written, of the module datetime or of NumPy, to days since 1970, less the origin."""
    if isinstance(value, str):
        wanted = f"a date as {date.format}" if date.format else "an ISO 8601 date such as 2026-11-23"
        try:
            if date.format:
                value = datetime.datetime.strptime(value.strip(), date.format)
            else:
                value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{place}: expected {wanted}, got {value!r:.80}") from error
    elif isinstance(value, np.datetime64):
        value = value.astype("datetime64[us]").item()
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        text = f"a string as {date.format}" if date.format else "an ISO 8601 string"
        raise TypeError(f"{place}: expected {text} or a date, got {type(value).__name__}: {value!r:.80}")
    return days_since_1970(value) - date.origin


def days_since_1970(moment: datetime.datetime) -> float:
    """Days since 1970-01-01 in UTC, with a fraction for the time of day; a moment without an offset is taken as UTC."""
    # Not by astimezone(), which refuses the first and last day there is.
    since = moment.replace(tzinfo=None) - _START - (moment.utcoffset() or datetime.timedelta())
    return since / _DAY


def _finite(value, place):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{place}: expected a number, got {type(value).__name__}: {value!r:.80}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(
            f"{place}: expected a finite number, got {number}; leave it out or give NaN where it is missing"
        )
    return number


def _as_float32(number):
    with np.errstate(over="ignore"):
        return np.float32(number)
