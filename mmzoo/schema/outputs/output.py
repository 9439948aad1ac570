"""What every kind of output has: `Output`, the class that all of them derive from."""

from __future__ import annotations

import abc
import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

# Between several labels, or the numbers of several steps, in one cell of a table.
SEPARATOR = "|"
# Classes that a sentence of a card still lists, and those that a message does.
_MOST_CLASSES, _QUOTED_CLASSES = 100, 8


class Output(abc.ABC):
    """One named thing that a model predicts, as a frozen dataclass.

    What an output is stands here, with NumPy only, for the device too. What it means for training, measuring, proving
    and reporting stands in its task, see `mmzoo.tasks`.

    Attributes:
        is_predicted: whether it is a prediction. What is not (a state that is fed back) has no target, no figures and
            no column.
        target_word: what a target is called in messages.
        unit: of what is predicted; "" where it has none.
        classes: names on the last axis, for kinds that choose among them; `class_counts` counts their targets.
        is_number: whether targets are numbers whose mean and deviation mean something.
        extents: attributes that say how much there is of it and not what it means: weights fit other ones.
        continues: whether what a call of a stream says depends on how the call before ended.
        feeds_itself: whether a step of it is made from the model's own choice of the step before, in a loop.
        compares: whether it compares its inputs with each other, so that with one of them hidden its figures mean
            nothing.
        no_int8: why there is no static int8 file of a model with it; "": there may be one.
    """

    is_predicted: ClassVar[bool] = True
    target_word: ClassVar[str] = "target"
    unit: ClassVar[str] | str = ""
    classes: ClassVar[tuple[str, ...]] | tuple[str, ...] = ()
    is_number: ClassVar[bool] = False
    extents: ClassVar[tuple[str, ...]] = ()
    continues: ClassVar[bool] = False
    feeds_itself: ClassVar[bool] = False
    compares: ClassVar[bool] = False
    no_int8: ClassVar[str] = ""

    @property
    def needs(self) -> tuple[str, ...]:
        """Inputs without which there is nothing to say, whatever the others are: what is given then is zeros."""
        return ()

    def bound(self, inputs: Mapping[str, Any]) -> Output:
        """The output as part of a schema: itself, but for kinds that point into an input and have to know it.

        Args:
            inputs: of the schema, name -> modality.

        Raises:
            ValueError: the input it points into is missing, or of another kind.
        """
        return self

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of one sample's array in the model, without a batch dimension; classes, where there are, on the last axis."""

    @property
    def steps_in_turn(self) -> int:
        """How many steps a recurrent network gives it in, one after another; 0: it is given at once."""
        return 0

    def meaning(self) -> dict[str, object]:
        """What the numbers of the tensor stand for, part by part: a head fits an output only where it is the same."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return {"kind": type(self), **{name: value for name, value in parts.items() if name not in self.extents}}

    @abc.abstractmethod
    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A raw target, such as a table's cell, to the array that training takes.

        None is `missing_target`, and so is "" but for kinds to which an empty cell says something.

        Raises:
            ValueError: a target that can't be one; the message begins with the place.
        """

    def of_column(self, cells: Iterable[Any]) -> Output:
        """The output as which a column of such cells is read: this one, unless the kind has another way to write all of
        its targets, which is then to be said.

        Args:
            cells: those of the column, empty ones among them.
        """
        return self

    def words_of(self, cell: str) -> list[str]:
        """The names of classes in a cell's text."""
        return [cell]

    def misfit(self) -> str:
        """What a cell is that `encode_target` refuses, in words: "1 cell <that is no target>"."""
        return f"that can't be the {self.target_word} of a {type(self).__name__}"

    @abc.abstractmethod
    def missing_target(self) -> np.ndarray:
        """The target of a sample that has none: it counts neither in the loss nor in a figure."""

    @abc.abstractmethod
    def has_target(self, targets: np.ndarray) -> np.ndarray:
        """Which samples have a target: bool (N,), from targets in any of the forms that training takes."""

    @abc.abstractmethod
    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Targets (count, ...) that mean nothing, to time and to try training with."""

    def class_counts(self, targets: np.ndarray) -> np.ndarray:
        """Samples of each of `classes`, int64 (classes,); those without a target are none."""
        raise NotImplementedError(f"{type(self).__name__} has no classes")

    @abc.abstractmethod
    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> Any:
        """What one row of the model means to a person: {class: probability}, a number, a text ...

        Args:
            row: float array of the shape.
            raw: the sample's raw inputs by name, for outputs that point into one of them.
            top: how many of the most likely to name, where there is a choice.
        """

    def ending(self, row: np.ndarray) -> np.ndarray:
        """Of a kind that `continues`: what the next call of a stream has to know of this one's row."""
        raise NotImplementedError(f"{type(self).__name__} does not go on from call to call")

    def decode_on(
        self, row: np.ndarray, before: np.ndarray | None, raw: Mapping[str, Any] | None = None, top: int = 3
    ) -> Any:
        """`decode` in a stream.

        Args:
            row, raw, top: see `decode`.
            before: the `ending` of the call before; None at the start.
        """
        return self.decode(row, raw, top)

    def in_words(self, decoded: Any) -> list[str]:
        """What `decode` gave in lines for a terminal, the first of them behind the output's name."""
        if isinstance(decoded, Mapping):
            return ["", *(f"  {share:8.4f}  {label}" for label, share in decoded.items())]
        return [str(decoded)]

    def write(self, decoded: Any, stem: str) -> str | None:
        """Writes what `decode` gave to a file, where it is nothing to be printed.

        Args:
            decoded: of `decode`.
            stem: of the file's path, without what its kind ends with.

        Returns:
            The file; None of what is printed.
        """
        return None

    def columns(self, name: str) -> tuple[str, ...]:
        """The columns it fills in a table of predictions."""
        return (name,)

    @abc.abstractmethod
    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """One row of the model as the cells of `columns`."""

    @abc.abstractmethod
    def contract(self) -> str:
        """A sentence for whoever reads the LiteRT file's output in another language."""


def listed_classes(classes: tuple[str, ...]) -> str:
    """Numbers and names of the classes, for a sentence."""
    names = ", ".join(f"{i} {name}" for i, name in enumerate(classes[:_MOST_CLASSES]))
    return names + (", ... (see `schema.json`)" if len(classes) > _MOST_CLASSES else "")


def quoted_classes(classes: tuple[str, ...]) -> str:
    """The first names of the classes, for a message."""
    return ", ".join(map(repr, classes[:_QUOTED_CLASSES])) + (", ..." if len(classes) > _QUOTED_CLASSES else "")


def rows_of(targets: np.ndarray) -> np.ndarray:
    """Targets of any shape as rows: (N, numbers of one sample)."""
    targets = np.atleast_1d(targets)
    return targets.reshape(len(targets), math.prod(targets.shape[1:]))


def all_nan(targets: np.ndarray) -> np.ndarray:
    """Which targets, (N, ...), hold nothing but NaN: bool (N,)."""
    rows = rows_of(targets)
    return np.isnan(rows).all(axis=1) if rows.dtype.kind == "f" else np.zeros(len(rows), bool)
