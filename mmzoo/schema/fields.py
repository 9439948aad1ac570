"""Fields of a Sensors or Sequence input: each is one float32 in the tensor, NaN where it is missing."""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.schema.checks import check_names

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class Number:
    """A measured number in its own unit.

    Attributes:
        name: the field's name.
        unit: the unit, in words or symbols ("km/h"); "" if it has none.
        minimum: smallest value that can occur; smaller ones are refused as bad input.
        maximum: largest value that can occur.
    """

    name: str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0

    def __post_init__(self):
        for bound in ("minimum", "maximum"):
            value = getattr(self, bound)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"field {self.name!r}: {bound}: expected a number, got {value!r}")
            # 0 and 0.0 would make two different JSON files of one schema.
            object.__setattr__(self, bound, float(value))
        # As float32, which the tensor holds.
        if not -LARGEST_FLOAT32 <= self.minimum < self.maximum <= LARGEST_FLOAT32:
            raise ValueError(
                f"field {self.name!r}: expected finite minimum < maximum, got {self.minimum!r} and {self.maximum!r}"
            )

    @property
    def extremes(self) -> tuple[float, float]:
        return self.minimum, self.maximum


@dataclasses.dataclass(frozen=True)
class Angle:
    """A direction; any finite number of degrees, taken modulo 360, so that 359 and 1 lie close together."""

    name: str
    unit: str = "deg"

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, 360.0


@dataclasses.dataclass(frozen=True)
class Category:
    """One of a fixed list of strings; in the tensor its index, as float32."""

    name: str
    categories: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "categories", tuple(self.categories))
        check_names(self.categories, f"the categories of field {self.name!r}")

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, float(len(self.categories) - 1)


@dataclasses.dataclass(frozen=True)
class Date:
    """A calendar date or time stamp; in the tensor days since 1970, with a fraction for the time of day.

    Attributes:
        name: the field's name.
        format: how it is written, in the directives of `datetime.strptime` ("%d.%m.%Y"); "" is ISO 8601 ("2026-11-23"
            or "2026-11-23T14:05").
    """

    name: str
    format: str = ""

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, 36525.0


Field = Number | Angle | Category | Date
