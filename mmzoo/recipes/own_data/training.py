"""Own data: from a table to a bundle, measured beside each input alone, plain concatenation and scikit-learn.

    mmzoo train data.csv --target label --out RUN

Inspects the table, splits it, trains the model and its arms, measures all of them on test rows that were neither
trained on nor chosen by, exports the first seed's model, runs the bundle on the edge runtime, and writes

    RUN/inspect.html, schema.json   what the table holds, and the schema
    RUN/arms.csv                    every arm's figures, by seed
    RUN/evaluation/report.html      the model's report, with the arms and what each column is worth
    RUN/bundle/                     what goes to the device
    RUN/summary.txt, run.json       ten lines; command, machine, sizes
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.data.tables.splits import SPLITS
from mmzoo.data.tables.table import is_prepared
from mmzoo.files import holding, replace_text
from mmzoo.recipes.own_data.choice import chosen
from mmzoo.recipes.own_data.frozen import Features
from mmzoo.recipes.own_data.recipe import AUTO, TableRecipe
from mmzoo.recipes.own_data.results import model_name
from mmzoo.recipes.own_data.skew import class_weight_for, leading_figures, watched_figure
from mmzoo.recipes.own_data.source import PreparedSource, TableSource
from mmzoo.recipes.own_data.summary import bundle_line, on_the_edge, summary_lines, worth_table
from mmzoo.recipes.own_data.verdict import verdicts
from mmzoo.recipes.running.arm_runs import Plan, Trained, run_arms
from mmzoo.recipes.running.arms import arms_of
from mmzoo.recipes.running.exporting import export_failing_in_a_line, exported
from mmzoo.recipes.running.frozen import features_folder
from mmzoo.recipes.running.recording.hardware import machine, versions
from mmzoo.recipes.running.recording.identity import RunIdentity
from mmzoo.recipes.running.recording.record import RECORD, RunRecord, units
from mmzoo.recipes.running.reporting import given_records, report
from mmzoo.schema import Schema


@dataclasses.dataclass(frozen=True)
class TableRun:
    """What a training on own data came to.

    Attributes:
        out: its folder.
        schema: of the exported model.
        arms: the figures of all arms on the test rows: "seed", "arm", "output", "metric", "value", ...
        summary: ten lines for a person.
        bundle: folder of the bundle, or None.
        model: the exported model.
    """

    out: pathlib.Path
    schema: Schema
    arms: pd.DataFrame
    summary: tuple[str, ...]
    bundle: pathlib.Path | None
    model: Any


@holding
def train(
    table: str | os.PathLike | pd.DataFrame,
    target: str | Sequence[str] | None = None,
    out: str | os.PathLike = "run",
    *,
    schema: Schema | None = None,
    root: str | os.PathLike | None = None,
    kinds: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    image_size: int | tuple[int, int] | None = None,
    split: str | None = None,
    group: str | None = None,
    time: str | None = None,
    unlabelled: Sequence[str] = (),
    mask: Sequence[str] = (),
    fewest: int = 3,
    recipe: TableRecipe = TableRecipe(),
    seeds: int = 1,
    seed: int = 0,
    arms: bool = True,
    baseline: bool = True,
    tensorboard: bool = False,
    export: bool = True,
    on_error: str = "raise",
    allow_outside_root: bool = False,
    missing: Collection[str] = (),
    overwrite: bool = False,
    command: str = "",
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> TableRun:
    """Trains on a table; called again after an interruption, it goes on where it was.

    Args:
        table: a DataFrame, the path of a table (see `mmzoo.encoding.tables.open_table`), or a folder that
            `mmzoo.prepare` wrote, whose schema and splits hold (`target`, `schema`, `split` and what else is about the
            table are then not needed; scikit-learn, which wants the raw texts, is left out).
        target: the column or columns to predict; not needed with `schema`.
        out: folder of the run.
        schema: instead of what `mmzoo.inspect_table` decides; an edited schema.json, for example.
        root, kinds, groups, image_size, allow_outside_root, missing: see `mmzoo.inspect_table`.
        split: column that says which split a row belongs to; None: found where its values are train, validation, test.
        group, time: see `mmzoo.data.tables.splits.split_table`.
        unlabelled: words in the target that stand for "not known yet" ("todo"); such rows are left out.
        mask: regular expressions of words to mask in all texts, such as those that name the answer.
        fewest: classes with fewer rows are trained as one, "(other)".
        recipe: hyper-parameters.
        seeds: number of trainings, each with a split of its own unless columns say how to split.
        seed: of the first.
        arms: also train each input alone and plain concatenation.
        baseline: also fit scikit-learn on the columns and texts.
        tensorboard: also write TensorBoard logs.
        export: also write the bundle and run it on the edge runtime.
        on_error: "raise", or "skip" to leave out rows with bad cells.
        overwrite: replace a run that lies in `out`, whatever it is.
        command: what the user typed, for the record.
        progress: show a progress bar.
        say: prints a line.

    Returns:
        The `TableRun`.

    Raises:
        ValueError: no schema can be made, or the table doesn't fit it; the message says what to do. Or a run in `out`
            rests on other rows, splits or settings; the message names them.
        mmzoo.recipes.running.exporting.ExportError: the export failed; report and summary are written.
        FileExistsError: another process works in `out`; the message names it.
    """
    out = pathlib.Path(out)
    if is_prepared(table):
        source, baseline = PreparedSource(table), False
    else:
        source = TableSource(
            table,
            target,
            schema=schema,
            root=root,
            split=split,
            group=group,
            time=time,
            unlabelled=unlabelled,
            mask=mask,
            fewest=fewest,
            recipe=recipe,
            on_error=on_error,
            allow_outside_root=allow_outside_root,
            missing=missing,
            say=say,
            kinds=kinds,
            groups=groups,
            image_size=image_size,
        )
    settings = {"recipe": dataclasses.asdict(recipe), **source.settings, "versions": versions()}
    identity = RunIdentity(out, settings, overwrite=overwrite)
    source.write(out)
    if recipe.class_weight == AUTO:
        recipe = dataclasses.replace(recipe, class_weight=class_weight_for(source.skewed))
    features = Features(features_folder(out), say)
    figure = next(iter(leading_figures(source.schema, source.skewed).values()))
    recipe, choices = chosen(recipe, source, features, out, seed=seed, figure=figure, say=say)
    identity.add({"chosen": {choice.kind: choice.chosen for choice in choices}})
    recipe = recipe.scheduled_for(source.schema)
    source.recipe = recipe
    numbers = tuple(range(seed, seed + seeds))
    plan = Plan(
        out=out,
        source=source,
        arms=arms_of(source.schema.given, beside=arms, concat=recipe.fusion != "concat"),
        build=recipe.build,
        training_for=recipe.training_for,
        seeds=numbers,
        baselines=_baselines if baseline else None,
        baseline_seeds=numbers,
        identity=identity,
        learner=recipe.learner(features),
        fit={"tensorboard": tensorboard, **watched_figure(source.schema, source.skewed)},
        verbose=None if progress else 0,
        say=say if progress else lambda line: None,
    )
    return _finish(out, run_arms(plan), source, recipe, identity, choices, export, command, seed, say)


def _baselines(data, seed):
    from mmzoo.evaluation.baseline import table_baselines

    return table_baselines(data.schema, *(data.for_baseline(split) for split in SPLITS), seed=seed)


def _finish(out, trained: Trained, source, recipe, identity, choices, export, command, seed, say):
    from mmzoo.evaluation.column_worth import column_worth

    model, data, figures = trained.model, trained.data, trained.figures
    inputs, targets = data.arrays("test")
    say(f"Measuring on {data.count('test'):,} test rows ...")
    result = report(model, (inputs, targets), data.note)
    worth = column_worth(model, inputs, targets)
    replace_text(out / "worth.csv", worth.to_csv(index=False))
    parameters = int(model.count_params())
    record = RunRecord(
        recipe="own_data",
        model=model_name(recipe, source.schema),
        data=source.name,
        split=trained.split,
        note=data.note,
        seed=seed,
        samples=data.count("test"),
        parameters=parameters,
        outputs=units(data.schema),
        figures=[*figures.records(), *given_records(result, trained.split, seed, parameters)],
        machine=machine(),
        command=command,
        settings=dataclasses.asdict(recipe),
        training={
            "samples": data.count("train"),
            "epochs": trained.training.epochs,
            "minutes": trained.minutes,
        },
        rests_on=identity.settings,
    )

    leading = leading_figures(data.schema, source.skewed)
    found = verdicts(figures, data.schema, leading, data.count("test"))
    told = [*(verdict.line for verdict in found), *(choice.line for choice in choices if choice.line)]
    lines = summary_lines(figures, model, data, source.findings, worth, leading, told)

    def write(bundle):
        dataclasses.replace(record, parity=None if bundle is None else bundle.parity).save(out / RECORD)
        replace_text(out / "summary.txt", "\n".join(lines) + "\n")
        result.write(
            out / "evaluation",
            title=f"{', '.join(data.schema.outputs)}: own data",
            about=f"{data.count('train'):,} training, {data.count('validation'):,} validation and "
            f"{data.count('test'):,} test rows; the page is about the first seed's model",
            command=command,
            machine=record.machine,
            bundle=bundle,
            tables=[
                worth_table(worth),
                *_arms_tables(figures, data, {verdict.output: verdict.line for verdict in found}),
            ],
        )

    # First without the bundle, so that a failing export costs nothing of it.
    bundle = None
    write(bundle)
    if export:
        samples = [data.arrays(split) for split in ("validation", "test")]
        with export_failing_in_a_line(out):
            bundle = exported(model, out / "bundle", samples, say=say, overwrite=True)
            edge = on_the_edge(bundle.path, model, data)
        lines.insert(-1, bundle_line(bundle, edge))
        write(bundle)
    return TableRun(out, model.schema, figures.table, tuple(lines), None if bundle is None else bundle.path, model)


def _arms_tables(figures, data, verdicts):
    from mmzoo.tasks import task_for

    for name, output in data.schema.predicted.items():
        shown = pd.DataFrame()
        for figure in task_for(output).figures:
            rows = figures.summary(name, figure.name).reset_index()
            if not figure.in_summaries or rows.empty:
                continue
            scale, column = (100, f"{figure.label} %") if figure.is_share else (1, figure.label)
            shown["arm"] = rows["arm"]
            shown[column] = [f"{scale * value:.4g}" for value in rows["mean"]]
            shown[f"± ({column})"] = ["" if np.isnan(value) else f"{scale * value:.2g}" for value in rows.deviation]
            shown["seeds"] = rows.seeds
        yield (
            f"{name}: beside its parts and beside scikit-learn",
            "On the test rows; all learn from the same training rows, and the validation rows say when to stop and "
            "what to choose. scikit-learn sees columns and texts, no pictures or sounds. " + verdicts.get(name, ""),
            shown,
        )
