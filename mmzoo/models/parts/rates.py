"""Rates by input, of a model that may have some of the inputs only."""

from __future__ import annotations

from collections.abc import Collection, Mapping


def rates_of(rates: float | Mapping[str, float], inputs: Collection[str]) -> float | dict[str, float]:
    """The rates of the inputs that there are.

    Args:
        rates: one for all, or by input name.
        inputs: names of those that the model has.
    """
    return {name: rates[name] for name in rates if name in inputs} if isinstance(rates, Mapping) else rates
