"""Cells of a table to encoded values, with a note of every cell that can't be used."""

from __future__ import annotations

import dataclasses
import logging
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.encoding.missing import is_empty_cell, is_missing
from mmzoo.encoding.spelling import as_word, other_spellings
from mmzoo.schema import Field, Modality, Output
from mmzoo.schema.columns import parse_cell
from mmzoo.schema.paths import resolve

_log = logging.getLogger(__name__)

# Problems that a message lists before it only counts.
_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Problem:
    """A cell that can't be used.

    Attributes:
        row: as a spreadsheet numbers it (1 is the header) for a CSV file, else the DataFrame's index.
        column: the column's name; "" where it is the row as a whole.
        message: what was expected and what came.
        missing_file: the cell names a file that does not exist.
    """

    row: Any
    column: str
    message: str
    missing_file: bool = False

    def __str__(self) -> str:
        return f"row {self.row}{f', column {self.column!r}' if self.column else ''}: {self.message}"


class CellReader:
    """Turns columns into values and notes the cells where that fails, so that one look shows all that is wrong.

    Args:
        frame: the table.
        root: paths of files are relative to it.
        allow_outside_root: also read files outside of `root`.

    Attributes:
        problems: position of the row in the table -> what is wrong with it.
        notes: column -> what was read there as something that it does not look like.
    """

    def __init__(self, frame: pd.DataFrame, root: pathlib.Path, allow_outside_root: bool = False):
        self.frame, self.root, self.allow_outside_root = frame, root, allow_outside_root
        self.problems: dict[int, list[Problem]] = {}
        self.notes: dict[str, str] = {}

    def files(self, column: str | None, modality: Modality) -> list[str]:
        """Paths of files that exist; "" where the cell is empty."""
        return self._read(column, lambda cell: self._file(modality, cell), [""] * len(self.frame))

    def column(self, column: str | None, modality: Modality) -> np.ndarray:
        """The cells of a column, each a whole input: array (N, *shape)."""
        arrays = np.empty((len(self.frame), *modality.shape), modality.dtype)
        arrays[:] = modality.missing()
        return self._read(column, lambda cell: self._whole(modality, cell), arrays)

    def fields(self, columns: Iterable[str | None], fields: Iterable[Field]) -> np.ndarray:
        """The fields, each from its column: float32 (N, fields)."""
        columns, fields = list(columns), list(fields)
        values = [
            self._read(column, lambda cell, f=field: f.encode(parse_cell(f, cell, ""), ""), [np.nan] * len(self.frame))
            for column, field in zip(columns, fields, strict=True)
        ]
        for column, field in zip(columns, fields, strict=True):
            if column is not None and field.categories:
                self._note_spellings(column, field.categories)
        return np.array(values, np.float32).T

    def targets(
        self,
        column: str | None,
        output: Output,
        name: str,
        may_be_missing: bool = False,
        read_as: Output | None = None,
    ) -> np.ndarray:
        """Targets as their kind has them: (N, ...).

        Args:
            column: where they stand.
            output: what they are.
            name: of the output, for messages.
            may_be_missing: an empty cell is no problem, but a sample without this target.
            read_as: `Output.of_column` of the whole column, where this table is only a part of it.

        Raises:
            ValueError: there is no column.
        """
        if column is None:
            raise ValueError(f"columns: output {name!r} needs a column; pass targets=False where there are no labels")
        read_as = output.of_column(self.frame[column].tolist()) if read_as is None else read_as
        if read_as is not output:
            self.notes[column] = numbered_note(output)
        # To some kinds an empty cell says something, such as "none of the labels".
        empty = output.encode_target("", "")
        required = "" if may_be_missing or output.has_target(empty[None]).all() else output.target_word

        def read(cell):
            if is_empty_cell(cell, output.classes):
                if required:
                    raise ValueError(f"the {required} of {name!r} is missing ({cell!r})")
                return output.missing_target() if cell.strip() else empty
            return read_as.encode_target(cell, "")

        values = np.repeat(empty[None], len(self.frame), axis=0)
        targets = self._read(column, read, values, f"the {required} of {name!r}" if required else "")
        if read_as is output and output.classes:
            self._note_spellings(column, output.classes, output.words_of)
        return targets

    def find_rows_without_target(self, outputs: Mapping[str, Output], targets: Mapping[str, np.ndarray]) -> None:
        """Notes the rows that lack all of several targets."""
        if len(outputs) < 2:
            return
        found = np.any([output.has_target(targets[name]) for name, output in outputs.items()], axis=0)
        for index in np.flatnonzero(~found).tolist():
            if index not in self.problems:
                names = ", ".join(map(repr, outputs))
                message = f"all of its targets are missing: {names}"
                self.problems[index] = [Problem(self.frame.index[index], "", message)]

    def find_duplicates(self) -> None:
        """Notes the rows that equal an earlier one in every column of the table."""
        first: dict[tuple, int] = {}
        columns = [map(str, self.frame[name].tolist()) for name in self.frame.columns]
        for index, cells in enumerate(zip(*columns, strict=True)):
            earlier = first.setdefault(cells, index)
            if earlier != index:
                problem = duplicate(self.frame.index[index], self.frame.index[earlier])
                self.problems.setdefault(index, []).append(problem)

    def _read(self, name: str | None, read: Callable[[Any], Any], values: Any, required: str = "") -> Any:
        """The values of a column.

        Args:
            name: the column; None: missing in all rows.
            read: from a cell that is not empty to its value; raises ValueError, TypeError, KeyError or
                FileNotFoundError.
            values: as many as rows, each what stands for empty and bad cells; the others are filled in.
            required: what an empty cell lacks, if it may not be empty.

        Returns:
            `values`.
        """
        if name is None:
            return values
        # Cell -> the first row that has it.
        known: dict[Any, int] = {}
        for index, cell in enumerate(self.frame[name].tolist()):
            try:
                if not (pd.api.types.is_scalar(cell) or isinstance(cell, os.PathLike)):
                    raise TypeError(f"expected one value, got {type(cell).__name__}: {cell!r:.80}")
                if is_missing(cell):
                    if required:
                        raise ValueError(f"{required} is missing")
                    continue
                # 1, 1.0 and True are one key.
                key = (type(cell), cell)
                values[index] = values[known[key]] if key in known else read(cell)
                known.setdefault(key, index)
            except (ValueError, TypeError, KeyError, FileNotFoundError) as error:
                missing_file = isinstance(error, FileNotFoundError)
                # str() of a KeyError is its repr, with quotes around the message.
                message = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
                # What was read was told no place, as row and column are.
                problem = Problem(self.frame.index[index], name, message.lstrip(":, "), missing_file)
                self.problems.setdefault(index, []).append(problem)
        return values

    def _note_spellings(self, column, names, words_of=lambda cell: [cell]):
        """Notes the cells that are spelt in another way than the name they are read as."""
        cells = dict.fromkeys(cell for cell in self.frame[column].tolist() if isinstance(cell, str))
        found = other_spellings(names, (word for cell in cells for word in words_of(cell)))
        if found:
            shown = ", ".join(f"{word!r:.60} as {name!r:.60}" for word, name in list(found.items())[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more spellings" if len(found) > _SHOWN else ""
            self.notes[column] = f"read {shown}{more}"

    def _whole(self, modality, cell):
        if not isinstance(cell, (str, bytes, os.PathLike)):
            cell = str(cell) if (word := as_word(cell)) is None else word
        value = parse_cell(modality, os.fspath(cell) if isinstance(cell, os.PathLike) else cell, "")
        if modality.is_file and isinstance(value, str):
            value = resolve(self.root, value, allow_outside_root=self.allow_outside_root)
        return modality.encode(value, "")

    def _file(self, modality, cell):
        if not isinstance(cell, (str, os.PathLike)):
            raise TypeError(f"expected the path of a file, got {type(cell).__name__}: {cell!r:.80}")
        cell = parse_cell(modality, cell, "")
        if cell is None:
            return ""
        path = resolve(self.root, cell, allow_outside_root=self.allow_outside_root)
        if not path.is_file():
            raise FileNotFoundError(f"no such file: {path}")
        return str(path)


def without_padding(values: np.ndarray) -> np.ndarray:
    """The values (T,) up to the last that is not 0, as a copy."""
    return values[: np.flatnonzero(values)[-1] + 1 if values.any() else 0].copy()


def duplicate(row: Any, earlier: Any) -> Problem:
    """What is wrong with a row that equals an earlier one."""
    return Problem(
        row,
        "",
        f"the same as row {earlier} in every column; drop it or, if both are meant, add a column that tells them "
        "apart, such as a number",
    )


def numbered_note(output: Output) -> str:
    """What is said of a column that holds places of classes, see `Output.of_column`."""
    last = len(output.classes) - 1
    return (
        f"read as numbers of classes, since all of its cells are whole numbers 0..{last} and no class is a number: "
        f"0 as {output.classes[0]!r:.60}, {last} as {output.classes[last]!r:.60}"
    )


def tell(source: str, notes: Mapping[str, str]) -> None:
    """Logs a reader's notes on a table."""
    for column, note in notes.items():
        _log.warning("%s, column %r: %s", source, column, note)


def listed(problems: list[Problem]) -> str:
    """The number of problems and the first few of them, for a message."""
    lines = [str(problem) for problem in problems[:_SHOWN]]
    if len(problems) > _SHOWN:
        lines.append(f"and {len(problems) - _SHOWN} more")
    return "\n  ".join([f"{len(problems)} bad cells:", *lines])
