"""Answers out of a text: a question and a text that the answer stands in, to that part of the text.

    mmzoo train answer --data squad_dev --data-dir DIR/squad_dev --out RUN
    mmzoo train answer --data cmrc2018 --data-dir DIR/cmrc2018 --out RUN2
    mmzoo train answer --data squad_dev --data-dir DIR/squad_dev --text minilm --epochs 4 --out RUN3

Figures are of texts against all answers that count as right (see `mmzoo.tasks.span.SpanTask`): F1 of the words they
have in common, and the share that is the same. Of Chinese texts words are characters.

There are no arms of one input alone: without the text there is nothing to cut an answer from. What the question is
worth stands in the table of missing inputs. What a sceptic tries first: the sentence with most of the question's words,
and the last name or number in it.

What came of it (small, squad_dev, one seed, 4 minutes on two cores, 1,130 questions of other articles): F1 27.4 %,
13.9 % exactly right; the best sentence has 24.3 and 0.4 %. It is short of rows, not of room: sixteen epochs with less
dropout reach the same 27.4, with a loss of the validation rows that has risen since the third. The Chinese sets and
pretrained encoders are not trained yet.
"""

from __future__ import annotations

import dataclasses
import re

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.questions import load_cmrc2018, load_dureader_robust, load_squad_dev
from mmzoo.recipes.recipe import Recipe, Training
from mmzoo.schema.outputs.span import NO_STEP

CHINESE = ("cmrc2018", "dureader_robust")
# After three epochs it learns its rows by heart: the loss of the validation rows was 6.7 then, 10.1 after sixteen.
TRAINING = Training(epochs=6, batch_size=64, learning_rate=3e-3, weight_decay=0.05, dropout=0.5)
# A sentence ends behind these; a name is a run of words with a capital, a number one of digits.
_SENTENCE = re.compile(r"[^.!?。！？；\n]+(?:[.!?](?=\S)[^.!?。！？；\n]*)*[.!?。！？；]*")
_NAME = re.compile(r"(?:[A-Z][\w’'-]*)(?:\s+[A-Z][\w’'-]*)*|\d[\d.,]*")
_WORD = re.compile(r"[一-鿿]|[^\W_]+")


def adjust(training: Training, data: str) -> Training:
    """Chinese texts have more steps, one a character, and longer answers; there are fewer of them."""
    if data not in CHINESE:
        return training
    return dataclasses.replace(training, builder={**training.builder, "steps": 640, "longest": 60})


def best_sentence(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline: the sentence with most of the question's words, or of its characters in Chinese."""
    return _said(measured, schema, lambda context, begin, end: (begin, end))


def last_name(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray] | None:
    """A sceptic's baseline: the last name or number in that sentence; None where no letter has a capital."""
    if np.mean([bool(re.search("[A-Z]", question)) for question in measured.raw["question"]]) < 0.5:
        return None

    def last(context, begin, end):
        found = [match.span() for match in _NAME.finditer(context, begin, end)]
        # The first word of a sentence has a capital whatever it is.
        found = [span for span in found if context[begin : span[0]].strip()] or found
        return found[-1] if found else (begin, end)

    return _said(measured, schema, last)


def _said(samples, schema, choose):
    """First and last step of what is chosen in the sentence with most of the question's words."""
    ((name, kind),) = schema.predicted.items()
    rows = []
    for question, context in zip(samples.raw["question"], samples.raw[kind.of], strict=True):
        asked = set(_words(question))
        sentences = [match.span() for match in _SENTENCE.finditer(context)] or [(0, len(context))]
        begin, end = max(sentences, key=lambda span: len(asked.intersection(_words(context[slice(*span)]))))
        begin, end = choose(context, begin, end)
        first, last = kind.steps_of(context, begin, end)
        if first == NO_STEP:
            # As much of it as is read.
            places = kind.text.places(context)
            read = np.flatnonzero((places[:, 0] < end) & (places[:, 1] > begin))
            first, last = (int(read[0]), int(read[-1])) if read.size else (NO_STEP, NO_STEP)
        rows.append((first, last))
    return {name: np.array(rows, np.int16)}


def _words(text):
    return _WORD.findall(text.lower())


RECIPE = Recipe(
    name="answer",
    data={"squad_dev": load_squad_dev, "cmrc2018": load_cmrc2018, "dureader_robust": load_dureader_robust},
    training={"nano": TRAINING, "small": TRAINING},
    about="Answers a question with a part of a text, word for word.",
    limits="It always answers, also where the text says nothing of it: look at the probability. It has seen 7,000 "
    "questions, a tenth of what is usual, and knows no word beyond them; what stands past the words that it reads it "
    "doesn't find.",
    arms={},
    concat=False,
    baselines={"sentence with most words of the question": best_sentence, "last name or number in it": last_name},
    adjust=adjust,
    builder_options={
        "text": Option(str, None, "How texts are read: by their words, or glove, minilm, another encoder."),
        "finetune": Option(str, "frozen", "Of pretrained encoders.", ("frozen", "lora", "full")),
    },
    shown_figures=("token_f1", "exact_match"),
)
