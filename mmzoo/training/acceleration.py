"""What the hardware offers: XLA, by rule on a GPU or TPU and by measurement on a CPU, and mixed precision."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable

import keras
import numpy as np

from mmzoo.layers import SensorEncoder

POLICIES = ("mixed_bfloat16", "mixed_float16")
# Compiling takes from seconds to a minute, and on a CPU XLA saves a sixth of the time at best: a training shorter than
# this doesn't get back what the measurement costs.
MIN_STEPS = 200
MIN_SECONDS = 300.0
MEASURED_STEPS = 5
# XLA's lead must be clear of the noise of a busy machine.
MIN_GAIN = 1.05


def accelerator() -> tuple[str, tuple[int, int]]:
    """The device that the Keras backend computes on.

    Returns:
        ("cpu", "gpu" or "tpu"; CUDA compute capability of the first GPU, (0, 0) where there is none or it can't tell).
    """
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        if tf.config.list_logical_devices("TPU"):
            return "tpu", (0, 0)
        gpus = tf.config.list_physical_devices("GPU")
        if not gpus:
            return "cpu", (0, 0)
        return "gpu", tuple(tf.config.experimental.get_device_details(gpus[0]).get("compute_capability", (0, 0)))
    if backend == "jax":
        import jax

        device = jax.devices()[0]
        capability = str(getattr(device, "compute_capability", "0.0")).split(".")
        return device.platform, tuple(int(part) for part in capability[:2]) if device.platform == "gpu" else (0, 0)
    if backend == "torch":
        import torch

        return ("gpu", torch.cuda.get_device_capability()) if torch.cuda.is_available() else ("cpu", (0, 0))
    return "cpu", (0, 0)


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


def choose_precision(mixed_precision: str | None) -> str | None:
    """The policy to train with.

    Args:
        mixed_precision: "auto", "mixed_bfloat16", "mixed_float16", or None for float32. "auto": bfloat16 on a TPU and
            on GPUs that compute in it (compute capability 8), float16 on older ones with tensor cores (7), none
            elsewhere.

    Returns:
        One of `POLICIES`, or None.

    Raises:
        ValueError: anything else.
    """
    if mixed_precision == "auto":
        kind, capability = accelerator()
        if kind == "tpu" or capability >= (8, 0):
            return "mixed_bfloat16"
        return "mixed_float16" if capability >= (7, 0) else None
    if mixed_precision is not None and mixed_precision not in POLICIES:
        raise ValueError(f"mixed_precision: expected 'auto', None or one of {POLICIES}, got {mixed_precision!r}")
    return mixed_precision


@contextlib.contextmanager
def computing_in(model, policy: str | None):
    """Makes the float32 layers of a model compute under another policy while inside.

    The weights are float32 before, within and after. Sensors and outputs stay float32: a latitude of 48.137 would lose
    half its meaning, a probability its digits.

    Args:
        model: the model.
        policy: one of `POLICIES`; None changes nothing.
    """
    if policy is None:
        yield
        return
    # Of a learner those of the model that it trains.
    ends = [tensor._keras_history.operation for tensor in getattr(model, "core", model).output.values()]
    layers = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if not isinstance(layer, SensorEncoder | keras.Model)
        and layer.dtype_policy.name == "float32"
        and not any(layer is end for end in ends)
    ]
    kept = [layer.dtype_policy for layer in layers]
    try:
        for layer in layers:
            layer.dtype_policy = keras.dtype_policies.DTypePolicy(policy)
        yield
    finally:
        for layer, old in zip(layers, kept, strict=True):
            layer.dtype_policy = old
        # What was traced inside would go on in the other precision.
        model.train_function = model.test_function = model.predict_function = None
