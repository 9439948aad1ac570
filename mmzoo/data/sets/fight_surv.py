"""Fights before surveillance cameras (Akti, Tataroglu & Ekenel, IPTA 2019): clips of two seconds, some with sound.

A folder holds metadata.csv, the clips (MP4) and, where one has it, the sound (OGG). Fold k holds out the clips that the
table has in its fold k + 1, all of a source together. **Width, height, frame rate, length and whether there is sound
give the answer away** (74 % by these alone), so nothing of it reaches a model: every clip is one window of two seconds
from its start, the last picture held where it ends before, scaled as a whole to one square size.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.models.schemas.surveillance import ALARMS
from mmzoo.schema import Schema

NOTE = "clips and sounds real, nothing simulated"
COLUMNS = ("path", "audio", "label", "source", "fold")
FOLDS = 4
# What the table calls an event, and what the schema does.
_EVENTS = {"no_fight": "nothing", "fight": "fight"}


@data_set(
    about="clips of surveillance cameras, fight or not",
    layout=f"{FILE} ({', '.join(COLUMNS)}), clips and sounds",
    licence="MIT (of the collection; clips were cut from YouTube, whose makers may have rights)",
    weights_may_ship=False,
    folds=FOLDS,
    group="source",
)
def load_fight_surv(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Clips, their sounds, and whether somebody fights.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `video` and `sound` are encoded; targets are those it has.
        fold: 0..3, which clips "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one source; the targets are int32 (N,).

    Raises:
        FileNotFoundError: the table or a file is missing.
        ValueError: another label, no row of the fold, or a broken clip; the message names file and row.
        ImportError: PyAV is not installed.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split != ALL:
        held_out = (table["fold"] == str(1 + fold)).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    if table.empty:
        raise ValueError(f"{data_dir / FILE}: no row for split {split!r}, whose fold {fold} is {1 + fold} in the table")
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    raw = {"video": table["path"].tolist(), "sound": table["audio"].tolist()}
    inputs = encoded(schema, raw, table, data_dir)
    return Samples(
        inputs,
        event_targets(table.assign(event=table["label"].map(_EVENTS).fillna(table["label"])), schema, data_dir),
        NOTE + findings(schema, raw, inputs),
        ids=raw["video"],
        groups=table["source"].to_numpy(str),
    )


def event_targets(table, schema: Schema, folder: pathlib.Path) -> dict[str, np.ndarray]:
    """The targets of those outputs that a schema has: the column `event`, and whether that is a reason for an alarm."""
    targets = {}
    for name, kind in schema.predicted.items():
        if name == "alarm":
            targets[name] = table["event"].isin(ALARMS).to_numpy(np.int32)
        else:
            targets[name] = classes_of(table, "event", kind.classes, folder)
    return targets
