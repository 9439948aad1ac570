"""Modalities: what an input of a model can be."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

from mmzoo.encoding import texts as text_encoding
from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.fields import Field

# More would make an embedding of gigabytes.
MOST_BUCKETS = 10_000_000


@dataclasses.dataclass(frozen=True)
class Image:
    """A picture: uint8 (height, width, channels), 0..255; missing is all zeros."""

    height: int
    width: int
    channels: int = 3

    dtype: ClassVar[str] = "uint8"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    def __post_init__(self):
        if self.channels not in (1, 3):
            raise ValueError(f"channels: expected 1 or 3, got {self.channels!r}")
        check_sizes(height=self.height, width=self.width)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text: int32 (length,), 0 = padding; missing is all zeros.

    Attributes:
        length: number of steps; longer texts are cut, never inside a character or word piece.
        tokenizer: "bytes" (UTF-8 bytes, ids 1..255), "wordpiece" (Schuster & Nakajima 2012, as in BERT), or "ngrams"
            (words and pairs of neighbouring words, hashed into ids 1..buckets; Joulin et al. 2017).
        vocabulary: wordpiece: the pieces in the order of their ids, "[PAD]" first and "[UNK]" among them; otherwise
            empty.
        buckets: ngrams: number of ids that words and pairs are hashed into; otherwise 0.
        lowercase: wordpiece and ngrams: lower-case the text first.
        start, end: wordpiece: pieces put before and behind every text that is not empty ("[CLS]", "[SEP]"); "": none.
    """

    length: int
    tokenizer: str = "bytes"
    vocabulary: tuple[str, ...] = ()
    buckets: int = 0
    lowercase: bool = False
    start: str = ""
    end: str = ""

    dtype: ClassVar[str] = "int32"

    def __post_init__(self):
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        check_sizes(length=self.length)
        if self.tokenizer not in ("bytes", "wordpiece", "ngrams"):
            raise ValueError(f"tokenizer: expected 'bytes', 'wordpiece' or 'ngrams', got {self.tokenizer!r}")
        given = ["lowercase"] if self.lowercase else []
        given += [name for name in ("vocabulary", "buckets", "start", "end") if getattr(self, name)]
        known = {"wordpiece": ("vocabulary", "lowercase", "start", "end"), "ngrams": ("buckets", "lowercase")}
        for name in given:
            if name not in known.get(self.tokenizer, ()):
                takers = [tokenizer for tokenizer, names in known.items() if name in names]
                raise ValueError(f"{name}: only for the tokenizer {' or '.join(map(repr, takers))}; leave it out")
        if self.tokenizer == "ngrams":
            check_sizes(buckets=self.buckets)
            if self.buckets > MOST_BUCKETS:
                raise ValueError(f"buckets: expected at most {MOST_BUCKETS:,}, got {self.buckets:,}")
        elif self.tokenizer == "wordpiece":
            self._check_pieces()

    def _check_pieces(self):
        check_names(self.vocabulary, "vocabulary")
        for piece, needed in ((text_encoding.PADDING, "begin with"), (text_encoding.UNKNOWN, "hold")):
            if piece not in (self.vocabulary[:1] if needed == "begin with" else self.vocabulary):
                raise ValueError(f"vocabulary: expected it to {needed} {piece!r}; it begins {self.vocabulary[:3]}")
        for name in ("start", "end"):
            if getattr(self, name) and getattr(self, name) not in self.vocabulary[1:]:
                raise ValueError(f"{name}: {getattr(self, name)!r} is no piece of the vocabulary; add it there")
        if self.length <= bool(self.start) + bool(self.end):
            raise ValueError(f"length: expected room for a piece beside {self.start!r} and {self.end!r}")

    @functools.cached_property
    def word_pieces(self) -> text_encoding.WordPieces:
        """wordpiece: splits texts by the vocabulary."""
        return text_encoding.WordPieces(self.vocabulary)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, that of the padding included."""
        return {"bytes": 256, "wordpiece": len(self.vocabulary), "ngrams": self.buckets + 1}[self.tokenizer]


@dataclasses.dataclass(frozen=True)
class Sensors:
    """A row of numbers and categories: float32 (len(fields),), each in its own unit; missing is NaN, field by field."""

    fields: tuple[Field, ...]

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        object.__setattr__(self, "fields", tuple(self.fields))
        check_names([field.name for field in self.fields], "the fields of a Sensors input")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.fields),)


@dataclasses.dataclass(frozen=True)
class Audio:
    """A sound, mono: float32 (samples,), -1..1; missing is all zeros, and a sound of zeros alone is the same.

    Attributes:
        samples: number of samples; longer sounds are cut at the end, shorter ones filled up with zeros.
        sample_rate: samples a second that every sound is resampled to, Hz.
    """

    samples: int
    sample_rate: int

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        check_sizes(samples=self.samples, sample_rate=self.sample_rate)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.samples,)


@dataclasses.dataclass(frozen=True)
class Video:
    """Pictures in time: uint8 (frames, height, width, channels), 0..255; missing is all zeros."""

    frames: int
    height: int
    width: int
    channels: int = 3

    dtype: ClassVar[str] = "uint8"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, self.height, self.width, self.channels


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Fields over time: float32 (steps, len(fields)); missing is NaN, step by step."""

    steps: int
    fields: tuple[Field, ...]

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        object.__setattr__(self, "fields", tuple(self.fields))
        check_names([field.name for field in self.fields], "the fields of a Sequence input")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.steps, len(self.fields)


@dataclasses.dataclass(frozen=True)
class History:
    """Item ids in order of time: int32 (length,), 1..items, 0 = padding; missing is all zeros."""

    length: int
    items: int

    dtype: ClassVar[str] = "int32"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)


Modality = Image | Text | Sensors | Audio | Video | Sequence | History
