"""`Label`: exactly one of several classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.missing import is_empty_cell, is_missing
from mmzoo.encoding.spelling import find_name, names_by_spelling
from mmzoo.schema.checks import check_names
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output, listed_classes, quoted_classes, rows_of

# In place of a class number: the sample has no target.
NO_CLASS = -1


@register_kind
@dataclasses.dataclass(frozen=True)
class Label(Output):
    """Exactly one of `classes`: float32 (len(classes),), probabilities (or logits, as the builder was told).

    Targets are class numbers, int (N,), or one-hot rows (N, classes); without a target: -1, or a row of zeros.
    """

    classes: tuple[str, ...]

    target_word = "label"

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        check_names(self.classes, "the classes of a Label")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """The name of a class, however it is spelt (see `mmzoo.encoding.spelling`), to int32 ().

        A number finds the class that is this number, never the class of that place; of a whole column see `of_column`.
        """
        if is_missing(value):
            return self.missing_target()
        place_of = find_name(self.classes, value)
        if place_of is None:
            numbers = "" if self._has_numbers() else f"; or all of the column as numbers 0..{len(self.classes) - 1}"
            raise ValueError(
                f"{place}: unknown label {value!r:.80}; expected one of {quoted_classes(self.classes)}{numbers}"
            )
        return np.array(place_of, np.int32)

    def of_column(self, cells: Iterable[Any]) -> Label:
        """A column of nothing but whole numbers 0..n-1 holds places of classes, where no class is a number itself.

        Returns:
            This label, or one whose classes are those numbers.
        """
        if self._has_numbers():
            return self
        numbered = Label(tuple(map(str, range(len(self.classes)))))
        given = [cell for cell in cells if not is_empty_cell(cell)]
        places = bool(given) and all(find_name(numbered.classes, cell) is not None for cell in given)
        return numbered if places else self

    def _has_numbers(self):
        return bool(names_by_spelling(self.classes).words_of_numbers)

    def misfit(self) -> str:
        return f"not one of the classes {quoted_classes(self.classes)}"

    def missing_target(self) -> np.ndarray:
        return np.array(NO_CLASS, np.int32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        rows = rows_of(targets)
        return rows.any(axis=1) if rows.shape[1] == len(self.classes) > 1 else (rows != NO_CLASS).all(axis=1)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, len(self.classes), count, dtype=np.int32)

    def class_counts(self, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets)[self.has_target(targets)]
        ids = targets.argmax(axis=1) if targets.ndim == 2 and targets.shape[1] > 1 else targets.reshape(-1)
        return np.bincount(ids.astype(np.int64), minlength=len(self.classes))

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> dict[str, float]:
        """{class: probability} of the `top` most likely, in order."""
        order = np.argsort(-row, kind="stable")[:top]
        return {self.classes[i]: float(row[i]) for i in order}

    def columns(self, name: str) -> tuple[str, ...]:
        return name, f"{name}_probability"

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The most likely class and its probability."""
        best = int(np.argmax(row))
        return self.classes[best], f"{row[best]:.6f}"

    def contract(self) -> str:
        return f"one score a class, the highest is the answer: {listed_classes(self.classes)}"
