"""What is wrong with single columns, whatever they hold: missing cells, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.inspection import Finding, counted, in_words, percent, quoted
from mmzoo.inspection.reading.cells import Cells
from mmzoo.inspection.reading.files import Contents, Files

_MUCH_MISSING = 0.5
_TINY = 16
_TWELVE_BITS = 4095


def missing_cells(columns: Iterable[Cells]) -> list[Finding]:
    """The columns of which more than half is missing, as one finding."""
    shares = {cells.name: 1 - cells.filled / len(cells) for cells in columns}
    found = {name: share for name, share in shares.items() if share > _MUCH_MISSING}
    if not found:
        return []
    names = ", ".join(f"{name} {percent(share)}" for name, share in sorted(found.items(), key=lambda item: -item[1]))
    message = (
        f"more than half of the cells are empty: {names}. The model learns to do without; but where the emptiness "
        "itself tells something (who was examined), that may not hold for new data"
    )
    return [Finding("warning", "", message)]


def words_for_missing(columns: Iterable[Cells]) -> list[Finding]:
    """The words that were taken for "missing", as one finding, and those that could have been but were not."""
    found, rows, findings = [], [], []
    for cells in columns:
        if cells.missing_words:
            positions = sorted(position for places in cells.missing_words.values() for position in places)
            words = quoted(cells.missing_words, 3)
            found.append(f"{cells.name} {words} in {percent(len(positions) / len(cells))}")
            rows += cells.rows[positions].tolist()
        for word in cells.kept_words:
            message = (
                f"{word!r} is taken for a value, as there is one other alone ({quoted(cells.values)}); if it means "
            )
            message += f"that there is none, say missing=[{word!r}] (--missing {word!r})"
            findings.append(Finding("note", cells.name, message))
    if found:
        message = (
            f"words taken for an empty cell: {'; '.join(found[:12])}{' ...' * (len(found) > 12)}; where one is a "
            "value, name it in the schema's categories or classes"
        )
        findings.append(Finding("note", "", message, tuple(dict.fromkeys(rows))[:20]))
    return findings


def left_out(decisions: Mapping[str, Decision]) -> list[Finding]:
    """A finding for every column that is left out and has none yet: why, and what to do."""
    findings = []
    for name, decision in decisions.items():
        advice = _LEFT_OUT.get(decision.kind)
        if decision.part is None and advice and not any(f.level != "note" for f in decision.findings):
            message = f"is left out: {decision.why}; {advice.format(name=repr(name))}"
            findings.append(Finding("note", name, message))
    return findings


_LEFT_OUT = {
    "identifier": "if it tells something about the target, say kinds={{{name}: 'category'}} or 'text'",
    "constant": "nothing can be learnt from it here; if new data will differ, say its kind",
    "copy": "one of the two is enough",
}


def rare_categories(columns: Iterable[Cells]) -> list[Finding]:
    """The categories that occur in a single row, as one finding."""
    found, rows = [], []
    for cells in columns:
        once = cells.counts == 1
        if once.any():
            found.append(f"{cells.name} {quoted(np.array(cells.values, object)[once], 2)}")
            rows += cells.rows_where(once)
    if not found:
        return []
    rows = list(dict.fromkeys(rows))
    message = (
        f"categories that occur once, about which nothing can be learnt: {'; '.join(found[:12])} ({in_words(rows)}); "
        "join them with others, or empty those cells"
    )
    return [Finding("note", "", message, tuple(rows[:20]))]


def files_of(cells: Cells, decision: Decision) -> list[Finding]:
    """Files that are outside of the root, not there, broken, tiny or of one colour."""
    files, contents = decision.files, decision.contents
    if files is None:
        return []
    findings = unreachable_files(cells, files)
    if contents is None:
        return findings
    what = "picture" if contents.thumbnails is not None else "sound"
    if len(contents.looked) < files.there.sum():
        message = f"{len(contents.looked):,} of {files.there.sum():,} {what}s were opened, an even sample"
        findings.append(Finding("note", cells.name, message))
    if contents.bad:
        rows = _rows(cells, list(contents.bad))
        reasons = sorted({_short(reason) for reason in contents.bad.values()})
        message = (
            f"{counted(len(contents.bad), what)} can't be read ({in_words(rows)}; {'; '.join(reasons[:3])}); replace "
            "them, or leave those rows out with on_error='skip'"
        )
        findings.append(Finding("error", cells.name, message, tuple(rows[:20])))
    if contents.thumbnails is not None:
        findings += _odd_pictures(cells, contents) + _twelve_bits(cells, contents)
    return findings


def unreachable_files(cells: Cells, files: Files) -> list[Finding]:
    """Files outside of the root, and files that are not there."""
    findings = []
    for which, message in (
        (
            files.outside,
            "lie outside of the folder {root}, from which a table may read; give another root, or "
            "allow_outside_root=True (--allow-outside) if you trust the table",
        ),
        (files.gone, "do not exist; paths are relative to {root}, give another root= (--root) if that is wrong"),
    ):
        if which.any():
            rows = cells.rows_where(which)
            values = [value for value, one in zip(cells.values, which, strict=True) if one]
            found = message.format(root=files.root)
            message = f"{len(values):,} of {len(cells.values):,} files ({quoted(values, 2)}; {in_words(rows)}) {found}"
            findings.append(Finding("error", cells.name, message, tuple(rows[:20])))
    return findings


def _odd_pictures(cells: Cells, contents: Contents) -> list[Finding]:
    findings = []
    brightness = contents.thumbnails.astype(int)
    flat = contents.good & (np.ptp(brightness, axis=1) <= 2)
    black = flat & (brightness.max(axis=1) <= 1)
    tiny = contents.good & (contents.sizes.min(axis=1) < _TINY)
    for which, level, message in (
        (black, "warning", "all black, which the model takes for a missing picture"),
        (flat & ~black, "warning", "of a single colour"),
        (tiny, "warning", f"under {_TINY} pixels wide or high"),
    ):
        if which.any():
            rows = _rows(cells, contents.looked[which].tolist())
            found = f"{counted(int(which.sum()), 'picture')} {message} ({in_words(rows)}); look whether that is meant"
            findings.append(Finding(level, cells.name, found, tuple(rows[:20])))
    return findings


def _twelve_bits(cells: Cells, contents: Contents) -> list[Finding]:
    """Pictures of 16 bits that use the lower 12 alone, as medical and industrial cameras write them."""
    deep = contents.brightest > 0
    if not deep.any() or contents.brightest.max() > _TWELVE_BITS:
        return []
    rows = _rows(cells, contents.looked[deep].tolist())
    message = (
        f"{counted(int(deep.sum()), 'picture')} of 16 bits ({in_words(rows)}) never above "
        f"{contents.brightest.max():,} of 65,535: 12 bits in 16. The upper byte is what a model sees, so they are "
        "almost black; multiply their values by 16, or write 8 bits"
    )
    return [Finding("warning", cells.name, message, tuple(rows[:20]))]


def _rows(cells, values):
    wanted = np.zeros(len(cells.values), bool)
    wanted[values] = True
    return cells.rows_where(wanted)


def _short(reason):
    """The reason without the file's name in front."""
    return reason.split(": ")[-1][:100]
