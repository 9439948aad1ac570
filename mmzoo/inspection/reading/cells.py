"""The cells of one column, as texts and numbers, each different value looked at once."""

from __future__ import annotations

import collections
import datetime
import functools
import math
import os
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.encoding.missing import is_missing, is_missing_word
from mmzoo.encoding.numbers import read_number
from mmzoo.encoding.spelling import as_word, canonical
from mmzoo.schema.fields import LARGEST_FLOAT32

# What the reader of tables takes; tolist() makes Python's own types of NumPy's.
_KNOWN = (str, bool, int, float, np.bool_, np.integer, np.floating, datetime.date, datetime.time, os.PathLike)


class Cells:
    """One column.

    Args:
        name: the column's name.
        series: its cells.
        known: words that are values here, even if they stand for "missing" elsewhere.

    Attributes:
        name: the column's name.
        rows: the label of each row, for messages (N,).
        codes: int (N,), the index of each cell's value in `values`, -1 where it is empty.
        values: the different values as texts, without white space around them, in order of appearance. Of several
            spellings of one value (1 and 1.0, TRUE and True, see `mmzoo.encoding.spelling`) the most frequent.
        spellings: value -> the ways in which it is written, where there are several.
        strange: positions of the cells that hold neither text, number, date nor path (a list, an array, a Decimal).
        strange_types: the names of their types.
        missing_words: word that stands for "missing" -> positions of its cells, which count as empty.
        kept_words: words that do so elsewhere, but not here: "+" and "-" alone are values.
    """

    def __init__(self, name: str, series: pd.Series, known: Collection[str] = ()):
        self.name, self.rows, self.dtype = name, series.index.to_numpy(), series.dtype
        texts: list[str | None] = []
        self.strange: list[int] = []
        self.strange_types: set[str] = set()
        for position, cell in enumerate(series.tolist()):
            is_usual = isinstance(cell, _KNOWN) or (pd.api.types.is_scalar(cell) and pd.isna(cell))
            texts.append(as_text(cell) if is_usual else None)
            if not is_usual:
                self.strange.append(position)
                self.strange_types.add(type(cell).__name__)
        words = {text for text in set(texts) - {None} if is_missing_word(text, known)}
        self.kept_words: tuple[str, ...] = ()
        if words and len(set(texts) - {None}) == 2 > len(words):
            self.kept_words, words = tuple(words), set()
        self.missing_words: dict[str, list[int]] = {}
        for position, text in enumerate(texts) if words else ():
            if text in words:
                self.missing_words.setdefault(text, []).append(position)
                texts[position] = None
        # Of what is left the spellings: two words for "missing" are no two spellings of a value.
        texts, self.spellings = one_spelling(texts)
        self.codes, values = pd.factorize(np.array(texts, object), use_na_sentinel=True)
        self.values: list[str] = list(values)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def present(self) -> np.ndarray:
        """bool (N,): the cell is not empty."""
        return self.codes >= 0

    @functools.cached_property
    def filled(self) -> int:
        """How many cells are not empty."""
        return int(self.present.sum())

    @functools.cached_property
    def counts(self) -> np.ndarray:
        """How often each value occurs: int (values,)."""
        return np.bincount(self.codes[self.present], minlength=len(self.values))

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """Each value as a number, NaN where it is none: float (values,)."""
        return np.array([as_number(value) for value in self.values], float)

    @functools.cached_property
    def words(self) -> np.ndarray:
        """The number of words of each value: int (values,)."""
        return np.array([len(value.split()) for value in self.values], int)

    def share(self, of_values) -> float:
        """The share of the filled cells whose value is one of those: bool (values,) to 0..1."""
        return float(self.counts[np.asarray(of_values, bool)].sum() / max(self.filled, 1))

    def per_row(self, of_values, missing: Any = np.nan) -> np.ndarray:
        """What stands for each value, for each row: (values,) to (N,)."""
        of_values = np.asarray(of_values)
        if not len(of_values):
            return np.full(len(self), missing)
        return np.where(self.present, of_values[self.codes], missing)

    def rows_where(self, of_values) -> list:
        """The labels of the rows whose value is one of those: bool (values,) to labels."""
        of_values = np.asarray(of_values, bool)
        if not len(of_values):
            return []
        return self.rows[self.present & of_values[self.codes]].tolist()

    def text_of(self, position: int) -> str:
        """The value of one row; "" where it is empty."""
        code = self.codes[position]
        return self.values[code] if code >= 0 else ""

    def by_count(self) -> list[tuple[str, int]]:
        """(value, how often it occurs), the most frequent first."""
        order = np.argsort(-self.counts, kind="stable")
        return [(self.values[i], int(self.counts[i])) for i in order]


def as_text(cell: Any) -> str | None:
    """A cell as it would stand in a CSV file; None where it is empty."""
    word = None if is_missing(cell) else as_word(cell)
    return word and word.strip() or None


def one_spelling(words: Iterable[str | None]) -> tuple[list[str | None], dict[str, list[str]]]:
    """Writes all spellings of one value alike.

    Args:
        words: cells as texts, None where empty.

    Returns:
        (the words, each in the most frequent spelling of its value; value -> its spellings, where there are several).

    >>> one_spelling(["1", "1.0", None, "1.0"])
    (['1.0', '1.0', None, '1.0'], {'1.0': ['1', '1.0']})
    """
    words = list(words)
    spelt: dict[str, list[str]] = {}
    counts = collections.Counter(word for word in words if word is not None)
    for word in counts:
        spelt.setdefault(canonical(word), []).append(word)
    several = {max(found, key=counts.__getitem__): found for found in spelt.values() if len(found) > 1}
    usual = {word: value for value, found in several.items() for word in found}
    return ([usual.get(word, word) for word in words] if usual else words), several


def as_number(text: str) -> float:
    """A text as a number as the table's reader reads it; NaN where it is none, or none that float32 holds."""
    try:
        number = read_number(text)
    except ValueError:
        return math.nan
    return number if abs(number) <= LARGEST_FLOAT32 else math.nan
