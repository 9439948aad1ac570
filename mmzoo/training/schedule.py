"""The learning rate: a linear warm-up and a cosine decay to zero."""

from __future__ import annotations

import keras


def warm_up_and_cosine(learning_rate: float, *, steps: int, warmup_steps: int):
    """A rate that rises linearly, then falls to 0 along a half cosine (Loshchilov & Hutter, SGDR, 2017).

    Args:
        learning_rate: the highest rate.
        steps: steps of the whole training.
        warmup_steps: steps of the rise.
    """
    if not warmup_steps:
        return keras.optimizers.schedules.CosineDecay(float(learning_rate), steps)
    # Not from 0, or the first step would do nothing; floats, since integers break on TensorFlow.
    return keras.optimizers.schedules.CosineDecay(
        float(learning_rate) / warmup_steps,
        max(steps - warmup_steps, 1),
        alpha=0.0,
        warmup_target=float(learning_rate),
        warmup_steps=warmup_steps,
    )


def current_learning_rate(optimizer) -> float:
    """The rate of the next step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(inner.learning_rate))
