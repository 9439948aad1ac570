"""Values of sensor fields to the numbers that stand in a tensor."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def encode_sensors(sensors, value: Any, place: str) -> np.ndarray:
    """A mapping from field name to value, to float32 (F,) with NaN for what is missing."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{place}: expected a mapping from field to value, got {type(value).__name__}: {value!r:.80}")
    names = [field.name for field in sensors.fields]
    unknown = [name for name in value if name not in names]
    if unknown:
        raise KeyError(f"{place}: unknown field {unknown[0]!r:.80}; the fields are {names}")
    return np.asarray([encode_field(f, value.get(f.name), f"{place}.{f.name}") for f in sensors.fields], np.float32)


def encode_field(field, value: Any, place: str) -> float:
    """One field's value as the number that stands in the tensor; NaN where it is missing."""
    if value is None or (isinstance(value, str) and value == ""):
        return math.nan
    if isinstance(value, (float, np.floating)) and math.isnan(value):
        return math.nan
    kind = type(field).__name__
    if kind == "Category":
        if not isinstance(value, str) or value not in field.categories:
            raise ValueError(f"{place}: unknown category {value!r:.80}; expected one of {list(field.categories)}")
        return float(field.categories.index(value))
    if kind == "Date":
        return _days(field, value, place)
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
    if kind == "Angle":
        # As float32, the tensor's, so that a small negative angle does not end up at 360.
        return float(np.float32(number % 360.0)) % 360.0
    # As float32 too, so that what the tensor holds of a bound is within it.
    if not np.float32(field.minimum) <= _as_float32(number) <= np.float32(field.maximum):
        raise ValueError(
            f"{place}: {number:g} {field.unit} is outside {field.minimum:g}..{field.maximum:g} {field.unit}".replace(
                "  ", " "
            )
        )
    return number


def _as_float32(number):
    with np.errstate(over="ignore"):
        return np.float32(number)


def _days(date, value, place):
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
