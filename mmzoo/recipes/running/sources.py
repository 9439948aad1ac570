"""What a run trains, watches and measures on: the rows of a recipe's data set.

A source has `load(fold, seed)`, which gives the data of a split: `schema`, `note`, `count(part)`, `part(part, names)`,
`batches(names, ...)`, `fingerprint(part)`. The parts are "train"; "validation", which training watches; and "test",
which the figures are of. A data set of two splits has the same rows for the last two, and nothing is chosen by them.
Tables of own data have such a source too, see `mmzoo.recipes.own_data`.
"""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.data.samples.samples import ALL, TRAIN, VALIDATION, DataSet, Samples
from mmzoo.recipes.recipe import EpochContext, Recipe, Training
from mmzoo.schema import Schema

WATCHED, MEASURED = "validation", "test"


@dataclasses.dataclass(frozen=True, eq=False)
class SampleData:
    """Samples in memory.

    Attributes:
        schema: of the model of all inputs.
        parts: "train", "validation" and "test" -> samples; the last two may be left out.
        recipe: for its hooks.
        data: name of the data set.
        options: the recipe's own.
    """

    schema: Schema
    parts: Mapping[str, Samples]
    recipe: Recipe
    data: str
    options: Mapping[str, Any]

    @property
    def note(self) -> str:
        """What is real and what is simulated."""
        return self.parts[TRAIN].note

    def has(self, part: str) -> bool:
        """Whether there are such rows."""
        return part in self.parts

    def count(self, part: str) -> int:
        """Number of samples of a part."""
        return len(self.parts[part]) if part in self.parts else 0

    def part(self, part: str, names: Iterable[str] | None = None):
        """(inputs, targets) of a part, each name -> array (N, ...); of some inputs, or all."""
        return self.parts[part].arrays(None if names is None else list(names))

    def watched(self, names: Iterable[str]):
        """What training watches; None where there is nothing."""
        if not self.has(WATCHED):
            return None
        inputs, targets = self.part(WATCHED)
        if self.recipe.watch is not None:
            inputs, targets = self.recipe.watch(self.schema, inputs, targets)
        return {name: inputs[name] for name in names}, targets

    def batches(self, names: Iterable[str], *, training: Training, seed: int) -> Callable[[int], Any]:
        """A function of the epoch that gives its batches, for a model of some inputs."""
        names = tuple(names)
        context = EpochContext(
            self.schema, names, self.parts[TRAIN], training, self.data, seed, self.options
        )  # fmt: skip
        if self.recipe.epoch_data is None:
            return shuffled_batches(context, self.recipe.augment)
        make = self.recipe.epoch_data(context)
        if len(names) == len(self.schema.inputs):
            return make
        return lambda epoch: make(epoch).map(lambda inputs, *rest: ({name: inputs[name] for name in names}, *rest))

    def shuffled(self, names: Iterable[str], seed: int) -> SampleData:
        """The same with some inputs shuffled between the samples of each part."""
        parts = dict(self.parts)
        for name in names:
            parts = {part: samples.shuffled(name, seed) for part, samples in parts.items()}
        return dataclasses.replace(self, parts=parts)

    def fingerprint(self, part: str) -> str:
        """Which rows a part has, and what their targets are."""
        return self.parts[part].fingerprint()


def shuffled_batches(context: EpochContext, augment: Callable | None = None) -> Callable[[int], Any]:
    """A function of the epoch: all samples in an order of that epoch, changed at random.

    Args:
        context: what is trained.
        augment: the recipe's hook.
    """
    from mmzoo.data.pipeline import from_arrays

    training = context.training
    inputs, targets = context.samples.arrays(context.inputs)
    changes = augmentation_of(training) if augment is None else list(augment(context))

    def epoch_data(epoch):
        drawn = context.samples.drawn(np.random.default_rng((context.seed, epoch)))
        return from_arrays(
            {**inputs, **{name: views for name, views in drawn.items() if name in inputs}},
            {**targets, **{name: views for name, views in drawn.items() if name in targets}},
            batch_size=training.batch_size,
            shuffle=True,
            drop_remainder=len(context.samples) > training.batch_size,
            seed=10_007 * context.seed + epoch,
            augmentation=changes or None,
        )

    return epoch_data


def augmentation_of(training: Training):
    """The `ImageAugmentation` of a training, or None."""
    from mmzoo.data.augmentation import ImageAugmentation

    return None if training.augmentation is None else ImageAugmentation(**training.augmentation)


class RecipeSource:
    """A data set of a recipe.

    Args:
        recipe: the recipe.
        data: name of the data set.
        schema: of the model of all inputs.
        data_dir: the data set's folder.
        training: hyper-parameters.
        options: the data set's own.
        own_options: the recipe's own.
        limit: at most so many training samples.
        all_rows: train on all rows, so that none is left to measure on.
        seed: of what is simulated, the same for all trainings of a run.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: str,
        schema: Schema,
        *,
        data_dir: str | os.PathLike | None,
        training: Training,
        options: Mapping[str, Any],
        own_options: Mapping[str, Any],
        limit: int | None,
        all_rows: bool,
        seed: int,
    ):
        self.schema, self._recipe, self._data = schema, recipe, data
        self._set: DataSet = recipe.data_set(data)[1]
        self._training, self._own, self._limit, self._all = training, dict(own_options), limit, all_rows
        self._load = functools.partial(self._set, data_dir, schema=schema, seed=seed, **options)
        self._loaded: tuple[int | None, SampleData] | None = None

    def split_name(self, fold: int | None) -> str:
        """What the measured rows are called."""
        if self._all:
            return "none: all rows were trained on"
        return VALIDATION if fold is None else f"{VALIDATION} (fold {fold})"

    def pooled_name(self, folds: Iterable[int | None]) -> str:
        """What the measured rows of several folds together are called."""
        return f"{VALIDATION}, {len(list(folds))} folds pooled"

    def load(self, fold: int | None, seed: int) -> SampleData:
        """The rows of a fold, the same for every seed."""
        if self._loaded is None or self._loaded[0] != fold:
            self._loaded = fold, self._fresh(fold)
        return self._loaded[1]

    def _fresh(self, fold):
        parts = {TRAIN: self._load(ALL if self._all else TRAIN, fold=fold, limit=self._limit)}
        if not self._all:
            parts[MEASURED] = self._load(VALIDATION, fold=fold)
        if self._training.chooses:
            parts[TRAIN], parts[WATCHED] = set_apart(parts[TRAIN], self._training.choosing)
        elif not self._all:
            parts[WATCHED] = parts[MEASURED]
        return SampleData(self.schema, parts, self._recipe, self._data, self._own)


def set_apart(samples: Samples, share: float) -> tuple[Samples, Samples]:
    """(the rest, about `share` of the samples, whole groups of them): the same for the same samples.

    Raises:
        ValueError: there is one group only.
    """
    groups = np.arange(len(samples)) if samples.groups is None else np.asarray(samples.groups)
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        raise ValueError("the training rows are one group: none can be set apart to choose the best epoch by")
    order = np.random.default_rng(0).permutation(len(names))
    filled = np.cumsum(np.bincount(group_of)[order])
    # At least one group, and never all.
    count = min(max(1, int(np.searchsorted(filled, share * len(samples), "right"))), len(names) - 1)
    chosen = np.isin(group_of, order[:count])
    return samples.take(~chosen), samples.take(chosen)
