"""Branch of a picture of a line of print: its columns, from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.places import picture_is_present
from mmzoo.branches.parts.residual import normalised
from mmzoo.layers import ImageStandardization

# Columns of the picture that become one step.
PIXELS_A_STEP = 4
# The height is halved so often.
_HEIGHT = 16


def check_line(image_size: tuple[int, int], what: str = "image_size") -> None:
    """Raises ValueError, beginning with `what`, unless a line of this (height, width) can be read."""
    height, width = image_size
    if height % _HEIGHT or width % PIXELS_A_STEP:
        raise ValueError(f"{what}: expected a height of 16 n and a width of 4 n pixels, got {tuple(image_size)}")


def line_steps(pixels, *, filters: Sequence[int], width: int, name: str = "image"):
    """One vector for every four columns of a picture, as in a CRNN (Shi, Bai & Yao, TPAMI 2017).

    Args:
        pixels: uint8 (B, H, W, 1), see `check_line`.
        filters: channels of the four convolutions.
        width: of the vectors.
        name: the input's name; prefix of the layers' names.

    Returns:
        float (B, W / 4, width).
    """
    height, columns = pixels.shape[1:3]
    x = ImageStandardization(limit=5.0, name=f"{name}_standardization")(pixels)
    # Height and width are halved twice; then the height alone, down to one sixteenth.
    pools = ((2, 2), (2, 2), (2, 1), (2, 1))
    for number, (channels, pool) in enumerate(zip(filters, pools, strict=True), start=1):
        x = layers.Conv2D(channels, 3, padding="same", use_bias=False, name=f"{name}_conv{number}")(x)
        x = normalised(x, f"{name}_conv{number}")
        x = layers.MaxPooling2D(pool, name=f"{name}_pool{number}")(x)
    # One vector a column, from its top to its bottom.
    x = layers.Permute((2, 1, 3), name=f"{name}_columns")(x)
    x = layers.Reshape((columns // PIXELS_A_STEP, height // _HEIGHT * filters[-1]), name=f"{name}_steps")(x)
    return layers.Dense(width, activation="relu", name=f"{name}_vectors")(x)


def line_branch(pixels, *, filters: Sequence[int], width: int, units: int, name: str) -> Features:
    """Reads a line of print with convolutions and a two-directional GRU; one token for every four columns.

    Args:
        pixels, filters, name: see `line_steps`.
        width: of the features.
        units: of the GRU, per direction.

    Returns:
        Features, with tokens.
    """
    steps = line_steps(pixels, filters=filters, width=width, name=name)
    gru = layers.GRU(units, return_sequences=True, use_cudnn=False, name=f"{name}_gru")
    steps = layers.Bidirectional(gru, name=f"{name}_bidirectional")(steps)
    tokens = layers.Dense(width, name=f"{name}_tokens")(steps)
    present = picture_is_present(pixels)
    vector = layers.Dense(width, name=f"{name}_vector")(layers.GlobalAveragePooling1D(name=f"{name}_mean")(steps))
    return Features(tokens, ops.repeat(present, tokens.shape[1], 1), vector, present)
