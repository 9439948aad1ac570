"""JSON lines: an object a line. A file that is one list of objects is read too."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator

from mmzoo.encoding.csv_rows import column_names
from mmzoo.encoding.tables.cell_text import cell_text
from mmzoo.encoding.tables.table_file import Rows, TableFile, open_text


def open_json_lines(path: pathlib.Path) -> TableFile:
    """Opens JSON lines; the columns are the names of all lines, in the order of their appearance.

    Raises:
        ValueError: a line is no object, or no JSON; the message names it.
    """
    names: dict[str, None] = {}
    for _, found in _objects(path):
        names |= dict.fromkeys(found)
    if not names:
        raise ValueError(f"{path}: not a table: no line holds an object with names and values")

    def read() -> Rows:
        for number, found in _objects(path):
            yield number, [cell_text(found.get(name), f"{path}, row {number}, column {name!r}") for name in names]

    return TableFile(str(path), column_names(names), read)


def _objects(path) -> Iterator[tuple[int, dict]]:
    with open_text(path) as file:
        whole = path.name.lower().removesuffix(".gz").endswith(".json")
        try:
            lines = enumerate(json.load(file) if whole else file, start=1)
            for number, line in lines:
                if not whole and not line.strip():
                    continue
                found = line if whole else json.loads(line)
                if not isinstance(found, dict):
                    raise ValueError(
                        f'{path}, row {number}: expected an object such as {{"temp": 21.5, "label": "ok"}}, got '
                        f"{str(line).strip()!r:.80}"
                    )
                yield number, found
        except (json.JSONDecodeError, RecursionError, TypeError) as error:
            where = "" if whole else f", row {number}"
            raise ValueError(f"{path}{where}: not JSON that can be read ({error})") from error
