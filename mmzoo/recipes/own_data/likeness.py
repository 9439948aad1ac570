"""Whether pictures look like photos, and texts like ordinary English: what pretrained encoders were trained on."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

# Levels of grey that a photo has many of, and a drawing, a plot or a scan of print few.
_MOST_LEVELS, _FEW = 64, 48
# Shares of words made of Latin letters alone, and of ASCII among all letters.
_WORDS, _ASCII = 0.6, 0.9
_SHORTEST = 3


def look_like_photos(pictures: np.ndarray) -> bool:
    """Whether most of some pictures are photos: many shades, and no single one over most of the area.

    Args:
        pictures: uint8 (N, H, W, C), of which missing ones (all zeros) are left out.
    """
    votes = []
    for picture in pictures:
        if not picture.any():
            continue
        grey = picture.mean(axis=-1).astype(np.uint8)
        counts = np.bincount(grey.reshape(-1), minlength=256)
        # White around a thing for sale is no drawing: it is left out before shades are counted.
        counts[[0, 255]] = 0
        votes.append(min(np.count_nonzero(counts > grey.size // 20_000), _MOST_LEVELS) >= _FEW)
    return bool(votes) and float(np.mean(votes)) > 0.5


def look_like_language(texts: Iterable[str]) -> bool:
    """Whether most of some texts are phrases in English, or in words that share its letters: no codes, no lists.

    Args:
        texts: of the training rows; empty ones are left out.
    """
    votes = []
    for text in texts:
        words = text.split()
        letters = [character for character in text if character.isalpha()]
        if not words:
            continue
        plain = sum(bool(re.fullmatch(r"[\"'(#@]*[^\W\d_]+(?:['’-][^\W\d_]+)*[\"').,!?:;…]*", word)) for word in words)
        ascii_share = sum(letter.isascii() for letter in letters) / max(len(letters), 1)
        votes.append(len(words) >= _SHORTEST and plain / len(words) >= _WORDS and ascii_share >= _ASCII)
    return bool(votes) and float(np.mean(votes)) > 0.5
