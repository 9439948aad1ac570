"""Columns of paths: which files are there, and what is in the pictures and sounds."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np

from mmzoo.encoding import pictures, sounds
from mmzoo.encoding.sounds import SUFFIXES as SOUND_SUFFIXES
from mmzoo.inspection.reading.cells import Cells
from mmzoo.schema import Audio, Image
from mmzoo.schema.paths import resolve

# At most so many files, and about so many bytes of them, are decoded; a larger table is sampled evenly.
MOST_FILES = 40_000
MOST_BYTES = 400_000_000

# What is kept of a picture: grey, two pixels for each of the difference hash's 9 x 8.
_THUMBNAIL = Image(height=16, width=18, channels=1)


@dataclasses.dataclass
class Files:
    """The files that a column names.

    Attributes:
        paths: of each value the path, "" where it can't be read.
        outside: bool (values,), the path leads out of the root.
        gone: bool (values,), there is no such file.
        root: where paths start from.
    """

    paths: list[str]
    outside: np.ndarray
    gone: np.ndarray
    root: str

    @property
    def there(self) -> np.ndarray:
        """bool (values,): the file exists and may be read."""
        return ~(self.outside | self.gone)


@dataclasses.dataclass
class Contents:
    """What was found in those of the files that were decoded.

    Attributes:
        looked: int (M,), the indices of the values whose files were decoded.
        bad: index of the value -> why its file can't be used.
        sizes: pictures: (M, 2) width and height; sounds: (M, 2) seconds and samples a second; 0 where unreadable.
        modes: pictures: Pillow's modes that occur.
        thumbnails: pictures: uint8 (M, 16 * 18), grey.
        brightest: pictures: (M,) the largest value of each of 16 bits, 0 of all others.
    """

    looked: np.ndarray
    bad: dict[int, str]
    sizes: np.ndarray
    modes: set[str] = dataclasses.field(default_factory=set)
    thumbnails: np.ndarray | None = None
    brightest: np.ndarray | None = None

    @property
    def good(self) -> np.ndarray:
        """bool (M,): the file could be decoded."""
        return self.sizes[:, 0] > 0


def share_of_suffixes(cells: Cells, suffixes: tuple[str, ...]) -> float:
    """The share of the filled cells that end like files of a kind, 0..1."""
    return cells.share([value.lower().endswith(suffixes) and "://" not in value for value in cells.values])


def names_media(value: str) -> bool:
    """Whether a path or an address ends like a picture or a sound."""
    return value.split("?")[0].lower().endswith((*pictures.picture_suffixes(), *SOUND_SUFFIXES))


def find_files(cells: Cells, root: pathlib.Path, allow_outside_root: bool) -> Files:
    """Looks which of a column's files are there."""
    paths, outside, gone = [], np.zeros(len(cells.values), bool), np.zeros(len(cells.values), bool)
    for index, value in enumerate(cells.values):
        try:
            path = resolve(root, value, allow_outside_root=allow_outside_root)
        except ValueError:
            outside[index] = True
            paths.append("")
            continue
        gone[index] = not os.path.isfile(path)
        paths.append("" if gone[index] else str(path))
    return Files(paths, outside, gone, str(root))


def read_pictures(files: Files) -> Contents:
    """Decodes the pictures, or an even sample of many."""
    return _read(files, _read_picture)


def read_sounds(files: Files) -> Contents:
    """Reads the headers of the sounds, or of an even sample of many."""
    return _read(files, _read_sound)


def check_sounds(files: Files, contents: Contents, audio: Audio) -> None:
    """Decodes the sounds as training will, and moves those that it would refuse to the bad ones."""

    def encode(index):
        try:
            audio.encode(files.paths[index], "")
        except (ValueError, OSError) as error:
            return str(error).removeprefix(": ")
        return None

    good = contents.looked[contents.good]
    reasons = {int(index): why for index, why in zip(good, _mapped(encode, good), strict=True) if why}
    contents.bad |= reasons
    contents.sizes[np.isin(contents.looked, list(reasons))] = 0


def _mapped(function: Callable, items) -> list:
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(function, items))


def _read(files: Files, read: Callable) -> Contents:
    looked = _sample(files)
    found = _mapped(read, [files.paths[index] for index in looked])
    bad = {int(index): one for index, one in zip(looked, found, strict=True) if isinstance(one, str)}
    sizes = np.array([(0, 0) if isinstance(one, str) else one[0] for one in found], float).reshape(len(found), 2)
    contents = Contents(looked, bad, sizes)
    if read is _read_picture:
        empty = np.zeros(_THUMBNAIL.height * _THUMBNAIL.width, np.uint8)
        contents.brightest = np.array([0 if isinstance(one, str) else one[3] for one in found], int)
        contents.modes = {one[1] for one in found if not isinstance(one, str)}
        thumbnails = [empty if isinstance(one, str) else one[2] for one in found]
        contents.thumbnails = np.array(thumbnails, np.uint8).reshape(len(found), len(empty))
    return contents


def _sample(files: Files) -> np.ndarray:
    there = np.flatnonzero(files.there)
    if not len(there):
        return there
    tried = there[:: max(1, len(there) // 200)]
    size = np.mean([os.path.getsize(files.paths[index]) for index in tried])
    most = int(min(MOST_FILES, max(MOST_BYTES / max(size, 1), 50)))
    if len(there) <= most:
        return there
    return there[np.linspace(0, len(there) - 1, most).astype(int)]


def _read_picture(path: str):
    """((width, height), mode, thumbnail, `Contents.brightest`), or why it can't be read, as training would say it."""
    try:
        with pictures.open_image(path, "") as picture:
            size, mode = picture.size, picture.mode
            brightest = picture.getextrema()[1] if mode.startswith("I") else 0
            # A JPEG is decoded to a fraction of its size at once.
            picture.draft("L", (64, 64))
            return size, mode, pictures.to_pixels(_THUMBNAIL, picture, "").ravel(), brightest
    except (ValueError, OSError) as error:
        return str(error).removeprefix(": ")


def _read_sound(path: str):
    """((seconds, samples a second),) as the header says, or why it can't be read; see `check_sounds`."""
    try:
        with sounds.open_sound(path, "") as (sound, _):
            return ((sound.frames / sound.samplerate, sound.samplerate),) if sound.frames else "holds no samples"
    except (ValueError, OSError, ImportError) as error:
        return str(error).removeprefix(": ")
