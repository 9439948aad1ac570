"""Residual blocks of convolutions, for pictures and spectrograms."""

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


def dense_block(x, name: str):
    """One dense 3x3 convolution beside a shortcut.

    With 32 channels it takes three and a half times the products of the two separable convolutions of `residual_block`,
    and in 8 bits on a CPU with AVX512-VNNI less time: the depthwise ones are no faster there than in float32.

    Args:
        x: (B, H, W, C).
        name: prefix of the layers' names.

    Returns:
        (B, H, W, C).
    """
    shortcut = x
    x = layers.Conv2D(x.shape[-1], 3, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = layers.BatchNormalization(name=f"{name}_norm")(x)
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
