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
import fnmatch
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.data.tables.splits import SPLITS
from mmzoo.recipes.retracing import without_retracing_warnings
from mmzoo.recipes.table_arms import ALL, ArmsTable, TableRecipe, arms_of, measured, train_arm
from mmzoo.recipes.table_results import write_record
from mmzoo.recipes.table_source import PreparedSource, TableSource
from mmzoo.recipes.table_summary import on_the_edge, summary_lines, worth_table
from mmzoo.schema import Schema

# Of a table with more inputs than this, what is missing is measured one input at a time.
MOST_INPUTS_IN_SUBSETS = 5
# Layers that stay float32 in the int8 file where all in 8 bits lose too much: the early, sensitive ones.
SENSITIVE = ("*_stem*", "*_block1_*", "*_vector")


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


@without_retracing_warnings()
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
    export: bool = True,
    on_error: str = "raise",
    allow_outside_root: bool = False,
    command: str = "",
    progress: bool = True,
    say: Callable[[str], None] = print,
) -> TableRun:
    """Trains on a table; called again after an interruption, it goes on where it was.

    Args:
        table: a DataFrame, the path of a CSV file, or a folder that `mmzoo.prepare` wrote, whose schema and splits
            hold (`target`, `schema`, `split` and what else is about the table are then not needed; scikit-learn, which
            wants the raw texts, is left out).
        target: the column or columns to predict; not needed with `schema`.
        out: folder of the run.
        schema: instead of what `mmzoo.inspect_table` decides; an edited schema.json, for example.
        root, kinds, groups, image_size, allow_outside_root: see `mmzoo.inspect_table`.
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
        export: also write the bundle and run it on the edge runtime.
        on_error: "raise", or "skip" to leave out rows with bad cells.
        command: what the user typed, for the record.
        progress: show a progress bar.
        say: prints a line.

    Returns:
        The `TableRun`.

    Raises:
        ValueError: no schema can be made, or the table doesn't fit it; the message says what to do.
    """
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    if not isinstance(table, pd.DataFrame) and pathlib.Path(table).is_dir():
        source, baseline = PreparedSource(table), False
    else:
        source = TableSource(
            table,
            target,
            out,
            schema=schema,
            root=root,
            split=split,
            group=group,
            time=time,
            unlabelled=unlabelled,
            mask=mask,
            fewest=fewest,
            on_error=on_error,
            allow_outside_root=allow_outside_root,
            say=say,
            kinds=kinds,
            groups=groups,
            image_size=image_size,
        )
    source.schema.save(out / "schema.json")
    numbers = range(seed, seed + seeds)
    wanted = arms_of(source.schema, recipe, arms)
    figures = ArmsTable(out / "arms.csv", {"recipe": dataclasses.asdict(recipe), **source.settings})
    main, main_data = None, None
    with _Progress(len(wanted) * seeds, progress) as bar:
        for number in numbers:
            data = source.load(number, recipe)
            for arm, (names, fusion) in wanted.items():
                bar.begin(f"seed {number}: {arm}", recipe.epochs_for(data.count("train")))
                is_main = number == seed and arm == ALL
                if not figures.holds(number, arm) or is_main:
                    folder = out / "training" / f"seed{number}" / arm.replace(" ", "_").replace(",", "")
                    model = train_arm(data, names, fusion, recipe, seed=number, out=folder, callbacks=[bar.callback()])
                    if is_main:
                        main, main_data = model, data
                    if not figures.holds(number, arm):
                        figures.add(
                            number, arm, measured(model, data, "test"), data.count("test"), model.count_params()
                        )
                bar.done()
            if baseline:
                _add_baselines(figures, number, data)
    return _finish(out, main, main_data, figures, source, recipe, export, command, say)


def _add_baselines(figures, number, data):
    from mmzoo.evaluation.baseline import BOOSTING, table_baselines

    if figures.holds(number, BOOSTING):
        return
    found = table_baselines(data.schema, *(data.for_baseline(split) for split in SPLITS), seed=number)
    for name, values in found.items():
        figures.add(number, name, values, data.count("test"), None)


def _finish(out, model, data, figures, source, recipe, export, command, say):
    import mmzoo
    from mmzoo.evaluation.column_worth import column_worth
    from mmzoo.recipes.run_record import machine

    note = "; ".join(data.notes)
    inputs, targets = data.arrays("test")
    say(f"Measuring on {data.count('test'):,} test rows ...")
    few = len(data.schema.inputs) <= MOST_INPUTS_IN_SUBSETS
    result = mmzoo.evaluate(model, (inputs, targets), note=note, missing_inputs=few)
    worth = column_worth(model, inputs, targets)
    worth.to_csv(out / "worth.csv", index=False)
    bundle, edge = None, None
    if export:
        say(f"Exporting to {out / 'bundle'} and checking every file against the Keras model ...")
        bundle = _exported(model, data, out / "bundle", say)
        edge = on_the_edge(bundle.path, model, data)
    write_record(
        out,
        size=recipe.size,
        outputs=list(data.schema.outputs),
        command=command,
        machine=machine(),
        parity=None if bundle is None else bundle.parity,
    )
    lines = summary_lines(figures, model, data, source.findings, worth, bundle, edge)
    (out / "summary.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    result.write(
        out / "evaluation",
        title=f"{', '.join(data.schema.outputs)}: own data",
        about=f"{data.count('train'):,} training, {data.count('validation'):,} validation and "
        f"{data.count('test'):,} test rows; the page is about the first seed's model",
        command=command,
        machine=machine(),
        bundle=bundle,
        tables=[worth_table(worth), *_arms_tables(figures, data)],
    )
    return TableRun(out, model.schema, figures.table, tuple(lines), None if bundle is None else bundle.path, model)


def _exported(model, data, path, say):
    """The bundle. Where 8 bits lose too much, the sensitive layers stay in float32, and if that does not help there is
    no static int8 file; both are said, and the latter stands in parity.json and CARD.md.
    """
    import mmzoo
    from mmzoo.exporting import ParityError

    samples = [data.arrays(split) for split in ("validation", "test")]
    names = [layer.name for layer in model.layers]
    keep = [pattern for pattern in SENSITIVE if fnmatch.filter(names, pattern)]
    for options in ({}, {"int8_float_layers": keep}):
        try:
            return mmzoo.export(model, path, samples=samples, overwrite=True, **options)
        except ParityError as error:
            if "model_int8.tflite" not in str(error):
                raise
            reason = str(error)
            say(f"{reason}; exporting again with {', '.join(keep)} in float32, or else without that file ...")
    return mmzoo.export(model, path, samples=samples, overwrite=True, no_int8=f"it loses too much: {reason}")


def _arms_tables(figures, data):
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
            "what to choose. scikit-learn sees columns and texts, no pictures or sounds.",
            shown,
        )


class _Progress:
    """A progress bar over the epochs of all arms, or nothing."""

    def __init__(self, arms, shown):
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._bar = Progress(TextColumn("{task.description:40}"), BarColumn(), TimeRemainingColumn(), disable=not shown)
        self._task = self._bar.add_task("training", total=float(arms))
        self._arms, self._epochs = 0, 1

    def __enter__(self):
        self._bar.start()
        return self

    def __exit__(self, *error):
        self._bar.stop()

    def begin(self, name, epochs):
        self._epochs = epochs
        self._bar.update(self._task, description=name, completed=float(self._arms))

    def done(self):
        self._arms += 1
        self._bar.update(self._task, completed=float(self._arms))

    def callback(self):
        import keras

        def tell(epoch, logs):
            self._bar.update(self._task, completed=self._arms + min(1.0, (epoch + 1) / self._epochs))

        return keras.callbacks.LambdaCallback(on_epoch_end=tell)
