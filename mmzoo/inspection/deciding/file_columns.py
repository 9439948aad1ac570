"""Columns that name files: pictures, sounds, and what is neither."""

from __future__ import annotations

import collections
import pathlib
from typing import Any

import numpy as np

from mmzoo.encoding.pictures import picture_suffixes
from mmzoo.encoding.sounds import SUFFIXES as SOUND_SUFFIXES
from mmzoo.inspection.deciding.decision import Decision, make_audio, make_image
from mmzoo.inspection.findings.column_findings import unreachable_files
from mmzoo.inspection.inspection import Finding, percent, quoted
from mmzoo.inspection.reading import files as files_lib
from mmzoo.inspection.reading.cells import Cells
from mmzoo.schema import Audio, Image
from mmzoo.schema.paths import resolve

_MOST, _MANY = 0.9, 0.2
# So many cells are looked for on disk.
_TRIED = 300

# Files of pictures and sounds that nothing here reads, and what to do.
_CONVERTED = {
    **dict.fromkeys((".heic", ".heif"), "pictures that Pillow does not read: convert them to JPEG (magick mogrify)"),
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng"), "raw photographs: develop them to JPEG or TIFF"),
    **dict.fromkeys((".svg", ".pdf", ".eps", ".psd"), "drawings or documents: export them as PNG"),
    **dict.fromkeys((".dcm", ".nii"), "medical pictures: write them as PNG with pydicom or nibabel"),
    **dict.fromkeys((".m4a", ".aac", ".wma", ".amr", ".au"), "sounds that are not read: convert them to WAV (ffmpeg)"),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm"), "videos: write a frame of each as a picture (ffmpeg)"),
}


def decide_files(cells: Cells, kind: Any, root: pathlib.Path, allow_outside_root: bool, image_size) -> Decision | None:
    """What a column becomes that names files; None where it names none, or is said to be something else.

    A column counts as pictures or sounds where nine of ten cells end like such files, or where a fifth do and most of
    those are there: then the other cells are the mistake, and not the column.

    Args:
        cells: the column.
        kind: what the user said; None: nothing.
        root: paths are relative to it.
        allow_outside_root: also read files outside of it.
        image_size: of pictures, see `make_image`.
    """
    said = next(
        (name for name, part in (("image", Image), ("audio", Audio)) if kind == name or isinstance(kind, part)), None
    )
    if kind is not None and said is None:
        return None
    shares = {
        "image": files_lib.share_of_suffixes(cells, picture_suffixes()),
        "audio": files_lib.share_of_suffixes(cells, SOUND_SUFFIXES),
    }
    found = said or max(shares, key=shares.get)
    if said is None and shares[found] < _MOST:
        other = _converted(cells)
        if other is not None or not _names_many(cells, root, allow_outside_root):
            return other
        if shares[found] < _MANY:
            return _other_files(cells)
    files = files_lib.find_files(cells, root, allow_outside_root)
    there, what = cells.share(files.there), "images" if found == "image" else "sounds"
    if there < 0.5 and not said and shares[found] >= _MOST:
        why = f"looks like the files of {what}, but {percent(1 - there)} can't be read"
        return Decision("unusable", why, None, unreachable_files(cells, files))
    why = "you said so" if said else f"paths of {what}, {percent(there)} are there"
    if found == "image":
        decision = make_image(cells, why, files, files_lib.read_pictures(files), image_size)
    else:
        decision = make_audio(cells, why, files, files_lib.read_sounds(files))
    if isinstance(kind, (Image, Audio)):
        decision.part = kind
    if found == "audio":
        files_lib.check_sounds(files, decision.contents, decision.part)
    return decision


def _converted(cells):
    """Files of formats that are known, but not read, whether they are there or not."""
    if files_lib.share_of_suffixes(cells, tuple(_CONVERTED)) < 0.5:
        return None
    ends = collections.Counter(pathlib.PurePath(value[-300:].lower()).suffix for value in cells.values)
    ending = max(_CONVERTED, key=lambda one: ends[one])
    message = (
        f"can't read {ending.removeprefix('.').upper()} ({quoted(cells.values, 2)}), {_CONVERTED[ending]}; or leave "
        f"the column out: kinds={{{cells.name!r}: 'ignore'}}"
    )
    return Decision("unusable", f"files of {ending}", None, [Finding("error", cells.name, message)])


def _names_many(cells, root, allow_outside_root):
    """Whether many cells name files that are there, by an even sample of them."""
    like = np.isnan(cells.numbers) & np.array([_could_be_path(value) for value in cells.values], bool)
    if not len(like) or cells.share(like) < _MANY:
        return False
    tried = np.flatnonzero(like)
    tried = tried[np.unique(np.linspace(0, len(tried) - 1, _TRIED).astype(int))]
    there = [_is_there(cells.values[index], root, allow_outside_root) for index in tried]
    return np.mean(there) >= max(0.5, _MANY / cells.share(like))


def _is_there(value, root, allow_outside_root):
    try:
        return resolve(root, value, allow_outside_root=allow_outside_root).is_file()
    except (ValueError, OSError):
        return False


def _could_be_path(value):
    last = value.replace("\\", "/").rpartition("/")[2]
    return len(value) <= 1_000 and "\n" not in value and "://" not in value and ("/" in value or "." in last[1:])


def _other_files(cells):
    ends = collections.Counter(pathlib.PurePath(value[-300:].lower()).suffix or "no ending" for value in cells.values)
    names = ", ".join(one for one, _ in ends.most_common(3))
    message = (
        f"names files ({names}: {quoted(cells.values, 2)}) that are no pictures or sounds, so it is left out; a "
        f"series' CSV files need a schema: kinds={{{cells.name!r}: Series(...)}}"
    )
    return Decision("unusable", "files that are no pictures or sounds", None, [Finding("warning", cells.name, message)])
