"""`mmzoo train | evaluate | export | bench NAME`: the commands of the zoo's models."""

from __future__ import annotations

import pathlib

from mmzoo.cli.commands import (
    REQUIRED,
    Given,
    common,
    help_or_error,
    option,
    recipe_command,
    run_command,
    split_off,
)
from mmzoo.cli.recorded import recorded_command
from mmzoo.recipes import list_recipes
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.options import data_options_of

_SEED = option(int, 0, "Of everything random.", min=0)
_LIMIT = "At most so many samples."
_WEIGHTS = "{}, or a .keras file or bundle."


def run(action: str, words: list[str]) -> None:
    """Runs a command on the recipe that is named in its words.

    Args:
        action: "train", "evaluate", "export" or "bench".
        words: what was typed behind it.
    """
    name, rest = split_off(words, list_recipes())
    function, parameters, about, options = _ACTIONS[action]
    if name is None:
        help_or_error(words, f"mmzoo {action}", about)
    else:
        made = recipe_command(name, function, parameters, about, options=options)
        run_command(made, rest, f"mmzoo {action} {name}")


def _weights(recipe: Recipe, default: str) -> Given:
    from mmzoo.bundles import saved_models_dir

    names = {path.parent.name for path in saved_models_dir().glob(f"{recipe.name}_*/schema.json")}
    shipped = sorted(name for name in recipe.data if any(bundle.endswith(f"_{name}") for bundle in names))
    said = _WEIGHTS.format(", ".join(shipped)) if shipped else "A .keras file or bundle."
    return option(str | None, None, f"{said} {default}")


def _train_parameters(recipe: Recipe) -> dict[str, Given]:
    return {
        "out": option(pathlib.Path, REQUIRED, "Folder of the run; an interrupted run in it goes on."),
        **common(recipe, every_fold=True),
        "all_rows": option(
            bool, False, "Train on all rows; nothing is left to measure on.", "--all-rows", "--all-tracks"
        ),
        "seed": _SEED,
        "seeds": option(int, 1, "Trainings of each arm, each with a seed of its own.", min=1),
        "arms": option(bool, False, "Also each input alone, plain concatenation, and controls.", "--arms"),
        "shuffle": option(
            list[str] | None, None, "Control: an input (or a,b) shuffled between samples; may be repeated."
        ),
        "baselines": option(bool, True, "Also what a sceptic would try first."),
        "epochs": option(int | None, None, "Instead of the recipe's.", min=1),
        "weights": _weights(recipe, "What to begin with; nothing without."),
        "limit": option(int | None, None, f"{_LIMIT[:-1]} to train on.", min=1),
        "xla": option(bool | None, None, "Compile the training with XLA, or don't.", "--xla/--no-xla"),
        "step_time": option(bool, False, "Also time a step with and without XLA.", "--step-time"),
        "tensorboard": option(
            bool, False, "Also write TensorBoard logs (needs mmzoo\\[tensorboard]).", "--tensorboard"
        ),
        "export": option(bool, True, "Also write the bundle."),
        "overwrite": option(bool, False, "Replace a run that lies there.", "--overwrite"),
    }


def _train(recipe: Recipe, *, out, options, xla, export, shuffle, **given) -> None:
    from mmzoo.cli.figures import print_figures
    from mmzoo.recipes.running.training import train

    record = train(
        recipe,
        out,
        options=options,
        jit_compile="auto" if xla is None else xla,
        export_bundle=export,
        shuffle=[tuple(word.split(",")) for word in shuffle or ()],
        command=recorded_command(),
        **given,
    )
    print_figures(record)
    print("Done:", *(f"{out}/{name}" for name in ("bundle", "evaluation", "run.json") if (out / name).exists()))


def _evaluate_parameters(recipe: Recipe) -> dict[str, Given]:
    splits = dict.fromkeys(split for one in recipe.data.values() for split in one.splits)
    return {
        "out": option(
            pathlib.Path, REQUIRED, "Folder for evaluation/, the figures, tables and pictures, and run.json."
        ),
        **common(recipe),
        "weights": _weights(recipe, "The first that ship without."),
        "split": option(str, "validation", f"{', '.join(splits)}."),
        "seed": _SEED,
        "limit": option(int | None, None, _LIMIT, min=1),
        "disagree": option(
            list[str] | None, None,
            "Also with this input from a sample of another class: whom does the model follow? May be repeated.",
        ),
    }  # fmt: skip


def _evaluate(recipe: Recipe, *, out, options, disagree, **given) -> None:
    from mmzoo.cli.figures import print_figures
    from mmzoo.evaluation import markdown_table
    from mmzoo.recipes.running.evaluating import evaluate

    record, result = evaluate(
        recipe, out, options=options, disagree=disagree or (), command=recorded_command(), **given
    )  # fmt: skip
    print(f"\n{record.model} on {record.samples:,} samples of {record.data}, {record.split} ({record.note})\n")
    print_figures(record)
    if result.missing_inputs is not None:
        print(f"\n{markdown_table(result.missing_inputs)}")
    for name, outputs in result.disagreements.items():
        for output, found in outputs.items():
            shares = [f"{100 * found[f'follows_{whom}']:.1f} %" for whom in ("swapped", "others", "neither")]
            print(
                f"{output}, where {name} is one of another class ({found['samples']:,} samples): follows {name} "
                f"{shares[0]}, the other inputs {shares[1]}, neither {shares[2]}"
            )
    print("Files:", *(str(file) for file in result.files), sep="\n  ")


def _export_parameters(recipe: Recipe) -> dict[str, Given]:
    return {
        "out": option(pathlib.Path, REQUIRED, "Folder of the bundle to write."),
        "weights": _weights(recipe, "The first that ship without."),
        **common(recipe),
        "overwrite": option(bool, False, "Replace a bundle that is there.", "--overwrite"),
    }


def _export(recipe: Recipe, *, out, options, **given) -> None:
    from mmzoo.recipes.running.evaluating import export

    bundle = export(recipe, out, options=options, **given)
    print("Done:", *(str(file) for file in bundle.files), sep="\n  ")


def _bench_parameters(recipe: Recipe) -> dict[str, Given]:
    return {
        "out": option(pathlib.Path, REQUIRED, "Folder for bench.csv and bench.md."),
        **common(recipe),
        "weights": _weights(recipe, "The first that ship without."),
        "quick": option(bool, False, "As little as shows that everything runs.", "--quick"),
    }


def _bench(recipe: Recipe, *, out, options, size, **given) -> None:
    from rich.console import Console

    from mmzoo.bench import rich_table, run

    size = size or recipe.default_size
    figures, where = run(recipe, out, size=size, options=options, command=recorded_command(), **given)
    Console().print(rich_table(figures, f"{recipe.name} {size}; {where}"))
    print(f"Done: {out}/bench.csv, {out}/bench.md")


def _all_options(recipe: Recipe):
    from mmzoo.recipes.running.options import options_of

    return options_of(recipe)


_ACTIONS = {
    "train": (_train, _train_parameters, "Trains, evaluates and exports a model from its recipe.", _all_options),
    "evaluate": (
        _evaluate, _evaluate_parameters, "Measures weights on a split, and what each missing input costs.",
        data_options_of,
    ),
    "export": (
        _export, _export_parameters, "Writes the bundle: SavedModel, LiteRT files, parity certificate, card.",
        data_options_of,
    ),
    "bench": (
        _bench, _bench_parameters,
        "Measures this machine: latency in every runtime, training, start on the edge, memory.", data_options_of,
    ),
}  # fmt: skip
