"""What stands for "missing" among raw values, whatever library it comes from."""

from __future__ import annotations

import decimal
from typing import Any

import numpy as np

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
