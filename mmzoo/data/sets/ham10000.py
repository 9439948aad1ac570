"""A part of HAM10000 (Tschandl, Rosendahl & Kittler, Scientific Data 2018): dermatoscopic pictures, age, sex and site.

A folder holds metadata.csv (path, dx, lesion_id, age, sex, localization) and the pictures. Fold k of five holds out the
*lesions* whose id has a certain hash. Age, and "unknown" of sex and site, are missing where the table has nothing.
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, hashed_part, numbers_of, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

NOTE = "No medical device. Pictures and patients' data real, nothing simulated; tested on a part of HAM10000 alone"
COLUMNS = ("path", "dx", "lesion_id", "age", "sex", "localization")
FOLDS = 5
UNKNOWN = "unknown"


@data_set(
    about="a part of HAM10000, dermatoscopic pictures with age, sex and site",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the pictures",
    licence="none stated where they were taken from; the original is CC BY-NC 4.0",
    weights_may_ship=False,
    folds=FOLDS,
    group="lesion",
)
def load_ham10000(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Pictures, what is known of the patient, and diagnoses of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `image` and `biomarkers` (age, sex, site) are encoded, any other is missing; `diagnosis`
            knows the classes.
        fold: 0..4, the lesions that "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one lesion; the target `diagnosis` is int32 (N,).

    Raises:
        FileNotFoundError: the table or a picture is missing.
        ValueError: a diagnosis or site that the model doesn't know, none at all, an age that is no number or outside
            its declared range, or a broken picture; the message names file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    if split != ALL:
        held_out = np.array([hashed_part(f"ham10000/{lesion}", FOLDS) == fold for lesion in table["lesion_id"]], bool)
        table = table[~held_out if split == TRAIN else held_out]
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    targets = classes_of(table, "dx", schema["diagnosis"].classes, data_dir)
    aged = table[table["age"] != ""]
    ages = dict(zip(aged.index, numbers_of(aged, "age", data_dir), strict=True))
    patients = [
        {"age": ages.get(row), "sex": _known(sex), "site": _known(site)}
        for row, sex, site in zip(table.index, table["sex"], table["localization"], strict=True)
    ]
    paths = table["path"].tolist()
    columns = {"image": paths, "biomarkers": patients}
    inputs = encoded(schema, columns, table, data_dir)
    note = NOTE + findings(schema, columns, inputs)
    return Samples(inputs, {"diagnosis": targets}, note, ids=paths, groups=table["lesion_id"].to_numpy(str))


def _known(word):
    return None if word in ("", UNKNOWN) else word
