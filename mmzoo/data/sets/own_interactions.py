"""A table of your own: who had what, and when.

A folder holds interactions.csv (or .csv.gz) with the columns user, item and time (seconds since 1970, or ISO 8601
dates). The last item of each user with at least two is for validation, all before it for training. An item that a user
has a second time counts the first time only, and both this and what shares a second is said in the note.
"""

from __future__ import annotations

import os
import pathlib

import numpy as np

from mmzoo.data.interactions import (
    MOST_ROWS,
    MOST_SCORES,
    answers,
    histories,
    last_rows,
    moments,
    read_interactions,
    spread,
)
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.encoding.history import SEPARATOR
from mmzoo.schema import Schema

TABLES = ("interactions.csv", "interactions.csv.gz")
COLUMNS = {"user": "user", "item": "item", "time": "time"}
NOTE = "a table of one's own"


@data_set(
    about="a table of your own: user, item, time",
    layout=f"{TABLES[0]} ({', '.join(COLUMNS)})",
    licence="yours",
    weights_may_ship=False,
)
def load_interactions(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Histories, moments and the item that came next.

    Args:
        data_dir: the folder.
        split: "train"; "validation", the last item of each user; or "all".
        schema: of a model that ranks the items of `items_of`; what is not among them is left out and counted.
        fold: there is one split.
        seed: nothing is drawn.
        limit: at most so many samples, evenly spread.

    Returns:
        Samples in groups of one user. Targets are int32 (N,) of "train", else (N, 1 + S), see `Ranking`.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: a broken one, see `read_interactions`, or one of users with a single item each.
    """
    (name,) = schema.predicted
    places = {item: place for place, item in enumerate(schema[name].items)}
    path = table_of(data_dir)
    table = read_interactions(path, lambda cell: places.get(cell.strip(), -1), COLUMNS)
    last = last_rows(table)
    last = last[np.isin(last - 1, np.flatnonzero(table.user[1:] == table.user[:-1]))]
    if not len(last):
        raise ValueError(f"{path}: no user has two items; there is nothing to learn what comes next from")
    everything = np.arange(len(table))
    rows = {TRAIN: np.setdiff1d(everything, last), ALL: everything}.get(split, last)
    is_measured = split not in (TRAIN, ALL)
    most = max(1, MOST_SCORES // len(places)) if is_measured else MOST_ROWS
    kept = spread(rows, min(limit or most, most))
    note = "; ".join([NOTE, *table.notes])
    if len(kept) < len(rows) and limit is None:
        note += f"; {len(kept):,} of {len(rows):,} rows, evenly spread"
    inputs = {key: np.repeat(kind.missing()[None], len(kept), axis=0) for key, kind in schema.inputs.items()}
    inputs["history"] = histories(table, kept, schema["history"].length)
    if "context" in inputs:
        inputs["context"] = moments(table.time[kept], schema["context"])
    targets = answers(table, kept) if is_measured else table.item[kept]
    ids = [f"{table.users[table.user[row]]}: {int(table.time[row])}: {table.item[row]}" for row in kept]
    return Samples(inputs, {name: targets}, note, ids=ids, groups=table.user[kept])


def items_of(folder: str | os.PathLike) -> tuple[str, ...]:
    """The items of a table, the most frequent first.

    Raises:
        FileNotFoundError: there is no table.
        ValueError: a broken one, or an item whose name a history can't hold; the message names the item.
    """
    path = table_of(pathlib.Path(folder))
    names: dict[str, int] = {}
    table = read_interactions(path, lambda cell: names.setdefault(cell.strip(), len(names)), COLUMNS)
    bad = next((name for name in names if SEPARATOR in name), None)
    if bad is not None:
        raise ValueError(f"{path}: item {bad!r:.80}: {SEPARATOR!r} stands between items; write another sign there")
    order = np.argsort(-np.bincount(table.item, minlength=len(names)), kind="stable")
    known = list(names)
    return tuple(known[place] for place in order)


def table_of(folder: pathlib.Path) -> pathlib.Path:
    """The path of the table in a folder.

    Raises:
        FileNotFoundError: there is none.
    """
    for name in TABLES:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder}: no {' or '.join(TABLES)}; expected the columns {', '.join(COLUMNS)}")
