"""Fields of a Sensors or Series input: each is one float32 in the tensor, NaN where it is missing."""

from __future__ import annotations

import abc
import dataclasses
import datetime
import math
from typing import Any, ClassVar

import numpy as np

from mmzoo.encoding import fields as encoding
from mmzoo.encoding.clock import encode_clock
from mmzoo.encoding.fields import in_digits
from mmzoo.encoding.missing import is_missing
from mmzoo.encoding.numbers import read_number
from mmzoo.schema.checks import check_names, check_number
from mmzoo.schema.json_tree import where_set
from mmzoo.schema.kinds import register_kind

LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
# About 2,700 years either side of 1970, which datetime holds.
_MOST_DAYS = 700_000


class Field(abc.ABC):
    """One named value, as a frozen dataclass; what depends on its kind and needs no more than NumPy is asked of it.

    Attributes:
        name: the field's name.
        is_measured: whether its numbers lie on a scale, so that they are normalised by mean and deviation.
        categories: those of a category; () otherwise.
        origin: is subtracted from the raw number in float64, and the tensor holds what is left as float32. So times and
            other large numbers that lie close together stay apart there.
    """

    name: str
    is_measured: ClassVar[bool] = False
    categories: ClassVar[tuple[str, ...]] | tuple[str, ...] = ()
    origin: ClassVar[float] | float = 0.0

    @property
    @abc.abstractmethod
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest number in the tensor."""

    @property
    def raw_dtype(self) -> str:
        """What a SavedModel takes for it: "string", or numbers as wide as its origin needs."""
        return "string" if self.categories else "float64" if self.origin else "float32"

    def encode(self, value: Any, place: str) -> float:
        """A raw value as the number that stands in the tensor; NaN where it is missing: None, "", NaN, NaT, pandas' NA.

        Raises:
            ValueError, TypeError: a value that can't be encoded; the message begins with the place.
        """
        return math.nan if is_missing(value) else self.encode_value(value, place)

    @abc.abstractmethod
    def encode_value(self, value: Any, place: str) -> float:
        """`encode` of a value that is not missing."""

    def parse_cell(self, cell: str, place: str) -> Any:
        """A cell's text as a raw value; None where it is empty."""
        return cell.strip() or None

    @abc.abstractmethod
    def good(self, numbers: np.ndarray) -> tuple[np.ndarray, str]:
        """Which numbers `encode` could have given, bool of their shape, and what was expected, in words."""

    def random(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        """Valid numbers that mean nothing."""
        return rng.uniform(*self.extremes, shape)

    @abc.abstractmethod
    def golden(self, rng: np.random.Generator) -> Any:
        """A raw value for golden vectors."""

    @abc.abstractmethod
    def golden_extreme(self, side: int) -> Any:
        """The raw value of the lowest (side 0) or highest (side 1) number."""

    @abc.abstractmethod
    def contract(self) -> str:
        """What the number means, for whoever fills the tensor in another language."""

    def in_words(self, number: float) -> str:
        """A number of the tensor as a person reads it; "" where it is missing."""
        return "" if np.isnan(number) else f"{self.name} {number:.5g} {getattr(self, 'unit', '')}".strip()


def _parse_number(cell, place):
    cell = cell.strip()
    if not cell:
        return None
    try:
        return read_number(cell)
    except ValueError:
        raise ValueError(f"{place}: expected a number such as 48.5, got {cell!r:.80}") from None


@register_kind
@dataclasses.dataclass(frozen=True)
class Number(Field):
    """A measured number in its own unit.

    Attributes:
        name: the field's name.
        unit: the unit, in words or symbols ("km/h"); "" if it has none.
        minimum: smallest value that can occur; smaller ones are refused as bad input.
        maximum: largest value that can occur.
        origin: what the tensor's numbers start from, in the same unit: it holds value - origin.
    """

    name: str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0
    origin: float = where_set(0.0)

    is_measured: ClassVar[bool] = True

    def __post_init__(self):
        for number in ("minimum", "maximum", "origin"):
            # 0 and 0.0 would make two different JSON files of one schema.
            object.__setattr__(self, number, check_number(getattr(self, number), f"field {self.name!r}: {number}"))
        # As float32, which the tensor holds.
        if not -LARGEST_FLOAT32 <= self.minimum < self.maximum <= LARGEST_FLOAT32:
            raise ValueError(
                f"field {self.name!r}: expected finite minimum < maximum, got {self.minimum!r} and {self.maximum!r}"
            )
        check_origin(self)

    @property
    def extremes(self) -> tuple[float, float]:
        return self.minimum - self.origin, self.maximum - self.origin

    def encode_value(self, value, place):
        return encoding.encode_number(self, value, place)

    def parse_cell(self, cell, place):
        return _parse_number(cell, place)

    def good(self, numbers):
        low, high = self.extremes
        wanted = f"expected {in_digits(low)}..{in_digits(high)} {self.unit}".rstrip() + " (NaN where missing)"
        return (numbers >= np.float32(low)) & (numbers <= np.float32(high)), wanted

    def golden(self, rng):
        return round(float(rng.uniform(self.minimum, self.maximum)), 2)

    def golden_extreme(self, side):
        return (self.minimum, self.maximum)[side]

    def contract(self):
        bounds = f"{in_digits(self.minimum)}..{in_digits(self.maximum)} {self.unit}".strip()
        return bounds + less_origin(self.origin)

    def in_words(self, number):
        if not self.origin or np.isnan(number):
            return super().in_words(number)
        return f"{self.name} {in_digits(float(number) + self.origin)} {self.unit}".strip()


@register_kind
@dataclasses.dataclass(frozen=True)
class Angle(Field):
    """A direction; any finite number of degrees, taken modulo 360, so that 359 and 1 lie close together."""

    name: str
    unit: str = "deg"

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, 360.0

    def encode_value(self, value, place):
        return encoding.encode_angle(value, place)

    def parse_cell(self, cell, place):
        return _parse_number(cell, place)

    def good(self, numbers):
        return np.isfinite(numbers), "expected finite numbers (NaN where missing)"

    def golden(self, rng):
        return float(rng.integers(0, 360))

    def golden_extreme(self, side):
        return (0.0, 359.0)[side]

    def contract(self):
        return "degrees, taken modulo 360"


@register_kind
@dataclasses.dataclass(frozen=True)
class TimeOfDay(Angle):
    """A time of day without a date; in the tensor degrees of the day, 15 an hour, so that 23:59 and 0:01 lie close.

    Raw: a text such as "14:05", "14:05:30" or "2:05 PM", or `datetime.time`.
    """

    def encode_value(self, value, place):
        return encode_clock(value, place)

    def parse_cell(self, cell, place):
        return cell.strip() or None

    def golden(self, rng):
        return f"{rng.integers(0, 24):02d}:{rng.integers(0, 60):02d}"

    def golden_extreme(self, side):
        return ("00:00", "23:59")[side]

    def contract(self):
        return "time of day as degrees of it: 15 an hour, 0.25 a minute"

    def in_words(self, number):
        minutes = 0 if np.isnan(number) else round(4 * number) % 1440
        return "" if np.isnan(number) else f"{self.name} {minutes // 60:02d}:{minutes % 60:02d}"


@register_kind
@dataclasses.dataclass(frozen=True)
class Category(Field):
    """One of a fixed list of strings; in the tensor its index, as float32."""

    name: str
    categories: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "categories", tuple(self.categories))
        check_names(self.categories, f"the categories of field {self.name!r}")

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, float(len(self.categories) - 1)

    def encode_value(self, value, place):
        return encoding.encode_category(self, value, place)

    def good(self, numbers):
        good = (numbers >= 0) & (numbers < len(self.categories)) & (numbers == np.floor(numbers))
        return good, f"expected the number of a category, 0..{len(self.categories) - 1} (NaN where missing)"

    def random(self, shape, rng):
        return rng.integers(0, len(self.categories), shape)

    def golden(self, rng):
        return str(rng.choice(self.categories))

    def golden_extreme(self, side):
        return self.categories[-1 if side else 0]

    def contract(self):
        return "index into " + ", ".join(f"{i} {name}" for i, name in enumerate(self.categories))

    def in_words(self, number):
        return "" if np.isnan(number) else f"{self.name} {self.categories[int(number)]}"


@register_kind
@dataclasses.dataclass(frozen=True)
class Date(Field):
    """A calendar date or time stamp; in the tensor days since 1970, with a fraction for the time of day.

    Attributes:
        name: the field's name.
        format: how it is written, in the directives of `datetime.strptime` ("%d.%m.%Y"); "" is ISO 8601 ("2026-11-23"
            or "2026-11-23T14:05"). With an offset ("...T14:05+02:00") it is converted to UTC; without, it is UTC.
        origin: a whole number of days since 1970 that the tensor's days are counted from instead.
    """

    name: str
    format: str = ""
    origin: float = where_set(0.0)

    is_measured: ClassVar[bool] = True

    def __post_init__(self):
        object.__setattr__(self, "origin", check_number(self.origin, f"field {self.name!r}: origin"))
        check_origin(self)
        if not self.origin.is_integer():
            raise ValueError(f"field {self.name!r}: origin: expected a whole number of days, got {self.origin!r}")

    @property
    def extremes(self) -> tuple[float, float]:
        return -self.origin, 36525.0 - self.origin

    def encode_value(self, value, place):
        return encoding.encode_date(self, value, place)

    def good(self, numbers):
        return np.isfinite(numbers), "expected finite numbers (NaN where missing)"

    def golden(self, rng):
        return self._written("2026-11-23")

    def golden_extreme(self, side):
        return self._written(("1970-01-01", "2069-12-31")[side])

    def _written(self, iso):
        # With an offset, which the format may want.
        day = datetime.datetime.fromisoformat(iso).replace(tzinfo=datetime.UTC)
        return day.strftime(self.format) if self.format else iso

    def contract(self):
        return f"days since 1970-01-01 in UTC, with a fraction for the time of day{less_origin(self.origin)}"

    def in_words(self, number):
        if not np.isfinite(number) or not abs(number + self.origin) < _MOST_DAYS:
            return super().in_words(number)
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=float(number) + self.origin)
        return f"{self.name} {moment.isoformat(' ', 'minutes').removesuffix(' 00:00')}"


def check_origin(field: Field) -> None:
    """Raises ValueError where a field's lowest and highest number, counted from its origin, are one as float32."""
    if not math.isfinite(field.origin):
        raise ValueError(f"field {field.name!r}: origin: expected a finite number, got {field.origin!r}")
    low, high = np.float32(field.extremes)
    if field.origin and not low < high:
        raise ValueError(
            f"field {field.name!r}: origin {field.origin!r}: counted from there, float32 can't tell the lowest and the "
            "highest number apart; expected one near them"
        )


def less_origin(origin: float) -> str:
    """What a port has to do with a raw number, for the input contract; "" where there is nothing to do."""
    return f"; the tensor holds float32(number - {origin:.17g}), subtracted in float64" if origin else ""
