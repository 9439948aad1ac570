"""Files that appear whole or not at all, and folders that say who works in them; standard library only.

A process may be killed at any instant, a disk may be full, and two runs may be given one folder. So every file is
written under another name, synced and renamed; a folder is held by a lock of the operating system, which goes with its
process however that ends; and who holds the lock removes what others, killed, have left half written.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

LOCK, PART = ".lock", ".part-"
# The folders of a run in which files are replaced too.
_INNER = ("evaluation", "training/*/*")

# What those say who write through a library in C, instead of an OSError with a number.
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_AT_CURRENT_FOLDER, _EXCHANGE = -100, 2


# Writing -------------------------------------------------------------------------------------------------------------


def replace_file(path: str | os.PathLike, write: Callable[[pathlib.Path], object]) -> None:
    """Replaces a file as a whole or not at all.

    Args:
        path: the file.
        write: function that writes the path that it is given.

    Raises:
        NotWritten: the disk is full; the message names the file.
    """
    path = pathlib.Path(path)
    target = path.with_name(f"{PART}{os.getpid()}-{path.stem}{path.suffix}")
    try:
        with written(path):
            write(target)
            with open(target, "rb+") as file:
                os.fsync(file.fileno())
            os.replace(target, path)
    finally:
        target.unlink(missing_ok=True)


def replace_text(path: str | os.PathLike, text: str, errors: str = "strict") -> None:
    """`replace_file` with a text, in UTF-8."""
    replace_file(path, lambda part: part.write_text(text, encoding="utf-8", errors=errors))


class NotWritten(OSError):
    """A file can't be written; the message names it and says why."""


@contextlib.contextmanager
def written(path: str | os.PathLike) -> Iterator[None]:
    """Turns whatever a library raises on a full disk into one line that names the file.

    Args:
        path: what is being written.

    Raises:
        NotWritten: the disk or the quota is full.
    """
    try:
        yield
    except NotWritten:
        # By a part of what is written here, which names itself.
        raise
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) and not _says_full(error):
            raise
        raise _unwritten(path, error) from error
    except Exception as error:
        # TensorFlow's own kinds, HDF5's RuntimeError.
        if not _says_full(error):
            raise
        raise _unwritten(path, error) from error


def _says_full(error):
    return next((words for words in _FULL if words in str(error)), None)


def _unwritten(path, error):
    why = _says_full(error) or getattr(error, "strerror", None) or type(error).__name__
    return NotWritten(f"{os.fspath(path)}: can't be written: {why}; free some space there, or name another folder")


def replace_folder(folder: pathlib.Path, path: pathlib.Path) -> None:
    """Puts a folder in the place of another, which is deleted.

    On Linux in one step, so that there is one of the two at every instant; elsewhere, and on file systems that can't,
    in two. Between these a kill leaves the old one beside, where `held` finds it.

    Args:
        folder: the new one, on the same file system.
        path: the place; there may be nothing.
    """
    if not path.exists():
        folder.rename(path)
    elif _exchanged(folder, path):
        shutil.rmtree(folder, ignore_errors=True)
    else:
        old = _old(path)
        path.rename(old)
        try:
            folder.rename(path)
        except OSError:
            old.rename(path)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _old(path):
    return path.with_name(f"{part_of(path)}old")


def part_of(path: pathlib.Path) -> str:
    """What the names of the folders begin with in which a folder is put together."""
    return f".{path.name}{PART}"


def _exchanged(one, other):
    import ctypes

    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError, TypeError):
        return False
    return rename(_AT_CURRENT_FOLDER, os.fsencode(one), _AT_CURRENT_FOLDER, os.fsencode(other), _EXCHANGE) == 0


# Reading -------------------------------------------------------------------------------------------------------------


def read_text(path: str | os.PathLike) -> str:
    """A text file, in UTF-8.

    Raises:
        FileNotFoundError: there is none, or it is no file (a named pipe would be waited for for ever).
        ValueError: it is no UTF-8; the message names it.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file" + ", but something else" * path.exists())
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not in UTF-8 ({error})") from error


def read_json(path: str | os.PathLike):
    """What stands in a JSON file; the errors of `read_text`, and ValueError where it is no JSON."""
    try:
        return json.loads(read_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{os.fspath(path)}: not JSON that can be read ({error})") from error


# Holding -------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def held(path: pathlib.Path, lock: pathlib.Path | None = None) -> Iterator[None]:
    """Holds a folder for this process, and sweeps what killed processes have left of it.

    The lock is the operating system's: it goes with the process, also with `kill -9`. Where there is none (Windows,
    some network drives) nothing is held.

    Args:
        path: the folder, made if need be; or, with `lock`, a folder that is put together beside its place.
        lock: the file to lock; None: `LOCK` in the folder.

    Raises:
        FileExistsError: another process holds it; the message names that.
    """
    is_new = lock is None and not path.exists()
    if lock is None:
        path.mkdir(parents=True, exist_ok=True)
    file = _locked(lock or path / LOCK, path)
    try:
        if file is not None:
            _sweep(path) if lock is None else _sweep_beside(path)
        yield
    finally:
        if file is not None:
            # Before it is let go, so that nobody locks a file that is about to vanish; see `_locked`.
            (lock or path / LOCK).unlink(missing_ok=True)
            file.close()
        if is_new:
            # Where nothing came of it.
            with contextlib.suppress(OSError):
                path.rmdir()


def holding(function: Callable) -> Callable:
    """A function with an argument `out`, the folder of a run, which it holds while it runs; see `held`."""
    import inspect

    signature = inspect.signature(function)

    @functools.wraps(function)
    def held_while(*arguments, **keywords):
        given = signature.bind(*arguments, **keywords)
        given.apply_defaults()
        with held(pathlib.Path(given.arguments["out"])):
            return function(*arguments, **keywords)

    return held_while


def _locked(lock, path):
    if fcntl is None:
        return None
    while True:
        with written(lock):
            file = open(lock, "a+", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            who = _holder(file)
            file.close()
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                return None
            raise FileExistsError(
                f"{path}: {who} works in it; wait until it is done, end it, or name another folder"
            ) from None
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), os.stat(lock)):
                break
        # Who held it removed it in between.
        file.close()
    import datetime
    import socket

    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    with written(lock):
        file.truncate(0)
        json.dump({"process": os.getpid(), "machine": socket.gethostname(), "since": now}, file)
        file.flush()
    return file


def _holder(file):
    try:
        file.seek(0)
        said = json.load(file)
        return f"process {said['process']} on {said['machine']}, since {said['since']},"
    except (ValueError, KeyError, TypeError, OSError):
        return "another process"


def _sweep(folder):
    """Files that were half written when their process was killed."""
    for place in (folder, *(found for inner in _INNER for found in folder.glob(inner))):
        for part in place.glob(f"{PART}*"):
            part.unlink(missing_ok=True)


def _sweep_beside(path):
    """Folders that were half put together; and an old one whose successor never came."""
    if _old(path).is_dir() and not path.exists():
        _old(path).rename(path)
    for part in path.parent.glob(f"{_escaped(part_of(path))}*"):
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)


def _escaped(name):
    return "".join(f"[{c}]" if c in "*?[" else c for c in name)
