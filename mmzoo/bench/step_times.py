"""A training step of every model of the zoo with and without XLA: docs/speed.md has the table.

    python -m mmzoo.bench.step_times [NAME ...] [--size small]

The samples are random: what a step takes depends on their shapes alone. With and without are measured in turn in one
process, so compare the two times of a line, not the lines of two runs.
"""

from __future__ import annotations

import argparse

import numpy as np

from mmzoo.models.registry import build_model, list_models
from mmzoo.recipes import get_recipe, list_recipes
from mmzoo.recipes.running.recording.hardware import machine
from mmzoo.recipes.running.step_time import WITH, WITHOUT, step_times

BATCH = 64


def line(name: str, size: str | None = None) -> str:
    """A model's line of the table, as Markdown.

    Args:
        name: of a registered model that has a recipe.
        size: of the model; None: that of its recipe's default.
    """
    from mmzoo.exporting.probes import random_samples

    size = size or get_recipe(name).default_size
    model = build_model(name, size=size, seed=0)
    rng = np.random.default_rng(0)
    targets = {output: kind.random_targets(BATCH, rng) for output, kind in model.schema.predicted.items()}
    times = step_times(model, (random_samples(model.schema, BATCH, seed=0), targets), batch_size=BATCH)
    cells = [f"{times[way]:.0f}" if isinstance(times[way], int | float) else times[way] for way in (WITHOUT, WITH)]
    return f"| {name}, {size} | {model.count_params():,} | {cells[0]} | {cells[1]} |"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="of models; without: all that have a recipe")
    parser.add_argument("--size", help="of the models; without: the default of each recipe")
    options = parser.parse_args(arguments)
    names = options.names or [name for name in list_models() if name in list_recipes()]
    print(f"{machine()}; {BATCH} samples a step.\n")
    print("| model, size | parameters | ms without XLA | ms with XLA |\n|---|--:|--:|--:|")
    for name in names:
        print(line(name, options.size), flush=True)


if __name__ == "__main__":
    main()
