"""Flickr8k (Hodosh, Young & Hockenmaier, JAIR 2013): photos, each with five captions that people wrote.

A folder holds metadata.csv (path, caption_0 ... caption_4, split) and the photos. The split is the official one. A
folder kept apart may name its split otherwise: it is read as "all".

For training a row is a photo, its captions are views of its text, of which each epoch sees one. What is measured is
every caption: a row is a photo and one of its captions, and the rows of a photo belong together.

To a model that writes captions (an output `Sentence`) a row is a photo in any split, and its captions are views of the
target, or the references to measure by.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, findings, read_metadata
from mmzoo.data.samples.samples import TRAIN, VALIDATION, Samples, data_set
from mmzoo.data.samples.sentences import sentence_targets
from mmzoo.schema import Schema, Sentence

NOTE = "photos and captions real, nothing simulated"
COLUMNS = ("path", "caption_0")
CAPTION = "caption_"
# What the column `split` says.
SPLITS = {TRAIN: "train", VALIDATION: "val"}


@data_set(
    about="Flickr8k, photos with five captions each",
    layout=f"{FILE} (path, caption_0 ... caption_4, split) and the photos",
    licence="for research on request, not to be given on; the photos belong to their owners on Flickr",
    weights_may_ship=False,
    group="photo",
)
def load_flickr8k(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Photos and captions of a split.

    Args:
        data_dir: the folder.
        split: "train" and "validation", of the official split, or "all", of a folder kept apart too.
        schema: its inputs `image` and `text` are encoded, any other is missing; its output is a `Pair` or a
            `Sentence`.
        fold: None, there is one split.
        seed: nothing is drawn.
        limit: at most so many photos, evenly spread.

    Returns:
        Samples in the order of the table. "train": one a photo, its captions as views. The others: one a caption, or
        for a `Sentence` one a photo. The target `pair` is int32 (N,), the row of the photo in the table, that of a
        `Sentence` all captions.

    Raises:
        FileNotFoundError: the table or a photo is missing.
        ValueError: no row of the split, a photo without captions, or a broken photo; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split in SPLITS:
        table = table[_split_column(table, data_dir) == SPLITS[split]]
        if table.empty:
            raise ValueError(f"{data_dir / FILE}: no row of split {split!r}; the column split says {SPLITS[split]!r} "
                             "nowhere")  # fmt: skip
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    captions = _captions(table, data_dir)
    paths = table["path"].tolist()
    if split == TRAIN or any(isinstance(kind, Sentence) for kind in schema.predicted.values()):
        return _photos(schema, table, paths, captions, data_dir, split)
    rows = np.repeat(np.arange(len(table)), [len(own) for own in captions])
    columns = {"image": [paths[row] for row in rows], "text": [caption for own in captions for caption in own]}
    table = table.iloc[rows]
    inputs = encoded(schema, columns, table, data_dir)
    return Samples(
        inputs,
        {name: table.index.to_numpy(np.int32) for name in schema.outputs},
        NOTE + findings(schema, columns, inputs),
        ids=columns["image"],
        groups=np.array(columns["image"]),
        raw={name: columns[name] for name in ("text",) if name in inputs},
    )


def captions_to_learn(data_dir: pathlib.Path) -> list[str]:
    """All captions of the training photos.

    Args:
        data_dir: the folder.

    Raises:
        FileNotFoundError, ValueError: see `load_flickr8k`.
    """
    table = read_metadata(data_dir, COLUMNS)
    return [text for own in _captions(table[_split_column(table, data_dir) == SPLITS[TRAIN]], data_dir) for text in own]


def held_out_photos(data_dir: pathlib.Path) -> set[str]:
    """The paths of the validation photos; none where the table names no splits.

    Args:
        data_dir: the folder.
    """
    table = read_metadata(data_dir, COLUMNS)
    return set(table["path"][table["split"] == SPLITS[VALIDATION]]) if "split" in table else set()


def _photos(schema, table, paths, captions, data_dir, split):
    """A row a photo. One with fewer captions than others has some of them twice."""
    count = max(map(len, captions))
    columns = {"image": paths, "text": [own[0] for own in captions]}
    inputs = encoded(schema, columns, table, data_dir)
    views, targets, said = {}, {}, ""
    for name, output in schema.predicted.items():
        if not isinstance(output, Sentence):
            targets[name] = table.index.to_numpy(np.int32)
            continue
        targets[name], forms, found = sentence_targets(output, captions, split, name)
        views |= {} if forms is None else {name: forms}
        said += found
    if "text" in inputs:
        kind, places = schema.inputs["text"], [f"{data_dir / FILE}: row {row}" for row in table.index]
        rows = [
            [kind.encode(own[i % len(own)], place) for i in range(count)]
            for own, place in zip(captions, places, strict=True)
        ]
        views["text"] = np.array(rows)
    return Samples(
        inputs,
        targets,
        NOTE + findings(schema, columns, inputs) + said,
        ids=paths,
        groups=np.array(paths),
        raw={"text": columns["text"], "captions": captions},
        views=views,
    )


def _split_column(table, data_dir):
    if "split" not in table:
        raise ValueError(f"{data_dir / FILE}: no column 'split', so its rows are read as split 'all' only")
    return table["split"]


def _captions(table, data_dir):
    """The captions of each row that are not empty."""
    columns = [column for column in table if column.startswith(CAPTION)]
    found = [[cell for cell in cells if cell.strip()] for cells in table[columns].itertuples(index=False)]
    empty = next((row for row, own in zip(table.index, found, strict=True) if not own), None)
    if empty is not None:
        raise ValueError(f"{data_dir / FILE}: row {empty}: none of {columns} holds a caption")
    return found
