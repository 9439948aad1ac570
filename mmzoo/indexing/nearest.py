"""The vectors nearest to one: exactly, by comparing with all; or by a graph of near ones, for millions."""

from __future__ import annotations

import os
import pathlib

import numpy as np

# As many as the library's authors have them; recall and times: docs/retrieval.md.
CONNECTIVITY, EXPANSION_ADD, EXPANSION_SEARCH = 16, 128, 128
INSTALL = "pip install 'mmzoo[index]'"


def exact(vectors: np.ndarray, query: np.ndarray, k: int) -> np.ndarray:
    """Numbers of the `k` vectors with the largest dot product, the best first.

    Args:
        vectors: float32 (N, D).
        query: float32 (D,).
        k: how many; all where there are fewer.
    """
    scores = vectors @ query
    k = min(k, len(scores))
    best = np.argpartition(-scores, k - 1)[:k] if k < len(scores) else np.arange(k)
    # Of equal ones the first comes first, whatever the partition made of them.
    return best[np.lexsort((best, -scores[best]))]


class Graph:
    """A graph of near vectors (HNSW; Malkov & Yashunin, TPAMI 2020), by the package usearch.

    Args:
        width: of the vectors.
        path: of one that was saved; None: an empty one.

    Raises:
        ImportError: usearch is not installed.
        ValueError: the file is no such graph.
    """

    def __init__(self, width: int, path: str | os.PathLike | None = None):
        try:
            from usearch.index import Index
        except ModuleNotFoundError as error:
            raise ImportError(f"an approximate index needs the package usearch: {INSTALL}") from error
        # Half precision is enough to find the near ones; they are put in order by the vectors themselves.
        self._graph = Index(
            ndim=width, metric="ip", dtype="f16", connectivity=CONNECTIVITY, expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )  # fmt: skip
        if path is not None:
            try:
                self._graph.load(str(path))
            except (RuntimeError, ValueError, OSError) as error:
                raise ValueError(f"{path}: no graph that usearch can read ({error}); build the index anew") from error

    def __len__(self) -> int:
        return len(self._graph)

    @property
    def bytes(self) -> int:
        """What it takes in memory, its own copy of the vectors included."""
        return int(self._graph.memory_usage)

    def add(self, keys: np.ndarray, vectors: np.ndarray) -> None:
        """Adds vectors (N, D) under keys, int64 (N,), that are new."""
        if len(keys):
            self._graph.add(keys.astype(np.uint64), np.ascontiguousarray(vectors, np.float32))

    def remove(self, keys: np.ndarray) -> None:
        """Takes vectors out."""
        if len(keys):
            self._graph.remove(keys.astype(np.uint64))

    def nearest(self, query: np.ndarray, k: int) -> np.ndarray:
        """Keys of nearly always the `k` nearest, int64."""
        return np.asarray(self._graph.search(np.ascontiguousarray(query, np.float32), k).keys).astype(np.int64)

    def save(self, path: pathlib.Path) -> None:
        """Writes a file."""
        self._graph.save(str(path))
