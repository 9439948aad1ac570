"""What is decided for one column, and the parts of a schema made from its cells."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from mmzoo.encoding.clock import read_clock
from mmzoo.encoding.fields import in_digits
from mmzoo.inspection.findings.odd_dates import odd_dates
from mmzoo.inspection.inspection import Finding, counted, in_words, percent, quoted
from mmzoo.inspection.reading import dates
from mmzoo.inspection.reading.cells import Cells
from mmzoo.inspection.reading.files import Contents, Files
from mmzoo.inspection.reading.names import parts, unit_in
from mmzoo.inspection.reading.number_forms import MAYBE_MISSING
from mmzoo.inspection.reading.origins import blur, float32_step, origin_of_days, sensible_origin
from mmzoo.inspection.reading.ranges import sensible_range
from mmzoo.schema import Angle, Audio, Category, Date, Image, Number, Text, TimeOfDay

# Of sounds, Hz: speech and machines need no more than the one, and the log-mel front end no less than the other.
LOWEST_RATE, HIGHEST_RATE = 8_000, 16_000
_MOST_SECONDS = 4.0


@dataclasses.dataclass
class Decision:
    """What a column is taken for.

    Attributes:
        kind: see `Column.kind`.
        why: the reason, in words.
        part: the field, modality or output it becomes; None if it is left out.
        findings: what is wrong with it.
        values: of a number, angle or date one number a row (N,), NaN where missing; otherwise None.
        files: of an image or sound column its files.
        contents: what was found in them.
    """

    kind: str
    why: str
    part: Any = None
    findings: list[Finding] = dataclasses.field(default_factory=list)
    values: np.ndarray | None = None
    files: Files | None = None
    contents: Contents | None = None


def make_number(cells: Cells, why: str, unit: str | None = None) -> Decision:
    """A number with a range, and a finding for cells that hold none."""
    values = cells.per_row(cells.numbers)
    seen = values[np.isfinite(values)]
    findings = not_numbers(cells)
    if not len(seen):
        return Decision("unusable", "no cell holds a number", None, findings)
    low, high = _range_of(cells.name, seen)
    unit = unit_in(cells.name) if unit is None else unit
    findings += _sentinels(cells, seen)
    origin = sensible_origin(seen)
    if origin:
        findings.append(origin_note(cells, seen, origin))
    return Decision("number", why, Number(cells.name, unit, low, high, origin), findings, values)


def origin_note(cells: Cells, seen: np.ndarray, origin: float) -> Finding:
    """Says that numbers are counted from an origin."""
    message = (
        f"float32, which models calculate in, would round these numbers to steps of {blur(seen):g}; they are counted "
        f"from the origin {in_digits(origin)} in the schema, which makes the steps {float32_step(seen - origin):g}"
    )
    return Finding("note", cells.name, message)


def blurred(cells: Cells, seen: np.ndarray, origin: float, advice: str) -> list[Finding]:
    """Findings for numbers that float32 blurs though an origin would keep them apart."""
    lost, better = blur(seen - origin) if len(seen) else 0.0, sensible_origin(seen) if len(seen) else 0.0
    if not (lost and better) or lost <= 4 * float32_step(seen - better):
        return []
    message = f"float32 rounds these numbers to steps of {lost:g}; {advice.format(origin=in_digits(better))}"
    return [Finding("warning", cells.name, message)]


def make_angle(cells: Cells, why: str) -> Decision:
    """A direction in degrees."""
    values = cells.per_row(cells.numbers)
    return Decision("angle", why, Angle(cells.name), not_numbers(cells), values)


def make_time(cells: Cells, why: str) -> Decision:
    """A time of day, and a finding for cells that hold none."""
    degrees = np.array([np.nan if (found := read_clock(value)) is None else found for value in cells.values], float)
    findings = []
    rows = cells.rows_where(np.isnan(degrees))
    if rows:
        values = [value for value, one in zip(cells.values, np.isnan(degrees), strict=True) if one]
        message = (
            f"{counted(len(rows), 'cell')} can't be read as a time of day ({quoted(values)}; {in_words(rows)}); write "
            "them as 14:05, or empty them"
        )
        findings.append(Finding("error", cells.name, message, tuple(rows[:20])))
    return Decision("time", why, TimeOfDay(cells.name), findings, cells.per_row(degrees))


def make_category(cells: Cells, why: str) -> Decision:
    """One of the values seen."""
    names = sorted_names(cells.values)
    return Decision("category", why, Category(cells.name, names), spelling_variants(cells, "categories"))


def make_date(cells: Cells, why: str, found: dates.Dates, origin: float = 0.0) -> Decision:
    """A date in the most frequent of the formats; `origin` where one is given already."""
    main = found.which == 0
    findings = []
    bad = cells.rows_where(~main)
    if bad:
        values = [value for value, good in zip(cells.values, main, strict=True) if not good]
        findings.append(
            Finding(
                "error",
                cells.name,
                f"{counted(len(bad), 'cell')} can't be read as a date as {dates.in_words(found.formats[0])} "
                f"({quoted(values)}; {in_words(bad)}); write them like the others, or empty them",
                tuple(bad[:20]),
            )
        )
    if found.ambiguous:
        findings.append(
            Finding(
                "warning",
                cells.name,
                f"read as {found.formats[0]!r}, but day and month could as well be the other way round; if they are, "
                f"say kinds={{{cells.name!r}: Date({cells.name!r}, format=...)}} or edit schema.json",
            )
        )
    days = np.where(main, found.days, np.nan)
    findings += odd_dates(cells, found.formats[0], days)
    origin = origin or (origin_of_days(days[main]) if main.any() else 0.0)
    return Decision("date", why, Date(cells.name, found.formats[0], origin), findings, cells.per_row(days))


def make_text(cells: Cells, why: str, length: int | None = None) -> Decision:
    """A text of bytes, long enough for 95 % of the cells: 16 to 64, or up to 256 where the texts are longer."""
    return Decision("text", why, Text(length or _text_length(cells)))


def make_image(cells: Cells, why: str, files: Files, contents: Contents, size=None) -> Decision:
    """Square pictures: 96 pixels where the files have 160 and more, 64 from 64 on, else about their own size."""
    good = contents.sizes[contents.good]
    side = float(np.median(good.min(axis=1))) if len(good) else 64.0
    chosen = 96 if side >= 160 else 64 if side >= 64 else max(16, int(side) // 8 * 8)
    height, width = (size, size) if isinstance(size, int) else size or (chosen, chosen)
    grey = bool(contents.modes) and contents.modes <= {"L", "1", "LA", "I;16", "I"}
    part = Image(height, width, 1 if grey else 3)
    return Decision("image", why, part, [], None, files, contents)


def make_audio(cells: Cells, why: str, files: Files, contents: Contents) -> Decision:
    """Sounds at the highest rate of the files, 8 to 16 kHz, as long as 90 % of them, at most 4 s."""
    seconds = contents.sizes[contents.good, 0]
    length = float(np.quantile(seconds, 0.9)) if len(seconds) else 1.0
    length = min(_MOST_SECONDS, max(0.25, math.ceil(4 * length) / 4))
    rate = int(contents.sizes[contents.good, 1].max()) if len(seconds) else HIGHEST_RATE
    rate = min(HIGHEST_RATE, max(LOWEST_RATE, rate))
    return Decision("audio", why, Audio(int(length * rate), rate), [], None, files, contents)


def sorted_names(values: list[str]) -> tuple[str, ...]:
    """Categories or classes in order: numbers by value, all else by the alphabet.

    >>> sorted_names(["10", "9", "1"]), sorted_names(["b", "10", "a"])
    (('1', '9', '10'), ('10', 'a', 'b'))
    """
    try:
        return tuple(sorted(values, key=lambda value: (float(value), value)))
    except ValueError:
        return tuple(sorted(values))


def not_numbers(cells: Cells) -> list[Finding]:
    """Findings for the cells of a column of numbers that hold none."""
    bad = np.isnan(cells.numbers)
    rows = cells.rows_where(bad)
    if not rows:
        return []
    values = [value for value, is_bad in zip(cells.values, bad, strict=True) if is_bad]
    words = all(value.lower() in MAYBE_MISSING for value in values)
    advice = (
        f"if they mean that there is none, say missing={sorted(set(values))[:3]} (--missing {values[0]!r})"
        if words
        else f"correct or empty them, or say kinds={{{cells.name!r}: 'category'}} or 'text'"
    )
    message = (
        f"mixed types: {len(rows):,} of {cells.filled:,} cells hold no number ({quoted(values)}; {in_words(rows)})"
    )
    return [Finding("error", cells.name, f"{message}; training would refuse these rows: {advice}", tuple(rows[:20]))]


def spelling_variants(cells: Cells, what: str) -> list[Finding]:
    """Findings for values that differ only by case or white space."""
    findings = [_one_of_several(cells, what)] if cells.spellings else []
    forms: dict[str, list[str]] = {}
    for value in cells.values:
        forms.setdefault(" ".join(value.casefold().split()), []).append(value)
    pairs = [values for values in forms.values() if len(values) > 1]
    if not pairs:
        return findings
    shown = "; ".join(" and ".join(map(repr, values[:3])) for values in pairs[:3])
    rare = {min(values, key=lambda v: cells.counts[cells.values.index(v)]) for values in pairs}
    rows = cells.rows_where([value in rare for value in cells.values])
    message = f"{what} that differ only by case or spaces: {shown} ({in_words(rows)}); write them alike if they are one"
    return [*findings, Finding("warning", cells.name, message, tuple(rows[:20]))]


def _one_of_several(cells, what):
    shown = "; ".join(f"{' and '.join(map(repr, found[:3]))} as {name!r}" for name, found in cells.spellings.items())
    rows = cells.rows_where([value in cells.spellings for value in cells.values])
    message = f"{what} in several spellings, read as one each: {shown:.200} ({in_words(rows)})"
    return Finding("note", cells.name, message, tuple(rows[:20]))


def _range_of(name, seen):
    words = parts(name)
    for names, bound in (({"lat", "latitude"}, 90.0), ({"lon", "lng", "long", "longitude"}, 180.0)):
        if names & set(words) and np.abs(seen).max() <= bound:
            return -bound, bound
    return sensible_range(seen)


def _sentinels(cells, seen):
    """-999 and the like, which stand for a missing number and lie far from all others."""
    findings = []
    for value in (-1.0, -9.0, -99.0, -999.0, -9999.0, 99.0, 999.0, 9999.0, 99999.0, 999999.0):
        others = seen[seen != value]
        count = len(seen) - len(others)
        if count < 2 or len(others) < 10 or not (value < others.min() or value > others.max()):
            continue
        spread = np.quantile(others, 0.99) - np.quantile(others, 0.01)
        if value < 0 <= others.min() or min(abs(value - others.min()), abs(value - others.max())) > 2 * spread > 0:
            rows = cells.rows_where(cells.numbers == value)
            findings.append(
                Finding(
                    "warning",
                    cells.name,
                    f"{value:g} in {percent(count / len(seen))} of the filled cells ({in_words(rows)}) lies outside of "
                    "all others; if it stands for a missing number, empty those cells",
                    tuple(rows[:20]),
                )
            )
    return findings


def _text_length(cells):
    lengths = np.array([len(value.encode("utf-8", "replace")) for value in cells.values], int)
    length = int(np.quantile(np.repeat(lengths, cells.counts), 0.95)) if len(lengths) else 16
    step = 8 if length <= 64 else 32
    return min(256, max(16, -(-length // step) * step))
