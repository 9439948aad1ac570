"""Vector branch: features made elsewhere."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features


def vector_branch(values, *, width: int = 64, tokens: bool = False, name: str = "vector") -> Features:
    """Projects features that something else made, such as a frozen encoder.

    Args:
        values: float32 (B, D); all zeros is missing.
        width: width of the features.
        tokens: give the vector as the one token as well.
        name: the input's name; prefix of the layers' names, which are those behind the pooling of
            `hub_image_branch` and `hub_text_branch`.

    Returns:
        Features.
    """
    present = ops.any(ops.not_equal(values, 0), axis=1, keepdims=True)
    vector = layers.Dense(width, name=f"{name}_vector")(values)
    if not tokens:
        return Features(None, None, vector, present)
    return Features(ops.expand_dims(vector, 1), present, vector, present)
