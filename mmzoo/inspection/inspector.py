"""`inspect_table`: from a table to a schema, with the reason for every decision and all that is wrong."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from mmzoo.data.tables.frames import NOTES
from mmzoo.data.tables.table import read_table, root_of
from mmzoo.inspection.deciding.assembly import Assembly, parts_of
from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.deciding.file_columns import decide_files
from mmzoo.inspection.deciding.overrides import TARGET_KINDS, check_columns, check_kinds, decide_as, target_as
from mmzoo.inspection.deciding.rules import decide
from mmzoo.inspection.deciding.splits import find_split, split_decision, unusual_folds
from mmzoo.inspection.deciding.targets import decide_target
from mmzoo.inspection.findings.column_findings import (
    files_of,
    left_out,
    missing_cells,
    rare_categories,
    words_for_missing,
)
from mmzoo.inspection.findings.leaks import find_leaks
from mmzoo.inspection.findings.table_findings import find_duplicates
from mmzoo.inspection.inspection import LEVELS, Finding, Inspection, counted, in_words
from mmzoo.inspection.reading.cells import Cells
from mmzoo.inspection.showing.describing import describe
from mmzoo.schema import Schema

_log = logging.getLogger(__name__)


def infer_schema(
    table: str | os.PathLike | pd.DataFrame,
    target: str | Sequence[str],
    *,
    root: str | os.PathLike | None = None,
    **options,
) -> Schema:
    """The schema for a table of own data; `inspect_table` also says why, and what is wrong with the table.

    Args:
        table: a DataFrame or the path of a CSV file.
        target: the column or columns to predict.
        root: image and sound paths are relative to it; by default the CSV file's folder, or the current one.
        **options: as of `inspect_table`: kinds, groups, split, unit, image_size, text_length, allow_outside_root,
            missing, name.

    Returns:
        The schema; what is an error in the table but does not prevent it is logged.

    Raises:
        ValueError: no schema can be made, since a target is missing, empty or constant, or no column is an input.

    >>> frame = pd.DataFrame({"speed_km_h": [30.5, 48.0, 61.5, 52.5] * 5, "road": ["city", "city", "land", "land"] * 5})
    >>> schema = infer_schema(frame, target="road")
    >>> schema["sensors"].fields[0].unit, schema["road"].classes
    ('km/h', ('city', 'land'))
    """
    inspection = inspect_table(table, target, root=root, **options)
    if inspection.schema is None:
        errors = "\n  ".join(str(finding) for finding in inspection.of_level("error"))
        raise ValueError(f"{inspection.source}: no schema can be made of it:\n  {errors}")
    for finding in inspection.of_level("error"):
        _log.warning("%s: %s", inspection.source, finding)
    return inspection.schema


def inspect_table(
    table: str | os.PathLike | pd.DataFrame,
    target: str | Sequence[str] | None = None,
    *,
    root: str | os.PathLike | None = None,
    kinds: Mapping[str, Any] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    split: str | None = None,
    unit: Mapping[str, str] | None = None,
    image_size: int | tuple[int, int] | None = None,
    text_length: int | None = None,
    allow_outside_root: bool = False,
    missing: Collection[str] = (),
    name: str | None = None,
    schema: Schema | None = None,
) -> Inspection:
    """Looks at every column of a table, decides what it is, and finds what is wrong.

    The rules for inputs stand in `mmzoo.inspection.deciding.rules`, those for targets in
    `mmzoo.inspection.deciding.targets`. Numbers get a range in which new data is expected
    (`mmzoo.inspection.reading.ranges`): wide, as the device refuses what is outside. All numbers, angles, categories
    and dates go into one input "sensors"; texts, images, sounds and targets are named as their column is.

    Args:
        table: a DataFrame, or the path of a table, see `mmzoo.data.tables.table.read_table`.
        target: the column to predict, or several; not needed with `schema`.
        root: image and sound paths are relative to it; by default the table's folder, or the current one.
        kinds: column -> "text", "category", "number", "angle", "date", "time", "image", "audio" or "ignore", or the
            schema's object for it (`Number("speed", "km/h", 0, 300)`, `Image(64, 64)`); for a target "label",
            "multilabel", "value" or the object. Instead of what the rules say.
        groups: input name -> columns, for numbers, angles, categories and dates that shall be an input of their own.
        split: the column that says which rows are for training and which for testing; found by itself where its values
            are train, validation, test.
        unit: column -> unit, instead of what the name says.
        image_size: height and width of the pictures in the model, or one number for both.
        text_length: of the texts in the model, in bytes.
        allow_outside_root: also read files outside of `root`; a table from elsewhere could name any file.
        missing: words that stand for an empty cell, beside those that always do ("NA", "?", "null", see
            `mmzoo.encoding.missing`).
        name: the schema's name; by default the target's.
        schema: an edited schema to check the table against, instead of the rules; columns it doesn't use are left out.

    Returns:
        The `Inspection`; its `schema` is None where an error stands in the way.

    Raises:
        FileNotFoundError: there is no such table or root.
        ValueError: the table can't be read, or `target`, `kinds`, `groups`, `split` or `unit` name a column it does not
            have, or something that does not go with it.
    """
    frame, source = read_table(table, missing=missing)
    notes = frame.attrs.get(NOTES, ())
    frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
    root = root_of(table, root)
    kinds, groups, available = dict(kinds or {}), dict(groups or {}), list(frame.columns)
    if schema is not None:
        kinds, target = parts_of(schema, available, source)
    targets = [target] if isinstance(target, str) else list(target or ())
    if not targets:
        raise ValueError("target: name the column or columns to predict")
    check_columns(targets, available, "target")
    check_columns([split] if split is not None else [], available, "split")
    check_columns(unit or {}, available, "unit")
    check_kinds(kinds, available, targets)
    grouped = _grouped(groups, available, targets)

    cells = {column: Cells(column, frame[column], _names_of(kinds.get(column))) for column in available}
    split = split or find_split(frame, [column for column in available if column not in {*targets, *kinds}])
    decisions: dict[str, Decision] = {}
    seen: dict[tuple, str] = {}
    # The targets first, so that a column that copies one is known for it.
    for column in [*targets, *(column for column in available if column not in targets)]:
        one, kind, one_unit = cells[column], kinds.get(column), (unit or {}).get(column)
        if column in targets:
            decisions[column] = _target(one, kind, one_unit, len(targets) > 1)
        elif column == split:
            decisions[column] = split_decision(one, frame[column])
        else:
            decisions[column] = (
                (_unusual(one, seen, targets) or unusual_folds(one)) if kind is None and column not in grouped else None
            ) or _input(one, kind, root, allow_outside_root, one_unit, text_length, image_size)
        seen.setdefault((one.codes.tobytes(), tuple(one.values)), column)
    decisions = {column: decisions[column] for column in available}

    assembly = Assembly(name or targets[0], targets, decisions, grouped, available, source, schema)
    findings = [Finding("note", "", note) for note in notes]
    findings += [finding for decision in decisions.values() for finding in decision.findings] + assembly.findings
    for column, decision in decisions.items():
        if decision.part is not None:
            findings += files_of(cells[column], decision)
    inputs = [cells[column] for column, d in decisions.items() if d.part is not None and column not in targets]
    findings += left_out({column: d for column, d in decisions.items() if column != split and column not in targets})
    findings += words_for_missing(cells[column] for column, d in decisions.items() if d.kind != "ignore")
    findings += missing_cells(inputs)
    findings += rare_categories(one for one in inputs if decisions[one.name].kind == "category")
    findings += find_duplicates(cells, decisions, targets, split)
    findings += find_leaks(cells, decisions, targets)
    columns = []
    for column in available:
        role = "target" if column in targets else "split" if column == split else "input"
        role = role if assembly.feeds.get(column) or role != "input" else "left out"
        columns.append(describe(cells[column], decisions[column], role, assembly.feeds.get(column, "")))
    findings.sort(key=lambda finding: LEVELS.index(finding.level))
    return Inspection(assembly.schema, tuple(columns), tuple(findings), source, len(frame), assembly.mapping)


def _grouped(groups: Mapping[str, Iterable[str]], available, targets) -> dict[str, str]:
    """Column -> the input it goes into."""
    grouped = {}
    for name, columns in groups.items():
        if not str(name).isidentifier():
            raise ValueError(f"groups: {name!r} is no identifier (letters, digits, _)")
        columns = [columns] if isinstance(columns, str) else list(columns)
        check_columns(columns, available, f"groups: {name!r}")
        for column in columns:
            if column in targets or column in grouped:
                where = "is a target" if column in targets else f"is in {grouped[column]!r} already"
                raise ValueError(f"groups: {name!r}: column {column!r} {where}")
            grouped[column] = name
    return grouped


def _names_of(kind) -> tuple[str, ...]:
    """The categories or classes that the user gave, none of which can mean "missing"."""
    return getattr(kind, "categories", ()) or getattr(kind, "classes", ())


def _target(cells: Cells, kind, unit, is_one_of_several) -> Decision:
    word = TARGET_KINDS[kind] if isinstance(kind, str) else None if kind is None else type(kind).__name__.lower()
    decision = decide_target(cells, word, unit, is_one_of_several)
    if kind is None or isinstance(kind, str) or decision.part is None:
        return decision
    return target_as(decision, cells, kind)


def _unusual(cells: Cells, seen: dict[tuple, str], targets) -> Decision | None:
    """What goes for columns of any kind: cells of other types, no value at all, and copies."""
    if cells.strange:
        rows = [cells.rows[position] for position in cells.strange]
        what = " and ".join(sorted(cells.strange_types))
        message = (
            f"{counted(len(rows), 'cell')} of type {what} ({in_words(rows)}); make one text, number or date of each"
        )
        finding = Finding("error", cells.name, message, tuple(rows[:20]))
        return Decision("unusable", f"cells of type {what}", None, [finding])
    if not cells.values:
        finding = Finding("note", cells.name, "is empty in all rows, and left out")
        return Decision("empty", "no cell is filled", None, [finding])
    other = seen.get((cells.codes.tobytes(), tuple(cells.values)))
    if other is None or len(cells.values) < 2:
        return None
    findings = []
    if other in targets:
        findings = [Finding("warning", cells.name, f"is a copy of the target {other!r}, so it is left out")]
    return Decision("copy", f"the same as {other!r} in every row", None, findings)


def _input(cells: Cells, kind, root, allow_outside_root, unit, text_length, image_size) -> Decision:
    files = decide_files(cells, kind, root, allow_outside_root, image_size)
    if files is not None:
        return files
    if kind is not None:
        return decide_as(cells, kind, unit=unit, text_length=text_length)
    return decide(cells, unit=unit, text_length=text_length)
