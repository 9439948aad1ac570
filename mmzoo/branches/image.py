"""Image branch: a small residual separable CNN, a plain VGG-like one, or any backbone of keras.applications."""

from __future__ import annotations

import inspect

import keras
from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.places import picture_features, picture_is_present
from mmzoo.branches.parts.residual import dense_block, normalised, residual_block
from mmzoo.layers import ImageStandardization

# Filters of the stem, then (filters, stride) of the residual blocks. Convolutions at full resolution cost most of the
# time and hold few of the parameters: one block there doubles the time, and on small pictures it is worth it (see the
# table in mmzoo/recipes/zoo/road_sign.py).
SEPARABLE_SIZES = {
    "nano": (24, ((24, 1), (32, 2), (32, 1), (64, 2), (84, 2))),
    "small": (32, ((32, 1), (48, 2), (96, 2), (96, 1), (192, 2), (192, 1))),
    "base": (32, ((32, 1), (96, 2), (96, 1), (192, 2), (192, 1), (384, 2), (384, 1))),
}
# The same blocks, the first of them one dense convolution.
DENSE_FIRST = "separable_dense_first"


def image_branch(
    pixels,
    *,
    size: str = "small",
    backbone: str = "separable",
    backbone_weights=None,
    width: int = 64,
    tokens: bool = False,
    name: str = "image",
) -> Features:
    """Reads a picture with a CNN.

    Args:
        pixels: uint8 (B, H, W, C), 0..255; all zeros is missing.
        size: "nano", "small" or "base", of the separable CNN.
        backbone: "separable" (residual blocks of depthwise-separable convolutions, after Chollet, "Xception", 2017),
            "separable_dense_first" (the same, with one dense 3x3 convolution as the block at full resolution: faster in
            8 bits, slower in float32, see `dense_block`), "vgg" (three stages of two 3x3 convolutions and a pooling,
            after Simonyan & Zisserman 2015), or the name of a function in `keras.applications` ("MobileNetV3Small").
        backbone_weights: for keras.applications: None, "imagenet" (downloads) or a file.
        width: width of the features.
        tokens: give one token a place of the last feature map.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.

    Raises:
        ValueError: an unknown size or backbone.
    """
    if backbone in ("separable", DENSE_FIRST):
        standardised = ImageStandardization(border=0.2, limit=5.0, name=f"{name}_standardization")(pixels)
        feature_map = _separable_cnn(standardised, size, name, dense_first=backbone == DENSE_FIRST)
    elif backbone == "vgg":
        feature_map = _vgg(layers.Rescaling(1 / 255, name=f"{name}_scaling")(pixels), name)
    else:
        feature_map = _application(pixels, backbone, backbone_weights, name)
    pooled = layers.GlobalAveragePooling2D(name=f"{name}_pool")(feature_map)
    return picture_features(feature_map, pooled, picture_is_present(pixels), width=width, tokens=tokens, name=name)


def _separable_cnn(x, size, name, dense_first):
    if size not in SEPARABLE_SIZES:
        raise ValueError(f"size: expected one of {list(SEPARABLE_SIZES)}, got {size!r}")
    stem, blocks = SEPARABLE_SIZES[size]
    stride = stem_stride(min(x.shape[1:3]))
    kernel = 3 if stride == 1 else 2 * stride
    x = layers.Conv2D(stem, kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_stem")(x)
    x = normalised(x, f"{name}_stem")
    for number, (filters, stride) in enumerate(blocks, start=1):
        block = f"{name}_block{number}"
        x = dense_block(x, block) if dense_first and number == 1 else residual_block(x, filters, stride, block)
    return x


def stem_stride(pixels: int) -> int:
    """The stride of the stem that brings a picture's shorter side to 32..63 places: the blocks were made for 32.

    >>> [stem_stride(pixels) for pixels in (32, 64, 96, 224)]
    [1, 2, 2, 4]
    """
    return 1 << max(0, (pixels // 32).bit_length() - 1)


def _vgg(x, name):
    for stage, filters in enumerate((32, 64, 128), start=1):
        for number in (1, 2):
            block = f"{name}_stage{stage}_conv{number}"
            x = layers.Conv2D(filters, 3, padding="same", activation="relu", name=block)(x)
        x = layers.MaxPooling2D(name=f"{name}_stage{stage}_pool")(x)
    return x


def _application(pixels, backbone, weights, name):
    function = getattr(keras.applications, backbone, None)
    if not inspect.isfunction(function):
        known = sorted(n for n, f in vars(keras.applications).items() if inspect.isfunction(f) and n[0].isupper())
        raise ValueError(
            f"backbone: expected 'separable', {DENSE_FIRST!r}, 'vgg' or one of keras.applications {known}, "
            f"got {backbone!r}"
        )
    # Each module's own scaling; for backbones that scale inside it does nothing, so pixels are scaled once. The module
    # is the one that defines the function: keras.applications.mobilenet_v3 doesn't list MobileNetV3Small.
    x = inspect.getmodule(function).preprocess_input(ops.cast(pixels, keras.config.floatx()))
    network = function(
        include_top=False, weights=weights, input_shape=tuple(pixels.shape[1:]), name=f"{name}_{backbone.lower()}"
    )
    return network(x)
