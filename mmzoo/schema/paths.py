"""Which files a table may name: those under its folder. A table from elsewhere must not read arbitrary files."""

from __future__ import annotations

import os
import pathlib
import unicodedata


def resolve(root: str | os.PathLike, cell: str | os.PathLike, *, allow_outside_root: bool = False) -> pathlib.Path:
    """The path of a file that a table's cell names, which need not exist.

    Args:
        root: the folder that relative paths start from.
        cell: a path, relative or absolute.
        allow_outside_root: also allow paths that lead out of `root`: absolute ones, by "..", or through links.

    Returns:
        `root` / `cell`, as it stands; where there is no such file, but one of the same name with / for \\ or in
        another Unicode form (a Mac writes "e" and an accent where others write "é"), that one.

    Raises:
        ValueError: the path leads out of `root`, or is none.

    >>> resolve("data", "images/1.jpg").as_posix()
    'data/images/1.jpg'
    >>> resolve("data", "../1.jpg")
    Traceback (most recent call last):
    ...
    ValueError: '../1.jpg' lies outside of the folder data; a table may only name files in it. Give another root, or \
allow_outside_root=True (--allow-outside) if you trust the table
    """
    if "\0" in os.fspath(cell):
        raise ValueError(f"{os.fspath(cell)!r:.80} is no path: it holds a NUL character")
    path = _as_it_is_there(root, os.fspath(cell))
    if not (allow_outside_root or pathlib.Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root))):
        raise ValueError(
            f"{os.fspath(cell)!r:.200} lies outside of the folder {os.fspath(root)}; a table may only name files in "
            "it. Give another root, or allow_outside_root=True (--allow-outside) if you trust the table"
        )
    return path


def _as_it_is_there(root, cell) -> pathlib.Path:
    """The path in the first of its spellings that exists; as it stands if none does."""
    path = pathlib.Path(root) / cell
    if cell.isascii() and "\\" not in cell or os.path.exists(path):
        return path
    for slashed in dict.fromkeys((cell, cell.replace("\\", "/"))):
        for form in ("NFC", "NFD"):
            other = pathlib.Path(root) / unicodedata.normalize(form, slashed)
            if os.path.exists(other):
                return other
    return path
