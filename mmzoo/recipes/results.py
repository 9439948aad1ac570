"""saved_models/results.csv, and the tables made from it in README.md and in the cards of the bundles.

python -m mmzoo.recipes.results add RUN [RUN ...]     # rows from the run.json of evaluated runs
python -m mmzoo.recipes.results add-table RUN --data NAME    # rows from a run on a table of own data
python -m mmzoo.recipes.results add-few-shot RUN      # rows from a run of mmzoo.recipes.few_shot
python -m mmzoo.recipes.results tables                # rewrite the tables in README.md and saved_models/*/CARD.md
"""

from __future__ import annotations

import argparse
import json
import pathlib
import re

import numpy as np
import pandas as pd

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes import few_shot_results, table_results
from mmzoo.recipes.run_record import RunRecord

COLUMNS = (
    *("model", "data", "split", "arm", "seed", "metric", "value", "samples", "parameters"),
    *("bytes_float32", "bytes_int8", "device", "command"),
)
FOLD = re.compile(r" \(fold (\d+)\)$")
KEY = ["model", "data", "split", "arm", "seed", "metric"]
BEGIN, END = "<!-- results: begin -->", "<!-- results: end -->"

# The arms that stand in the README, and what they are called there; results.csv has all of them.
CAMERA_ARM, ALL_ARM = "image", "image+text+location+road_condition"
README_ARMS = {
    CAMERA_ARM: "image alone",
    "text+location+road_condition": "context alone",
    ALL_ARM: "all inputs",
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
    """Puts a run's rows into results.csv, in place of older ones of the same model, data, split, arm and seed.

    Raises:
        ValueError: the run was not measured on held-out data.
    """
    if not record.held_out:
        raise ValueError(f"{record.model} on {record.data}, {record.split}: not measured on held-out data")
    _put_in(rows_of(record))


def _put_in(rows):
    path = results_path()
    if path.exists():
        rows = pd.concat([read(path), rows]).drop_duplicates(KEY, keep="last")
    rows.sort_values(KEY, kind="stable").to_csv(path, index=False)


def readme_table(path: pathlib.Path | None = None) -> str:
    """The README's table, as Markdown: a line for each model, data set and split; folds of one split are one line."""
    table = read(path or results_path())
    lines = [
        "| model | parameters | float32 / int8 file | data (split, samples) | seeds | "
        + " | ".join(README_ARMS.values())
        + " |",
        "|---" * (5 + len(README_ARMS)) + "|",
    ]
    others = table.model.str.startswith(table_results.MODEL) | table.model.str.endswith(few_shot_results.MODEL_END)
    table = with_fold_means(table[(table.metric == "accuracy") & ~others])
    for (model, data, split), group in table.groupby(["model", "data", "split"], sort=True):
        first = group.iloc[0]
        cells = [
            model,
            f"{first.parameters:,}",
            _sizes(model, data),
            f"{data} ({split}, {first.samples:,})",
            str(group.seed.nunique()),
        ]
        for arm in README_ARMS:
            values = group.loc[group.arm == arm, "value"]
            cells.append("-" if values.empty else f"{100 * values.mean():.2f} %")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def failures_table(path: pathlib.Path | None = None) -> str:
    """The README's table of what the context adds when the camera fails, as Markdown; "" where nothing was measured."""
    table = read(path or results_path())
    table = with_fold_means(table[table.arm.isin([CAMERA_ARM, ALL_ARM])])
    failures = [metric for metric in table.metric.unique() if metric.startswith("accuracy_")]
    if not failures:
        return ""
    names = ["clean", *(failure.removeprefix("accuracy_") for failure in failures)]
    lines = ["| image alone → all inputs | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
    for (model, data, split), group in table.groupby(["model", "data", "split"], sort=True):
        values = group.pivot_table("value", "metric", "arm")
        cells = [f"{model}, {data} ({split})"]
        for metric in ("accuracy", *failures):
            arms = values.reindex([metric]).reindex(columns=[CAMERA_ARM, ALL_ARM]).iloc[0]
            cells.append("-" if arms.isna().any() else f"{100 * arms.iloc[0]:.1f} → {100 * arms.iloc[1]:.1f} %")
        if cells.count("-") < len(failures):
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _sizes(model, data):
    """Sizes of the shipped files of a model, named without the data set it was trained on if that is `data`."""
    for name in (f"{model}_{data}", model):
        certificate = saved_models_dir() / name / "parity.json"
        if certificate.is_file():
            files = json.loads(certificate.read_text(encoding="utf-8"))["files"]
            return " / ".join(f"{files[f'model_{kind}.tflite']['bytes'] / 1000:.0f} KB" for kind in ("float32", "int8"))
    return "-"


def with_fold_means(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of results.csv with the folds of a split replaced by their mean, where there are several."""
    fold = table.split.str.extract(FOLD, expand=False)
    folds = table[fold.notna()].assign(split=lambda rows: rows.split.str.replace(FOLD, "", regex=True))
    kept, means = [fold.isna()], []
    for _, group in folds.groupby([column for column in KEY if column != "seed"], sort=False):
        numbers = fold[group.index].unique()
        if len(numbers) == 1:
            kept.append(table.index.isin(group.index))
            continue
        row = group.iloc[0].copy()
        row["split"] = f"{row['split']}, mean of {len(numbers)} folds"
        # The folds share no sample; a second seed of a fold has the same ones.
        row["samples"] = group.groupby(fold[group.index]).samples.first().sum()
        row["value"] = group.groupby(fold[group.index]).value.mean().mean()
        means.append(row)
    single = table[np.any(kept, axis=0)]
    return pd.concat([single, pd.DataFrame(means, columns=table.columns).astype(table.dtypes)]) if means else single


def card_tables(bundle: str, path: pathlib.Path | None = None) -> str:
    """The figures of a shipped bundle's recipe, as Markdown: every arm under every camera failure, and the folds.

    Args:
        bundle: its name, "road_sign_small_gtsrb": the model, and the data it was trained on.
        path: of results.csv.
    """
    model, _, trained_on = bundle.rpartition("_")
    table = read(path or results_path())
    table = table[((table.model == model) & (table.data == trained_on)) | (table.model == bundle)]
    parts = []
    for (data, split), group in with_fold_means(table).groupby(["data", "split"], sort=True):
        count = group.samples.iloc[0]
        parts += [f"{data}, {split}, {count:,} images:", _arms_table(group)]
    table = table.assign(fold=table.split.str.extract(FOLD, expand=False)).dropna(subset="fold")
    if table.fold.nunique() > 1:
        parts += ["Each fold:", _folds_table(table[table.metric == "accuracy"])]
    return "\n\n".join(parts)


def _arms_table(rows):
    values = rows.pivot_table("value", "arm", "metric", sort=False)
    headings = [metric.removeprefix("accuracy_") for metric in values.columns]
    headings = ["top-1 accuracy" if name == "accuracy" else f"image {name}" for name in headings]
    lines = ["| inputs given | " + " | ".join(headings) + " |", "|---" * (1 + len(headings)) + "|"]
    for arm, figures in values.iterrows():
        lines.append(f"| {arm.replace('+', ', ')} | " + " | ".join(f"{100 * value:.2f} %" for value in figures) + " |")
    return "\n".join(lines)


def _folds_table(rows):
    values = rows.pivot_table("value", "fold", "arm", sort=True)
    arms = [arm for arm in README_ARMS if arm in values]
    samples = rows.groupby("fold").samples.first()
    lines = [
        "| held-out fold | images | " + " | ".join(README_ARMS[arm] for arm in arms) + " |",
        "|---" * (2 + len(arms)) + "|",
    ]
    for fold, count, accuracies in [
        *((fold, samples[fold], values.loc[fold]) for fold in values.index),
        ("mean", samples.sum(), values.mean()),
    ]:
        lines.append(f"| {fold} | {count:,} | " + " | ".join(f"{100 * accuracies[arm]:.2f} %" for arm in arms) + " |")
    return "\n".join(lines)


def with_table(text: str, table: str, source: str = "README.md", begin: str = BEGIN, end: str = END) -> str:
    """Text with the table between its marks.

    Args:
        text: of README.md or a card.
        table: what to put there.
        source: the file's name, for the message.
        begin, end: the marks.

    Raises:
        ValueError: the marks are missing.
    """
    if begin not in text or end not in text:
        raise ValueError(f"{source}: the marks {begin} and {end} are missing")
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{table}\n{end}{rest.split(end, 1)[1]}"


def fresh_tables(readme: pathlib.Path) -> dict[pathlib.Path, str]:
    """Each file with a table made from results.csv -> its text as it should be.

    Args:
        readme: README.md.
    """
    curve = few_shot_results.readme_table(read(results_path()))
    tables = "\n\n".join(filter(None, [readme_table(), failures_table(), curve]))
    text = with_table(readme.read_text(encoding="utf-8"), tables)
    own = table_results.readme_table(read(results_path()))
    texts = {readme: with_table(text, own, begin=table_results.BEGIN, end=table_results.END)}
    for card in sorted(saved_models_dir().glob("*/CARD.md")):
        texts[card] = with_table(card.read_text(encoding="utf-8"), card_tables(card.parent.name), str(card))
    return texts


def read(path: pathlib.Path) -> pd.DataFrame:
    """The rows of results.csv."""
    return pd.read_csv(path, dtype={"parameters": "Int64", "bytes_float32": "Int64", "bytes_int8": "Int64"})


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    commands.add_parser("add").add_argument("runs", nargs="+", type=pathlib.Path)
    table = commands.add_parser("add-table")
    table.add_argument("run", type=pathlib.Path)
    table.add_argument("--data", required=True)
    curve = commands.add_parser("add-few-shot")
    curve.add_argument("run", type=pathlib.Path)
    curve.add_argument("--size", default="small")
    curve.add_argument("--fold", type=int, default=0)
    curve.add_argument("--seed", type=int, default=0)
    tables = commands.add_parser("tables")
    tables.add_argument("readme", nargs="?", type=pathlib.Path, default=pathlib.Path("README.md"))
    options = parser.parse_args(arguments)
    if options.what == "add":
        for run in options.runs:
            add(RunRecord.load(run / "run.json"))
    elif options.what == "add-table":
        _put_in(table_results.rows_of(options.run, options.data, COLUMNS))
    elif options.what == "add-few-shot":
        import mmzoo
        from mmzoo.recipes.run_record import machine

        arguments = {"size": options.size, "fold": options.fold, "seed": options.seed, "device": machine()}
        parameters = mmzoo.build_road_sign_model(size=options.size).count_params()
        table = pd.read_csv(options.run / "few_shot.csv")
        _put_in(few_shot_results.rows_of(table, parameters=parameters, **arguments))
    else:
        for path, text in fresh_tables(options.readme).items():
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
