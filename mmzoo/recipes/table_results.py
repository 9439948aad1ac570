"""Figures of own-data runs: into saved_models/results.csv, and from there into the README.

python -m mmzoo.recipes.results add-table RUN --data flipkart_1050     # after mmzoo train TABLE --out RUN
"""

from __future__ import annotations

import json
import pathlib

import pandas as pd

from mmzoo.evaluation.baseline import BOOSTING, LINEAR
from mmzoo.recipes.table_arms import ALL, CONCAT
from mmzoo.tasks import figure_of

# How the model of an own-data row is called in results.csv: this and its size.
MODEL = "own_data_"
SPLIT = "test rows of the table"
RECORD = "run.json"
BEGIN, END = "<!-- own data: begin -->", "<!-- own data: end -->"


def write_record(out: pathlib.Path, *, size: str, outputs: list[str], command: str, machine: str, parity) -> None:
    """Writes run.json, what arms.csv does not say.

    Args:
        out: folder of the run.
        size: of the model.
        outputs: names.
        command: what was typed.
        machine: what the figures were measured on.
        parity: of the bundle, or None.
    """
    files = {} if parity is None else parity["files"]
    record = {
        "size": size,
        "outputs": outputs,
        "command": command,
        "machine": machine,
        "bytes": {name: files[name]["bytes"] for name in files if name.endswith(".tflite")},
    }
    (out / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def rows_of(out: pathlib.Path, data: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """The rows of results.csv of a run: all arms, seeds and metrics.

    Args:
        out: folder of the run.
        data: name of the data.
        columns: of results.csv.
    """
    record = json.loads((out / RECORD).read_text(encoding="utf-8"))
    arms = pd.read_csv(out / "arms.csv")
    rows = pd.DataFrame(
        {
            "model": f"{MODEL}{record['size']}",
            "data": [f"{data} ({output})" for output in arms.output],
            "split": SPLIT,
            "arm": arms.arm,
            "seed": arms.seed,
            "metric": arms.metric,
            "value": arms.value.round(5),
            "samples": arms.samples,
            "parameters": arms.parameters.astype("Int64"),
            "bytes_float32": record["bytes"].get("model_float32.tflite"),
            "bytes_int8": record["bytes"].get("model_int8.tflite"),
            "device": record["machine"],
            "command": record["command"],
        }
    )
    return rows[list(columns)]


def readme_table(table: pd.DataFrame) -> str:
    """The README's table of own data, as Markdown; "" without such rows.

    Args:
        table: results.csv.
    """
    table = table[table.model.str.startswith(MODEL)]
    if table.empty:
        return ""
    lines = [
        "| data (target), test rows, seeds | metric | all inputs | plain concatenation | best input alone | gradient "
        "boosting | linear |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for (data, metric), group in table.groupby(["data", "metric"], sort=True):
        figure = figure_of(metric)
        if not figure.in_summaries:
            continue
        means = group.groupby("arm", sort=False).value.mean()
        deviations = group.groupby("arm", sort=False).value.std()
        alone = means[means.index.str.endswith(" alone")]
        best = (alone.idxmin() if figure.lower_is_better else alone.idxmax()) if len(alone) else None

        def cell(arm, means=means, deviations=deviations, figure=figure):
            if arm not in means:
                return "-"
            scale, digits = (100, ".1f") if figure.is_share else (1, ".4g")
            spread = "" if pd.isna(deviations[arm]) else f" ± {scale * deviations[arm]:{digits}}"
            name = f"{arm.removesuffix(' alone')}: " if arm.endswith(" alone") else ""
            return f"{name}{scale * means[arm]:{digits}}{spread}"

        first = group.iloc[0]
        lines.append(
            f"| {data}, {first.samples:,}, {group.seed.nunique()} | {figure.label}"
            f"{' %' if figure.is_share else ''} | "
            + " | ".join(cell(arm) for arm in (ALL, CONCAT, best, BOOSTING, LINEAR))
            + " |"
        )
    return "\n".join(lines)
