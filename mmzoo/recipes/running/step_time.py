"""A training step with and without XLA, and why it doesn't compile where it doesn't."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

WITHOUT, WITH = "without_xla", "with_xla"
WARM_UP, STEPS = 2, 8


def step_times(model, arrays, *, batch_size: int = 64, steps: int = STEPS) -> dict[str, Any]:
    """Times a few training steps of copies of a model.

    Args:
        model: the model, left as it is.
        arrays: (inputs, targets) of at least one sample.
        batch_size: samples a step; repeated where there are fewer.
        steps: that count, after `WARM_UP`.

    Returns:
        "without_xla" and "with_xla": milliseconds of a step, the median, or in words why it can't be compiled;
        "batch_size".
    """
    from mmzoo.training.batches import Batches

    inputs, targets = arrays
    rows = np.arange(batch_size) % len(next(iter(inputs.values())))
    batch = {n: np.asarray(a)[rows] for n, a in inputs.items()}, {n: np.asarray(a)[rows] for n, a in targets.items()}
    (ready,) = Batches([batch], model.schema, "step", steps=1).peek(1)
    times: dict[str, Any] = {"batch_size": batch_size}
    for name, jit in ((WITHOUT, False), (WITH, True)):
        try:
            times[name] = round(_median(model, ready, jit, steps), 2)
        except Exception as error:  # Whatever the compiler stumbles over, the figure without it is still of interest.
            times[name] = f"doesn't compile: {type(error).__name__}: {error}"[:200]
    return times


def _median(model, batch, jit, steps):
    from mmzoo.training.fitting import copy_of
    from mmzoo.training.objectives import losses_for
    from mmzoo.training.optimizer import adamw

    copy = copy_of(model)
    copy.compile(adamw(copy, 1e-3, weight_decay=0.02), loss=losses_for(copy, None), jit_compile=jit)
    inputs, targets, *weights = batch
    weight = weights[0] if weights else None
    took = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        copy.train_on_batch(inputs, targets, sample_weight=weight)
        took.append(1e3 * (time.perf_counter() - start))
    return statistics.median(took[WARM_UP:])


def in_words(times: Mapping[str, Any]) -> str:
    """One line for the card."""
    said = {
        name: f"{value:.1f} ms" if isinstance(value, int | float) else str(value)
        for name, value in times.items()
        if name != "batch_size"
    }
    return f"{said[WITHOUT]} without XLA, {said[WITH]} with it, {times['batch_size']} samples a step"
