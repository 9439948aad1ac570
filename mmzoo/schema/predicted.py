"""Outputs: what a model can predict."""

from __future__ import annotations

import dataclasses
import math
import numbers
from typing import ClassVar

from mmzoo.schema.checks import check_names
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Label:
    """Exactly one of `classes`: float32 (len(classes),), probabilities (or logits, as the builder was told)."""

    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        check_names(self.classes, "the classes of a Label")

    is_predicted: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def units(self) -> int:
        return len(self.classes)


@register_kind
@dataclasses.dataclass(frozen=True)
class MultiLabel:
    """Any number of `classes`: float32 (len(classes),), one probability each."""

    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        check_names(self.classes, "the classes of a MultiLabel")

    is_predicted: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def units(self) -> int:
        return len(self.classes)


@register_kind
@dataclasses.dataclass(frozen=True)
class Value:
    """A number to predict, in its own unit: float32 (1,).

    Attributes:
        unit: the unit, in words or symbols; "" if it has none.
        minimum, maximum: what it can be; None: unbounded. Targets outside are refused as bad input.
        scale: "linear", or "log" where what counts is by which factor a prediction is off, as with prices; the targets
            are then greater than 0.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    scale: str = "linear"

    def __post_init__(self):
        if self.scale not in ("linear", "log"):
            raise ValueError(f"scale: expected 'linear' or 'log', got {self.scale!r}")
        for bound in ("minimum", "maximum"):
            value = getattr(self, bound)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
                raise ValueError(f"{bound}: expected a finite number or None, got {value!r}")
            # 0 and 0.0 would make two different JSON files of one schema.
            object.__setattr__(self, bound, float(value))
        if None not in (self.minimum, self.maximum) and not self.minimum < self.maximum:
            raise ValueError(f"expected minimum < maximum, got {self.minimum!r} and {self.maximum!r}")
        if self.scale == "log" and self.maximum is not None and self.maximum <= 0:
            raise ValueError(f"maximum: expected more than 0 on a log scale, got {self.maximum!r}")

    is_predicted: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.units,)

    @property
    def units(self) -> int:
        return 1
