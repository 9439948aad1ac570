"""Columns that say which rows to train on: the same words as those that `split_table` reads."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from mmzoo.data.tables.splits import is_split_column, unknown_splits
from mmzoo.encoding.split_words import SPLIT_WORDS
from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.inspection import Finding, counted, in_words, quoted
from mmzoo.inspection.reading.cells import Cells
from mmzoo.inspection.reading.names import says_folds


def find_split(frame: pd.DataFrame, columns: Iterable[str]) -> str | None:
    """The first of some columns that says which split each row belongs to; None if there is none."""
    return next((name for name in columns if is_split_column(frame[name])), None)


def split_decision(cells: Cells, series: pd.Series) -> Decision:
    """A column of splits, and a finding for the cells that name none."""
    decision = Decision("split", "says which rows are for training and which for testing")
    unknown = unknown_splits(series)
    if len(unknown):
        rows = cells.rows[unknown].tolist()
        words = [names[0] for names in SPLIT_WORDS.values()]
        message = (
            f"{counted(len(rows), 'cell')} that name no split ({quoted(dict.fromkeys(series.iloc[unknown]))}; "
            f"{in_words(rows)}); expected {', '.join(words)}, or leave the column out: "
            f"kinds={{{cells.name!r}: 'ignore'}}"
        )
        decision.findings.append(Finding("error", cells.name, message, tuple(rows[:20])))
    return decision


def unusual_folds(cells: Cells) -> Decision | None:
    """A column of the numbers of folds, which say how somebody else split the rows; None if it is none."""
    if not says_folds(cells.name, cells.values):
        return None
    message = (
        f"holds numbers of folds, so it is left out and the rows are split anew; to keep each fold in one split, say "
        f"group={cells.name!r} (--split-group), to test on one of them, write train, validation and test instead; if "
        f"it is a feature, say kinds={{{cells.name!r}: 'number'}}"
    )
    why = f"{len(cells.values)} numbers of folds"
    return Decision("fold", why, None, [Finding("warning", cells.name, message)])
