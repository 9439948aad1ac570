"""What is to be predicted: one class, several, or a number; and whether the table can teach it."""

from __future__ import annotations

import numpy as np

from mmzoo.inspection.deciding.balance import proposed_class_weight
from mmzoo.inspection.deciding.decision import Decision, blurred, not_numbers, sorted_names, spelling_variants
from mmzoo.inspection.deciding.texts import make_sentence, make_transcript, proposal
from mmzoo.inspection.inspection import Finding, counted, figure, in_words, percent, quoted
from mmzoo.inspection.reading.cells import Cells, one_spelling
from mmzoo.inspection.reading.names import unit_in
from mmzoo.inspection.reading.number_forms import unreadable_numbers
from mmzoo.inspection.reading.ranges import has_long_tail, sensible_range
from mmzoo.schema import Label, MultiLabel, Value
from mmzoo.schema.outputs.output import SEPARATOR

_FEW = 20
# The most frequent class to the rarest.
_IMBALANCE = 10


def decide_target(
    cells: Cells, kind: str | None = None, unit: str | None = None, is_one_of_several: bool = False
) -> Decision:
    """What a target column becomes; its `part` is None where nothing can be learnt from it.

    - MultiLabel: lists such as "a|b|c" in a fifth of the cells or more, of labels that repeat.
    - Label: words, booleans, and whole numbers of few kinds: at most 20 within a range of 30, or at most 5.
    - Value: all other numbers; on a log scale if they are positive and have a long tail, as prices have.

    Args:
        cells: the column.
        kind: "label", "multilabel", "value", "sentence" or "transcript" instead of what the rules say; the last two are
            never taken by themselves, but proposed for free texts.
        unit: of a value, instead of the name's.
        is_one_of_several: rows that lack this target may have another one.
    """
    if not cells.values:
        return _unusable(cells, "empty", "the target is missing in all rows; fill it or name another")
    if len(cells.values) == 1:
        return _unusable(
            cells,
            "constant",
            f"the target is {cells.values[0]!r:.60} in all rows; there is nothing to learn. Add rows of another "
            "class or value, or name another target",
        )
    numbers = cells.numbers[np.isfinite(cells.numbers)]
    numeric = cells.share(np.isfinite(cells.numbers))
    if kind is None:
        found = None if numeric >= 0.9 else unreadable_numbers(cells.name, cells.values, cells.counts)
        if found:
            return _unusable(cells, "unusable", f"the target holds {found[0]} ({quoted(cells.values, 3)}); {found[1]}")
        kind = _kind(cells, numbers, numeric)
    if kind == "multilabel":
        decision = _multi_label(cells)
    elif kind == "value":
        decision = _value(cells, numbers, unit)
    elif kind == "sentence":
        decision = make_sentence(cells)
    elif kind == "transcript":
        decision = make_transcript(cells)
    else:
        decision = _label(cells)
    empty = cells.rows[~cells.present].tolist()
    if empty:
        what = "they can't be trained on, and are left out"
        if kind == "multilabel":
            what = "an empty cell counts as none of the labels"
        elif is_one_of_several:
            what = "they count for the other targets"
        message = f"the target is missing in {counted(len(empty), 'row')} ({in_words(empty)}); {what}"
        decision.findings.append(Finding("note", cells.name, message, tuple(empty[:20])))
    return decision


def labels_of(value: str) -> list[str]:
    """The labels of one cell, "a|b|c"."""
    return [label.strip() for label in value.split(SEPARATOR) if label.strip()]


def _kind(cells, numbers, numeric):
    lists = cells.share([SEPARATOR in value for value in cells.values])
    if lists >= 0.2:
        labels = {label for value in cells.values for label in labels_of(value)}
        if len(labels) <= max(20, 0.5 * cells.filled):
            return "multilabel"
    if numeric < 0.9 or cells.dtype.kind == "b":
        return "label"
    whole = bool((numbers == np.round(numbers)).all())
    few = len(cells.values) <= 5 or (len(cells.values) <= _FEW and np.ptp(numbers) < 30)
    return "label" if whole and few else "value"


def _label(cells):
    classes, filled = sorted_names(cells.values), cells.filled
    why = f"{len(classes)} classes: {quoted(classes, 6)}"
    if np.isfinite(cells.numbers).all() and len(classes) > 2:
        why += f"; whole numbers of few kinds, for an amount say kinds={{{cells.name!r}: 'value'}}"
    decision = Decision("label", why, Label(classes))
    if len(classes) > 0.5 * filled and filled > 3:
        return _unusable(
            cells,
            "label",
            f"{len(classes):,} classes in {filled:,} rows: more classes than half of the rows. Is it a text or an "
            f"identifier? Name another target, or join the classes{proposal(cells)}",
        )
    decision.findings += _rare(cells, dict(cells.by_count()), cells.rows_where)
    if len(classes) > 200:
        message = f"{len(classes):,} classes, {filled / len(classes):.0f} rows each on average; join those you can"
        decision.findings.append(Finding("warning", cells.name, message))
    counts = [count for _, count in cells.by_count()]
    if len(classes) > 1 and counts[0] >= _IMBALANCE * counts[-1] and counts[-1] > 1:
        most, least = cells.by_count()[0], cells.by_count()[-1]
        message = (
            f"classes are out of balance: {most[0]!r:.60} has {most[1]:,} rows ({percent(most[1] / filled)}), "
            f"{least[0]!r:.60} {least[1]:,}; look at F1 or balanced accuracy, not at accuracy alone. Training weighs "
            f"them by class_weight={proposed_class_weight(counts)!r} unless told otherwise"
        )
        decision.findings.append(Finding("warning", cells.name, message))
    decision.findings += spelling_variants(cells, "classes")
    return decision


def _rare(cells, counts, rows_where):
    """Classes of a single row."""
    once = [name for name, count in counts.items() if count == 1]
    if not once:
        return []
    rows = rows_where([value in set(once) for value in cells.values])
    which = f"class {once[0]!r:.60} has" if len(once) == 1 else f"{len(once):,} classes have ({quoted(once)})"
    message = (
        f"{which} a single row ({in_words(rows)}), which can't be both learnt from and tested on; add rows, join the "
        "class with another, or leave the row out"
    )
    return [Finding("warning", cells.name, message, tuple(rows[:20]))]


def _multi_label(cells):
    words = [label for value in cells.values for label in labels_of(value)]
    usual = dict(zip(words, one_spelling(words)[0], strict=True))
    counts: dict[str, int] = {}
    for value, count in zip(cells.values, cells.counts.tolist(), strict=True):
        for label in {usual[label] for label in labels_of(value)}:
            counts[label] = counts.get(label, 0) + count
    classes = sorted_names(list(counts))
    why = f"lists of labels such as {max(cells.values, key=lambda v: v.count(SEPARATOR))!r:.60}; {len(classes)} classes"
    decision = Decision("multilabel", why, MultiLabel(classes) if classes else None)
    single = {name for name, count in counts.items() if count == 1}

    def rows_where(_):
        return cells.rows_where([bool(single & {usual[w] for w in labels_of(value)}) for value in cells.values])

    decision.findings += _rare(cells, counts, rows_where)
    return decision


def _value(cells, numbers, unit):
    if not len(numbers):
        return _unusable(cells, "value", f"no cell of the target holds a number ({quoted(cells.values)})")
    seen = np.repeat(numbers, cells.counts[np.isfinite(cells.numbers)])
    low, high = sensible_range(seen)
    unit = unit_in(cells.name) if unit is None else unit
    if has_long_tail(seen):
        # A logarithm needs room above zero, not a range that begins there.
        part = Value(unit, min(low, seen.min() / 10) or seen.min() / 10, high, "log")
        why = f"{len(cells.values):,} different numbers, positive with a long tail: on a log scale"
    else:
        part = Value(unit, low, high)
        why = f"{len(cells.values):,} different numbers"
    accepted = f"{figure(part.minimum)} to {figure(part.maximum)} {unit}".rstrip()
    why += f", {figure(seen.min())} to {figure(seen.max())}; accepted are {accepted}"
    advice = "a model's answers are float32: subtract a number such as {origin} from the column"
    findings = not_numbers(cells) + blurred(cells, seen, 0.0, advice)
    return Decision("value", why, part, findings, cells.per_row(cells.numbers))


def _unusable(cells, kind, message):
    return Decision(kind, message, None, [Finding("error", cells.name, message)])
