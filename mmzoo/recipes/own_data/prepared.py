"""A prepared folder, seen as the splits of a table: training rows stream from disk, the others are held in memory."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable

import numpy as np

from mmzoo.data.fingerprints import fingerprint_of, fingerprint_of_files
from mmzoo.data.tables.prepared import RECORD, Prepared, open_prepared
from mmzoo.recipes.own_data.splits import Splits
from mmzoo.recipes.recipe import Training
from mmzoo.schema import Image, Schema

BATCH, MOST_ROWS = 256, 10_240


class PreparedData(Splits):
    """What `TableData` is to a table.

    Args:
        path: the folder that `mmzoo.prepare` wrote.

    Attributes:
        schema, notes, presets: as of `TableData`.
        frames: None: the raw cells are not in the records.

    Raises:
        ValueError: it has no training split, or nothing beside it.
    """

    frames = None

    def __init__(self, path: str | os.PathLike):
        self._prepared: Prepared = open_prepared(path)
        splits = self._prepared.splits
        held_out = [name for name in ("test", "validation") if name in splits]
        if "train" not in splits or not held_out:
            raise ValueError(
                f"{path}: its splits are {list(splits)}; expected train, validation and test: prepare the table with "
                "--split COLUMN or --validation SHARE --test SHARE"
            )
        self._names = {"train": "train", "test": held_out[0], "validation": held_out[-1]}
        self.schema: Schema = self._prepared.schema
        self.presets: dict[str, str] = {}
        self.notes: tuple[str, ...] = (self._prepared.note,)
        if len(held_out) == 1:
            self.notes += (f"there is no other split: training also stopped by the {held_out[0]} rows",)

    @functools.cache  # noqa: B019 - lives as long as the training does
    def arrays(self, split: str):
        """(inputs, targets) of a split, each name -> array (N, ...); of the training rows the first `MOST_ROWS`."""
        batches = self._prepared.dataset(self._names[split], batch_size=BATCH)
        # They are for a look at them alone: trained on is what `batches` streams.
        batches = list((batches.take(MOST_ROWS // BATCH) if split == "train" else batches).as_numpy_iterator())
        return tuple(
            {name: np.concatenate([b[part][name] for b in batches]) for name in batches[0][part]} for part in (0, 1)
        )

    def count(self, split: str) -> int:
        """Number of samples of a split."""
        return self._prepared.splits[self._names[split]]

    def fingerprint(self, part: str) -> str:
        """What was prepared, and the files of the split."""
        text = (self._prepared.path / RECORD).read_text(encoding="utf-8")
        return fingerprint_of(text, fingerprint_of_files(self._prepared.files(self._names[part])))

    def batches(self, names: Iterable[str], *, training: Training, seed: int) -> Callable:
        """What `mmzoo.fit` trains on: a function of the epoch, shuffled and, where there are pictures, augmented."""
        from mmzoo.data.augmentation import PHOTOS

        names = tuple(names)
        has_pictures = any(isinstance(self.schema.inputs[name], Image) for name in names)

        def epoch_data(epoch):
            return self._prepared.dataset(
                "train",
                batch_size=training.batch_size,
                shuffle=True,
                seed=10_007 * seed + epoch,
                augmentation=PHOTOS if has_pictures else None,
                drop_remainder=self.count("train") > training.batch_size,
                inputs=names,
            )

        return epoch_data
