"""The rows of a CSV file, with the csv module alone: its separator, its header, and the rows under that."""

from __future__ import annotations

import collections
import csv
import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Iterator, Sequence

# Of separators that fit all lines equally well, the first.
SEPARATORS = ("\t", ";", ",")
# The separator and the header are looked for in so many rows.
_LOOKED_AT = 20_000
# Lines that a program writes above the header are fewer.
_MOST_TITLES = 20
# No cell can hold it: read as a line behind the last, it stands alone but where a quote is open.
_END = "\0end of the file\0"


@dataclasses.dataclass(frozen=True)
class CsvForm:
    """How a CSV file is written.

    Attributes:
        separator: of its cells.
        is_said: a line such as "sep=;" above all others says so; spreadsheets neither show nor count it.
        titles: the lines above the header that are no part of the table.
    """

    separator: str
    is_said: bool = False
    titles: tuple[str, ...] = ()


def csv_form(file) -> CsvForm:
    """Finds out how a CSV file is written; it is left at its start.

    The separator is the one that gives the most rows the same number of cells, more than one; the header is the first
    row, or the first as wide as most where only titles, of a single cell each, stand above it.

    Args:
        file: text, opened with newline="", at its start.
    """
    said = re.fullmatch(r"sep=(.)\s*", file.readline(), re.IGNORECASE)
    file.seek(0)
    if said:
        separator = said.group(1)
    else:
        evenness = {one: _evenness(file, one) for one in SEPARATORS}
        separator = max(SEPARATORS, key=evenness.get) if any(evenness.values()) else ","
    titles = titles_above(cells for _, cells in itertools.islice(_records(file, separator, bool(said)), _LOOKED_AT))
    file.seek(0)
    return CsvForm(separator, bool(said), titles)


def titles_above(rows: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """The lines above a table's header: single cells, and empty lines, over a row that can be a header.

    Args:
        rows: the first rows, as many as can be looked at.

    >>> titles_above([["Logger export"], [], ["temp", "label"], ["20", "ok"], ["21", "hot"]])
    ('Logger export', '')
    >>> titles_above([["temp", "label"], ["20", "ok"]])
    ()
    """
    rows = list(rows)
    width = _usual_width(rows)
    for number, cells in enumerate(rows[: _MOST_TITLES + 1]):
        is_title = not any(cells) or bool(cells[0]) and not any(cells[1:])
        if not (is_title and width > 1):
            names = [name for name in cells if name]
            is_header = len(cells) == width and len(set(names)) == len(names) and not any(map(_is_number, names))
            return tuple(cells[0] if cells else "" for cells in rows[:number]) if is_header else ()
    return ()


def numbered_rows(file, source: str, form: CsvForm | None = None) -> Iterator[tuple[int, list[str]]]:
    """The header and the rows under it but for blank lines, numbered as a spreadsheet does: 1 is the first it shows.

    Args:
        file: text, opened with newline="", at its start; separated by commas, semicolons or tabs.
        source: the file's name, for error messages.
        form: of `csv_form`, where it is known.

    Raises:
        ValueError: the text is not in the encoding that the file was opened with, or no CSV.
    """
    number = 0
    # The module's own limit would refuse a long text.
    csv.field_size_limit(2**31 - 1)
    try:
        form = form or csv_form(file)
        for number, cells in _records(file, form.separator, form.is_said):
            if number > len(form.titles) and cells:
                if cells[-1].endswith(_END):
                    raise ValueError(f"{source}, row {number}: a quote is opened there and never closed")
                yield number, cells
    except UnicodeDecodeError as error:
        # The file is decoded in blocks, so the row of the byte is not known.
        raise ValueError(f"{source}: not {error.encoding} text ({error}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{source}, row {number + 1}: not readable as CSV ({error})") from error


def column_names(header: Iterable[str]) -> list[str]:
    """The columns that a header names: without white space around them, in one line.

    >>> column_names([" Temp\\n(C) ", "label"])
    ['Temp (C)', 'label']
    """
    return [re.sub(r"\s*[\r\n]+\s*", " ", name.strip()) for name in header]


def _records(file, separator, is_said) -> Iterator[tuple[int, list[str]]]:
    """(number from 1, cells) of every row; the last ends with `_END` where a quote is open at the end."""
    # The module's own limit would refuse a long text.
    csv.field_size_limit(2**31 - 1)
    file.seek(0)
    if is_said:
        file.readline()
    rows = csv.reader(itertools.chain(file, [_END]), delimiter=separator)
    return ((number, cells) for number, cells in enumerate(rows, start=1) if cells != [_END])


def _evenness(file, separator) -> float:
    """The share of the rows that have the usual number of cells; 0 where that is one."""
    rows = [cells for _, cells in itertools.islice(_records(file, separator, False), _LOOKED_AT) if any(cells)]
    width = _usual_width(rows)
    return sum(len(cells) == width for cells in rows) / len(rows) if width > 1 else 0.0


def _usual_width(rows) -> int:
    widths = collections.Counter(len(cells) for cells in rows if any(cells))
    return widths.most_common(1)[0][0] if widths else 0


def _is_number(text) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
