"""A prepared data set: records on disk, streamed to batches; memory does not grow with the number of samples."""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mmzoo.data.pipeline import finish
from mmzoo.data.tables.records import restored
from mmzoo.data.tables.table import RECORD
from mmzoo.files import read_json, replace_text
from mmzoo.schema import Schema

# Folder of the records.
SAMPLES = "samples"
VERSION = 1
# Encoded samples held for shuffling, with what TensorFlow needs for each.
_SHUFFLED_BYTES, _OVERHEAD = 64 << 20, 256
# Files read in turn while shuffling, and records from each.
_FILES, _BLOCK = 16, 16
# Records fetched at once by their places.
_FETCHED = 64
# Of tf.raw_ops.RandomIndexShuffle. With the 4 rounds of tf.random.experimental.index_shuffle one seed in some hundred
# leaves half of 120 places where they are; from 8 rounds on none did.
_SEEDS, _ROUNDS = 3, 16


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What `mmzoo.data.tables.preparing.prepare` wrote.

    Attributes:
        path: the folder.
        schema: inputs and outputs.
        splits: split -> number of samples.
        class_counts: split -> output -> class -> number of samples, for each `Label` and `MultiLabel`.
        sensor_statistics: `Sensors` or `Series` input -> field -> {"count", "mean", "deviation"} in the training split
            ("train", or the first), missing values left out; of a category those of its index, which say little.
        value_statistics: `Value` output -> the same.
        skipped: number of the table's rows that were left out; skipped.csv lists them.
        source: the table's name.
        file_format: "tfrecord" or "array_record".
    """

    path: pathlib.Path
    schema: Schema
    splits: Mapping[str, int]
    class_counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    sensor_statistics: Mapping[str, Mapping[str, Mapping[str, float]]]
    value_statistics: Mapping[str, Mapping[str, float]]
    skipped: int
    source: str
    file_format: str

    @property
    def note(self) -> str:
        """One line: what there is."""
        splits = ", ".join(f"{name} {count:,}" for name, count in self.splits.items())
        left_out = f"; {self.skipped:,} rows left out, see skipped.csv" if self.skipped else ""
        return f"{sum(self.splits.values()):,} samples of {self.source}: {splits}{left_out}"

    def dataset(
        self,
        split: str,
        *,
        batch_size: int = 64,
        shuffle: bool = False,
        seed: int | None = None,
        augmentation: Callable | Sequence[Callable] | None = None,
        one_hot: Mapping[str, int] | None = None,
        repeat: bool = False,
        drop_remainder: bool = False,
        deterministic: bool = True,
        inputs: Sequence[str] | None = None,
        rows: bool = False,
    ) -> tf.data.Dataset:
        """Batches of a split, streamed from disk.

        The records stand in an order drawn by lot when they were written. With `shuffle` those of a tfrecord come from
        16 files in turn through a buffer of 64 MiB, each epoch anew; those of an array_record in any order, all equally
        likely.

        Args:
            split: its name.
            batch_size: samples a batch.
            shuffle: another order each epoch.
            seed: of the order and the augmentation.
            augmentation: see `mmzoo.data.pipeline.from_arrays`.
            one_hot: output name -> number of classes, for labels as float32 rows.
            repeat: go on for ever.
            drop_remainder: leave out a last batch that isn't full.
            deterministic: False lets batches overtake each other, for speed.
            inputs: names of some inputs, for a model of these alone; None: all.
            rows: True: a third part of each batch holds the table's row of each sample, int64 (B,).

        Returns:
            `tf.data.Dataset` of ({input: tensor (B, ...)}, {output: tensor (B, ...)}), of known length.

        Raises:
            ValueError: there is no such split or input, or a batch size below 1.
            FileNotFoundError: a file of the records is gone.
            ImportError: array_record is not installed.
        """
        if split not in self.splits:
            raise ValueError(f"{self.path}: no split {split!r}; the splits are {list(self.splits)}")
        if batch_size < 1:
            raise ValueError(f"batch_size: expected at least 1, got {batch_size!r}")
        unknown = [name for name in inputs or () if name not in self.schema.inputs]
        if unknown:
            raise ValueError(f"{self.path}: no input {unknown[0]!r}; the inputs are {list(self.schema.inputs)}")
        info, files = self._builder.info.splits[split], self.files(split)
        if self.file_format == "array_record":
            records = _by_place(files, self.splits[split], shuffle, seed)
        else:
            records = _in_turn(files, self.splits[split], info.num_bytes, shuffle, seed)
        if repeat:
            records = records.repeat()
        features = self._builder.info.features

        def sample(record):
            fields = features.deserialize_example(record)
            found, targets = restored(self.schema, fields)
            # Of the rest nothing is decoded: TensorFlow prunes what is not used.
            found = found if inputs is None else {name: found[name] for name in inputs}
            return (found, targets, fields["row"]) if rows else (found, targets)

        samples = records.map(sample, tf.data.AUTOTUNE, deterministic=deterministic)
        batches = samples.batch(batch_size, drop_remainder=drop_remainder)
        if not repeat:
            count = self.splits[split] // batch_size if drop_remainder else -(-self.splits[split] // batch_size)
            batches = batches.apply(tf.data.experimental.assert_cardinality(count))
        return finish(batches, seed=seed, augmentation=augmentation, one_hot=one_hot, deterministic=deterministic)

    def files(self, split: str) -> list[str]:
        """The paths of the records of a split.

        Raises:
            FileNotFoundError: one of them is gone.
        """
        files = [os.fspath(path) for path in self._builder.info.splits[split].filepaths]
        for file in files:
            if not os.path.isfile(file):
                raise FileNotFoundError(f"{file}: no such file; prepare the data set again")
        return files

    def adapt(self, model) -> list[str]:
        """Sets the normalisation of a model's sensors and series as `mmzoo.fit` would from all training samples.

        Args:
            model: a model with this schema, of mmzoo's builders.

        Returns:
            The names of the inputs adapted.
        """
        from mmzoo.layers.graph import adapting_layers

        adapted = [name for name, kind in model.schema.given.items() if kind.fields]
        for name in adapted:
            for layer in adapting_layers(model)[name]:
                _adapt_layer(layer, model.schema.inputs[name].fields, self.sensor_statistics[name])
        return adapted

    @functools.cached_property
    def _builder(self):
        return tfds.builder_from_directory(self.path / SAMPLES / "1.0.0")


def _adapt_layer(layer, fields, statistics):
    mean, deviation = np.array(layer.mean, np.float32), np.array(layer.deviation, np.float32)
    for column, field in enumerate(fields):
        found = statistics[field.name]
        if field.is_measured and found["count"]:
            mean[column] = found["mean"]
            if found["deviation"] > 1e-6:
                deviation[column] = found["deviation"]
    layer.mean.assign(mean)
    layer.deviation.assign(deviation)


def open_prepared(path: str | os.PathLike) -> Prepared:
    """Opens what `mmzoo.data.tables.preparing.prepare` wrote.

    Args:
        path: the folder.

    Raises:
        FileNotFoundError: no such folder, or one that is not whole.
        ValueError: written by a newer mmzoo, or damaged.
    """
    path = pathlib.Path(path)
    if not (path / RECORD).is_file():
        raise FileNotFoundError(f"{path}: holds no prepared data set, or one that is not whole; run mmzoo prepare")
    record = read_record(path)
    names = [field.name for field in dataclasses.fields(Prepared)]
    return Prepared(
        path=path,
        schema=Schema.load(path / "schema.json"),
        file_format=record["call"]["file_format"],
        **{name: record[name] for name in names if name not in ("path", "schema", "file_format")},
    )


def read_record(path: pathlib.Path) -> dict:
    """What prepared.json holds."""
    try:
        record = read_json(path / RECORD)
    except ValueError as error:
        raise ValueError(f"{path / RECORD}: damaged ({error}); delete the folder and prepare it again") from error
    version = record.get("mmzoo_prepared") if isinstance(record, dict) else None
    if version != VERSION:
        raise ValueError(f"{path / RECORD}: version {version}; this mmzoo reads version {VERSION}: upgrade mmzoo")
    return record


def write_record(path: pathlib.Path, record: Mapping) -> None:
    """Writes prepared.json whole, or not at all."""
    text = json.dumps({"mmzoo_prepared": VERSION, **record}, ensure_ascii=False, indent=2)
    replace_text(path / RECORD, text + "\n")


def _in_turn(files, count, size, shuffle, seed):
    """Serialized samples of TFRecords, shuffled as far as the buffer reaches."""
    if not shuffle:
        return tf.data.TFRecordDataset(files)
    names = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files), seed=seed, reshuffle_each_iteration=True)
    records = names.interleave(tf.data.TFRecordDataset, cycle_length=min(_FILES, len(files)), block_length=_BLOCK)
    held = min(count, max(1, _SHUFFLED_BYTES // (int(size) // count + _OVERHEAD)))
    return records.shuffle(held, seed=seed, reshuffle_each_iteration=True)


def _by_place(files, count, shuffle, seed):
    """Serialized samples of ArrayRecords; shuffled, each is fetched from where it stands."""
    try:
        from array_record.python.array_record_data_source import ArrayRecordDataSource
    except ImportError as error:
        raise ImportError('array_record: the package is not installed; pip install "mmzoo[array_record]"') from error
    source = ArrayRecordDataSource(files)

    def fetch(places):
        return np.array(source.__getitems__(places.tolist()), object)

    places = tf.data.Dataset.range(count)
    if shuffle:
        # A permutation that is computed, not held.
        drawn = tf.data.Dataset.random(seed, rerandomize_each_iteration=True).batch(_SEEDS, drop_remainder=True).take(1)

        def permuted(seeds):
            def other(place):
                return tf.raw_ops.RandomIndexShuffle(
                    index=place, seed=tf.cast(seeds, tf.uint32), max_index=tf.cast(count - 1, tf.int64), rounds=_ROUNDS
                )

            return tf.data.Dataset.range(count).map(other)

        places = drawn.flat_map(permuted)
    fetched = places.batch(_FETCHED).map(
        lambda batch: tf.ensure_shape(tf.numpy_function(fetch, [batch], tf.string), [None])
    )
    return fetched.unbatch()
