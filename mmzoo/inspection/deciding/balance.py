"""How uneven the classes of a label are, and what training should do about it."""

from __future__ import annotations

from collections.abc import Iterable

# The most frequent class to the rarest: from where on accuracy alone misleads, and from where on the square root of the
# weights that make all classes count the same is too little.
SKEWED, VERY_SKEWED = 3, 20


def proposed_class_weight(counts: Iterable[int]) -> str | None:
    """What `class_weight` suits a label: "sqrt" or "balanced" where its classes are skewed, else None.

    Args:
        counts: rows of each class.

    >>> [proposed_class_weight(counts) for counts in ([50, 40], [90, 10], [99, 1])]
    [None, 'sqrt', 'balanced']
    """
    counts = [count for count in counts if count]
    ratio = max(counts, default=1) / min(counts, default=1)
    return "balanced" if ratio >= VERY_SKEWED else "sqrt" if ratio >= SKEWED else None
