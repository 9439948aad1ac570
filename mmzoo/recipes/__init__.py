"""Recipes: one builder, one data set and the hyper-parameters, with the record of what came of it."""

from __future__ import annotations

import importlib

_RECIPES = {"road_sign": "mmzoo.recipes.road_sign"}


def get_recipe(name: str):
    """The module of a model's recipe, with its `train`, `evaluate` and `export` functions.

    Raises:
        ValueError: there is no such recipe; the message lists those there are.
    """
    if name not in _RECIPES:
        raise ValueError(f"no recipe for {name!r}; there are recipes for {sorted(_RECIPES)}")
    return importlib.import_module(_RECIPES[name])
