"""What is in a table twice, exactly or nearly: rows, texts, pictures."""

from __future__ import annotations

import re
import unicodedata

import numpy as np

# Of the 64 bits of the difference hash, so many may differ; four bands of 16 bits then agree in at least one.
_BITS = 3
# And the thumbnails, each less its mean, by so many grey levels on average.
_GREY_LEVELS = 8.0
# Buckets larger than this hold pictures without structure; they are only compared with their neighbours.
_BUCKET = 400


def normalised(text: str) -> str:
    """A text without what does not tell two apart: case, punctuation, spaces, links; "" if it has under four words."""
    text = re.sub(r"https?://\S+", " ", unicodedata.normalize("NFKC", text).casefold())
    words = re.findall(r"\w+", text)
    return " ".join(words) if len(words) > 3 else ""


def group_equal(keys: list) -> list[np.ndarray]:
    """Positions with equal keys, of groups of at least two; None and "" equal nothing."""
    found: dict = {}
    for position, key in enumerate(keys):
        if key:
            found.setdefault(key, []).append(position)
    return [np.array(positions) for positions in found.values() if len(positions) > 1]


def group_pictures(thumbnails: np.ndarray, good: np.ndarray) -> list[np.ndarray]:
    """Pictures that are the same or nearly so, by difference hash (dHash, Krawetz 2013) and a look at the thumbnails.

    Args:
        thumbnails: uint8 (N, 16 * 18), grey.
        good: bool (N,), the picture could be read.

    Returns:
        Positions, of groups of at least two.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    # Pictures of a single colour are all alike and none of them a duplicate.
    used = np.flatnonzero(good & (np.ptp(thumbnails.astype(int), axis=1) > 2) if len(thumbnails) else good)
    if len(used) < 2:
        return []
    small = thumbnails[used].astype(np.float32)
    hashes = difference_hashes(small)
    centred = small - small.mean(axis=1, keepdims=True)
    pairs = _close_pairs(hashes)
    if not len(pairs):
        return []
    different = [np.abs(centred[a] - centred[b]).mean(axis=1) for a, b in _chunks(pairs)]
    alike = pairs[np.concatenate(different) <= _GREY_LEVELS]
    if not len(alike):
        return []
    graph = coo_matrix((np.ones(len(alike)), (alike[:, 0], alike[:, 1])), shape=(len(used), len(used)))
    _, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return [np.sort(used[group]) for group in groups if len(group) > 1]


def difference_hashes(thumbnails: np.ndarray) -> np.ndarray:
    """64 bits a picture, whether each of 8 x 8 places is brighter than its right neighbour.

    Args:
        thumbnails: (N, 16 * 18), grey.

    Returns:
        uint64 (N,).
    """
    grey = np.asarray(thumbnails, np.float32).reshape(-1, 8, 2, 9, 2).mean(axis=(2, 4))
    bits = (grey[:, :, :-1] > grey[:, :, 1:]).reshape(len(grey), 64)
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def _close_pairs(hashes: np.ndarray) -> np.ndarray:
    """Pairs of positions whose hashes differ in at most `_BITS` bits: int (P, 2)."""
    unique, first, inverse = np.unique(hashes, return_index=True, return_inverse=True)
    same = np.flatnonzero(first[inverse] != np.arange(len(hashes)))
    pairs = [np.stack([first[inverse[same]], same], axis=1)]
    bands = unique.view(np.uint16).reshape(-1, 4)
    for band in bands.T:
        order = np.argsort(band, kind="stable")
        for bucket in np.split(order, np.flatnonzero(np.diff(band[order])) + 1):
            if len(bucket) < 2:
                continue
            if len(bucket) <= _BUCKET:
                a, b = np.triu_indices(len(bucket), 1)
            else:
                # In the order of their hashes, close ones are mostly near each other.
                bucket = np.sort(bucket)
                offsets = np.arange(1, 65)
                a = np.repeat(np.arange(len(bucket)), len(offsets))
                b = a + np.tile(offsets, len(bucket))
                a, b = a[b < len(bucket)], b[b < len(bucket)]
            a, b = bucket[a], bucket[b]
            close = _bit_count(unique[a] ^ unique[b]) <= _BITS
            pairs.append(first[np.stack([a[close], b[close]], axis=1)])
    return np.unique(np.sort(np.concatenate(pairs).reshape(-1, 2), axis=1), axis=0)


_ONES = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)


def _bit_count(numbers):
    return _ONES[numbers.view(np.uint8).reshape(-1, 8)].sum(axis=1)


def _chunks(pairs, size=20_000):
    for start in range(0, len(pairs), size):
        yield pairs[start : start + size, 0], pairs[start : start + size, 1]
