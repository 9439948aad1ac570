"""Where own data comes from: a table, inspected, cleaned and split by seed, or a prepared folder."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import pandas as pd

from mmzoo.recipes.own_data.data import TableData, load_table, masked, pooled, without_targets_missing
from mmzoo.recipes.own_data.recipe import TableRecipe
from mmzoo.recipes.own_data.results import OWN_DATA, SPLIT
from mmzoo.recipes.own_data.skew import skewed_outputs
from mmzoo.schema import Schema, Text


class TableSource:
    """A table.

    Args:
        table, target, schema, root, split, group, time, unlabelled, mask, fewest, recipe, on_error,
            allow_outside_root, missing, say: as of `mmzoo.recipes.own_data.train`.
        **options: of `mmzoo.inspect_table`.

    Attributes:
        schema: inputs and outputs.
        name: what the data is called in the record.
        recipe: how `load` reads pictures and texts.
        skewed: output -> proposed class weight, of those whose classes are skewed.
        findings: errors and warnings of the inspection.
        settings: what the figures depend on, for whoever goes on with a run.

    Raises:
        ValueError: no schema can be made of the table.
    """

    def __init__(
        self,
        table: str | os.PathLike | pd.DataFrame,
        target: str | Sequence[str] | None,
        *,
        schema: Schema | None,
        root: str | os.PathLike | None,
        split: str | None,
        group: str | None,
        time: str | None,
        unlabelled: Sequence[str],
        mask: Sequence[str],
        fewest: int,
        recipe: TableRecipe,
        on_error: str,
        allow_outside_root: bool,
        missing: Collection[str],
        say: Callable[[str], None],
        **options: Any,
    ):
        from mmzoo.data.tables.table import read_table, root_of
        from mmzoo.inspection import inspect_table

        self.name, self.recipe = OWN_DATA, recipe
        # A size that the user asked for stays.
        self._is_sized = schema is not None or options.get("image_size") is not None
        self._root = root_of(table, root)
        self._options = {"on_error": on_error, "allow_outside_root": allow_outside_root}
        options |= {"root": self._root, "split": split, "allow_outside_root": allow_outside_root}
        frame, name = read_table(table, missing=missing)
        frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
        say(f"Looking at {name}: {len(frame):,} rows ...")
        targets = [target] if isinstance(target, str) else list(target or ())
        inspection = inspect_table(frame, targets or None, schema=schema, **options)
        _check(inspection, name, on_error)
        self._frame, self._notes = _cleaned(frame, inspection, unlabelled, mask, fewest)
        if self._notes and schema is None:
            inspection = inspect_table(self._frame, targets, **options)
            _check(inspection, name, on_error)
        self._inspection = inspection
        self.findings = [*inspection.of_level("error"), *inspection.of_level("warning")]
        for line in [*self.findings, *self._notes]:
            say(str(line))
        self.schema = inspection.schema if schema is None else schema
        self._mapping = inspection.mapping
        self.skewed = skewed_outputs(self.schema, self._frame, self._mapping or {})
        labels = [column.name for column in inspection.columns if column.kind == "label"]
        found = next((column.name for column in inspection.columns if column.role == "split"), None)
        self._split = {
            "target": labels[0] if labels else None,
            "column": None if time else split or found,
            "group": group,
            "time": time,
        }
        self.settings = {
            "schema": self.schema.to_dict(),
            "rows": len(self._frame),
            "notes": self._notes,
            "split": self._split,
        }

    def write(self, out: pathlib.Path) -> None:
        """Writes inspect.html and schema.json."""
        from mmzoo.inspection import write_inspection

        write_inspection(self._inspection, out)
        self.schema.save(out / "schema.json")

    def split_name(self, fold: None) -> str:
        """What the measured rows are called."""
        return SPLIT

    can_choose = True

    def load(self, fold: None, seed: int, recipe: TableRecipe | None = None) -> TableData:
        """The splits of a seed, encoded as a recipe wants its texts and pictures; None: the source's own."""
        from mmzoo.data.tables.splits import split_table
        from mmzoo.models.multimodal import SIZES
        from mmzoo.models.parts.encoder_input import as_trained

        recipe = recipe or self.recipe
        return load_table(
            split_table(self._frame, seed=seed, **self._split),
            self.schema if self._is_sized else as_trained(self.schema, recipe.image, recipe.audio),
            columns=self._mapping,
            root=self._root,
            text=recipe.text,
            buckets=SIZES[recipe.size].ngram_buckets,
            notes=self._notes,
            **self._options,
        )

    def sample(self, name: str, count: int):
        """Some rows of an input, evenly over the table: a text's strings, or of any other kind its arrays."""
        from mmzoo.data.tables.manifest import read_manifest
        from mmzoo.data.tables.table import choose_columns

        column = choose_columns(self.schema, list(self._frame.columns), self._mapping, "table", targets=True)[
            name, None
        ]
        rows = self._frame[self._frame[column].notna()].iloc[:: max(1, len(self._frame) // count)]
        if isinstance(self.schema.inputs[name], Text):
            return rows[column].astype(str).tolist()
        part = self.schema.keeping([name])
        held = {key: place for key, place in (self._mapping or {}).items() if key == name or key in part.outputs}
        manifest = read_manifest(rows, part, columns=held or None, root=self._root, **self._options)
        return manifest.arrays(self._options["on_error"])[0][name]


def _check(inspection, name, on_error):
    errors = inspection.of_level("error")
    listed = "\n  ".join(map(str, errors))
    if inspection.schema is None:
        raise ValueError(f"{name}: no schema can be made of it:\n  {listed}")
    if errors and on_error == "raise":
        raise ValueError(
            f"{name}: not fit to train on:\n  {listed}\nCorrect the table, decide otherwise with kinds (--kind), or "
            "leave bad rows out with on_error='skip' (--on-error skip)"
        )


def _cleaned(frame, inspection, unlabelled, mask, fewest):
    """(the table without rows that lack a target, words masked and rare classes pooled, notes on that)."""
    columns = {column.name: column for column in inspection.columns}
    targets = [name for name, column in columns.items() if column.role == "target"]
    classes = {name: inspection.schema[columns[name].feeds].classes for name in targets}
    # To a list of labels an empty cell says that there are none.
    listed = [name for name in targets if columns[name].kind == "multilabel"]
    frame, notes = without_targets_missing(frame, [] if listed else targets, unlabelled, classes)
    texts = [name for name, column in columns.items() if column.role == "input" and column.kind == "text"]
    whole = len(frame)
    frame = frame.drop_duplicates()
    if len(frame) < whole:
        notes.append(f"{whole - len(frame)} rows the same as an earlier one in every column left out")
    frame, found = masked(frame, texts, mask)
    notes += found
    for name in targets:
        if columns[name].kind == "label":
            frame, found = pooled(frame, name, fewest, classes[name])
            notes += found
    return frame, notes


class PreparedSource:
    """A folder that `mmzoo.prepare` wrote; its splits are the same for every seed.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | os.PathLike):
        from mmzoo.recipes.own_data.prepared import PreparedData

        self.name, self._data = OWN_DATA, PreparedData(path)
        self.schema: Schema = self._data.schema
        self.findings: list = []
        self.skewed: dict[str, str] = {}
        self.recipe = None
        self.settings = {"schema": self.schema.to_dict(), "notes": self._data.notes}

    def write(self, out: pathlib.Path) -> None:
        """Writes schema.json."""
        self.schema.save(out / "schema.json")

    def split_name(self, fold: None) -> str:
        """What the measured rows are called."""
        return SPLIT

    can_choose = False

    def load(self, fold: None, seed: int, recipe: TableRecipe | None = None):
        """The splits, the same for every seed and recipe."""
        return self._data
