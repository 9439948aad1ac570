"""The words by which a table, or a folder's name, says what a row is for."""

from __future__ import annotations

SPLIT_WORDS = {
    "train": ("train", "training", "trn"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "tst", "holdout", "hold-out", "hold_out", "held-out", "held_out", "eval"),
}
_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def split_of(word: str) -> str | None:
    """ "train", "validation" or "test" for a word that means it, whatever its case; None for any other.

    >>> split_of("Val "), split_of("2")
    ('validation', None)
    """
    return _SPLIT_OF.get(word.strip().lower())
