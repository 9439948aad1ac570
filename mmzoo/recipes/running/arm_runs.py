"""The heart of every training: each fold, seed and arm is trained once, measured once, and never again."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.files import replace_file
from mmzoo.recipes.recipe import Training
from mmzoo.recipes.running.arms import ALL, Arm
from mmzoo.recipes.running.progress import ArmProgress
from mmzoo.recipes.running.recording.arms_table import ArmsTable
from mmzoo.recipes.running.recording.identity import RunIdentity
from mmzoo.recipes.running.retracing import without_retracing_warnings
from mmzoo.recipes.running.sources import MEASURED, TRAIN, WATCHED
from mmzoo.tasks import task_for

PREDICTIONS = "predictions.npz"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What is to be trained.

    Attributes:
        out: the run's folder.
        source: of the data, see `mmzoo.recipes.running.sources`.
        arms: the first is the model that ships.
        build: (data, arm, seed) -> a fresh model.
        training_for: number of training rows -> hyper-parameters.
        folds: (None,) where there is one split.
        seeds: one training of every arm for each.
        baselines: (data, seed) -> name -> output -> predictions (N, *shape) for the measured rows, or its figures.
        baseline_seeds: for which seeds; () for none.
        identity: of the run.
        learner: (model, data, arm, seed) -> (the model to train, the data it sees), where less than the whole model
            learns and is quicker to train by itself; afterwards the whole model takes over what that has learnt.
        fit: more keywords of `mmzoo.fit`.
        verbose: of `mmzoo.fit`; None: a progress bar over all trainings instead.
        say: prints a line.
    """

    out: pathlib.Path
    source: Any
    arms: tuple[Arm, ...]
    build: Callable[[Any, Arm, int], Any]
    training_for: Callable[[int], Training]
    folds: tuple[int | None, ...] = (None,)
    seeds: tuple[int, ...] = (0,)
    baselines: Callable[[Any, int], Mapping[str, Mapping[str, Any]]] | None = None
    baseline_seeds: tuple[int, ...] = ()
    identity: RunIdentity
    learner: Callable[[Any, Any, Arm, int], tuple[Any, Any]] | None = None
    fit: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    verbose: int | str | None = "auto"
    say: Callable[[str], None] = print


@dataclasses.dataclass(frozen=True)
class Trained:
    """What came of a plan.

    Attributes:
        model: the first fold's and seed's model of all inputs, with the weights that ship.
        data: its data.
        training: its hyper-parameters.
        minutes: that its epochs took.
        figures: of all arms.
        split: what the rows are called that it was measured on.
    """

    model: Any
    data: Any
    training: Training
    minutes: float
    figures: ArmsTable
    split: str


@without_retracing_warnings()
def run_arms(plan: Plan) -> Trained:
    """Trains and measures what is not there yet; called again after an interruption, it goes on where it was."""
    figures = ArmsTable(plan.out / "arms.csv")
    kept, known = None, 0
    with ArmProgress(len(plan.folds) * len(plan.seeds) * len(plan.arms), plan.verbose is None) as bar:
        for fold in plan.folds:
            for seed in plan.seeds:
                data = plan.source.load(fold, seed)
                plan.identity.add(_rows(data, fold, seed))
                for arm in plan.arms:
                    was_there = data.has(MEASURED) and _is_done(plan, figures, fold, seed, arm)
                    is_main = (fold, seed, arm.name) == (plan.folds[0], plan.seeds[0], ALL)
                    if is_main or (data.has(MEASURED) and not was_there):
                        model, shown = _train_and_measure(plan, figures, data, arm, fold, seed, bar)
                        if is_main:
                            kept = model, shown
                    known += was_there
                    bar.done()
                _add_baselines(plan, figures, data, fold, seed)
    if known:
        plan.say(f"{plan.out}: {known} of {len(plan.folds) * len(plan.seeds) * len(plan.arms)} trainings were finished "
                 "already and are taken as they are; --overwrite trains anew")  # fmt: skip
    if len(plan.folds) > 1:
        _add_pooled(plan, figures)
    model, data = kept
    folder = arm_folder(plan.out, plan.folds[0], plan.seeds[0], plan.arms[0])
    training = plan.training_for(data.count(TRAIN))
    return Trained(model, data, training, _minutes(folder), figures, plan.source.split_name(plan.folds[0]))


def arm_folder(out: pathlib.Path, fold: int | None, seed: int, arm: Arm) -> pathlib.Path:
    """Where an arm's training lies."""
    return out / "training" / (f"seed{seed}" if fold is None else f"fold{fold}_seed{seed}") / arm.folder


def _rows(data, fold, seed):
    name = "rows" if fold is None else f"rows of fold {fold}"
    parts = {part: data.fingerprint(part) for part in (TRAIN, WATCHED, MEASURED) if data.has(part)}
    return {f"{name}, seed {seed}": parts}


def _is_done(plan, figures, fold, seed, arm):
    return figures.holds(plan.source.split_name(fold), seed, arm.name)


def _train_and_measure(plan, figures, data, arm, fold, seed, bar):
    name = ", ".join([*([] if fold is None else [f"fold {fold}"]), f"seed {seed}: {arm.name}"])
    training = plan.training_for(data.count(TRAIN))
    bar.begin(name, training.epochs)
    if plan.verbose is not None and len(plan.arms) * len(plan.seeds) * len(plan.folds) > 1:
        plan.say(f"Training {name} ...")
    if arm.shuffled:
        data = data.shuffled(arm.shuffled, seed)
    folder = arm_folder(plan.out, fold, seed, arm)
    model, (learner, seen) = _train(plan, data, arm, training, seed, folder, bar)
    if data.has(MEASURED) and not _is_done(plan, figures, fold, seed, arm):
        predicted = predictions(learner, seen, MEASURED)
        if len(plan.folds) > 1:
            _keep(folder / PREDICTIONS, data, predicted)
        found = measured(data, MEASURED, predicted)
        figures.add(
            plan.source.split_name(fold), seed, arm.name, found, data.count(MEASURED), int(model.count_params())
        )
    return model, data


def _train(plan, data, arm, training, seed, folder, bar):
    from mmzoo.models.parts.frozen import take_over
    from mmzoo.training import fit, fit_stagewise

    model = plan.build(data, arm, seed)
    learner, seen = plan.learner(model, data, arm, seed) if plan.learner else (model, data)

    def rows_for(names):
        return seen.batches(names, training=training, seed=seed), seen.watched(names)

    settings = dict(
        out=folder,
        seed=seed,
        verbose=0 if plan.verbose is None else plan.verbose,
        callbacks=[] if plan.verbose is not None else [bar.callback()],
        **training.for_fit(arm.inputs),
        **plan.fit,
    )
    stages = training.for_stages(arm.inputs)
    if stages is None:
        fit(learner, *rows_for(arm.inputs), **settings)
    else:
        fit_stagewise(learner, *rows_for(arm.inputs), data_for=rows_for, **{**settings, **stages})
    if learner is not model:
        take_over(model, learner)
    return model, (learner, seen)


def predictions(model, data, part: str) -> dict[str, np.ndarray]:
    """What a model says of a part of the data: output -> float (N, *shape)."""
    from mmzoo.evaluation.arrays import predict_arrays

    inputs, _ = data.part(part, model.schema.given)
    return predict_arrays(model, inputs)


def measured(data, part: str, predicted: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Output -> metric -> value of predictions for a part of the data."""
    _, targets = data.part(part, ())
    return measured_targets(data.schema, targets, predicted)


def measured_targets(schema, targets, predicted) -> dict[str, dict[str, float]]:
    """Output -> metric -> value of predictions, by each output's task; of those that were predicted."""
    from mmzoo.evaluation.metrics import measure_output

    return {
        name: measure_output(name, kind, targets[name], predicted[name])
        for name, kind in schema.predicted.items()
        if name in predicted
    }


def _add_baselines(plan, figures, data, fold, seed):
    if plan.baselines is None or seed not in plan.baseline_seeds or not data.has(MEASURED):
        return
    split = plan.source.split_name(fold)
    marker = arm_folder(plan.out, fold, seed, Arm("baselines.done", ()))
    if marker.is_file():
        return
    for name, found in plan.baselines(data, seed).items():
        kinds = plan.source.schema
        rows = {
            output: task_for(kinds[output]).reduce(kinds[output], value)
            for output, value in found.items()
            if not isinstance(value, Mapping)
        }
        if rows and len(plan.folds) > 1:
            _keep(arm_folder(plan.out, fold, seed, Arm(name, ())) / PREDICTIONS, data, rows)
        values = {**{n: value for n, value in found.items() if n not in rows}, **measured(data, MEASURED, rows)}
        figures.add(split, seed, name, values, data.count(MEASURED), None)
    marker.touch()


def _add_pooled(plan, figures):
    """The figures over all folds: the predictions of each fold's measured rows joined, then measured."""
    split = plan.source.pooled_name(plan.folds)
    for seed in plan.seeds:
        for name in dict.fromkeys(figures.table.arm):
            files = [arm_folder(plan.out, fold, seed, Arm(name, ())) / PREDICTIONS for fold in plan.folds]
            if figures.holds(split, seed, name) or not all(file.is_file() for file in files):
                continue
            targets, predicted = _joined(files)
            count = len(next(iter(targets.values())))
            sizes = figures.table[(figures.table.arm == name) & (figures.table.seed == seed)].parameters
            parameters = None if sizes.isna().all() else int(sizes.dropna().iloc[0])
            figures.add(split, seed, name, measured_targets(plan.source.schema, targets, predicted), count, parameters)


def _keep(path, data, predicted):
    """Sets predictions down beside their targets, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _, targets = data.part(MEASURED, ())
    arrays = {f"target/{name}": targets[name] for name in predicted}
    arrays |= {f"predicted/{name}": array for name, array in predicted.items()}
    replace_file(path, lambda part: np.savez(part, **arrays))


def _joined(files):
    """(targets, predictions) of several files, one behind the other."""
    loaded = [dict(np.load(file)) for file in files]
    return tuple(
        {
            key.removeprefix(start): np.concatenate([arrays[key] for arrays in loaded])
            for key in loaded[0]
            if key.startswith(start)
        }
        for start in ("target/", "predicted/")
    )


def _minutes(folder: pathlib.Path) -> float:
    """Time of all epochs of all stages, those before an interruption included."""
    histories = sorted(folder.rglob("history.csv"))
    return round(sum(float(pd.read_csv(path).seconds.sum()) for path in histories) / 60, 1)
