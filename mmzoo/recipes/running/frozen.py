"""Training of a recipe's model behind frozen encoders: their features are computed once a row and kept on disk."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np

from mmzoo.data.feature_cache import FeatureCache
from mmzoo.data.samples.samples import Samples
from mmzoo.data.views import views_of
from mmzoo.models.parts.frozen import features_of, frozen_encoders
from mmzoo.recipes.running.arms import Arm
from mmzoo.recipes.running.models import RecipeModels
from mmzoo.recipes.running.sources import TRAIN, SampleData
from mmzoo.schema import Audio, Image, Schema, Text, Vector

# More than so many rows take minutes.
_MANY = 1_000


def features_folder(out: pathlib.Path) -> pathlib.Path:
    """Where features are kept: MMZOO_FEATURES, which runs may share, or the run's own folder."""
    return pathlib.Path(os.environ.get("MMZOO_FEATURES") or out / "features")


def frozen_learner(models: RecipeModels, out: pathlib.Path, say: Callable[[str], None]) -> Callable:
    """What trains an arm behind frozen encoders; see `mmzoo.recipes.running.arm_runs.Plan`.

    Args:
        models: of the run.
        out: its folder.
        say: prints a line.
    """
    from mmzoo.presets import identity_of, is_here

    kinds = {"image": Image, "text": Text, "audio": Audio}
    # Of the latest data alone, and by what is read in its place: another arm may have other encoders.
    latest: SampleData | None = None
    known: dict[tuple[str, ...], SampleData] = {}

    def learner(model, data: SampleData, arm: Arm, seed: int):
        nonlocal latest, known
        identities = {
            name: identity_of(preset)
            for keyword, preset in models.presets().items()
            if is_here(preset)
            for name in model.schema.of_kind(kinds[keyword])
        }
        encoders = {name: encoder for name, encoder in frozen_encoders(model).items() if identities.get(name)}
        if not encoders:
            return model, data
        if data is not latest:
            latest, known = data, {}
        names = tuple(encoders)
        if names not in known:
            caches = {name: FeatureCache(features_folder(out), identities[name]) for name in names}
            known[names] = with_features(data, encoders, caches, say)
        seen = known[names]
        return models.learner(seen.schema, seed), seen

    return learner


def with_features(
    data: SampleData, encoders: Mapping, caches: Mapping[str, FeatureCache], say: Callable[[str], None]
) -> SampleData:
    """The data with features in place of what frozen encoders read.

    Args:
        data: the data.
        encoders: of `mmzoo.models.parts.frozen.frozen_encoders`.
        caches: input -> where its features are kept.
        say: prints a line.
    """

    def features(name, arrays, part):
        cache = caches[name]
        new = cache.missing(arrays)
        if new > _MANY:
            say(f"Computing the features of {new:,} {part} {name} values, once; kept in {cache.path} ...")
        return cache.get(arrays, lambda rows: features_of(encoders[name], rows))

    def seen(samples: Samples, part):
        inputs, views = dict(samples.inputs), dict(samples.views)
        for name in encoders:
            inputs[name] = features(name, samples.inputs[name], part)
            if name in views:
                forms = [features(name, views[name][:, i], part) for i in range(views[name].shape[1])]
                views[name] = np.stack(forms, axis=1)
            elif part == TRAIN and isinstance(data.schema.inputs[name], Image):
                # What augmentation would do in every epoch, of a few views that are known beforehand.
                others = [features(name, view, part) for view in views_of(samples.inputs[name])[1:]]
                views[name] = np.stack([inputs[name], *others], axis=1)
        return dataclasses.replace(samples, inputs=inputs, views=views)

    made: dict[int, Samples] = {}
    for part, samples in data.parts.items():
        if id(samples) not in made:
            made[id(samples)] = seen(samples, part)
    replaced = {name: Vector(encoder.output_shape[-1]) for name, encoder in encoders.items()}
    inputs = {name: replaced.get(name, kind) for name, kind in data.schema.inputs.items()}
    schema = Schema(data.schema.name, inputs, data.schema.outputs)
    parts = {part: made[id(samples)] for part, samples in data.parts.items()}
    return dataclasses.replace(data, schema=schema, parts=parts)
