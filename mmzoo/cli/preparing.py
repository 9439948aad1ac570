"""`mmzoo prepare`: the schema, a progress bar, and what there is at the end."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

from mmzoo.schema import Schema


def run_prepare(
    table: str | os.PathLike,
    out: str | os.PathLike,
    *,
    schema: str | os.PathLike | None = None,
    target: str | None = None,
    root: str | os.PathLike | None = None,
    split: str | None = None,
    validation: float | None = None,
    test: float | None = None,
    allow_outside_root: bool = False,
    beam_options: Sequence[str] = (),
    **options,
) -> None:
    """Prepares a table and prints what was made.

    Args:
        table: the path of a CSV file.
        out: folder for the records.
        schema: a schema.json; or
        target: the column to predict, to infer a schema for; a column that names the splits is then found too. The
            table must fit in memory for that.
        root: folder that the table's paths are relative to.
        split: the column that names each row's split; or
        validation, test: shares of the rows that become the splits of these names.
        allow_outside_root: also read files outside of the root.
        beam_options: see `mmzoo.data.tables.preparing.prepare`; only with `beam`.
        **options: of `prepare`.

    Raises:
        ValueError: neither or both of `schema` and `target`, both a `split` and shares; see `prepare`.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    import mmzoo
    from mmzoo.data.tables.preparing import prepare

    if (schema is None) == (target is None):
        raise ValueError("give --schema schema.json, or --target with the column to predict, to infer a schema for")
    shares = {name: share for name, share in (("validation", validation), ("test", test)) if share is not None}
    if split is not None and shares:
        raise ValueError(f"--split and --{next(iter(shares))}: give one of them")
    if shares and not (min(shares.values()) > 0 and sum(shares.values()) < 1):
        raise ValueError(f"expected shares above 0, less than 1 together, got {shares}: something is to train on")
    files = {"root": root, "allow_outside_root": allow_outside_root}
    if schema is not None:
        known, columns = Schema.load(schema), None
    else:
        inspection = mmzoo.inspect_table(table, target, **files)
        # Where none can be made, this says why.
        known = inspection.schema or mmzoo.infer_schema(table, target, **files)
        columns = inspection.mapping
        if not shares:
            split = split or next((column.name for column in inspection.columns if column.role == "split"), None)
    if shares:
        shares = {"train": 1 - sum(shares.values()), **shares}
    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shown, transient=True) as bar:
        tasks: dict = {}

        def show(stage, done, total):
            if stage not in tasks:
                tasks[stage] = bar.add_task(f"{stage} rows", total=total)
            bar.update(tasks[stage], completed=done, total=total)

        prepared = prepare(
            *(table, known, out),
            **{"columns": columns, "split": split or shares or None, "beam_options": beam_options, "progress": show},
            **files,
            **options,
        )
    print(prepared.note)
    print(f"Done: {out}/schema.json, {out}/prepared.json" + (f", {out}/skipped.csv" if prepared.skipped else ""))
    print(f'In Python: mmzoo.open_prepared("{pathlib.Path(out)}").dataset("{next(iter(prepared.splits))}")')
