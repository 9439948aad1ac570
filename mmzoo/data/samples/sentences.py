"""Texts that a model is to write, as it learns from them, and what there is to say of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmzoo.data.samples.samples import TRAIN, VALIDATION
from mmzoo.encoding.texts import MOST_CHARACTERS, UNKNOWN, WordPieces
from mmzoo.schema import Sentence, Text

_MOST_SHOWN = 8


def sentence_targets(
    kind: Sentence, texts: Sequence[Sequence[str]], split: str, name: str
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """The targets of a split.

    Args:
        kind: the output.
        texts: the references of each sample, at least one.
        split: of the data; of "validation" nothing is learnt.
        name: what they are called.

    Returns:
        (all references, whole, to measure by, int32 (N, R, T); the forms in which training sees them, see `Samples`,
        None where there is one or nothing is learnt; what there is to say of them, for a note).
    """
    targets = kind.references(texts)
    views = None if split == VALIDATION or targets.shape[1] == 1 else sentence_forms(kind, targets)
    return targets, views, sentence_findings(kind, texts, name) if split == TRAIN else ""


def sentence_forms(kind: Sentence, targets: np.ndarray) -> np.ndarray:
    """References as training sees them, of the model's length, int32 (N, R, length).

    A text longer than the model writes is cut, and has no end then: nothing false is learnt of where sentences end.

    Args:
        kind: the output.
        targets: int32 (N, R, T); a sample with fewer than R has some of them twice.
    """
    counts = targets.any(axis=2).sum(axis=1)
    forms = np.arange(targets.shape[1]) % counts[:, None]
    return targets[np.arange(len(targets))[:, None], forms, : kind.length]


def sentence_findings(kind: Sentence, texts: Sequence[Sequence[str]], name: str) -> str:
    """What there is to say of such texts, to stand behind a note; "" where there is nothing.

    Args:
        kind, texts: see `sentence_targets`.
        name: what they are called.
    """
    flat = [text for own in texts for text in own]
    long = sum(len(kind.ids_of(text)) >= kind.length for text in flat)
    said = f"; {name} longer than the model writes in {long:,} of {len(flat):,}" if long else ""
    return said + unknown_words(kind, flat, name)


def unknown_words(kind: Sentence | Text, texts: Sequence[str], name: str) -> str:
    """What a vocabulary of word pieces lacks of some texts, to stand behind a note; "" where it lacks nothing.

    Args:
        kind: the output or input.
        texts: all of them.
        name: what they are called.
    """
    pieces, unknown, words = WordPieces(kind.vocabulary), 0, 0
    letters: dict[str, None] = {}
    known = set("".join(kind.vocabulary))
    for text in texts:
        ids = pieces.encode(text, MOST_CHARACTERS, kind.lowercase)
        missing = ids.count(pieces.ids[UNKNOWN])
        unknown, words = unknown + missing, words + len(ids)
        if missing:
            read = text.lower() if kind.lowercase else text
            letters |= dict.fromkeys(letter for letter in read if letter not in known and letter > " ")
    if not unknown:
        return ""
    shown = "".join(list(letters)[:_MOST_SHOWN]) + ("..." if len(letters) > _MOST_SHOWN else "")
    return f"; {unknown:,} of {words:,} words or signs of {name} unknown{f' ({shown})' if shown else ''}"
