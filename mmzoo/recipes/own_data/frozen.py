"""Training behind frozen encoders: their features are computed once a row and kept on disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping

import numpy as np

from mmzoo.data.feature_cache import FeatureCache
from mmzoo.data.views import views_of
from mmzoo.models.parts.frozen import features_of, frozen_encoders
from mmzoo.recipes.own_data.splits import Splits
from mmzoo.recipes.recipe import Training
from mmzoo.schema import Image, Schema, Vector


class FeatureData(Splits):
    """The splits of a table with features in place of what frozen encoders read.

    Args:
        data: the `TableData`.
        names: the inputs that the model has.
        encoders: of `mmzoo.models.parts.frozen.frozen_encoders`.
        caches: input -> the `FeatureCache` of its encoder.
        made: features in memory, which all arms on the same data share.
        say: prints a line.
    """

    def __init__(self, data, names: Iterable[str], encoders: Mapping, caches: Mapping, made: dict, say):
        self._data, self._encoders, self._caches, self._made, self._say = data, dict(encoders), caches, made, say
        replaced = {name: Vector(encoder.output_shape[-1]) for name, encoder in encoders.items()}
        inputs = {name: replaced.get(name, data.schema.inputs[name]) for name in names}
        self.schema = Schema(data.schema.name, inputs, data.schema.outputs)
        self.presets = {name: preset for name, preset in data.presets.items() if name not in replaced}
        self.notes = data.notes

    def arrays(self, split: str):
        """(inputs, targets) of a split, each name -> array (N, ...)."""
        inputs, targets = self._data.arrays(split)
        return {name: self._views(split, name)[0] if name in self._encoders else inputs[name]
                for name in self.schema.inputs}, targets  # fmt: skip

    def count(self, split: str) -> int:
        """Number of samples of a split."""
        return self._data.count(split)

    def batches(self, names: Iterable[str], *, training: Training, seed: int) -> Callable:
        """As of `TableData`; of the views of a picture each epoch sees one, drawn for each row."""
        from mmzoo.data.augmentation import PHOTOS
        from mmzoo.data.pipeline import from_arrays

        inputs, targets = self.part("train", names)
        views = {name: np.stack(self._views("train", name)) for name in inputs if name in self._encoders}
        has_pictures = any(isinstance(self.schema.inputs[name], Image) for name in inputs)
        count = self.count("train")
        size = min(training.batch_size, max(2, count // 4))

        def epoch_data(epoch):
            rng = np.random.default_rng((seed, epoch))
            drawn = {name: each[rng.integers(0, len(each), count), np.arange(count)] for name, each in views.items()}
            return from_arrays(
                {**inputs, **drawn},
                targets,
                batch_size=size,
                shuffle=True,
                drop_remainder=True,
                seed=10_007 * seed + epoch,
                augmentation=PHOTOS if has_pictures else None,
            )

        return epoch_data

    def _views(self, split, name):
        """The features of an input's views, each float32 (N, D); of the training rows alone there are several."""
        if (split, name) not in self._made:
            arrays, cache = self._data.arrays(split)[0][name], self._caches[name]
            several = split == "train" and isinstance(self._data.schema.inputs[name], Image)
            views = views_of(arrays) if several else [arrays]
            new = sum(map(cache.missing, views))
            if new > 1_000:
                self._say(f"Computing the features of {new:,} {split} rows' {name}, once; kept in {cache.path} ...")
            encoder = self._encoders[name]
            self._made[split, name] = [cache.get(view, lambda rows: features_of(encoder, rows)) for view in views]
        return self._made[split, name]


class Features:
    """Makes, once for all arms of a run, what a learner of features sees.

    Args:
        root: folder of the features, see `mmzoo.recipes.running.frozen.features_folder`.
        say: prints a line.
    """

    def __init__(self, root: str | os.PathLike, say: Callable[[str], None]):
        self._root, self._say = root, say
        self._caches: dict[str, FeatureCache] = {}
        self._data, self._made = None, {}

    def seen_by(self, model, data, identities: Mapping[str, str | None]) -> FeatureData | None:
        """The data as a learner sees it, or None where the model has to read everything itself.

        Args:
            model: the whole model.
            data: the `TableData`; a prepared folder streams from disk and has no features.
            identities: input -> identity of its encoder, or None where it can't be told.
        """
        if data.frames is None:
            return None
        encoders = {name: one for name, one in frozen_encoders(model).items() if identities.get(name)}
        if not encoders:
            return None
        if data is not self._data:
            self._data, self._made = data, {}
        caches = {name: self._cache(identities[name]) for name in encoders}
        return FeatureData(data, model.schema.given, encoders, caches, self._made, self._say)

    def _cache(self, identity):
        if identity not in self._caches:
            self._caches[identity] = FeatureCache(self._root, identity)
        return self._caches[identity]
