"""Attention over inputs: a softmax weight per input and sample."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.fusion.registry import register_fusion

# Scores stay within +-BOUND and missing inputs get MASKED: differences large enough to silence an input (e^-20), small
# enough that an int8 softmax still resolves the rest. With the usual -1e9 the int8 file's weights are wrong.
BOUND = 4.0
MASKED = -24.0


@keras.saving.register_keras_serializable(package="mmzoo")
class ModalityAttention(keras.layers.Layer):
    """Weighs the inputs' vectors against each other, sample by sample, missing ones masked out.

    One learned vector is always there to be attended to, so that the weights stay defined when every input is missing.

    Call arguments:
        vectors: {name: float (B, D)}, all of one width D.
        present: {name: bool (B, 1)}.

    Returns:
        (fused, weights): float (B, D), and float (B, 1 + number of inputs), rows that sum to 1; the first column is
        the weight of the learned vector.
    """

    # A weight per input deserves more than 8 bits.
    keeps_float = True

    def build(self, vectors_shape, present_shape=None):
        self.names = list(vectors_shape)
        width = vectors_shape[self.names[0]][-1]
        self.scores = {
            name: self.add_weight(shape=(width, 1), initializer="glorot_uniform", name=f"score_{name}")
            for name in self.names
        }
        self.biases = {
            name: self.add_weight(shape=(1,), initializer="zeros", name=f"bias_{name}") for name in self.names
        }
        self.prior = self.add_weight(shape=(1, width), initializer="zeros", name="prior")

    def call(self, vectors, present):
        # All inputs at once: one by one it would be dozens of tiny operators, and time on the device.
        stacked = ops.stack([vectors[name] for name in self.names], axis=1)
        given = ops.cast(ops.concatenate([present[name] for name in self.names], axis=1), stacked.dtype)
        kernel = ops.stack([self.scores[name][:, 0] for name in self.names])
        bias = ops.concatenate([self.biases[name] for name in self.names])
        scores = BOUND * ops.tanh(ops.sum(stacked * kernel, axis=-1) + bias)
        logits = scores * given + MASKED * (1.0 - given)
        weights = ops.softmax(ops.concatenate([ops.zeros_like(given[:, :1]) - BOUND, logits], axis=1), axis=-1)
        fused = weights[:, :1] * self.prior + ops.sum(ops.expand_dims(weights[:, 1:], -1) * stacked, axis=1)
        return fused, weights

    def compute_output_spec(self, vectors, present):
        batch, width = next(iter(vectors.values())).shape
        return (
            keras.KerasTensor((batch, width), self.compute_dtype),
            keras.KerasTensor((batch, 1 + len(vectors)), self.compute_dtype),
        )


@register_fusion("attention")
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
