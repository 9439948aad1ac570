"""What is wrong with the table as a whole: rows, texts and pictures that are there twice, and across splits."""

from __future__ import annotations

import numpy as np

from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.findings.duplicates import group_equal, group_pictures, normalised
from mmzoo.inspection.inspection import Finding, counted, in_words, percent
from mmzoo.inspection.reading.cells import Cells


def find_duplicates(
    cells: dict[str, Cells], decisions: dict[str, Decision], targets: list[str], split: str | None
) -> list[Finding]:
    """Findings for rows that are there twice, contradict each other, or stand in several splits.

    Args:
        cells: the columns.
        decisions: what they were taken for.
        targets: the columns to predict.
        split: the column that says which rows are for training and which for testing; None: there is none.
    """
    findings, rows = [], next(iter(cells.values())).rows
    equal = _equal_rows(cells.values())
    if equal:
        again = [rows[i] for group in equal for i in group[1:]]
        message = (
            f"{counted(len(again), 'row')} the same as an earlier one in every column ({in_words(again)}); drop "
            "them, as training would refuse them, or add a column that tells them apart if they are meant"
        )
        findings.append(Finding("error", "", message, tuple(again[:20])))
    inputs = [cells[name] for name, decision in decisions.items() if decision.part is not None and name not in targets]
    labels = [name for name in targets if decisions[name].kind == "label"]
    answers = _answers(cells, labels) if labels else np.full(len(rows), -1)
    same_inputs = _equal_rows(inputs) if inputs else []
    findings += _contradictions("", "rows are equal in all inputs", same_inputs, answers, rows)
    for name, decision in decisions.items():
        if name in targets or decision.part is None or decision.kind not in ("text", "image"):
            continue
        if decision.kind == "text" and len(cells[name].values) < cells[name].filled / 3:
            # A text that is meant to repeat, such as a question or a place.
            continue
        groups = _text_groups(cells[name]) if decision.kind == "text" else _picture_groups(cells[name], decision)
        if not groups:
            continue
        findings += _nearly_equal(cells[name], decision, groups, rows, split)
        if decision.kind == "image":
            # With another text or picture beside it, another answer may well be right.
            beside = [
                cells[other].codes
                for other, one in decisions.items()
                if other != name
                and other not in targets
                and one.part is not None
                and one.kind in ("text", "image", "audio")
            ]
            alike = [part for group in groups for part in _split_by(group, beside)]
            others = len(inputs) > 1
            findings += _contradictions(name, "pictures are nearly the same", alike, answers, rows, others)
        if split is not None:
            what = "pictures" if decision.kind == "image" else "texts"
            findings += _across(cells[name], cells[split], groups, f"{what} that are the same or nearly so")
    if split is not None:
        findings += _across(cells[split], cells[split], same_inputs, "rows that are equal in all inputs")
    return findings


def _equal_rows(columns) -> list[np.ndarray]:
    codes = np.stack([column.codes for column in columns], axis=1)
    _, inverse = np.unique(codes, axis=0, return_inverse=True)
    return group_equal((inverse.ravel() + 1).tolist())


def _answers(cells, targets):
    codes = np.stack([cells[name].codes for name in targets], axis=1)
    _, inverse = np.unique(codes, axis=0, return_inverse=True)
    return np.where((codes >= 0).all(axis=1), inverse.ravel(), -1)


def _contradictions(column, what, groups, answers, rows, others=False):
    """Groups of rows with several answers; `others`: further inputs may tell the rows of a group apart."""
    found = [group for group in groups if len(np.unique(answers[group][answers[group] >= 0])) > 1]
    if not found:
        return []
    named = np.sort(np.concatenate(found))
    advice = "no model can get all of them right: look which is wrong"
    if others:
        advice = "look which is wrong, unless other columns tell them apart"
    message = f"{len(named):,} {what} as another with another answer ({in_words(rows[found[0]])} for one); {advice}"
    if len(found) > 1:
        message += f"; {len(found):,} such groups"
    return [Finding("warning", column, message, tuple(rows[named[:20]].tolist()))]


def _text_groups(cells):
    keys = [normalised(value) for value in cells.values]
    return _row_groups(cells, group_equal(keys), keys)


def _picture_groups(cells, decision):
    contents = decision.contents
    groups = [contents.looked[group] for group in group_pictures(contents.thumbnails, contents.good)]
    return _row_groups(cells, groups, [True] * len(cells.values))


def _row_groups(cells, groups, counted):
    """From groups of values to groups of rows; a value that several rows share is a group of its own."""
    group_of = np.full(len(cells.values), -1)
    group_of[[index for index, key in enumerate(counted) if key]] = np.arange(sum(map(bool, counted)))
    for group in groups:
        group_of[group] = group_of[group[0]]
    keys = np.where(cells.present, group_of[cells.codes], -1) + 1
    return group_equal(keys.tolist())


def _split_by(group, columns):
    """A group of rows into those that are equal in the given columns."""
    if not columns:
        return [group]
    _, inverse = np.unique(np.stack([codes[group] for codes in columns], axis=1), axis=0, return_inverse=True)
    return [group[part] for part in group_equal((inverse.ravel() + 1).tolist())]


def _nearly_equal(cells, decision, groups, rows, split):
    named = np.sort(np.concatenate(groups))
    what = (
        "pictures are the same or nearly so" if decision.kind == "image" else "texts are the same but for punctuation"
    )
    message = (
        f"{len(named):,} {what} ({percent(len(named) / max(cells.filled, 1))} of them, in "
        f"{counted(len(groups), 'group')}; {in_words(rows[groups[0]])} for one)"
    )
    if split is None:
        message += "; keep each group in one split, or the test will look better than new data"
    return [Finding("note", cells.name, message, tuple(rows[named[:20]].tolist()))]


def _across(cells, split, groups, what):
    found = [group for group in groups if len(np.unique(split.codes[group][split.codes[group] >= 0])) > 1]
    if not found:
        return []
    named = np.sort(np.concatenate(found))
    places = sorted({split.values[code] for code in split.codes[named] if code >= 0})
    message = (
        f"{len(named):,} {what} stand in several splits ({' and '.join(places[:3])}; "
        f"{in_words(cells.rows[found[0]])} for one); the test then measures memory: move each group into one split"
    )
    return [Finding("warning", cells.name, message, tuple(cells.rows[named[:20]].tolist()))]
