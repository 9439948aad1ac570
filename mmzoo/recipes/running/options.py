"""Whose option is whose: the builder's, the data set's, the recipe's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mmzoo.data.samples.samples import DataSet, Option, checked_options
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.recording.record import origin
from mmzoo.schema.names import ascii_name


@dataclasses.dataclass(frozen=True)
class RunOptions:
    """What the user gave beside what every recipe takes, all defaults filled in.

    Attributes:
        builder: keywords of the builder.
        data: keywords of the data set.
        own: for the recipe's hooks.
    """

    builder: Mapping[str, Any]
    data: Mapping[str, Any]
    own: Mapping[str, Any]


def options_of(recipe: Recipe, data_set: DataSet | None = None) -> dict[str, Option]:
    """All options of a recipe with a data set; None: with all of its data sets.

    Raises:
        ValueError: two of them have the same name.
    """
    sets = list(recipe.data.values()) if data_set is None else [data_set]
    found: dict[str, Option] = {}
    for options in (recipe.builder_options, recipe.options, *(one.options for one in sets)):
        for name, option in options.items():
            if found.setdefault(name, option) != option:
                raise ValueError(f"recipe {recipe.name}: two options are called {name!r}")
    return found


def run_options(recipe: Recipe, data_set: DataSet, given: Mapping[str, Any]) -> RunOptions:
    """Deals out what the user gave.

    Args:
        recipe: the recipe.
        data_set: the data set that is used.
        given: name -> value; None is not given.

    Raises:
        ValueError: a name that is no option here, or a value that is none; the message lists those there are.
    """
    given = {name: value for name, value in given.items() if value is not None}
    known = options_of(recipe, data_set)
    values = checked_options(known, given, f"{recipe.name} with this data")
    return RunOptions(
        # What the builder is not told, it decides itself.
        builder={name: values[name] for name in recipe.builder_options if values[name] is not None},
        data={name: values[name] for name in data_set.options},
        own={name: values[name] for name in recipe.options},
    )


def model_name(recipe: Recipe, size: str, builder: Mapping[str, Any]) -> str:
    """What the model of a run is called in results.csv: recipe, size, and what of the builder's is not as it comes.

    Args:
        recipe: the recipe.
        size: of the model.
        builder: the builder's keywords that the user may give.
    """
    changed = [value for name, value in builder.items() if value != recipe.builder_options[name].default]
    return "_".join([recipe.name, size, *(ascii_name(str(origin(value))) for value in changed)])


def data_options_of(recipe: Recipe) -> dict[str, Option]:
    """The options of all data sets of a recipe."""
    return {name: option for one in recipe.data.values() for name, option in one.options.items()}
