"""Reads the tensors of a .pth file of PyTorch, without PyTorch, and nothing but tensors.

A .pth file is a pickle, and a pickle may call any function. Here only the four names below mean anything, each of them
a stand-in of our own; whatever else a file asks for is refused before it is looked up.
"""

from __future__ import annotations

import collections
import io
import math
import pathlib
import pickle
import zipfile

import numpy as np

MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {
    "FloatStorage": "<f4",
    "DoubleStorage": "<f8",
    "HalfStorage": "<f2",
    "LongStorage": "<i8",
    "IntStorage": "<i4",
    "ShortStorage": "<i2",
    "CharStorage": "i1",
    "ByteStorage": "u1",
    "BoolStorage": "?",
}
# A pickle of names and shapes is small; one that isn't is no file of weights.
_MOST_PICKLE = 16_000_000

# What the unpickler and the archive raise for bytes that are neither.
_DAMAGED = (
    pickle.UnpicklingError,
    zipfile.BadZipFile,
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, RecursionError, TypeError, ValueError),
)


class TensorFileError(ValueError):
    """The file is damaged, or holds something else than tensors."""


def read_tensors(path: str | pathlib.Path) -> dict[str, np.ndarray]:
    """Name -> array of all tensors in a state dict, of either format of `torch.save`.

    Args:
        path: the file.

    Raises:
        TensorFileError: the file is cut or damaged, or asks for anything but tensors.
        FileNotFoundError: it isn't there.
    """
    path = pathlib.Path(path)
    try:
        found = _from_zip(path) if zipfile.is_zipfile(path) else _from_stream(path)
    except TensorFileError as error:
        raise TensorFileError(f"{path}: {error}") from error
    except _DAMAGED as error:
        raise TensorFileError(f"{path}: no file of tensors, or a damaged one ({error!s:.100})") from error
    return found


class _Storage:
    """The numbers of a tensor, which the pickle names and the file holds elsewhere."""

    def __init__(self, dtype, key, count):
        self.dtype, self.key, self.count = np.dtype(dtype), key, count


class _Tensor:
    """A tensor before its numbers are read."""

    def __init__(self, storage, offset, shape, strides, *_):
        if not isinstance(storage, _Storage):
            raise TensorFileError("a tensor without numbers")
        self.storage, self.offset = storage, _whole(offset)
        self.shape, self.strides = tuple(map(_whole, shape)), tuple(map(_whole, strides))

    def array(self, flat: np.ndarray) -> np.ndarray:
        """The tensor, of the numbers of its storage."""
        if len(self.shape) != len(self.strides):
            raise TensorFileError(f"a tensor of shape {self.shape} with {len(self.strides)} strides")
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True) if n)
        if math.prod(self.shape) and last >= len(flat):
            raise TensorFileError(f"a tensor of shape {self.shape} reaches beyond its {len(flat)} numbers")
        if math.prod(self.shape) > max(len(flat), 1):
            raise TensorFileError(f"a tensor of shape {self.shape} has more numbers than its file")
        steps = [step * flat.itemsize for step in self.strides]
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps, writeable=False)
        return np.array(view)


def _whole(value):
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise TensorFileError(f"a size of {value!r}")
    return value


class _TensorUnpickler(pickle.Unpickler):
    """Knows tensors, and nothing else."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _Tensor
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        raise TensorFileError(f"asks for {module}.{name}, which is no tensor; refused")

    def persistent_load(self, pid):
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage" and pid[1] in _DTYPES.values()):
            raise TensorFileError(f"asks for {pid!r:.60}, which is no tensor; refused")
        return _Storage(pid[1], str(pid[2]), _whole(pid[4]))


def _load(file):
    return _TensorUnpickler(file).load()


def _from_stream(path):
    """The format of PyTorch before 1.6: five pickles, then the numbers of every storage."""
    data = io.BytesIO(path.read_bytes())
    if _load(data) != MAGIC or _load(data) != _PROTOCOL:
        raise TensorFileError("no file of PyTorch's")
    _load(data)
    tensors = _tensors(_load(data))
    keys, dtypes = _load(data), {tensor.storage.key: tensor.storage.dtype for tensor in tensors.values()}
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise TensorFileError("has no list of its storages")
    flats = {}
    for key in keys:
        if key not in dtypes:
            raise TensorFileError(f"holds numbers {key!r} of no tensor")
        count = int(np.frombuffer(data.read(8), "<i8")[0])
        raw = data.read(_whole(count) * dtypes[key].itemsize)
        if len(raw) != count * dtypes[key].itemsize:
            raise TensorFileError("is cut")
        flats[key] = np.frombuffer(raw, dtypes[key])
    return {name: tensor.array(flats[tensor.storage.key]) for name, tensor in tensors.items()}


def _from_zip(path):
    """The format since then: an archive with the pickle and a file for every storage."""
    with zipfile.ZipFile(path) as archive:
        pickles = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        if len(pickles) != 1 or archive.getinfo(pickles[0]).file_size > _MOST_PICKLE:
            raise TensorFileError("has no data.pkl, or one too large")
        folder = pickles[0].removesuffix("data.pkl")
        tensors = _tensors(_load(io.BytesIO(archive.read(pickles[0]))))
        flats = {}
        for storage in {tensor.storage.key: tensor.storage for tensor in tensors.values()}.values():
            entry = archive.getinfo(f"{folder}data/{storage.key}")
            if entry.file_size != storage.count * storage.dtype.itemsize:
                raise TensorFileError(
                    f"{entry.filename}: expected {storage.count} numbers, it has {entry.file_size} bytes"
                )
            flats[storage.key] = np.frombuffer(archive.read(entry), storage.dtype)
    return {name: tensor.array(flats[tensor.storage.key]) for name, tensor in tensors.items()}


def _tensors(found):
    if not isinstance(found, dict) or not all(isinstance(value, _Tensor) for value in found.values()):
        raise TensorFileError("holds something else than named tensors")
    return {str(name): tensor for name, tensor in found.items()}
