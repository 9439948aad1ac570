"""`train` of any recipe: arms, seeds, folds, evaluation, bundle, card, record."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mmzoo.files import holding, replace_text
from mmzoo.recipes.recipe import Recipe
from mmzoo.recipes.running.arm_runs import Plan, Trained, run_arms
from mmzoo.recipes.running.arms import arms_of
from mmzoo.recipes.running.exporting import export_failing_in_a_line, exported
from mmzoo.recipes.running.frozen import frozen_learner
from mmzoo.recipes.running.models import RecipeModels
from mmzoo.recipes.running.options import model_name, run_options
from mmzoo.recipes.running.recording.card import recipe_card
from mmzoo.recipes.running.recording.hardware import machine, versions
from mmzoo.recipes.running.recording.identity import RunIdentity
from mmzoo.recipes.running.recording.record import RECORD, RunRecord, origin, units
from mmzoo.recipes.running.reporting import MOST_PARITY_SAMPLES, given_records, page_about, report
from mmzoo.recipes.running.seen_rows import write_trained_rows
from mmzoo.recipes.running.sources import MEASURED, TRAIN, RecipeSource

ALL_FOLDS = "all"


@holding
def train(
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    size: str | None = None,
    data: str | None = None,
    data_dir: str | os.PathLike | None = None,
    fold: int | str | None = None,
    all_rows: bool = False,
    seed: int = 0,
    seeds: int = 1,
    arms: bool = False,
    shuffle: Iterable[str | tuple[str, ...]] = (),
    baselines: bool = True,
    epochs: int | None = None,
    weights: str | os.PathLike | None = None,
    limit: int | None = None,
    options: Mapping[str, Any] | None = None,
    jit_compile: bool | str = "auto",
    tensorboard: bool = False,
    export_bundle: bool = True,
    step_time: bool = False,
    overwrite: bool = False,
    verbose: int | str = "auto",
    command: str = "",
    say: Callable[[str], None] = print,
) -> RunRecord:
    """Trains, evaluates and exports in one go; called again after an interruption, it goes on where it was.

    Args:
        recipe: what to train.
        out: folder of the run: training/ (history, checkpoints), arms.csv, evaluation/, bundle/, run.json.
        size: of the model; None: "small", or the recipe's first.
        data: name of one of its data sets; None: the first.
        data_dir: that data set's folder.
        fold: which of its splits into training and validation rows; None: the first; "all": every one, and the figures
            are of all folds' validation rows together. The bundle is the first fold's model.
        all_rows: train on all rows, so that none is left to measure on: what the recipe is worth is then what its runs
            on folds say.
        seed: of everything random.
        seeds: number of trainings of each arm, with `seed`, `seed + 1`, ... on the same rows.
        arms: also train the recipe's arms: each input alone, plain concatenation, and its controls.
        shuffle: more controls: inputs, or several together, to be shuffled between samples, in training and measuring.
        baselines: also measure what a sceptic would try first.
        epochs: instead of the recipe's.
        weights: what the model of all inputs begins with: a name, or the path of a file or bundle.
        limit: at most so many training samples.
        options: the builder's, the data set's and the recipe's own, by name.
        jit_compile: XLA: "auto" (measured on a CPU), True or False.
        tensorboard: also write TensorBoard logs.
        export_bundle: also export.
        step_time: also measure a training step with and without XLA, for the record.
        overwrite: replace a run that lies in `out`, whatever it is.
        verbose: of `mmzoo.fit`.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        The record of the run.

    Raises:
        ValueError: an unknown size, data set, fold or option; or a run in `out` that rests on something else. The
            message lists those there are, or what is different.
        mmzoo.recipes.running.exporting.ExportError: the export failed; evaluation and record are written.
        FileExistsError: another process works in `out`; the message names it.
    """
    out = pathlib.Path(out)
    size = size or recipe.default_size
    data, data_set = recipe.data_set(data)
    chosen = run_options(recipe, data_set, options or {})
    training = recipe.training_for(size, data, epochs)
    # As they stand in the record, which names no folders.
    named = {name: value if value is None or not isinstance(value, str | os.PathLike) else origin(value)
             for part in dataclasses.asdict(chosen).values() for name, value in part.items()}  # fmt: skip
    folds = _folds(data_set, fold, all_rows)
    if weights is not None and (arms or tuple(shuffle)):
        raise ValueError("weights: the arms begin with nothing; give weights or arms, not both")
    if all_rows and (arms or tuple(shuffle)):
        raise ValueError("all_rows: no row is left to measure arms on")
    settings = {
        **{"recipe": recipe.name, "size": size, "data": data, "folds": list(folds), "all_rows": all_rows},
        **{"limit": limit, "weights": origin(weights), "options": named},
        **{"training": dataclasses.asdict(training), "data_seed": seed, "versions": versions()},
    }
    described = recipe.from_rows(data_set.folder(data_dir), data, training) if recipe.from_rows else {}
    if described:
        settings["described"] = hashlib.sha256(repr(sorted(described.items())).encode()).hexdigest()[:16]
    identity = RunIdentity(out, settings, overwrite=overwrite)
    models = RecipeModels(recipe, size, training, {**chosen.builder, **described}, weights)
    schema = models.schema(seed)
    beside = {"alone": recipe.arms, "concat": recipe.concat and chosen.builder.get("fusion") != "concat"}
    # One control once, whether the recipe or the user asks for it.
    controls = dict.fromkeys(
        (one,) if isinstance(one, str) else tuple(one) for one in (*(recipe.controls if arms else ()), *shuffle)
    )
    say(f"Loading {data} ...")
    source = RecipeSource(
        recipe, data, schema,
        data_dir=data_dir, training=training, options=chosen.data, own_options=chosen.own, limit=limit,
        all_rows=all_rows, seed=seed,
    )  # fmt: skip
    first = source.load(folds[0], seed)
    say(f"{first.count(TRAIN):,} training and {first.count(MEASURED):,} validation samples; {first.note}.")
    write_trained_rows(out, first.parts[TRAIN])
    plan = Plan(
        out=out,
        source=source,
        arms=arms_of(schema.given, beside=arms, shuffled=controls, **beside),
        build=models.build,
        training_for=lambda rows: training,
        folds=folds,
        seeds=tuple(range(seed, seed + seeds)),
        baselines=_baselines_of(recipe) if baselines and recipe.baselines else None,
        baseline_seeds=(seed,),
        identity=identity,
        learner=frozen_learner(models, out, say) if recipe.learner else None,
        fit={"jit_compile": jit_compile, "tensorboard": tensorboard},
        verbose=verbose,
        say=say,
    )
    trained = run_arms(plan)
    record = RunRecord(
        recipe=recipe.name,
        model=model_name(recipe, size, chosen.builder),
        data=data,
        split=trained.split,
        note=first.note,
        seed=seed,
        samples=trained.data.count(MEASURED),
        parameters=int(trained.model.count_params()),
        outputs=units(schema),
        figures=[],
        machine=machine(),
        held_out=not all_rows,
        command=command,
        settings={**dataclasses.asdict(training), **named},
        training={
            "samples": trained.data.count(TRAIN),
            "epochs": training.epochs,
            "minutes": trained.minutes,
            "weights": origin(weights),
            "limit": limit,
        },
        rests_on=identity.settings,
    )
    if step_time:
        from mmzoo.recipes.running.step_time import step_times

        say("Measuring a training step with and without XLA ...")
        record = dataclasses.replace(record, step_time=step_times(trained.model, trained.data.part(TRAIN)))
    return _finish(recipe, out, record, trained, export_bundle, say)


def _finish(recipe: Recipe, out, record: RunRecord, trained: Trained, export_bundle: bool, say) -> RunRecord:
    """Evaluation, export, card and record, from the data that is there."""
    model, data, figures = trained.model, trained.data, trained.figures
    result = None
    if data.has(MEASURED):
        say(f"Measuring on {data.count(MEASURED):,} samples of {record.data}, {record.split} ...")
        result = report(model, data.part(MEASURED, model.schema.given), record.note, recipe.failures)
        given = given_records(result, record.split, record.seed, record.parameters)
        record = dataclasses.replace(record, figures=[*figures.records(), *given])
    # First without the bundle, so that a failing export costs nothing of it.
    _write(out, record, result, None, recipe)
    if export_bundle:
        part = MEASURED if data.has(MEASURED) else TRAIN
        samples = [data.part(part, model.schema.given)]
        count = min(data.count(part), MOST_PARITY_SAMPLES)
        with export_failing_in_a_line(out):
            bundle = exported(model, out / "bundle", samples, say=say, overwrite=True, parity_samples=count)
        record = dataclasses.replace(record, parity=bundle.parity)
        replace_text(bundle.path / "CARD.md", recipe_card(recipe, record, model.schema))
        _write(out, record, result, bundle, recipe)
    return record


def _write(out, record, result, bundle, recipe):
    record.save(out / RECORD)
    if result is not None:
        result.write(out / "evaluation", bundle=bundle, **page_about(record, recipe))


def _folds(data_set, fold, all_rows):
    if all_rows:
        if fold is not None:
            raise ValueError(f"all_rows: trains on the rows of every fold; fold {fold!r} means nothing")
        return (None,)
    if fold == ALL_FOLDS:
        if data_set.folds is None:
            raise ValueError("fold: the data has one split of its own, got 'all'")
        return tuple(range(data_set.folds))
    return (0 if fold is None and data_set.folds is not None else fold,)


def _baselines_of(recipe):
    def baselines(data, seed):
        train, measured = data.parts[TRAIN], data.parts[MEASURED]
        found = {name: baseline(train, measured, data.schema) for name, baseline in recipe.baselines.items()}
        return {name: predictions for name, predictions in found.items() if predictions is not None}

    return baselines
