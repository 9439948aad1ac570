"""Clips of cameras and sounds of a street played together, as surveillance_reels puts them (a list, no recordings).

A folder holds metadata.csv (video, sound, kind), whose paths lead to fight_surv and urbansound_safety beside it; what
is heard, and which fold a clip or sound is of, stands in their tables. **Put together, not filmed**: the clip's own
sound is off, and a clip or sound means the same event wherever it is played.

The event is a fight where the clip shows one; else what is heard; "nothing" where it is silent. Fold k holds out clips
of fold k + 1 together with sounds of UrbanSound8K's fold 2, and trains on the other clips with sounds of its fold 1, so
that neither a source nor a recording is on both sides; what mixes the two is left out, and counted.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.data.sets.fight_surv import FOLDS, event_targets
from mmzoo.schema import Schema

NOTE = "clips and sounds real, played together by a list (simulated)"
COLUMNS = ("reel", "position", "video", "sound", "kind")
CLIPS, SOUNDS = "fight_surv", "urbansound_safety"
_TRAINED, _HELD_OUT = "1", "2"


@data_set(
    about="clips of cameras and sounds of a street, played together",
    layout=f"{FILE} ({', '.join(COLUMNS)}), and beside it the folders {CLIPS} and {SOUNDS}",
    licence="see both; sounds CC BY-NC",
    weights_may_ship=False,
    folds=FOLDS,
    group="source",
)
def load_surveillance_reels(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Segments of two seconds, and what happens in each.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `video` and `sound` are encoded; targets are those it has.
        fold: 0..3, which clips "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one clip's source; the targets are int32 (N,).

    Raises:
        FileNotFoundError: a table or a file is missing.
        ValueError: a clip or sound that is in neither table, or no row of the fold; the message names file and row.
        ImportError: PyAV is not installed.
    """
    table = read_metadata(data_dir, COLUMNS)
    beside = data_dir.resolve().parent
    clips = read_metadata(beside / CLIPS, ("path", "label", "source", "fold")).set_index("path")
    sounds = read_metadata(beside / SOUNDS, ("path", "label", "us8k_fold")).set_index("path")
    clip = _known(table, "video", CLIPS, clips.index, data_dir)
    sound = _known(table, "sound", SOUNDS, sounds.index, data_dir)
    heard = sound.map(sounds["label"])
    table = table.assign(
        event=heard.fillna("nothing").where(clip.map(clips["label"]) != "fight", "fight"),
        source=clip.map(clips["source"]),
    )
    note = NOTE
    if split != ALL:
        held_out, of_sounds = clip.map(clips["fold"]) == str(1 + fold), sound.map(sounds["us8k_fold"])
        silent = of_sounds.isna()
        rows = {
            True: ~held_out & ((of_sounds == _TRAINED) | silent),
            False: held_out & ((of_sounds == _HELD_OUT) | silent),
        }
        left = len(table) - sum(int(mask.sum()) for mask in rows.values())
        note += f"; {left:,} of {len(table):,} segments mix both sides and are left out"
        table = table[rows[split == TRAIN]]
    if table.empty:
        raise ValueError(f"{data_dir / FILE}: no row for split {split!r}, fold {fold}")
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    raw = {"video": table["video"].tolist(), "sound": table["sound"].tolist()}
    return Samples(
        encoded(schema, raw, table, data_dir),
        event_targets(table, schema, data_dir),
        note,
        ids=(table["reel"] + "/" + table["position"]).tolist(),
        groups=table["source"].to_numpy(str),
    )


def _known(table, column, folder, paths, data_dir):
    """A column's paths as the table of another folder has them; those of empty cells stay ""."""
    found = table[column].str.replace(f"../{folder}/", "", regex=False)
    wrong = table.index[(found != "") & ~found.isin(paths)]
    if len(wrong):
        raise ValueError(
            f"{data_dir / FILE}: row {wrong[0]}, column {column!r}: {table[column][wrong[0]]!r} is not in the table of "
            f"{folder}"
        )
    return found
