"""What the splits of own data have in common, whether a table or a prepared folder gives them."""

from __future__ import annotations

import abc
from collections.abc import Iterable

import numpy as np

Arrays = dict[str, np.ndarray]


class Splits(abc.ABC):
    """Training, validation and test rows.

    Attributes:
        notes: what was done to the data, in words.
    """

    notes: tuple[str, ...]

    @abc.abstractmethod
    def arrays(self, split: str) -> tuple[Arrays, Arrays]:
        """(inputs, targets) of a split, each name -> array (N, ...)."""

    def part(self, split: str, names: Iterable[str]) -> tuple[Arrays, Arrays]:
        """The same with some of the inputs only."""
        inputs, targets = self.arrays(split)
        return {name: inputs[name] for name in names}, targets

    @property
    def note(self) -> str:
        """What was done to the data, in one line."""
        return "; ".join(self.notes)

    def has(self, part: str) -> bool:
        """Whether there are such rows: there are, of every split."""
        return True

    def watched(self, names: Iterable[str]) -> tuple[Arrays, Arrays]:
        """What training watches, and stops by: the validation rows."""
        return self.part("validation", names)
