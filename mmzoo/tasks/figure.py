"""`Figure`: what is known of a metric, once for all tables, reports and summaries."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """A metric.

    Attributes:
        name: as it stands in metrics.json and results.csv ("balanced_accuracy").
        is_share: a share of 1, shown in per cent; else a number.
        lower_is_better: an error.
        has_unit: it is in the output's own unit, as an error in metres.
        in_summaries: it stands in the tables of many models; others are in metrics.json and in reports.
    """

    name: str
    is_share: bool = True
    lower_is_better: bool = False
    has_unit: bool = False
    in_summaries: bool = False

    @property
    def label(self) -> str:
        """Its name in words."""
        return self.name.replace("_", " ")

    def text(self, value: float, unit: str = "", digits: int = 2) -> str:
        """The value as a person reads it: "97.25 %", "0.0312 rad"; "-" where it is NaN, not defined."""
        if value != value:
            return "-"
        if self.is_share:
            return f"{100 * value:.{digits}f} %"
        return f"{value:.4g} {unit if self.has_unit else ''}".strip()

    def difference_text(self, value: float) -> str:
        """A difference of two values as a person reads it: "1.5 points", "0.0312"."""
        return f"{100 * value:.1f} points" if self.is_share else f"{value:.3g}"

    def is_better(self, value: float, other: float) -> bool:
        """Whether a value beats another."""
        return value < other if self.lower_is_better else value > other

    def loss(self, value: float, other: float) -> float:
        """By how much a value is worse than another; negative where it is better."""
        return value - other if self.lower_is_better else other - value
