"""easy-VQA (Victor Zhou, 2019, MIT): drawings of one coloured shape, 64 x 64, and questions about it in English.

A folder holds metadata.csv (image, question, answer) and the drawings; some ten rows ask about the same one. **Drawings
and questions are made by a program**: 107 different questions, 13 answers. A tenth of the *drawings*, those whose name
has a certain hash, is for validation with all that is asked about them.

What the questions are worth without the drawings: always the commonest answer to the same question, 67 % (to "does the
image not contain a red shape?" it is "yes").
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, hashed_part, read_metadata, refuse_empty
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

NOTE = "pictures and questions simulated: drawn and written by a program"
COLUMNS = ("image", "question", "answer")


@data_set(
    about="easy-VQA, drawings of one coloured shape and questions about it",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the drawings",
    licence="MIT (github.com/vzhou842/easy-VQA)",
    weights_may_ship=True,
    group="drawing",
)
def load_easy_vqa(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Drawings, questions and answers of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `image` and `question` are encoded, any other is missing; `answer` knows the answers.
        fold: None, there is one split.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one drawing; the target `answer` is int32 (N,).

    Raises:
        FileNotFoundError: the table or a drawing is missing.
        ValueError: an empty question, an answer that the model doesn't know, or a broken drawing; the message names
            file and row.
    """
    table = read_metadata(data_dir, COLUMNS)
    refuse_empty(table, "question", data_dir)
    if split != ALL:
        held_out = table["image"].map(is_validation).to_numpy(bool)
        table = table[~held_out if split == TRAIN else held_out]
    if limit is not None and limit < len(table):
        table = table.iloc[np.arange(limit) * len(table) // limit]
    pictures, questions = table["image"].tolist(), table["question"].tolist()
    answers = classes_of(table, "answer", schema["answer"].classes, data_dir)
    columns = {"image": pictures, "question": questions}
    inputs = encoded(schema, columns, table, data_dir)
    ids = [f"{picture}: {question}" for picture, question in zip(pictures, questions, strict=True)]
    raw = {"question": questions} if "question" in inputs else {}
    note = NOTE + findings(schema, columns, inputs)
    return Samples(inputs, {"answer": answers}, note, ids=ids, groups=np.array(pictures), raw=raw)


def is_validation(path: str) -> bool:
    """Whether a drawing is held out.

    Args:
        path: of the drawing, in any folder.
    """
    return hashed_part(f"easy_vqa/{path.rsplit('/', 1)[-1]}", 10) == 9
