"""The rows of a CSV file, with the csv module alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator

SEPARATORS = (",", ";", "\t")


def numbered_rows(file, source: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, numbered as a spreadsheet does: 1 is the header.

    Args:
        file: text, opened with newline="", at its start; separated by commas, semicolons or tabs.
        source: the file's name, for error messages.

    Raises:
        ValueError: the text is not in the encoding that the file was opened with, or no CSV.
    """
    number = 0
    # The module's own limit would refuse a long text.
    csv.field_size_limit(2**31 - 1)
    try:
        for number, cells in enumerate(csv.reader(file, delimiter=_separator(file)), start=1):
            if cells:
                yield number, cells
    except UnicodeDecodeError as error:
        # The file is decoded in blocks, so the row of the byte is not known.
        raise ValueError(f"{source}: not {error.encoding} text ({error}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{source}, row {number + 1}: not readable as CSV ({error})") from error


def _separator(file) -> str:
    """The separator that gives the header the most columns; the file is left at its start."""
    header = file.readline()
    file.seek(0)
    return max(SEPARATORS, key=lambda separator: len(next(csv.reader([header], delimiter=separator), [])))
