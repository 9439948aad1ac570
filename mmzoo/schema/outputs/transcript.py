"""`Transcript`: a text that stands in the input from its beginning to its end, as a line of print or an utterance."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output

BLANK = 0
# In place of the letters: the sample has no target.
NO_TEXT = -1


@register_kind
@dataclasses.dataclass(frozen=True)
class Transcript(Output):
    """A text read off step by step: float32 (steps, 1 + len(alphabet)), at each step how likely each letter is.

    The first place is the blank of CTC (Graves et al., ICML 2006): nothing new stands at this step. The text is the
    most likely letter of each step, repetitions taken together and blanks left out.

    Targets are numbers of letters, int32 (N, steps), from 1, 0 behind the last one; without a target: a row of -1.

    Attributes:
        alphabet: the letters, each a single character in Unicode's composed form (NFC).
        steps: places that the input is read at, from its beginning to its end.
        lowercase: letters are read in lower case, whatever they are written in.
    """

    alphabet: tuple[str, ...]
    steps: int
    lowercase: bool = False

    target_word = "text"
    extents = ("steps",)
    continues = True

    def __post_init__(self):
        object.__setattr__(self, "alphabet", tuple(self.alphabet))
        check_names(self.alphabet, "the alphabet of a Transcript")
        for letter in self.alphabet:
            if len(letter) != 1 or self.normalised(letter) != letter:
                what = "a single character, composed (NFC)" + (" and in lower case" if self.lowercase else "")
                raise ValueError(f"alphabet: expected each letter to be {what}, got {letter!r}")
        check_sizes(steps=self.steps)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.steps, 1 + len(self.alphabet)

    @property
    def steps_in_turn(self) -> int:
        return self.steps

    def normalised(self, text: str) -> str:
        """A text as it is compared: composed, white space at its ends left out, in lower case where that is so."""
        text = unicodedata.normalize("NFC", text).strip() if len(text) > 1 else text
        return text.lower() if self.lowercase else text

    def unknown_letters(self, text: str) -> str:
        """The characters of a text that the alphabet lacks, each once."""
        return "".join(dict.fromkeys(letter for letter in self.normalised(text) if letter not in self.alphabet))

    def steps_needed(self, text: str) -> int:
        """How many steps a text takes at least: one a letter, and a blank between two that are the same."""
        text = self.normalised(text)
        return len(text) + sum(a == b for a, b in zip(text, text[1:], strict=False))

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A text to int32 (steps,).

        Raises:
            ValueError: letters that the alphabet lacks, or a text that needs more steps than there are.
        """
        if value is None or isinstance(value, str) and not value.strip():
            return self.missing_target()
        if not isinstance(value, str):
            raise ValueError(f"{place}: expected a text, got {value!r:.80}")
        unknown, needed = self.unknown_letters(value), self.steps_needed(value)
        if unknown:
            raise ValueError(f"{place}: the alphabet has no {unknown!r:.40}, in {value!r:.80}")
        if needed > self.steps:
            raise ValueError(
                f"{place}: {value!r:.80} needs {needed} steps (one a letter, one more between two that are the same), "
                f"there are {self.steps}"
            )
        target = np.zeros(self.steps, np.int32)
        letters = [1 + self.alphabet.index(letter) for letter in self.normalised(value)]
        target[: len(letters)] = letters
        return target

    def misfit(self) -> str:
        return f"with other letters than those of the alphabet, or too long to be read in {self.steps} steps"

    def missing_target(self) -> np.ndarray:
        return np.full(self.steps, NO_TEXT, np.int32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return (np.asarray(targets) != NO_TEXT).all(axis=-1)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        targets = np.zeros((count, self.steps), np.int32)
        half = max(1, self.steps // 2)
        targets[:, :half] = rng.integers(1, 1 + len(self.alphabet), (count, half))
        return targets

    def text_of(self, letters: np.ndarray) -> str:
        """A target (steps,) as text; "" where there is none."""
        return "".join(self.alphabet[number - 1] for number in np.asarray(letters) if number > BLANK)

    def read(self, best: np.ndarray, before: int = BLANK) -> str:
        """The text of the most likely place of each step, int (steps,).

        Args:
            best: the places.
            before: the place of the step before the first, whose repetition says nothing new.
        """
        best = np.asarray(best)
        new = np.concatenate([[before], best[:-1]]) != best
        return self.text_of(best[new])

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> str:
        """The text."""
        return self.read(np.asarray(row).argmax(axis=-1))

    def ending(self, row: np.ndarray) -> np.ndarray:
        """The most likely place of the last step, int32 ()."""
        return np.asarray(row)[-1].argmax().astype(np.int32)

    def decode_on(self, row, before, raw=None, top=3) -> str:
        """What of the text is new: a letter that is held from one call into the next is said once."""
        return self.read(np.asarray(row).argmax(axis=-1), BLANK if before is None else int(before))

    def in_words(self, decoded: str) -> list[str]:
        return [repr(decoded) if decoded != decoded.strip() or not decoded else decoded]

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The text."""
        return (self.decode(row),)

    def contract(self) -> str:
        letters = "".join(self.alphabet)
        return (
            f"{self.steps} steps of {1 + len(self.alphabet)} scores: take the highest of each step, leave out what "
            "repeats the step before (in a stream: also the last step of the call before), then leave out 0 (nothing); "
            "number n is character n, counted from 1, of "
            f"{letters!r}"
        )
