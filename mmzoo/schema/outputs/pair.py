"""`Pair`: two inputs as vectors of one space, near each other where they belong together."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.missing import is_missing
from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output

# In place of a number: the sample has no target.
NO_PAIR = -1
_LARGEST = 2**31 - 1


@register_kind
@dataclasses.dataclass(frozen=True)
class Pair(Output):
    """Two inputs, each read by itself, as unit vectors: float32 (2, width). That of a missing input is zeros.

    How like two of them are is their dot product, -1..1. Since neither depends on the other input, a picture is found
    by a text, a text by a picture, or a picture by a picture.

    Targets say what belongs together, int32 (N,): rows of one number do, such as the five rows of a picture with five
    captions; where every row stands for itself they are 0, 1, 2, ... Without a target, as where an input is missing:
    -1.

    Attributes:
        width: of the vectors.
        of: names of the two inputs, in the order of the vectors.
    """

    width: int
    of: tuple[str, str] = ("image", "text")

    target_word = "pair"
    compares = True

    def __post_init__(self):
        object.__setattr__(self, "of", tuple(self.of))
        check_sizes(width=self.width)
        check_names(self.of, "the inputs of a Pair")
        if len(self.of) != 2:
            raise ValueError(f"of: expected the names of two inputs, got {list(self.of)}")

    @property
    def shape(self) -> tuple[int, ...]:
        return 2, self.width

    def side(self, name: str) -> int:
        """Which of the two vectors is that of an input: 0 or 1.

        Raises:
            ValueError: it is of neither; the message lists both.
        """
        if name not in self.of:
            raise ValueError(f"no vector of {name!r}; there are those of {list(self.of)}")
        return self.of.index(name)

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """Whatever names a thing, such as a file or a number, to int32 (): equal values to equal numbers."""
        if is_missing(value):
            return self.missing_target()
        digest = hashlib.sha256(str(value).encode("utf-8", "surrogatepass")).digest()
        return np.array(int.from_bytes(digest[:8], "big") % _LARGEST, np.int32)

    def missing_target(self) -> np.ndarray:
        return np.array(NO_PAIR, np.int32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return np.asarray(targets).reshape(-1) >= 0

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.permutation(count).astype(np.int32)

    def similarity(self, row: np.ndarray) -> float | None:
        """The dot product of both vectors; None where an input is missing."""
        row = np.asarray(row, np.float32)
        return float(row[0] @ row[1]) if row.any(axis=1).all() else None

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> float | None:
        """How like the two inputs are, -1..1; None where one is missing, so that there is nothing to compare."""
        return self.similarity(row)

    def in_words(self, decoded: float | None) -> list[str]:
        if decoded is None:
            return [f"nothing to compare: {' or '.join(self.of)} is missing"]
        return [f"{decoded:.4f} (similarity of {' and '.join(self.of)}, -1 to 1)"]

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The similarity; "" where an input is missing."""
        found = self.similarity(row)
        return ("" if found is None else f"{found:.6f}",)

    def contract(self) -> str:
        first, second = self.of
        return (
            f"a unit vector of {self.width} numbers for `{first}`, then one for `{second}`, each of that input alone "
            "and zeros where it is missing; their dot product, or that with a vector kept from before, says how like "
            "they are"
        )
