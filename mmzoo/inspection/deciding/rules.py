"""The rules: what a column is taken for, from its cells and its name.

In this order, the first that fits; `kinds` goes before all of them.

- empty: no cell is filled; constant: one value in all filled cells; copy: the same cell as another column in each row.
- split: values such as train, validation and test. Numbers of folds, under a name such as fold, are left out.
- image, audio: nine of ten cells end like such files, or a fifth do and most of those are there; paths are relative to
  `root`. Unusable if most are not there.
- files: a fifth of the cells name files that are there, but of no kind that is read; never a text.
- category: booleans, and words for yes and no.
- number: nine of ten cells are numbers; other cells are an error. Among those, by name and values: identifiers (the
  name ends in id or the like and values hardly repeat, or running numbers), codes (leading zeros; a name such as zip
  or type with few values: category), angles (a name such as heading with 0..360 or -180..180; any angle that spans over
  180 degrees), dates written as 20261123.
- time: nine of ten cells are times of day, as a clock shows them.
- unusable: numbers with decimal commas, thousands or units in the cells; with what to do.
- identifier: addresses, pictures and sounds as base64, DOIs, UUIDs, hashes, e-mail addresses; a name that ends in id
  with values that hardly repeat; one word with digits, different in every row.
- date: eight of ten cells are dates; unusable if one format does not cover 95 % of them.
- category: at most 12 values, each twice on average; or at most 200 that cover what is to come: under 5 % of the rows
  have a value that occurs once (Good & Turing's estimate of how often a new row brings a new value), three rows a
  value, and under five words.
- text: everything else.
"""

from __future__ import annotations

import re

import numpy as np

from mmzoo.encoding.clock import looks_like_clock, read_clock
from mmzoo.inspection.deciding.decision import (
    Decision,
    make_angle,
    make_category,
    make_date,
    make_number,
    make_text,
    make_time,
)
from mmzoo.inspection.inspection import Finding, figure, in_words, percent, quoted
from mmzoo.inspection.reading import dates, names
from mmzoo.inspection.reading.cells import Cells
from mmzoo.inspection.reading.files import names_media
from mmzoo.inspection.reading.number_forms import unreadable_numbers
from mmzoo.schema import Number

BOOLEAN_WORDS = (
    *({"true", "false"}, {"yes", "no"}, {"y", "n"}, {"t", "f"}, {"ja", "nein"}, {"oui", "non"}, {"si", "no"}),
    *({"sí", "no"}, {"on", "off"}),
)
MOST_CATEGORIES = 200
_FEW = 12

_ADDRESSES = "addresses of web pages"
_BASE64 = "files written as base64"
_PATTERNS = {
    _ADDRESSES: re.compile(r"(https?|ftp|s3|gs)://\S+|www\.\S+", re.IGNORECASE),
    # As a data URI, or beginning as JPEG, PNG, GIF, WebP and WAV, FLAC, Ogg or MP3 files do.
    _BASE64: re.compile(
        r"data:[\w/+.-]+;base64,.*|(/9j/|iVBORw0K|R0lGOD|UklGR|ZkxhQ|T2dnUw|SUQz|//[uv])[A-Za-z0-9+/\s]{24,}=*",
        re.DOTALL,
    ),
    "DOIs": re.compile(r"(doi:|https?://doi\.org/)?10\.\d{4,9}/\S+", re.IGNORECASE),
    "UUIDs": re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE),
    "hashes": re.compile(r"(?=.*\d)(?=.*[a-f])([0-9a-f]{16,128})", re.IGNORECASE),
    "e-mail addresses": re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+"),
}


def decide(cells: Cells, *, unit: str | None = None, text_length: int | None = None) -> Decision:
    """What a column of values is taken for, that is no file, no split, not empty and no copy.

    Args:
        cells: the column.
        unit: of a number, instead of the name's.
        text_length: of a text, in bytes.
    """
    if len(cells.values) == 1:
        there = "" if cells.filled == len(cells) else f" where it is filled ({percent(cells.filled / len(cells))})"
        return Decision("constant", f"always {cells.values[0]!r:.60}{there}")
    lower = {value.lower() for value in cells.values}
    if len(lower) == 2 and any(lower == words for words in BOOLEAN_WORDS):
        return make_category(cells, f"yes or no: {quoted(sorted(cells.values))}")
    numeric = cells.share(np.isfinite(cells.numbers))
    if cells.dtype.kind != "M" and numeric >= 0.9:
        return _decide_number(cells, unit)
    found = unreadable_numbers(cells.name, cells.values, cells.counts)
    if found:
        what, advice = found
        message = f"{what} ({quoted(cells.values, 3)}), which can't be read cell by cell; {advice}"
        rows = cells.rows_where(np.isnan(cells.numbers))
        return Decision("unusable", what, None, [Finding("error", cells.name, message, tuple(rows[:20]))])
    return _decide_words(cells, numeric, text_length)


def _decide_number(cells, unit):
    seen = cells.numbers[np.isfinite(cells.numbers)]
    distinct, filled = len(cells.values), cells.filled
    whole = bool((seen == np.round(seen)).all())
    if cells.share([bool(re.fullmatch(r"0\d+", value)) for value in cells.values]) > 0.02:
        return _decide_code(cells, "numbers with leading zeros, which are names")
    if names.says_date(cells.name) and cells.share([_is_compact_date(value) for value in cells.values]) > 0.95:
        return make_date(cells, "dates written as one number", dates.parse_all(cells.values, "%Y%m%d"))
    if whole and names.says_identifier(cells.name):
        return _decide_code(cells, "its name says that it is an identifier")
    if whole and distinct == filled and filled >= 5 and _runs(cells):
        return Decision("identifier", "running numbers, another in every row")
    if whole and distinct <= 30 and names.says_code(cells.name) and filled >= 5 * distinct:
        return make_category(cells, f"its name says that the {distinct} numbers are codes of kinds")
    if whole and names.says_code(cells.name) and distinct > 30:
        return _decide_code(cells, "its name says that the numbers are codes")
    low, high = seen.min(), seen.max()
    direction, angle = names.says_direction(cells.name), names.says_angle(cells.name)
    if (direction or angle) and np.abs(seen).max() <= 2 * np.pi + 0.01 and not whole and high - low > 1:
        decision = make_number(cells, "an angle in radians, by its name and values", unit)
        message = "looks like radians; write it in degrees, so that it becomes an angle of which 359 and 1 lie close"
        decision.findings.append(Finding("warning", cells.name, message))
        return decision
    if -180 <= low and high <= 360 and (direction or (angle and high - low > 180)):
        return make_angle(cells, f"a direction by its name, {low:g} to {high:g} degrees")
    why = f"numbers from {figure(low)} to {figure(high)}"
    if not whole and _not_all_numbers(cells):
        why += f"; {_not_all_numbers(cells)}"
    decision = make_number(cells, why, unit)
    part = decision.part
    if isinstance(part, Number):
        decision.why = f"{why}; accepted are {figure(part.minimum)} to {figure(part.maximum)} {part.unit}".rstrip()
    return decision


def _not_all_numbers(cells: Cells) -> str:
    """How many cells are no numbers, in words; "" if all are."""
    share = cells.share(np.isfinite(cells.numbers))
    return "" if share == 1 else f"{percent(1 - share)} of the cells hold none"


def _decide_code(cells, why):
    """Identifiers where values hardly repeat, else categories."""
    distinct = len(cells.values)
    if distinct <= MOST_CATEGORIES and cells.filled >= 10 * distinct:
        return make_category(cells, f"{why}, but with {distinct} values that repeat: names of kinds")
    decision = Decision("identifier", why)
    if distinct < cells.filled:
        decision.findings.append(_groups(cells))
    return decision


def _groups(cells):
    message = (
        f"{cells.filled:,} rows share {len(cells.values):,} values; rows of one value may be alike, so keep them in "
        f"one split: group={cells.name!r}"
    )
    return Finding("note", cells.name, message)


def _decide_words(cells, numeric, text_length):
    distinct, filled = len(cells.values), cells.filled
    for what, pattern in _PATTERNS.items():
        if cells.share([bool(pattern.fullmatch(value)) for value in cells.values]) >= 0.95:
            return Decision("identifier", what, None, _not_files(cells, what))
    if cells.share([looks_like_clock(value) for value in cells.values]) >= 0.9:
        return _decide_time(cells)
    found = dates.read_dates(cells.values, cells.counts)
    if found is not None:
        return _decide_date(cells, found)
    words = float(np.average(cells.words, weights=cells.counts))
    one_word = cells.share(cells.words == 1)
    with_digits = cells.share([any(c.isdigit() for c in value) for value in cells.values])
    if names.says_identifier(cells.name) and one_word > 0.95:
        return _decide_code(cells, "its name says that it is an identifier")
    if distinct == filled and filled >= 20 and one_word == 1 and with_digits > 0.95:
        return Decision("identifier", "one word with digits, another in every row")
    decision = _category_or_text(cells, words, text_length)
    if 0.1 <= numeric and one_word > 0.8:
        is_number = np.isfinite(cells.numbers)
        rows = cells.rows_where(is_number)
        examples = [value for value, number in zip(cells.values, is_number, strict=True) if number]
        others = cells.rows_where(~is_number)
        message = (
            f"mixed types: {len(rows)} cells hold a number ({quoted(examples, 3)}; {in_words(rows)}), {len(others)} "
            f"do not ({in_words(others)}); taken as {decision.kind}. If it is a number, empty or correct the others"
        )
        decision.findings.append(Finding("warning", cells.name, message, tuple(others[:20])))
    return decision


def _not_files(cells, what):
    """What to do with columns of what could be read, were it in files."""
    if what == _ADDRESSES and any(map(names_media, cells.values)):
        message = "holds addresses of files on the web, which are not fetched, so it is left out; download them first, "
        message += "then name each file's path here: urllib.request.urlretrieve(address, path)"
    elif what == _BASE64:
        message = "holds files as base64, so it is left out; write each to a file and its path here: "
        message += "pathlib.Path(path).write_bytes(base64.b64decode(cell))"
    else:
        return []
    return [Finding("warning", cells.name, message)]


def _decide_time(cells):
    is_time = [read_clock(value) is not None for value in cells.values]
    if cells.share(is_time) >= 0.9 and not names.says_duration(cells.name):
        return make_time(cells, "times of day")
    message = (
        f"holds lengths of time, or times that are none of a day ({quoted(cells.values, 3)}); write them as one "
        f"number, such as seconds: pandas.to_timedelta(...).dt.total_seconds(); if they are times of day, say "
        f"kinds={{{cells.name!r}: 'time'}}"
    )
    return Decision("unusable", "lengths of time", None, [Finding("error", cells.name, message)])


def _decide_date(cells, found):
    rows = np.bincount(found.which[found.which >= 0], cells.counts[found.which >= 0], minlength=len(found.formats))
    share = rows[0] / cells.filled
    if share >= 0.95:
        first, last = (np.datetime64(int(d), "D") for d in (np.nanmin(found.days), np.nanmax(found.days)))
        if first == last:
            return Decision("constant", f"times of one day, {first}; no part of a date tells them apart")
        return make_date(cells, f"dates as {dates.in_words(found.formats[0])}, {first} to {last}", found)
    kinds = []
    for number, date_format in enumerate(found.formats[:4]):
        kinds.append(
            f"{int(rows[number])} as {dates.in_words(date_format)} "
            f"({in_words(cells.rows_where(found.which == number))})"
        )
    others = cells.rows_where(found.which < 0)
    if others:
        kinds.append(f"{len(others)} that are no dates ({in_words(others)})")
    message = f"dates in several formats: {'; '.join(kinds)}; write them all in one, best as 2026-11-23"
    finding = Finding("warning", cells.name, message, tuple(cells.rows_where(found.which != 0)[:20]))
    return Decision("unusable", "dates in several formats", None, [finding])


def _category_or_text(cells, words, text_length):
    distinct, filled = len(cells.values), cells.filled
    once = int((cells.counts == 1).sum())
    if distinct <= _FEW and filled >= 2 * distinct:
        return make_category(cells, f"{distinct} values that repeat")
    if distinct <= MOST_CATEGORIES and filled >= 3 * distinct and once <= 0.05 * filled and words < 5:
        return make_category(cells, f"{distinct} values that repeat, {words:.1f} words on average")
    if distinct > MOST_CATEGORIES and filled >= 3 * distinct and once <= 0.05 * filled and words < 5:
        decision = make_text(cells, f"{distinct:,} values that repeat: too many for a category, so a text", text_length)
        message = (
            f"{distinct:,} categories; read as a text, since a category takes one input unit for each. Join the rare "
            f"ones, or say kinds={{{cells.name!r}: 'category'}} if you mean it"
        )
        decision.findings.append(Finding("warning", cells.name, message))
        return decision
    if distinct == filled:
        return make_text(cells, f"another one in every row, {words:.1f} words on average", text_length)
    new = f", {percent(once / filled)} of the rows have one of their own" if once else ""
    return make_text(cells, f"{distinct:,} different values of {words:.1f} words on average{new}", text_length)


def _is_compact_date(value):
    return bool(re.fullmatch(r"(19|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])", value))


def _runs(cells):
    """Numbers that only grow (or only fall) from row to row and leave few out."""
    numbers = cells.per_row(cells.numbers)
    numbers = numbers[np.isfinite(numbers)]
    steps = np.diff(numbers)
    if not ((steps > 0).all() or (steps < 0).all()):
        return False
    return len(numbers) >= 0.3 * (abs(numbers[-1] - numbers[0]) + 1)
