"""`mmzoo.encoding.spelling` as TensorFlow operations: which category a string means, however it is spelt."""

from __future__ import annotations

import math
from collections.abc import Sequence

import tensorflow as tf

from mmzoo.encoding import spelling


def find_names(names: Sequence[str], strings: tf.Tensor) -> tf.Tensor:
    """`mmzoo.encoding.spelling.find_name` of every string.

    Args:
        names: of the categories.
        strings: string (...), UTF-8.

    Returns:
        int32 (...): places, -1 where there is none.
    """
    known = spelling.names_by_spelling(tuple(names))
    words = tf.strings.regex_replace(strings, f"^[{spelling.SPACES}]+|[{spelling.SPACES}]+$", "")
    for pattern, whole in spelling.SPELLINGS:
        words = tf.strings.regex_replace(words, f"^(?:{pattern})$", whole)
    is_number = tf.strings.regex_full_match(words, spelling.NUMBER)
    numbers = tf.strings.to_number(tf.where(is_number, words, "nan"), tf.float64)
    by_number = [math.nan] * len(names)
    for number, place in known.numbers.items():
        by_number[place] = number
    place = _places(tf.equal(numbers[..., None], tf.constant(by_number, tf.float64)))
    for found, given in ((known.canonical, words), (known.exact, strings)):
        spelt, is_there = [b""] * len(names), [False] * len(names)
        for word, index in found.items():
            spelt[index], is_there[index] = word.encode(), True
        same = _places(tf.logical_and(tf.equal(given[..., None], tf.constant(spelt)), is_there))
        place = tf.where(same >= 0, same, place)
    return place


def _places(matches):
    """The first match on the last axis, -1 where there is none: bool (..., names) to int32 (...)."""
    first = tf.argmax(tf.cast(matches, tf.int32), axis=-1, output_type=tf.int32)
    return tf.where(tf.reduce_any(matches, axis=-1), first, -1)
