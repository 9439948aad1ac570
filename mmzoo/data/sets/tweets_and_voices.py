"""Tweets of MVSA-Single and voices of emodb in one: what each lacks is missing, inputs and targets alike.

A folder holds the folders of both. Fold k holds out one speaker, and the tweets of the suggested split.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.samples import Samples, data_set
from mmzoo.data.sets import emodb, mvsa_single
from mmzoo.schema import Schema

FOLDERS = {"mvsa_single_4000": mvsa_single.load_mvsa_single, "emodb": emodb.load_emodb}


@data_set(
    about="tweets of MVSA-Single and voices of emodb",
    layout=" and ".join(f"{name}/" for name in FOLDERS) + ", each as its own data set says",
    licence=f"tweets: {mvsa_single.load_mvsa_single.licence}; voices: {emodb.load_emodb.licence}",
    weights_may_ship=False,
    folds=emodb.load_emodb.folds,
    group="tweet or speaker",
)
def load_tweets_and_voices(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Both sets' samples of a split, the tweets first.

    Args:
        data_dir: the folder that holds mvsa_single_4000/ and emodb/.
        split: "train", "validation" or "all".
        schema: see `load_mvsa_single` and `load_emodb`.
        fold: 0..7, the speaker that "validation" has and "train" lacks; the tweets have one split.
        seed: nothing is drawn.
        limit: at most so many rows, half of them tweets.

    Returns:
        Samples in groups of one tweet or one speaker; targets are -1 where a set has none.

    Raises:
        FileNotFoundError, ValueError: see the two.
    """
    parts = {}
    for number, (name, load) in enumerate(FOLDERS.items()):
        most = None if limit is None else (limit + 1 - number) // 2
        if most == 0:
            continue
        parts[name] = load(data_dir / name, split, schema=schema, fold=fold if load.folds else None, limit=most)
    each = list(parts.values())
    groups = [np.array(part.ids) if part.groups is None else part.groups for part in each]
    return Samples(
        {name: np.concatenate([part.inputs[name] for part in each]) for name in schema.inputs},
        {name: np.concatenate([part.targets[name] for part in each]) for name in schema.outputs},
        "; ".join(f"{name}: {part.note}" for name, part in parts.items()),
        ids=[one for part in each for one in part.ids],
        groups=np.concatenate(groups),
        raw={name: [value for part in each for value in part.raw[name]] for name in each[0].raw},
    )
