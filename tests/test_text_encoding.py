"""Word pieces and hashed n-grams: what a text becomes, and that Python and TensorFlow give the same ids.

The tests try 300 random strings of assigned characters, always the same; more with

    MMZOO_TEXT_CASES=10000 pytest tests/test_text_encoding.py

10,000 were run on 2026-11-25 (Python 3.11 with Unicode 14, TensorFlow 2.21, tensorflow-text 2.21, keras-hub 0.32), and
all texts of the data sets: all were the same. So are all 1,112,063 characters one by one, which the tests try always:
what a letter is and how it is lower-cased comes from tables of this package, so that there is nothing to differ by.
"""

from __future__ import annotations

import functools
import os
import pathlib
import random
import re
import time
import unicodedata

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from mmzoo.encoding import texts as text_encoding
from mmzoo.encoding import unicode_tables
from mmzoo.encoding.accents import without_accents
from mmzoo.exporting.raw import encoding_ops, text_ops
from mmzoo.schema import Text

CASES = int(os.environ.get("MMZOO_TEXT_CASES", "300"))

# Pieces of one and two characters of many scripts, so that random strings are not all unknown.
ALPHABET = "abcdefghijklmnopqrstuvwxyzäöüßçñéσςαβγδλόжщыאבגدرسשलกあアー中文字한글🙂❤€012345"
PIECES = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", *".,!?'-…“”¿。"),
    *(prefix + letter for letter in ALPHABET for prefix in ("", "##")),
    *(prefix + a + b for a in "aeiouäλнs" for b in "nrstlbאγ" for prefix in ("", "##")),
    *("unter", "##brech", "##ung", "don", "the", "i\u0307", "##\u0301"),
)
WORDPIECE = Text(24, "wordpiece", PIECES, lowercase=True, start="[CLS]", end="[SEP]")
TEXTS = (
    WORDPIECE,
    Text(9, "wordpiece", PIECES, end="[SEP]"),
    Text(64, "wordpiece", PIECES),
    Text(25, "wordpiece", PIECES, lowercase=True, start="[CLS]", end="[SEP]", strip_accents=True),
    Text(80, "ngrams", buckets=5000, lowercase=True),
    Text(7, "ngrams", buckets=13),
)


def names(text):
    return f"{text.tokenizer}-{text.length}"


every_text = pytest.mark.parametrize("text", TEXTS, ids=names)


def python_ids(text, strings):
    return np.stack([text.encode(string, "text") for string in strings])


@functools.cache
def graph(text):
    return tf.function(
        lambda strings: encoding_ops.encode_text(strings, text),
        input_signature=[tf.TensorSpec((None,), tf.string)],
    )


def assert_same(text, strings):
    python = python_ids(text, strings)
    # Lone surrogates have no UTF-8 form, and each is U+FFFD in Python.
    utf8 = [s if isinstance(s, bytes) else re.sub("[\ud800-\udfff]", "\ufffd", s).encode() for s in strings]
    found = graph(text)(tf.constant(utf8, tf.string)).numpy()
    assert found.dtype == np.int32 and found.shape == (len(strings), text.length)
    different = [strings[i] for i in np.flatnonzero((found != python).any(axis=1))]
    assert different == []
    return python


# The same ids ---------------------------------------------------------------------------------------------------------


def assigned_characters():
    return [chr(c) for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Co", "Cs")]


def random_strings(count, seed=0):
    rng = random.Random(seed)
    everything = assigned_characters()
    pools = [everything, [c for c in everything if ord(c) < 0x3000], list(ALPHABET + ALPHABET.upper())]
    strings = []
    for number in range(count):
        pool = pools[number % 3]
        characters = [rng.choice(pool if rng.random() < 0.75 else " aAeInNsS.,!") for _ in range(rng.randint(0, 60))]
        strings.append("".join(characters))
    return strings


@every_text
def test_random_strings_give_the_same_ids(text):
    ids = assert_same(text, random_strings(CASES))
    known = (ids > 1).sum() / max(1, (ids > 0).sum())
    assert known > 0.2, "nearly all words are unknown: the test would see no difference"


@every_text
def test_every_character_gives_the_same_ids(text):
    # Assigned or not; many to a string, since a call costs more than a character.
    characters = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c < 0xE000]
    size = 8
    strings = ["a" + "n".join(characters[i : i + size]) + "Ab" for i in range(0, len(characters), size)]
    if text.length < 2 * size:
        strings = strings[:2000]
    assert_same(text, strings)


@every_text
def test_bytes_of_any_kind_give_the_same_ids(text):
    rng = np.random.default_rng(0)
    strings = [rng.integers(0, 256, rng.integers(0, 30)).astype(np.uint8).tobytes() for _ in range(300)]
    assert_same(text, [*strings, b"", b"\0", b"a\0b", b"\xff", b"a\xe2\x82", b"\xed\xa0\x80"])


SPECIAL = (
    *(
        "",
        " ",
        "  \t\n\r ",
        "\0",
        "a\0b",
        "\0" * 50 + "ab",
        "\ud800",
        "a\ud800b",
        "\udc80 \ud83d",
        "\u200b\u200d\ufeff",
    ),
    *(
        "🙂",
        "🙂🙂",
        "❤️",
        "👩‍👩‍👧‍👦 ab",
        "👍🏽",
        "🇩🇪",
        "שלום אבג",
        "مرحبا",
        "\u202eab\u202c",
        "中文字",
        "中a文b",
        "한글",
        "あアー",
    ),
    *(
        "e\u0301a\u0308",
        "\u0301",
        "i\u0307",
        "İstanbul ISPARTA ı",
        "ΛΌΓΟΣ ΟΔΟΣ Σ",
        "λόγος",
        "Straße STRASSE ẞ",
        "ǅ Ǆ",
        "ﬁ ﬀ",
    ),
    *("don't", "a--b", "…", "“a”", "a\u00a0b\u3000c\u2003d", "a\u00adb", "x" * 100, "x" * 101, "ä" * 50, "ä" * 51),
    *("a" * 31 + "b", "a" * 32 + "b", "a" * 33 + "b", "[CLS] [UNK] [PAD]", "##a", "a##b", "\ufffe\uffff", "\U0010ffff"),
)


@every_text
def test_special_strings_give_the_same_ids(text):
    assert_same(text, list(SPECIAL))
    assert_same(text, ["unterbrechung " * 200, "ab " * 100 + "中" * 100])


@pytest.mark.parametrize("text", TEXTS[2:4], ids=names)
def test_long_texts_take_no_longer_than_short_ones(text):
    for value in (
        "ab é" * 2_500_000,
        b"ab \xff." * 2_000_000,
        " " * 10_000_000,
        "\ud800" * 3_000_000,
        "x" * 10_000_000,
    ):
        start = time.perf_counter()
        ids = text.encode(value, "text")
        assert time.perf_counter() - start < 5
        if isinstance(value, bytes) or "\ud800" not in value:
            np.testing.assert_array_equal(graph(text)(tf.constant([value]))[0], ids)


@every_text
def test_where_a_long_text_is_cut(text):
    most = text_encoding.MOST_CHARACTERS
    for before in (most - 1, most):
        assert_same(text, [" " * before + "a", "\0 " * before + "é b", "🙂 "[1] * before + "中文"])
    inside = text.encode("\0" + " " * (most - 1) + "a", "text")
    assert inside.any() and not text.encode(" " * most + "a", "text").any()


@every_text
def test_one_text_and_no_texts(text):
    expected = text.encode("Unterbrechung, don't!", "text")
    assert expected.any()
    np.testing.assert_array_equal(encoding_ops.encode_text(tf.constant("Unterbrechung, don't!"), text), expected)
    assert encoding_ops.encode_text(tf.zeros((0,), tf.string), text).shape == (0, text.length)
    assert not encoding_ops.encode_text(tf.constant([b"", b" "]), text).numpy().any()


@every_text
def test_in_a_tf_data_pipeline(text):
    strings = random_strings(20, seed=1)
    dataset = tf.data.Dataset.from_tensor_slices(strings).map(lambda s: text_ops.encode_text(s, text)).batch(20)
    assert dataset.element_spec.shape.as_list() == [None, text.length]
    np.testing.assert_array_equal(next(iter(dataset)), python_ids(text, strings))


DATA = os.environ.get("MMZOO_DATA", "")
SETS = {
    "flipkart_1050": ("product_name", "description"),
    "mvsa_single_4000": ("text",),
    "covid_cxr": ("clinical_notes", "other_notes"),
    "easy_vqa": ("question",),
}


def test_accents_are_those_of_unicode():
    left = without_accents()
    for code in [*range(0xD800), *range(0xE000, 0x20000)]:
        if unicodedata.category(chr(code)) in ("Cn", "Co") or unicodedata.name(chr(code), "").startswith("CJK COMPAT"):
            continue
        expected = "".join(c for c in unicodedata.normalize("NFD", chr(code)) if unicodedata.category(c) != "Mn")
        # Tables of a later Unicode may have marks that were not assigned.
        assert left.get(code, chr(code)) == expected, f"U+{code:04X}"


def test_without_accents_letters_of_many_scripts_are_the_plain_ones():
    text = TEXTS[3]
    for value, plain in (("école Ñandú", "ecole nandu"), ("e\u0301", "e"), ("Ά", "α"), ("İ", "i"), ("한", "한")):
        np.testing.assert_array_equal(text.encode(value, "t"), text.encode(plain, "t"))
    assert_same(text, ["école Ñandú Ά İ 한글 é" + chr(code) for code in (0x1D160, 0x9CB, 0x301, 0xF900, 0x958)])


@pytest.mark.skipif(not DATA, reason="MMZOO_DATA is not set, so there are no real texts")
@pytest.mark.parametrize("name", SETS)
def test_all_texts_of_the_data_sets_give_the_same_ids(name):
    table = pd.read_csv(pathlib.Path(DATA) / name / "metadata.csv")
    texts = [text for column in SETS[name] for text in table[column].dropna().unique()]
    letters = sorted({character for text in texts for character in text.lower()})
    pieces = ("[PAD]", "[UNK]", *letters, *(f"##{letter}" for letter in letters))
    assert "[UNK]" not in pieces[2:]
    for text in (Text(256, "wordpiece", pieces, lowercase=True), Text(512, "ngrams", buckets=50_000, lowercase=True)):
        ids = assert_same(text, texts)
        assert (ids > 1).sum() > len(texts)


# What a text becomes -------------------------------------------------------------------------------------------------


def pieces_of(value, text=WORDPIECE):
    ids = text.encode(value, "text")
    return " ".join(text.vocabulary[i] for i in ids if i)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", ""),
        ("  \t", ""),
        ("Unterbrechung", "[CLS] unter ##brech ##ung [SEP]"),
        ("don't!", "[CLS] don ' t ! [SEP]"),
        ("xq%", "[CLS] x ##q [UNK] [SEP]"),
        ("中a文", "[CLS] 中 a 文 [SEP]"),
        ("🙂🙂", "[CLS] 🙂 ##🙂 [SEP]"),
        ("❤\ufe0f!", "[CLS] ❤ ! [SEP]"),
        ("Ä\u00a0ß", "[CLS] ä ß [SEP]"),
        ("e\u0301", "[CLS] e ##\u0301 [SEP]"),
        ("İ", "[CLS] i [SEP]"),
        ("ΛΣ", "[CLS] λ ##σ [SEP]"),
        ("λς", "[CLS] λ ##σ [SEP]"),
        ("ẞ", "[CLS] ß [SEP]"),
        ("a" * 100, "[CLS] " + "a" + " ##a" * 21 + " [SEP]"),
        ("a" * 101, "[CLS] [UNK] [SEP]"),
        ("a\ud800", "[CLS] [UNK] [SEP]"),
        ("[PAD]", "[CLS] [UNK] p ##a ##d [UNK] [SEP]"),
    ],
)
def test_word_pieces(value, expected):
    assert pieces_of(value) == expected


def test_word_pieces_are_those_of_keras_hub():
    """Its own splitting included, on strings without what we take for spaces and it does not, see `WordPieces`."""
    from keras_hub.tokenizers import WordPieceTokenizer

    text = Text(64, "wordpiece", PIECES)
    # Unicode 14 and below is what all versions of RE2 in question know.
    other_spaces = re.compile(f"[{unicode_tables.character_class(unicode_tables.SPACE)}]")
    strings = [
        other_spaces.sub(lambda m: m[0] if m[0] < "\x80" else " ", s).replace("\0", "") for s in random_strings(600)
    ]
    expected = WordPieceTokenizer(PIECES, sequence_length=64)(strings)
    np.testing.assert_array_equal(python_ids(text, strings), np.asarray(expected))


def test_marks_are_kept_when_a_text_is_cut():
    text = Text(4, "wordpiece", PIECES, start="[CLS]", end="[SEP]")
    assert pieces_of("a b c d", text) == "[CLS] a b [SEP]"
    assert pieces_of("a", text) == "[CLS] a [SEP]"
    assert pieces_of("unterbrechung", Text(2, "wordpiece", PIECES)) == "unter ##brech"


def ngrams(value, length=40, buckets=1_000_000, lowercase=True):
    ids = Text(length, "ngrams", buckets=buckets, lowercase=lowercase).encode(value, "text")
    return [int(i) for i in ids if i]


def test_ngrams_are_words_then_pairs():
    a, b, c, ab, bc = ngrams("Alpha beta gamma")
    assert len({a, b, c, ab, bc}) == 5
    assert ngrams("alpha, BETA ... (gamma)!") == [a, b, c, ab, bc]
    assert ngrams("beta") == [b] and ngrams("beta gamma") == [b, c, bc]
    assert ngrams("gamma beta")[2] != bc, "the order within a pair counts"
    assert ngrams("Alpha", lowercase=False) != [a]
    # Words first, so that a cut takes pairs before words.
    assert ngrams("alpha beta gamma", 4) == [a, b, c, ab]
    assert ngrams("alpha beta gamma", 2) == [a, b]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", 0),
        (" .,!", 0),
        ("don't", 2),
        ("中文字", 3),
        ("a中b", 3),
        ("🙂🙂", 2),
        ("❤\ufe0f", 1),
        ("10 €", 2),
        ("e\u0301a", 1),
    ],
)
def test_words_of_ngrams(value, words):
    assert len(ngrams(value)) == (2 * words - 1 if words else 0)


def test_of_a_word_the_first_32_characters_count():
    assert ngrams("a" * 32 + "b") == ngrams("a" * 32 + "c") != ngrams("a" * 31 + "b")


def test_the_hash_is_the_one_on_the_card():
    """By hand, as the card of a bundle tells it to whoever writes it in another language."""
    p = 2**31 - 1

    def identifier(h):
        h = (h ^ (h >> 15)) * 741103597 % p
        return (h ^ (h >> 13)) % 1000 + 1

    def word(letters):
        return sum(ord(letter) * 1540483477**j for j, letter in enumerate(letters)) % p

    pair = (625341585 * word("wet") + 461845907 * word("straße")) % p
    expected = [identifier(h) for h in (word("wet"), word("straße"), pair)]
    assert ngrams("Wet STRAẞE", buckets=1000) == expected


def test_buckets_are_filled_evenly():
    words = [f"{a}{b}{c}" for a in "abcdefghijklmnopqrst" for b in "aeiou" for c in "nrstlmbdfg"]
    ids = np.array([ngrams(word, buckets=64)[0] for word in words])
    counts = np.bincount(ids, minlength=65)[1:]
    assert ids.min() >= 1 and ids.max() <= 64
    # Chi-squared with 63 degrees of freedom: below 110 in all but 3 of 10,000 cases.
    assert ((counts - 1000 / 64) ** 2 / (1000 / 64)).sum() < 110


@every_text
def test_other_kinds_of_values_are_refused(text):
    with pytest.raises(TypeError, match="text: expected a string or UTF-8 bytes, got int: 5"):
        text.encode(5, "text")
    assert not text.encode(None, "text").any()


def test_texts_are_told_from_their_ids():
    assert text_encoding.decode_text(Text(20), Text(20).encode("Straße 中", "text")) == "Straße 中"
    ids = WORDPIECE.encode("Unterbrechung, don't", "text")
    assert text_encoding.decode_text(WORDPIECE, ids) == "unterbrechung , don ' t"
    assert text_encoding.decode_text(TEXTS[4], TEXTS[4].encode("a b", "text")) == ""


def test_many_texts_take_seconds():
    texts = random_strings(2000, seed=2)
    for text in TEXTS:
        start = time.perf_counter()
        python_ids(text, texts)
        assert time.perf_counter() - start < 5


# Tables --------------------------------------------------------------------------------------------------------------


def test_tables_are_pythons_own():
    """For the characters that this Python's version of Unicode and ours, 14, both know."""
    starts, kinds = unicode_tables.kind_runs()
    everything = [c for c in range(0x110000) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")]
    found = kinds[np.searchsorted(starts, everything, side="right") - 1]
    spaces = {c for c, kind in zip(everything, found, strict=True) if kind == unicode_tables.SPACE}
    marks = {c for c, kind in zip(everything, found, strict=True) if kind == unicode_tables.PUNCTUATION}
    category = {c: unicodedata.category(chr(c)) for c in everything}
    new = set() if unicodedata.unidata_version == "14.0.0" else set(everything) - _assigned_in_14(everything)
    selectors = set(range(0xFE00, 0xFE10))
    assert (
        spaces - new
        == {c for c in everything if category[c][0] == "Z" or category[c] in ("Cc", "Cf")} - new | selectors
    )
    ascii_marks = {c for c in range(33, 127) if not chr(c).isalnum()}
    assert marks - new == {c for c in everything if category[c][0] == "P"} - new | ascii_marks
    lower = unicode_tables.lower_case()
    other = {c for c in everything if chr(lower.get(c, c)) != chr(c).lower()} - new
    # One code point for one, and the sigma at a word's end is a sigma.
    assert other == {ord("İ"), ord("ς")} and lower[ord("İ")] == ord("i") and lower[ord("ς")] == ord("σ")


def _assigned_in_14(everything):
    pytest.skip(f"this Python knows Unicode {unicodedata.unidata_version}, the tables are of 14.0.0")
