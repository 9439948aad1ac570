"""The task of a `Span`: a part of an input text, such as the answer to a question."""

from __future__ import annotations

import collections
import functools
import json
import re
import string

import numpy as np

from mmzoo.encoding.unicode_tables import IDEOGRAPH, character_class
from mmzoo.schema.outputs.span import NO_STEP
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, with_targets

# What CMRC's own script leaves out beside ASCII's punctuation.
_CHINESE_PUNCTUATION = "，。：？！“”；’‘《》…·、「」（）－～『』【】〈〉"
_PUNCTUATION = str.maketrans("", "", string.punctuation + _CHINESE_PUNCTUATION)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


class SpanTask(Task):
    """Cross-entropy of the first and the last step; how many words of the answer are right, scored by its text.

    Texts are compared as the script of SQuAD does it (Rajpurkar et al., EMNLP 2016): in lower case, without punctuation
    and the articles a, an, the; then word by word, Chinese character by character, against that of the right answers
    that is the nearest. An answer beyond what the model reads teaches nothing and counts as it comes.

    Of predictions the first and the last step are kept, int16 (N, 2); -1 where nothing is said.
    """

    no_head = "it is made of the steps of its text"
    figures = (
        Figure("token_f1", in_summaries=True),
        Figure("exact_match"),
    )

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        from mmzoo.tasks.losses import SpanCrossEntropy

        return SpanCrossEntropy()

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """First and last step, int32 (N, 2); -1 where there is nothing to learn from."""
        targets = np.asarray(targets)
        if targets.ndim != 1 or targets.dtype.kind not in "OUS":
            raise ValueError(f"{place}: expected texts (N,) of Span.target, got {targets.dtype} {targets.shape}")
        steps = [_read(target)["steps"] if len(target) else (NO_STEP, NO_STEP) for target in targets]
        steps = np.array(steps, np.int32).reshape(-1, 2)
        if steps.max(initial=0) >= output.shape[0]:
            row = int(steps.max(axis=1).argmax())
            raise ValueError(
                f"{place}: sample {row}: the answer ends at step {steps[row].max()}, {output.of!r} has "
                f"{output.shape[0]}; make the targets with the Span of this schema"
            )
        return steps

    # Measuring -------------------------------------------------------------------------------------------------------

    def reduce(self, output, predicted):
        """Rows of (first step, last step) stay as they are, for baselines that say these."""
        predicted = np.asarray(predicted)
        if predicted.ndim == 2:
            return predicted.astype(np.int16)
        best = [output.best(row) for row in predicted]
        return np.array([one[0][:2] if one else (NO_STEP, NO_STEP) for one in best], np.int16).reshape(-1, 2)

    def measure(self, output, targets, predicted):
        truth, said = _texts(output, targets, predicted)
        pairs = list(zip(truth, said, strict=True))
        return {
            "token_f1": float(np.mean([max(overlap(answer, text) for answer in answers) for answers, text in pairs])),
            "exact_match": float(
                np.mean([max(words(answer) == words(text) for answer in answers) for answers, text in pairs])
            ),
        }

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        truth, said = _texts(output, evaluation.targets[name], evaluation.predictions[name])
        scores = np.array([max(overlap(a, text) for a in answers) for answers, text in zip(truth, said, strict=True)])
        beyond = sum(NO_STEP in _read(target)["steps"] for target in evaluation.targets[name][samples])
        wrong = np.flatnonzero(scores < 1)
        # Evenly spread, since thousands share no word with the answer.
        shown = wrong[np.linspace(0, len(wrong) - 1, min(len(wrong), MOST_MISTAKES)).astype(int)] if len(wrong) else []
        return {
            "figures": [
                ("not wholly right", f"{len(wrong):,} of {len(truth):,}"),
                ("answers beyond what is read", f"{beyond:,}"),
            ],
            "mistakes_title": "Some of the mistakes",
            "mistakes_about": "Evenly spread over all that are not wholly right.",
            "mistakes": [
                {**evaluation.sample(samples[i]), "truth": " | ".join(truth[i]), "said": [said[i] or "nothing"]}
                for i in shown
            ],
        }

    def prediction_cells(self, output, target, row):
        target = str(target) if not isinstance(target, bytes) else target
        if not len(target):
            return "", "", ""
        (answers,), (said,) = _texts(output, np.array([target], object), np.asarray(row)[None])
        return answers[0], said, f"{max(overlap(answer, said) for answer in answers):.3f}"

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        same = (self.reduce(output, wanted) == self.reduce(output, values)).all(axis=1)
        # Zeros of a missing text sum to 0.
        error = np.abs(values.sum(axis=1) - wanted.sum(axis=1)).max()
        return {"argmax_agreement": float(same.mean()), "sum_error": float(error)}

    def same(self, output, found, expected):
        return bool((self.reduce(output, found[None]) == self.reduce(output, expected[None])).all())


def words(text: str) -> list[str]:
    """The words of an answer as they are compared, see `SpanTask`; of Chinese its characters."""
    bare = _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION))
    return _ideographs().sub(r" \g<0> ", bare).split()


def overlap(answer: str, said: str) -> float:
    """F1 of the words that two texts have in common: the harmonic mean of their shares of either; 1 where both have
    none.
    """
    right, found = words(answer), words(said)
    if not right or not found:
        return float(right == found)
    common = sum((collections.Counter(right) & collections.Counter(found)).values())
    return 2 * common / (len(right) + len(found))


@functools.cache
def _ideographs():
    return re.compile(f"[{character_class(IDEOGRAPH)}]")


def _read(target):
    return json.loads(target)


def _texts(output, targets, predicted):
    """(all right answers, the text that was said) of the samples with a target."""
    targets, predicted = with_targets(output, targets, predicted)
    read = [_read(target) for target in targets]
    cut = [output.cut(one["text"], *map(int, steps)) for one, steps in zip(read, predicted, strict=True)]
    return [one["answers"] for one in read], cut
