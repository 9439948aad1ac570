"""Who had what, and when: tables of interactions as histories with the item that came next.

Interactions are sorted by user and time; two of one user at the same time stay in the order of the table. A user's rows
are only ever what lies before the item to be predicted, and that item is never among them.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
from collections.abc import Callable, Mapping

import numpy as np

from mmzoo.schema import Sensors

# Rows of a table that are read at a time, and rows that a model learns from at most.
_CHUNK, MOST_ROWS = 50_000, 200_000
# Scores of all items that are kept of the users who are measured, at most: 40 MB.
MOST_SCORES = 10_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class Interactions:
    """A table of interactions, by user and time.

    Attributes:
        users: names, in order of their first row; those of the rows are places in it.
        user: int32 (N,).
        item: int32 (N,), places of items.
        time: float64 (N,), seconds since 1970.
        part: (N,) words of the column that says what a row is for; "" where there is none.
        notes: what was left out, in words.
    """

    users: list[str]
    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    part: np.ndarray
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.user)

    def take(self, rows: np.ndarray) -> Interactions:
        """Some of the rows, by mask or number."""
        kept = {name: getattr(self, name)[rows] for name in ("user", "item", "time", "part")}
        return dataclasses.replace(self, **kept)


def read_interactions(
    path: str | os.PathLike, item_of: Callable[[str], int], columns: Mapping[str, str], users: list[str] | None = None
) -> Interactions:
    """A table of interactions, sorted; some rows at a time, so that a long one needs little memory.

    Args:
        path: a table, see `mmzoo.encoding.tables.open_table`.
        item_of: cell -> place of the item; -1 for one that is not known, whose rows are left out and counted.
        columns: "user", "item", "time" and perhaps "part" -> name of the column.
        users: names that have a place already; extended.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a column is missing, a cell is empty, or a time is no number; the message names file and row.
    """
    from mmzoo.data.tables.frames import read_frames

    users = [] if users is None else users
    places = {name: place for place, name in enumerate(users)}
    parts: dict[str, list[np.ndarray]] = {"user": [], "item": [], "time": [], "part": []}
    for frame in read_frames(path, _CHUNK):
        missing = [name for name in columns.values() if name not in frame]
        if missing:
            raise ValueError(f"{path}: no column {missing[0]!r}; expected {list(columns.values())}, got {list(frame)}")
        for word in ("user", "item"):
            empty = frame.index[frame[columns[word]].str.strip() == ""]
            if len(empty):
                raise ValueError(f"{path}: row {empty[0]}: the {columns[word]} is empty; each row needs one")
        names = frame[columns["user"]].str.strip()
        for name in dict.fromkeys(names):
            if name not in places:
                places[name] = len(users)
                users.append(name)
        items = {cell: item_of(cell) for cell in frame[columns["item"]].unique()}
        parts["user"].append(names.map(places).to_numpy(np.int32))
        parts["item"].append(frame[columns["item"]].map(items).to_numpy(np.int32))
        parts["time"].append(_times(frame, columns["time"], path))
        parts["part"].append(
            frame[columns["part"]].to_numpy(str) if "part" in columns else np.zeros(len(frame), "U1")
        )  # fmt: skip
    if not parts["user"]:
        raise ValueError(f"{path}: no rows")
    rows = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return in_order(Interactions(users, **rows))


def in_order(interactions: Interactions) -> Interactions:
    """Sorted by user and time, without items that are not known (-1) and without what a user has a second time.

    Returns:
        The same with `notes` that say what was left out, what had to be sorted, and how many share their second.
    """
    notes = list(interactions.notes)
    known = interactions.item >= 0
    if not known.all():
        notes.append(f"{(~known).sum():,} interactions with items that are not known left out")
        interactions = interactions.take(known)
    interactions = interactions.take(np.argsort(interactions.user, kind="stable"))
    moved = int((_later(interactions) < 0).sum())
    if moved:
        notes.append(f"{moved:,} rows were older than the one before of their user: sorted by time")
    interactions = interactions.take(np.lexsort((interactions.time, interactions.user)))
    pairs = interactions.user.astype(np.int64) * (1 + int(interactions.item.max(initial=0))) + interactions.item
    first = np.zeros(len(pairs), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    if not first.all():
        notes.append(f"{(~first).sum():,} interactions with an item that the user had had already left out")
        interactions = interactions.take(first)
    same = int((_later(interactions) == 0).sum())
    if same:
        notes.append(f"{same:,} of {len(interactions):,} interactions share their second with the one before of their "
                     "user: the table's order decides")  # fmt: skip
    return dataclasses.replace(interactions, notes=tuple(notes))


def histories(interactions: Interactions, rows: np.ndarray, length: int) -> np.ndarray:
    """What the users of some rows had had before them: int32 (rows, length), places + 1, the newest last, 0 in front.

    Args:
        interactions: sorted.
        rows: numbers of rows.
        length: how many of the newest.
    """
    starts, found = _starts(interactions)[rows], np.zeros((len(rows), length), np.int32)
    # In parts, as the places take eight times the bytes of what is kept.
    for begin in range(0, len(rows), _CHUNK // 5):
        part = slice(begin, begin + _CHUNK // 5)
        places = rows[part, None] - length + np.arange(length)
        found[part] = np.where(places >= starts[part, None], interactions.item[np.maximum(places, 0)] + 1, 0)
    return found


def answers(interactions: Interactions, rows: np.ndarray) -> np.ndarray:
    """The items of some rows, and all that their users had had before: targets int32 (rows, 1 + S), see `Ranking`."""
    starts = _starts(interactions)[rows]
    found = np.full((len(rows), 1 + int((rows - starts).max(initial=0))), -1, np.int32)
    found[:, 0] = interactions.item[rows]
    for place, (start, row) in enumerate(zip(starts, rows, strict=True)):
        found[place, 1 : 1 + row - start] = interactions.item[start:row]
    return found


def last_rows(interactions: Interactions) -> np.ndarray:
    """The number of each user's last row."""
    return np.flatnonzero(np.r_[interactions.user[1:] != interactions.user[:-1], True])


def spread(rows: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some rows, evenly spread."""
    return rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]


def moments(times: np.ndarray, kind: Sensors) -> np.ndarray:
    """Time of day and weekday (UTC), of those fields that there are: float32 (N, fields), others missing.

    Args:
        times: seconds since 1970 (N,).
        kind: of the input; its fields `time` (a `TimeOfDay`) and `weekday` (seven categories from Monday) are filled.
    """
    rows = np.repeat(kind.missing()[None], len(times), axis=0)
    names = [field.name for field in kind.fields]
    days = np.floor(times / 86_400)
    weekdays = (days + datetime.date(1970, 1, 1).weekday()) % 7
    values = {"time": (times - 86_400 * days) / 240, "weekday": weekdays}
    for name, numbers in values.items():
        if name in names:
            rows[:, names.index(name)] = numbers
    return rows


def _starts(interactions):
    """For each row the number of its user's first."""
    first = np.r_[True, interactions.user[1:] != interactions.user[:-1]][: len(interactions)]
    return np.maximum.accumulate(np.where(first, np.arange(len(interactions)), 0))


def _later(interactions):
    """How much later each row is than the one before, NaN where that is another user's."""
    same = interactions.user[1:] == interactions.user[:-1]
    return np.where(same, np.diff(interactions.time), np.nan)


def _times(frame, column, path):
    """Seconds since 1970 of numbers or ISO 8601 dates."""
    import pandas as pd

    numbers = pd.to_numeric(frame[column].str.strip(), errors="coerce")
    if numbers.isna().all():
        dates = pd.to_datetime(frame[column].str.strip(), errors="coerce", utc=True, format="ISO8601")
        numbers = (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    wrong = frame.index[~np.isfinite(numbers.to_numpy(float))]
    if len(wrong):
        raise ValueError(
            f"{path}: row {wrong[0]}, column {column!r}: expected seconds since 1970 or, in all rows, ISO 8601 dates, "
            f"got {frame[column][wrong[0]]!r:.80}"
        )
    return numbers.to_numpy(np.float64)
