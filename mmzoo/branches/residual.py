"""Residual blocks of separable convolutions, for pictures and spectrograms."""

from __future__ import annotations

from keras import layers


def residual_block(x, filters: int, stride: int, name: str):
    """Two depthwise-separable convolutions beside a shortcut (Chollet, "Xception", 2017).

    Args:
        x: (B, H, W, C).
        filters: channels of the output.
        stride: of the first convolution, in both directions.
        name: prefix of the layers' names.

    Returns:
        (B, ceil(H / stride), ceil(W / stride), filters).
    """
    shortcut = x
    x = _separable(x, filters, stride, f"{name}_a")
    x = layers.ReLU(name=f"{name}_a_relu")(x)
    x = _separable(x, filters, 1, f"{name}_b")
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_shortcut_pool")(shortcut)
    if shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def _separable(x, filters, stride, name):
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise")(x)
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_pointwise")(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)


def normalised(x, name: str):
    """Batch normalisation and ReLU, as behind a stem."""
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return layers.ReLU(name=f"{name}_relu")(x)
