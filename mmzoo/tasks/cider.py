"""CIDEr-D, how much captions say of what several people said of the same pictures."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence

_LONGEST = 4
# How hard another length than the reference's counts, in words.
_SIGMA = 6.0


def cider(said: Sequence[Sequence[str]], references: Sequence[Sequence[Sequence[str]]]) -> float:
    """CIDEr-D (Vedantam, Zitnick & Parikh, "CIDEr: consensus-based image description evaluation", CVPR 2015).

    Runs of one to four words are counted and weighed by how few pictures' references have them; how like a caption is
    to each reference is the cosine of these counts, those of the caption cut to the reference's, less for another
    length. The mean over references, lengths of runs and captions, times 10. Unlike the authors' program it changes no
    words: they come as they are to be compared.

    Args:
        said: the words of each caption.
        references: of each the words of its references, at least one.

    Returns:
        0 (nothing in common) .. 10.

    Raises:
        ValueError: no captions, or one without references.
    """
    if not said or len(said) != len(references) or not all(references):
        raise ValueError("expected captions, each with at least one reference")
    counted = [[_counts(words) for words in own] for own in references]
    seen: collections.Counter = collections.Counter()
    for own in counted:
        seen.update({run for runs in own for run in runs})
    pictures = math.log(len(said))
    total = 0.0
    for words, own, texts in zip(said, counted, references, strict=True):
        vector, norms = _weighed(_counts(words), seen, pictures)
        each = [
            _likeness(vector, norms, *_weighed(runs, seen, pictures), len(words) - len(text))
            for runs, text in zip(own, texts, strict=True)
        ]
        total += 10.0 * sum(each) / len(each)
    return total / len(said)


def _counts(words):
    return collections.Counter(
        tuple(words[i : i + n]) for n in range(1, _LONGEST + 1) for i in range(len(words) - n + 1)
    )


def _weighed(runs, seen, pictures):
    """({run: weight}, the vector's norm for each length of runs)."""
    vector = {run: count * (pictures - math.log(max(1, seen[run]))) for run, count in runs.items()}
    squares = [0.0] * _LONGEST
    for run, weight in vector.items():
        squares[len(run) - 1] += weight**2
    return vector, [math.sqrt(square) for square in squares]


def _likeness(vector, norms, other, other_norms, difference):
    products = [0.0] * _LONGEST
    for run, weight in vector.items():
        if run in other:
            products[len(run) - 1] += min(weight, other[run]) * other[run]
    shares = (p / (a * b) if a and b else 0.0 for p, a, b in zip(products, norms, other_norms, strict=True))
    return sum(shares) / _LONGEST * math.exp(-(difference**2) / (2 * _SIGMA**2))
