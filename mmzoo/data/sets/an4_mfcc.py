"""CMU AN4, the census database (Acero, 1990): people spell names and say numbers and commands; no sounds, but 13
cepstral coefficients of each of 100 frames a second.

A folder holds metadata.csv (utt_id, text; to split it also speaker) and features.npz, an array (frames, 13) by utt_id.
A fifth of the people, by a hash of who it is, is for validation, so that nobody is on both sides; some texts ("YES")
are said by many.
"""

from __future__ import annotations

import pathlib
import zipfile

import numpy as np

from mmzoo.data.samples.metadata import FILE, hashed_part, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.data.sets.utterances import read_utterances
from mmzoo.models.schemas.speech import CEPSTRA, COEFFICIENTS, FRAMES_A_SECOND
from mmzoo.schema import Schema

FEATURES = "features.npz"
FOLDS = 5
_COLUMNS = ("utt_id", "text")


@data_set(
    about="names spelled, numbers and commands: CMU AN4 as cepstral coefficients",
    layout=f"{FILE} ({', '.join(_COLUMNS)}; to split it also speaker) and {FEATURES}",
    licence="CMU's, of the BSD kind: free for use for any purpose",
    weights_may_ship=True,
    folds=FOLDS,
    group="speaker",
)
def load_an4_mfcc(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Coefficients and texts of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: of the speech model that hears coefficients.
        fold: 0..4, which fifth of the people "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Raises:
        FileNotFoundError: the table or the file of coefficients is missing.
        ValueError: a row without coefficients, others than 13 a frame, or see
            `mmzoo.data.sets.utterances.read_utterances`; the message names file and row.
    """
    table = read_metadata(data_dir, _COLUMNS if split == ALL else (*_COLUMNS, "speaker"))
    if split != ALL:
        held_out = table["speaker"].map(lambda who: hashed_part(f"an4_mfcc/{who}", FOLDS) == (fold or 0))
        held_out = held_out.to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    names = table["utt_id"].tolist()
    coefficients = _coefficients(data_dir, names, table.index)
    return read_utterances(
        table,
        data_dir,
        split,
        schema=schema,
        raw={COEFFICIENTS: coefficients},
        seconds=lambda place: len(coefficients[place]) / FRAMES_A_SECOND,
        ids=names,
        groups=table["speaker"].to_numpy(str) if "speaker" in table else None,
        note="coefficients and texts real, nothing simulated; there are no sounds",
        limit=limit,
    )


def _coefficients(data_dir, names, rows) -> list[np.ndarray]:
    path = data_dir / FEATURES
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; it holds an array (frames, {len(CEPSTRA)}) by utt_id")
    found = []
    try:
        with np.load(path, allow_pickle=False) as file:
            for name, row in zip(names, rows, strict=True):
                if name not in file:
                    raise ValueError(f"{data_dir / FILE}: row {row}: {FEATURES} has nothing of {name!r}")
                array = file[name]
                if array.ndim != 2 or array.shape[1] != len(CEPSTRA) or array.dtype.kind != "f" or not len(array):
                    raise ValueError(
                        f"{path}: {name!r}: expected numbers (frames, {len(CEPSTRA)}), got {array.dtype} {array.shape}"
                    )
                found.append(array.astype(np.float32))
    except (zipfile.BadZipFile, EOFError) as error:
        raise ValueError(f"{path}: not a file of arrays ({error})") from error
    return found
