"""Camera branch: PilotNet, which steers by the road in front."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.places import picture_features, picture_is_present
from mmzoo.layers import ImageStandardization

# What the five convolutions leave one place of.
_LEAST = 61


def pilotnet_branch(
    pixels,
    *,
    rows: int = 66,
    filters: Sequence[int] = (24, 36, 48, 64, 64),
    units: Sequence[int] = (100, 50),
    dropout: float = 0.0,
    width: int = 64,
    tokens: bool = False,
    seed: int | None = None,
    name: str = "image",
) -> Features:
    """Reads the picture of a car's camera with the network of Bojarski et al., "End to end learning for self-driving
    cars" (2016): three 5x5 convolutions of stride 2, two 3x3 ones, then dense layers that know where in the picture
    something stands.

    Beside the paper's: batch normalisation, and pictures standardised one by one instead of by a fixed layer. The
    paper's pictures are 66 x 200; narrower ones give a shorter map before the dense layers.

    Args:
        pixels: uint8 (B, H, W, C), 0..255, H and W at least 61; all zeros is missing.
        rows: how many of the picture's rows are looked at, the lowest: the sky is cut off.
        filters: channels of the five convolutions.
        units: of the dense layers.
        dropout: dropout rate before the dense layers.
        width: width of the features.
        tokens: give one token a place of the last feature map.
        seed: seed of the dropout.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.

    Raises:
        ValueError: the picture is too small.
    """
    height, columns = pixels.shape[1:3]
    if min(rows, height, columns) < 66:
        raise ValueError(
            f"pilotnet: expected a picture of at least 66 x 66 pixels, got {height} x {columns}, {rows} rows"
        )
    x = layers.Cropping2D(((height - min(rows, height), 0), (0, 0)), name=f"{name}_road")(pixels)
    x = ImageStandardization(limit=5.0, name=f"{name}_standardization")(x)
    for number, (channels, kernel, stride) in enumerate(zip(filters, (5, 5, 5, 3, 3), (2, 2, 2, 1, 1), strict=True), 1):
        x = layers.Conv2D(channels, kernel, strides=stride, use_bias=False, name=f"{name}_conv{number}")(x)
        x = layers.BatchNormalization(name=f"{name}_conv{number}_norm")(x)
        x = layers.ReLU(name=f"{name}_conv{number}_relu")(x)
    summary = layers.Flatten(name=f"{name}_flat")(x)
    for number, count in enumerate(units, 1):
        if dropout:
            summary = layers.Dropout(dropout, seed=seed, name=f"{name}_dropout{number}")(summary)
        summary = layers.Dense(count, activation="relu", name=f"{name}_dense{number}")(summary)
    return picture_features(x, summary, picture_is_present(pixels), width=width, tokens=tokens, name=name)
