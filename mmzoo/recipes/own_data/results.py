"""Figures of own-data runs in saved_models/results.csv, and from there in the documents.

python -m mmzoo.recipes.results add RUN --data flipkart_1050     # after mmzoo train TABLE --out RUN
"""

from __future__ import annotations

import pandas as pd

from mmzoo.evaluation.baseline import BOOSTING, LINEAR
from mmzoo.recipes.own_data.recipe import TableRecipe
from mmzoo.recipes.running.arms import ALL, ALONE, CONCAT, GIVEN
from mmzoo.recipes.running.recording.record import origin
from mmzoo.schema import Schema
from mmzoo.schema.names import ascii_name
from mmzoo.tasks import figure_of

# How the model of an own-data row is called in results.csv: this and its size.
MODEL = "own_data_"
# What a table is called that nobody gave a name.
OWN_DATA = "own data"
SPLIT = "test rows of the table"


def model_name(recipe: TableRecipe, schema: Schema) -> str:
    """What the model of a table is called in results.csv: its size and the pretrained encoders that read its inputs.

    Args:
        recipe: with nothing left to decide.
        schema: of the data.
    """
    encoders = recipe.encoders_of(schema)
    how = () if not encoders or recipe.finetune == "frozen" else (recipe.finetune,)
    return MODEL + "_".join([recipe.size, *(ascii_name(origin(encoder)) for encoder in encoders), *how])


def readme_table(table: pd.DataFrame) -> str:
    """The README's table of own data, as Markdown; "" without such rows.

    Args:
        table: results.csv.
    """
    table = table[table.model.str.startswith(MODEL) & ~table.arm.str.endswith(GIVEN)]
    if table.empty:
        return ""
    lines = [
        "| data (target), test rows, seeds | model | metric | all inputs | plain concatenation | best input alone | "
        "gradient boosting | linear |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for (data, output, model, metric), group in table.groupby(["data", "output", "model", "metric"], sort=True):
        figure = figure_of(metric)
        if not figure.in_summaries:
            continue
        means = group.groupby("arm", sort=False).value.mean()
        deviations = group.groupby("arm", sort=False).value.std()
        alone = means[means.index.str.endswith(ALONE)]
        best = (alone.idxmin() if figure.lower_is_better else alone.idxmax()) if len(alone) else None

        def cell(arm, means=means, deviations=deviations, figure=figure):
            if arm not in means:
                return "-"
            scale, digits = (100, ".1f") if figure.is_share else (1, ".4g")
            spread = "" if pd.isna(deviations[arm]) else f" ± {scale * deviations[arm]:{digits}}"
            name = f"{arm.removesuffix(' alone')}: " if arm.endswith(ALONE) else ""
            return f"{name}{scale * means[arm]:{digits}}{spread}"

        first = group.iloc[0]
        lines.append(
            f"| {data} ({output}), {first.samples:,}, {group.seed.nunique()} | "
            f"{model.removeprefix(MODEL).replace('_', ' ', 1)} | {figure.label}"
            f"{' %' if figure.is_share else ''} | "
            + " | ".join(cell(arm) for arm in (ALL, CONCAT, best, BOOSTING, LINEAR))
            + " |"
        )
    return "\n".join(lines)
