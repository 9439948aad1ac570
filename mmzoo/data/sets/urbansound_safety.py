"""Gun shots, sirens and horns against the sounds of a street: a part of UrbanSound8K (Salamon et al., ACM MM 2014).

A folder holds metadata.csv and the sounds, four seconds each at most, of which two are heard. Fold k holds out the rows
that UrbanSound8K has in its fold k + 1, so that no recording is on both sides.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, findings, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.data.sets.fight_surv import event_targets
from mmzoo.schema import Schema

NOTE = "sounds real, nothing simulated"
COLUMNS = ("path", "label", "us8k_fold", "freesound_id")
FOLDS = 2


@data_set(
    about="gun shots, sirens, horns and sounds of a street",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the sounds",
    licence="CC BY-NC (UrbanSound8K)",
    weights_may_ship=False,
    folds=FOLDS,
    group="recording",
)
def load_urbansound_safety(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Sounds and what makes them.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its input `sound` is encoded, any other is missing; targets are those it has.
        fold: 0 or 1, which rows "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one recording; the targets are int32 (N,).

    Raises:
        FileNotFoundError: the table or a sound is missing.
        ValueError: another label, no row of the fold, or a broken sound; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split != ALL:
        held_out = (table["us8k_fold"] == str(1 + fold)).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    if table.empty:
        raise ValueError(f"{data_dir / FILE}: no row for split {split!r}, whose fold {fold} is {1 + fold} in the table")
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    raw = {"sound": table["path"].tolist()}
    inputs = encoded(schema, raw, table, data_dir)
    return Samples(
        inputs,
        event_targets(table.assign(event=table["label"]), schema, data_dir),
        NOTE + findings(schema, raw, inputs),
        ids=raw["sound"],
        groups=table["freesound_id"].to_numpy(str),
    )
