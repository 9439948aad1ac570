"""What a user has had: items in the order of time."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.encoding.history import SEPARATOR, encode_history
from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class History(Modality):
    """What a user has had (bought, seen, read), the newest last: int32 (length,), the item's place in `items` + 1.

    Of a longer history the newest items are kept; a shorter one is padded in front with 0. Missing, as of a new user,
    is all zeros. Items that are not among `items` are left out, with a warning that counts them.

    Raw: a list of the items' names; or, as in a cell of a table, one text "a|b|c".

    Attributes:
        length: of how many items it knows at most.
        items: names of all there are.
    """

    length: int
    items: tuple[str, ...]

    dtype: ClassVar[str] = "int32"
    option: ClassVar[str] = "history"
    extents: ClassVar[tuple[str, ...]] = ("length",)

    def __post_init__(self):
        object.__setattr__(self, "items", tuple(self.items))
        check_sizes(length=self.length)
        check_items(self.items, "the items of a History")

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def steps_in_turn(self) -> int:
        return self.length

    def encode_value(self, value, place):
        return encode_history(self, value, place)

    def check(self, arrays, place):
        refuse(arrays, (arrays < 0) | (arrays > len(self.items)), f"{place}: expected items 0..{len(self.items)}")

    def random(self, count, rng):
        ids = rng.integers(1, 1 + len(self.items), (count, self.length))
        lengths = rng.integers(1, self.length + 1, (count, 1))
        return np.where(np.arange(self.length) >= self.length - lengths, ids, 0).astype(self.dtype)

    def extreme(self, side):
        return np.full(self.shape, (1, len(self.items))[side], self.dtype)

    def full(self, arrays, rng):
        given = arrays[rng.permutation(len(arrays))[: self.length]]
        given = given[given != 0]
        return np.resize(given, self.length) if given.size else np.ones(self.length, arrays.dtype)

    def golden(self, rng, number):
        # Shorter ones by turns, which are padded.
        return [self.items[place] for place in rng.integers(0, len(self.items), max(1, self.length - number % 3))]

    def golden_thinned(self, value):
        return value[::2]

    def golden_extreme(self, side):
        return [self.items[-1 if side else 0]] * self.length

    def golden_cut(self):
        return [self.items[place % len(self.items)] for place in range(self.length + 3)]

    def contract(self):
        return (
            f"1 + the place in `items` in `schema.json` of each of the newest {self.length} items, the newest last, "
            "padded in front with 0; items that do not stand there are left out; missing: all 0"
        )

    def names(self, array: np.ndarray) -> list[str]:
        """The items of an array (length,), the newest last."""
        return [self.items[number - 1] for number in np.asarray(array).tolist() if number]

    def text(self, array):
        return f" {SEPARATOR} ".join(self.names(array))


def check_items(items: tuple[str, ...], what: str) -> None:
    """Raises ValueError, beginning with `what`, unless items are names that may stand in a cell "a|b|c"."""
    check_names(items, what)
    for name in items:
        if SEPARATOR in name or name != name.strip():
            raise ValueError(
                f"{what}: expected names without {SEPARATOR!r} and without white space around them, got {name!r:.80}"
            )
