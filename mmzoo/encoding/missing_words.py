"""Words that stand for an empty cell in tables that programs write."""

from __future__ import annotations

from collections.abc import Collection

# Without regard to case. Words that people also use as a value ("none", "unknown", "x") are not among them.
MISSING_WORDS = frozenset(
    (
        *("na", "n/a", "n.a.", "<na>", "#n/a", "#na", "#n/a n/a", "nan", "-nan", "nat", "null", "#null!", "nil"),
        *("?", "-", "--", "---", "\u2013", "\u2014", "#div/0!", "#value!", "#ref!", "#num!", "#name?", "1.#qnan"),
    )
)


def is_missing_word(cell: str, known: Collection[str] = ()) -> bool:
    """Whether a cell of a table holds a word for "no value".

    Args:
        cell: its text.
        known: words that are values here, such as the classes of a label: what is one of them is not missing.

    >>> is_missing_word(" N/A "), is_missing_word("-", known=("+", "-")), is_missing_word("none")
    (True, False, False)
    """
    word = cell.strip()
    return len(word) <= 9 and word.lower() in MISSING_WORDS and word not in known
