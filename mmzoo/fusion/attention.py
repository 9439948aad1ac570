"""Attention over inputs: a softmax weight per input and sample."""

from __future__ import annotations

from mmzoo.layers import ModalityAttention


def attention_fusion(features, head):
    """Sums the vectors with learned weights per sample (attention over modalities; Hori et al., ICCV 2017).

    Missing inputs get no weight. `model.get_layer("fusion").output[1]` holds the weights.

    Args:
        features: {input: Features}.
        head: factory of the head.

    Returns:
        {output: logits}.
    """
    fused, _ = ModalityAttention(name="fusion")(
        {name: f.vector for name, f in features.items()}, {name: f.present for name, f in features.items()}
    )
    return head(fused)
