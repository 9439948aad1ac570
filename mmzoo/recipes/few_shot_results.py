"""Figures of the few-shot curve: into saved_models/results.csv, and from there into the README.

python -m mmzoo.recipes.results add-few-shot RUN    # after python -m mmzoo.recipes.few_shot --out RUN
"""

from __future__ import annotations

import pandas as pd

# Weights to begin from, and what they are called.
SCRATCH = "scratch"
STARTS = {"rendered": "from drawn signs", SCRATCH: "from scratch"}
# Behind the model's name in results.csv.
MODEL_END = "_few_shot"


def rows_of(table: pd.DataFrame, *, size: str, fold: int, seed: int, device: str, parameters: int) -> pd.DataFrame:
    """The rows of saved_models/results.csv.

    Args:
        table: of `few_shot_curve`.
        size, fold, seed: its arguments.
        device: what the figures were measured on.
        parameters: of the model.
    """
    return pd.DataFrame(
        {
            "model": f"road_sign_{size}{MODEL_END}",
            "data": "gtsrb",
            "split": f"validation (fold {fold})",
            "arm": [f"{row.start}, {_amount(row.per_class)}" for row in table.itertuples()],
            "seed": seed,
            "output": "sign",
            "metric": "accuracy",
            "value": table.accuracy,
            "samples": table.samples,
            "parameters": parameters,
            "bytes_float32": pd.NA,
            "bytes_int8": pd.NA,
            "device": device,
            "command": "python -m mmzoo.recipes.few_shot --data-dir DIR --out RUN",
        }
    )


def readme_table(results: pd.DataFrame) -> str:
    """The curve as a Markdown table; "" where it was not measured.

    Args:
        results: results.csv.
    """
    rows = results[results.model.str.endswith(MODEL_END)]
    if rows.empty:
        return ""
    parts = rows.arm.str.split(", ", expand=True)
    values = rows.assign(start=parts[0], amount=parts[1]).pivot_table("value", "start", "amount")
    amounts = sorted(values.columns, key=lambda amount: float("inf") if amount == "all" else int(amount))
    lines = [
        "| real pictures a class, image alone | " + " | ".join(amounts) + " |",
        "|---" * (1 + len(amounts)) + "|",
    ]
    for start in values.index:
        cells = ["-" if pd.isna(values.loc[start, a]) else f"{100 * values.loc[start, a]:.1f} %" for a in amounts]
        lines.append(f"| {STARTS.get(start, start)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _amount(per_class):
    return "all" if pd.isna(per_class) else str(int(per_class))
