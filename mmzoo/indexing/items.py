"""What an index is over: the pictures of a folder, or texts; and what has become of them since."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Iterable, Mapping

from mmzoo.encoding.pictures import picture_suffixes
from mmzoo.encoding.sounds import SUFFIXES as SOUND_SUFFIXES
from mmzoo.files import read_text


@dataclasses.dataclass(frozen=True)
class Item:
    """One thing in an index.

    Attributes:
        name: the text, or the path of the file from the folder, with "/".
        size, modified: of the file, bytes and nanoseconds; by them a file is taken for unchanged without being read.
        sha256: of its content, by which it is known again where it was moved; "" for a text.
        why: why it has no vector; "" where it has one.
    """

    name: str
    size: int = 0
    modified: int = 0
    sha256: str = ""
    why: str = ""

    @property
    def stamp(self) -> tuple[int, int]:
        return self.size, self.modified


@dataclasses.dataclass(frozen=True)
class Changes:
    """What an update found, by the items' names.

    Attributes:
        new, changed, deleted: names.
        moved: (old name, new name).
        skipped: name -> why it can't be read; of all that the index knows, those skipped before too.
    """

    new: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str], ...] = ()
    deleted: tuple[str, ...] = ()
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        counts = {part: len(getattr(self, part)) for part in ("new", "changed", "moved", "deleted", "skipped")}
        return ", ".join(f"{count:,} {part}" for part, count in counts.items() if count) or "nothing has changed"


def files_in(folder: pathlib.Path, input_kind: str) -> dict[str, Item]:
    """The pictures, or sounds, in a folder and those below it, by name; hidden ones are left out.

    Args:
        folder: the folder.
        input_kind: "image" or "audio".

    Raises:
        NotADirectoryError: it is no folder.
        ValueError: there is none in it; the message says what there is.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: no such folder")
    suffixes = {"image": picture_suffixes(), "audio": SOUND_SUFFIXES}[input_kind]
    found, others = {}, set()
    for where, inner, files in os.walk(folder):
        inner[:] = sorted(one for one in inner if not one.startswith("."))
        for file in sorted(one for one in files if not one.startswith(".")):
            path = pathlib.Path(where, file)
            if not file.lower().endswith(suffixes):
                others.add(path.suffix.lower() or file)
                continue
            try:
                status = path.stat()
            except OSError:
                # A link to nowhere, or deleted just now: it is found out when it is to be read.
                found[path.relative_to(folder).as_posix()] = Item(path.relative_to(folder).as_posix())
                continue
            name = path.relative_to(folder).as_posix()
            found[name] = Item(name, status.st_size, status.st_mtime_ns)
    if not found:
        there = f"; it holds files of {', '.join(map(repr, sorted(others)[:5]))}" if others else "; it is empty"
        raise ValueError(f"{folder}: no {input_kind} in it or below it{there}")
    return found


def digest_of(path: pathlib.Path) -> str:
    """The sha256 of a file's content; "" where it can't be read, which encoding it will say."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def texts_of(source: str | os.PathLike | Iterable[str]) -> dict[str, Item]:
    """Texts by themselves: of a file each line, of a list each; one that is there twice is one.

    Raises:
        FileNotFoundError, ValueError: no such file, or not in UTF-8; or there is no text at all.
        TypeError: one is no text; the message says which.
    """
    place = "texts"
    if isinstance(source, str | os.PathLike):
        place = str(source)
        source = read_text(pathlib.Path(source)).splitlines()
    found = {}
    for number, text in enumerate(source, start=1):
        if not isinstance(text, str):
            raise TypeError(f"{place}: number {number}: expected a text, got {text!r:.80}")
        if text.strip():
            found.setdefault(text.strip(), Item(text.strip()))
    if not found:
        raise ValueError(f"{place}: no text in it")
    return found
