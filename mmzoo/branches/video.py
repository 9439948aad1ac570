"""Video branch: an image branch on each frame and on what moves, and a recurrent network over the frames."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import layers, ops

from mmzoo.branches.image import image_branch
from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.recurrent import recurrent_layer
from mmzoo.branches.parts.residual import normalised, residual_block

# Filters of the stem and of the blocks that read what moves, all with stride 2.
MOTION_FILTERS = {"nano": (8, 16, 24), "small": (16, 32, 48), "base": (24, 48, 96)}


def video_branch(
    frames,
    *,
    read: Callable[..., Features] | None = None,
    size: str = "small",
    motion: bool = True,
    cell: str = "gru",
    units: int = 32,
    dropout: float = 0.0,
    width: int = 64,
    tokens: bool = False,
    name: str = "video",
    seed: int | None = None,
) -> Features:
    """Watches a film: each frame with a CNN, and their features with a recurrent network.

    Frames are folded into the batch, so that one CNN reads them all at once. What moves is read apart from what is to
    be seen, as in two-stream networks (Simonyan & Zisserman, NeurIPS 2014), here from the difference of each frame to
    the one before.

    Args:
        frames: uint8 (B, N, H, W, C), evenly spaced in time; a frame of zeros alone is missing.
        read: branch of a single picture `(pixels, width=, tokens=, name=) -> Features`; None: `image_branch` of the
            size.
        size: "nano", "small" or "base", of the CNNs.
        motion: whether differences are read too.
        cell: see `mmzoo.branches.parts.recurrent`.
        units: units of the cell.
        dropout: of the frames' features.
        width: width of the features.
        tokens: give one token a frame.
        name: the input's name; prefix of the layers' names.
        seed: seed of the dropout.

    Returns:
        Features, of N tokens where asked for; present if any frame is.

    Raises:
        ValueError: an unknown size or cell.
    """
    count, *picture = frames.shape[1:]
    mask = ops.any(ops.not_equal(frames, 0), axis=(2, 3, 4))
    present = ops.any(mask, axis=1, keepdims=True)

    def each(pictures, reader, prefix):
        folded = ops.reshape(pictures, (-1, *picture))
        vector = reader(folded, width=width, tokens=False, name=prefix).vector
        return ops.reshape(vector, (-1, count, width))

    def plain(pixels, **common):
        return image_branch(pixels, size=size, **common)

    seen = [each(frames, read or plain, f"{name}_frame")]
    if motion:
        seen.append(_motion(_differences(frames), size, width, f"{name}_motion"))
    x = layers.Concatenate(name=f"{name}_seen")(seen) if motion else seen[0]
    if dropout:
        x = layers.Dropout(dropout, seed=seed, name=f"{name}_dropout")(x)
    recurrent: Any = recurrent_layer(cell, units, states=tokens, name=f"{name}_{cell}")(x, mask=mask)
    vector = layers.Dense(width, name=f"{name}_vector")(recurrent[1] if tokens else recurrent)
    if not tokens:
        return Features(None, None, vector, present)
    # The copy leaves behind the mask that the recurrent layer hangs on its steps.
    steps = layers.Dense(width, name=f"{name}_tokens")(ops.copy(recurrent[0]))
    return Features(steps, mask, vector, present)


def _differences(frames):
    """How much brighter each frame is than the one before, float (B, N, H, W, C); the first than itself."""
    now = ops.cast(frames, "float32")
    before = ops.concatenate([now[:, :1], now[:, :-1]], axis=1)
    return now - before


def _motion(differences, size, width, name):
    """Features of each difference, float (B, N, width). How large it is counts, so nothing is standardised."""
    if size not in MOTION_FILTERS:
        raise ValueError(f"size: expected one of {list(MOTION_FILTERS)}, got {size!r}")
    stem, *blocks = MOTION_FILTERS[size]
    count, *picture = differences.shape[1:]
    x = layers.Rescaling(1 / 64, name=f"{name}_scaling")(ops.reshape(differences, (-1, *picture)))
    x = layers.Conv2D(stem, 5, strides=2, padding="same", use_bias=False, name=f"{name}_stem")(x)
    x = normalised(x, f"{name}_stem")
    for number, filters in enumerate(blocks, start=1):
        x = residual_block(x, filters, 2, f"{name}_block{number}")
    x = layers.GlobalAveragePooling2D(name=f"{name}_pool")(x)
    return ops.reshape(layers.Dense(width, name=f"{name}_vector")(x), (-1, count, width))
