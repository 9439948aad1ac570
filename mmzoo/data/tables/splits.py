"""Training, validation and test rows of a table: as a column says, at random, by groups, or by time."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import pandas as pd

from mmzoo.data.tables.table import read_table
from mmzoo.encoding.split_words import SPLIT_WORDS, split_of

SPLITS = tuple(SPLIT_WORDS)
# Of a target with more distinct values than this, no share is kept the same in all splits.
_MOST_STRATA = 100
# Of a value with fewer rows the share in each split is left to chance.
_RARE = 8


def is_split_column(values: pd.Series) -> bool:
    """Whether a column says which split each row belongs to: "train" and another, in one of the `SPLIT_WORDS`."""
    # Not by pandas: its texts may be no others than UTF-8.
    found = {str(cell).strip().lower() for cell in values.dropna().tolist()} - {""}
    splits = {split_of(word) for word in found}
    return None not in splits and "train" in splits and len(splits) > 1


def unknown_splits(values: pd.Series) -> np.ndarray:
    """Positions of the cells that name no split."""
    return np.flatnonzero([split_of(str(word)) is None for word in values.astype(object).fillna("").tolist()])


def split_table(
    table: str | os.PathLike | pd.DataFrame,
    *,
    target: str | None = None,
    column: str | None = None,
    group: str | None = None,
    time: str | None = None,
    shares: Sequence[float] = (0.70, 0.15, 0.15),
    seed: int = 0,
) -> dict[str, pd.DataFrame]:
    """Divides a table's rows into training, validation (early stopping, choices) and test (the figures to quote).

    Args:
        table: a DataFrame or the path of a CSV file.
        target: a column whose values get the same share in each split, as far as their numbers allow (not with `time`).
        column: says which split each row belongs to ("train", "val", "test", ...). Where it knows no test rows, its
            validation rows are the test, since they are what its author measures on; a missing validation split is
            taken from the training rows.
        group: rows that are alike in this column (a patient, a track, a day) stay in one split.
        time: a column of ISO dates or numbers: the latest rows are the test, those before them the validation.
        shares: of training, validation and test, where no column says.
        seed: of the draw.

    Returns:
        {"train": rows, "validation": rows, "test": rows}; the index of each row is that of the table.

    Raises:
        ValueError: no such column, an unknown word in it, a time that can't be read, shares that are none, or fewer
            rows or groups than splits; the message names column and row.
    """
    frame, source = read_table(table)
    for name in (target, column, group, time):
        if name is not None and name not in frame.columns:
            raise ValueError(f"{source}: no column {name!r}; the columns are {list(frame.columns)}")
    if column is not None and time is not None:
        raise ValueError(f"give column={column!r} or time={time!r}, not both")
    if len(shares) != 3 or min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"shares: expected three numbers above 0 that sum to 1, got {tuple(shares)}")
    rows = np.arange(len(frame))
    if column is not None:
        places = _by_column(frame, column, group, target, shares, seed, source)
    elif time is not None:
        places = _by_time(frame, time, group, shares, source)
    else:
        rest, test = _draw(frame, rows, shares[2], group, target, seed, source)
        train, validation = _draw(frame, rest, shares[1] / (shares[0] + shares[1]), group, target, seed + 1, source)
        places = {"train": train, "validation": validation, "test": test}
    empty = [name for name in SPLITS if not len(places[name])]
    if empty:
        raise ValueError(f"{source}: no rows for {empty[0]}; {len(frame)} rows are too few, or the groups too large")
    return {name: frame.iloc[np.sort(places[name])] for name in SPLITS}


def _by_column(frame, column, group, target, shares, seed, source):
    unknown = unknown_splits(frame[column])
    if unknown.size:
        row, words = frame.index[unknown[0]], sorted(word for names in SPLIT_WORDS.values() for word in names)
        raise ValueError(
            f"{source}, row {row}, column {column!r}: expected one of {words}, got "
            f"{frame[column].iloc[unknown[0]]!r}; {unknown.size} such rows"
        )
    splits = frame[column].astype(str).map(split_of).to_numpy()
    places = {name: np.flatnonzero(splits == name) for name in SPLITS}
    if not len(places["test"]):
        places["test"], places["validation"] = places["validation"], places["test"]
    if not len(places["validation"]) and len(places["train"]):
        share = shares[1] / (shares[0] + shares[1])
        places["train"], places["validation"] = _draw(frame, places["train"], share, group, target, seed, source)
    return places


def _by_time(frame, time, group, shares, source):
    cells = frame[time]
    moments = pd.to_numeric(cells, errors="coerce")
    if moments.isna().any():
        moments = pd.to_datetime(cells, errors="coerce", format="ISO8601", utc=True)
    bad = np.flatnonzero(moments.isna())
    if bad.size:
        raise ValueError(
            f"{source}, row {frame.index[bad[0]]}, column {time!r}: expected an ISO date or a number, got "
            f"{cells.iloc[bad[0]]!r}; {bad.size} such rows"
        )
    if group is not None:
        # A group counts by its last row, so that nothing of the test's groups is trained on.
        moments = moments.groupby(frame[group].astype(str)).transform("max")
    order = np.argsort(moments.to_numpy(), kind="stable")
    ends = np.cumsum(np.array(shares) * len(order)).round().astype(int)
    if group is not None:
        keys = frame[group].astype(str).to_numpy()[order]
        for i in (0, 1):
            while 0 < ends[i] < len(order) and keys[ends[i] - 1] == keys[ends[i]]:
                ends[i] += 1
    return dict(zip(SPLITS, np.split(order, ends[:2]), strict=True))


def _draw(frame, rows, share, group, target, seed, source):
    """(rest, drawn): `share` of the rows, by whole groups, each value of the target as often in both as can be."""
    from sklearn.model_selection import GroupShuffleSplit, StratifiedGroupKFold, train_test_split

    if len(rows) < 2:
        raise ValueError(f"{source}: {len(rows)} rows are too few to split")
    strata = _strata(frame, rows, target)
    if group is None:
        counts = np.unique(strata, return_counts=True)[1]
        drawn = max(1, round(share * len(rows)))
        # scikit-learn asks for a row of each value in both parts.
        fits = len(counts) > 1 and counts.min() >= 2 and min(drawn, len(rows) - drawn) >= len(counts)
        rest, held = train_test_split(rows, test_size=drawn, stratify=strata if fits else None, random_state=seed)
        return rest, held
    keys = frame[group].astype(str).to_numpy()[rows]
    if len(np.unique(keys)) < 2:
        raise ValueError(f"{source}: column {group!r} has one value only; expected several groups to split")
    folds = round(1 / share)
    if 2 <= folds <= len(np.unique(keys)) and len(np.unique(strata)) > 1:
        splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    else:
        splitter = GroupShuffleSplit(1, test_size=share, random_state=seed)
    rest, held = next(splitter.split(rows, strata, keys))
    return rows[rest], rows[held]


def _strata(frame, rows, target):
    """A number for each row's target; rare values share one, and so do all of a target with very many."""
    if target is None:
        return np.zeros(len(rows), int)
    codes, values = pd.factorize(frame[target].astype(str).to_numpy()[rows])
    counts = np.bincount(codes, minlength=len(values))
    if len(values) > _MOST_STRATA:
        return np.zeros(len(rows), int)
    rare = counts[codes] < _RARE
    # All rare values are one stratum; if even that is rare, they go with the most frequent value.
    return np.where(rare, len(values) if rare.sum() >= _RARE else counts.argmax(), codes)
