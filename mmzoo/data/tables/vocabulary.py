"""Texts of a training set to their description in the schema: a vocabulary of word pieces, and a sensible length."""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterable

import numpy as np

from mmzoo.encoding.texts import PADDING, SUFFIX, UNKNOWN, WordPieces, ngram_ids, words_of
from mmzoo.exporting.raw.text_ops import import_tensorflow_text
from mmzoo.schema import Text

# The trainer drops what comes fewer than ten times; of a small data set every word counts so many times.
_REPEATED, _MOST_REPEATED_WORDS = 5, 1_000_000

# Each character makes two pieces, alone and as "##...".
_CHARACTERS_SHARE = 4
# The trainer's time grows with the square of a word's length, and a long word that comes once teaches little.
_LONGEST_SINGLE = 15
_MOST_WORDS = 30_000

# A recurrent layer is unrolled for static int8, up to so many steps.
LONGEST_PIECES = 64
LONGEST_NGRAMS = 512
# What sentence encoders were trained on; their time grows with the square.
LONGEST_SENTENCE = 128


def train_vocabulary(
    texts: Iterable[str],
    size: int = 8000,
    *,
    lowercase: bool = True,
    reserved: Iterable[str] = (),
) -> tuple[str, ...]:
    """Trains word pieces with keras_hub.tokenizers.compute_word_piece_vocabulary (Schuster & Nakajima 2012).

    The same texts in any order give the same vocabulary. The most frequent characters stand in it by themselves, so
    that every word of them can be put together; they take at most half of it.

    Args:
        texts: of the training set; empty ones and None are left out.
        size: number of pieces at most; where the texts are few, it gets fewer.
        lowercase: lower-case the texts first; the `Text` must say so too.
        reserved: pieces to stand behind "[PAD]" and "[UNK]" ("[CLS]", "[SEP]").

    Returns:
        The pieces, "[PAD]" first, then "[UNK]".

    Raises:
        ImportError: keras-hub or tensorflow-text is not installed.
        TypeError: a text is no string.
        ValueError: no text holds a word, or `size` leaves no room for pieces.
    """
    first = (PADDING, UNKNOWN, *reserved)
    if isinstance(size, bool) or not isinstance(size, int) or size <= len(first):
        raise ValueError(
            f"size: expected a whole number above {len(first)}, the pieces that are always there: {size!r}"
        )
    counts = collections.Counter()
    for text in _strings(texts):
        counts.update(words_of(text, lowercase))
    if not counts:
        raise ValueError("texts: no word in any of them; expected at least one text that is not empty")
    import_tensorflow_text()
    import tensorflow as tf
    from keras_hub.tokenizers import compute_word_piece_vocabulary

    repeated = _REPEATED if counts.total() <= _MOST_REPEATED_WORDS else 1
    # Sorted, so that the order of the texts doesn't matter.
    chosen = sorted(_without_rare(counts, (size - len(first)) // _CHARACTERS_SHARE + 1).items())

    def words():
        for word, count in chosen:
            yield np.full(count * repeated, word.encode("utf-8"), object)

    dataset = tf.data.Dataset.from_generator(words, output_signature=tf.TensorSpec((None,), tf.string))
    pieces = compute_word_piece_vocabulary(
        dataset, size, split=False, suffix_indicator=SUFFIX, reserved_tokens=list(first)
    )
    return tuple(pieces)


def frequent_words(
    texts: Iterable[str], size: int, *, lowercase: bool = True, reserved: Iterable[str] = (), least: int = 2
) -> tuple[str, ...]:
    """The most frequent words, whole: for scripts whose signs are words of their own, as ideographs are.

    Args:
        texts: of the training set; empty ones and None are left out.
        size: number of words at most, the reserved ones among them.
        lowercase: lower-case the texts first; the `Text` must say so too.
        reserved: pieces to stand behind "[PAD]" and "[UNK]".
        least: how often a word occurs at least.

    Returns:
        "[PAD]", "[UNK]", the reserved ones, then the words, the most frequent first.

    Raises:
        TypeError: a text is no string.
        ValueError: no word occurs so often.
    """
    first = (PADDING, UNKNOWN, *reserved)
    counts = collections.Counter(word for text in _strings(texts) for word in words_of(text, lowercase))
    ranked = sorted((-count, word) for word, count in counts.items() if count >= least and word not in first)
    if not ranked:
        raise ValueError(f"texts: no word in them occurs {least} times")
    return (*first, *(word for _, word in ranked[: max(0, size - len(first))]))


def _without_rare(counts, most_characters):
    """The most frequent words of frequent characters, without long ones that occur once (unless all are such)."""
    characters = collections.Counter()
    for word, count in counts.items():
        for character in word:
            characters[character] += count
    frequent = sorted(characters, key=lambda character: (-characters[character], character))[:most_characters]
    allowed = frozenset(frequent)
    words = {word: count for word, count in counts.items() if allowed.issuperset(word)}
    words = {word: count for word, count in words.items() if count > 1 or len(word) <= _LONGEST_SINGLE} or words
    return dict(sorted(words.items(), key=lambda item: (-item[1], item[0]))[:_MOST_WORDS])


def wordpiece_text(
    texts: Iterable[str],
    length: int | None = None,
    vocabulary_size: int = 8000,
    lowercase: bool = True,
    *,
    longest: int = LONGEST_PIECES,
) -> Text:
    """The description of a text that is read in word pieces.

    Args:
        texts: of the training set.
        length: number of pieces to read; None: as many as 95 % of the texts have, at most `longest`.
        vocabulary_size: see `train_vocabulary`.
        lowercase: lower-case the texts first.
        longest: limit where `length` is None; models with a GRU or LSTM get a static int8 file up to 64.

    Returns:
        A `Text` of tokenizer "wordpiece".

    Raises:
        ImportError, TypeError, ValueError: see `train_vocabulary`.
    """
    texts = _strings(texts)
    vocabulary = train_vocabulary(texts, vocabulary_size, lowercase=lowercase)
    if length is None:
        pieces = WordPieces(vocabulary)
        length = _usual([len(pieces.encode(text, longest, lowercase)) for text in texts], longest)
    return Text(length, "wordpiece", vocabulary, lowercase=lowercase)


def fitted(text: Text, texts: Iterable[str], longest: int = LONGEST_SENTENCE) -> Text:
    """A text of word pieces that has as many as 95 % of some texts, the marks at their ends included.

    Args:
        text: the description.
        texts: of the training set.
        longest: limit.
    """
    options = {"lowercase": text.lowercase, "start": text.start, "end": text.end, "strip_accents": text.strip_accents}
    counts = [len(text.word_pieces.encode(value, longest, **options)) for value in _strings(texts)]
    return dataclasses.replace(text, length=_usual(counts, longest)) if any(counts) else text


def ngrams_text(
    texts: Iterable[str] | None = None,
    length: int | None = None,
    buckets: int = 8000,
    lowercase: bool = True,
    *,
    longest: int = LONGEST_NGRAMS,
) -> Text:
    """The description of a text that is read as hashed words and word pairs.

    Args:
        texts: of the training set; None where `length` is given.
        length: number of words and pairs to read; None: as many as 95 % of the texts have, at most `longest`.
        buckets: number of ids; the embedding has that many rows.
        lowercase: lower-case the texts first.
        longest: limit where `length` is None.

    Returns:
        A `Text` of tokenizer "ngrams".

    Raises:
        TypeError: a text is no string.
        ValueError: neither texts nor a length, or no text holds a word.
    """
    if length is None:
        if texts is None:
            raise ValueError("length: give it, or the training texts to choose it by")
        counts = [len(ngram_ids(text, 1, longest)) for text in _strings(texts)]
        if not any(counts):
            raise ValueError("texts: no word in any of them; give a length, or at least one text that is not empty")
        length = _usual(counts, longest)
    return Text(length, "ngrams", buckets=buckets, lowercase=lowercase)


def _strings(texts):
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"texts: expected several strings, got one: {texts!r:.80}")
    kept = []
    for number, text in enumerate(texts):
        # NaN is what pandas has for an empty cell.
        if text is None or text != text or text == "":
            continue
        if not isinstance(text, str):
            raise TypeError(f"texts: number {number}: expected a string, got {type(text).__name__}: {text!r:.80}")
        kept.append(re.sub("[\ud800-\udfff]", "\ufffd", text.replace("\0", "")))
    return kept


def _usual(counts, longest):
    """What 95 % of the texts that are not empty stay within, at most `longest`, as a multiple of 8."""
    usual = int(np.ceil(np.percentile([count for count in counts if count], 95)))
    return min(longest, -(-usual // 8) * 8)
