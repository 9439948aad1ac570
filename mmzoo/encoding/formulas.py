"""Cells that a spreadsheet would run when it opens a CSV file."""

from __future__ import annotations

from typing import Any

# What a formula may begin with, in Excel, LibreOffice and Google Sheets; a tab or line break before it does not help.
_STARTS = ("=", "+", "-", "@")


def without_formula(cell: Any) -> Any:
    """The cell, with an apostrophe in front where a spreadsheet would take it for a formula; numbers stay.

    >>> without_formula("=1+1"), without_formula("-1.5"), without_formula("a-b"), without_formula(-1)
    ("'=1+1", '-1.5', 'a-b', -1)
    """
    if not isinstance(cell, str) or not cell.lstrip().startswith(_STARTS):
        return cell
    try:
        float(cell)
    except ValueError:
        return f"'{cell}"
    return cell
