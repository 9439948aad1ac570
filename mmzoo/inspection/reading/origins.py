"""Numbers that float32 blurs, and the origin from which it does not."""

from __future__ import annotations

import math

import numpy as np

# Of the deviation of the numbers, so much may be lost.
_LOST = 1e-3
# An origin is worth it from where no number is further away than this share of the largest.
_NEAR = 1 / 3


def blur(numbers: np.ndarray) -> float:
    """The step from one float32 to the next where the numbers are, in their unit; 0 where it does not matter.

    It matters to numbers of 2^24 and more, of which float32 doesn't hold every whole one (milliseconds since 1970,
    account numbers), and to those that lie closer together than float32 tells well apart.

    Args:
        numbers: finite (N,).

    >>> blur(np.array([1.7e12, 1.7e12 + 5e8])), blur(np.array([48.13712, 48.20185]))
    (131072.0, 0.0)
    """
    step = float32_step(numbers)
    return step if step > 1 or step > _LOST * float(np.std(numbers)) > 0 else 0.0


def float32_step(numbers: np.ndarray) -> float:
    """From the largest of the numbers to the next in float32."""
    return float(np.spacing(np.float32(np.abs(numbers).max())))


def sensible_origin(numbers: np.ndarray) -> float:
    """What to subtract in float64, a round number in the middle of the numbers; 0 where nothing is gained by it.

    Args:
        numbers: finite (N,).

    >>> sensible_origin(np.array([1.7e12, 1.7e12 + 5e8])), sensible_origin(np.array([0.0, 5e8]))
    (1700200000000.0, 0.0)
    """
    return _near_middle(numbers, None) if blur(numbers) else 0.0


def origin_of_days(days: np.ndarray) -> float:
    """The day to count times from; 0 of whole days, which float32 holds as they are.

    Args:
        days: since 1970, finite (N,).
    """
    return _near_middle(days, 1.0) if (days != np.floor(days)).any() else 0.0


def _near_middle(numbers, step):
    low, high = float(np.min(numbers)), float(np.max(numbers))
    if not high > low:
        return 0.0
    step = step or 10.0 ** math.floor(math.log10((high - low) / 2))
    origin = float(f"{round((low + high) / 2 / step) * step:.15g}")
    return origin if max(high - origin, origin - low) <= _NEAR * max(abs(low), abs(high)) else 0.0
