"""The task of a `Picture`: a picture that a model makes."""

from __future__ import annotations

import numpy as np

from mmzoo.tasks.figure import Figure
from mmzoo.tasks.judges import JUDGES
from mmzoo.tasks.label import MOST_MISTAKES
from mmzoo.tasks.task import Task, with_targets

PIXEL_ERROR = Figure("pixel_error", is_share=False, lower_is_better=True)


class PictureTask(Task):
    """Squared error of the pixels; whether a judge sees in the picture what it sees in the one that was asked for.

    The error of the pixels, on a scale of 0..1, says little of how good a picture is: that of the mean of all pictures
    is lower than a good one's. Look at the judge's figure, and at pictures.

    What a model learns to give in one step is the picture, from a mixture of the picture and noise; see
    `mmzoo.data.noising.Noising`. Of predictions the pixels are kept, uint8.
    """

    no_head = "it is made of noise, step by step"
    figures = (PIXEL_ERROR, Figure("judged_right", in_summaries=True))

    # Training --------------------------------------------------------------------------------------------------------

    def loss(self, model, name, output):
        from mmzoo.tasks.losses import PixelError

        return PixelError()

    def fit_metrics(self, model, name, output):
        return []

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        """Pixels uint8 (N, H, W, C) to float32 0..1."""
        targets = np.asarray(targets)
        if targets.dtype != np.uint8 or targets.shape[1:] != output.shape:
            shape = ", ".join(map(str, output.shape))
            raise ValueError(f"{place}: expected pictures uint8 (N, {shape}), got {targets.dtype} {targets.shape}")
        return targets.astype(np.float32) / 255.0

    # Measuring -------------------------------------------------------------------------------------------------------

    def reduce(self, output, predicted):
        """Pixels stay as they are, for baselines that say these."""
        return predicted if np.asarray(predicted).dtype == np.uint8 else output.pixels(predicted)

    def measure(self, output, targets, predicted):
        targets, predicted = with_targets(output, targets, predicted)
        found = {}
        if output.judge:
            seen = JUDGES[output.judge](predicted)
            wanted = JUDGES[output.judge](targets)
            found["judged_right"] = float(np.mean([a == b for a, b in zip(seen, wanted, strict=True)]))
        errors = [_error(a, b) for a, b in zip(targets, predicted, strict=True)]
        return found | {"pixel_error": float(np.mean(errors))}

    def trivial(self, output, known, targets):
        (known,), (targets,) = with_targets(output, known), with_targets(output, targets)
        mean = np.round(known.mean(axis=0)).astype(np.uint8)
        return f"always the mean picture: {np.mean([_error(target, mean) for target in targets]):.4f}"

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output, name, evaluation):
        samples = np.flatnonzero(output.has_target(evaluation.targets[name]))
        said = evaluation.predictions[name][samples]
        shown = np.linspace(0, len(samples) - 1, min(len(samples), MOST_MISTAKES)).astype(int)
        seen = JUDGES[output.judge](said[shown]) if output.judge else [""] * len(shown)
        return {
            "mistakes_title": "Pictures that nobody picked",
            "mistakes_about": "Evenly spread over all samples; the judge's words below, where there is one.",
            "mistakes": [
                {**evaluation.sample(samples[i]), "picture": _png_uri(output, said[i]), "truth": "", "said": [words]}
                for i, words in zip(shown, seen, strict=True)
            ],
        }

    def prediction_cells(self, output, target, row):
        judge = JUDGES.get(output.judge)
        truth = judge(np.asarray(target)[None])[0] if judge and np.any(target) else ""
        return truth, judge(np.asarray(row)[None])[0] if judge else "", f"{_error(target, row):.4f}"

    # Proving ---------------------------------------------------------------------------------------------------------

    def parity(self, output, wanted, values):
        """The mean difference of all pixels: where an edge lies one pixel further, the largest says nothing."""
        return {"pixel_difference": float(np.abs(values.astype(np.float64) - wanted).mean())}

    def same(self, output, found, expected):
        return bool(np.abs(np.asarray(found, np.float64) - expected).mean() < 0.01)


def _error(picture, other):
    difference = picture.astype(np.float32) - other.astype(np.float32)
    return float(np.square(difference).mean()) / 255.0**2


def _png_uri(output, pixels):
    import base64
    import io

    file = io.BytesIO()
    output.decode(pixels / 255.0).save(file, "PNG")
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
