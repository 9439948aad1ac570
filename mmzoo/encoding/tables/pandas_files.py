"""Excel and Parquet, through pandas."""

from __future__ import annotations

import pathlib
import zipfile

from mmzoo.encoding.csv_rows import column_names, titles_above
from mmzoo.encoding.tables.cell_text import cell_text
from mmzoo.encoding.tables.table_file import Rows, TableFile, title_notes

_READERS = {".xls": "xlrd", ".ods": "odfpy"}
_CSV = "or save the table as CSV UTF-8"


def open_excel(path: pathlib.Path) -> TableFile:
    """The first sheet of an Excel file that has cells.

    Raises:
        ValueError: it is none, or damaged.
        ImportError: pandas or openpyxl is not installed.
    """
    if zipfile.is_zipfile(path) and path.suffix.lower() not in (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"):
        raise ValueError(f"{path}: a ZIP archive; unpack it and name the table in it")
    pandas = _pandas(path, "Excel")
    try:
        sheets = pandas.read_excel(path, sheet_name=None, header=None, dtype=object)
    except ImportError as error:
        package = _READERS.get(path.suffix.lower(), "openpyxl")
        raise ImportError(f'{path}: to read it takes {package}: pip install "mmzoo[tables]", {_CSV}') from error
    except Exception as error:  # noqa: BLE001 - openpyxl raises whatever damaged files lead to
        raise ValueError(f"{path}: not an Excel file that can be read ({type(error).__name__}: {error})") from error
    filled = {name: frame.dropna(axis=1, how="all") for name, frame in sheets.items() if frame.notna().any(axis=None)}
    if not filled:
        raise ValueError(f"{path}: not a table: it is empty")
    name, frame = next(iter(filled.items()))
    rows = [
        [cell_text(cell, f"{path}, row {number}").strip() for cell in cells]
        for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1)
    ]
    titles = titles_above(rows)
    while not any(rows[len(titles)]):
        titles += ("",)
    notes = title_notes(titles)
    if len(filled) > 1:
        notes += (f"sheet {name!r} was read; the others were not: {', '.join(map(repr, list(filled)[1:]))}",)

    def read() -> Rows:
        for number, cells in enumerate(rows[len(titles) + 1 :], start=len(titles) + 2):
            if any(cells):
                yield number, cells

    return TableFile(str(path), column_names(rows[len(titles)]), read, notes)


def open_parquet(path: pathlib.Path) -> TableFile:
    """A Parquet file; an index that has a name is a column.

    Raises:
        ValueError: it is damaged.
        ImportError: pandas or pyarrow is not installed.
    """
    pandas = _pandas(path, "Parquet")
    try:
        frame = pandas.read_parquet(path)
    except ImportError as error:
        raise ImportError(f'{path}: to read it takes pyarrow: pip install "mmzoo[tables]", {_CSV}') from error
    except Exception as error:  # noqa: BLE001 - pyarrow raises whatever damaged files lead to
        raise ValueError(f"{path}: not a Parquet file that can be read ({type(error).__name__}: {error})") from error
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    names = column_names(map(str, frame.columns))

    def read() -> Rows:
        for number, cells in enumerate(frame.itertuples(index=False, name=None), start=1):
            placed = zip(names, cells, strict=True)
            yield number, [cell_text(cell, f"{path}, row {number}, column {name!r}") for name, cell in placed]

    return TableFile(str(path), names, read)


def refuse_arrow(path: pathlib.Path) -> TableFile:
    """Arrow files are what Hugging Face's `datasets` keeps; pictures stand in them as bytes.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        f"{path}: an Arrow file; write it as CSV, e.g. datasets.load_from_disk(...).to_csv(...), pictures to files"
    )


def _pandas(path, format_name):
    try:
        import pandas
    except ImportError as error:
        raise ImportError(f"{path}: a file of {format_name} is read with pandas: pip install pandas, {_CSV}") from error
    return pandas
