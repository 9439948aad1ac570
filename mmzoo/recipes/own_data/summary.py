"""Ten lines on a training on own data: how good it is, what each column is worth, and what to do next."""

from __future__ import annotations

import pathlib
import statistics
import time

import numpy as np
import pandas as pd

from mmzoo.evaluation.baseline import BOOSTING, LINEAR
from mmzoo.evaluation.metrics import HEADLINE, class_ids, is_share, lower_is_better
from mmzoo.evaluation.report import wilson_interval
from mmzoo.recipes.table_arms import ALL, CONCAT, measured
from mmzoo.schema import Label, Value
from mmzoo.schema.columns import readable

# Rows that are run through the bundle from their raw cells.
EDGE_ROWS = 200
_COLUMNS_SHOWN = 4


def summary_lines(figures, model, data, findings, worth: pd.DataFrame, bundle, edge) -> list[str]:
    """The lines.

    Args:
        figures: the `ArmsTable`.
        model: the exported model.
        data: its `TableData`.
        findings: errors and warnings of the inspection.
        worth: of `column_worth`.
        bundle: the `Bundle`, or None.
        edge: of `on_the_edge`, or None.
    """
    lines = []
    for name, output in data.schema.outputs.items():
        lines += _quality(figures, model, data, name, output)
    lost = worth.columns[2]
    best = worth.head(_COLUMNS_SHOWN)
    lines.append(
        "What columns are worth (how much worse without): "
        + ", ".join(
            f"{row.column} {_amount(lost, value)}" for row, value in zip(best.itertuples(), best[lost], strict=True)
        )
        + "."
    )
    idle = worth[worth[lost] <= 0].column.tolist()
    if idle:
        shown = ", ".join(idle[:_COLUMNS_SHOWN]) + (", ..." if len(idle) > _COLUMNS_SHOWN else "")
        lines.append(f"Worth nothing here, as far as these test rows tell: {shown}.")
    if bundle is not None:
        files = bundle.parity["files"]
        sizes = [f"{name.removeprefix('model_').removesuffix('.tflite')} {files[name]['bytes'] / 1000:,.0f} KB"
                 for name in files if name.endswith(".tflite")]  # fmt: skip
        lines.append(
            f"Bundle: {', '.join(sizes)}; builtin operators only. On the edge runtime, from {edge['rows']} raw rows: "
            f"{edge['same']:.1%} the same answers as Keras, {edge['milliseconds']:.1f} ms a row with decoding."
        )
    lines += _next_steps(figures, model, data, findings)
    return lines


def _quality(figures, model, data, name, output):
    metric = HEADLINE[type(output)]
    table = figures.summary(name, metric)
    own = table.loc[ALL]
    count = data.count("test")
    line = f"{name}: {metric.replace('_', ' ')} {_figure(metric, own['mean'])} on {count:,} test rows"
    if own.seeds > 1:
        line += f" (mean of {int(own.seeds)} seeds, ± {_amount(metric, own.deviation)})"
    elif isinstance(output, Label):
        low, high = wilson_interval(round(own["mean"] * count), count)
        line += f" (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
    line += f"; {_trivial(data, name, output)}."
    lines = [line]
    better = "min" if lower_is_better(metric) else "max"
    alone = table[table.index.str.endswith(" alone")]
    if len(alone):
        best = getattr(alone["mean"], f"idx{better}")()
        lines.append(
            f"{name}: the best input on its own, {best.removesuffix(' alone')}: {_figure(metric, alone['mean'][best])}"
            + (f"; plain concatenation: {_figure(metric, table['mean'][CONCAT])}." if CONCAT in table.index else ".")
        )
    skeptic = table[table.index.isin([BOOSTING, LINEAR])]
    if len(skeptic):
        best = getattr(skeptic["mean"], f"idx{better}")()
        lines.append(
            f"{name}: scikit-learn on columns and texts: "
            + ", ".join(f"{arm.split(' (')[0]} {_figure(metric, value)}" for arm, value in skeptic["mean"].items())
            + (". It is better than the model." if _beats(metric, skeptic["mean"][best], own["mean"]) else ".")
        )
    return lines


def _trivial(data, name, output):
    """What can be had without looking at the inputs."""
    _, targets = data.arrays("test")
    _, known = data.arrays("train")
    if isinstance(output, Value):
        middle = float(np.median(known[name]))
        return f"always saying {middle:.4g}: {np.abs(targets[name] - middle).mean():.4g}"
    if isinstance(output, Label):
        ids = class_ids(known[name], output)
        most = np.bincount(ids, minlength=output.units).argmax()
        share = (class_ids(targets[name], output) == most).mean()
        return f"always saying {output.classes[most]!r}: {100 * share:.1f} %"
    return f"{len(output.classes)} labels"


def _next_steps(figures, model, data, findings):
    steps = []
    name, output = next(iter(data.schema.outputs.items()))
    metric = HEADLINE[type(output)]
    table = figures.summary(name, metric)
    own = table.loc[ALL, "mean"]
    known = measured(model, data, "train")[name][metric]
    skeptic = table[table.index.isin([BOOSTING, LINEAR])]["mean"]
    if len(skeptic) and any(_beats(metric, value, own) for value in skeptic):
        steps.append("try text='wordpiece' or a pretrained backbone (--text bert), or more epochs")
    if is_share(metric) and known - own > 0.1:
        steps.append(
            f"on its training rows the model reaches {_figure(metric, known)}: more rows, or a smaller size, would help"
        )
    alone = table[table.index.str.endswith(" alone")]["mean"]
    if len(alone) and any(not _beats(metric, own, value) for value in alone):
        steps.append("one input alone is as good as all: look at arms.csv before shipping the others")
    if isinstance(output, Label):
        worst = _worst_class(model, data, name, output)
        if worst:
            steps.append(worst)
    if findings:
        steps.append(f"read inspect.html: {len(findings)} findings, the first on {findings[0].column or 'the table'}")
    return [f"Next: {'; '.join(steps)}." if steps else "Next: try it on new rows: mmzoo predict BUNDLE --csv NEW.csv."]


def _worst_class(model, data, name, output):
    inputs, targets = data.arrays("test")
    truth = class_ids(targets[name], output)
    guess = model.predict({n: inputs[n] for n in model.schema.inputs}, batch_size=256, verbose=0)[name].argmax(axis=1)
    recalls = {c: (guess[truth == c] == c).mean() for c in np.unique(truth) if (truth == c).sum() >= 5}
    if not recalls or min(recalls.values()) > 0.6:
        return ""
    worst = min(recalls, key=recalls.get)
    share = f"{recalls[worst]:.0%} of its rows only"
    return f"class {output.classes[worst]!r} is found in {share}: more of them, or class_weight='sqrt'"


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
    predicted = model.predict(inputs, batch_size=256, verbose=0)
    count = len(next(iter(inputs.values())))
    if data.frames is None:
        answers = (edge.run({name: array[i] for name, array in inputs.items()}) for i in range(count))
    else:
        answers = _raw_answers(edge, data, count)
    same, times = [], []
    for i in range(count):
        began = time.perf_counter()
        outputs = next(answers)
        times.append(1e3 * (time.perf_counter() - began))
        same.append(all(_same(kind, outputs[n], predicted[n][i]) for n, kind in data.schema.outputs.items()))
    return {"rows": count, "same": float(np.mean(same)), "milliseconds": statistics.median(times)}


def _raw_answers(edge, data, count):
    from mmzoo.schema.columns import encode_row

    frame = data.frames["test"].head(count)
    for row in frame.to_dict("records"):
        cells = {column: _cell(row[column]) for column in data.matches}
        yield edge.run(
            encode_row(
                data.schema,
                data.matches,
                cells,
                folder=data.root,
                place="test row",
                allow_outside_root=data.allow_outside_root,
            )
        )


def _cell(value):
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return ""
    return value


def _same(kind, found, expected):
    if isinstance(kind, Value):
        return abs(found[0] - expected[0]) <= 1e-3 * max(1.0, abs(expected[0]))
    return bool((readable(kind, found)[0]) == readable(kind, expected)[0])


def worth_table(worth: pd.DataFrame) -> tuple[str, str, pd.DataFrame]:
    """The report's table of what columns are worth: (title, about, table)."""
    shown = worth.copy()
    shown["given"] = [f"{100 * value:.0f} %" for value in worth.given]
    for column in worth.columns[2:]:
        shown[column] = [_amount(column, value) for value in worth[column]]
    shown.columns = [column.replace("_", " ") for column in shown.columns]
    return (
        "What each column is worth",
        "Each column hidden in turn from the model, which was trained with inputs missing: how much worse it gets. Of "
        "two columns that say the same, each may look worthless.",
        shown,
    )


def _figure(metric, value):
    return f"{100 * value:.1f} %" if is_share(metric) else f"{value:.4g}"


def _amount(metric, value):
    return f"{100 * value:.1f} points" if is_share(metric) else f"{value:.3g}"


def _beats(metric, value, other):
    return value < other if lower_is_better(metric) else value > other
