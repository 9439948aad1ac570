"""Counter-based random numbers: what image i draws depends on (seed, i) alone, and all images draw at once.

A NumPy generator per image would cost more than the image's own drawing, and one per batch would tie an image to its
batch; hashing (seed, index, number of the draw) with SplitMix64's finalizer (Steele, Lea, Flood 2014) does neither.
"""

from __future__ import annotations

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15


def _mix(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


class Dice:
    """Draws one number for every image at each call; the order of the calls is part of the seed's meaning.

    Args:
        seed: Any integer.
        start: Index of the first image.
        count: Number of images.
    """

    def __init__(self, seed: int, start: int, count: int):
        self.count = count
        self._draws = 0
        index = np.arange(count, dtype=np.uint64) + np.uint64(start)
        key = _mix(np.full(1, (int(seed) + _GOLDEN) % 2**64, np.uint64))
        self._image = _mix(key ^ _mix(index + np.uint64(1)))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """float64 (count,) in [low, high)."""
        self._draws += 1
        bits = _mix(self._image + np.uint64(self._draws * _GOLDEN % 2**64))
        return low + (high - low) * ((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)

    def normal(self, mean: float = 0.0, deviation: float = 1.0) -> np.ndarray:
        """float64 (count,), by Box and Muller."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform()))
        return mean + deviation * radius * np.cos(2.0 * np.pi * self.uniform())

    def integers(self, high: int) -> np.ndarray:
        """int64 (count,) in [0, high)."""
        return (self.uniform() * high).astype(np.int64)

    def chance(self, probability: float) -> np.ndarray:
        """bool (count,), true with the given probability."""
        return self.uniform() < probability
