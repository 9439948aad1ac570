"""Mixed precision for a model that is built already, for as long as it trains."""

from __future__ import annotations

import contextlib

import keras

from mmzoo.layers import SensorEncoder
from mmzoo.training.accelerators import accelerator

POLICIES = ("mixed_bfloat16", "mixed_float16")


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
    ends = [tensor._keras_history.operation for tensor in model.output.values()]
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
