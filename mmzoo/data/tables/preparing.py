"""`prepare`: a table of any size, encoded once, to sharded records that training streams from disk.

    prepared = prepare("signs.csv", schema, "signs-prepared", split={"train": 0.9, "validation": 0.1})
    mmzoo.fit(model, prepared.dataset("train", shuffle=True), prepared.dataset("validation"))

The table is checked as a whole first. TFDS then writes the records, in an order of its own, into a folder that gets its
name when it is complete.
"""

from __future__ import annotations

import collections
import csv
import hashlib
import importlib
import json
import logging
import os
import pathlib
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import pandas as pd

from mmzoo.data.tables.cells import Problem, listed
from mmzoo.data.tables.manifest import lacking_targets, tell_lacking
from mmzoo.data.tables.prepared import RECORD, SAMPLES, Prepared, open_prepared, read_record, write_record
from mmzoo.data.tables.record_builder import write_samples
from mmzoo.data.tables.statistics import Moments
from mmzoo.data.tables.table import read_chunks, root_of
from mmzoo.data.tables.table_check import CHUNK_ROWS, NO_SPLIT, CheckedTable, check_table, load_chunk
from mmzoo.encoding.tables import open_table
from mmzoo.files import held
from mmzoo.schema import Schema

_log = logging.getLogger(__name__)

FILE_FORMATS = ("tfrecord", "array_record")
_CHUNKS = "chunks.incomplete"


def prepare(
    table: str | os.PathLike | pd.DataFrame,
    schema: Schema,
    out: str | os.PathLike,
    *,
    root: str | os.PathLike | None = None,
    columns: Mapping[str, str | None] | None = None,
    missing: Collection[str] = (),
    split: str | Mapping[str, float] | None = None,
    group: str | None = None,
    seed: int = 0,
    file_format: str = "tfrecord",
    shards: int | None = None,
    beam: bool = False,
    beam_options: Sequence[str] = (),
    on_error: str = "raise",
    allow_outside_root: bool = False,
    image_quality: int | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Prepared:
    """Encodes a table once, into records of exactly the arrays that `mmzoo.data.tables.manifest.read_manifest` gives.

    Memory does not grow with the table, but for some 30 bytes a row. Disk: the records, and until they are complete
    the same again. A call that was interrupted is simply repeated; one that repeats a finished one finds it done.

    Args:
        table: the path of a CSV file, or a DataFrame.
        schema: inputs and outputs.
        out: folder for the records, schema.json, prepared.json and, where rows were left out, skipped.csv. With Beam
            on several machines it must be one that all of them see.
        root: image paths are relative to it; by default the CSV file's folder, or the current one.
        columns: which column feeds what, where the names differ; see `mmzoo.data.tables.table.choose_columns`.
        missing: words that stand for an empty cell, see `mmzoo.data.tables.table.read_table`.
        split: the column that names each row's split ("val" and its like are "validation"), or the splits' shares,
            such as {"train": 0.8, "validation": 0.2}, drawn by lot; None: all rows are "train".
        group: with shares: a column; rows with the same value in it stay in one split.
        seed: of the lot.
        file_format: "tfrecord", or "array_record", which can be read in any order; its package comes with TFDS on
            Linux, elsewhere with `pip install "mmzoo[array_record]"`.
        shards: files a split, at most one a sample; None: by size.
        beam: encode with Apache Beam (`pip install "mmzoo[beam]"`), in several processes or on several machines.
        beam_options: Beam's command-line options, such as "--runner=DirectRunner".
        on_error: "raise", or "skip" to leave out rows that can't be used; they stand in skipped.csv.
        allow_outside_root: also read files outside of `root`; a table from elsewhere could name any file.
        image_quality: None: pictures are stored without loss; 1..100: as JPEG of that quality, smaller, no longer
            exactly the table's pixels.
        progress: is called with ("checking" or "writing", rows done, rows in all or None).

    Returns:
        The `Prepared` data set.

    Raises:
        FileNotFoundError, ValueError, TypeError: see `read_manifest`; a broken picture; a split without rows; an
            argument out of range; or `out` holds what another call prepared. Then nothing is left that looks whole.
        ImportError: `beam` or "array_record" without the package.
    """
    _check(split, group, on_error)
    check_format(file_format, shards, image_quality, beam)
    out, root, tell = pathlib.Path(out), root_of(table, root), progress or (lambda *_: None)
    call = {
        "table": _table_hash(table),
        "schema": schema.to_dict(),
        "root": hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:16],
        "columns": dict(columns or {}),
        **({"missing": sorted(missing)} if missing else {}),
        "split": split if isinstance(split, str) else dict(split or {}),
        "group": group,
        "seed": seed,
        "file_format": file_format,
        "shards": shards,
        "on_error": on_error,
        "image_quality": image_quality,
    }

    def check(folder: pathlib.Path) -> CheckedTable:
        return check_table(
            table, schema, folder, columns=columns, missing=missing, root=root, split=split, group=group, seed=seed,
            allow_outside_root=allow_outside_root, progress=lambda rows: tell("checking", rows, None),
        )  # fmt: skip

    return write_prepared(
        out,
        schema,
        call,
        check,
        file_format=file_format,
        shards=shards,
        image_quality=image_quality,
        on_error=on_error,
        beam_options=list(beam_options) if beam else None,
        progress=tell,
    )


def write_prepared(
    out: pathlib.Path,
    schema: Schema,
    call: Mapping,
    check: Callable[[pathlib.Path], CheckedTable],
    *,
    file_format: str,
    shards: int | None,
    image_quality: int | None,
    on_error: str,
    beam_options: list[str] | None,
    progress: Callable[[str, int, int | None], None],
) -> Prepared:
    """Writes a prepared data set whole, or nothing; what is there already from the same call is left as it is.

    Args:
        out: its folder.
        schema: inputs and outputs.
        call: what was asked for, JSON-able; what is there from another call is an error. Holds "file_format".
        check: (folder for the chunks) -> the rows in chunks.
        file_format, shards, image_quality, on_error, progress: see `prepare`.
        beam_options: None: without Beam.

    Raises:
        FileExistsError: another process works in the folder.
        ValueError: the folder holds what another call made, or rows can't be used.
    """
    if (out / RECORD).exists():
        _check_same(out, call)
        return open_prepared(out)
    with held(out):
        # Of a call that was interrupted.
        _clear(out)
        try:
            (out / _CHUNKS).mkdir()
            checked = check(out / _CHUNKS)
            _refuse(checked, checked.problems, on_error)
            broken = write_samples(
                checked, schema, out, file_format=file_format, shards=shards, image_quality=image_quality,
                beam_options=beam_options,
                progress=lambda rows: progress("writing", rows, int((checked.split_of != NO_SPLIT).sum())),
            )  # fmt: skip
            problems = checked.problems | {position: [problem] for position, problem in broken.items()}
            checked.split_of[list(broken)] = NO_SPLIT
            _refuse(checked, problems, on_error)
            found = _statistics(checked, schema)
        except BaseException:
            _clear(out)
            raise
        schema.save(out / "schema.json")
        if problems:
            _write_skipped(out / "skipped.csv", problems)
        shutil.rmtree(out / _CHUNKS)
        # Last: with it the folder is whole.
        write_record(out, {"source": checked.source, **found, "skipped": len(problems), "call": call})
    return open_prepared(out)


def check_format(file_format: str, shards: int | None, image_quality: int | None, beam: bool) -> None:
    """Refuses what `prepare` can't write.

    Raises:
        ValueError: an unknown format, a number of shards or a quality out of range.
        ImportError: a package that it takes is not installed.
    """
    if file_format not in FILE_FORMATS:
        raise ValueError(f"file_format: expected one of {', '.join(FILE_FORMATS)}, got {file_format!r}")
    if shards is not None and (not isinstance(shards, int) or shards < 1):
        raise ValueError(f"shards: expected a whole number of at least 1, or None, got {shards!r}")
    if image_quality is not None and image_quality not in range(1, 101):
        raise ValueError(f"image_quality: expected 1..100, or None for lossless pictures, got {image_quality!r}")
    if beam:
        _require("apache_beam", "beam")
    if file_format == "array_record":
        _require("array_record", "array_record")


def _check(split, group, on_error):
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error: expected 'raise' or 'skip', got {on_error!r}")
    if group is not None and not isinstance(split, Mapping):
        raise ValueError(
            f"group: {group!r} needs shares to split by, such as split={{'train': 0.8, 'validation': 0.2}}"
        )
    if isinstance(split, Mapping):
        for name, share in split.items():
            if not (isinstance(name, str) and name.isidentifier() and name.isascii()) or name.lower() == "all":
                raise ValueError(f"split: {name!r} is no name for one: letters, digits and _, and not 'all'")
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < np.inf:
                raise ValueError(f"split: {name!r}: expected a share greater than 0, got {share!r}")


def _require(package, extra):
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f'{extra}: the package can\'t be imported ({error}); pip install "mmzoo[{extra}]"') from error


def _table_hash(table):
    if isinstance(table, pd.DataFrame):
        digest = hashlib.sha256(repr(list(table.columns)).encode("utf-8", "surrogatepass"))
        for frame, _ in read_chunks(table, CHUNK_ROWS):
            cells = frame.map(lambda cell: f"{type(cell).__name__} {cell}")
            digest.update(pd.util.hash_pandas_object(cells).to_numpy().tobytes())
        return digest.hexdigest()
    if os.path.isdir(table):
        digest = hashlib.sha256()
        for row in open_table(table).read():
            digest.update(repr(row).encode("utf-8", "surrogatepass"))
        return digest.hexdigest()
    if not os.path.isfile(table):
        raise FileNotFoundError(f"{table}: no such file")
    with open(table, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_same(out, call):
    before = read_record(out)["call"]
    # As JSON gives it back.
    other = [name for name, value in json.loads(json.dumps(call)).items() if value != before.get(name)]
    if other:
        raise ValueError(
            f"{out}: holds what was prepared with another {', '.join(other)}; name another folder, or delete this one"
        )


def _clear(out):
    for name in (_CHUNKS, SAMPLES):
        shutil.rmtree(out / name, ignore_errors=True)
    for name in ("schema.json", "skipped.csv"):
        (out / name).unlink(missing_ok=True)


def _refuse(checked: CheckedTable, problems: Mapping[int, list[Problem]], on_error: str):
    rows = np.bincount(checked.split_of[checked.split_of != NO_SPLIT], minlength=len(checked.splits))
    if problems:
        every = [problem for position in sorted(problems) for problem in problems[position]]
        count = len(checked.split_of)
        found = f"{checked.source}: {len(problems)} of {count} rows can't be used; {listed(every)}"
        if on_error == "raise" or not rows.any():
            kind = FileNotFoundError if all(problem.missing_file for problem in every) else ValueError
            raise kind(found)
        _log.warning("skipped: %s", found)
    if not rows.all():
        empty = checked.splits[int(np.argmin(rows))]
        raise ValueError(f"{checked.source}: split {empty!r} has no rows; there are {int(rows.sum())} in all")


def _statistics(checked, schema):
    """Counts of each split, and moments of its first: all that training would otherwise read the records for."""
    labels = {name: kind for name, kind in schema.predicted.items() if kind.classes}
    counts = {s: {name: np.zeros(len(kind.classes), np.int64) for name, kind in labels.items()} for s in checked.splits}
    sensors = {name: Moments(len(kind.fields)) for name, kind in schema.given.items() if kind.fields}
    values = {name: Moments(1) for name, kind in schema.predicted.items() if kind.is_number}
    lacking: collections.Counter = collections.Counter()
    training = "train" if "train" in checked.splits else checked.splits[0]
    for chunk, _, split_of in checked.parts():
        manifest = load_chunk(chunk)
        for index, split in enumerate(checked.splits):
            chosen = split_of == index
            for name, kind in labels.items():
                counts[split][name] += kind.class_counts(manifest.targets[name][chosen])
            lacking.update(lacking_targets(schema, {name: a[chosen] for name, a in manifest.targets.items()}))
            if split == training:
                for name, moments in sensors.items():
                    rows = manifest.inputs[name][chosen]
                    # Steps of a series count as rows.
                    moments.add(rows.reshape(-1, rows.shape[-1]))
                for name, moments in values.items():
                    moments.add(manifest.targets[name][chosen].reshape(-1, 1))
    counted = np.bincount(checked.split_of[checked.split_of != NO_SPLIT], minlength=len(checked.splits))
    tell_lacking(checked.source, lacking, int(counted.sum()))
    return {
        "splits": dict(zip(checked.splits, counted.tolist(), strict=True)),
        "class_counts": {
            split: {name: dict(zip(labels[name].classes, n.tolist(), strict=True)) for name, n in of_split.items()}
            for split, of_split in counts.items()
        },
        "sensor_statistics": {
            name: _by_name([field.name for field in schema.inputs[name].fields], moments)
            for name, moments in sensors.items()
        },
        "value_statistics": _by_name(list(values), *values.values()),
    }


def _by_name(names, *moments):
    columns = [
        {"count": int(count), "mean": float(mean), "deviation": float(deviation)}
        for one in moments
        for count, mean, deviation in zip(one.count, one.mean, one.deviation, strict=True)
    ]
    return dict(zip(names, columns, strict=True))


def _write_skipped(path, problems):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["row", "column", "message"])
        for position in sorted(problems):
            for problem in problems[position]:
                writer.writerow([problem.row, problem.column, problem.message])
