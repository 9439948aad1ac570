"""saved_models/results.csv, and the README's table made from it.

python -m mmzoo.recipes.results add RUN [RUN ...]     # rows from the run.json of evaluated runs
python -m mmzoo.recipes.results readme                # rewrite the table in README.md
"""

from __future__ import annotations

import argparse
import pathlib

import pandas as pd

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes.run_record import RunRecord

COLUMNS = (
    *("model", "data", "split", "arm", "seed", "metric", "value", "samples", "parameters"),
    *("bytes_float32", "bytes_int8", "device", "command"),
)
KEY = ["model", "data", "split", "arm", "seed", "metric"]
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

# The arms that stand in the README, and what they are called there; results.csv has all of them.
README_ARMS = {
    "image": "image alone",
    "text+location+road_condition": "context alone",
    "image+text+location+road_condition": "all inputs",
}


def results_path() -> pathlib.Path:
    return saved_models_dir() / "results.csv"


def rows_of(record: RunRecord) -> pd.DataFrame:
    """One row an arm.

    Args:
        record: of an evaluated run.
    """
    files = (record.parity or {}).get("files", {})
    common = {
        "model": record.model,
        "data": record.data,
        "split": record.split,
        "seed": record.seed,
        "metric": "accuracy",
        "samples": record.samples,
        "parameters": record.parameters,
        "bytes_float32": files.get("model_float32.tflite", {}).get("bytes"),
        "bytes_int8": files.get("model_int8.tflite", {}).get("bytes"),
        "device": record.machine,
        "command": record.command,
    }
    rows = [{**common, "arm": arm, "value": round(value, 5)} for arm, value in record.arms.items()]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"bytes_float32": "Int64", "bytes_int8": "Int64"})


def add(record: RunRecord) -> None:
    """Puts a run's rows into results.csv, in place of older ones of the same model, data, split, arm and seed."""
    path, rows = results_path(), rows_of(record)
    if path.exists():
        old = _read(path)
        rows = pd.concat([old, rows]).drop_duplicates(KEY, keep="last")
    rows.sort_values(KEY, kind="stable").to_csv(path, index=False)


def readme_table(path: pathlib.Path | None = None) -> str:
    """The README's table, as Markdown: one line a model, data set and split; means over the seeds."""
    table = _read(path or results_path())
    lines = [
        "| model | parameters | float32 / int8 file | data (split, samples) | seeds | "
        + " | ".join(README_ARMS.values())
        + " |",
        "|---" * (5 + len(README_ARMS)) + "|",
    ]
    for (model, data, split), group in table.groupby(["model", "data", "split"], sort=True):
        first = group.iloc[0]
        sizes = " / ".join(
            "-" if group[column].isna().all() else f"{group[column].dropna().iloc[0] / 1000:.0f} KB"
            for column in ("bytes_float32", "bytes_int8")
        )
        cells = [
            model,
            f"{first.parameters:,}",
            sizes,
            f"{data} ({split}, {first.samples:,})",
            str(group.seed.nunique()),
        ]
        for arm in README_ARMS:
            values = group.loc[group.arm == arm, "value"]
            cells.append("-" if values.empty else f"{100 * values.mean():.2f} %")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_table(text: str, table: str) -> str:
    """README text with the table between its marks.

    Raises:
        ValueError: the marks are missing.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"README.md: the marks {BEGIN} and {END} are missing")
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.split(END, 1)[1]}"


def _read(path):
    return pd.read_csv(path, dtype={"bytes_float32": "Int64", "bytes_int8": "Int64"})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("add").add_argument("runs", nargs="+", type=pathlib.Path)
    commands.add_parser("readme").add_argument("file", nargs="?", type=pathlib.Path, default=pathlib.Path("README.md"))
    options = parser.parse_args(arguments)
    if options.what == "add":
        for run in options.runs:
            add(RunRecord.load(run / "run.json"))
    else:
        text = options.file.read_text(encoding="utf-8")
        options.file.write_text(with_table(text, readme_table()), encoding="utf-8")


if __name__ == "__main__":
    main()
