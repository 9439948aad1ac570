"""Product: what two inputs say together, place by place."""

from __future__ import annotations

import itertools

from keras import layers

from mmzoo.fusion.registry import register_fusion


@register_fusion("product")
def product_fusion(features, head):
    """Multiplies the vectors of every two inputs and mixes the products with the vectors in one dense layer.

    A question asks something else of each picture, and a sum of what both say can't tell "yes" from "no": a product can
    (Antol et al., "VQA", ICCV 2015; with tanh before it, Kim et al., "Hadamard product for low-rank bilinear pooling",
    ICLR 2017). Absent inputs take part by their learned vectors.

    Args:
        features: {input: Features}.
        head: factory of the head.

    Returns:
        {output: logits}.
    """
    # Bounded, so that products are too, and 8 bits resolve them.
    vectors = {
        name: layers.Activation("tanh", name=f"fusion_tanh_{name}")(each.vector) for name, each in features.items()
    }
    products = [
        layers.Multiply(name=f"fusion_product_{one}_{other}")([vectors[one], vectors[other]])
        for one, other in itertools.combinations(vectors, 2)
    ]
    joined = [*vectors.values(), *products]
    x = layers.Concatenate(name="fusion_concat")(joined) if len(joined) > 1 else joined[0]
    return head(layers.Dense(x.shape[-1] // len(joined) * 2, activation="relu", name="fusion")(x))
