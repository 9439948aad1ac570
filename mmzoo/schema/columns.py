"""Which column, or which `--set` key, feeds which input: names and cells to raw values.

An image, text, sound or series goes by its input's name; a sensor by `<field>` alone where only one input has such a
field, or by `<input>_<field>` or `<input>.<field>`. Where no column has an input's very name, one will do of which that
is the `identifier`: schemas of earlier versions have Product_name for "Product name". States and noise have no column.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.encoding.missing import is_missing_word
from mmzoo.schema import Field, Modality, Schema, identifier
from mmzoo.schema.paths import resolve

# Columns that a message names before it says that there are more.
_NAMED = 8


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
        target = match_column(schema, column, source, columns)
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


def match_column(
    schema: Schema, column: str, source: str, columns: Sequence[str] = ()
) -> tuple[str, int | None] | None:
    """The input, and the field's index in a Sensors input, that one column feeds; None if it feeds none.

    Args:
        schema: the model's schema.
        column: the column's name.
        source: the table's name, for error messages.
        columns: all columns of the table: one that has an input's very name goes before one that is merely like it.

    Raises:
        ValueError: the fields of two inputs have that name.
    """
    if column in schema.inputs and schema.inputs[column].is_column:
        return column, None
    whole, short = [], []
    for name, modality in schema.inputs.items():
        if not modality.is_column:
            for index, field in enumerate(modality.fields):
                if column in (f"{name}_{field.name}", f"{name}.{field.name}"):
                    whole.append((name, index))
                # A column with an output's name holds what is to be predicted.
                elif column == field.name and named_output(schema, column, columns) is None:
                    short.append((name, index))
    # Of a field with the very name of the column no other is meant.
    found = short if len(short) == 1 else whole or short
    if len(found) > 1:
        names = [f"{name}.{schema.inputs[name].fields[index].name}" for name, index in found]
        raise ValueError(f"{source}: column {column!r} could be any of {names}; rename it to <input>.<field>")
    if found:
        return found[0]
    like = identifier(column)
    return (like, None) if like in schema.inputs and schema.inputs[like].is_column and like not in columns else None


def named_output(schema: Schema, column: str, columns: Sequence[str] = ()) -> str | None:
    """The output, if any, whose values a column holds: the one of its name or, where no other column has that, one of
    which the `identifier` of its name is the name.
    """
    like = identifier(column)
    if column in schema.predicted:
        return column
    return like if like in schema.predicted and like not in columns else None


def input_columns(schema: Schema) -> list[str]:
    """The column names that feed the inputs, in their unambiguous form."""
    names = []
    for name, modality in schema.inputs.items():
        names += [name] if modality.is_column else [f"{name}_{field.name}" for field in modality.fields]
    return names


def without_column(schema: Schema, columns: Sequence[str], matches: Mapping[str, Any]) -> str:
    """What is to be said of inputs and fields that no column feeds; "" where there are none.

    Args:
        schema: the model's schema.
        columns: the table's column names.
        matches: from `match_columns`.
    """
    fed, absent = set(matches.values()), []
    for name, modality in schema.given.items():
        if modality.is_column:
            absent += [] if (name, None) in fed else [name]
            continue
        fields = [f"{name}.{field.name}" for i, field in enumerate(modality.fields) if (name, i) not in fed]
        absent += [name] if len(fields) == len(modality.fields) else fields
    if not absent:
        return ""
    unused = [column for column in columns if column not in matches and identifier(column) not in schema.outputs]
    found = f"; columns that feed nothing: {', '.join(map(repr, unused[:_NAMED]))}" if unused else ""
    return (
        f"no column for {', '.join(absent)}, missing in every row{found}{', ...' * (len(unused) > _NAMED)}. A column "
        "is named like its input, or <input>_<field>, or <field>"
    )


def parse_cell(kind: Field | Modality, cell: Any, place: str) -> Any:
    """A cell as the raw value of a field or of an input that one cell feeds; None where it is missing: empty, or one of
    the words for that (`mmzoo.encoding.missing`) that is not among the kind's own categories.

    Args:
        kind: the field or modality.
        cell: the cell; anything but a string is passed through.
        place: where it stands, for error messages.

    Raises:
        ValueError: such as no number in the column of a number or angle.
    """
    if not isinstance(cell, str):
        return cell
    return None if is_missing_word(cell, getattr(kind, "categories", ())) else kind.parse_cell(cell, place)


def encode_row(
    schema: Schema,
    matches: Mapping[str, tuple[str, int | None]],
    row: Mapping[str, Any],
    *,
    folder: str | os.PathLike = ".",
    allow_outside_root: bool = False,
    place: str,
) -> dict[str, np.ndarray]:
    """One row to the model's arrays; every input without a column is missing, and states and noise are left out.

    Args:
        schema: the model's schema.
        matches: from `match_columns`.
        row: column -> cell.
        folder: paths of files are relative to it.
        allow_outside_root: also read files outside of `folder`, see `mmzoo.schema.paths.resolve`.
        place: the table and row, for error messages.

    Returns:
        Input name -> array without a batch dimension.

    Raises:
        ValueError, TypeError, FileNotFoundError: a cell that can't be encoded; the message names its column.
    """
    arrays = {name: modality.missing() for name, modality in schema.given.items()}
    for column, (name, index) in matches.items():
        where = f"{place}, column {column!r}"
        modality = schema.inputs[name]
        if index is not None:
            field = modality.fields[index]
            arrays[name][index] = field.encode(parse_cell(field, row[column], where), where)
            continue
        value = parse_cell(modality, row[column], where)
        if modality.is_file and isinstance(value, str):
            try:
                value = resolve(folder, value, allow_outside_root=allow_outside_root)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from error
        arrays[name] = modality.encode(value, where)
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


def raw_sample(schema: Schema, *, settings: Iterable[str] = (), **options: str | None) -> dict[str, Any]:
    """One raw sample from what was typed on a command line.

    Args:
        schema: the model's schema.
        settings: "location.speed=48", or "<input>=..." for an image, text, audio or series input.
        **options: word of the command line ("image", "text", "audio", see `Modality.option`) -> what it was given, for
            the input of that name, or for the only one of that kind; None: not given.

    Returns:
        Input name -> raw value, for `Schema.encode`.

    Raises:
        ValueError: no such input or field, or one given twice, or no number where one is expected.
    """
    raw: dict[str, Any] = {}
    for option, value in options.items():
        if value is None:
            continue
        names = [name for name, modality in schema.inputs.items() if modality.option == option]
        if option not in names and len(names) != 1:
            raise ValueError(f"--{option}: the model's {option} inputs are {names}; use --set <input>=<value>")
        name = option if option in names else names[0]
        raw[name] = parse_cell(schema.inputs[name], value, f"--{option}")
    for setting in settings:
        place = f"--set {setting}"
        parts = setting.split("=")
        if len(parts) == 1:
            raise ValueError(f"{place}: expected <input>.<field>=<value>, such as location.speed=48")
        # A name may hold a "=" as well as a value.
        ways = [("=".join(parts[:end]), "=".join(parts[end:])) for end in range(1, len(parts))]
        targets = [(key, value, match_column(schema, key, place)) for key, value in ways]
        key, value, target = next((way for way in targets if way[2] is not None), targets[0])
        if target is None:
            raise ValueError(f"{place}: no such input or field {key!r}; there are {input_columns(schema)}")
        name, index = target
        if index is None:
            values, last, cell = raw, name, parse_cell(schema.inputs[name], value, place)
        else:
            field = schema.inputs[name].fields[index]
            values, last, cell = raw.setdefault(name, {}), field.name, parse_cell(field, value, place)
        if last in values:
            raise ValueError(f"{place}: {key!r} is given twice")
        values[last] = cell
    return raw
