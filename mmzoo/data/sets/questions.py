"""Questions about a text whose answer is a part of it: SQuAD's development set in English, two sets in Chinese.

    squad_dev         Wikipedia, English (Rajpurkar et al., EMNLP 2016); split by article
    cmrc2018          Wikipedia, Chinese (Cui et al., EMNLP 2019); split by text
    dureader_robust   pages of the web, Chinese (Tang et al., ACL 2021); split by text

A folder holds metadata.csv.gz (title, context, question, answer, answer_start, answers). `answers` is a JSON list of
all texts that count as right; the one to learn from is `answer`, at the character `answer_start`. Where that is a guess
(SQuAD's, of an answer that stands in its text twice; some 2 % are wrong) the figures are not touched: they are of
texts.

Texts longer than a model reads are cut; answers that stand beyond stay, as questions that it can't get right, and are
counted. A row whose answer does not stand in its text is an error that names it.
"""

from __future__ import annotations

import json
import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, findings, hashed_part, numbers_of, read_metadata, refuse_empty
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema
from mmzoo.schema.outputs.span import NO_STEP

COLUMNS = ("context", "question", "answer", "answer_start", "answers")


def _questions(name: str, about: str, licence: str, *, group: str, parts: int, held_out: int, **more):
    """The data set of one folder.

    Args:
        name: of the data set.
        about: what it is.
        licence: of it.
        group: column of what is held out as a whole.
        parts: how many parts the groups fall into by their hash.
        held_out: which of them is for validation.
        **more: of `data_set`.
    """

    def load(data_dir, split, *, schema, fold=None, seed=0, limit=None) -> Samples:
        table = read_metadata(data_dir, (*COLUMNS, group))
        is_held_out = np.array([hashed_part(f"{name}/{key}", parts) == held_out for key in table[group]], bool)
        if split != ALL:
            table = table[~is_held_out if split == TRAIN else is_held_out]
        if limit is not None and limit < len(table):
            table = table.iloc[np.arange(limit) * len(table) // limit]
        return _read(table, data_dir, schema, f"{about}, nothing simulated", group)

    load.__name__ = f"load_{name}"
    load.__doc__ = f"{about[0].upper()}{about[1:]}; see the module."
    layout = f"{FILE}.gz ({', '.join(dict.fromkeys((*COLUMNS, group)))})"
    group_word = {"title": "article", "context": "text"}[group]
    return data_set(about=about, layout=layout, licence=licence, group=group_word, **more)(load)


def _read(table, data_dir: pathlib.Path, schema: Schema, note: str, group: str) -> Samples:
    """The questions of some rows, in the order of the table."""
    ((name, kind),) = schema.predicted.items()
    for column in ("context", "question", "answer"):
        refuse_empty(table, column, data_dir)
    columns = {"question": table["question"].tolist(), kind.of: table["context"].tolist()}
    places = [f"{data_dir / FILE}: row {row}" for row in table.index]
    starts = numbers_of(table, "answer_start", data_dir).astype(int).tolist()
    answers = [
        [first, *(one for one in _answers(cell, place) if one != first)]
        for first, cell, place in zip(table["answer"], table["answers"], places, strict=True)
    ]
    targets = np.array(
        [
            kind.target(context, texts, start, place)
            for context, texts, start, place in zip(columns[kind.of], answers, starts, places, strict=True)
        ],
        object,
    )
    inputs = encoded(schema, columns, table, data_dir)
    note += findings(schema, columns, inputs)
    steps = [json.loads(target)["steps"] for target in targets]
    beyond = sum(NO_STEP in pair for pair in steps)
    long = sum(last - first >= kind.longest for first, last in steps)
    note += f"; answer beyond what is read in {beyond:,} of {len(table):,}" if beyond else ""
    note += f"; answer of more than {kind.longest} steps in {long:,}" if long else ""
    ids = table["id"].tolist() if "id" in table else [f"row {row}" for row in table.index]
    return Samples(
        inputs,
        {name: targets},
        note,
        ids=ids,
        groups=table[group].to_numpy(object),
        raw={**columns, "answers": answers},
    )


def _answers(cell, place):
    try:
        answers = json.loads(cell)
    except ValueError as error:
        raise ValueError(f"{place}: answers: expected a JSON list of texts, got {cell!r:.60} ({error})") from error
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise ValueError(f"{place}: answers: expected a JSON list of texts, got {cell!r:.60}")
    return answers


load_squad_dev = _questions(
    "squad_dev",
    "questions about Wikipedia (SQuAD 1.1, development set, English)",
    "CC BY-SA 4.0",
    group="title",
    parts=5,
    held_out=3,
    weights_may_ship=True,
    weights_licence="CC BY-SA 4.0",
)
load_cmrc2018 = _questions(
    "cmrc2018",
    "questions about Wikipedia (CMRC 2018, Chinese)",
    "CC BY-SA 4.0",
    group="context",
    parts=8,
    held_out=0,
    weights_may_ship=True,
    weights_licence="CC BY-SA 4.0",
)
load_dureader_robust = _questions(
    "dureader_robust",
    "questions to a search engine about pages of the web (DuReader-robust, Chinese)",
    "an agreement with the participants of a challenge of 2020",
    group="context",
    parts=8,
    held_out=1,
    weights_may_ship=False,
)
