"""Reads the official archives of the German Traffic Sign Recognition Benchmark, zipped or unpacked.

Stallkamp, Schlipsing, Salmen, Igel: "Man vs. computer", Neural Networks 32 (2012). The layout, as the official site
packs it:

    GTSRB_Final_Training_Images.zip   GTSRB/Final_Training/Images/00000/GT-00000.csv
                                      GTSRB/Final_Training/Images/00000/<track>_<frame>.ppm
    GTSRB_Final_Test_Images.zip       GTSRB/Final_Test/Images/00000.ppm
    GTSRB_Final_Test_GT.zip           GT-final_test.csv

Images may be .ppm, .png or .jpg: the csv names them. Columns are separated by ';'; `Filename` and `ClassId` must be
there. NumPy and Pillow only.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np

from mmzoo.encoding import encode_image
from mmzoo.schema import Image

TRAINING_IMAGES = "GTSRB_Final_Training_Images"
TEST_IMAGES = "GTSRB_Final_Test_Images"
TEST_LABELS = "GTSRB_Final_Test_GT"
NUM_CLASSES = 43

_TEST_CSV = "GT-final_test.csv"
# Where an archive's content lies once unpacked, below one of the roots of `find_source`.
_UNPACKED = {TRAINING_IMAGES: "Final_Training/Images", TEST_IMAGES: "Final_Test/Images"}
_CLASS_MEMBER = re.compile(r"(?:^|/)(?P<folder>\d{5})/(?P<file>[^/]+)$")
_TRACK_FILE = re.compile(r"(?P<track>\d{5})_(?P<frame>\d{5})\.\w+")


@dataclasses.dataclass(frozen=True)
class SignRow:
    """One csv row, checked: the file is there, the class is in range.

    Attributes:
        name: unique name of the image: "<class folder>/<file>" of the training part, "<file>" of the test part.
        member: the image's path within its source.
        label: class, 0..42.
        track: training: number of the physical sign within its class; test: the row number from 0.
        frame: training: frame of the track; test: 0.
        width: original width in pixels as the csv gives it, -1 where it does not.
        height: original height in pixels, likewise.
        where: csv and line, for error messages.
    """

    name: str
    member: str
    label: int
    track: int
    frame: int
    width: int
    height: int
    where: str


class ZipSource:
    """An archive as a zip file.

    Args:
        path: the zip file.

    Raises:
        ValueError: it is no readable zip file.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(self.path)
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{self.path}: not a readable zip file ({error}); fetch it again") from error
        self.names = tuple(
            info.filename
            for info in self._zip.infolist()
            if not info.is_dir() and not info.filename.startswith("__MACOSX/")  # what macOS adds when it zips
        )

    def read(self, name: str) -> bytes:
        """The bytes of the member `name`; ValueError names archive and member where the zip is damaged."""
        try:
            return self._zip.read(name)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise ValueError(f"{self.where(name)}: damaged zip member ({error}); fetch the archive again") from error

    def where(self, name: str) -> str:
        """How error messages call the member `name`."""
        return f"{self.path}::{name}"

    def fingerprint(self) -> str:
        """Hex digest of the zip's directory: names, sizes and CRC-32 of all members.

        The CRCs stand for the content, so equal content has an equal fingerprint wherever the file lies, and 300 MB
        need not be read.
        """
        return _digest(f"{info.filename}\0{info.file_size}\0{info.CRC}" for info in self._zip.infolist())


class FolderSource:
    """An unpacked archive.

    Args:
        path: the folder that holds the files.
        names: the files, relative to `path` with '/'; default: all below `path`.
    """

    def __init__(self, path: str | os.PathLike, names: Sequence[str] | None = None):
        self.path = Path(path)
        self.names = tuple(names) if names is not None else tuple(sorted(_walk(self.path)))

    def read(self, name: str) -> bytes:
        """The bytes of the file `name`."""
        return (self.path / name).read_bytes()

    def where(self, name: str) -> str:
        """How error messages call the file `name`."""
        return str(self.path / name)

    def fingerprint(self) -> str:
        """Hex digest of all names, sizes and modification times, since reading the content would be slow."""
        stats = ((name, os.stat(self.path / name)) for name in self.names)
        return _digest(f"{name}\0{stat.st_size}\0{stat.st_mtime_ns}" for name, stat in stats)


Source = ZipSource | FolderSource


def find_source(directory: str | os.PathLike, archive: str) -> Source:
    """Finds one official archive in a directory, as a zip file or unpacked.

    Args:
        directory: holds `<archive>.zip`, or what it unpacks to, directly, under `GTSRB/` or under `<archive>/`. The zip
            wins.
        archive: `TRAINING_IMAGES`, `TEST_IMAGES` or `TEST_LABELS`.

    Returns:
        The source to read from.

    Raises:
        FileNotFoundError: the directory or the archive is not there.
        ValueError: the zip file is broken.
    """
    directory = Path(directory).expanduser()
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory}: no such directory; expected one with {archive}.zip, zipped or unpacked")
    if (directory / f"{archive}.zip").is_file():
        return ZipSource(directory / f"{archive}.zip")
    roots = [directory / root for root in (".", "GTSRB", archive, f"{archive}/GTSRB")]
    if archive == TEST_LABELS:
        expected = _TEST_CSV
        folders = roots + [root / _UNPACKED[TEST_IMAGES] for root in roots]
        for folder in folders:
            if (folder / _TEST_CSV).is_file():
                return FolderSource(folder.resolve(), [_TEST_CSV])
    else:
        expected = f"GTSRB/{_UNPACKED[archive]}"
        for root in roots:
            if (root / _UNPACKED[archive]).is_dir():
                return FolderSource((root / _UNPACKED[archive]).resolve())
    raise FileNotFoundError(
        f"{directory}: holds neither {archive}.zip nor, unpacked, {expected}; put the official archive there"
    )


def read_training_rows(images: Source) -> list[SignRow]:
    """Reads the csv files of all classes of the training archive.

    Args:
        images: the training archive.

    Returns:
        The rows in the order of class and csv.

    Raises:
        FileNotFoundError: no csv at all, a class folder without its csv, or a row without its file.
        ValueError: a missing column, a bad number, a class out of range or not the folder's, a file name that is no
            `<track>_<frame>`, or an image listed twice.
    """
    known = set(images.names)
    folders: dict[str, str] = {}
    for name in images.names:
        match = _CLASS_MEMBER.search(name)
        if match:
            folders.setdefault(match["folder"], str(PurePosixPath(name).parent))
    if not folders:
        raise FileNotFoundError(f"{images.path}: no class folder such as 00000/GT-00000.csv in it")
    rows: list[SignRow] = []
    for folder, parent in sorted(folders.items()):
        csv_name = f"{parent}/GT-{folder}.csv"
        if csv_name not in known:
            raise FileNotFoundError(f"{images.where(csv_name)}: missing, so the class folder {folder} cannot be read")
        for _, where, record in _read_csv(images, csv_name):
            file = record["Filename"]
            match = _TRACK_FILE.fullmatch(file)
            if not match:
                raise ValueError(f"{where}: Filename {file!r} is not <track>_<frame>.<extension> with five digits each")
            label = _class_id(record, where)
            if label != int(folder):
                raise ValueError(f"{where}: ClassId {label} in the folder of class {int(folder)}")
            row = _row(record, f"{folder}/{file}", f"{parent}/{file}", label, where)
            rows.append(dataclasses.replace(row, track=int(match["track"]), frame=int(match["frame"])))
    _check_files(rows, known, images)
    return rows


def read_test_rows(images: Source, labels: Source) -> list[SignRow]:
    """Reads the csv of the test part.

    Args:
        images: the archive of the test images.
        labels: the archive of the ground truth.

    Returns:
        The rows in the csv's order.

    Raises:
        FileNotFoundError: the csv is not in the archive, or a row's file not in the other.
        ValueError: a missing column, a bad number, a class out of range, or an image listed twice.
    """
    # The images' own archive holds a GT-final_test.test.csv, which has no ClassId: it is not this one.
    csv_name = next((name for name in labels.names if PurePosixPath(name).name == _TEST_CSV), None)
    if csv_name is None:
        raise FileNotFoundError(f"{labels.path}: no {_TEST_CSV} in it")
    members = {PurePosixPath(name).name: name for name in images.names}
    rows = []
    for number, where, record in _read_csv(labels, csv_name):
        file = record["Filename"]
        row = _row(record, file, members.get(file, file), _class_id(record, where), where)
        rows.append(dataclasses.replace(row, track=number))
    _check_files(rows, set(images.names), images)
    return rows


def read_image(source: Source, row: SignRow, image_size: tuple[int, int]) -> np.ndarray:
    """Decodes one image as `Schema.encode` does: the whole picture, not cut to the sign; RGB, EXIF turned, antialiased.

    Args:
        source: the archive that holds the row's file.
        row: which image.
        image_size: (height, width) of the result in pixels.

    Returns:
        uint8 (height, width, 3).

    Raises:
        ValueError: the image is broken; the message names file and csv row.
    """
    data = source.read(row.member)
    place = f"{row.where}: {source.where(row.member)}"
    if not data:
        raise ValueError(f"{place}: an empty file, expected an image; fetch the archive again")
    try:
        return encode_image(Image(*image_size), data, place)
    except (EOFError, zlib.error) as error:  # some of Pillow's decoders let these through on damaged files
        raise ValueError(f"{place}: the image can't be decoded ({error})") from error


def _read_csv(source: Source, name: str) -> Iterator[tuple[int, str, dict[str, str]]]:
    """Yields (row number from 0, "<csv>, line <n>", record) of each data row."""
    where = source.where(name)
    try:
        text = source.read(name).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{where}: not UTF-8 text ({error})") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=";", strict=True)
    missing = {"Filename", "ClassId"} - set(reader.fieldnames or ())
    if missing:
        raise ValueError(
            f"{where}: no column {', '.join(sorted(missing))}; expected Filename;Width;Height;Roi.X1;...;ClassId, "
            f"got {';'.join(reader.fieldnames or ())!r}"
        )
    try:
        for number, record in enumerate(reader):
            line = f"{where}, line {reader.line_num}"
            if None in record or None in record.values():
                raise ValueError(f"{line}: expected {len(reader.fieldnames)} values separated by ';'")
            yield number, line, record
    except csv.Error as error:
        raise ValueError(f"{where}, line {reader.line_num}: {error}") from error


def _integer(record: dict[str, str], column: str, where: str) -> int:
    try:
        return int(record[column])
    except ValueError:
        raise ValueError(f"{where}: {column} must be an integer, got {record[column]!r}") from None


def _class_id(record: dict[str, str], where: str) -> int:
    label = _integer(record, "ClassId", where)
    if not 0 <= label < NUM_CLASSES:
        raise ValueError(f"{where}: ClassId must be 0..{NUM_CLASSES - 1}, got {label}")
    return label


def _row(record: dict[str, str], name: str, member: str, label: int, where: str) -> SignRow:
    width = _integer(record, "Width", where) if "Width" in record else -1
    height = _integer(record, "Height", where) if "Height" in record else -1
    return SignRow(name, member, label, 0, 0, width, height, where)


def _check_files(rows: Sequence[SignRow], known: set[str], images: Source) -> None:
    seen: dict[str, str] = {}
    for row in rows:
        if row.member not in known:
            raise FileNotFoundError(f"{row.where}: the file {row.name} it names is not in {images.path}")
        if row.name in seen:
            raise ValueError(f"{row.where}: {row.name} is listed twice, first at {seen[row.name]}")
        seen[row.name] = row.where


def _walk(folder: Path) -> Iterator[str]:
    for parent, _, files in os.walk(folder):
        relative = Path(parent).relative_to(folder)
        yield from ((relative / file).as_posix() for file in files)


def _digest(lines: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for line in lines:
        digest.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return digest.hexdigest()
