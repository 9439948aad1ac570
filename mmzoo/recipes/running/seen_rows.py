"""Whether weights have seen the rows they are measured on."""

from __future__ import annotations

import hashlib
import os
import pathlib

import numpy as np

from mmzoo.data.samples.samples import Samples
from mmzoo.files import replace_file

FILE = "trained_rows.npy"


def row_hashes(samples: Samples) -> np.ndarray:
    """A number for each row, by its id and targets: uint64 (N,)."""
    columns = [_told_by(np.asarray(samples.targets[name])) for name in sorted(samples.targets)]
    hashes = [
        hashlib.blake2b("\0".join([str(row), *(str(c[i]) for c in columns)]).encode(), digest_size=8).digest()
        for i, row in enumerate(samples.ids)
    ]
    return np.frombuffer(b"".join(hashes), np.uint64)


def _told_by(targets):
    """What tells a row: of several references (N, R, T) the first, whose padding depends on the other rows."""
    return targets if targets.ndim < 3 else [np.trim_zeros(own[0], "b") for own in targets]


def write_trained_rows(folder: pathlib.Path, samples: Samples) -> None:
    """Sets down in the run's folder which rows were trained on."""
    replace_file(folder / FILE, lambda path: np.save(path, np.unique(row_hashes(samples))))


def seen(weights: str | os.PathLike, samples: Samples) -> int | None:
    """How many of the samples weights were trained on; None where nothing says so.

    Args:
        weights: a bundle, in its run's folder or with a file of its own.
        samples: to be measured on.
    """
    path = pathlib.Path(weights)
    for file in (path / FILE, path.parent / FILE):
        if file.is_file():
            return int(np.isin(row_hashes(samples), np.load(file)).sum())
    return None
