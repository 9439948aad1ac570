"""Which column, or which `--set` key, feeds which input: names and cells to raw values.

An image, text or sound goes by its input's name, or by a column name of which that is the `identifier` ("Product name"
for the input Product_name); a sensor by `<input>_<field>` or `<input>.<field>`, or by `<field>` alone where only one
input has such a field.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo import encoding
from mmzoo.schema import Angle, Audio, Image, Number, Schema, Sensors, Text, identifier
from mmzoo.schema.paths import resolve

# Inputs that one cell feeds; image and sound cells are paths.
WHOLE = (Image, Text, Audio)
FILES = (Image, Audio)


def match_columns(schema: Schema, columns: Sequence[str], source: str) -> dict[str, tuple[str, int | None]]:
    """Finds out which columns feed which inputs.

    Args:
        schema: the model's schema.
        columns: the table's column names.
        source: the table's name, for error messages.

    Returns:
        Column -> (input name, index of the field or None), for the columns that feed an input.

    Raises:
        ValueError: a column stands there twice or could be the field of two inputs, two columns are the same field, or
            no column feeds anything.
    """
    matches: dict[str, tuple[str, int | None]] = {}
    for column in columns:
        if list(columns).count(column) > 1:
            raise ValueError(f"{source}: column {column!r} stands there twice")
        target = match_column(schema, column, source)
        if target is None:
            continue
        for other, taken in matches.items():
            if taken == target:
                raise ValueError(f"{source}: columns {other!r} and {column!r} are the same input; keep one")
        matches[column] = target
    if not matches:
        raise ValueError(
            f"{source}: no column is an input; the columns are {list(columns)}, expected some of "
            f"{input_columns(schema)}"
        )
    return matches


def match_column(schema: Schema, column: str, source: str) -> tuple[str, int | None] | None:
    """The input, and the field's index in a Sensors input, that one column feeds; None if it feeds none.

    Raises:
        ValueError: the fields of two inputs have that name.
    """
    for name in (column, identifier(column)):
        if isinstance(schema.inputs.get(name), WHOLE):
            return name, None
    whole, short = [], []
    for name, modality in schema.inputs.items():
        if isinstance(modality, Sensors):
            for index, field in enumerate(modality.fields):
                if column in (f"{name}_{field.name}", f"{name}.{field.name}"):
                    whole.append((name, index))
                # A column with an output's name holds what is to be predicted.
                elif column == field.name and identifier(column) not in schema.outputs:
                    short.append((name, index))
    found = whole or short
    if len(found) > 1:
        names = [f"{name}.{schema.inputs[name].fields[index].name}" for name, index in found]
        raise ValueError(f"{source}: column {column!r} could be any of {names}; rename it to <input>.<field>")
    return found[0] if found else None


def input_columns(schema: Schema) -> list[str]:
    """The column names that feed the inputs, in their unambiguous form."""
    names = []
    for name, modality in schema.inputs.items():
        if isinstance(modality, Sensors):
            names += [f"{name}_{field.name}" for field in modality.fields]
        elif isinstance(modality, WHOLE):
            names.append(name)
    return names


def parse_cell(kind: Any, cell: Any, place: str) -> Any:
    """A cell's text as the raw value of a field, image, sound or text; None where it is empty, which is missing.

    Args:
        kind: the field, or the modality of an image, sound or text column.
        cell: the cell; anything but a string is passed through.
        place: where it stands, for error messages.

    Raises:
        ValueError: no number in the column of a number or angle.
    """
    if not isinstance(cell, str):
        return cell
    if isinstance(kind, Text):
        return cell or None
    cell = cell.strip()
    if not cell:
        return None
    if isinstance(kind, (Number, Angle)):
        try:
            # float() would take "1_000", which is more likely a slip than a thousand.
            return float(cell.replace("_", "?"))
        except ValueError:
            raise ValueError(f"{place}: expected a number such as 48.5, got {cell!r:.80}") from None
    return cell


def encode_row(
    schema: Schema,
    matches: Mapping[str, tuple[str, int | None]],
    row: Mapping[str, Any],
    *,
    folder: str | os.PathLike = ".",
    allow_outside_root: bool = False,
    place: str,
) -> dict[str, np.ndarray]:
    """One row to the model's arrays; every input without a column is missing.

    Args:
        schema: the model's schema.
        matches: from `match_columns`.
        row: column -> cell.
        folder: paths of images and sounds are relative to it.
        allow_outside_root: also read files outside of `folder`, see `mmzoo.schema.paths.resolve`.
        place: the table and row, for error messages.

    Returns:
        Input name -> array without a batch dimension.

    Raises:
        ValueError, TypeError, FileNotFoundError: a cell that can't be encoded; the message names its column.
    """
    arrays = schema.missing()
    for column, (name, index) in matches.items():
        where = f"{place}, column {column!r}"
        modality = schema.inputs[name]
        if index is not None:
            field = modality.fields[index]
            arrays[name][index] = encoding.encode_field(field, parse_cell(field, row[column], where), where)
            continue
        value = parse_cell(modality, row[column], where)
        if isinstance(modality, FILES) and isinstance(value, str):
            try:
                value = resolve(folder, value, allow_outside_root=allow_outside_root)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
        arrays[name] = encoding.encode(modality, value, where)
    return arrays


def output_columns(schema: Schema, columns: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The new columns by output, as its kind says: `<output>` and, for classes, `<output>_probability`.

    Where the table already has one of them (its labels, most likely), both begin with `predicted_` instead.

    Raises:
        ValueError: the table has those too.
    """
    names = {}
    for name, output in schema.predicted.items():
        new = output.columns(name)
        if any(column in columns for column in new):
            new = tuple(f"predicted_{column}" for column in new)
        taken = [column for column in new if column in columns]
        if taken:
            raise ValueError(f"the table already has a column {taken[0]!r}; rename or drop it")
        names[name] = new
    return names


def raw_sample(
    schema: Schema,
    *,
    image: str | None = None,
    text: str | None = None,
    audio: str | None = None,
    settings: Iterable[str] = (),
) -> dict[str, Any]:
    """One raw sample from what was typed on a command line.

    Args:
        schema: the model's schema.
        image: path for the input `image`, or for the only image input.
        text: for the input `text`, or for the only text input.
        audio: path for the input `audio`, or for the only audio input.
        settings: "location.speed=48", or "<input>=..." for an image, text or audio input.

    Returns:
        Input name -> raw value, for `Schema.encode`.

    Raises:
        ValueError: no such input or field, or one given twice, or no number where one is expected.
    """
    raw: dict[str, Any] = {}
    for option, kind, value in (("image", Image, image), ("text", Text, text), ("audio", Audio, audio)):
        if value is None:
            continue
        names = [name for name, modality in schema.inputs.items() if isinstance(modality, kind)]
        if option not in names and len(names) != 1:
            raise ValueError(f"--{option}: the model's {option} inputs are {names}; use --set <input>=<value>")
        raw[option if option in names else names[0]] = value
    for setting in settings:
        key, equals, value = setting.partition("=")
        place = f"--set {setting}"
        if not equals:
            raise ValueError(f"{place}: expected <input>.<field>=<value>, such as location.speed=48")
        target = match_column(schema, key, place)
        if target is None:
            raise ValueError(f"{place}: no such input or field {key!r}; there are {input_columns(schema)}")
        name, index = target
        if index is None:
            values, last, cell = raw, name, value
        else:
            field = schema.inputs[name].fields[index]
            values, last, cell = raw.setdefault(name, {}), field.name, parse_cell(field, value, place)
        if last in values:
            raise ValueError(f"{place}: {key!r} is given twice")
        values[last] = cell
    return raw
