"""The task of a `Transcript`: a text read off step by step."""

from __future__ import annotations

import numpy as np

from mmzoo.tasks.calibration import wilson_interval
from mmzoo.tasks.figure import Figure
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, gives_logits, with_targets


class TranscriptTask(Task):
    """CTC; how many characters and words are wrong, and how many texts are right as a whole.

    Of predictions the most likely place of each step is kept, int16 (N, steps).
    """

    figures = (
        Figure("character_error_rate", lower_is_better=True, in_summaries=True),
        Figure("word_error_rate", lower_is_better=True, in_summaries=True),
        Figure("text_accuracy", in_summaries=True),
        Figure("text_accuracy_caseless"),
    )

    def activation(self, output, name, classifier_activation):
        return classifier_activation or "linear"

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        from mmzoo.tasks.losses import CTC

        return CTC(from_logits=gives_logits(model, name))

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Numbers of letters, int32 (N, steps); of a row without a target zeros, an empty text."""
        targets = np.asarray(targets)
        if targets.dtype.kind not in "iu" or targets.shape[1:] != (output.steps,):
            raise ValueError(
                f"{place}: expected numbers of letters (N, {output.steps}), got {targets.dtype} {targets.shape}"
            )
        targets = np.where(output.has_target(targets)[:, None], targets, 0).astype(np.int32)
        letters = len(output.alphabet)
        if targets.min(initial=0) < 0 or targets.max(initial=0) > letters:
            raise ValueError(f"{place}: a letter is not in 0..{letters}")
        needed = (targets > 0).sum(1) + ((targets[:, 1:] == targets[:, :-1]) & (targets[:, 1:] > 0)).sum(1)
        if needed.max(initial=0) > output.steps:
            row = int(needed.argmax())
            raise ValueError(
                f"{place}: sample {row}: {output.text_of(targets[row])!r} needs {needed[row]} steps, there are "
                f"{output.steps}"
            )
        return targets

    # Measuring -------------------------------------------------------------------------------------------------------

    def reduce(self, output, predicted):
        return predicted.argmax(axis=-1).astype(np.int16)

    def measure(self, output, targets, predicted):
        """Error rates are edit distances over all texts, divided by the characters or words of the true ones, so that
        they can be more than 1; text_accuracy is the share of the texts that are right in every character."""
        truth, guess = _texts(output, targets, predicted)
        return {
            **_error_rates(truth, guess),
            "text_accuracy": float(np.mean([t == g for t, g in zip(truth, guess, strict=True)])),
            "text_accuracy_caseless": float(
                np.mean([t.casefold() == g.casefold() for t, g in zip(truth, guess, strict=True)])
            ),
        }

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        texts, counts = np.unique([output.text_of(row) for row in known], return_counts=True)
        most = str(texts[counts.argmax()])
        truth = [output.text_of(row) for row in targets]
        rate = _error_rates(truth, [most] * len(truth))["character_error_rate"]
        return f"always saying {most!r}: {100 * rate:.1f} %"

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        truth, guess = _texts(output, evaluation.targets[name], evaluation.predictions[name])
        wrong = [i for i in range(len(truth)) if truth[i] != guess[i]]
        low, high = wilson_interval(len(truth) - len(wrong), len(truth))
        errors = {i: _error_rates([truth[i]], [guess[i]])["character_error_rate"] for i in wrong}
        worst = sorted(wrong, key=lambda i: (-errors[i], i))[:MOST_MISTAKES]
        return {
            "interval": f"{100 * low:.2f} to {100 * high:.2f} % of the texts right as a whole (95 % interval), as if "
            "samples were independent",
            "errors": f"{len(wrong):,} wrong of {len(truth):,}",
            "mistakes_title": "The worst mistakes",
            "mistakes_about": "Those with the most wrong characters for their length first.",
            "mistakes": [
                {**evaluation.sample(samples[i]), "truth": repr(truth[i]), "said": [repr(guess[i])]} for i in worst
            ],
        }

    def tables(self, output, targets, predicted):
        """The pairs of characters that were mixed up, the most frequent first."""
        import collections

        import jiwer
        import pandas as pd

        truth, guess = _texts(output, targets, predicted)
        pairs: collections.Counter[tuple[str, str]] = collections.Counter()
        measured = jiwer.process_characters(truth, guess)
        for place, chunks in enumerate(measured.alignments):
            for chunk in chunks:
                wanted = truth[place][chunk.ref_start_idx : chunk.ref_end_idx]
                found = guess[place][chunk.hyp_start_idx : chunk.hyp_end_idx]
                if chunk.type == "substitute":
                    pairs.update(zip(wanted, found, strict=True))
                elif chunk.type == "delete":
                    pairs.update((letter, "") for letter in wanted)
                elif chunk.type == "insert":
                    pairs.update(("", letter) for letter in found)
        rows = [(*pair, count) for pair, count in pairs.most_common()]
        return {"mixed_up": pd.DataFrame(rows, columns=["character", "read as", "times"])}

    def prediction_cells(self, output, target, row):
        return output.text_of(target), output.read(row), ""

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        same = (self.reduce(output, wanted) == self.reduce(output, values)).all(axis=1)
        error = np.abs(values.sum(-1) - 1).max() if np.allclose(wanted.sum(-1), 1, atol=1e-3) else 0.0
        return {"argmax_agreement": float(same.mean()), "sum_error": float(error)}

    def golden_expected(self, output, expected):
        return self.reduce(output, expected)


def _texts(output, targets, predicted):
    """(true texts, texts read) of the samples with a target."""
    targets, predicted = with_targets(output, targets, predicted)
    return [output.text_of(row) for row in targets], [output.read(row) for row in predicted]


def _error_rates(truth: list[str], guess: list[str]) -> dict[str, float]:
    import jiwer

    return {
        "character_error_rate": float(jiwer.cer(truth, guess)),
        "word_error_rate": float(jiwer.wer(truth, guess)),
    }
