"""`Sentence`: a text that the model writes word by word, as a caption or a translation."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.joining import BINDING, CLOSING, OPENING, joined
from mmzoo.encoding.missing import is_missing
from mmzoo.encoding.texts import MOST_CHARACTERS, PADDING, SUFFIX, UNKNOWN, WordPieces
from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.inputs.so_far import SoFar
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output

END = "[END]"
# The first that the model may say: neither padding nor an unknown word.
FIRST = 2
# Behind a sentence that was not finished within its steps.
CUT = " …"
_UNKNOWN_ID = 1
_UNKNOWN_SHOWN = "\ufffd"


@register_kind
@dataclasses.dataclass(frozen=True)
class Sentence(Output):
    """A text written step by step: float32 (length, len(vocabulary)), at each step how likely each word piece is.

    The text is the most likely piece of each step, padding and the unknown word left out of the choice, up to the mark
    of the end; where an input of the kind `SoFar` gives the beginning, that stands instead. A sentence that has no end
    within its steps was cut, and says so by " …".

    Targets are places in the vocabulary, the end mark's the last, then 0: int32 (N, T), or (N, R, T) where there are
    several references (the five captions of a photo), of which figures take all and training the first; a reference may
    be longer than the model writes. A word that the vocabulary lacks is 1 and teaches nothing; in a figure it is wrong.
    Without a target: zeros.

    Attributes:
        vocabulary: word pieces in the order of their ids, "[PAD]", "[UNK]" and "[END]" the first.
        length: steps at most, the end mark among them.
        lowercase: texts are read and written in lower case.
        language: "en", "de", "zh" ...; it says into which words BLEU cuts a text; "": as English.
        so_far: name of the input that gives its beginning; "": there is none.
    """

    vocabulary: tuple[str, ...]
    length: int
    lowercase: bool = False
    language: str = ""
    so_far: str = ""

    target_word = "sentence"
    extents = ("length",)
    feeds_itself = True

    def __post_init__(self):
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        check_names(self.vocabulary, "the vocabulary of a Sentence")
        check_sizes(length=self.length)
        marks = (PADDING, UNKNOWN, END)
        if self.vocabulary[: len(marks)] != marks or len(self.vocabulary) == len(marks):
            raise ValueError(f"vocabulary: expected {list(marks)}, then pieces; it begins {list(self.vocabulary[:4])}")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.length, len(self.vocabulary)

    @property
    def steps_in_turn(self) -> int:
        return self.length

    @functools.cached_property
    def _pieces(self) -> WordPieces:
        return WordPieces(self.vocabulary)

    @property
    def end(self) -> int:
        """Place of the end mark."""
        return FIRST

    def beginning(self, name: str) -> SoFar:
        """The input that gives the beginning of the output of a name."""
        return SoFar(self.length, "wordpiece", self.vocabulary, lowercase=self.lowercase, of=name)

    # Texts to ids -----------------------------------------------------------------------------------------------------

    def ids_of(self, text: str) -> np.ndarray:
        """The pieces of a text, without an end mark, however long it is: int32 (n,)."""
        return np.array(self._pieces.encode(text, MOST_CHARACTERS, self.lowercase), np.int32)

    def reference(self, text: str) -> np.ndarray:
        """A text and its end mark, however long it is: int32 (n,)."""
        return np.append(self.ids_of(text), np.int32(self.end))

    def references(self, rows: Iterable[Iterable[str]]) -> np.ndarray:
        """The references of several samples as targets: int32 (N, R, T), zeros where one has fewer or shorter ones.

        Args:
            rows: the texts of each sample.
        """
        encoded = [[self.reference(text) for text in texts] for texts in rows]
        most = max((len(own) for own in encoded), default=1)
        longest = max((len(one) for own in encoded for one in own), default=1)
        found = np.zeros((len(encoded), most, max(longest, self.length)), np.int32)
        for row, own in zip(found, encoded, strict=True):
            for place, one in zip(row, own, strict=False):
                place[: len(one)] = one
        return found

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A text to int32 (length,).

        Raises:
            ValueError: a text longer than the model writes, or none of whose words it knows.
        """
        if is_missing(value) or isinstance(value, str) and not value.strip():
            return self.missing_target()
        if not isinstance(value, str):
            raise ValueError(f"{place}: expected a text, got {value!r:.80}")
        ids = self.reference(value)
        if (ids[:-1] == _UNKNOWN_ID).all():
            raise ValueError(f"{place}: the vocabulary has not one word of {value!r:.80}")
        if len(ids) > self.length:
            raise ValueError(
                f"{place}: {value!r:.80} takes {len(ids)} steps with its end, and the model writes {self.length}"
            )
        target = np.zeros(self.length, np.int32)
        target[: len(ids)] = ids
        return target

    def misfit(self) -> str:
        return f"of more than {self.length} word pieces with the end mark, or of words that the vocabulary lacks"

    def missing_target(self) -> np.ndarray:
        return np.zeros(self.length, np.int32)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets)
        return (targets != 0).reshape(len(targets), -1).any(axis=1)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        targets = rng.integers(FIRST + 1, len(self.vocabulary), (count, self.length)).astype(np.int32)
        last = rng.integers(0, self.length, (count, 1))
        steps = np.arange(self.length)
        return np.where(steps < last, targets, np.where(steps == last, self.end, 0)).astype(np.int32)

    # Ids to texts -----------------------------------------------------------------------------------------------------

    def is_cut(self, ids: np.ndarray) -> bool:
        """Whether what was written, int (T,), has no end."""
        return self.end not in np.asarray(ids)

    def text_of(self, ids: np.ndarray) -> str:
        """The text of places in the vocabulary, int (T,), up to the end mark; "" where there is none."""
        pieces = []
        for number in np.asarray(ids):
            if number == self.end:
                break
            if number:
                pieces.append(_UNKNOWN_SHOWN if number == _UNKNOWN_ID else self.vocabulary[number])
        return joined(pieces)

    def choices(self, rows: np.ndarray) -> np.ndarray:
        """The most likely piece of each step that may be said, int (..., T), of what the model gives (..., T, V)."""
        return FIRST + np.asarray(rows)[..., FIRST:].argmax(axis=-1)

    def written(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> np.ndarray:
        """What stands there in the end, int (T,): the beginning that was given, then the model's choices."""
        ids = self.choices(row)
        begun = (raw or {}).get(self.so_far) if self.so_far else None
        if not is_missing(begun) and isinstance(begun, (str, bytes)):
            text = begun.decode("utf-8", "replace") if isinstance(begun, bytes) else begun
            given = self.ids_of(text)[: self.length]
            ids[: len(given)] = given
        return ids

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> str:
        """The text; " …" behind one that was cut."""
        return self.decode_ids(self.written(row, raw))

    def decode_ids(self, ids: np.ndarray) -> str:
        """The text of places in the vocabulary, int (T,); " …" behind one that was cut."""
        return self.text_of(ids) + (CUT if self.is_cut(ids) else "")

    def in_words(self, decoded: str) -> list[str]:
        if decoded.endswith(CUT):
            return [f"{decoded} (cut: not finished within {self.length} steps)"]
        return [decoded or repr(decoded)]

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The text."""
        return (self.decode(row, raw),)

    def contract(self) -> str:
        begun = f"where `{self.so_far}` holds a piece at a step, that one stands instead; " if self.so_far else ""
        return (
            f"{self.length} steps of {len(self.vocabulary)} scores, one a piece of `vocabulary` in `schema.json`: take "
            f"the highest of each step, from place {FIRST} on; {begun}stop before the first {self.end} (`{END}`); "
            "without one the sentence was cut, and is to say so. "
            f"A piece that begins with `{SUFFIX}` goes on with the word before it; other words are joined by a space, "
            f"but for none before {' '.join(CLOSING)}, none behind {' '.join(OPENING)}, none on either side of "
            f"{' '.join(BINDING)}, none beside ideographs, kana and their marks, and none inside of quotation marks"
        )
