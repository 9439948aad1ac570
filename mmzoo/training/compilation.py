"""XLA or not: by rule on a GPU or TPU, by measurement on a CPU."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import keras
import numpy as np

from mmzoo.training.accelerators import accelerator

# Compiling takes from seconds to a minute, and on a CPU XLA saves a sixth of the time at best: a training shorter than
# this doesn't get back what the measurement costs.
MIN_STEPS = 200
MIN_SECONDS = 300.0
MEASURED_STEPS = 5
# XLA's lead must be clear of the noise of a busy machine.
MIN_GAIN = 1.05


def choose_jit(
    jit_compile: bool | str, *, compiled_copy: Callable, batches, steps: int, seed: int | None
) -> tuple[bool, str]:
    """Whether to compile the training step with XLA.

    Args:
        jit_compile: True, False or "auto".
        compiled_copy: function `(jit_compile) -> model`, a compiled copy of the model to train and throw away.
        batches: `Batches` of the training data.
        steps: steps of the whole training.
        seed: the seed of the run, or None.

    Returns:
        (whether, a sentence that says why).

    Raises:
        ValueError: `jit_compile` is none of the three.
    """
    if jit_compile in (True, False):
        return jit_compile, f"XLA {_on(jit_compile)}, as asked for"
    if jit_compile != "auto":
        raise ValueError(f"jit_compile: expected True, False or 'auto', got {jit_compile!r}")
    backend, (kind, _) = keras.backend.backend(), accelerator()
    if backend != "tensorflow":
        return backend == "jax", f"XLA {_on(backend == 'jax')}: the rule for the {backend} backend"
    if kind != "cpu":
        return True, f"XLA on: the rule for a {kind.upper()}"
    if seed is not None:
        return False, "XLA off: a run with a seed on a CPU can't be left to the clock"
    if steps < MIN_STEPS:
        return False, f"XLA off: {steps} steps are too few to measure it"
    examples = list(batches.peek(2))
    plain = _seconds_a_step(compiled_copy(False), examples)
    if plain * steps < MIN_SECONDS:
        return False, f"XLA off: too short a training to measure it ({1000 * plain:.1f} ms a step without)"
    compiled = _seconds_a_step(compiled_copy(True), examples, limit=2 * plain)
    faster = compiled * MIN_GAIN < plain
    return faster, f"XLA {_on(faster)}: measured {1000 * compiled:.1f} ms a step with, {1000 * plain:.1f} ms without"


def _on(jit):
    return "on" if jit else "off"


def _seconds_a_step(model, examples, limit=None):
    """Median time of a step after the first, which compiles; stops after two steps that take longer than `limit`."""
    times = []
    for batch in itertools.islice(itertools.cycle(examples[:1]), MEASURED_STEPS + 1):
        start = time.perf_counter()
        model.train_on_batch(*batch)
        times.append(time.perf_counter() - start)
        if limit and len(times) > 2 and min(times[1:]) > limit:
            break
    return float(np.median(times[1:]))
