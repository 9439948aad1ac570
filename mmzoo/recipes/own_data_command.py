"""`mmzoo train data.csv --target label`: the command's body."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

from mmzoo.inspection.command import pairs
from mmzoo.models.registry import list_models
from mmzoo.recipes.own_data import train
from mmzoo.recipes.table_arms import TableRecipe
from mmzoo.schema import Schema


def run(
    what: str | os.PathLike,
    out: pathlib.Path,
    *,
    targets: Iterable[str],
    schema: pathlib.Path | None,
    kinds: Iterable[str],
    groups: Iterable[str],
    recipe: Mapping[str, Any],
    **options,
) -> None:
    """Trains on a table or a prepared folder and prints the summary.

    Args:
        what: a CSV file, or the folder that `mmzoo prepare` wrote.
        out: folder of the run.
        targets: columns to predict.
        schema: an edited schema.json.
        kinds: "<column>=<kind>".
        groups: "<input>=<column>,<column>".
        recipe: keywords of `TableRecipe`.
        **options: of `mmzoo.recipes.own_data.train`.

    Raises:
        ValueError: neither a model of the zoo nor a file or folder, or no target.
    """
    path = pathlib.Path(what)
    if not path.exists():
        raise ValueError(f"{str(what)!r}: neither a model ({', '.join(list_models())}) nor a file or folder")
    if path.is_file() and not targets and schema is None:
        raise ValueError(f"{path}: name the column to predict with --target, or give --schema")
    kinds, groups = pairs(kinds, groups)
    result = train(
        path,
        list(targets) or None,
        out,
        schema=None if schema is None else Schema.load(schema),
        kinds=kinds,
        groups=groups,
        recipe=TableRecipe(**recipe),
        **options,
    )
    print(*result.summary, sep="\n")
    print(
        f"Written: {out}/summary.txt, arms.csv, inspect.html, evaluation/report.html"
        + ", bundle/" * bool(result.bundle)
    )
