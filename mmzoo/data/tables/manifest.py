"""Own data: a table of paths of images, sounds and series, texts, sensor values and labels to a tf.data pipeline.

    dataset = manifest_dataset("signs.csv", model.schema, shuffle=True)
    mmzoo.fit(model, dataset)

The table is checked as a whole before the first batch. Pictures and sounds are decoded by `Schema.encode`'s own
encoders, in parallel, so that all of their formats work, the arrays are those of the device, and an error names the
file.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import hashlib
import logging
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import tensorflow as tf

from mmzoo.data.pipeline import finish, from_arrays
from mmzoo.data.tables.cells import CellReader, Problem, listed, tell
from mmzoo.data.tables.frames import NOTES
from mmzoo.data.tables.table import choose_columns, read_table, root_of
from mmzoo.schema import Output, Schema

_log = logging.getLogger(__name__)

# With a cache on disk, so many decoded samples are held in memory for shuffling.
_SHUFFLE_BUFFER = 10_000


@dataclasses.dataclass
class Manifest:
    """A table that was read and checked; only pictures and sounds are still on disk.

    Attributes:
        schema: inputs and outputs.
        source: the table's name.
        rows: the number of each sample's row, see `Problem.row`.
        files: image or audio input -> path of each sample's file, "" where it is missing.
        inputs: other input -> array (N, ...).
        targets: output -> int32 (N,) for a `Label`, float32 (N, classes) for a `MultiLabel`, float32 (N, steps) for a
            `Value`; where there are several, a row may lack some, see `Output.missing_target`. Empty without targets.
        skipped: what was wrong with the rows that were left out.
    """

    schema: Schema
    source: str
    rows: list
    files: dict[str, list[str]]
    inputs: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]
    skipped: list[Problem] = dataclasses.field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)

    def decode(self, name: str, index: int) -> np.ndarray:
        """One sample's picture or sound.

        Args:
            name: the image or audio input.
            index: the sample, from 0.

        Returns:
            Array of the input's shape and dtype.

        Raises:
            ValueError: the file is broken or gone; the message names table, row and file.
        """
        place = f"{self.source}, row {self.rows[index]}, {name}"
        try:
            return self.schema.inputs[name].encode(self.files[name][index], place)
        except FileNotFoundError as error:
            raise ValueError(str(error)) from error

    def select(self, indices) -> Manifest:
        """The samples of the given indices, in their order.

        Args:
            indices: integers, from 0.
        """
        indices = np.asarray(indices, int)
        return dataclasses.replace(
            self,
            rows=[self.rows[i] for i in indices],
            files={name: [files[i] for i in indices] for name, files in self.files.items()},
            inputs={name: array[indices] for name, array in self.inputs.items()},
            targets={name: array[indices] for name, array in self.targets.items()},
            skipped=list(self.skipped),
        )

    def arrays(self, on_error: str = "raise") -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """All samples in memory, the files decoded in parallel.

        Args:
            on_error: "raise", or "skip" to leave out samples with a broken file; they are added to `skipped`.

        Returns:
            (inputs, targets), each name -> array (N, ...).

        Raises:
            ValueError: a broken file, or all of them.
        """
        inputs, good = {}, np.ones(len(self), bool)
        for name in self.files:
            modality = self.schema.inputs[name]
            inputs[name] = np.empty((len(self), *modality.shape), modality.dtype)

            def load(index, name=name):
                try:
                    inputs[name][index] = self.decode(name, index)
                except ValueError as error:
                    if on_error == "raise":
                        raise
                    good[index] = False
                    self.skip(name, index, error)

            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                # Taking the results raises what was raised in the threads.
                for _ in pool.map(load, range(len(self))):
                    pass
        if not good.any():
            raise ValueError(f"{self.source}: no sample is left; {listed(self.skipped)}")
        inputs = {name: (inputs | self.inputs)[name] for name in self.schema.given}
        return {n: a[good] for n, a in inputs.items()}, {n: a[good] for n, a in self.targets.items()}

    def skip(self, column: str, index: int, error: Exception) -> None:
        """Records that a sample is left out, once.

        Args:
            column: the image or audio input.
            index: the sample, from 0.
            error: what was wrong.
        """
        problem = Problem(self.rows[index], column, str(error))
        if problem not in self.skipped:
            self.skipped.append(problem)
            _log.warning("skipped: %s", error)


def read_manifest(
    table: str | os.PathLike | pd.DataFrame,
    schema: Schema,
    *,
    columns: Mapping[str, str | None] | None = None,
    root: str | os.PathLike | None = None,
    targets: bool = True,
    on_error: str = "raise",
    allow_outside_root: bool = False,
) -> Manifest:
    """Reads a table and checks all of it.

    An empty cell (None, NaN or pd.NA in a DataFrame, or a word such as "NA" or "?", see
    `mmzoo.encoding.missing`) means that the image, sound, text, series or sensor value is missing. The cell of a
    series is the path of a CSV file or a list of steps as JSON. States and noise are left out. A label or category is a
    name, however it is spelt (`mmzoo.encoding.spelling`): 1 and 1.0 are one, TRUE and True, " a" and "a". A number is
    the place of a class only where all of the column is, see `Label.of_column`. What is read as something else than it
    looks like is logged. Decimal commas and other forms that pandas knows are for a DataFrame that you read yourself.

    Args:
        table: a DataFrame or the path of a table, see `mmzoo.data.tables.table.read_table`.
        schema: inputs and outputs.
        columns: which column feeds what, where the names differ; see `mmzoo.data.tables.table.choose_columns`.
        root: paths of files are relative to it; by default the CSV file's folder, or the current one.
        targets: False: the table has no labels.
        on_error: "raise", or "skip" to leave out rows with bad cells; they are logged and stand in `skipped`.
        allow_outside_root: also read files outside of `root`; a table from elsewhere could name any file.

    Returns:
        The `Manifest`.

    Raises:
        FileNotFoundError: the table or the files it names do not exist; the message counts them and names some rows.
        ValueError: a missing column, an unknown label or category, a number out of its range or no number, a row that
            stands there twice (equal in every column); the message counts them and names row, column and value of some.
        TypeError: `table` is neither path nor DataFrame.
    """
    _check_on_error(on_error)
    frame, source = read_table(table)
    if not isinstance(table, pd.DataFrame):
        for note in frame.attrs[NOTES]:
            _log.warning("%s: %s", source, note)
    manifest, reader = read_cells(
        frame,
        source,
        schema,
        columns=columns,
        root=root_of(table, root),
        targets=targets,
        allow_outside_root=allow_outside_root,
    )
    reader.find_duplicates()
    tell(source, reader.notes)
    manifest = _without_problems(manifest, reader, on_error)
    tell_lacking(source, lacking_targets(schema, manifest.targets), len(manifest))
    return manifest


def lacking_targets(schema: Schema, targets: Mapping[str, np.ndarray]) -> dict[str, int]:
    """Output -> number of samples without a target of it, from targets (N, ...)."""
    return {name: int((~schema.outputs[name].has_target(array)).sum()) for name, array in targets.items()}


def tell_lacking(source: str, lacking: Mapping[str, int], rows: int) -> None:
    """Logs which targets some of a table's rows lack, though these count for the other outputs."""
    for name, count in lacking.items():
        if count:
            _log.warning("%s: %d of %d rows lack the target %r and count for the others", source, count, rows, name)


def read_cells(
    frame: pd.DataFrame,
    source: str,
    schema: Schema,
    *,
    columns: Mapping[str, str | None] | None,
    root: pathlib.Path,
    targets: bool = True,
    allow_outside_root: bool = False,
    read_as: Mapping[str, Output] | None = None,
) -> tuple[Manifest, CellReader]:
    """Reads the cells of a table or of a part of it; what is wrong with them stands in the reader's `problems`.

    Args:
        frame: the rows.
        source: the table's name.
        schema, columns, targets, allow_outside_root: see `read_manifest`.
        root: the folder that paths are relative to.
        read_as: output -> `Output.of_column` of the whole table's column, where the rows are a part of it.

    Returns:
        (all rows, bad ones among them, the reader).

    Raises:
        ValueError: a column is missing.
    """
    chosen = choose_columns(schema, list(frame.columns), columns, source, targets=targets)
    reader = CellReader(frame, root, allow_outside_root)
    files, inputs = {}, {}
    for name, modality in schema.given.items():
        if not modality.is_column:
            inputs[name] = reader.fields(
                [chosen[name, index] for index in range(len(modality.fields))], modality.fields
            )
        elif modality.is_large:
            files[name] = reader.files(chosen[name, None], modality)
        else:
            inputs[name] = reader.column(chosen[name, None], modality)
    outputs = schema.predicted if targets else {}
    labels = {
        # A row without one of several targets counts for the others.
        name: reader.targets(
            chosen[name, None], output, name, may_be_missing=len(outputs) > 1, read_as=(read_as or {}).get(name)
        )
        for name, output in outputs.items()
    }
    reader.find_rows_without_target(outputs, labels)
    return Manifest(schema, source, list(frame.index), files, inputs, labels), reader


def _without_problems(manifest, reader, on_error):
    if not reader.problems:
        return manifest
    problems = [problem for index in sorted(reader.problems) for problem in reader.problems[index]]
    found = f"{manifest.source}: {len(reader.problems)} of {len(manifest)} rows can't be used; {listed(problems)}"
    good = [index for index in range(len(manifest)) if index not in reader.problems]
    if on_error == "raise" or not good:
        kind = FileNotFoundError if all(problem.missing_file for problem in problems) else ValueError
        raise kind(found)
    _log.warning("skipped: %s", found)
    return dataclasses.replace(manifest.select(good), skipped=problems)


def manifest_dataset(
    table: str | os.PathLike | pd.DataFrame | Manifest,
    schema: Schema | None = None,
    *,
    root: str | os.PathLike | None = None,
    columns: Mapping[str, str | None] | None = None,
    batch_size: int = 64,
    shuffle: bool = False,
    seed: int | None = None,
    cache: bool | str | os.PathLike = False,
    augmentation: Callable | Sequence[Callable] | None = None,
    one_hot: Mapping[str, int] | None = None,
    drop_remainder: bool = False,
    repeat: bool = False,
    deterministic: bool = True,
    targets: bool = True,
    on_error: str = "raise",
    allow_outside_root: bool = False,
) -> tf.data.Dataset:
    """Batches of own data.

    The table with its texts is held in memory, some 2 KB a row, pictures and sounds are not. From about a million rows
    on, or where decoding the files anew each epoch takes longer than training on them, use `mmzoo.prepare` once and
    stream what it writes.

    Args:
        table: the path of a CSV file, a DataFrame, or a `Manifest` that was read before.
        schema: inputs and outputs; not needed with a `Manifest`.
        root: see `read_manifest`.
        columns: see `read_manifest`.
        batch_size: samples a batch.
        shuffle: another order each epoch.
        seed: of the order and the augmentation.
        cache: True decodes all pictures and sounds at once and keeps them in memory; a path keeps them in files that
            begin with it, written in the first epoch (a run killed meanwhile leaves a `.lockfile` to remove); shuffling
            is then within a window of 10,000 samples. A changed table or file makes a new cache.
        augmentation: after the cache; see `mmzoo.data.pipeline.from_arrays`.
        one_hot: output name -> number of classes, for labels as float32 rows.
        drop_remainder: leave out a last batch that isn't full.
        repeat: go on for ever.
        deterministic: False lets batches overtake each other, for speed.
        targets: False: inputs only.
        on_error: "raise", or "skip" to leave out rows with bad cells and, while decoding, broken files; these are
            logged, and a `Manifest` given as `table` lists them in `skipped`. Unless cached in memory, the length of
            the dataset is then unknown.
        allow_outside_root: see `read_manifest`.

    Returns:
        `tf.data.Dataset` of ({input: tensor (B, ...)}, {output: int32 (B,) or float32 (B, 1)}).

    Raises:
        FileNotFoundError, ValueError, TypeError: see `read_manifest`. A file that turns out to be broken while
            decoding raises `tf.errors.InvalidArgumentError` with table, row and file (ValueError with `cache=True`).
    """
    _check_on_error(on_error)
    manifest = table
    if not isinstance(table, Manifest):
        if schema is None:
            raise ValueError("schema: needed to read a table; give model.schema")
        manifest = read_manifest(
            table,
            schema,
            columns=columns,
            root=root,
            targets=targets,
            on_error=on_error,
            allow_outside_root=allow_outside_root,
        )
    common = {"seed": seed, "augmentation": augmentation, "one_hot": one_hot, "deterministic": deterministic}
    if cache is True:
        inputs, labels = manifest.arrays(on_error)
        return from_arrays(
            inputs,
            labels if targets else None,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            repeat=repeat,
            **common,
        )
    dataset = tf.data.Dataset.range(len(manifest))
    if shuffle and not cache:
        dataset = dataset.shuffle(len(manifest), seed=seed, reshuffle_each_iteration=True)
    dataset = _load(dataset, manifest, targets, on_error, deterministic)
    if cache:
        dataset = dataset.cache(f"{os.fspath(cache)}-{_fingerprint(manifest)}")
        if shuffle:
            buffer = min(len(manifest), _SHUFFLE_BUFFER)
            dataset = dataset.shuffle(buffer, seed=seed, reshuffle_each_iteration=True)
    if repeat:
        dataset = dataset.repeat()
    return finish(dataset.batch(batch_size, drop_remainder=drop_remainder), **common)


def _load(dataset, manifest, targets, on_error, deterministic):
    """From sample numbers to samples."""
    modalities = {name: manifest.schema.inputs[name] for name in manifest.files}
    dtypes = {name: array.dtype for name, array in manifest.inputs.items()}
    with tf.device("CPU:0"):
        inputs, labels = tf.nest.map_structure(tf.constant, (_narrowed(manifest.inputs), manifest.targets))
    # What the decoder needs: with the rest it would keep the texts a second time.
    manifest = dataclasses.replace(manifest, inputs={}, targets={})

    def decode(index):
        arrays, good = [], True
        for name, modality in modalities.items():
            try:
                arrays.append(manifest.decode(name, int(index)))
            except ValueError as error:
                if on_error == "raise":
                    raise
                manifest.skip(name, int(index), error)
                arrays.append(modality.missing())
                good = False
        return *arrays, np.bool_(good)

    def sample(index):
        types = [*(tf.as_dtype(modality.dtype) for modality in modalities.values()), tf.bool]
        *arrays, good = tf.numpy_function(decode, [index], types)
        decoded = {
            name: tf.ensure_shape(array, modality.shape)
            for (name, modality), array in zip(modalities.items(), arrays, strict=True)
        }
        good.set_shape(())
        found = decoded | {name: tf.cast(array[index], dtypes[name]) for name, array in inputs.items()}
        found = {name: found[name] for name in manifest.schema.given}
        return (found, {name: array[index] for name, array in labels.items()}), good

    def is_good(found, good):
        return good

    def without_flag(found, good):
        return found if targets else found[0]

    dataset = dataset.map(sample, tf.data.AUTOTUNE, deterministic=deterministic)
    if on_error == "skip":
        dataset = dataset.filter(is_good)
    return dataset.map(without_flag)


def _narrowed(arrays):
    """Texts in as few bytes as hold their ids; the rest as it is."""
    return {
        name: array.astype(np.min_scalar_type(array.max(initial=0))) if array.dtype == np.int32 else array
        for name, array in arrays.items()
    }


def _fingerprint(manifest):
    digest = hashlib.sha256(manifest.schema.to_json().encode())
    for array in (*manifest.inputs.values(), *manifest.targets.values()):
        digest.update(np.ascontiguousarray(array).tobytes())
    for path in (path for files in manifest.files.values() for path in files):
        stat = os.stat(path) if path else None
        digest.update(f"{path}\0{stat and (stat.st_size, stat.st_mtime_ns)}\0".encode())
    return digest.hexdigest()[:16]


def _check_on_error(on_error):
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error: expected 'raise' or 'skip', got {on_error!r}")
