"""`MultiLabel`: any number of several classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.schema.checks import check_names
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import SEPARATOR, Output, all_nan, listed_classes, quoted_classes


@register_kind
@dataclasses.dataclass(frozen=True)
class MultiLabel(Output):
    """Any number of `classes`: float32 (len(classes),), one probability each.

    Targets are rows of 0 and 1, (N, classes); without a target: a row of NaN.
    """

    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        check_names(self.classes, "the classes of a MultiLabel")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.classes),)

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """Class names joined by "|" to float32 (classes,); "" is none of them, only None is no target."""
        if value is None:
            return self.missing_target()
        found = [label.strip() for label in str(value).split(SEPARATOR)]
        unknown = [label for label in found if label and label not in self.classes]
        if unknown:
            raise ValueError(
                f"{place}: unknown label {unknown[0]!r:.80}; expected some of {list(self.classes[:8])}, joined by "
                f"{SEPARATOR!r}"
            )
        return np.array([name in found for name in self.classes], np.float32)

    def misfit(self) -> str:
        return f"with labels that are not of {quoted_classes(self.classes)}"

    def missing_target(self) -> np.ndarray:
        return np.full(self.shape, np.nan, np.float32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return ~all_nan(targets)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, 2, (count, len(self.classes))).astype(np.float32)

    def class_counts(self, targets: np.ndarray) -> np.ndarray:
        return (np.asarray(targets)[self.has_target(targets)] > 0.5).sum(axis=0)

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> dict[str, float]:
        """{class: probability} of all classes."""
        return {name: float(p) for name, p in zip(self.classes, row, strict=True)}

    def columns(self, name: str) -> tuple[str, ...]:
        return name, f"{name}_probability"

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The classes from 0.5 and their probabilities, joined by "|"."""
        found = [(name, p) for name, p in zip(self.classes, row, strict=True) if p >= 0.5]
        return SEPARATOR.join(name for name, _ in found), SEPARATOR.join(f"{p:.6f}" for _, p in found)

    def contract(self) -> str:
        return f"one score a class, each on its own: {listed_classes(self.classes)}"
