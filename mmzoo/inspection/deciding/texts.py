"""A text as a target: one that is written (`Sentence`), or one that stands in the input (`Transcript`)."""

from __future__ import annotations

import collections
import math
import unicodedata

from mmzoo.encoding.texts import PADDING, SUFFIX, UNKNOWN, words_of
from mmzoo.inspection.deciding.decision import Decision
from mmzoo.inspection.inspection import Finding, counted, in_words
from mmzoo.inspection.reading.cells import Cells
from mmzoo.schema import Sentence, Transcript
from mmzoo.schema.outputs.sentence import END

# Words that occur twice or more, and characters, by which all others are spelled.
_MOST_WORDS, _MOST_CHARACTERS, _LEAST = 4_000, 400, 2
_LONGEST_SENTENCE, _LONGEST_TRANSCRIPT = 64, 256
# Of steps more than the longest text needs, or each letter would have one place only.
_ROOM = 1.25


def make_sentence(cells: Cells) -> Decision:
    """A sentence of the words of the column; a word that occurs once is spelled."""
    words: collections.Counter[str] = collections.Counter()
    for value, count in zip(cells.values, cells.counts.tolist(), strict=True):
        for word in words_of(value, lowercase=False):
            words[word] += count
    letters: collections.Counter[str] = collections.Counter()
    for word, count in words.items():
        for letter in word:
            letters[letter] += count
    usual = [letter for letter, _ in sorted(letters.items(), key=_by_count)][:_MOST_CHARACTERS]
    frequent = [word for word, count in sorted(words.items(), key=_by_count) if count >= _LEAST][:_MOST_WORDS]
    inside = {letter for word in words for letter in word[1:]}
    pieces = [*usual, *(f"{SUFFIX}{letter}" for letter in usual if letter in inside), *frequent]
    vocabulary = tuple(dict.fromkeys((PADDING, UNKNOWN, END, *pieces)))
    draft = Sentence(vocabulary, 1)
    longest = max(len(draft.reference(value)) for value in cells.values)
    part = Sentence(vocabulary, min(_LONGEST_SENTENCE, 8 * math.ceil(longest / 8)))
    why = f"{len(cells.values):,} different texts, to be written with {len(vocabulary):,} word pieces"
    return Decision("sentence", why, part, _refused(cells, part))


def make_transcript(cells: Cells) -> Decision:
    """A text of the characters of the column."""
    texts = [unicodedata.normalize("NFC", value).strip() for value in cells.values]
    alphabet = tuple(sorted(set("".join(texts))))
    longest = max(Transcript(alphabet, 1).steps_needed(text) for text in texts)
    part = Transcript(alphabet, min(_LONGEST_TRANSCRIPT, math.ceil(_ROOM * longest)))
    why = f"{len(cells.values):,} different texts of {len(alphabet):,} characters, the longest takes {longest} steps"
    return Decision("transcript", why, part, _refused(cells, part))


def proposal(cells: Cells) -> str:
    """Which of the two a column of free texts could be, in words; "" where it looks like neither."""
    if not cells.share([any(c.isalnum() for c in value) for value in cells.values]) > 0.9:
        return ""
    kind, what = (
        ("sentence", "written") if cells.share(cells.words >= 3) > 0.5 else ("transcript", "read off the input")
    )
    return f", or, if it is a text to be {what}, say kinds={{{cells.name!r}: {kind!r}}} (--kind {cells.name}={kind})"


def _by_count(item):
    return -item[1], item[0]


def _refused(cells, part):
    bad = []
    for value in cells.values:
        try:
            part.encode_target(value, "")
            bad.append(False)
        except ValueError:
            bad.append(True)
    rows = cells.rows_where(bad)
    if not rows:
        return []
    message = f"{counted(len(rows), 'cell')} {part.misfit()} ({in_words(rows)}); training would refuse these rows"
    return [Finding("error", cells.name, message, tuple(rows[:20]))]
