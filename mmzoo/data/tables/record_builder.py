"""The TFDS builder that writes a checked table's samples as records, by itself or through Apache Beam."""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import functools
import os
import pathlib
import pickle
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import shuffle
from tensorflow_datasets.core.utils import shard_utils, tqdm_utils

from mmzoo.data.tables.cells import Problem
from mmzoo.data.tables.records import record_features, stored
from mmzoo.data.tables.table_check import NO_SPLIT, CheckedTable, load_chunk
from mmzoo.schema import Schema

# What TFDS holds in memory before it sorts on disk. It would take a gigabyte.
_SORTED_IN_MEMORY = 16 << 20
# TFDS then has a thousand files open.
_OPEN_FILES = 4096
# Pictures decoded at the same time, at most.
_WINDOW = 64


class TableSamples(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """The samples of a checked table.

    Args:
        checked: the table.
        schema: inputs and outputs.
        image_quality: see `mmzoo.data.tables.preparing.prepare`.
        with_beam: whether Beam does the encoding.
        progress: is told the number of rows written; not with Beam.
        data_dir: where the records go.
        **kwargs: `file_format` of `tfds.core.GeneratorBasedBuilder`.
    """

    name = "samples"
    VERSION = tfds.core.Version("1.0.0")
    # TFDS 4.9.10 looks here for a checksums.tsv, of which there is none.
    code_path = None

    def __init__(self, *, checked, schema, image_quality, with_beam, progress, data_dir, **kwargs):
        self._checked, self._schema, self._quality = checked, schema, image_quality
        self._with_beam, self._progress, self._written = with_beam, progress, 0
        super().__init__(data_dir=data_dir, **kwargs)

    def _info(self) -> tfds.core.DatasetInfo:
        targets = load_chunk(self._checked.chunks[0]).targets
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"Samples of {self._schema.name}, encoded by mmzoo; see schema.json.",
            features=record_features(self._schema, targets),
        )

    def _log_download_bytes(self):
        # TFDS would print that it downloads, and at the end that it has.
        pass

    _log_download_done = _log_download_bytes

    def _split_generators(self, dl_manager):
        return {name: self._generate_examples(index) for index, name in enumerate(self._checked.splits)}

    def _generate_examples(self, split: int):
        encode = functools.partial(encode_chunk, split=split, image_quality=self._quality)
        if not self._with_beam:
            return self._one_after_another(encode)
        import apache_beam

        # Reshuffled, or Beam would fuse all into one step in one process.
        return apache_beam.Create(list(self._checked.parts())) | apache_beam.Reshuffle() | apache_beam.FlatMap(encode)

    def _one_after_another(self, encode):
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in self._checked.parts():
                for sample in encode(part, pool=pool):
                    yield sample
                    self._written += 1
                self._progress(self._written)


def encode_chunk(
    part: tuple[pathlib.Path, int, np.ndarray],
    *,
    split: int,
    image_quality: int | None,
    pool: concurrent.futures.Executor | None = None,
) -> Iterator[tuple[int, dict]]:
    """The samples of one split in one chunk; broken pictures are set down in a file beside the chunk.

    Args:
        part: of `CheckedTable.parts`.
        split: the split's index.
        image_quality: see `mmzoo.data.tables.preparing.prepare`.
        pool: decodes the pictures.

    Yields:
        (position in the table, record).
    """
    path, start, split_of = part
    manifest = load_chunk(path)
    broken: dict[int, Problem] = {}

    def encode(index):
        row = manifest.rows[index]
        arrays = {name: array[index] for name, array in manifest.inputs.items()}
        for name in manifest.files:
            try:
                arrays[name] = manifest.decode(name, index)
            except ValueError as error:
                message = str(error).removeprefix(f"{manifest.source}, row {row}, {name}: ")
                broken[start + index] = Problem(row, name, message)
                return None
        inputs = {name: stored(kind, arrays[name], image_quality) for name, kind in manifest.schema.given.items()}
        targets = {name: array[index] for name, array in manifest.targets.items()}
        number = row if isinstance(row, (int, np.integer)) else start + index
        inputs, targets = (manifest.schema.to_tensors(part) for part in (inputs, targets))
        return start + index, {"row": number, "inputs": inputs, "targets": targets}

    chosen = np.flatnonzero(split_of == split).tolist()
    for begin in range(0, len(chosen), _WINDOW):
        window = chosen[begin : begin + _WINDOW]
        yield from filter(None, pool.map(encode, window) if pool else map(encode, window))
    if broken:
        with open(_broken_file(path, split), "wb") as file:
            pickle.dump(broken, file)


def _broken_file(path, split):
    return path.with_suffix(f".broken-{split}")


def write_samples(
    checked: CheckedTable,
    schema: Schema,
    folder: pathlib.Path,
    *,
    file_format: str,
    shards: int | None,
    image_quality: int | None,
    beam_options: list[str] | None,
    progress: Callable[[int], None],
) -> dict[int, Problem]:
    """Writes the records; of an interrupted call nothing is left that has the name of a whole one.

    Args:
        checked: the table.
        schema: inputs and outputs.
        folder: gets a folder "samples" with them.
        file_format, shards, image_quality: see `mmzoo.data.tables.preparing.prepare`.
        beam_options: None: without Beam.
        progress: is told the number of rows written so far.

    Returns:
        Position -> what is wrong with a row whose picture is broken and which was left out. Where that leaves a split
        without rows, there are no records.
    """
    builder = TableSamples(
        checked=checked, schema=schema, image_quality=image_quality, with_beam=beam_options is not None,
        progress=progress, data_dir=folder, file_format=file_format,
    )  # fmt: skip
    config = _Config(num_shards=shards, try_download_gcs=False)
    if beam_options is not None:
        from apache_beam.options.pipeline_options import PipelineOptions

        config.beam_options = PipelineOptions(beam_options)
    _allow_open_files()
    try:
        with _set(shuffle, "MAX_MEM_BUFFER_SIZE", _SORTED_IN_MEMORY), _set(tqdm_utils, "_active", False):
            builder.download_and_prepare(download_dir=checked.chunks[0].parent, download_config=config)
    except Exception:
        broken = _broken(checked)
        left = checked.split_of.copy()
        left[list(broken)] = NO_SPLIT
        if set(range(len(checked.splits))) <= set(left.tolist()):
            raise
        # TFDS refuses to write a split without samples; the caller knows why there are none.
        return broken
    return _broken(checked)


def _broken(checked):
    broken = {}
    for path, _, _ in checked.parts():
        for index in range(len(checked.splits)):
            if (file := _broken_file(path, index)).exists():
                broken |= pickle.loads(file.read_bytes())
    return broken


class _Shards(shard_utils.ShardConfig):
    """As many files as wanted, though not more than there are samples."""

    def get_number_shards(self, total_size, num_examples, *args, **kwargs):
        return min(super().get_number_shards(total_size, num_examples, *args, **kwargs), num_examples)


@dataclasses.dataclass
class _Config(tfds.download.DownloadConfig):
    def get_shard_config(self):
        return _Shards(num_shards=self.num_shards)


@contextlib.contextmanager
def _set(module, name, value):
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def _allow_open_files():
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
