"""Ten lines on a training on own data: how good it is, what each column is worth, and what to do next."""

from __future__ import annotations

import pathlib
import statistics
import time

import numpy as np
import pandas as pd

from mmzoo.evaluation.arrays import predict_arrays
from mmzoo.evaluation.baseline import BOOSTING, LINEAR
from mmzoo.recipes.running.arm_runs import measured_targets
from mmzoo.recipes.running.arms import ALL, CONCAT
from mmzoo.tasks import figure_of, task_for

# Rows that are run through the bundle from their raw cells.
EDGE_ROWS = 200
# Training rows that are looked at beside the test rows.
TRAINING_ROWS = 500
_COLUMNS_SHOWN = 4


def summary_lines(figures, model, data, findings, worth: pd.DataFrame, leading, told) -> list[str]:
    """The lines, the last of them about what to do next.

    Args:
        figures: the `ArmsTable`.
        model: the exported model.
        data: its `TableData`.
        findings: errors and warnings of the inspection.
        worth: of `column_worth`.
        leading: output -> name of the figure that stands first.
        told: lines of others, which belong before the last one.
    """
    lines = []
    for name, output in data.schema.outputs.items():
        lines += _quality(figures, model, data, name, output, figure_of(leading[name]))
    lost = worth.columns[2]
    best = worth.head(_COLUMNS_SHOWN)
    lines.append(
        "What columns are worth (how much worse without): "
        + ", ".join(
            f"{row.column} {figure_of(lost).difference_text(value)}"
            for row, value in zip(best.itertuples(), best[lost], strict=True)
        )
        + "."
    )
    idle = worth[worth[lost] <= 0].column.tolist()
    if idle:
        shown = ", ".join(idle[:_COLUMNS_SHOWN]) + (", ..." if len(idle) > _COLUMNS_SHOWN else "")
        lines.append(f"Worth nothing here, as far as these test rows tell: {shown}.")
    return [*lines, *told, _next_steps(figures, model, data, findings, leading)]


def bundle_line(bundle, edge: dict[str, float]) -> str:
    """The line about the bundle, which belongs before the last one.

    Args:
        bundle: the `Bundle`.
        edge: of `on_the_edge`.
    """
    files = bundle.parity["files"]
    sizes = [f"{name.removeprefix('model_').removesuffix('.tflite')} {files[name]['bytes'] / 1000:,.0f} KB"
             for name in files if name.endswith(".tflite")]  # fmt: skip
    return (
        f"Bundle: {', '.join(sizes)}; builtin operators only. On the edge runtime, from {edge['rows']} raw rows: "
        f"{edge['same']:.1%} the same answers as Keras, {edge['milliseconds']:.1f} ms a row with decoding."
    )


def _quality(figures, model, data, name, output, headline):
    task = task_for(output)
    table = figures.summary(name, headline.name)
    own = table.loc[ALL]
    _, targets = data.arrays("test")
    count = int(output.has_target(targets[name]).sum())
    line = f"{name}: {headline.label} {headline.text(own['mean'], output.unit, 1)}"
    beside = [
        _beside(figures, name, output, figure)
        for figure in task.figures
        if figure.in_summaries and figure.name != headline.name
    ]
    line += "".join(f", {text}" for text in beside if text) + f" on {count:,} test rows"
    interval = task.interval(output, own["mean"], count) if headline.name == task.headline.name else None
    if own.seeds > 1:
        line += f" (mean of {int(own.seeds)} seeds, ± {headline.difference_text(own.deviation)})"
    elif interval is not None:
        line += f" (95 % interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f} %)"
    _, known = data.arrays("train")
    trivial = task.trivial(output, known[name], targets[name])
    line += f"; {trivial}." if trivial else "."
    lines = [line]
    better = "min" if headline.lower_is_better else "max"
    alone = table[table.index.str.endswith(" alone")]
    if len(alone):
        best = getattr(alone["mean"], f"idx{better}")()
        best_alone = f"{best.removesuffix(' alone')}: {_figure(headline, alone['mean'][best])}"
        lines.append(
            f"{name}: the best input on its own, {best_alone}"
            + (f"; plain concatenation: {_figure(headline, table['mean'][CONCAT])}." if CONCAT in table.index else ".")
        )
    skeptic = table[table.index.isin([BOOSTING, LINEAR])]
    if len(skeptic):
        best = getattr(skeptic["mean"], f"idx{better}")()
        lines.append(
            f"{name}: scikit-learn on columns and texts: "
            + ", ".join(f"{arm.split(' (')[0]} {_figure(headline, value)}" for arm, value in skeptic["mean"].items())
            + (". It is better than the model." if headline.is_better(skeptic["mean"][best], own["mean"]) else ".")
        )
    return lines


def _beside(figures, name, output, figure):
    """Another figure of the exported model, in words; "" where it was not measured."""
    table = figures.summary(name, figure.name)
    return f"{figure.label} {figure.text(table.loc[ALL, 'mean'], output.unit, 1)}" if ALL in table.index else ""


def _next_steps(figures, model, data, findings, leading):
    steps = []
    name, output = next(iter(data.schema.predicted.items()))
    task = task_for(output)
    headline = figure_of(leading[name])
    table = figures.summary(name, headline.name)
    own = table.loc[ALL, "mean"]
    known = _on_training_rows(model, data, name, headline)
    skeptic = table[table.index.isin([BOOSTING, LINEAR])]["mean"]
    if len(skeptic) and any(headline.is_better(value, own) for value in skeptic):
        steps.append("try text='wordpiece' or a pretrained backbone (--text bert), or more epochs")
    if headline.is_share and known - own > 0.1:
        steps.append(
            f"on its training rows the model reaches {_figure(headline, known)}: more rows, or a smaller size, would "
            "help"
        )
    inputs, targets = data.part("test", model.schema.given)
    advice = task.advice(output, targets[name], predict_arrays(model, inputs, batch_size=256)[name])
    if advice:
        steps.append(advice)
    if findings:
        steps.append(f"read inspect.html: {len(findings)} findings, the first on {findings[0].column or 'the table'}")
    return f"Next: {'; '.join(steps)}." if steps else "Next: try it on new rows: mmzoo predict BUNDLE --csv NEW.csv."


def _on_training_rows(model, data, name, headline):
    """The headline figure on some of the training rows, evenly over them."""
    inputs, targets = data.part("train", model.schema.given)
    every = max(1, len(targets[name]) // TRAINING_ROWS)
    predicted = predict_arrays(model, {key: array[::every] for key, array in inputs.items()}, batch_size=256)
    return measured_targets(data.schema, {key: array[::every] for key, array in targets.items()}, predicted)[name][
        headline.name
    ]


def on_the_edge(bundle: pathlib.Path, model, data) -> dict[str, float]:
    """Runs the float32 file from raw rows, as a device does, and compares the answers with the Keras model's.

    Args:
        bundle: its folder.
        model: the Keras model.
        data: the `TableData`; of prepared data, which has no raw rows, the encoded ones are run.

    Returns:
        "rows", "same" (share of rows with the same class, or the same value to within 0.1 %) and "milliseconds" (median
        of a row, from its cells to the answer).
    """
    import mmzoo.edge

    edge = mmzoo.edge.load(bundle)
    inputs, _ = data.arrays("test")
    inputs = {name: array[:EDGE_ROWS] for name, array in inputs.items()}
    count, schema = len(next(iter(inputs.values()))), model.schema
    inputs = schema.completed(inputs, count, np.random.default_rng(0))
    predicted = schema.from_tensors(model.predict(schema.to_tensors(inputs), batch_size=256, verbose=0))
    if data.frames is None:
        answers = (edge.run({name: array[i] for name, array in inputs.items()}) for i in range(count))
    else:
        answers = _raw_answers(edge, data, count)
    same, times = [], []
    for i in range(count):
        began = time.perf_counter()
        outputs = next(answers)
        times.append(1e3 * (time.perf_counter() - began))
        kinds = data.schema.predicted.items()
        same.append(all(task_for(kind).same(kind, outputs[name], predicted[name][i]) for name, kind in kinds))
    return {"rows": count, "same": float(np.mean(same)), "milliseconds": statistics.median(times)}


def _raw_answers(edge, data, count):
    from mmzoo.schema.columns import encode_row

    frame = data.frames["test"].head(count)
    for row in frame.to_dict("records"):
        yield edge.run(
            encode_row(
                data.schema,
                data.matches,
                row,
                folder=data.root,
                place="test row",
                allow_outside_root=data.allow_outside_root,
            )
        )


def worth_table(worth: pd.DataFrame) -> tuple[str, str, pd.DataFrame]:
    """The report's table of what columns are worth: (title, about, table)."""
    shown = worth.copy()
    shown["given"] = [f"{100 * value:.0f} %" for value in worth.given]
    for column in worth.columns[2:]:
        shown[column] = [figure_of(column).difference_text(value) for value in worth[column]]
    shown.columns = [column.replace("_", " ") for column in shown.columns]
    return (
        "What each column is worth",
        "Each column hidden in turn from the model, which was trained with inputs missing: how much worse it gets. Of "
        "two columns that say the same, each may look worthless.",
        shown,
    )


def _figure(figure, value):
    return figure.text(value, digits=1)
