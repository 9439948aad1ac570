"""The models of a run, one an arm and seed, by the recipe's builder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from mmzoo.recipes.recipe import Recipe, Training
from mmzoo.recipes.running.arms import ALL, Arm
from mmzoo.schema import Schema


class RecipeModels:
    """Builds models.

    Args:
        recipe: the recipe.
        size: of the models.
        training: hyper-parameters.
        options: keywords of the builder.
        weights: what the model of all inputs begins with; None: nothing.
    """

    def __init__(
        self,
        recipe: Recipe,
        size: str,
        training: Training,
        options: Mapping[str, Any],
        weights: str | os.PathLike | None = None,
    ):
        self._recipe, self._builder, self._size, self._training = recipe, recipe.builder(), size, training
        self._options, self._weights = dict(options), weights
        self._first: dict[int, Any] = {}

    def schema(self, seed: int) -> Schema:
        """Of the model of all inputs; it is built for that, and kept for `build`."""
        if seed not in self._first:
            self._first[seed] = self._built(None, {}, seed)
        return self._first[seed].schema

    def build(self, data, arm: Arm, seed: int):
        """A fresh model.

        Args:
            data: what it is for; its schema names all inputs.
            arm: which.
            seed: of the initial weights.
        """
        if arm.name == ALL and seed in self._first:
            return self._first.pop(seed)
        return self._built(arm.inputs, arm.builder, seed)

    def presets(self) -> dict[str, Any]:
        """What the builder was told of how inputs are read: its keywords "image", "text" and "audio"."""
        keywords = {**self._training.for_builder(), **self._options}
        return {kind: keywords[kind] for kind in ("image", "text", "audio") if keywords.get(kind) is not None}

    def learner(self, schema: Schema, seed: int):
        """The model without its frozen encoders, see `Recipe.learner`."""
        keywords = {**self._training.for_builder(), **self._options}
        return self._recipe.learner(schema, size=self._size, seed=seed, **keywords)

    def _built(self, inputs, changes, seed):
        from mmzoo.fusion.arm import only_inputs

        keywords = {**self._training.for_builder(inputs), **self._options, **changes}
        with only_inputs(inputs):
            return self._builder(size=self._size, weights=self._weights, seed=seed, **keywords)
