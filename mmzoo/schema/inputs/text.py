"""Texts."""

from __future__ import annotations

import dataclasses
import functools
from typing import ClassVar

import numpy as np

from mmzoo.encoding import encode_text, texts
from mmzoo.schema.checks import check_names, check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.json_tree import where_set
from mmzoo.schema.kinds import register_kind

# More would make an embedding of gigabytes.
MOST_BUCKETS = 10_000_000

_LAST_CHARACTER = "\U0010ffff"
_EXAMPLES = (
    "50",
    "Überholverbot für LKW über 7,5 t",
    "auf 2 km",
    "Straße gesperrt – Umleitung über Köln",
    "STOP",
    "€ 5",
)


@register_kind
@dataclasses.dataclass(frozen=True)
class Text(Modality):
    """A text: int32 (length,), 0 = padding; missing is all zeros.

    Raw: str, or bytes in UTF-8.

    Attributes:
        length: number of steps; longer texts are cut, never inside a character or word piece.
        tokenizer: "bytes" (UTF-8 bytes, ids 1..255), "wordpiece" (Schuster & Nakajima 2012, as in BERT), or "ngrams"
            (words and pairs of neighbouring words, hashed into ids 1..buckets; Joulin et al. 2017).
        vocabulary: wordpiece: the pieces in the order of their ids, "[PAD]" first and "[UNK]" among them; otherwise
            empty.
        buckets: ngrams: number of ids that words and pairs are hashed into; otherwise 0.
        lowercase: wordpiece and ngrams: lower-case the text first.
        strip_accents: wordpiece: take the accents off the letters first, as BERT's uncased vocabularies were made.
        pairs: ngrams: also pairs of words; False: words alone, so that id number n is that of word number n.
        start, end: wordpiece: pieces put before and behind every text that is not empty ("[CLS]", "[SEP]"); "": none.
    """

    length: int
    tokenizer: str = "bytes"
    vocabulary: tuple[str, ...] = ()
    buckets: int = 0
    lowercase: bool = False
    start: str = ""
    end: str = ""
    strip_accents: bool = where_set(False)
    pairs: bool = where_set(True)

    dtype: ClassVar[str] = "int32"
    option: ClassVar[str] = "text"
    extents: ClassVar[tuple[str, ...]] = ("length",)

    def __post_init__(self):
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        check_sizes(length=self.length)
        if self.tokenizer not in ("bytes", "wordpiece", "ngrams"):
            raise ValueError(f"tokenizer: expected 'bytes', 'wordpiece' or 'ngrams', got {self.tokenizer!r}")
        given = ["lowercase"] if self.lowercase else []
        given += [name for name in ("vocabulary", "buckets", "start", "end", "strip_accents") if getattr(self, name)]
        given += [] if self.pairs else ["pairs"]
        known = {
            "wordpiece": ("vocabulary", "lowercase", "start", "end", "strip_accents"),
            "ngrams": ("buckets", "lowercase", "pairs"),
        }
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
        for piece, needed in ((texts.PADDING, "begin with"), (texts.UNKNOWN, "hold")):
            if piece not in (self.vocabulary[:1] if needed == "begin with" else self.vocabulary):
                raise ValueError(f"vocabulary: expected it to {needed} {piece!r}; it begins {self.vocabulary[:3]}")
        for name in ("start", "end"):
            if getattr(self, name) and getattr(self, name) not in self.vocabulary[1:]:
                raise ValueError(f"{name}: {getattr(self, name)!r} is no piece of the vocabulary; add it there")
        if self.length <= bool(self.start) + bool(self.end):
            raise ValueError(f"length: expected room for a piece beside {self.start!r} and {self.end!r}")

    @functools.cached_property
    def word_pieces(self) -> texts.WordPieces:
        """wordpiece: splits texts by the vocabulary."""
        return texts.WordPieces(self.vocabulary)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, that of the padding included."""
        return {"bytes": 256, "wordpiece": len(self.vocabulary), "ngrams": self.buckets + 1}[self.tokenizer]

    @property
    def steps_in_turn(self) -> int:
        # N-grams are averaged, which takes no step by step; words alone are read in their order.
        return 0 if self.tokenizer == "ngrams" and self.pairs else self.length

    def encode_value(self, value, place):
        return encode_text(self, value, place)

    def places(self, value: str | bytes) -> np.ndarray:
        """Where each step stands in a raw text, int32 (length, 2), see `mmzoo.encoding.texts.token_places`."""
        return texts.token_places(self, value)

    def parse_cell(self, cell, place):
        return cell or None

    def check(self, arrays, place):
        most = self.vocabulary_size - 1
        refuse(arrays, (arrays < 0) | (arrays > most), f"{place}: expected ids in 0..{most}")

    def random(self, count, rng):
        low, high = (32, 127) if self.tokenizer == "bytes" else (1, self.vocabulary_size)
        ids = rng.integers(low, high, (count, *self.shape))
        lengths = rng.integers(1, self.length + 1, (count, 1))
        return np.where(np.arange(self.length) < lengths, ids, 0).astype(self.dtype)

    def extreme(self, side):
        if self.tokenizer == "bytes":
            return self.encode(("\x01", _LAST_CHARACTER)[side] * self.length, "text")
        return np.full(self.shape, (1, self.vocabulary_size - 1)[side], self.dtype)

    def full(self, arrays, rng):
        given = arrays[rng.permutation(len(arrays))[: self.length]]
        given = given[given != 0]
        return np.resize(given, self.length) if given.size else np.ones(self.length, arrays.dtype)

    def golden(self, rng, number):
        example = _EXAMPLES[number % len(_EXAMPLES)]
        return f"{example} {self._known_words(rng)}" if self.vocabulary else example

    def _known_words(self, rng):
        """A few words of the vocabulary, one of them long enough to be put together from pieces, maybe."""
        words = [piece for piece in self.vocabulary[1:] if piece.isalnum()] or [""]
        apart, joined = " ".join(map(str, rng.choice(words, 5))), "".join(map(str, rng.choice(words, 2)))
        return f"{apart} {joined}"

    def golden_extreme(self, side):
        return ("\x01", _LAST_CHARACTER * self.length)[side]

    def golden_cut(self):
        # Of bytes one short of full, then a character of two bytes that must go as a whole; else more words than fit.
        return "x" * (self.length - 1) + "ß" if self.tokenizer == "bytes" else "Straße 7 " * self.length

    def raw_columns(self, name):
        return {name: ("string", ())}

    def contract(self):
        if self.tokenizer == "bytes":
            return (
                f"the text's UTF-8 bytes, one a place, then 0; NUL left out, ill-formed parts as U+FFFD, cut to at "
                f"most {self.length} bytes but never inside a character; missing: all 0"
            )
        return f"{_tokens(self)}; missing: all 0"

    def text(self, array):
        return texts.decode_text(self, array)


def _tokens(text):
    # All that code in another language must do; in Python mmzoo/encoding/texts.py and unicode_tables.py do it.
    lowered = (
        "lower-case it character by character (one code point for one, İ to i, ς to σ), " if text.lowercase else ""
    )
    bare = "decompose each character (NFD, compatibility ideographs excepted) and leave out non-spacing marks (Mn), "
    bare = bare if text.strip_accents else ""
    read = f"leave out NUL, take the first {texts.MOST_CHARACTERS:,} characters, {bare}{lowered}and "
    if text.tokenizer == "ngrams":
        both = "hashes of words, then of pairs of neighbouring words" if text.pairs else "hashes of words"
        pair = f"of a pair h = ({texts.FIRST} * h1 + {texts.SECOND} * h2) mod p; " if text.pairs else ""
        order = "the words' ids, then the pairs', cut" if text.pairs else "the words' ids, cut"
        return (
            f"{both}, then 0: {read}split into words: runs of letters, "
            "marks and digits; each CJK ideograph and each symbol beyond ASCII (emoji, €) is a word; spaces and "
            f"punctuation only separate. In 64-bit integers, with p = 2^31 - 1: of a word with the code points c0, c1, "
            f"... (at most {texts.HASHED_CHARACTERS}) h = (c0 + c1 * {texts.BASE} + c2 * {texts.BASE}^2 + ...) mod p; "
            f"{pair}then h = (h xor (h >> 15)) * {texts.MIXER} mod p, h = h xor (h >> 13), "
            f"id = h mod {text.buckets} + 1; {order} to {text.length}"
        )
    marks = [f"`{mark}` {place}" for mark, place in ((text.start, "before"), (text.end, "behind")) if mark]
    marked = f", {' and '.join(marks)} every text that is not empty, kept when it is cut" if marks else ""
    return (
        f"places of word pieces in `vocabulary` in `schema.json`, then 0: {read}split at spaces, controls and format "
        "characters, each punctuation mark and CJK ideograph a word of its own; of a word take the longest piece it "
        f"begins with, then the longest `{texts.SUFFIX}` piece that goes on, and so on; `{texts.UNKNOWN}` for the "
        f"whole word where none goes on or it has over {texts.LONGEST_WORD} bytes; cut to {text.length}{marked}"
    )
