"""Dates that are read, but perhaps not as they are meant: years of two digits, days to come, offsets here and there."""

from __future__ import annotations

import datetime
import re

import numpy as np

from mmzoo.encoding.fields import days_since_1970
from mmzoo.inspection.inspection import Finding, counted, in_words, quoted
from mmzoo.inspection.reading.cells import Cells

_OFFSET = re.compile(r".*\d\d:?\d\d.*(Z|[+-]\d\d(:?\d\d)?)", re.IGNORECASE)


def odd_dates(cells: Cells, date_format: str, days: np.ndarray) -> list[Finding]:
    """Findings for a column of dates.

    Args:
        cells: the column.
        date_format: of `datetime.strptime`; "" is ISO 8601.
        days: float (values,), days since 1970, NaN where a value is none of these dates.
    """
    findings, seen = [], np.isfinite(days)
    if not seen.any():
        return []
    if "%y" in date_format:
        first, last = (np.datetime64(int(np.floor(day)), "D") for day in (days[seen].min(), days[seen].max()))
        message = (
            f"years of two digits: 69 to 99 are read as 1969 to 1999, 00 to 68 as 2000 to 2068, so these are {first} "
            f"to {last}; write years with four digits if that is wrong"
        )
        findings.append(Finding("warning", cells.name, message))
    # A day's grace, as the table may come from further east.
    now = days_since_1970(datetime.datetime.now(datetime.UTC))
    future = seen & (np.nan_to_num(days) > now + 1)
    if future.any():
        rows = cells.rows_where(future)
        values = [value for value, one in zip(cells.values, future, strict=True) if one]
        message = (
            f"{counted(len(rows), 'date')} in the future ({quoted(values, 3)}; {in_words(rows)}); look whether day, "
            "month and year are read in their order, and whether it will be known when the model is used"
        )
        findings.append(Finding("warning", cells.name, message, tuple(rows[:20])))
    has_offset = np.array([bool(_OFFSET.fullmatch(value)) for value in cells.values], bool)
    if not date_format and (has_offset & seen).any() and (~has_offset & seen).any():
        rows = cells.rows_where(~has_offset & seen)
        message = (
            f"times with and without an offset from UTC; the {counted(len(rows), 'cell')} without ({in_words(rows)}) "
            "are taken as UTC, the others converted to it"
        )
        findings.append(Finding("warning", cells.name, message, tuple(rows[:20])))
    return findings
