"""The Berlin database of emotional speech (Burkhardt et al., Interspeech 2005): actors say ten sentences in German.

A folder holds metadata.csv and the sounds, two seconds each at most. **The same ten sentences are said in every
emotion**, so the text is worth nothing, and a model that gains by it has found something wrong. Fold k holds out one
speaker as a whole, of the eight that the split was made for. The sentiment is made of the emotion (happiness positive,
neutral neutral, the others negative). What the table says besides is never an input: how well listeners recognised the
emotion, how natural they found it, and which take it was, all tell of the label.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

NOTE = "voices of actors and their sentences real, nothing simulated; most are cut off after two seconds"
COLUMNS = ("path", "emotion", "sentiment", "speaker", "text_de")
SPEAKERS = ("03", "08", "09", "10", "11", "12", "14", "16")


@data_set(
    about="the Berlin database of emotional speech",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the sounds",
    licence="none stated; published by TU Berlin for free use with citation",
    weights_may_ship=False,
    folds=len(SPEAKERS),
    group="speaker",
)
def load_emodb(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Voices, sentences, emotions and sentiments of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `voice` and `text` are encoded, any other is missing; targets are those it has.
        fold: 0..7, the speaker that "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one speaker; the targets are int32 (N,).

    Raises:
        FileNotFoundError: the table or a sound is missing.
        ValueError: another emotion or sentiment, no row of the fold's speaker, or a broken sound; the message names
            file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split != ALL:
        held_out = (table["speaker"] == SPEAKERS[fold]).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    if table.empty:
        raise ValueError(
            f"{data_dir / FILE}: no row for split {split!r}, whose fold {fold} is speaker {SPEAKERS[fold]}"
        )
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    paths, texts = table["path"].tolist(), table["text_de"].tolist()
    columns = {"text": texts, "voice": paths}
    inputs = encoded(schema, columns, table, data_dir)
    note = NOTE + findings(schema, columns, inputs)
    targets = {name: classes_of(table, name, kind.classes, data_dir) for name, kind in schema.outputs.items()}
    raw = {"text": texts} if "text" in inputs else {}
    return Samples(inputs, targets, note, ids=paths, groups=table["speaker"].to_numpy(str), raw=raw)
