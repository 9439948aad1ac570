"""Predictions for a table or a folder of images, to a CSV file; the table as `mmzoo.encoding.tables` reads it.

Columns are named as in `mmzoo.schema.columns`; those that feed no input are carried over untouched.
"""

from __future__ import annotations

import csv
import logging
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mmzoo.encoding.formulas import without_formula
from mmzoo.encoding.pictures import picture_suffixes
from mmzoo.encoding.spelling import other_spellings
from mmzoo.encoding.tables import open_table
from mmzoo.files import replace_file
from mmzoo.schema import Image, Schema
from mmzoo.schema.checks import is_text
from mmzoo.schema.columns import encode_row, match_columns, output_columns, without_column

_log = logging.getLogger(__name__)


class Runs(Protocol):
    """What the functions here need of a model; `EdgeModel` has it."""

    @property
    def schema(self) -> Schema:
        """The schema of inputs and outputs."""

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """One encoded sample, without states and noise, to {output: array of its shape}."""


Rows = Iterable[Mapping[str, Any]]
Track = Callable[[Iterable[dict[str, Any]]], Iterable[dict[str, Any]]]


def predict_rows(
    model: Runs,
    rows: Rows,
    *,
    columns: Sequence[str],
    folder: str | os.PathLike = ".",
    source: str = "table",
    allow_outside_root: bool = False,
    on_error: str = "raise",
) -> Iterator[dict[str, Any]]:
    """Predicts row by row, so that a table of any length fits.

    Inputs and fields without a column are missing in every row, which is logged once, by name; and so are, once a
    column, categories that are spelt in another way than in the schema.

    Args:
        model: an `EdgeModel`, or anything with its `schema` and `run`.
        rows: column -> cell, strings or parsed values.
        columns: the names of the columns.
        folder: paths of files are relative to it.
        source: the table's name, for error messages.
        allow_outside_root: also read files outside of `folder`; a table from elsewhere could name any file.
        on_error: "raise", or "skip" to go on behind a row that can't be read: its predictions are "", and the column
            "error" ("_error" where there is such a column) says why; it is "" for all others.

    Returns:
        An iterator of the rows, each with the columns of `output_columns` added.

    Raises:
        ValueError, TypeError, FileNotFoundError: see `match_columns` and `encode_row`; the message names row and
            column.
    """
    placed = ((f"{source}, row {number}", row, "") for number, row in enumerate(rows, start=1))
    return _predict(
        model,
        placed,
        columns=columns,
        folder=folder,
        source=source,
        outside=allow_outside_root,
        on_error=on_error,
    )


def predict_csv(
    model: Runs,
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    encoding: str = "utf-8-sig",
    allow_outside_root: bool = False,
    on_error: str = "raise",
    formulas: bool = True,
    track: Track = iter,
) -> int:
    """Predicts for every row of a table and writes its columns and the predictions to a CSV file.

    Args:
        model: an `EdgeModel`.
        source: a table in one of the formats of `mmzoo.encoding.tables.open_table`; paths of files are relative to its
            folder.
        target: the file to write, in UTF-8 and with commas; it appears once all rows are done.
        encoding: of a CSV file; the default is UTF-8 with or without a byte order mark.
        allow_outside_root: also read files outside of the table's folder; one from elsewhere could name any file.
        on_error: see `predict_rows`; how many rows were skipped is logged.
        formulas: False: names and cells that a spreadsheet would run as a formula get an apostrophe in front.
        track: wraps the rows as they are done, for a progress bar.

    Returns:
        The number of rows, those without a prediction among them.

    Raises:
        FileNotFoundError: no such file, folder or image.
        ValueError, TypeError: a bad header, row or cell; the message names file, row (1 is the header) and column.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    table = open_table(source, encoding=encoding)
    if target.exists() and source.samefile(target):
        raise ValueError(f"{target}: is the table to read; name another file for the predictions")
    done = _predict(
        model,
        _placed_rows(table),
        columns=table.columns,
        folder=source if source.is_dir() else source.parent,
        source=str(source),
        outside=allow_outside_root,
        on_error=on_error,
    )
    return _write(target, model.schema, table.columns, track(done), str(source), on_error, formulas)


def predict_folder(
    model: Runs,
    folder: str | os.PathLike,
    target: str | os.PathLike,
    *,
    image_input: str | None = None,
    on_error: str = "raise",
    formulas: bool = True,
    track: Track = iter,
) -> int:
    """Predicts for every image in a folder, by name, and writes a CSV file with the column of the image's name.

    Args:
        model: an `EdgeModel`.
        folder: the folder; the folders in it are not looked into.
        target: the file to write; it appears once all images are done.
        image_input: the input that takes the image; None: the only one there is.
        on_error: see `predict_rows`; how many images were skipped is logged.
        formulas: see `predict_csv`.
        track: wraps the rows as they are done, for a progress bar.

    Returns:
        The number of images, those without a prediction among them.

    Raises:
        FileNotFoundError: no such folder, or there is no image in it.
        ValueError: an image can't be read, or the model has no or several image inputs.
    """
    folder = pathlib.Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder")
    images = model.schema.of_kind(Image)
    if image_input is None and len(images) != 1:
        raise ValueError(f"{folder}: the model's image inputs are {images}, not one; name it, or predict from a table")
    column = image_input or images[0]
    if column not in images:
        raise ValueError(f"image_input: expected one of {images}, got {column!r}")
    names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in picture_suffixes() and p.name[0] != ".")
    if not names:
        raise FileNotFoundError(f"{folder}: no image in it; expected files that end with one of {picture_suffixes()}")
    rows = ((str(folder), {column: name}, "") for name in names)
    # The names are the folder's own; a link among them was put there by its owner.
    # The names are all that is given, so nobody expects the other inputs.
    done = _predict(
        model, rows, columns=[column], folder=folder, source=str(folder), outside=True, on_error=on_error, says=False
    )
    return _write(pathlib.Path(target), model.schema, [column], track(done), str(folder), on_error, formulas)


def _predict(model, placed_rows, *, columns, folder, source, outside, on_error, says=True):
    if on_error not in ("raise", "skip"):
        raise ValueError(f"on_error: expected 'raise' or 'skip', got {on_error!r}")
    matches = match_columns(model.schema, columns, source)
    new = output_columns(model.schema, columns)
    absent = without_column(model.schema, columns, matches)
    if absent and says:
        _log.warning("%s: %s", source, absent)
    reasons = _error_column([*columns, *(column for names in new.values() for column in names)])
    # Columns of categories of which no other spelling was met yet.
    plain = {column: _categories(model.schema, *place) for column, place in matches.items()}

    def predicted(place, row):
        arrays = encode_row(model.schema, matches, row, folder=folder, allow_outside_root=outside, place=place)
        _tell_spellings(plain, row, place)
        outputs = model.run(arrays)
        raw = {name: row[column] for column, (name, index) in matches.items() if index is None}
        added = {}
        for name, names in new.items():
            added.update(zip(names, model.schema.outputs[name].cells(outputs[name], raw), strict=True))
        return added

    def predictions():
        for place, row, problem in placed_rows:
            try:
                if problem:
                    raise ValueError(f"{place}: {problem}")
                added = predicted(place, row)
            except (ValueError, TypeError, KeyError, OSError) as error:
                if on_error == "raise":
                    raise
                added = dict.fromkeys((column for names in new.values() for column in names), "")
                reason = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
                added[reasons] = reason.removeprefix(place).lstrip(":, ")
            yield {**row, **({reasons: ""} if on_error == "skip" else {}), **added}

    # The header is checked here and now, the rows as they are asked for.
    return predictions()


def _error_column(taken):
    name = "error"
    while name in taken:
        name = f"_{name}"
    return name


def _categories(schema, name, index):
    return schema.inputs[name].fields[index].categories if index is not None else ()


def _tell_spellings(plain, row, place):
    """Logs the first cell of a column that is spelt in another way than the category it is read as."""
    for column, categories in list(plain.items()):
        cell = row[column]
        if not categories:
            del plain[column]
        elif isinstance(cell, str) and (found := other_spellings(categories, [cell])):
            _log.warning("%s, column %r: %r is read as the category %r", place, column, cell, found[cell])
            del plain[column]


def _placed_rows(table) -> Iterator[tuple[str, dict[str, str], str]]:
    """(place, row, what is wrong with it as a whole); of a row of another length the cells that have a column."""
    for number, cells in table.read():
        problem = ""
        if len(cells) != len(table.columns):
            problem = (
                f"{len(cells)} cells, but {len(table.columns)} columns in the header; "
                "a cell that holds the separator needs quotes"
            )
        yield f"{table.source}, row {number}", dict(zip(table.columns, cells, strict=False)), problem


def _write(target, schema, columns, rows, source, on_error, formulas) -> int:
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} to")
    names = [*columns, *(column for new in output_columns(schema, columns).values() for column in new)]
    reasons = _error_column(names)
    names += [reasons] if on_error == "skip" else []
    count, failed, first = 0, 0, ""
    cell = (lambda value: value) if formulas else without_formula

    def write(part):
        nonlocal count, failed, first
        with part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(map(cell, names))
            for row in rows:
                cells = [cell(row.get(name, "")) for name in names]
                bad = next((one for one in cells if isinstance(one, str) and not is_text(one)), None)
                if bad is not None:
                    raise ValueError(f"{bad!r:.200}: no UTF-8, so it can't be written; rename the file")
                writer.writerow(cells)
                count += 1
                if row.get(reasons):
                    failed, first = failed + 1, first or row[reasons]

    replace_file(target, write)
    if failed:
        wanted = "%s: %d of %d rows have no prediction, the column %r of %s says why; the first: %s"
        _log.warning(wanted, source, failed, count, reasons, target, first)
    return count
