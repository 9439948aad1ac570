"""Values of fields to the numbers that stand in a tensor."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def encode_fields(fields, value: Any, place: str) -> np.ndarray:
    """A mapping from field name to value, to float32 (F,) with NaN for what is missing."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{place}: expected a mapping from field to value, got {type(value).__name__}: {value!r:.80}")
    names = [field.name for field in fields]
    unknown = [name for name in value if name not in names]
    if unknown:
        raise KeyError(f"{place}: unknown field {unknown[0]!r:.80}; the fields are {names}")
    return np.asarray([field.encode(value.get(field.name), f"{place}.{field.name}") for field in fields], np.float32)


def is_missing(value: Any) -> bool:
    """Whether a field's value stands for "missing": None, "" or NaN."""
    if value is None or (isinstance(value, str) and value == ""):
        return True
    return isinstance(value, (float, np.floating)) and math.isnan(value)


def encode_number(number, value: Any, place: str) -> float:
    """A number within the bounds of a `Number`."""
    found = _finite(value, place)
    # As float32 too, so that what the tensor holds of a bound is within it.
    if not np.float32(number.minimum) <= _as_float32(found) <= np.float32(number.maximum):
        raise ValueError(
            f"{place}: {found:g} {number.unit} is outside {number.minimum:g}..{number.maximum:g} {number.unit}".replace(
                "  ", " "
            )
        )
    return found


def encode_angle(value: Any, place: str) -> float:
    """A finite number of degrees, to 0..360."""
    # As float32, the tensor's, so that a small negative angle does not end up at 360.
    return float(np.float32(_finite(value, place) % 360.0)) % 360.0


def encode_category(category, value: Any, place: str) -> float:
    """A category's index."""
    if not isinstance(value, str) or value not in category.categories:
        raise ValueError(f"{place}: unknown category {value!r:.80}; expected one of {list(category.categories)}")
    return float(category.categories.index(value))


def encode_date(date, value: Any, place: str) -> float:
    """A date, as `Date` has it written or of the module datetime, to days since 1970."""
    if isinstance(value, str):
        wanted = f"a date as {date.format}" if date.format else "an ISO 8601 date such as 2026-11-23"
        try:
            if date.format:
                value = datetime.datetime.strptime(value.strip(), date.format)
            else:
                value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{place}: expected {wanted}, got {value!r:.80}") from error
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        text = f"a string as {date.format}" if date.format else "an ISO 8601 string"
        raise TypeError(f"{place}: expected {text} or a date, got {type(value).__name__}: {value!r:.80}")
    return (value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)


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
