"""Texts to ids and back: UTF-8 bytes, word pieces, hashed words and word pairs. Python and NumPy only.

`mmzoo.exporting.raw.text_ops` holds the same as TensorFlow operations. Both give the same ids for every string, also
for characters that Unicode has not assigned yet: what a letter is and how it is lower-cased stands in
`mmzoo.encoding.unicode_tables`, and no table of Python's, ICU's or RE2's own has a say.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Any

import numpy as np

from mmzoo.encoding.accents import without_accents
from mmzoo.encoding.unicode_tables import IDEOGRAPH, PUNCTUATION, SYMBOL, WORD, character_class, kind_runs, lower_case

# Of a longer text word pieces and n-grams read the first so many characters (after NUL is stripped).
MOST_CHARACTERS = 65_536

PADDING, UNKNOWN = "[PAD]", "[UNK]"
SUFFIX = "##"
# Longer words, in bytes, are unknown, as in tensorflow-text.
LONGEST_WORD = 100
_MOST_WORDS_KEPT = 100_000

# Of words hashed for n-grams only the beginning counts.
HASHED_CHARACTERS = 32
# A prime, so that all products of two remainders fit into int64; and odd numbers below 2^31 and 2^30.
PRIME = 2**31 - 1
BASE, MIXER, FIRST, SECOND = 1_540_483_477, 741_103_597, 625_341_585, 461_845_907


def encode_text(text, value: Any, place: str) -> np.ndarray:
    """A string to the ids that the model takes.

    NUL is stripped, and ill-formed parts and lone surrogates become U+FFFD. "bytes": the UTF-8 bytes, cut at a
    character. "wordpiece": see `WordPieces`. "ngrams": see `ngram_ids`.

    Args:
        text: the `Text` of the schema.
        value: str, or UTF-8 bytes.
        place: the input's name, for error messages.

    Returns:
        int32 (length,), 0 = padding.

    Raises:
        TypeError: another kind of value.
    """
    value = as_string(value, place)
    ids = np.zeros(text.length, np.int32)
    if text.tokenizer == "bytes":
        found = _byte_ids(value, text.length)
    elif text.tokenizer == "wordpiece":
        found = text.word_pieces.encode(
            value, text.length, text.lowercase, text.start, text.end, strip_accents=text.strip_accents
        )
    else:
        found = ngram_ids(_cleaned(value, text.lowercase), text.buckets, text.length, pairs=text.pairs)
    ids[: len(found)] = found
    return ids


def as_string(value: Any, place: str) -> str:
    """A raw text as a string: of bytes NUL is left out, and ill-formed parts become U+FFFD.

    Args:
        value: str, or UTF-8 bytes.
        place: the input's name, for the message.

    Raises:
        TypeError: another kind of value.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).replace(b"\0", b"").decode("utf-8", "replace")
    if not isinstance(value, str):
        raise TypeError(f"{place}: expected a string or UTF-8 bytes, got {type(value).__name__}: {value!r:.80}")
    return value


def token_places(text, value: Any) -> np.ndarray:
    """Which characters of a text each of its ids stands for, so that what a model points at can be cut out of it.

    Args:
        text: the `Text` of the schema; of n-grams one without pairs.
        value: str, or UTF-8 bytes; of bytes it is `as_string` that the places are in.

    Returns:
        int32 (length, 2): the first character of each id and the one behind its last; both 0 for what stands for none,
        as padding and the marks around word pieces do.

    Raises:
        ValueError: n-grams with pairs.
    """
    value = as_string(value, "text")
    if text.tokenizer == "ngrams" and text.pairs:
        raise ValueError("ids of pairs of words have no place in the text; give the Text pairs=False")
    cleaned, origins = _with_origins(value, text)
    if text.tokenizer == "bytes":
        found = _byte_places(cleaned, text.length)
    elif text.tokenizer == "wordpiece":
        found = text.word_pieces.places(cleaned, text.length, text.start, text.end)
    else:
        found = _word_places(cleaned)[: text.length]
    places = np.zeros((text.length, 2), np.int32)
    for row, (begin, end) in enumerate(found):
        if end > begin:
            places[row] = origins[begin], origins[end - 1] + 1
    return places


def _with_origins(value, text):
    """(the text as its ids are made of it, for each character of that the one of the value that it comes from)."""
    if text.tokenizer == "bytes":
        origins = [i for i, character in enumerate(value) if character != "\0"]
        return value.replace("\0", ""), origins
    cleaned = _cleaned(value, text.lowercase, text.strip_accents)
    if "\0" not in value and not text.strip_accents:
        # Lower case is one character for one.
        return cleaned, range(len(cleaned))
    parts = [_cleaned(character, False, text.strip_accents) for character in value]
    origins = [i for i, part in enumerate(parts) for _ in part]
    return cleaned, origins


def decode_text(text, ids: np.ndarray) -> str:
    """What can be told of a text from its ids: all of it from bytes, its words from word pieces, nothing from n-grams.

    Args:
        text: the `Text` of the schema.
        ids: int (length,), 0 = padding.
    """
    ids = np.asarray(ids)
    if text.tokenizer == "bytes":
        return bytes(ids[ids > 0].astype(np.uint8)).decode("utf-8", "replace")
    if text.tokenizer == "wordpiece":
        pieces = [text.vocabulary[i] for i in ids if i > 0]
        pieces = [piece for piece in pieces if piece not in (text.start, text.end)]
        return " ".join(pieces).replace(f" {SUFFIX}", "")
    return ""


def words_of(value: str, lowercase: bool) -> list[str]:
    """The words that word pieces are made of, see `WordPieces`.

    Args:
        value: the text.
        lowercase: lower-case it first.
    """
    return _word_pattern().findall(_cleaned(value, lowercase))


def _cleaned(value, lowercase, strip_accents=False):
    # Lone surrogates have no UTF-8 form.
    value = re.sub("[\ud800-\udfff]", "\ufffd", value.replace("\0", "")[:MOST_CHARACTERS])
    if strip_accents:
        value = value.translate(without_accents())
    return value.translate(lower_case()) if lowercase else value


@functools.cache
def _word_pattern():
    return re.compile(f"[{character_class(WORD, SYMBOL)}]+|[{character_class(PUNCTUATION, IDEOGRAPH)}]")


# Bytes ---------------------------------------------------------------------------------------------------------------


def _byte_ids(value, length):
    value = value.replace("\0", "")[:length]
    value = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value)
    return np.frombuffer(cut_at_character(value.encode("utf-8"), length), np.uint8)


def cut_at_character(encoded: bytes, length: int) -> bytes:
    """The longest whole number of characters of well-formed UTF-8 in at most `length` bytes."""
    if len(encoded) <= length:
        return encoded
    while length > 0 and encoded[length] & 0xC0 == 0x80:
        length -= 1
    return encoded[:length]


def _byte_places(value, length):
    found = []
    for place, character in enumerate(value[:length]):
        width = len(character.encode("utf-8", "replace")) if not "\ud800" <= character <= "\udfff" else 3
        if len(found) + width > length:
            break
        found += [(place, place + 1)] * width
    return found


# Word pieces ---------------------------------------------------------------------------------------------------------


class WordPieces:
    """Splits texts into pieces of words as keras_hub.tokenizers.WordPieceTokenizer does (Schuster & Nakajima 2012).

    A text is split at spaces, controls and format characters; punctuation marks and ideographs are words of their own.
    A word is the longest piece of the vocabulary that it begins with, then the longest "##..." that goes on, and so
    forth; one that can't be put together, or has more than 100 bytes in UTF-8, is "[UNK]".

    keras-hub splits in the same places, but for two kinds of characters: other spaces than ASCII's (U+00A0, U+2003,
    ...) and variation selectors are part of a word there and split words here, as BERT's own code has it for the
    former. And its `lowercase=True` is case folding with compatibility forms (NFKC), which depends on the version of
    ICU; here each character is lower-cased for itself.

    Args:
        vocabulary: the pieces in the order of their ids; the first is "[PAD]", and "[UNK]" is one of them.
    """

    def __init__(self, vocabulary: Iterable[str]):
        self.ids = {piece: index for index, piece in enumerate(vocabulary)}
        self._unknown = (self.ids[UNKNOWN],)
        self._longest = max(map(len, self.ids))
        # Most words come again and again.
        self._known: dict[str, tuple[int, ...]] = {}

    def encode(
        self,
        value: str,
        length: int,
        lowercase: bool = False,
        start: str = "",
        end: str = "",
        *,
        strip_accents: bool = False,
    ) -> list[int]:
        """The ids of a text.

        Args:
            value: the text.
            length: how many ids to give at most, those of `start` and `end` included.
            lowercase: lower-case the text first.
            start, end: pieces put before and behind every text that is not empty; "": none.
            strip_accents: take the accents off first, see `mmzoo.encoding.accents`.

        Returns:
            At most `length` ids, without padding.
        """
        room, ids = length - bool(start) - bool(end), []
        for match in _word_pattern().finditer(_cleaned(value, lowercase, strip_accents)):
            ids += self._pieces(match.group())
            if len(ids) >= room:
                break
        if not ids:
            return []
        return [self.ids[mark] for mark in (start,) if mark] + ids[:room] + [self.ids[mark] for mark in (end,) if mark]

    def places(self, cleaned: str, length: int, start: str = "", end: str = "") -> list[tuple[int, int]]:
        """Where the ids of `encode` stand: (first character, the one behind the last), (0, 0) for `start` and `end`.

        Args:
            cleaned: the text in lower case and without accents, where that is wanted.
            length, start, end: see `encode`.
        """
        room, found = length - bool(start) - bool(end), []
        for match in _word_pattern().finditer(cleaned):
            pieces, begin = self._pieces(match.group()), match.start()
            if pieces == self._unknown:
                found.append(match.span())
            else:
                for piece in pieces:
                    width = self._widths[piece] - (len(SUFFIX) if begin > match.start() else 0)
                    found.append((begin, begin + width))
                    begin += width
            if len(found) >= room:
                break
        if not found:
            return []
        return [(0, 0)] * bool(start) + found[:room] + [(0, 0)] * bool(end)

    @functools.cached_property
    def _widths(self):
        return [len(piece) for piece in self.ids]

    def _pieces(self, word):
        if word not in self._known:
            if len(self._known) >= _MOST_WORDS_KEPT:
                self._known.clear()
            self._known[word] = self._split(word)
        return self._known[word]

    def _split(self, word):
        if len(word.encode("utf-8")) > LONGEST_WORD:
            return self._unknown
        found, begin = [], 0
        while begin < len(word):
            prefix = SUFFIX if begin else ""
            for end in range(min(len(word), begin + self._longest), begin, -1):
                index = self.ids.get(prefix + word[begin:end])
                if index is not None:
                    break
            else:
                return self._unknown
            found.append(index)
            begin = end
        return tuple(found)


# Word n-grams --------------------------------------------------------------------------------------------------------


def ngram_ids(value: str, buckets: int, length: int, *, pairs: bool = True) -> np.ndarray:
    """The ids of a text's words, then those of its pairs of neighbouring words (Joulin et al. 2017).

    A word is a run of letters, marks and digits; each ideograph and each symbol beyond ASCII (emoji, "€") is a word of
    its own; spaces and punctuation only separate. All words come before all pairs, so that a text of up to `length`
    words keeps every word when it is cut, and as many pairs as there is room for.

    The hash of a word with the code points c[0], c[1], ..., at most 32 of them: h = sum of c[j] * BASE^j, modulo the
    prime 2^31 - 1; that of a pair: h = (FIRST * h1 + SECOND * h2) modulo the prime; the id: mixed(h) % buckets + 1.

    Args:
        value: a text without NUL and lone surrogates, lower-cased already where that is wanted.
        buckets: number of ids.
        length: how many ids to give at most.
        pairs: also those of pairs; else the words' alone.

    Returns:
        int64 (N,), N <= length, 1..buckets.
    """
    codes, begins, inside = _word_starts(value)
    places = np.flatnonzero(begins)
    if not len(places):
        return np.zeros(0, np.int64)
    word = (np.cumsum(begins) - 1)[inside]
    position = np.flatnonzero(inside) - places[word]
    hashed = position < HASHED_CHARACTERS
    terms = codes[inside].astype(np.int64) * powers()[np.minimum(position, HASHED_CHARACTERS - 1)] * hashed
    hashes = np.add.reduceat(terms, np.flatnonzero(begins[inside]))[:length] % PRIME
    if pairs:
        hashes = np.concatenate([hashes, (FIRST * hashes[:-1] + SECOND * hashes[1:]) % PRIME])
    return mixed(hashes[:length]) % buckets + 1


def _word_starts(value):
    """(code points int32 (N,), bool (N,): where a word begins, bool (N,): what is part of a word)."""
    codes = np.frombuffer(value.encode("utf-32-le"), np.int32)
    starts_of_runs, kinds_of_runs = kind_runs()
    kinds = kinds_of_runs[np.searchsorted(starts_of_runs, codes, side="right") - 1]
    is_letter = kinds == WORD
    follows = np.concatenate([[False], is_letter[:-1]])[: len(codes)]
    begins = (is_letter & ~follows) | (kinds == SYMBOL) | (kinds == IDEOGRAPH)
    return codes, begins, is_letter | begins


def _word_places(value):
    """(first character, the one behind the last) of each word of `ngram_ids`."""
    _, begins, inside = _word_starts(value)
    word, within = (np.cumsum(begins) - 1)[inside], np.flatnonzero(inside)
    last = np.flatnonzero(np.diff(word, append=-1) != 0)
    return list(zip(np.flatnonzero(begins).tolist(), (within[last] + 1).tolist(), strict=True))


@functools.cache
def powers() -> np.ndarray:
    """BASE^j modulo the prime for j = 0..31: int64 (32,)."""
    return np.array([pow(BASE, j, PRIME) for j in range(HASHED_CHARACTERS)], np.int64)


def mixed(hashes: np.ndarray) -> np.ndarray:
    """Spreads hashes, int64, so that their remainders by any number of buckets are even."""
    hashes = (hashes ^ (hashes // 2**15)) * MIXER % PRIME
    return hashes ^ (hashes // 2**13)
