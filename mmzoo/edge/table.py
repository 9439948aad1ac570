"""Predictions for a table or a folder of images, to a CSV file, with the csv module alone.

Columns are named as in `mmzoo.schema.columns`; those that feed no input are carried over untouched.
"""

from __future__ import annotations

import contextlib
import csv
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from mmzoo.encoding.csv_rows import numbered_rows
from mmzoo.encoding.formulas import without_formula
from mmzoo.files import written
from mmzoo.schema import Image, Schema
from mmzoo.schema.checks import is_text
from mmzoo.schema.columns import encode_row, input_columns, match_columns, output_columns

IMAGE_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".tif", ".tiff", ".webp")


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
) -> Iterator[dict[str, Any]]:
    """Predicts row by row, so that a table of any length fits.

    Args:
        model: an `EdgeModel`, or anything with its `schema` and `run`.
        rows: column -> cell, strings or parsed values.
        columns: the names of the columns.
        folder: paths of files are relative to it.
        source: the table's name, for error messages.
        allow_outside_root: also read files outside of `folder`; a table from elsewhere could name any file.

    Returns:
        An iterator of the rows, each with the columns of `output_columns` added.

    Raises:
        ValueError, TypeError, FileNotFoundError: see `match_columns` and `encode_row`; the message names row and
            column.
    """
    placed = ((f"{source}, row {number}", row) for number, row in enumerate(rows, start=1))
    return _predict(model, placed, columns=columns, folder=folder, source=source, outside=allow_outside_root)


def predict_csv(
    model: Runs,
    source: str | os.PathLike,
    target: str | os.PathLike,
    *,
    encoding: str = "utf-8-sig",
    allow_outside_root: bool = False,
    formulas: bool = True,
    track: Track = iter,
) -> int:
    """Predicts for every row of a CSV file and writes its columns and the predictions to another.

    Args:
        model: an `EdgeModel`.
        source: a CSV file with a header, separated by commas, semicolons or tabs; paths of files are
            relative to its folder.
        target: the file to write, in UTF-8 and with commas; it appears once all rows are done.
        encoding: of the source; the default is UTF-8 with or without a byte order mark.
        allow_outside_root: also read files outside of the table's folder; one from elsewhere could name any file.
        formulas: False: names and cells that a spreadsheet would run as a formula get an apostrophe in front.
        track: wraps the rows as they are done, for a progress bar.

    Returns:
        The number of rows.

    Raises:
        FileNotFoundError: no such file, folder or image.
        ValueError, TypeError: a bad header, row or cell; the message names file, row (1 is the header) and column.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file")
    if target.exists() and source.samefile(target):
        raise ValueError(f"{target}: is the table to read; name another file for the predictions")
    with source.open(newline="", encoding=encoding) as file:
        numbered = numbered_rows(file, str(source))
        columns = [name.strip() for name in next(numbered, (1, []))[1]]
        if not columns:
            raise ValueError(f"{source}: is empty; expected a header with some of {input_columns(model.schema)}")
        rows = _placed_rows(numbered, columns, source)
        done = _predict(
            model, rows, columns=columns, folder=source.parent, source=str(source), outside=allow_outside_root
        )
        return _write(target, model.schema, columns, track(done), formulas=formulas)


def predict_folder(
    model: Runs,
    folder: str | os.PathLike,
    target: str | os.PathLike,
    *,
    image_input: str | None = None,
    formulas: bool = True,
    track: Track = iter,
) -> int:
    """Predicts for every image in a folder, by name, and writes a CSV file with the column of the image's name.

    Args:
        model: an `EdgeModel`.
        folder: the folder; the folders in it are not looked into.
        target: the file to write; it appears once all images are done.
        image_input: the input that takes the image; None: the only one there is.
        formulas: see `predict_csv`.
        track: wraps the rows as they are done, for a progress bar.

    Returns:
        The number of images.

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
    names = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.name[0] != ".")
    if not names:
        raise FileNotFoundError(f"{folder}: no image in it; expected files that end with one of {IMAGE_SUFFIXES}")
    rows = ((str(folder), {column: name}) for name in names)
    # The names are the folder's own; a link among them was put there by its owner.
    done = _predict(model, rows, columns=[column], folder=folder, source=str(folder), outside=True)
    return _write(pathlib.Path(target), model.schema, [column], track(done), formulas=formulas)


def _predict(model, placed_rows, *, columns, folder, source, outside):
    matches = match_columns(model.schema, columns, source)
    new = output_columns(model.schema, columns)

    def predictions():
        for place, row in placed_rows:
            arrays = encode_row(model.schema, matches, row, folder=folder, allow_outside_root=outside, place=place)
            outputs = model.run(arrays)
            raw = {name: row[column] for column, (name, index) in matches.items() if index is None}
            added = {}
            for name, names in new.items():
                added.update(zip(names, model.schema.outputs[name].cells(outputs[name], raw), strict=True))
            yield {**row, **added}

    # The header is checked here and now, the rows as they are asked for.
    return predictions()


def _placed_rows(numbered, columns, source) -> Iterator[tuple[str, dict[str, str]]]:
    for number, cells in numbered:
        place = f"{source}, row {number}"
        if len(cells) != len(columns):
            raise ValueError(
                f"{place}: {len(cells)} cells, but {len(columns)} columns in the header; "
                "a cell that holds the separator needs quotes"
            )
        yield place, dict(zip(columns, cells, strict=True))


def _write(target, schema, columns, rows, *, formulas) -> int:
    if not target.parent.is_dir():
        raise FileNotFoundError(f"{target.parent}: no such folder to write {target.name} to")
    names = [*columns, *(column for new in output_columns(schema, columns).values() for column in new)]
    part = target.with_name(f"{target.name}.part")
    count = 0
    cell = (lambda value: value) if formulas else without_formula
    try:
        with written(target), part.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(map(cell, names))
            for row in rows:
                cells = [cell(row.get(name, "")) for name in names]
                bad = next((one for one in cells if isinstance(one, str) and not is_text(one)), None)
                if bad is not None:
                    raise ValueError(f"{bad!r:.200}: no UTF-8, so it can't be written; rename the file")
                writer.writerow(cells)
                count += 1
        os.replace(part, target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    return count
