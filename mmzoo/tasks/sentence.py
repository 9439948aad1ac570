"""The task of a `Sentence`: a text that the model writes."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import numpy as np

from mmzoo.tasks.cider import cider
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, gives_logits, with_targets

# sacrebleu's way to cut a language into words; of others its usual one, 13a.
_WORDS_OF = {"zh": "zh", "ja": "char", "ko": "char"}
_USUAL = "13a"
# A run of so many words that comes again in a sentence of a model that goes round in circles.
_CIRCLE = 3
# Sentences that the worst ones of a report are looked for among.
_MOST_JUDGED = 1_000
# Of a head behind a fusion: units at most, and how many words are hidden while training.
_WIDEST, _HIDDEN_WORDS = 256, 0.1


class SentenceTask(Task):
    """Cross-entropy of each step, padding and unknown words left out; BLEU and chrF, and CIDEr with several references.

    Of predictions the most likely pieces are kept, int32 (N, T).

    BLEU (Papineni et al., ACL 2002) and chrF2 (Popović, WMT 2015) are sacrebleu's, of the whole corpus, as shares of 1:
    four n-grams, its exponential smoothing, its words "13a", "zh" for Chinese, characters for Japanese and Korean; all
    references count. Case counts unless the output is lower-cased, then references are too. References are what their
    word pieces say, so that a word which the vocabulary lacks is one that no model can write.
    """

    figures = (
        Figure("bleu", in_summaries=True),
        Figure("chrf", in_summaries=True),
        Figure("cider", is_share=False),
        Figure("cut_short", lower_is_better=True),
        Figure("circling", lower_is_better=True),
    )
    spreads_probability = True

    def activation(self, output, name, classifier_activation):
        return classifier_activation or "linear"

    # Training --------------------------------------------------------------------------------------------------------

    def head(self, output, features, name, *, dropout=0.0, begun=None):
        """Writes from the fused vector alone; models of the zoo look at the places of their inputs instead, see
        `mmzoo.models.parts.writing`."""
        from keras import ops

        from mmzoo.layers import SentenceDecoder

        if begun is None:
            raise ValueError(
                f"{name}: a Sentence is written from its beginning; give fuse(..., begun={{output: tensor}})"
            )
        width = int(features.shape[-1])
        memory = ops.expand_dims(features, 1)
        counts = ops.ones_like(memory[:, :, 0], dtype="bool")
        embedding, units = min(width, _WIDEST // 2), min(2 * width, _WIDEST)
        decoder = SentenceDecoder(len(output.vocabulary), embedding, units, width, dropout, _HIDDEN_WORDS, name=name)
        return decoder([begun, memory, counts, features])

    def loss(self, model, name, output):
        from mmzoo.tasks.losses import StepCrossEntropy

        return StepCrossEntropy(from_logits=gives_logits(model, name))

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Of several references the first, cut to the model's steps: int32 (N, T)."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iu" or targets.ndim not in (2, 3) or targets.shape[-1] < output.length:
            raise ValueError(
                f"{place}: expected places in the vocabulary (N, {output.length}), or (N, references, "
                f"{output.length} or more), got {targets.dtype} {targets.shape}"
            )
        targets = (targets if targets.ndim == 2 else targets[:, 0])[:, : output.length]
        most = len(output.vocabulary) - 1
        if targets.min(initial=0) < 0 or targets.max(initial=0) > most:
            raise ValueError(f"{place}: a place in the vocabulary is not in 0..{most}")
        return targets.astype(np.int32)

    # Measuring -------------------------------------------------------------------------------------------------------

    def reduce(self, output, predicted):
        """The most likely pieces; what is no probability but places already, as of a baseline, stays."""
        predicted = np.asarray(predicted)
        return (predicted if predicted.dtype.kind in "iu" else output.choices(predicted)).astype(np.int32)

    def measure(self, output, targets, predicted):
        """cut_short: the share of sentences without an end; circling: of those in which three words in a row come
        again."""
        targets, predicted = with_targets(output, targets, predicted)
        texts, references = [output.text_of(row) for row in predicted], references_of(output, targets)
        found = scores(texts, references, output.language)
        if max(map(len, references)) > 1:
            found["cider"] = cider(_words(texts, output), [_words(own, output) for own in references])
        return found | {
            "cut_short": float(np.mean([output.is_cut(row) for row in predicted])),
            "circling": float(np.mean([_circles(words) for words in _words(texts, output)])),
        }

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        said = collections.Counter(own[0] for own in references_of(output, known)).most_common(1)[0][0]
        bleu = scores([said] * len(targets), references_of(output, targets), output.language)["bleu"]
        return f"always saying {said!r}: {100 * bleu:.1f} %"

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))[:_MOST_JUDGED]
        targets, written = evaluation.targets[name][samples], evaluation.predictions[name][samples]
        texts, references = [output.text_of(row) for row in written], references_of(output, targets)
        each = np.array([_chrf([text], [own]) for text, own in zip(texts, references, strict=True)])
        worst = np.argsort(each, kind="stable")[:MOST_MISTAKES]
        case = "in lower case" if output.lowercase else "case counts"
        most = max(map(len, references))
        return {
            "about": f"BLEU and chrF of the whole corpus by sacrebleu, words as {words_of_language(output.language)!r} "
            f"has them, {case}, {most} reference{'s' if most > 1 else ''} at most a sentence",
            "mistakes_title": "The worst sentences",
            "mistakes_about": "Those least like their references by chrF.",
            "mistakes": [
                {
                    **evaluation.sample(samples[i]),
                    "truth": " | ".join(references[i]),
                    "said": [texts[i] + (" (cut)" if output.is_cut(written[i]) else "")],
                }
                for i in worst
            ],
        }

    def prediction_cells(self, output, target, row):
        truth = references_of(output, np.asarray(target)[None])[0]
        return " | ".join(truth), output.text_of(row), ""

    # Proving ---------------------------------------------------------------------------------------------------------

    def compared(self, output, wanted, values):
        """All steps up to the first at which both choose otherwise: from there each goes on from its own word."""
        differ = output.choices(wanted) != output.choices(values)
        later = np.cumsum(differ, axis=1) - differ > 0
        return wanted, np.where(later[..., None], wanted, values)

    def parity(self, output, wanted, values):
        """argmax_agreement is the share of equal sentences."""
        pairs = zip(self.reduce(output, wanted), self.reduce(output, values), strict=True)
        same = [np.array_equal(_to_the_end(output, a), _to_the_end(output, b)) for a, b in pairs]
        error = np.abs(values.sum(-1) - 1).max() if np.allclose(wanted.sum(-1), 1, atol=1e-3) else 0.0
        return {"argmax_agreement": float(np.mean(same)), "sum_error": float(error)}

    def golden_expected(self, output, expected):
        return self.reduce(output, expected)


def references_of(output, targets: np.ndarray) -> list[list[str]]:
    """The texts of targets, (N, T) or (N, R, T): those of each sample."""
    targets = np.asarray(targets)
    rows = targets[:, None] if targets.ndim == 2 else targets
    return [[output.text_of(one) for one in row if one.any()] for row in rows]


def words_of_language(language: str) -> str:
    """What sacrebleu calls its way to cut a language into words."""
    return _WORDS_OF.get(language.split("-")[0].lower(), _USUAL)


def scores(texts: Sequence[str], references: Sequence[Sequence[str]], language: str = "") -> dict[str, float]:
    """BLEU and chrF2 of a corpus, 0..1, as `SentenceTask` says.

    Args:
        texts: what was written.
        references: of each at least one.
        language: of both.
    """
    import sacrebleu

    bleu = sacrebleu.corpus_bleu(list(texts), _streams(references), tokenize=words_of_language(language), force=True)
    return {"bleu": min(1.0, bleu.score / 100), "chrf": _chrf(texts, references)}


def _chrf(texts, references):
    import sacrebleu

    return sacrebleu.corpus_chrf(list(texts), _streams(references)).score / 100


def _streams(references):
    """The first references of all, the second ones, ...: None where there are fewer."""
    most = max(map(len, references))
    return [[own[i] if i < len(own) else None for own in references] for i in range(most)]


def _words(texts, output):
    from sacrebleu.metrics import BLEU

    cut = BLEU(tokenize=words_of_language(output.language), force=True).tokenizer
    return [cut(text).split() for text in texts]


def _circles(words):
    runs = [tuple(words[i : i + _CIRCLE]) for i in range(len(words) - _CIRCLE + 1)]
    return len(set(runs)) < len(runs)


def _to_the_end(output, ids):
    ends = np.flatnonzero(ids == output.end)
    return ids[: ends[0]] if len(ends) else ids
