"""Picture branch of textbooks: convolutions and poolings, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.places import picture_features, picture_is_present


def plain_cnn_branch(
    pixels,
    *,
    filters: Sequence[int] = (32,),
    units: int | None = 128,
    width: int = 128,
    tokens: bool = False,
    name: str = "image",
) -> Features:
    """Reads a picture as the first chapter of a textbook does: 3x3 convolutions, each with a 2x2 pooling behind it.

    Args:
        pixels: uint8 (B, H, W, C), 0..255; all zeros is missing.
        filters: channels of each convolution.
        units: of a dense layer over the flattened map, which on large pictures holds nearly all parameters; None: the
            map is averaged over its places instead.
        width: width of the features.
        tokens: give one token a place of the last feature map.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.
    """
    x = layers.Rescaling(1 / 255, name=f"{name}_scaling")(pixels)
    for number, channels in enumerate(filters, 1):
        x = layers.Conv2D(channels, 3, activation="relu", name=f"{name}_conv{number}")(x)
        x = layers.MaxPooling2D(name=f"{name}_pool{number}")(x)
    if units is None:
        summary = layers.GlobalAveragePooling2D(name=f"{name}_average")(x)
    else:
        summary = layers.Flatten(name=f"{name}_flat")(x)
        summary = layers.Dense(units, activation="relu", name=f"{name}_dense")(summary)
    return picture_features(x, summary, picture_is_present(pixels), width=width, tokens=tokens, name=name)
