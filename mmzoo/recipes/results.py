"""saved_models/results.csv, and the tables made from it in README.md and in the cards of the bundles.

python -m mmzoo.recipes.results add RUN [RUN ...]     # rows from the run.json of evaluated runs
python -m mmzoo.recipes.results tables                # rewrite the tables in README.md and saved_models/*/CARD.md
"""

from __future__ import annotations

import argparse
import pathlib
import re

import pandas as pd

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes.run_record import RunRecord

COLUMNS = (
    *("model", "data", "split", "arm", "seed", "metric", "value", "samples", "parameters"),
    *("bytes_float32", "bytes_int8", "device", "command"),
)
FOLD = re.compile(r" \(fold (\d+)\)$")
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
        "samples": record.samples,
        "parameters": record.parameters,
        "bytes_float32": files.get("model_float32.tflite", {}).get("bytes"),
        "bytes_int8": files.get("model_int8.tflite", {}).get("bytes"),
        "device": record.machine,
        "command": record.command,
    }
    measured = {"accuracy": record.arms, **{f"accuracy_{name}": arms for name, arms in record.failures.items()}}
    rows = [
        {**common, "metric": metric, "arm": arm, "value": round(value, 5)}
        for metric, arms in measured.items()
        for arm, value in arms.items()
    ]
    return pd.DataFrame(rows, columns=COLUMNS).astype({"bytes_float32": "Int64", "bytes_int8": "Int64"})


def add(record: RunRecord) -> None:
    """Puts a run's rows into results.csv, in place of older ones of the same model, data, split, arm and seed."""
    path, rows = results_path(), rows_of(record)
    if path.exists():
        old = read(path)
        rows = pd.concat([old, rows]).drop_duplicates(KEY, keep="last")
    rows.sort_values(KEY, kind="stable").to_csv(path, index=False)


def readme_table(path: pathlib.Path | None = None) -> str:
    """The README's table, as Markdown: one line a model, data set and split, and one for the mean of several folds."""
    table = read(path or results_path())
    lines = [
        "| model | parameters | float32 / int8 file | data (split, samples) | seeds | "
        + " | ".join(README_ARMS.values())
        + " |",
        "|---" * (5 + len(README_ARMS)) + "|",
    ]
    table = table[table.metric == "accuracy"]
    for (model, data, split), group in with_fold_means(table).groupby(["model", "data", "split"], sort=True):
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


def with_fold_means(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of results.csv with those of folds after the first replaced by the mean of all of them.

    Fold 0 is the one of the pretrained weights and keeps its own row; the mean says what the recipe is worth.
    """
    fold = table.split.str.extract(FOLD, expand=False)
    folds = table[fold.notna()].assign(split=lambda rows: rows.split.str.replace(FOLD, "", regex=True))
    means = []
    for _, group in folds.groupby([column for column in KEY if column != "seed"], sort=False):
        numbers = sorted(fold[group.index].astype(int).unique())
        if len(numbers) > 1:
            row = group.iloc[0].copy()
            row["split"] = f"{row['split']}, mean of {len(numbers)} folds"
            # The folds share no sample; a second seed of a fold has the same ones.
            row["samples"] = group.groupby(fold[group.index]).samples.first().sum()
            row["value"] = group.groupby(fold[group.index]).value.mean().mean()
            row[["bytes_float32", "bytes_int8"]] = pd.NA
            means.append(row)
    kept = table[fold.isna() | (fold == "0")]
    return pd.concat([kept, pd.DataFrame(means, columns=table.columns).astype(table.dtypes)]) if means else kept


def folds_table(model: str, data: str, path: pathlib.Path | None = None) -> str:
    """The accuracy of one recipe in each fold that was run, as Markdown, for the card.

    Args:
        model: "road_sign_small", say.
        data: the data set.
        path: of results.csv.
    """
    table = read(path or results_path())
    table = table.assign(fold=table.split.str.extract(FOLD, expand=False)).dropna(subset="fold")
    table = table[(table.model == model) & (table.data == data) & (table.metric == "accuracy")]
    values = table.pivot_table("value", "fold", "arm", sort=True)
    arms = [arm for arm in README_ARMS if arm in values]
    samples = table.groupby("fold").samples.first()
    lines = [
        "| held-out fold | images | " + " | ".join(README_ARMS[arm] for arm in arms) + " |",
        "|---" * (2 + len(arms)) + "|",
    ]
    rows = [(fold, samples[fold], values.loc[fold]) for fold in values.index]
    if len(rows) > 1:
        rows.append(("mean", samples.sum(), values.mean()))
    for fold, count, accuracies in rows:
        lines.append(f"| {fold} | {count:,} | " + " | ".join(f"{100 * accuracies[arm]:.2f} %" for arm in arms) + " |")
    return "\n".join(lines)


def with_table(text: str, table: str, source: str = "README.md") -> str:
    """Text with the table between its marks.

    Args:
        text: of README.md or a card.
        table: what to put there.
        source: the file's name, for the message.

    Raises:
        ValueError: the marks are missing.
    """
    if BEGIN not in text or END not in text:
        raise ValueError(f"{source}: the marks {BEGIN} and {END} are missing")
    head, rest = text.split(BEGIN, 1)
    return f"{head}{BEGIN}\n{table}\n{END}{rest.split(END, 1)[1]}"


def fresh_tables(readme: pathlib.Path) -> dict[pathlib.Path, str]:
    """Each file with a table made from results.csv -> its text as it should be.

    Args:
        readme: README.md.
    """
    texts = {readme: with_table(readme.read_text(encoding="utf-8"), readme_table())}
    for card in sorted(saved_models_dir().glob("*/CARD.md")):
        model, _, data = card.parent.name.rpartition("_")
        texts[card] = with_table(card.read_text(encoding="utf-8"), folds_table(model, data), str(card))
    return texts


def read(path: pathlib.Path) -> pd.DataFrame:
    """The rows of results.csv."""
    return pd.read_csv(path, dtype={"bytes_float32": "Int64", "bytes_int8": "Int64"})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("add").add_argument("runs", nargs="+", type=pathlib.Path)
    tables = commands.add_parser("tables")
    tables.add_argument("readme", nargs="?", type=pathlib.Path, default=pathlib.Path("README.md"))
    options = parser.parse_args(arguments)
    if options.what == "add":
        for run in options.runs:
            add(RunRecord.load(run / "run.json"))
    else:
        for path, text in fresh_tables(options.readme).items():
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
