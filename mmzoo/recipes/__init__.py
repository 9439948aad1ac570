"""Recipes: one builder, its data sets and the hyper-parameters, with the record of what came of it."""

from __future__ import annotations

import importlib
import pkgutil

from mmzoo.recipes import zoo
from mmzoo.recipes.recipe import EpochContext, Recipe, Training

__all__ = ["EpochContext", "Recipe", "Training", "get_recipe", "list_recipes", "recipe_module"]


def list_recipes() -> list[str]:
    """The names of all recipes: the files in mmzoo/recipes/zoo/.

    >>> "road_sign" in list_recipes()
    True
    """
    return sorted(module.name for module in pkgutil.iter_modules(zoo.__path__))


def recipe_module(name: str):
    """The module of a recipe; its docstring records what was run and what came of it.

    Raises:
        ValueError: there is no such recipe; the message lists those there are.
    """
    if name not in list_recipes():
        raise ValueError(f"no recipe for {name!r}; there are recipes for {list_recipes()}")
    return importlib.import_module(f"mmzoo.recipes.zoo.{name}")


def get_recipe(name: str) -> Recipe:
    """A model's `Recipe`.

    Raises:
        ValueError: there is no such recipe; the message lists those there are.
    """
    return recipe_module(name).RECIPE
