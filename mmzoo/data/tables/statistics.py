"""Counts and moments of samples that come a chunk at a time: what training would have to read all of them for."""

from __future__ import annotations

import numpy as np


class Moments:
    """Number, mean and standard deviation of each column, NaN left out, in one pass (Chan, Golub & LeVeque 1983).

    Args:
        columns: number of columns.
    """

    def __init__(self, columns: int):
        self.count = np.zeros(columns, np.int64)
        self.mean = np.zeros(columns)
        self._squares = np.zeros(columns)

    def add(self, rows: np.ndarray) -> None:
        """Takes in rows, float (N, columns)."""
        rows = np.asarray(rows, np.float64)
        given = np.isfinite(rows)
        count = given.sum(axis=0)
        mean = np.where(given, rows, 0.0).sum(axis=0) / np.maximum(count, 1)
        squares = (np.where(given, rows - mean, 0.0) ** 2).sum(axis=0)
        total = self.count + count
        apart, share = mean - self.mean, count / np.maximum(total, 1)
        self._squares += squares + apart**2 * self.count * share
        self.mean += apart * share
        self.count = total

    @property
    def deviation(self) -> np.ndarray:
        """Of the whole population; 0 where nothing was given."""
        return np.sqrt(self._squares / np.maximum(self.count, 1))
