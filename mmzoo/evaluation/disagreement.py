"""Inputs that disagree: which of them does a model follow, where one shows another class than the rest?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.evaluation.arrays import predict_arrays
from mmzoo.schema import Label
from mmzoo.tasks.label import FOLLOWS_NEITHER, FOLLOWS_OTHERS, FOLLOWS_SWAPPED, class_ids


def disagreement(
    model,
    inputs: Mapping[str, np.ndarray],
    targets: Mapping[str, np.ndarray],
    swapped: str,
    *,
    seed: int = 0,
    batch_size: int = 512,
) -> dict[str, dict[str, float]]:
    """Puts one input of a row of another class beside the other inputs, and counts what the model says then.

    Args:
        model: a model with a schema.
        inputs: input name -> array (N, ...).
        targets: output name -> array (N, ...).
        swapped: the input that is taken from another row. Rows that lack it, or have nothing else, take no part.
        seed: draws the other rows.
        batch_size: samples a prediction step.

    Returns:
        `Label` output -> figures, shares of the rows: follows_swapped (the class of the row that the input came from),
        follows_others (the class of the other inputs), follows_neither; and samples, how many rows took part.

    Raises:
        ValueError: no such input, no other one, no output that is a `Label`, or no two rows of different classes that
            have it.
    """
    schema = model.schema
    others = [name for name in schema.given if name != swapped]
    if swapped not in schema.given or not others:
        raise ValueError(
            f"disagree: expected an input beside another one, got {swapped!r}; there are {[*schema.given]}"
        )
    labels = {name: kind for name, kind in schema.predicted.items() if isinstance(kind, Label)}
    if not labels:
        raise ValueError(f"disagree: needs an output that is a Label; the model has {list(schema.predicted)}")
    given = {name: schema.inputs[name].present(np.asarray(inputs[name])) for name in (swapped, *others)}
    usable = given[swapped] & np.any([given[name] for name in others], axis=0)
    found = {}
    for output, kind in labels.items():
        rows = np.flatnonzero(usable & kind.has_target(np.asarray(targets[output])))
        classes = class_ids(np.asarray(targets[output])[rows], kind) if len(rows) else np.zeros(0, int)
        if len(np.unique(classes)) < 2:
            raise ValueError(
                f"disagree: output {output!r}: no two samples of different classes have {swapped!r} and another input"
            )
        partners = _of_another_class(classes, np.random.default_rng(seed))
        arrays = {name: np.asarray(array)[rows] for name, array in inputs.items()}
        arrays[swapped] = arrays[swapped][partners]
        said = predict_arrays(model, arrays, batch_size)[output].argmax(axis=1)
        to_swapped, to_others = (said == classes[partners]).mean(), (said == classes).mean()
        found[output] = {
            FOLLOWS_SWAPPED.name: float(to_swapped),
            FOLLOWS_OTHERS.name: float(to_others),
            FOLLOWS_NEITHER.name: float(1 - to_swapped - to_others),
            "samples": len(rows),
        }
    return found


def _of_another_class(classes, rng) -> np.ndarray:
    """For each row another one, drawn from all rows of other classes."""
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], classes, side="left")
    counts = np.searchsorted(classes[order], classes, side="right") - starts
    # The rows of a class lie together: what is drawn skips them.
    drawn = rng.integers(0, len(classes) - counts)
    return order[np.where(drawn < starts, drawn, drawn + counts)]
