"""A table on disk, whatever its format, as rows of texts: the one reader of notebook, training and device."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import importlib
import io
import os
import pathlib
import zlib
from collections.abc import Callable, Iterator, Mapping

from mmzoo.encoding.csv_rows import column_names, csv_form, numbered_rows

Rows = Iterator[tuple[int, list[str]]]


@dataclasses.dataclass(frozen=True)
class TableFile:
    """A table that was looked at; its rows are read anew each time they are asked for.

    Attributes:
        source: its path.
        columns: names; one that stands there twice is not refused here.
        read: gives (number, cells as texts) of the rows but for blank lines, as many cells as there stand; "" is empty.
            Rows are numbered as a spreadsheet does: of CSV and Excel files the header is 1 or, with titles above it,
            more; of JSON lines they are the lines, of other formats they count from 1.
        notes: what was left out above the header or beside the table, in words.
    """

    source: str
    columns: list[str]
    read: Callable[[], Rows]
    notes: tuple[str, ...] = ()


def open_table(path: str | os.PathLike, *, encoding: str = "utf-8-sig") -> TableFile:
    """Opens a table; the format is known by what is in the file, else by its name.

    - CSV: separated by commas, semicolons or tabs, or as a first line "sep=;" says; also packed with gzip.
    - JSON lines (.jsonl, .ndjson; also packed with gzip): an object a line, named values of it are the columns.
    - Excel (.xlsx; .xls and .ods where pandas can): the first sheet; needs pandas and openpyxl.
    - Parquet: needs pandas and pyarrow.
    - A folder: see `mmzoo.encoding.tables.folders`.

    Args:
        path: the file or folder.
        encoding: of a CSV file's text; UTF-8 with or without byte order mark.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no table; the message says what it is, and what to do.
        ImportError: a package that the format needs is not installed.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        from mmzoo.encoding.tables.folders import open_folder

        return open_folder(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    name = path.name.lower().removesuffix(".gz")
    with open(path, "rb") as file:
        start = file.read(8)
    for magic, (module, function) in _BINARY.items():
        if start.startswith(magic):
            return getattr(_module(module), function)(path)
    if name.endswith((".jsonl", ".ndjson", ".json")):
        return _module("json_lines").open_json_lines(path)
    return _open_csv(path, encoding)


@contextlib.contextmanager
def open_text(path: pathlib.Path, encoding: str = "utf-8-sig"):
    """The text of a file, unpacked where gzip packed it; wrong bytes are an error that names the line.

    Raises:
        ValueError: it is not in the encoding, or not what gzip packed.
    """
    try:
        with _binary(path) as raw:
            yield io.TextIOWrapper(raw, encoding=encoding, newline="")
    except UnicodeDecodeError as error:
        raise ValueError(_wrong_bytes(path, encoding, error)) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{path}: packed with gzip, but damaged ({error})") from error


def _open_csv(path, encoding) -> TableFile:
    source = str(path)
    with open_text(path, encoding) as file:
        form = csv_form(file)
        _, header = next(numbered_rows(file, source, form), (0, []))

    def read() -> Rows:
        with open_text(path, encoding) as file:
            rows = numbered_rows(file, source, form)
            next(rows, None)
            yield from rows

    if not any(header):
        raise ValueError(f"{path}: not a table: it is empty")
    return TableFile(source, column_names(header), read, title_notes(form.titles))


def title_notes(titles: tuple[str, ...]) -> tuple[str, ...]:
    """What to say of lines above a header."""
    if not titles:
        return ()
    shown = " / ".join(repr(title[:60]) for title in titles if title) or "empty"
    lines = "line 1 stands" if len(titles) == 1 else f"lines 1 to {len(titles)} stand"
    return (f"{lines} above the header and {'is' if len(titles) == 1 else 'are'} no part of the table: {shown}",)


def _module(name):
    return importlib.import_module(f"mmzoo.encoding.tables.{name}")


def _binary(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else open(path, "rb")


def _wrong_bytes(path, encoding, error):
    """The line of the first byte that is not in the encoding."""
    if not encoding.lower().startswith("utf-8"):
        return f"{path}: not {error.encoding} text ({error}); save it as UTF-8"
    with _binary(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as wrong:
                byte = line[wrong.start : wrong.start + 1]
                found = (
                    f"line {number}, byte 0x{byte.hex()}, {byte.decode('cp1252', 'replace')!r} if it is Windows-1252"
                )
                if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                    found = "it is UTF-16, which spreadsheets call 'Unicode text'"
                return (
                    f"{path}: not in UTF-8 ({found}); save the table as 'CSV UTF-8', or read it with "
                    "pandas.read_csv(..., encoding=...) and give the DataFrame"
                )
    return f"{path}: not in UTF-8 ({error})"


_BINARY: Mapping[bytes, tuple[str, str]] = {
    b"PK\x03\x04": ("pandas_files", "open_excel"),
    b"\xd0\xcf\x11\xe0": ("pandas_files", "open_excel"),
    b"PAR1": ("pandas_files", "open_parquet"),
    b"ARROW1": ("pandas_files", "refuse_arrow"),
}
