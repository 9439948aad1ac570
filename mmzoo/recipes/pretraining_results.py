"""Figures of pretraining with few labels: into saved_models/results.csv, and from there into docs/results.md.

python -m mmzoo.recipes.results add-pretraining RUN    # after python -m mmzoo.bench.pretraining --out RUN
"""

from __future__ import annotations

import pathlib

import pandas as pd

# What the models' names in results.csv begin with.
MODEL = "pretraining_"
FILE = "results.csv"
COMMAND = "python -m mmzoo.bench.pretraining --data-dir DIR --out RUN"


def rows_of(table: pd.DataFrame, device: str) -> pd.DataFrame:
    """The rows of saved_models/results.csv.

    Args:
        table: of `mmzoo.bench.pretraining.compare`.
        device: what it was measured on.
    """
    return pd.DataFrame(
        {
            "model": MODEL + table["size"],
            "data": table.data,
            "split": "validation",
            "arm": [f"{row.method}, {row.share:.0%} of the labels" for row in table.itertuples()],
            "seed": table.seed,
            "output": table.output,
            "metric": table.metric,
            "value": table.value.round(5),
            "samples": table.samples,
            "parameters": table.parameters,
            "bytes_float32": pd.NA,
            "bytes_int8": pd.NA,
            "device": device,
            "command": COMMAND,
        }
    ).dropna(subset="value")


def read_rows(run: pathlib.Path) -> pd.DataFrame:
    """The rows that a run has written.

    Args:
        run: its folder.

    Raises:
        ValueError: there are none.
    """
    if not (run / FILE).is_file():
        raise ValueError(f"{run / FILE}: no such file; expected the folder of a run of mmzoo.bench.pretraining")
    return pd.read_csv(run / FILE)


def readme_table(results: pd.DataFrame) -> str:
    """Accuracy by data, share of the labels and way, the mean of the seeds and its deviation; "" where none is known.

    Args:
        results: results.csv.
    """
    rows = results[results.model.str.startswith(MODEL) & (results.metric == "accuracy")]
    if rows.empty:
        return ""
    parts = rows.arm.str.extract(r"(?P<method>.*), (?P<share>\d+)% of the labels")
    rows = rows.assign(method=parts.method, share=parts.share.astype(int))
    methods = list(dict.fromkeys(rows.method))
    lines = [
        "| data | labels | seeds | " + " | ".join(methods) + " |",
        "|---" * (3 + len(methods)) + "|",
    ]
    for (data, share), group in rows.groupby(["data", "share"]):
        values = group.groupby("method").value.agg(["mean", "std"]).reindex(methods)
        cells = [
            "-" if pd.isna(one["mean"]) else f"{100 * one['mean']:.1f} %" + _spread(one["std"])
            for _, one in values.iterrows()
        ]
        lines.append(f"| {data} | {share} % | {group.seed.nunique()} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _spread(deviation):
    return "" if pd.isna(deviation) else f" ± {100 * deviation:.1f}"
