"""The first look at a table of any size: every cell is read and checked, a chunk at a time, and set down on disk.

What stays in memory is some 30 bytes a row: a hash that finds duplicates, the row's number, its split and its group.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import pickle
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.data.tables.cells import Problem, duplicate, tell
from mmzoo.data.tables.manifest import Manifest, read_cells
from mmzoo.data.tables.table import choose_columns, read_chunks
from mmzoo.encoding.split_words import split_of
from mmzoo.schema import Schema

CHUNK_ROWS = 1_000
# The split of a row that is left out.
NO_SPLIT = -1


@dataclasses.dataclass
class CheckedTable:
    """A table whose good rows lie encoded, but for the pictures and sounds, in a folder of chunks.

    Attributes:
        source: the table's name.
        chunks: the files, each a pickled `Manifest`, in the table's order.
        starts: position in the table of each chunk's first row, and the number of rows.
        splits: names.
        split_of: int16 (rows,): the index of each row's split, `NO_SPLIT` where it is left out.
        problems: position of the row -> what is wrong with it.
    """

    source: str
    chunks: list[pathlib.Path]
    starts: list[int]
    splits: list[str]
    split_of: np.ndarray
    problems: dict[int, list[Problem]]

    def parts(self) -> Iterator[tuple[pathlib.Path, int, np.ndarray]]:
        """(file, position of its first row, the splits of its rows) of each chunk."""
        for chunk, start, stop in zip(self.chunks, self.starts, self.starts[1:], strict=False):
            yield chunk, start, self.split_of[start:stop]


def load_chunk(path: pathlib.Path) -> Manifest:
    """The rows of a chunk, bad ones among them."""
    with open(path, "rb") as file:
        return pickle.load(file)


def check_table(
    table: str | os.PathLike | pd.DataFrame,
    schema: Schema,
    folder: pathlib.Path,
    *,
    columns: Mapping[str, str | None] | None,
    missing: Collection[str] = (),
    root: pathlib.Path,
    split: str | Mapping[str, float] | None,
    group: str | None,
    seed: int,
    allow_outside_root: bool,
    progress: Callable[[int], None],
) -> CheckedTable:
    """Reads and checks a table as `mmzoo.data.tables.manifest.read_manifest` does, and decides each row's split.

    Args:
        table, schema, columns, root, allow_outside_root: see `read_manifest`.
        folder: where the chunks go; exists.
        split: see `mmzoo.data.tables.preparing.prepare`.
        missing, group: see there.
        seed: see there.
        progress: is told the number of rows read.

    Raises:
        FileNotFoundError, ValueError, TypeError: there is no such table, it is none, or it lacks a column. What is
            wrong with single rows stands in `problems`.
    """
    column = split if isinstance(split, str) else None
    chunks, starts, rows, hashes, marks = [], [0], [], [], []
    names: dict[str, int] = {}
    problems: dict[int, list[Problem]] = {}
    source, notes = "", {}
    read_as = _of_columns(table, schema, columns, missing)
    for frame, source in read_chunks(table, CHUNK_ROWS, missing=missing):
        for name, what in ((column, "split"), (group, "group")):
            if name is not None and name not in frame.columns:
                raise ValueError(f"{source}: {what}: no column {name!r}; the columns are {list(frame.columns)}")
        manifest, reader = read_cells(
            frame,
            source,
            schema,
            columns=columns,
            root=root,
            allow_outside_root=allow_outside_root,
            read_as=read_as,
        )
        notes = reader.notes | notes
        problems |= {starts[-1] + index: found for index, found in reader.problems.items()}
        if column is not None:
            marks.append(_named_splits(frame, column, names, problems, starts[-1]))
        elif group is not None:
            marks.append(np.array([_hash(str(cell), 8) for cell in frame[group].tolist()], "S8"))
        hashes.append(_row_hashes(frame))
        rows.append(_numbers(frame.index))
        chunks.append(folder / f"chunk-{len(chunks):06d}.pickle")
        with open(chunks[-1], "wb") as file:
            pickle.dump(manifest, file)
        starts.append(starts[-1] + len(frame))
        progress(starts[-1])
    tell(source, notes)
    rows = np.concatenate(rows)
    for index, earlier in _duplicates(np.concatenate(hashes)):
        problems.setdefault(index, []).append(duplicate(_item(rows[index]), _item(rows[earlier])))
    good = np.ones(len(rows), bool)
    good[list(problems)] = False
    if column is not None:
        splits, split_of = list(names), np.concatenate(marks)
    else:
        splits = list(split) if split else ["train"]
        shares = list(split.values()) if split else [1.0]
        split_of = _random_splits(shares, good, np.concatenate(marks) if group is not None else None, seed)
    split_of = np.where(good, split_of, NO_SPLIT).astype(np.int16)
    return CheckedTable(source, chunks, starts, splits, split_of, problems)


def _of_columns(table, schema, columns, missing):
    """Output -> `Output.of_column` of the whole column; as a rule the first rows say that it is no other."""
    chosen, read_as = None, {}
    for frame, source in read_chunks(table, CHUNK_ROWS, missing=missing):
        if chosen is None:
            chosen = choose_columns(schema, list(frame.columns), columns, source, targets=True)
            undecided = {name: output for name, output in schema.predicted.items() if chosen[name, None] is not None}
        for name, output in list(undecided.items()):
            read_as[name] = output.of_column(frame[chosen[name, None]].tolist())
            if read_as[name] is output:
                del undecided[name]
        if not undecided:
            break
    return read_as


def _named_splits(frame, column, names, problems, start):
    """The index of each row's split; "val" and its like are "validation"."""
    found = []
    for index, cell in enumerate(frame[column].tolist()):
        name = "" if cell is None or cell is pd.NA or cell != cell else str(cell).strip()
        if not (name.isidentifier() and name.isascii()) or name.lower() == "all":
            wanted = "expected the name of a split: letters, digits and _, and not 'all'"
            problem = Problem(frame.index[index], column, f"{wanted}, got {name!r:.80}")
            problems.setdefault(start + index, []).append(problem)
            found.append(NO_SPLIT)
            continue
        name = split_of(name) or name
        found.append(names.setdefault(name, len(names)))
    return np.array(found, np.int16)


def _random_splits(shares, good, groups, seed):
    """The index of each row's split: by lot, the shares of the good rows kept as nearly as groups allow."""
    drawn = np.random.default_rng(seed)
    if groups is None:
        groups = np.arange(len(good))
    _, group_of = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of, weights=good).astype(np.int64)
    order = drawn.permutation(len(sizes))
    # A group goes to the split in whose share of all rows its middle row falls.
    middles = np.cumsum(sizes[order]) - sizes[order] / 2
    bounds = np.cumsum(shares) / np.sum(shares) * max(sizes.sum(), 1)
    split_of_group = np.empty(len(sizes), np.int64)
    split_of_group[order] = np.minimum(np.searchsorted(bounds, middles, "right"), len(shares) - 1)
    return split_of_group[group_of]


def _row_hashes(frame):
    columns = [map(str, frame[name].tolist()) for name in frame.columns]
    return np.array([_hash(repr(cells), 16) for cells in zip(*columns, strict=True)], "S16")


def _hash(text, size):
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=size).digest()


def _duplicates(hashes):
    """(position, position of the first row that equals it), in the table's order."""
    order = np.argsort(hashes, kind="stable")
    same = hashes[order[1:]] == hashes[order[:-1]]
    # The place in the order where the run of equal hashes starts.
    first = np.maximum.accumulate(np.where(np.concatenate([[False], same]), 0, np.arange(len(order))))
    repeated = np.flatnonzero(same) + 1
    return sorted(zip(order[repeated].tolist(), order[first[repeated]].tolist(), strict=True))


def _numbers(index):
    numbers = index.to_numpy()
    return numbers if np.issubdtype(numbers.dtype, np.integer) else numbers.astype(object)


def _item(row: Any) -> Any:
    return row.item() if isinstance(row, np.generic) else row
