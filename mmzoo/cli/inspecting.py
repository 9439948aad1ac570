"""`mmzoo inspect`: the command's body."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterable

from mmzoo.inspection.inspector import inspect_table
from mmzoo.inspection.showing.printing import print_inspection
from mmzoo.inspection.showing.writing import write_inspection
from mmzoo.schema import Schema


def run(
    table: str | os.PathLike,
    *,
    targets: Iterable[str] = (),
    root: str | os.PathLike | None = None,
    kinds: Iterable[str] = (),
    groups: Iterable[str] = (),
    split: str | None = None,
    schema: str | os.PathLike | None = None,
    allow_outside_root: bool = False,
    missing: Iterable[str] = (),
    out: str | os.PathLike | None = None,
) -> int:
    """Inspects a table, prints what was found, and writes inspect.html and schema.json.

    Args:
        table: the path of a table.
        targets: columns to predict.
        root: image and sound paths are relative to it.
        kinds: "<column>=<kind>".
        groups: "<input>=<column>,<column>".
        split: the column that says which rows are for training.
        schema: an edited schema.json to check the table against.
        allow_outside_root: also read files outside of `root`.
        missing: words that mean an empty cell.
        out: folder to write to; None: nothing is written.

    Returns:
        The exit status: 0, or 1 where no schema can be made or the table does not fit the schema given.
    """
    if schema is not None and (list(kinds) or list(groups)):
        raise ValueError("--schema: says all of it; edit that file instead of giving --kind or --group")
    inspection = inspect_table(
        table,
        list(targets) or None,
        root=root,
        kinds=pairs(kinds, groups)[0],
        groups=pairs(kinds, groups)[1],
        split=split,
        allow_outside_root=allow_outside_root,
        missing=tuple(missing),
        schema=None if schema is None else Schema.load(schema),
    )
    print_inspection(inspection)
    if out is not None:
        files = write_inspection(inspection, pathlib.Path(out))
        print("Written:", *map(str, files))
        if inspection.schema is not None and schema is None:
            print(f"Correct {files[-1]} where it is wrong, then check it: mmzoo inspect {table} --schema {files[-1]}")
    fits = inspection.schema is not None and not (schema is not None and inspection.of_level("error"))
    return 0 if fits else 1


def pairs(kinds: Iterable[str], groups: Iterable[str]) -> tuple[dict[str, str], dict[str, list[str]]]:
    """What was typed behind --kind and --group.

    Args:
        kinds: "<column>=<kind>".
        groups: "<input>=<column>,<column>".

    Returns:
        (column -> kind, input -> columns).

    Raises:
        ValueError: another form.
    """
    named = (_pair(text, "--group", "location=lat,lon") for text in groups)
    return (
        dict(_pair(text, "--kind", "column=text") for text in kinds),
        {name: columns.split(",") for name, columns in named},
    )


def _pair(text, option, example):
    # A column's name may hold "=", a kind does not; the name of an input does not, but its columns may.
    name, equals, value = text.rpartition("=") if option == "--kind" else text.partition("=")
    if not (equals and name and value):
        raise ValueError(f"{option} {text}: expected such as {example}")
    return name, value
