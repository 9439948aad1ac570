"""What is wrong with single columns, whatever they hold: missing cells, files."""

from __future__ import annotations

import numpy as np

from mmzoo.inspection.cells import Cells
from mmzoo.inspection.decision import Decision
from mmzoo.inspection.files import Contents, Files
from mmzoo.inspection.inspection import Finding, in_words, percent, quoted

_MUCH_MISSING = 0.5
_TINY = 16


def missing_cells(cells: Cells) -> list[Finding]:
    """A column of which more than half is missing."""
    missing = 1 - cells.filled / len(cells)
    if missing <= _MUCH_MISSING:
        return []
    message = (
        f"{percent(missing)} of the cells are empty, {cells.filled:,} are filled; the model learns to do without, "
        "but if the emptiness itself tells (who was examined), it will not hold for new data"
    )
    return [Finding("warning", cells.name, message)]


def files_of(cells: Cells, decision: Decision) -> list[Finding]:
    """Files that are outside of the root, not there, broken, tiny or of one colour."""
    files, contents = decision.files, decision.contents
    if files is None:
        return []
    findings = unreachable_files(cells, files)
    if contents is None:
        return findings
    what = "pictures" if contents.thumbnails is not None else "sounds"
    if len(contents.looked) < files.there.sum():
        message = f"{len(contents.looked):,} of {files.there.sum():,} {what} were opened, an even sample; all are there"
        findings.append(Finding("note", cells.name, message))
    if contents.bad:
        rows = _rows(cells, list(contents.bad))
        reasons = sorted({_short(reason) for reason in contents.bad.values()})
        message = (
            f"{len(contents.bad):,} {what} can't be read ({in_words(rows)}; {'; '.join(reasons[:3])}); replace them, "
            "or leave those rows out with on_error='skip'"
        )
        findings.append(Finding("error", cells.name, message, tuple(rows[:20])))
    if contents.thumbnails is not None:
        findings += _odd_pictures(cells, contents)
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
        (black, "warning", "pictures are black, which the model takes for a missing picture"),
        (flat & ~black, "warning", "pictures are of a single colour"),
        (tiny, "warning", f"pictures are under {_TINY} pixels wide or high"),
    ):
        if which.any():
            rows = _rows(cells, contents.looked[which].tolist())
            found = f"{which.sum():,} {message} ({in_words(rows)}); are they what they should be?"
            findings.append(Finding(level, cells.name, found, tuple(rows[:20])))
    return findings


def _rows(cells, values):
    wanted = np.zeros(len(cells.values), bool)
    wanted[values] = True
    return cells.rows_where(wanted)


def _short(reason):
    """The reason without the file's name in front."""
    return reason.split(": ")[-1][:100]
