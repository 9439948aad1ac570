"""`prepare_samples`: a data set of the zoo as sharded records, by TFDS and, for large ones, Apache Beam.

prepared = prepare_samples({"train": train, "validation": validation}, schema, "out", name="cats_dogs")
mmzoo.fit(model, prepared.dataset("train", shuffle=True), prepared.dataset("validation"))
"""

from __future__ import annotations

import os
import pathlib
import pickle
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mmzoo.data.samples.samples import Samples
from mmzoo.data.tables.manifest import Manifest
from mmzoo.data.tables.prepared import Prepared
from mmzoo.data.tables.preparing import check_format, write_prepared
from mmzoo.data.tables.table_check import CHUNK_ROWS, CheckedTable
from mmzoo.schema import Schema


def prepare_samples(
    parts: Mapping[str, Samples],
    schema: Schema,
    out: str | os.PathLike,
    *,
    name: str,
    file_format: str = "tfrecord",
    shards: int | None = None,
    beam: bool = False,
    beam_options: Sequence[str] = (),
    image_quality: int | None = None,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Prepared:
    """Writes samples as records, of exactly their arrays; see `mmzoo.data.tables.preparing.prepare`.

    Args:
        parts: split -> samples.
        schema: that they were encoded by.
        out: folder for the records, schema.json and prepared.json.
        name: of the data set.
        file_format, shards, beam, beam_options, image_quality, progress: see `prepare`.

    Returns:
        The `Prepared`.

    Raises:
        ValueError: the folder holds something else, or an argument is out of range.
        ImportError: a package that it takes is not installed.
    """
    check_format(file_format, shards, image_quality, beam)
    call = {
        "data": name,
        "schema": schema.to_dict(),
        "rows": {split: samples.fingerprint() for split, samples in parts.items()},
        "file_format": file_format,
        "shards": shards,
        "image_quality": image_quality,
    }
    return write_prepared(
        pathlib.Path(out),
        schema,
        call,
        lambda folder: _in_chunks(parts, schema, folder, name),
        file_format=file_format,
        shards=shards,
        image_quality=image_quality,
        on_error="raise",
        beam_options=list(beam_options) if beam else None,
        progress=progress or (lambda *_: None),
    )


def _in_chunks(parts, schema, folder, name):
    chunks, starts, split_of = [], [0], []
    for number, samples in enumerate(parts.values()):
        for begin in range(0, len(samples), CHUNK_ROWS):
            part = samples.take(np.arange(begin, min(begin + CHUNK_ROWS, len(samples))))
            rows = list(range(starts[-1], starts[-1] + len(part)))
            manifest = Manifest(schema, name, rows, {}, dict(part.inputs), dict(part.targets))
            chunks.append(folder / f"chunk-{len(chunks):06d}.pickle")
            with open(chunks[-1], "wb") as file:
                pickle.dump(manifest, file)
            starts.append(starts[-1] + len(part))
        split_of += [number] * len(samples)
    return CheckedTable(name, chunks, starts, list(parts), np.array(split_of, np.int16), {})
