"""Features of a frozen encoder on disk, found again by what they were made of."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
import zipfile
from collections.abc import Callable, Sequence

import numpy as np

_KEY_BYTES = 16


class FeatureCache:
    """The features of one encoder at one size of input.

    A row is found by the content of the array that the encoder reads, so that a picture that was changed, or is read at
    another size or with other ids, is another row, whatever its path; and the folder's name says which encoder it was.
    Processes may share a folder: each writes files of its own, whole or not at all, and one that is damaged is made
    anew.

    Args:
        root: folder of all features.
        identity: of the encoder, see `mmzoo.presets.identity_of`.
    """

    def __init__(self, root: str | os.PathLike, identity: str):
        self.path = pathlib.Path(root) / identity
        self._known: dict[bytes, np.ndarray] = {}
        if self.path.is_dir():
            for file in sorted(self.path.glob("*.npz")):
                self._read(file)

    def __len__(self):
        return len(self._known)

    def get(self, arrays: np.ndarray, make: Callable[[np.ndarray], np.ndarray], every: int = 512) -> np.ndarray:
        """The features of samples, made where they are not known yet, and kept.

        Args:
            arrays: (N, ...), what the encoder reads.
            make: gives the features (M, D) of some of them.
            every: rows after which what was made is written, so that an interruption costs no more.

        Returns:
            float32 (N, D).
        """
        keys = keys_of(arrays)
        first = {}
        for row, key in enumerate(keys):
            if key not in self._known:
                first.setdefault(key, row)
        new = list(first.items())
        for start in range(0, len(new), every):
            part = new[start : start + every]
            features = np.asarray(make(arrays[[row for _, row in part]]), np.float32)
            self._write([key for key, _ in part], features)
        return np.stack([self._known[key] for key in keys])

    def missing(self, arrays: np.ndarray) -> int:
        """How many of the samples are not known yet."""
        return len({key for key in keys_of(arrays) if key not in self._known})

    def _write(self, keys, features):
        self.path.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(prefix=".part-", dir=self.path)
        with os.fdopen(handle, "wb") as file:
            np.savez(file, keys=np.frombuffer(b"".join(keys), np.uint8).reshape(-1, _KEY_BYTES), features=features)
        name = hashlib.sha256(b"".join(keys)).hexdigest()[:24]
        os.replace(part, self.path / f"{name}.npz")
        self._known |= dict(zip(keys, features, strict=True))

    def _read(self, file):
        try:
            with np.load(file) as held:
                keys, features = held["keys"], held["features"]
            if keys.shape != (len(features), _KEY_BYTES) or features.ndim != 2 or not np.isfinite(features).all():
                raise ValueError("its arrays don't fit together")
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile, OSError):
            # Cut or foreign: what it held is made anew.
            file.unlink(missing_ok=True)
            return
        self._known |= {key.tobytes(): row for key, row in zip(keys, features, strict=True)}


def keys_of(arrays: np.ndarray) -> Sequence[bytes]:
    """A key of each sample: 128 bits of the sha256 of its shape, its kind of numbers and its content."""
    head = f"{arrays.dtype.str} {arrays.shape[1:]}\n".encode()
    return [hashlib.sha256(head + np.ascontiguousarray(row).tobytes()).digest()[:_KEY_BYTES] for row in arrays]
