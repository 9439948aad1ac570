"""What the branches of pictures have in common: when a picture is there, and its places as tokens."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features


def picture_is_present(pixels):
    """bool (B, 1): False where a picture (B, H, W, C) is all zeros, which is missing."""
    return ops.expand_dims(ops.any(ops.not_equal(pixels, 0), axis=(1, 2, 3)), 1)


def picture_features(feature_map, summary, present, *, width: int, tokens: bool, name: str) -> Features:
    """The features of a picture, of one token a place of the map where they are asked for.

    Args:
        feature_map: float (B, H, W, C).
        summary: float (B, D), the map as a whole.
        present: bool (B, 1).
        width: width of the features.
        tokens: whether to give tokens.
        name: the input's name; prefix of the layers' names.
    """
    vector = layers.Dense(width, name=f"{name}_vector")(summary)
    if not tokens:
        return Features(None, None, vector, present)
    places = layers.Reshape((-1, feature_map.shape[-1]), name=f"{name}_places")(feature_map)
    places = layers.Dense(width, name=f"{name}_tokens")(places)
    # Pictures of any size give any number of places.
    mask = (
        ops.broadcast_to(present, ops.shape(places)[:2])
        if places.shape[1] is None
        else ops.repeat(present, places.shape[1], 1)
    )
    return Features(places, mask, vector, present)
