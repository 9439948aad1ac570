"""Folders that are tables: one sub-folder a class, or a Hugging Face `imagefolder` with its metadata.

pictures/cat/1.png, pictures/dog/2.png                  columns image, label
pictures/train/cat/1.png, pictures/test/dog/2.png       columns image, label, split
pictures/metadata.csv with file_name, pictures/1.png    the columns of metadata.csv (.jsonl, .parquet)
pictures/train/metadata.csv, pictures/test/metadata.csv the same, and a column split
"""

from __future__ import annotations

import collections
import os
import pathlib

from mmzoo.encoding.pictures import picture_suffixes
from mmzoo.encoding.sounds import SUFFIXES as SOUND_SUFFIXES
from mmzoo.encoding.split_words import split_of
from mmzoo.encoding.tables.table_file import Rows, TableFile, open_table

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
FILE_NAME = "file_name"


def open_folder(path: pathlib.Path) -> TableFile:
    """A folder as a table; the paths in it are relative to it.

    Raises:
        ValueError: it is none of the folders above; the message says what was expected.
    """
    folders = sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))
    metadata = _metadata(path)
    if metadata is not None:
        return open_table(metadata)
    splits = bool(folders) and all(split_of(one.name) for one in folders)
    if splits and all(_metadata(one) for one in folders):
        return _joined(path, folders)
    if splits:
        classes = {(one.name, two.name): two for one in folders for two in sorted(one.iterdir()) if two.is_dir()}
    else:
        classes = {("", one.name): one for one in folders}
    return _of_classes(path, classes)


def _metadata(path):
    return next((path / name for name in METADATA if (path / name).is_file()), None)


def _joined(path, folders) -> TableFile:
    tables = {one.name: open_table(_metadata(one)) for one in folders}
    columns = list(dict.fromkeys(name for table in tables.values() for name in table.columns))
    if FILE_NAME not in columns:
        raise ValueError(f"{path}: expected a column {FILE_NAME!r} in {METADATA[0]}, got {columns}")
    split = next(name for name in ("split", "mmzoo_split") if name not in columns)

    def read() -> Rows:
        number = 0
        for folder, table in tables.items():
            for row, cells in table.read():
                if len(cells) != len(table.columns):
                    raise ValueError(
                        f"{table.source}, row {row}: {len(cells)} cells, but {len(table.columns)} columns in the header"
                    )
                found = dict(zip(table.columns, cells, strict=True))
                if found[FILE_NAME]:
                    found[FILE_NAME] = f"{folder}/{found[FILE_NAME]}"
                number += 1
                yield number, [*(found.get(name, "") for name in columns), folder]

    return TableFile(str(path), [*columns, split], read, tuple(n for table in tables.values() for n in table.notes))


def _of_classes(path, classes) -> TableFile:
    """The files of folders that are named like their class."""
    kinds = {"image": picture_suffixes(), "audio": SOUND_SUFFIXES}
    found: dict[str, list] = {name: [] for name in kinds}
    others: collections.Counter = collections.Counter()
    for (split, name), folder in classes.items():
        for where, inner, files in os.walk(folder):
            inner[:] = sorted(one for one in inner if not one.startswith("."))
            for file in sorted(one for one in files if not one.startswith(".")):
                place = pathlib.Path(where, file)
                kind = next((kind for kind, ends in kinds.items() if file.lower().endswith(ends)), None)
                if kind is None:
                    others[place.suffix.lower() or place.name] += 1
                else:
                    found[kind].append((place.relative_to(path).as_posix(), name, split))
    kind = max(found, key=lambda one: len(found[one]))
    if not found[kind]:
        raise ValueError(
            f"{path}: a folder that is no table; expected a folder for each class with pictures or sounds in it, or "
            f"{' or '.join(METADATA)} with a column {FILE_NAME!r}"
            + (f"; it holds files of {', '.join(map(repr, list(others)[:5]))}" if others else "")
        )
    for other, rows in found.items():
        if other != kind:
            others.update(pathlib.Path(file).suffix.lower() for file, *_ in rows)
    has_splits = any(split for split, _ in classes)
    columns = [kind, "label", *(["split"] if has_splits else [])]
    count, names = sum(others.values()), ", ".join(f"{number} {suffix}" for suffix, number in others.most_common(5))
    notes = (f"{count} files of other kinds were left out: {names}",) if count else ()

    def read() -> Rows:
        for number, row in enumerate(found[kind], start=1):
            yield number, list(row[: len(columns)])

    return TableFile(str(path), columns, read, notes)
