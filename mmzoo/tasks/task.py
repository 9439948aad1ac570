"""`Task`, the class that every kind of output has one of, and the table of them."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.schema import Output


@dataclasses.dataclass(frozen=True)
class Figure:
    """What is known of a metric, once for all tables, reports and summaries.

    Attributes:
        name: as it stands in metrics.json and results.csv ("balanced_accuracy").
        is_share: a share of 1, shown in per cent; else a number in its own unit.
        lower_is_better: an error.
    """

    name: str
    is_share: bool = True
    lower_is_better: bool = False

    def text(self, value: float, unit: str = "", digits: int = 2) -> str:
        """The value as a person reads it: "97.25 %", "0.0312 rad"."""
        return f"{100 * value:.{digits}f} %" if self.is_share else f"{value:.4g} {unit}".strip()

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value beats another."""
        return value < other if self.lower_is_better else value > other


class Task(abc.ABC):
    """What a kind of output means. Stateless; everything it needs to know of one output is in the output itself.

    Attributes:
        figures: the metrics of the kind, the headline first.
    """

    figures: tuple[Figure, ...]

    @property
    def headline(self) -> Figure:
        """The figure that a table of many cases shows."""
        return self.figures[0]

    # Making ----------------------------------------------------------------------------------------------------------

    def head(self, output: Output, features: Any, name: str, *, dropout: float = 0.0) -> Any:
        """New layers from the fused vector, float (B, D), to the logits, float (B, *output.shape).

        Args:
            output: its description.
            features: the vector, dropout applied already.
            name: of the layers; begins with `mmzoo.fusion.head.HEAD_PREFIX`.
            dropout: for heads with layers of their own.
        """
        import math

        from keras import layers

        logits = layers.Dense(math.prod(output.shape), name=name)(features)
        return logits if len(output.shape) == 1 else layers.Reshape(output.shape, name=f"{name}_shape")(logits)

    def activation(self, output: Output, name: str, classifier_activation: str | None) -> Any:
        """What turns logits into the output, applied once after the fusion: a name of Keras', or a layer.

        Args:
            output: its description.
            name: of the output.
            classifier_activation: what the builder was told for classes; None: logits.
        """
        return "linear"

    # Training --------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def loss(self, model: Any, name: str, output: Output) -> Any:
        """The default Keras loss of an output of a model."""

    @abc.abstractmethod
    def fit_metrics(self, model: Any, name: str, output: Output) -> list:
        """The default Keras metrics while training."""

    @abc.abstractmethod
    def encode_targets(
        self, output: Output, targets: np.ndarray, place: str, label_smoothing: float = 0.0
    ) -> np.ndarray:
        """A batch of targets, checked, as the loss takes them: float32 (N, *shape). Rows without a target may hold
        anything finite; their weight is 0.

        Raises:
            ValueError: targets that don't fit; the message begins with the place.
        """

    # Measuring -------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def measure(self, output: Output, targets: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        """Name -> value of all `figures`; samples without a target are left out.

        Args:
            output: its description.
            targets: (N, ...), as the data has them.
            predicted: the model's output, float (N, *shape).
        """

    def report(self, output: Output, name: str, evaluation: Any) -> dict[str, Any]:
        """The output's section of report.html, as plain values; see `mmzoo.evaluation.report`."""
        return {}

    def picture(self, output: Output, targets: np.ndarray, predicted: np.ndarray, note: str) -> bytes | None:
        """A PNG that shows how good it is; None where there is none."""
        return None

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output: Output, wanted: np.ndarray, values: np.ndarray) -> Mapping[str, float | None]:
        """Figures of a written file beside those of all kinds, such as the share of equal answers."""
        return {}

    def scale(self, output: Output, largest: float) -> float:
        """What differences between a file and the Keras model are divided by.

        Args:
            output: its description.
            largest: the largest absolute value that the Keras model gives.
        """
        return max(1.0, largest)


_TASKS: dict[type, Task] = {}


def register_task(kind: type[Output], task: Task) -> None:
    """Makes `task` the task of all outputs of `kind`."""
    _TASKS[kind] = task


def task_for(output: Output) -> Task:
    """The task of an output.

    Raises:
        TypeError: its kind has none; the message names it and those that have one.
    """
    for kind in type(output).__mro__:
        if kind in _TASKS:
            return _TASKS[kind]
    known = sorted(kind.__name__ for kind in _TASKS)
    raise TypeError(f"no task for outputs of the kind {type(output).__name__}; there are tasks for {known}")
