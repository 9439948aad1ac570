"""Concatenation: the plain baseline of every fusion."""

from __future__ import annotations

from keras import layers

from mmzoo.fusion.registry import register_fusion


@register_fusion("concat")
def concat_fusion(features, head):
    """Puts the vectors side by side and mixes them in one dense layer; absent ones by their learned vectors.

    Args:
        features: {input: Features}.
        head: factory of the head.

    Returns:
        {output: logits}.
    """
    vectors = [f.vector for f in features.values()]
    joined = layers.Concatenate(name="fusion_concat")(vectors) if len(vectors) > 1 else vectors[0]
    return head(layers.Dense(vectors[0].shape[-1], activation="relu", name="fusion")(joined))
