"""Sum: the cheapest fusion; every input votes in one space."""

from __future__ import annotations

from keras import layers

from mmzoo.fusion.registry import register_fusion


@register_fusion("sum")
def sum_fusion(features, head):
    """Adds the vectors; absent ones by their learned vectors.

    Args:
        features: {input: Features}.
        head: factory of the head.

    Returns:
        {output: logits}.
    """
    vectors = [f.vector for f in features.values()]
    return head(layers.Add(name="fusion")(vectors) if len(vectors) > 1 else vectors[0])
