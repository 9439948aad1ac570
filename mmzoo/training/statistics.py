"""BatchNorm's moving statistics in short trainings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import keras

# They are of about this share of a training's steps, and of no fewer steps than two.
_SHARE, _LEAST = 0.1, 0.5


@contextlib.contextmanager
def statistics_of_the_end(model, steps: int) -> Iterator[None]:
    """Has BatchNorm's moving statistics forget where they began before a short training ends.

    At Keras' momentum of 0.99 a variance that was 1 at first is still 0.24 of that after 144 steps. Where a network's
    own variances are some hundredths, as in a residual CNN, inference then sees nothing of a picture: a model that was
    right on all samples in training mode was right on 29 % of them at inference, as often as by chance. From 1,000
    steps on nothing is changed.

    Args:
        model: what is trained; its layers have their own momentum again afterwards.
        steps: of the whole training.
    """
    momentum = max(_LEAST, 1.0 - 1.0 / max(1.0, _SHARE * steps))
    layers = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    own = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = min(layer.momentum, momentum)
        yield
    finally:
        for layer, before in zip(layers, own, strict=True):
            layer.momentum = before
