"""MovieLens (Harper & Konstan, "The MovieLens datasets", TiiS 2015): which films who rated, and when.

A folder holds metadata.csv.gz (userId, movieId, rating, timestamp, split), items.csv or items.csv.gz (movieId, title)
and, of ml-100k, users.csv (userId, age, gender, occupation). What is predicted is the next film that a user rates,
however many stars it gets. The last film of each user is kept apart, and the one before it is for validation:

- "train": each film that stands there as "train", with what its user had rated before;
- "validation": the films that stand there as "val";
- "all": of a folder that holds films kept apart ("test") those alone, else the films of both.

A folder kept apart may hold nothing but these last films. Then `before` names the folder with what came before them,
and with the lists of films and users.

Users rated in sittings: 44 % (ml-100k) and 19 % (small) of the last two share a second, so the last is partly chance.
The moment is in UTC, as nobody said where users live.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Mapping

import numpy as np

from mmzoo.data.interactions import (
    MOST_ROWS,
    MOST_SCORES,
    Interactions,
    answers,
    histories,
    in_order,
    moments,
    read_interactions,
    spread,
)
from mmzoo.data.samples.samples import ALL, TRAIN, Option, Samples, data_set
from mmzoo.schema import Schema

TABLE, USERS = ("metadata.csv.gz", "metadata.csv"), ("users.csv.gz", "users.csv")
ITEMS = ("items.csv.gz", "items.csv")
COLUMNS = {"user": "userId", "item": "movieId", "time": "timestamp", "part": "split"}
NOTE = "films, times and users real, nothing simulated"
_WORDS = {"train": ("train",), "validation": ("val",)}

_BEFORE = Option(pathlib.Path, None, "Folder with what came before the last films, where they lie alone.")
_LICENCE = "GroupLens usage licence: research, no commercial use, no redistribution without permission"


def _load(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    before: pathlib.Path | None = None,
) -> Samples:
    """Histories, users, moments and the film that came next.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", see above.
        schema: of a model that ranks the films of `film_names`.
        fold: there is one split.
        seed: nothing is drawn.
        limit: at most so many samples, evenly spread.
        before: folder with what came before, where the last films lie alone.

    Returns:
        Samples in groups of one user. Targets are int32 (N,) of "train", else (N, 1 + S), see `Ranking`.

    Raises:
        FileNotFoundError: a file is missing.
        ValueError: a broken table, or films of which nobody says what came before; the message names the file.
    """
    (name,) = (name for name in schema.predicted)
    known = {film: place for place, film in enumerate(schema[name].items)}
    named = film_names(data_dir if before is None else before)
    places = {film: known.get(title, -1) for film, title in named.items()}
    if not any(place >= 0 for place in places.values()):
        raise ValueError(f"{data_dir}: none of the films is an item of the model; it ranks {list(known)[:3]} ...")
    table = _whole_table(data_dir, before, places)
    rows = _rows_of(table, split, data_dir)
    note = "; ".join([NOTE, *table.notes])
    if split == TRAIN or (split == ALL and not (table.part == "test").any()):
        kept = spread(rows, min(limit or MOST_ROWS, MOST_ROWS))
        targets = table.item[kept]
    else:
        most = max(1, MOST_SCORES // len(known))
        kept = spread(rows, min(limit or most, most))
        targets = answers(table, kept)
    if len(kept) < len(rows) and limit is None:
        note += f"; {len(kept):,} of {len(rows):,}, evenly spread"
    inputs = {}
    for key, kind in schema.inputs.items():
        if key == "history":
            inputs[key] = histories(table, kept, kind.length)
        elif key == "user":
            inputs[key] = _users(data_dir if before is None else before, table, kept, kind)
        elif key == "context":
            inputs[key] = moments(table.time[kept], kind)
        else:
            inputs[key] = np.repeat(kind.missing()[None], len(kept), axis=0)
    ids = [f"{table.users[table.user[row]]}: {int(table.time[row])}: {table.item[row]}" for row in kept]
    return Samples(inputs, {name: targets}, note, ids=ids, groups=table.user[kept])


def film_names(folder: pathlib.Path) -> dict[str, str]:
    """Number of a film -> its title; of several with one title each has its number behind it.

    Raises:
        FileNotFoundError: the folder has no list of films.
        ValueError: it is broken.
    """
    frame = _read(folder, ITEMS, ("movieId", "title"))
    titles = frame["title"].str.strip().str.replace("|", "/", regex=False)
    twice = titles.duplicated(keep=False)
    titles = titles.where(~twice, titles + " #" + frame["movieId"])
    return dict(zip(frame["movieId"], titles, strict=True))


def _whole_table(data_dir, before, places) -> Interactions:
    """The interactions of a folder, and those before them in another, in the order of time."""
    table = read_interactions(_file(data_dir, TABLE), lambda cell: places.get(cell, -1), COLUMNS)
    if before is None:
        return table
    users = list(table.users)
    earlier = read_interactions(_file(before, TABLE), lambda cell: places.get(cell, -1), COLUMNS, users)
    # What lies in both counts as kept apart; what came before goes first where it shares a second.
    joined = {
        name: np.concatenate([getattr(earlier, name), getattr(table, name)])
        for name in ("user", "item", "time", "part")
    }
    notes = tuple(f"of what came before, {note}" for note in earlier.notes)
    return in_order(dataclasses.replace(table, users=users, notes=notes, **joined))


def _rows_of(table, split, folder):
    words = _WORDS.get(split) or (("test",) if (table.part == "test").any() else ("train", "val"))
    rows = np.flatnonzero(np.isin(table.part, words))
    if not len(rows):
        raise ValueError(f"{folder}: no row for {split!r}; its column 'split' says {sorted(set(table.part))}")
    if words == ("test",) and len(table) == len(rows):
        raise ValueError(
            f"{folder}: holds the last film of each user and nothing before it; give the folder with the films before "
            "them: --before DIR"
        )
    return rows


def _users(folder, table, rows, kind):
    """Age, gender and occupation of the users of some rows; missing where the folder has no list of users."""
    if not any((folder / name).is_file() for name in USERS):
        return np.repeat(kind.missing()[None], len(rows), axis=0)
    frame = _read(folder, USERS, ("userId", *(field.name for field in kind.fields)))
    found = {
        user: np.array([field.encode(field.parse_cell(row[field.name], place), place) for field in kind.fields])
        for user, row, place in (
            (row["userId"], row, f"{folder / USERS[-1]}: user {row['userId']}") for row in frame.to_dict("records")
        )
    }
    unknown = kind.missing()
    encoded = np.stack([found.get(user, unknown) for user in table.users]).astype(np.float32)
    return encoded[table.user[rows]]


def _file(folder: pathlib.Path, names: tuple[str, ...]) -> pathlib.Path:
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{folder}: no {' or '.join(names)}")


def _read(folder, names, columns):
    from mmzoo.data.tables.frames import read_frame

    path = _file(folder, names)
    frame = read_frame(path)
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ValueError(f"{path}: no column {missing[0]!r}; expected {list(columns)}, got {list(frame)}")
    return frame


def _described(about: str) -> Mapping:
    return {
        "about": about,
        "layout": f"{TABLE[0]} ({', '.join(COLUMNS.values())}), {ITEMS[1]} (movieId, title) and, if known, {USERS[1]}",
        "licence": _LICENCE,
        "weights_may_ship": False,
        "options": {"before": _BEFORE},
    }


@data_set(**_described("MovieLens ml-latest-small: 610 users, 9,742 films"))
def load_movielens_small(data_dir, split, **given) -> Samples:
    """See `_load`."""
    return _load(data_dir, split, **given)


@data_set(**_described("MovieLens 100K: 943 users with age, gender and occupation, 1,682 films"))
def load_movielens_100k(data_dir, split, **given) -> Samples:
    """See `_load`."""
    return _load(data_dir, split, **given)
