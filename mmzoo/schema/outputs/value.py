"""`Value`: a number, or one for each of several steps."""

from __future__ import annotations

import dataclasses
import math
import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.schema.checks import check_sizes
from mmzoo.schema.fields import LARGEST_FLOAT32
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import SEPARATOR, Output, all_nan


@register_kind
@dataclasses.dataclass(frozen=True)
class Value(Output):
    """A number to predict, in its own unit, or a row of them: float32 (steps,).

    Targets are numbers, float (N,) for one step or (N, steps); without a target: NaN, a row of NaN.

    Attributes:
        unit: the unit, in words or symbols; "" if it has none.
        minimum, maximum: what it can be; None: unbounded. Targets outside are refused as bad input.
        scale: "linear", or "log" where what counts is by which factor a prediction is off, as with prices; the targets
            are then greater than 0.
        steps: how many numbers, such as one for each of the next ten minutes.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    scale: str = "linear"
    steps: int = 1

    target_word = "value"
    is_number = True

    def __post_init__(self):
        if self.scale not in ("linear", "log"):
            raise ValueError(f"scale: expected 'linear' or 'log', got {self.scale!r}")
        check_sizes(steps=self.steps)
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

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.steps,)

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A number, or `steps` of them as a sequence or joined by "|" ("1|2.5|4"), to float32 (steps,)."""
        if value is None or isinstance(value, str) and value == "":
            return self.missing_target()
        parts = [value] if self.steps == 1 else value.split(SEPARATOR) if isinstance(value, str) else np.ravel(value)
        if len(parts) != self.steps:
            raise ValueError(
                f"{place}: expected {self.steps} numbers joined by {SEPARATOR!r}, got {len(parts)}: {value!r:.80}"
            )
        return np.array([self._number(part, place) for part in parts], np.float32)

    def _number(self, part, place):
        try:
            # float() would take "1_000", which is more likely a slip than a thousand.
            number = float(str(part).replace("_", "?"))
        except ValueError:
            number = np.nan
        low = -np.inf if self.minimum is None else self.minimum
        high = np.inf if self.maximum is None else self.maximum
        if not (abs(number) <= LARGEST_FLOAT32 and low <= number <= high):
            raise ValueError(f"{place}: expected a number in {low:g}..{high:g}, got {part!r:.80}")
        return number

    def misfit(self) -> str:
        low = -np.inf if self.minimum is None else self.minimum
        high = np.inf if self.maximum is None else self.maximum
        return f"outside of {low:g}..{high:g} {self.unit}".rstrip()

    def missing_target(self) -> np.ndarray:
        return np.full(self.shape, np.nan, np.float32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return ~all_nan(targets)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        low = self.minimum if self.minimum is not None else min(0.0, (self.maximum or 0.0) - 1)
        high = self.maximum if self.maximum is not None else max(1.0, low + 1)
        # On a log scale only what is greater than 0 is a target.
        low = max(low, high / 1000) if self.scale == "log" else low
        return rng.uniform(low, high, (count, self.steps)).astype(np.float32)

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> float | list[float]:
        """The number; a list of them where there are several steps."""
        found = [float(number) for number in np.ravel(row)]
        return found[0] if self.steps == 1 else found

    def in_words(self, decoded: float | list[float]) -> list[str]:
        numbers = decoded if isinstance(decoded, list) else [decoded]
        return [f"{', '.join(f'{number:g}' for number in numbers)} {self.unit}".rstrip()]

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The number; those of several steps are joined by "|"."""
        return (SEPARATOR.join(f"{float(number):.6g}" for number in np.ravel(row)),)

    def contract(self) -> str:
        what = "a value" if self.steps == 1 else f"{self.steps} values, one a step,"
        return f"{what} {('in ' + self.unit) if self.unit else ''}".strip(" ,")
