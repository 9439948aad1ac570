"""What rows a run rests on, in 16 hexadecimal digits: equal only where every value is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

import numpy as np

# Of each end of a file.
_END = 1 << 16


def fingerprint_of(*parts: str | Mapping[str, np.ndarray]) -> str:
    """A fingerprint of arrays by name, and of texts."""
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        if isinstance(part, str):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
            continue
        for name in sorted(part):
            array = np.ascontiguousarray(part[name])
            digest.update(f"\0{name} {array.dtype} {array.shape}\0".encode())
            if array.dtype.hasobject:
                digest.update("\n".join(map(str, array.ravel())).encode("utf-8", "surrogatepass"))
            elif array.size:
                digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()


def fingerprint_of_files(files: Iterable[str | os.PathLike]) -> str:
    """A fingerprint of files too large to be read for it: their names, sizes and both ends."""
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        size = os.path.getsize(path)
        digest.update(f"\0{os.path.basename(path)} {size}\0".encode())
        with open(path, "rb") as file:
            digest.update(file.read(_END))
            file.seek(max(0, size - _END))
            digest.update(file.read(_END))
    return digest.hexdigest()
