"""What every kind of output has: `Output`, the class that all of them derive from."""

from __future__ import annotations

import abc
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np


class Output(abc.ABC):
    """One named thing that a model predicts, as a frozen dataclass.

    What an output is stands here, with NumPy only, for the device too. What it means for training, measuring, proving
    and reporting stands in its task, see `mmzoo.tasks`.

    Attributes:
        is_predicted: whether it is a prediction. What is not (a state that is fed back) has no target, no figures and
            no column.
    """

    is_predicted: ClassVar[bool] = True

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of one sample's array in the model, without a batch dimension; classes, where there are, on the last axis."""

    @abc.abstractmethod
    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A raw target, such as a table's cell, to the array that training takes; None and "" are `missing_target`.

        Raises:
            ValueError: a target that can't be one; the message begins with the place.
        """

    @abc.abstractmethod
    def missing_target(self) -> np.ndarray:
        """The target of a sample that has none: it counts neither in the loss nor in a figure."""

    @abc.abstractmethod
    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which samples have a target: bool (N,)."""

    @abc.abstractmethod
    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> Any:
        """What one row of the model means to a person: {class: probability}, a number, a text ...

        Args:
            row: float array of the shape.
            raw: the sample's raw inputs by name, for outputs that point into one of them.
            top: how many of the most likely to name, where there is a choice.
        """

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns it fills in a table of predictions."""
        return (name,)

    @abc.abstractmethod
    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """One row of the model as the cells of `columns`."""

    @abc.abstractmethod
    def contract(self) -> str:
        """A sentence for whoever reads the LiteRT file's output in another language."""
