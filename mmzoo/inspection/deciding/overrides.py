"""What the user says about columns, instead of the rules."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.data.tables.cells import numbered_note
from mmzoo.encoding.fields import in_digits
from mmzoo.encoding.spelling import find_name
from mmzoo.inspection.deciding.decision import (
    Decision,
    blurred,
    make_angle,
    make_category,
    make_date,
    make_number,
    make_text,
    make_time,
    not_numbers,
)
from mmzoo.inspection.inspection import Finding, counted, in_words, quoted
from mmzoo.inspection.reading import dates
from mmzoo.inspection.reading.cells import Cells
from mmzoo.schema import Angle, Category, Date, Field, Modality, Number, Output, TimeOfDay
from mmzoo.schema.kinds import kinds_of

INPUT_KINDS = ("text", "category", "number", "angle", "date", "time", "image", "audio", "ignore")
TARGET_KINDS = {
    **{kind: kind for kind in ("label", "multilabel", "value", "sentence", "transcript")},
    **{"category": "label", "number": "value"},
}
_TARGET_PARTS = (Output,)
_SAID = "you said so"


def check_columns(names: Iterable[str], available: list[str], place: str) -> None:
    """Refuses names that the table does not have.

    Raises:
        ValueError: an unknown name; the message names the closest and lists all.
    """
    for name in names:
        if name not in available:
            close = difflib.get_close_matches(str(name), available, 1, 0.6)
            close = close or [other for other in available if other.casefold() == str(name).casefold()]
            hint = f"did you mean {close[0]!r}? " if close else ""
            raise ValueError(f"{place}: no column {name!r}; {hint}The columns are {available}")


def check_kinds(kinds: Mapping[str, Any], available: list[str], targets: list[str]) -> None:
    """Refuses columns and kinds that there are not.

    Raises:
        ValueError: an unknown column, or a kind that does not go with it; the message lists those that do.
    """
    check_columns(kinds, available, "kinds")
    for name, kind in kinds.items():
        words, parts = (TARGET_KINDS, _TARGET_PARTS) if name in targets else (INPUT_KINDS, _input_parts())
        if not (isinstance(kind, parts) or (isinstance(kind, str) and kind in words)):
            raise ValueError(
                f"kinds: column {name!r}: expected one of {', '.join(map(repr, words))} or an object of "
                f"{', '.join(part.__name__ for part in parts)}, got {kind!r:.80}"
            )


def _input_parts():
    """What can stand for a column: fields, and inputs that one cell feeds."""
    return (*kinds_of(Field), *(kind for kind in kinds_of(Modality) if kind.is_column))


def decide_as(cells: Cells, kind: Any, *, unit: str | None, text_length: int | None) -> Decision:
    """The decision for a column of values that the user named the kind of; images and sounds are not among them."""
    if kind == "ignore":
        return Decision("ignore", _SAID)
    if not cells.values and isinstance(kind, str):
        message = (
            f"is empty in all rows, so it can't be made a {kind}; leave it out, or give the schema's object for it"
        )
        return Decision("unusable", "empty", None, [Finding("error", cells.name, message)])
    if kind == "text":
        return make_text(cells, _SAID, text_length)
    if kind == "category":
        return make_category(cells, _SAID)
    if kind == "number":
        return make_number(cells, _SAID, unit)
    if kind == "angle":
        return make_angle(cells, _SAID)
    if kind == "time":
        return make_time(cells, _SAID)
    if kind == "date":
        found = dates.read_dates(cells.values, cells.counts)
        if found is None:
            message = (
                f"holds no dates in a known format ({quoted(cells.values)}); give Date({cells.name!r}, format=...)"
            )
            return Decision("unusable", "no dates", None, [Finding("error", cells.name, message)])
        return make_date(cells, _SAID, found)
    return _as_part(cells, kind)


def _as_part(cells, part):
    """A field or input that stands as it is; what does not fit it is found."""
    kind = type(part).__name__.lower()
    if isinstance(part, Modality):
        return Decision(kind, _SAID, part)
    if part.name != cells.name:
        part = dataclasses.replace(part, name=cells.name)
    if isinstance(part, Category):
        unknown = [find_name(part.categories, value) is None for value in cells.values]
        return Decision(kind, _SAID, part, _unfit(cells, unknown, f"not one of {quoted(part.categories)}"))
    if isinstance(part, Date):
        return make_date(cells, _SAID, dates.parse_all(cells.values, part.format), part.origin)
    if isinstance(part, TimeOfDay):
        return dataclasses.replace(make_time(cells, _SAID), part=part)
    if not isinstance(part, (Number, Angle)):
        bad = [not _can_be(part, value) for value in cells.values]
        return Decision(kind, _SAID, part, _unfit(cells, bad, f"that can't be read as {type(part).__name__}"))
    findings = not_numbers(cells)
    if isinstance(part, Number):
        with np.errstate(invalid="ignore"):
            out = (cells.numbers < part.minimum) | (cells.numbers > part.maximum)
        bounds = f"{in_digits(part.minimum)}..{in_digits(part.maximum)} {part.unit}".rstrip()
        findings += _unfit(cells, out, f"outside of {bounds}")
        seen = cells.per_row(cells.numbers)
        findings += blurred(cells, seen[np.isfinite(seen)], part.origin, "set origin={origin} in the schema's Number")
    return Decision(kind, _SAID, part, findings, cells.per_row(cells.numbers))


def _can_be(field, value):
    try:
        field.encode(field.parse_cell(value, field.name), field.name)
    except (ValueError, TypeError):
        return False
    return True


def target_as(decision: Decision, cells: Cells, part: Any) -> Decision:
    """A target with the output that the user gave; what does not fit it is found."""
    read_as = part.of_column(cells.values)
    if read_as is not part:
        decision.findings.append(Finding("note", cells.name, numbered_note(part)))
    bad = np.array([not _is_target(read_as, value) for value in cells.values], bool)
    if part.is_number:
        # What is no number at all is found already.
        bad &= np.isfinite(cells.numbers)
    decision.findings += _unfit(cells, bad, part.misfit())
    return dataclasses.replace(decision, part=part, why=_SAID)


def _is_target(part, value):
    try:
        part.encode_target(value, "")
    except ValueError:
        return False
    return True


def _unfit(cells, bad, what):
    rows = cells.rows_where(bad)
    if not rows:
        return []
    values = [value for value, one in zip(cells.values, bad, strict=True) if one]
    message = (
        f"{counted(len(rows), 'cell')} {what} ({quoted(values)}; {in_words(rows)}); training would refuse these rows"
    )
    return [Finding("error", cells.name, message, tuple(rows[:20]))]
