"""Columns that give the answer away: one that predicts the target alone, texts that name the class."""

from __future__ import annotations

import re

import numpy as np

from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.inspection import Finding, percent
from mmzoo.inspection.reading.cells import Cells

_MOST_ROWS = 10_000
_LEAST_ROWS = 20
_FOLDS = 5

# Of what the most frequent class gets wrong, so much is put right by the column alone.
_REPAIRED = 0.9
_R2 = 0.95

# A class is named by texts: by so many, so large a share of its own, so many times as often as in the others.
_LEAST_HITS = 5
_NAMED = 0.2
_LIFT = 2


def find_leaks(cells: dict[str, Cells], decisions: dict[str, Decision], targets: list[str]) -> list[Finding]:
    """Findings for every input column that gives a target away.

    A column is scored alone, in five-fold cross-validation: numbers, angles and dates by a decision tree, categories
    and texts by the most frequent class (or mean) of their value. It leaks if that puts right 90 % of what the most
    frequent class gets wrong, or explains 95 % of a value's variance. Texts are searched for the words of their class,
    and paths that are read as texts for folders named like it.

    Args:
        cells: the columns.
        decisions: what they were taken for.
        targets: the columns to predict.
    """
    findings = []
    for target in targets:
        kind = decisions[target].kind
        if decisions[target].part is None or kind not in ("label", "value"):
            continue
        if kind == "label":
            answers = cells[target].codes.astype(float)
            answers[answers < 0] = np.nan
        else:
            answers = decisions[target].values
            if decisions[target].part.scale == "log":
                answers = np.log(np.where(answers > 0, answers, np.nan))
        rows = np.flatnonzero(np.isfinite(answers))
        rows = np.sort(np.random.default_rng(0).permutation(rows)[:_MOST_ROWS])
        if len(rows) < _LEAST_ROWS:
            continue
        for name, decision in decisions.items():
            if name in targets or decision.part is None:
                continue
            if decision.kind != "image" and decision.kind != "audio":
                findings += _score(name, cells[name], decision, rows, answers[rows], target, kind)
            if decision.kind == "text" and kind == "label":
                findings += _named_classes(cells[name], cells[target], rows)
                findings += _named_folders(cells[name], cells[target], rows)
    return findings


def _score(name, cells, decision, rows, answers, target, kind):
    if decision.values is None:
        score, base = _by_value(cells.codes[rows], answers, kind)
    else:
        # From the origin, as trees split float32 too.
        score, base = _by_tree(decision.values[rows] - decision.part.origin, answers, kind)
    if kind == "label" and score >= base + _REPAIRED * (1 - base):
        found = f"{percent(score)} right in cross-validation; always saying the most frequent class: {percent(base)}"
    elif kind == "value" and score >= _R2:
        found = f"R² {score:.3f} in cross-validation"
    else:
        return []
    message = (
        f"predicts the target {target!r} alone ({found}); if it is not known when the model is used, leave it out: "
        f"kinds={{{name!r}: 'ignore'}}"
    )
    return [Finding("warning", name, message)]


def _by_tree(values, answers, kind):
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if kind == "label":
        leaves = int(min(256, max(16, 2 * len(np.unique(answers)))))
        tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0)
    else:
        tree = DecisionTreeRegressor(max_depth=8, min_samples_leaf=5, random_state=0)
    values = values.astype(np.float32)[:, None]

    def predict(train, test):
        return tree.fit(values[train], answers[train]).predict(values[test])

    return _cross_validated(predict, answers, kind)


def _by_value(codes, answers, kind):
    codes = codes + 1

    def predict(train, test):
        if kind == "value":
            count = np.bincount(codes[train], minlength=codes.max() + 1)
            total = np.bincount(codes[train], answers[train], minlength=codes.max() + 1)
            mean = np.where(count > 0, total / np.maximum(count, 1), answers[train].mean())
            return mean[codes[test]]
        classes = answers[train].astype(int)
        size = int(answers.max()) + 1
        best = np.full(codes.max() + 1, np.bincount(classes).argmax())
        pairs, count = np.unique(codes[train] * size + classes, return_counts=True)
        # In the order of their counts, so that the most frequent class of a value is written last.
        order = np.argsort(count, kind="stable")
        best[pairs[order] // size] = pairs[order] % size
        return best[codes[test]]

    return _cross_validated(predict, answers, kind)


def _cross_validated(predict, answers, kind):
    """(score, what the most frequent class or the mean gets)."""
    fold = np.random.default_rng(0).permutation(len(answers)) % _FOLDS
    predicted = np.empty(len(answers))
    for number in range(_FOLDS):
        test = np.flatnonzero(fold == number)
        predicted[test] = predict(np.flatnonzero(fold != number), test)
    if kind == "label":
        return float((predicted == answers).mean()), float(np.bincount(answers.astype(int)).max() / len(answers))
    spread = np.sum((answers - answers.mean()) ** 2)
    return (1 - float(np.sum((answers - predicted) ** 2) / spread) if spread > 0 else 0.0), 0.0


def _named_classes(text, target, rows):
    """Texts that hold the words of their class, more often than those of other classes do."""
    stems = {name: _stems(name) for name in target.values}
    every = {stem for words in stems.values() for stem in words}
    if not every:
        return []
    pattern = re.compile(
        r"(?<!\w)(" + "|".join(map(re.escape, sorted(every, key=len, reverse=True))) + r")(?=(e?s)?(?!\w))"
    )
    rows = rows[text.present[rows]]
    held = {
        code: {stem for stem, *_ in pattern.findall(text.values[code].casefold())} for code in set(text.codes[rows])
    }
    own_class = target.codes[rows]
    named, total = [], 0
    for code, name in enumerate(target.values):
        holds = np.array([bool(held[one] & stems[name]) for one in text.codes[rows]], bool)
        mine = own_class == code
        hits, others = holds[mine].sum(), holds[~mine].mean() if (~mine).any() else 0.0
        if hits >= _LEAST_HITS and hits / mine.sum() >= max(_NAMED, _LIFT * others):
            named.append((hits / mine.sum(), others, name))
            total += hits
    if not named:
        return []
    shown = ", ".join(
        f"{name} in {percent(a)} of its texts and {percent(b)} of the others" for a, b, name in sorted(named)[:-4:-1]
    )
    message = (
        f"{percent(total / len(rows))} of the texts hold a word of their own class's name ({shown}): is the answer "
        "known where the text was written? If not when the model is used, mask those words, or leave the column out "
        f"with kinds={{{text.name!r}: 'ignore'}}"
    )
    return [Finding("warning", text.name, message)]


def _named_folders(text, target, rows):
    """Paths read as texts, of which a folder or the file's name is the class."""
    rows = rows[text.present[rows]]
    classes = [name.strip().casefold() for name in target.values]
    parts = {
        code: {part.strip() for part in re.split(r"[/\\]", text.values[code].casefold())[:-1]}
        for code in set(text.codes[rows])
    }
    named = np.array([classes[target.codes[row]] in parts[text.codes[row]] for row in rows], bool)
    if named.sum() < _LEAST_HITS or named.mean() < _NAMED:
        return []
    message = (
        f"is read as a text, and in {percent(named.mean())} of the rows a folder in it is the class itself; if it "
        f"names pictures or sounds, correct the cells that don't or say kinds={{{text.name!r}: 'image'}}, else leave "
        f"it out: kinds={{{text.name!r}: 'ignore'}}"
    )
    return [Finding("warning", text.name, message)]


def _stems(name):
    """The words of a class's name by which a text would name it."""
    whole = name.casefold().strip()
    words = {word for word in re.findall(r"[^\W\d_]{4,}", whole)} | ({whole} if len(whole) > 3 else set())
    return {re.sub(r"(?<=[^s\W]{3})(es|s)$", "", word) for word in words}
