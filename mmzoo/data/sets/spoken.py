"""Recordings of people who say digits, wake words and coffee orders, and what they say: three sets, laid out alike.

    fsdd             English digits by six people (Free Spoken Digit Dataset, Zohar Jackson et al.)
    fsdd_speakers    the same, split by who speaks
    wake_words       six wake words by many people (Picovoice)
    coffee_intents   orders of coffee by some fifty people (Picovoice); **the texts are a machine's**, which knew what
                     was ordered, but neither the words around it nor how sure people sound

A folder holds metadata.csv (path, text) and the sounds; to split it into training and validation rows it also says who
speaks (and, of fsdd, which recording of that person and digit it is). For validation are recordings 0 to 9 of fsdd,
else a fifth of the people, by a hash, so that nobody is on both sides: as far as a machine can tell voices apart, as
the people of the last two sets are its groups of like voices.

Orders whose text the machine was not sure of (a score under 0.3) are not trained on, and the note says how many.
"""

from __future__ import annotations

import functools
import pathlib
from typing import TYPE_CHECKING

from mmzoo.data.samples.metadata import FILE, hashed_part, numbers_of, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Option, Samples, data_set
from mmzoo.data.sets.utterances import read_utterances
from mmzoo.encoding.sounds import open_sound
from mmzoo.schema import Schema

if TYPE_CHECKING:
    import pandas as pd

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
# Recordings of fsdd up to this one are for validation.
LAST_VALIDATION = 9
# Of as many parts of the people, one is for validation.
FOLDS = 5
# Under this score of the machine that wrote an order down, its text is not trained on.
LEAST_SCORE = 0.3
_COLUMNS = ("path", "text")
_LAYOUT = f"{FILE} ({', '.join(_COLUMNS)}) and the sounds"
_FSDD = "CC BY-SA 4.0 (github.com/Jakobovski/free-spoken-digit-dataset): share alike"
_PICOVOICE = "Apache-2.0 (github.com/Picovoice)"


@data_set(
    about="spoken English digits",
    layout=f"{_LAYOUT}; to split it also speaker and index",
    licence=_FSDD,
    weights_may_ship=True,
    weights_licence="CC BY-SA 4.0, shared alike as the data are",
    options={"speaker": Option(str, None, "Leave this speaker out of training, and measure on him alone.")},
    group="speaker",
)
def load_fsdd(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    speaker: str | None = None,
) -> Samples:
    """Digits as words, of a split by recordings: the same six people speak on both sides.

    Args:
        data_dir: the folder.
        split: "train" (recordings from 10 on), "validation" (up to 9) or "all", of a folder kept apart too.
        schema: of the speech model.
        fold: None, there is one split.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.
        speaker: instead, who is left out of training and all that is measured on.

    Raises:
        FileNotFoundError: the table or a sound is missing.
        ValueError: nobody of that name, or see `mmzoo.data.sets.utterances.read_utterances`.
    """
    table = _table(data_dir, split, ("speaker", "index"))
    if split != ALL:
        if speaker is None:
            held_out = numbers_of(table, "index", data_dir) <= LAST_VALIDATION
        else:
            held_out = (table["speaker"] == speaker).to_numpy(bool)
            if not held_out.any():
                there = sorted(set(table["speaker"]))
                raise ValueError(f"{data_dir / FILE}: no row of speaker {speaker!r}; there are {there}")
        table = table[~held_out if split == TRAIN else held_out]
    return _read(table, data_dir, split, schema, "sounds and texts real, nothing simulated", limit)


@data_set(
    about="spoken English digits, each speaker left out in turn",
    layout=f"{_LAYOUT}; to split it also speaker and index",
    licence=_FSDD,
    weights_may_ship=True,
    weights_licence="CC BY-SA 4.0, shared alike as the data are",
    folds=len(SPEAKERS),
    group="speaker",
)
def load_fsdd_speakers(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """`load_fsdd` with one of six speakers left out: fold 0 is george, then jackson, lucas, nicolas, theo, yweweler."""
    return load_fsdd(data_dir, split, schema=schema, limit=limit, speaker=SPEAKERS[fold])


@data_set(
    about="six wake words by many people",
    layout=f"{_LAYOUT}; to split it also speaker_group",
    licence=_PICOVOICE,
    weights_may_ship=True,
    folds=FOLDS,
    group="group of like voices",
)
def load_wake_words(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Wake words of a split by groups of voices; see `load_fsdd`. Fold: 0..4, which fifth of them is held out."""
    table = _of_voices(_table(data_dir, split, ("speaker_group",)), split, "wake_words", "speaker_group", fold)
    note = (
        "sounds and texts real, nothing simulated; who speaks was told by a machine, so that few may be on both sides"
    )
    return _read(table, data_dir, split, schema, note, limit)


@data_set(
    about="spoken orders of coffee",
    layout=f"{_LAYOUT}; to split it also speaker and text_score",
    licence=_PICOVOICE,
    weights_may_ship=True,
    folds=FOLDS,
    group="group of like voices",
)
def load_coffee_intents(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Orders of a split by groups of voices; see `load_fsdd`. Fold: 0..4, which fifth of them is held out."""
    table = _of_voices(_table(data_dir, split, ("speaker", "text_score")), split, "coffee_intents", "speaker", fold)
    note = "sounds real, texts simulated: written by a machine that knew what was ordered"
    if split == TRAIN or "text_score" in table:
        unsure = numbers_of(table, "text_score", data_dir) < LEAST_SCORE
        if unsure.any():
            done = "not trained on" if split == TRAIN else "among them"
            note += f"; {int(unsure.sum()):,} whose text the machine was not sure of {done}"
        if split == TRAIN:
            table = table[~unsure]
    return _read(table, data_dir, split, schema, note, limit)


def _table(data_dir, split, more) -> pd.DataFrame:
    """Rows that are kept apart need not say who speaks: they are not split."""
    return read_metadata(data_dir, _COLUMNS if split == ALL else (*_COLUMNS, *more))


def _of_voices(table, split, name, column, fold):
    if split == ALL:
        return table
    held_out = table[column].map(lambda who: hashed_part(f"{name}/{who}", FOLDS) == (fold or 0)).to_numpy(bool)
    return table[~held_out if split == TRAIN else held_out]


def _read(table, data_dir, split, schema, note, limit) -> Samples:
    paths = table["path"].tolist()

    @functools.cache
    def seconds(place):
        with open_sound(data_dir / paths[place], f"{data_dir / FILE}: row {table.index[place]}") as (sound, _):
            return sound.frames / sound.samplerate

    groups = next((table[name].to_numpy(str) for name in ("speaker", "speaker_group") if name in table), None)
    return read_utterances(
        table,
        data_dir,
        split,
        schema=schema,
        raw={"sound": paths},
        seconds=seconds,
        ids=paths,
        groups=groups,
        note=note,
        limit=limit,
    )
