"""The range that a number may have, from the values seen: wide enough that new data does not fall out of it."""

from __future__ import annotations

import math

import numpy as np

# Where the values reach both ends of one of these and never leave it, that is the range.
_WHOLE = ((0, 1), (-1, 1), (0, 100), (0, 255), (0, 10), (-90, 90), (-180, 180), (0, 360))
_LARGEST = 3e38


def sensible_range(numbers: np.ndarray) -> tuple[float, float]:
    """Smallest and largest value to accept.

    As wide again as the data on either side, but not over zero if the data isn't; ten times the largest for positive
    numbers with a long tail, such as prices; then rounded outwards to two digits. Data that reaches both ends of a
    usual range (0..1, -1..1, 0..100, ...) keeps it.

    Args:
        numbers: the values seen, finite (N,).

    Returns:
        (minimum, maximum).

    >>> sensible_range(np.array([20.0, 25.0, 38.0]))
    (2.0, 56.0)
    """
    low, high = float(np.min(numbers)), float(np.max(numbers))
    if (low, high) in _WHOLE:
        return low, high
    span = high - low or abs(high) or 1.0
    wide_high = 10 * high if has_long_tail(numbers) else high + span
    wide_low = low - span
    if low >= 0:
        wide_low = max(0.0, wide_low)
    if high <= 0 and low < 0:
        wide_high = min(0.0, wide_high)
    return max(-_LARGEST, _outwards(wide_low, math.floor)), min(_LARGEST, _outwards(wide_high, math.ceil))


def has_long_tail(numbers: np.ndarray) -> bool:
    """Positive numbers over more than one power of ten, which a logarithm makes symmetric: prices, populations."""
    numbers = np.asarray(numbers, float)
    if len(numbers) < 20 or numbers.min() <= 0:
        return False
    low, high = np.quantile(numbers, [0.01, 0.99])
    return bool(high / low >= 10 and _skewness(numbers) > 1.5 and abs(_skewness(np.log(numbers))) < 1.0)


def _skewness(numbers):
    numbers = numbers / max(np.abs(numbers).max(), 1e-30)
    spread = numbers.std()
    return float(np.mean(((numbers - numbers.mean()) / spread) ** 3)) if spread > 0 else 0.0


def _outwards(value, rounding):
    if value == 0 or not math.isfinite(value):
        return value
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    return float(f"{rounding(value / step) * step:.12g}")
