"""MVSA-Single (Niu et al., MMM 2016), 4,000 pairs of it: tweets with their pictures and a sentiment.

A folder holds metadata.csv (guid, image, text, label, suggested_split) and the pictures. The suggested split keeps
pairs that share a text or a picture on one side. A folder kept apart may name its split otherwise: it is read as "all".
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

NOTE = "tweets, pictures and labels real, nothing simulated"
COLUMNS = ("image", "text", "label", "suggested_split")
VALIDATION = "val"


@data_set(
    about="tweets with their pictures, of MVSA-Single",
    layout=f"{FILE} (guid, {', '.join(COLUMNS)}) and the pictures",
    licence="none stated; tweets and pictures belong to their posters, for research only",
    weights_may_ship=False,
)
def load_mvsa_single(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Texts, pictures and sentiments of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" (the suggested split's "val") or "all", of a folder kept apart too.
        schema: its inputs `text` and `image` are encoded, any other is missing, and so are targets but `sentiment`.
        fold: None, there is one split.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table; the target `sentiment` is int32 (N,), that of any other output -1.

    Raises:
        FileNotFoundError: the table or a picture is missing.
        ValueError: another label, no row of the split, or a broken picture; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split != ALL:
        held_out = (table["suggested_split"] == VALIDATION).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    if table.empty:
        raise ValueError(f"{data_dir / FILE}: no row of split {split!r}; suggested_split says {VALIDATION!r} nowhere")
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    paths, texts = table["image"].tolist(), table["text"].tolist()
    known = {"sentiment": lambda kind: classes_of(table, "label", kind.classes, data_dir)}
    targets = {
        name: known[name](kind) if name in known else np.repeat(kind.missing_target()[None], len(table), axis=0)
        for name, kind in schema.outputs.items()
    }
    columns = {"text": texts, "image": paths}
    inputs = encoded(schema, columns, table, data_dir)
    note = NOTE + findings(schema, columns, inputs)
    raw = {"text": texts} if "text" in inputs else {}
    return Samples(inputs, targets, note, ids=paths, raw=raw)
