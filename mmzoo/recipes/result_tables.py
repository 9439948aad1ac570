"""The tables made from saved_models/results.csv, for README.md and the cards of the bundles, for any kind of output."""

from __future__ import annotations

import json
import pathlib
import re

import numpy as np
import pandas as pd

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes import get_recipe, list_recipes
from mmzoo.recipes.running.arms import ALL, ALONE, CONCAT, GIVEN

FOLD = re.compile(r" \(fold (\d+)\)$")
KEY = ["model", "data", "split", "arm", "seed", "output", "metric"]
RESULTS = "results"


def read(path: pathlib.Path | None = None) -> pd.DataFrame:
    """The rows of results.csv."""
    path = results_path() if path is None else path
    return pd.read_csv(path, dtype={"parameters": "Int64", "bytes_float32": "Int64", "bytes_int8": "Int64"})


def results_path() -> pathlib.Path:
    """results.csv."""
    return saved_models_dir() / "results.csv"


def figure_text(output: str, metric: str, value: float, digits: int = 2) -> str:
    """A figure as a person reads it: "97.25 %", "0.0312"; "-" where it isn't defined for the samples."""
    from mmzoo.tasks import figure_of

    if pd.isna(value):
        return "-"
    return figure_of(f"{output}_{metric}").text(value, digits=digits)


def is_shown(recipe: str, metric: str) -> bool:
    """Whether tables of many models show a metric of a recipe; failing sensors have tables of their own."""
    from mmzoo.tasks import figure_of

    wanted, figure = get_recipe(recipe).shown_figures, figure_of(metric)
    return metric in wanted if wanted is not None else figure.in_summaries and figure.name == metric


def recipe_of(model: str) -> str | None:
    """The recipe that a model in results.csv belongs to: the longest name that its own begins with; None: of none."""
    names = [name for name in list_recipes() if model.startswith(f"{name}_")]
    return max(names, key=len, default=None)


def sizes_of(recipe: str, model: str, data: str) -> str:
    """Sizes of the shipped files of a model, named without the data set it was trained on if that is `data`."""
    for name in (f"{model}_{data}", model):
        certificate = saved_models_dir() / name / "parity.json"
        if certificate.is_file():
            files = json.loads(certificate.read_text(encoding="utf-8"))["files"]
            kinds = ("model_float32.tflite", "model_int8.tflite")
            return " / ".join(f"{files[kind]['bytes'] / 1000:.0f} KB" if kind in files else "-" for kind in kinds)
    return "-"


def with_fold_means(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of results.csv with the folds of a split replaced by their mean, where there are several.

    Of a split with figures pooled over the folds these stand alone.
    """
    fold = table.split.str.extract(FOLD, expand=False)
    folds = table[fold.notna()].assign(split=lambda rows: rows.split.str.replace(FOLD, "", regex=True))
    pooled = table[table.split.str.endswith(" folds pooled")]
    pooled = pooled.assign(split=pooled.split.str.split(",").str[0])
    have = set(map(tuple, pooled[["model", "data", "split"]].to_numpy()))
    kept, means = [fold.isna()], []
    for key, group in folds.groupby([column for column in KEY if column != "seed"], sort=False):
        if key[:3] in have:
            continue
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


def models_table(path: pathlib.Path | None = None) -> str:
    """The tables of the models, as Markdown, one a recipe: a line for each model, data, split and figure."""
    table = read(path)
    owners = table.model.map(recipe_of)
    return "\n\n".join(_recipe_table(name, table[owners == name]) for name in list_recipes() if (owners == name).any())


def _recipe_table(recipe, table):
    table = table[np.array([is_shown(recipe, metric) for metric in table.metric], bool)]
    shown = get_recipe(recipe).shown or _all_arms(table)
    table = with_fold_means(table[table.arm.isin(list(shown))])
    lines = [
        "| model | parameters | float32 / int8 file | data (split, samples) | figure | seeds | "
        + " | ".join(shown.values())
        + " |",
        "|---" * (6 + len(shown)) + "|",
    ]
    for (model, data, split, output, metric), group in table.groupby(KEY[:3] + KEY[5:], sort=True):
        own = group[group.arm == ALL] if (group.arm == ALL).any() else group
        first = own.iloc[0]
        cells = [
            model,
            f"{first.parameters:,}",
            sizes_of(recipe, model, data),
            f"{data} ({_split_name(recipe, data, split)}, {first.samples:,})",
            f"{output}: {metric.replace('_', ' ')}",
            str(group.seed.nunique()),
        ]
        cells += [_mean(output, metric, group.loc[group.arm == arm, "value"]) for arm in shown]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def headlines_table(path: pathlib.Path | None = None) -> str:
    """The README's table, as Markdown: of each model and data set the first figure that its recipe shows, of all
    inputs, of the image where the others are simulated, and of the best of what stands beside it."""
    from mmzoo.tasks import figure_of

    table = read(path)
    owners = table.model.map(recipe_of)
    lines = ["| model | data (split, samples) | figure | seeds | all inputs | the best beside it |", "|---" * 6 + "|"]
    for recipe in (name for name in list_recipes() if (owners == name).any()):
        rows = table[owners == recipe]
        wanted = get_recipe(recipe).shown_figures or dict.fromkeys(m for m in rows.metric if is_shown(recipe, m))
        rows = rows[rows.metric == next(iter(wanted))]
        shown = get_recipe(recipe).shown or _all_arms(rows)
        beside = [arm for arm in shown if arm not in (ALL, CONCAT) and not arm.startswith(f"{ALL}, ")]
        for (model, data, split, output, metric), group in with_fold_means(rows).groupby(KEY[:3] + KEY[5:], sort=True):
            means = group[group.arm.isin(beside)].groupby("arm").value.mean()
            whole = group[group.arm == ALL]
            if whole.empty and means.empty:
                continue
            lower = figure_of(f"{output}_{metric}").lower_is_better
            best = None if means.empty else means.idxmin() if lower else means.idxmax()
            first = (group if whole.empty else whole).iloc[0]
            cells = [
                model,
                f"{data} ({_split_name(recipe, data, split)}, {first.samples:,})",
                f"{output}: {metric.replace('_', ' ')}",
                str(group.seed.nunique()),
                _mean(output, metric, whole.value),
                "-" if best is None else f"{_mean(output, metric, group.loc[group.arm == best, 'value'])}, {best}",
            ]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _split_name(recipe, data, split):
    """What a split is called in a table."""
    known = get_recipe(recipe).data.get(data)
    return split if known is None else known.split_notes.get(split, split)


def _all_arms(table):
    """Every arm but rows of missing-input tables: the model, concatenation, the inputs alone, controls, baselines."""
    arms = [arm for arm in dict.fromkeys(table.arm) if not arm.endswith(GIVEN)]
    rank = {ALL: 0, CONCAT: 1}
    arms.sort(key=lambda arm: rank.get(arm, 2 if arm.endswith(ALONE) else 3 if arm.startswith(ALL) else 4))
    return {arm: arm for arm in arms}


def _mean(output, metric, values):
    if values.empty:
        return "-"
    text = figure_text(output, metric, values.mean())
    if len(values) < 2:
        return text
    from mmzoo.tasks import figure_of

    return f"{text} ± {figure_of(metric).difference_text(values.std()).removesuffix(' points')}"


def failures_table(path: pathlib.Path | None = None) -> str:
    """The README's table of what the other inputs add when a camera fails, as Markdown; "" where none was measured."""
    table = read(path)
    parts = []
    for name in list_recipes():
        rows = table[(table.model.map(recipe_of) == name)]
        measured = set(rows.metric)
        failures = [one for one in get_recipe(name).failures if any(metric.endswith(f"_{one}") for metric in measured)]
        if failures:
            parts.append(_failures_of(rows, failures))
    return "\n\n".join(filter(None, parts))


def _failures_of(table, failures):
    camera = f"image{GIVEN}"
    table = with_fold_means(table[table.arm.isin([camera, ALL])])
    lines = ["| image given → all inputs | clean | " + " | ".join(failures) + " |", "|---" * (2 + len(failures)) + "|"]
    for (model, data, split, output), group in table.groupby(KEY[:3] + ["output"], sort=True):
        values = group.pivot_table("value", "metric", "arm")
        measured = {f"{metric}_{failure}": metric for metric in values.index for failure in failures}
        plain = next((metric for name, metric in measured.items() if name in values.index), None)
        if plain is None:
            continue
        cells = [f"{model}, {data} ({_split_name(recipe_of(model), data, split)})"]
        for metric in (plain, *(f"{plain}_{failure}" for failure in failures)):
            arms = values.reindex([metric]).reindex(columns=[camera, ALL]).iloc[0]
            texts = [figure_text(output, metric, value, digits=1) for value in arms if not np.isnan(value)]
            cells.append(f"{texts[0].removesuffix(' %')} → {texts[1]}" if len(texts) == 2 else "-")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) if len(lines) > 2 else ""


def card_tables(bundle: str, path: pathlib.Path | None = None) -> str:
    """The figures of a shipped bundle's recipe, as Markdown: every arm, under every failure, and the folds.

    Args:
        bundle: its name, "road_sign_small_gtsrb": the model, and the data it was trained on.
        path: of results.csv.
    """
    table = read(path)
    trained = [f"{model}_{data}" == bundle for model, data in zip(table.model, table.data, strict=True)]
    table = table[np.array(trained, bool) | (table.model == bundle)]
    parts = []
    for (data, split), group in with_fold_means(table).groupby(["data", "split"], sort=True):
        for output, rows in group.groupby("output", sort=False):
            parts += [f"{data}, {split}, {group.samples.iloc[0]:,} samples, {output}:", _arms_table(output, rows)]
    folds = table.assign(fold=table.split.str.extract(FOLD, expand=False)).dropna(subset="fold")
    folds = folds[
        np.array([is_shown(recipe_of(m), metric) for m, metric in zip(folds.model, folds.metric, strict=True)], bool)
    ]
    if folds.fold.nunique() > 1:
        parts += ["Each fold:", _folds_table(folds)]
    return "\n\n".join(parts)


def _arms_table(output, rows):
    values = rows.pivot_table("value", "arm", "metric", sort=False)
    # Metrics that only some arms have say little beside the others.
    values = values.loc[:, [column for column in values if values[column].notna().mean() > 0.5]]
    arms = sorted(values.index, key=lambda arm: (arm.endswith(GIVEN), arm != ALL))
    lines = [
        "| arm | " + " | ".join(name.replace("_", " ") for name in values) + " |",
        "|---" * (1 + len(values.columns)) + "|",
    ]
    for arm in arms:
        cells = [
            "-" if np.isnan(value) else figure_text(output, metric, value) for metric, value in values.loc[arm].items()
        ]
        lines.append(f"| {arm.replace('+', ', ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _folds_table(rows):
    shown = get_recipe(recipe_of(rows.model.iloc[0])).shown or _all_arms(rows)
    shown = {arm: name for arm, name in shown.items() if (rows.arm == arm).any()}
    samples = rows.groupby("fold").samples.first()
    lines = [
        "| held-out fold | samples | figure | " + " | ".join(shown.values()) + " |",
        "|---" * (3 + len(shown)) + "|",
    ]
    for (output, metric), group in rows.groupby(["output", "metric"], sort=False):
        values = group.pivot_table("value", "fold", "arm", sort=True)
        for fold, count, of_arms in [
            *((fold, samples[fold], values.loc[fold]) for fold in values.index),
            ("mean", samples.sum(), values.mean()),
        ]:
            cells = [figure_text(output, metric, of_arms[arm]) if arm in of_arms else "-" for arm in shown]
            label = f"{output}: {metric.replace('_', ' ')}"
            lines.append(f"| {fold} | {count:,} | {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def marks(name: str) -> tuple[str, str]:
    """What stands before and behind a table."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def with_table(text: str, table: str, source: str = "README.md", name: str = RESULTS) -> str:
    """Text with a table between its marks.

    Args:
        text: of a page or a card.
        table: what to put there.
        source: the file's name, for the message.
        name: of the table.

    Raises:
        ValueError: the marks are missing.
    """
    begin, end = marks(name)
    if begin not in text or end not in text:
        raise ValueError(f"{source}: the marks {begin} and {end} are missing")
    head, rest = text.split(begin, 1)
    return f"{head}{begin}\n{table}\n{end}{rest.split(end, 1)[1]}"
