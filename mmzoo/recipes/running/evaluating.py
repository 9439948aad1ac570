"""`evaluate` and `export` of any recipe's weights."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmzoo.data.samples.samples import TRAIN, VALIDATION, Samples
from mmzoo.files import holding
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.exporting import exported
from mmzoo.recipes.running.options import RunOptions, run_options
from mmzoo.recipes.running.recording.hardware import machine
from mmzoo.recipes.running.recording.identity import RESTS_ON
from mmzoo.recipes.running.recording.record import RECORD, RunRecord, units
from mmzoo.recipes.running.reporting import (
    MOST_PARITY_SAMPLES,
    disagreement_records,
    given_records,
    own_records,
    page_about,
    report,
)
from mmzoo.recipes.running.seen_rows import seen


@holding
def evaluate(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    model=None,
    size: str | None = None,
    weights: str | os.PathLike | None = None,
    data: str | None = None,
    data_dir: str | os.PathLike | None = None,
    split: str = VALIDATION,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    disagree: Iterable[str] = (),
    options: Mapping[str, Any] | None = None,
    command: str = "",
    say: Callable[[str], None] = print,
):
    """Measures weights on a split: metrics, missing-input table, report.

    Args:
        recipe: whose weights they are.
        out: folder for evaluation/ (metrics.json, report.html, tables, pictures) and run.json.
        model: the model; None: as `weights` says.
        size: of weights that go by a name.
        weights: a name ("gtsrb"), or the path of a bundle or file; None: the weights named after the first data set.
        data: name of a data set of the recipe; None: the first.
        data_dir: its folder.
        split: "train", "validation", "all", or what else the data set has.
        fold: which of its splits into training and validation rows.
        seed: of what is simulated.
        limit: at most so many samples.
        disagree: inputs to be taken from a sample of another class, one after another, to see which the model follows.
        options: the data set's own, by name.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        (the record, the `Evaluation`).

    Raises:
        ValueError: an unknown data set, split, fold, option or weights; the message lists those there are. Or `out` is
            the folder of a training.
    """
    out = pathlib.Path(out)
    if (out / RESTS_ON).is_file():
        raise ValueError(f"{out}: is the folder of a training; name another one")
    data, data_set = recipe.data_set(data)
    size = size or recipe.default_size
    path = None
    if model is None:
        path = weights_path(recipe, weights, size)
        model = loaded(recipe, path, size)
    chosen = _data_options(recipe, data_set, options)
    samples = data_set(
        data_dir, split, schema=model.schema, fold=fold, seed=seed, limit=limit, **chosen.data
    )  # fmt: skip
    in_folds = data_set.folds is not None and split in (TRAIN, VALIDATION)
    named = f"{split} (fold {fold or 0})" if in_folds else split
    held_out, why = _held_out(path, data, split, samples)
    note = f"{samples.note}; {why}" if why else samples.note
    say(f"Evaluating on {len(samples):,} samples of {data} {split} ({note}) ...")
    result = report(model, samples.arrays(list(model.schema.given)), note, recipe.failures, tuple(disagree))
    record = RunRecord(
        recipe=recipe.name,
        model=_model_name(recipe, path, size, data),
        data=data,
        split=named,
        note=note,
        seed=seed,
        samples=result.samples,
        parameters=int(model.count_params()),
        outputs=units(model.schema),
        figures=[],
        machine=machine(),
        held_out=held_out,
        command=command,
    )
    rows = [
        *own_records(result, named, seed, record.parameters),
        *given_records(result, named, seed, record.parameters),
        *disagreement_records(result, named, seed, record.parameters),
    ]
    record = dataclasses.replace(record, figures=rows)
    bundle = path if path is not None and (path / "parity.json").is_file() else None
    result.write(out / "evaluation", bundle=bundle, **page_about(record, recipe))
    record.save(out / RECORD)
    return record, result


def export(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    size: str | None = None,
    weights: str | os.PathLike | None = None,
    data: str | None = None,
    data_dir: str | os.PathLike | None = None,
    fold: int | None = None,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
):
    """Writes the bundle of weights, calibrated and checked on real samples.

    Args:
        recipe: whose weights they are.
        out: folder of the bundle.
        size, weights, data_dir, options: see `evaluate`.
        data: name of the data set whose validation rows are the samples; None: the first that is made on the spot, or
            else the first.
        fold: which of its splits.
        overwrite: replace a bundle that is there.
        say: prints a line of progress.

    Returns:
        The `Bundle`.

    Raises:
        ValueError: see `evaluate`.
    """
    data, data_set = recipe.data_set(data or set_on_the_spot(recipe))
    size = size or recipe.default_size
    model = loaded(recipe, weights_path(recipe, weights, size), size)
    chosen = _data_options(recipe, data_set, options)
    samples = data_set(data_dir, VALIDATION, schema=model.schema, fold=fold, **chosen.data)
    count = min(len(samples), MOST_PARITY_SAMPLES)
    arrays = samples.arrays(list(model.schema.given))
    return exported(model, pathlib.Path(out), [arrays], say=say, overwrite=overwrite, parity_samples=count)


def set_on_the_spot(recipe: Recipe) -> str | None:
    """The first data set of a recipe that needs no files; None: there is none."""
    return next((name for name, one in recipe.data.items() if not one.layout), None)


def weights_path(recipe: Recipe, weights: str | os.PathLike | None, size: str) -> pathlib.Path:
    """The file or bundle behind a `weights` argument; None is what is named after the recipe's first data set.

    Raises:
        ValueError: neither a path that exists nor weights that ship; the message lists those.
    """
    from mmzoo.models.parts.pretrained import pretrained_path

    if size not in recipe.training:
        raise ValueError(f"size: expected one of {list(recipe.training)}, got {size!r}")
    return pathlib.Path(pretrained_path(next(iter(recipe.data)) if weights is None else weights, recipe.name, size))


def loaded(recipe: Recipe, path: pathlib.Path, size: str):
    """The model in a file or bundle; of a .weights.h5 file, which holds no model, that of the builder.

    Raises:
        ValueError: a model of another recipe.
    """
    import mmzoo

    if path.name.endswith(".weights.h5"):
        return recipe.builder()(size=size, weights=path)
    model = mmzoo.load_model(path)
    if model.schema.name != recipe.name:
        raise ValueError(f"weights: {path} is of {model.schema.name!r}, expected one of {recipe.name!r}")
    return model


def _data_options(recipe, data_set, options) -> RunOptions:
    return run_options(recipe, data_set, options or {})


def _held_out(path, data, split, samples: Samples) -> tuple[bool, str]:
    """(whether the rows are new to the weights, what there is to say if not)."""
    if path is None:
        return True, ""
    count = seen(path, samples)
    if count is None:
        from mmzoo.bundles import saved_models_dir

        # Weights that ship without a list of their rows have seen all of their data but a test split.
        shipped = path.parent == saved_models_dir() and path.name.endswith(f"_{data}")
        count = len(samples) if shipped and split in (TRAIN, VALIDATION, "all") else 0
    if not count:
        return True, ""
    which = "these samples" if count == len(samples) else f"{count:,} of these samples"
    return False, f"{which} were trained on, so these are no figures to quote"


def _model_name(recipe, path, size, data):
    """What the model is called in results.csv: weights measured on other data than theirs go by that too."""
    from mmzoo.bundles import saved_models_dir

    if path is None:
        return f"{recipe.name}_{size}"
    if path.parent == saved_models_dir():
        own = path.name.removesuffix(f"_{data}")
        return own
    run = path.parent / RECORD
    if not run.is_file():
        return f"{recipe.name}_{size}"
    trained = RunRecord.load(run)
    return trained.model if trained.data == data else f"{trained.model}_{trained.data}"
