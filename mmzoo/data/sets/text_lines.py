"""Pictures of one word or line each, and the text that stands in them: four real sets, laid out alike.

    scene_words      words cut out of photographs of streets (ICDAR 2015 and 2003)
    handwriting_rx   hand-written names of medicines; the writers are not separated, 78 names in all
    captcha_wp4      captchas of four characters, machine-made
    plates_cn        Chinese number plates

A folder holds metadata.csv (path, text) and the pictures. For validation is what the table's column `split` says
("val"), where it has one; else a fifth of the pictures, by a hash of the file's name, so that further rows move none.

A text with characters that the model's alphabet lacks, or of more than its steps can hold, is left out, and how many
were is part of the note that stands on every card and table.
"""

from __future__ import annotations

import hashlib
import pathlib
import string

import numpy as np

from mmzoo import encoding
from mmzoo.data.samples.metadata import FILE, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼港澳学警使领挂"
# What stands in the texts of each set.
ALPHABETS = {
    "scene_words": string.ascii_letters + string.digits + string.punctuation + " ",
    "handwriting_rx": string.ascii_letters + "- ",
    "captcha_wp4": "23456789ABCDEFGHJKLMNPQRSTUVWXYZ",
    "plates_cn": PROVINCES + string.digits + string.ascii_uppercase,
}
_HELD_OUT = "val"
# Of five, the remainder that is for validation.
_VALIDATION = 4


def _lines(name: str, about: str, licence: str):
    """The data set of one folder."""

    def load(data_dir, split, *, schema, fold=None, seed=0, limit=None) -> Samples:
        return read_lines(data_dir, split, schema=schema, limit=limit, note=f"{about}, real texts")

    load.__name__ = f"load_{name}"
    load.__doc__ = f"{about[0].upper()}{about[1:]} and their texts; see the module."
    return data_set(
        about=about, layout=f"{FILE} (path, text) and the pictures", licence=licence, weights_may_ship=False
    )(load)


load_scene_words = _lines("scene_words", "words cut out of photographs of streets", "none stated; research use")
load_handwriting_rx = _lines("handwriting_rx", "hand-written names of medicines", "none stated")
load_captcha_wp4 = _lines("captcha_wp4", "captchas of four characters, machine-made", "none stated")
load_plates_cn = _lines("plates_cn", "Chinese number plates", "Apache-2.0; real plates of real cars, so not shown")


def read_lines(data_dir: pathlib.Path, split: str, *, schema: Schema, note: str, limit: int | None = None) -> Samples:
    """The pictures and texts of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all".
        schema: of a model with the input `image` and the output `text`, a `Transcript`.
        note: what is real, for cards and tables.
        limit: at most so many rows, the first.

    Returns:
        Samples in the order of the table.

    Raises:
        FileNotFoundError: the table or a picture is missing.
        ValueError: an empty text, a broken picture, or not one text that the model could read; the message names file
            and row.
    """
    table = read_metadata(data_dir, ("path", "text"))
    empty = table.index[table["text"].str.strip() == ""]
    if len(empty):
        raise ValueError(f"{data_dir / FILE}: row {empty[0]}: the text is empty")
    if split != ALL:
        held_out = _held_out(table)
        table = table[~held_out if split == TRAIN else held_out]
    kind = schema["text"]
    unknown = table["text"].map(kind.unknown_letters)
    long = table["text"].map(kind.steps_needed) > kind.steps
    readable = (unknown == "") & ~long
    if not readable.any():
        raise ValueError(
            f"{data_dir / FILE}: not one of {len(table)} texts can be read with {kind.steps} steps and the letters "
            f"{''.join(kind.alphabet)!r}"
        )
    note += _left_out(unknown, int(long.sum()))
    table = table[readable].head(limit)
    paths = table["path"].tolist()
    places = [f"{data_dir / FILE}: row {row}" for row in table.index]
    images = [
        encoding.encode_image(schema["image"], data_dir / path, place)
        for path, place in zip(paths, places, strict=True)
    ]
    texts = [kind.encode_target(text, place) for text, place in zip(table["text"], places, strict=True)]
    return Samples({"image": np.stack(images)}, {"text": np.stack(texts)}, note, ids=paths)


def _held_out(table):
    if "split" in table:
        return (table["split"] == _HELD_OUT).to_numpy()
    return np.array([is_validation(path) for path in table["path"]])


def is_validation(path: str) -> bool:
    """Whether a picture is held out, by a hash of its file's name.

    Args:
        path: of the picture, in any folder.
    """
    name = path.rsplit("/", 1)[-1]
    return int(hashlib.sha256(f"text_lines/{name}".encode()).hexdigest()[:8], 16) % 5 == _VALIDATION


def _left_out(unknown, long: int) -> str:
    """How many texts were left out and why, for the note; "" where none was."""
    parts = []
    if (unknown != "").any():
        letters = "".join(dict.fromkeys("".join(unknown)))
        parts.append(f"{int((unknown != '').sum())} with letters outside the alphabet ({letters})")
    if long:
        parts.append(f"{long} too long")
    return f"; left out: {', '.join(parts)}" if parts else ""
