"""`mmzoo.encoding.texts` as TensorFlow operations, for tf.data and for graphs that take strings.

Bytes and n-grams: core TensorFlow only, so a SavedModel of them loads with plain TensorFlow. Word pieces: keras-hub's
tokenizer, whose operator is tensorflow-text's, so whoever loads such a SavedModel must `import tensorflow_text` first.
Every string gives the same ids as in Python: characters are told apart and lower-cased by
`mmzoo.encoding.unicode_tables`, and what keras-hub gets are words.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from mmzoo.encoding import texts as text_encoding
from mmzoo.encoding.accents import accent_table
from mmzoo.encoding.unicode_tables import IDEOGRAPH, PUNCTUATION, SPACE, SYMBOL, WORD, kind_runs, lower_case
from mmzoo.schema import Schema, Text


def encode_text(strings, text: Text):
    """Strings to the ids that the model takes, see `mmzoo.encoding.texts.encode_text`.

    Args:
        strings: string () or (N,), UTF-8.
        text: the schema's description of the input.

    Returns:
        int32 (length,) or (N, length), 0 = padding.

    Raises:
        ImportError: word pieces, and keras-hub or tensorflow-text is not installed.
    """
    strings = tf.convert_to_tensor(strings, tf.string)
    strings = tf.strings.regex_replace(strings, r"\x00", "")
    strings = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
    if text.tokenizer == "bytes":
        return _byte_ids(strings, text.length)
    flat = tf.strings.substr(tf.reshape(strings, [-1]), 0, text_encoding.MOST_CHARACTERS, unit="UTF8_CHAR")
    codes = tf.strings.unicode_decode(flat, "UTF-8")
    if text.strip_accents:
        codes = _without_accents(codes)
    if text.lowercase:
        codes = codes.with_values(_lower(codes.values))
    ids = _piece_ids(codes, text) if text.tokenizer == "wordpiece" else _word_ids(codes, text)
    ids = tf.cast(ids.to_tensor(shape=(None, text.length)), tf.int32)
    return tf.ensure_shape(
        tf.reshape(ids, [*tf.unstack(tf.shape(strings)), text.length]), [*strings.shape, text.length]
    )


def needs_tensorflow_text(schema: Schema) -> bool:
    """Whether a SavedModel of this schema loads only where tensorflow-text is imported."""
    return any(isinstance(m, Text) and m.tokenizer == "wordpiece" for m in schema.inputs.values())


def import_tensorflow_text() -> None:
    """Makes the operator known that word pieces need, before a SavedModel with them is loaded.

    Raises:
        ImportError: tensorflow-text is not installed.
    """
    try:
        import tensorflow_text  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"word pieces in TensorFlow need tensorflow-text ({error}): pip install tensorflow-text in TensorFlow's "
            "version; a Text with tokenizer='ngrams' or 'bytes' needs none, nor does the LiteRT file with mmzoo.edge"
        ) from error


def _byte_ids(strings, length):
    # One byte more than fits tells whether the cut falls inside a character.
    steps = length + 1
    data = tf.cast(tf.io.decode_raw(tf.strings.substr(strings, 0, steps), tf.uint8, fixed_length=steps), tf.int32)
    starts_character = tf.not_equal(tf.bitwise.bitwise_and(data, 0xC0), 0x80)
    cut = tf.reduce_max(tf.where(starts_character, tf.range(steps), 0), axis=-1, keepdims=True)
    return (data * tf.cast(tf.range(steps) < cut, tf.int32))[..., :length]


def _lower(codes):
    mapping = lower_case()
    upper = np.array(sorted(mapping), np.int32)
    lower = np.array([mapping[code] for code in upper.tolist()], np.int32)
    places = tf.minimum(tf.searchsorted(upper, codes), len(upper) - 1)
    return tf.where(tf.equal(tf.gather(upper, places), codes), tf.gather(lower, places), codes)


def _without_accents(codes):
    """Code points, ragged (N, None), without their accents: see `mmzoo.encoding.accents`."""
    accented, left = accent_table()
    places = tf.minimum(tf.searchsorted(accented, codes.values), len(accented) - 1)
    is_accented = tf.equal(tf.gather(accented, places), codes.values)
    as_it_is = tf.pad(codes.values[:, None], [[0, 0], [0, 2]])
    rows = tf.where(is_accented[:, None], tf.gather(left, places), as_it_is)
    lengths = tf.reduce_sum(codes.with_values(tf.math.count_nonzero(rows, axis=1)), axis=1)
    return tf.RaggedTensor.from_row_lengths(tf.boolean_mask(rows, rows > 0), lengths)


def _kinds(codes):
    starts, kinds = kind_runs()
    return tf.gather(kinds, tf.searchsorted(starts, codes, side="right") - 1)


# Word pieces ---------------------------------------------------------------------------------------------------------


def _piece_ids(codes, text):
    """Code points, ragged (N, None), to the ids of word pieces, ragged."""
    ids = _tokenizer(text.vocabulary)(_words(codes)).merge_dims(1, -1)
    ids = ids[:, : text.length - bool(text.start) - bool(text.end)]
    # Marks stand around what is not empty.
    is_given = tf.cast(ids.row_lengths() > 0, tf.int64)

    def marks(piece):
        index = tf.constant(text.vocabulary.index(piece), ids.dtype)
        return tf.RaggedTensor.from_row_lengths(tf.fill([tf.reduce_sum(is_given)], index), is_given)

    start, end = ([marks(piece)] if piece else [] for piece in (text.start, text.end))
    return tf.concat([*start, ids, *end], axis=1)


def _words(codes):
    """Code points, ragged (N, None), to words: ragged string (N, None)."""
    kinds = _kinds(codes.values)
    alone = tf.logical_or(tf.equal(kinds, PUNCTUATION), tf.equal(kinds, IDEOGRAPH))
    spaced = tf.where(tf.equal(kinds, SPACE), ord(" "), codes.values)
    # Each character that is a word of its own gets a space on either side, the others get 0, which is left out again.
    around = tf.where(alone, ord(" "), 0)
    triples = tf.reshape(tf.stack([around, spaced, around], axis=1), [-1])
    lengths = tf.reduce_sum(codes.with_values(tf.where(alone, 3, 1)), axis=1)
    separated = tf.RaggedTensor.from_row_lengths(tf.boolean_mask(triples, triples > 0), lengths)
    return tf.strings.split(tf.strings.unicode_encode(separated, "UTF-8"))


@functools.lru_cache(maxsize=8)
def _tokenizer(vocabulary):
    import_tensorflow_text()
    try:
        from keras_hub.tokenizers import WordPieceTokenizer
    except ImportError as error:
        raise ImportError(f"word pieces need keras-hub ({error}): pip install keras-hub") from error
    # The words are ready: what keras-hub would split by changes with the version of RE2.
    with tf.init_scope():
        tokenizer = WordPieceTokenizer(vocabulary, split=False, suffix_indicator=text_encoding.SUFFIX)
    # Outside of graphs keras-hub gives lists.
    return tf.function(tokenizer.tokenize)


# Word n-grams --------------------------------------------------------------------------------------------------------


def _word_ids(codes, text):
    """Code points, ragged (N, None), to ids of words and word pairs, ragged; see `text_encoding.ngram_ids`."""
    rows, count = codes.value_rowids(), codes.nrows()
    codes = codes.values
    kinds = _kinds(codes)
    is_letter = tf.equal(kinds, WORD)
    same_row = tf.equal(rows[1:], rows[:-1])
    follows = tf.concat([tf.zeros(tf.minimum(tf.shape(codes), 1), tf.bool), is_letter[:-1] & same_row], axis=0)
    begins = (is_letter & ~follows) | tf.equal(kinds, SYMBOL) | tf.equal(kinds, IDEOGRAPH)
    places = tf.where(begins)[:, 0]
    inside = tf.where(is_letter | begins)[:, 0]
    word = tf.gather(tf.cumsum(tf.cast(begins, tf.int64)) - 1, inside)
    position = inside - tf.gather(places, word)
    hashed = tf.cast(position < text_encoding.HASHED_CHARACTERS, tf.int64)
    factors = tf.gather(text_encoding.powers(), tf.minimum(position, text_encoding.HASHED_CHARACTERS - 1))
    terms = tf.cast(tf.gather(codes, inside), tf.int64) * factors * hashed
    hashes = tf.math.segment_sum(terms, word) % text_encoding.PRIME
    words = tf.RaggedTensor.from_value_rowids(hashes, tf.gather(rows, places), count)[:, : text.length]
    if not text.pairs:
        return words.with_values(_mixed(words.values) % text.buckets + 1)
    first, second = words[:, :-1], words[:, 1:]
    pairs = (text_encoding.FIRST * first.values + text_encoding.SECOND * second.values) % text_encoding.PRIME
    both = tf.concat([words, first.with_values(pairs)], axis=1)[:, : text.length]
    return both.with_values(_mixed(both.values) % text.buckets + 1)


def _mixed(hashes):
    hashes = tf.bitwise.bitwise_xor(hashes, hashes // 2**15) * text_encoding.MIXER % text_encoding.PRIME
    return tf.bitwise.bitwise_xor(hashes, hashes // 2**13)
