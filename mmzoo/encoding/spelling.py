"""Which of a list of names (classes, categories) a cell or raw value means, however a program has written it.

A spreadsheet writes TRUE for Python's True, pandas 1.0 for 1 where a cell of the column is empty. So two spellings are
one name where they differ only by white space around them, are both the same whole number, or both the same truth
value. All else tells names apart: case, leading zeros (007 and 7), and the digits of fractions (versions 1.1 and 1.10).
`mmzoo.exporting.raw.category_ops` holds the same as TensorFlow operations.
"""

from __future__ import annotations

import datetime
import functools
import os
import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

# What str.strip() takes away, in the words of both re and RE2.
SPACES = "\\t\\n\\v\\f\\r\\x1c-\\x1f \\x85\\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
# Each whole of a spelling, and what it is a spelling of.
SPELLINGS = (
    (r"[+-]?0(?:\.0*)?", "0"),
    (r"(?:\+|(-))?([1-9][0-9]{0,17})(?:\.0*)?", r"\1\2"),
    ("[Tt][Rr][Uu][Ee]", "true"),
    ("[Ff][Aa][Ll][Ss][Ee]", "false"),
)
NUMBER = r"[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20})(?:[eE][+-]?[0-9]{1,2})?"
# Beyond it float64 no longer holds every whole number.
LARGEST_NUMBER = 2.0**53

_SPELLINGS = tuple((re.compile(pattern), whole) for pattern, whole in SPELLINGS)
_NUMBER = re.compile(NUMBER)


def as_word(value: Any) -> str | None:
    """A cell or raw value as it would stand in a CSV file; None of what is neither text, number, date nor path.

    >>> as_word(" a"), as_word(1.0), as_word(True), as_word(0.5), as_word(["a"])
    (' a', '1', 'True', '0.5', None)
    """
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, (int, np.integer)):
        # Python refuses to write thousands of digits.
        return str(int(value)) if abs(int(value)) < 10**1000 else hex(value)
    if isinstance(value, (float, np.floating)):
        # pandas turns a column of whole numbers into floats where a cell is empty.
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return os.fspath(value) if isinstance(value, os.PathLike) else None


def canonical(word: str) -> str:
    """What all spellings of one name have in common.

    >>> [canonical(word) for word in (" a", "1.0", "+1", "-0.", "TRUE", "007", "1.10", "A")]
    ['a', '1', '1', '0', 'true', '007', '1.10', 'A']
    """
    word = word.strip()
    for pattern, whole in _SPELLINGS:
        match = pattern.fullmatch(word)
        if match:
            return match.expand(whole)
    return word


def find_name(names: Sequence[str], value: Any) -> int | None:
    """The place of the name that a value means; None where it means none of them, or could mean several.

    The first of: the very name; the one name with the same `canonical` spelling; the one name that is the same number,
    so that 1 finds "001" and 0.50 finds "0.5" where no other name is that number. A number is never taken for a place.

    >>> names = ("1", "2", "10")
    >>> [find_name(names, value) for value in (1, 2.0, "10.0", "1e1", 0, "two")]
    [0, 1, 2, 2, None, None]
    """
    word = as_word(value)
    if word is None:
        return None
    known = names_by_spelling(tuple(names))
    if word in known.exact:
        return known.exact[word]
    word = canonical(word)
    found = known.canonical.get(word)
    return known.numbers.get(number_of(word)) if found is None else found


def other_spellings(names: Sequence[str], words: Iterable[str]) -> dict[str, str]:
    """The words that mean a name and are spelt in another way: word -> name; white space around a word counts too.

    >>> other_spellings(("1", "2"), ["1", "2.0", " 1", "3"])
    {'2.0': '2', ' 1': '1'}
    """
    names, found = tuple(names), {}
    for word in dict.fromkeys(words):
        place = None if word in names_by_spelling(names).exact else find_name(names, word)
        if place is not None:
            found[word] = names[place]
    return found


def number_of(word: str) -> float | None:
    """A word as a number; None where it is none, or too large for float64 to tell it from its neighbours."""
    if not _NUMBER.fullmatch(word):
        return None
    number = float(word)
    return number if abs(number) <= LARGEST_NUMBER else None


class NamesBySpelling:
    """What names are found by; where several share a spelling or a number, it finds none of them.

    Args:
        names: all of them.

    Attributes:
        exact: name -> place.
        canonical: `canonical` spelling -> place.
        numbers: number -> place.
        words_of_numbers: the names that are numbers.
    """

    def __init__(self, names: tuple[str, ...]):
        self.exact = {name: place for place, name in enumerate(names)}
        spelt = [canonical(name) for name in names]
        self.canonical = _once(spelt)
        self.words_of_numbers = [word for word in spelt if number_of(word) is not None]
        self.numbers = _once([number_of(word) for word in spelt])
        self.numbers.pop(None, None)


@functools.lru_cache(maxsize=256)
def names_by_spelling(names: tuple[str, ...]) -> NamesBySpelling:
    """The same for every cell of a column."""
    return NamesBySpelling(names)


def _once(keys):
    places: dict = {}
    for place, key in enumerate(keys):
        places.setdefault(key, []).append(place)
    return {key: found[0] for key, found in places.items() if len(found) == 1}
