"""`Ranking`: which of many items comes next, the best of them all."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.history import SEPARATOR, item_names
from mmzoo.encoding.missing import is_missing
from mmzoo.encoding.spelling import find_name
from mmzoo.schema.inputs.history import check_items
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output, quoted_classes

# In place of an item's number: the sample has no target; it has one that is none of the items, and is never found.
NO_ITEM, UNKNOWN_ITEM = -1, -2
# What a cell of predictions holds.
_IN_A_CELL = 10


@register_kind
@dataclasses.dataclass(frozen=True)
class Ranking(Output):
    """How well each of `items` fits, all of them at once: float32 (len(items),), scores; higher is better.

    What a user has had already is no answer: it is left out of what is decoded and of what is measured.

    Targets are places of items, int32 (N,); or int32 (N, 1 + S), whose first column is the place of the item and the
    others are places of items that the user has had, which are left out of the ranking, filled up with -1. Without a
    target the place is -1; that of an item which is none of `items` is -2, and no ranking finds it.

    Attributes:
        items: names of all there are.
        without: the `History` input whose items are left out.
    """

    items: tuple[str, ...]
    without: str = "history"

    target_word = "item"

    def __post_init__(self):
        object.__setattr__(self, "items", tuple(self.items))
        check_items(self.items, "the items of a Ranking")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.items),)

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """The name of an item, however it is spelt, to int32 ()."""
        if is_missing(value):
            return self.missing_target()
        number = find_name(self.items, value)
        if number is None:
            raise ValueError(f"{place}: unknown item {value!r:.80}; expected one of {quoted_classes(self.items)}")
        return np.array(number, np.int32)

    def misfit(self) -> str:
        return f"not one of the items {quoted_classes(self.items)}"

    def missing_target(self) -> np.ndarray:
        return np.array(NO_ITEM, np.int32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return places_of(targets) != NO_ITEM

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, len(self.items), count, dtype=np.int32)

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> dict[str, float]:
        """{item: probability} of the `top` best, in order, among those that the user has not had."""
        places, shares = self.best(row, raw, top)
        return {self.items[place]: float(share) for place, share in zip(places, shares, strict=True)}

    def best(
        self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 10
    ) -> tuple[np.ndarray, np.ndarray]:
        """(places of the best items, their probabilities among all that are left), the best first.

        Args:
            row: scores (len(items),).
            raw: the sample's raw inputs; the items of `without` are left out.
            top: how many at most.
        """
        names = item_names((raw or {}).get(self.without), self.without)
        had = [place for place in (find_name(self.items, name) for name in names) if place is not None]
        scores = np.array(row, np.float64)
        scores[had] = -np.inf
        left = len(scores) - len(set(had))
        order = np.argsort(-scores, kind="stable")[: min(top, left)]
        shares = np.exp(scores - scores.max()) if left else scores
        return order, shares[order] / shares.sum() if left else shares[order]

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The ten best items, the best first, as a history is written: "a|b|c"."""
        return (SEPARATOR.join(self.items[place] for place in self.best(row, raw, _IN_A_CELL)[0]),)

    def contract(self) -> str:
        return (
            f"a score for each of {len(self.items):,} items, in the order of `items` in `schema.json`: higher is "
            f"better; leave out those that stand in `{self.without}`. Shares of 1 are their softmax"
        )


def places_of(targets: np.ndarray) -> np.ndarray:
    """The places of the items in targets of either form: int (N,)."""
    targets = np.asarray(targets)
    return targets if targets.ndim == 1 else targets[:, 0]


def ranks_of(scores: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """At which place each target is found among all items that the user has not had; 1 is the best.

    Args:
        scores: float (N, items).
        targets: int (N,) or (N, 1 + S), see `Ranking`.

    Returns:
        float (N,): where others have the very same score, half of them count as found before it; infinite for an item
        that there is not.

    Raises:
        ValueError: a target that is among the items that its user has had.
    """
    targets = np.asarray(targets)
    places, had = places_of(targets), targets[:, 1:] if targets.ndim == 2 else np.empty((len(targets), 0), np.int64)
    ranks = np.full(len(places), np.inf)
    for i, place in enumerate(places):
        if place < 0:
            continue
        others, own = scores[i], scores[i, place]
        left_out = had[i][had[i] >= 0]
        if place in left_out:
            raise ValueError(f"sample {i}: the item to predict, number {place}, is among those that the user has had")
        better = (others > own).sum() - (others[left_out] > own).sum()
        same = (others == own).sum() - 1 - (others[left_out] == own).sum()
        ranks[i] = 1 + better + same / 2
    return ranks
