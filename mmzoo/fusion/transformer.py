"""Transformer: one block of self-attention over the tokens of all inputs together."""

from __future__ import annotations

import keras
from keras import layers, ops

from mmzoo.fusion.registry import register_fusion


@keras.saving.register_keras_serializable(package="mmzoo")
class JointAttention(keras.layers.Layer):
    """A pre-norm transformer block (Vaswani et al. 2017; Xiong et al. 2020) over the tokens of all inputs.

    Each input has a learned embedding that is added to its tokens, as in ViLT (Kim et al., ICML 2021). Only what the
    block makes of each input's first token is read, so only for these it is computed: with one block nothing else could
    have a say. Where a first token is masked as well, nothing may be left to attend to; `mmzoo.fusion.fuse` puts one in
    front of each input's tokens that never is.

    Args:
        heads: attention heads.
        expansion: units of the hidden layer behind the attention, as a multiple of the width.

    Call arguments:
        tokens: {name: float (B, N, D)}, all of one width D.
        mask: {name: bool (B, N)}, False where a token is not to be looked at.

    Returns:
        float (B, D), the mean over the inputs.
    """

    keeps_float = True

    def __init__(self, heads: int = 4, expansion: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.heads, self.expansion = heads, expansion

    def build(self, tokens_shape, mask_shape=None):
        self.names = list(tokens_shape)
        width = tokens_shape[self.names[0]][-1]
        self.embeddings = {
            name: self.add_weight(
                shape=(width,), initializer=keras.initializers.RandomNormal(stddev=0.02), name=f"embedding_{name}"
            )
            for name in self.names
        }
        self.norm = layers.LayerNormalization(name="norm", dtype=self.dtype_policy)
        self.attention = layers.MultiHeadAttention(
            self.heads, max(1, width // self.heads), name="attention", dtype=self.dtype_policy
        )
        self.hidden_norm = layers.LayerNormalization(name="hidden_norm", dtype=self.dtype_policy)
        self.hidden = layers.Dense(self.expansion * width, activation="relu", name="hidden", dtype=self.dtype_policy)
        self.out = layers.Dense(width, name="out", dtype=self.dtype_policy)
        rows = (tokens_shape[self.names[0]][0], None, width)
        self.norm.build(rows)
        self.attention.build(rows, rows)
        self.hidden_norm.build(rows)
        self.hidden.build(rows)
        self.out.build((*rows[:2], self.expansion * width))

    def call(self, tokens, mask):
        embedded = [tokens[name] + ops.cast(self.embeddings[name], tokens[name].dtype) for name in self.names]
        seen = ops.concatenate([mask[name] for name in self.names], axis=1)
        first = ops.concatenate([each[:, :1] for each in embedded], axis=1)
        read = self.norm(ops.concatenate(embedded, axis=1))
        x = first + self.attention(self.norm(first), read, attention_mask=ops.expand_dims(seen, 1))
        x = x + self.out(self.hidden(self.hidden_norm(x)))
        return ops.mean(x, axis=1)

    def compute_output_spec(self, tokens, mask):
        batch, _, width = next(iter(tokens.values())).shape
        return keras.KerasTensor((batch, width), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "heads": self.heads, "expansion": self.expansion}


@register_fusion("transformer", takes_tokens=True)
def transformer_fusion(features, head, *, heads: int = 4, expansion: int = 2):
    """Lets every input look at the tokens of all of them, missing ones masked out, and reads the inputs' mean.

    With other settings: `fusion=functools.partial(transformer_fusion, heads=2)`.

    Args:
        features: {input: Features} with tokens, of each input the first one always visible.
        head: factory of the head.
        heads: attention heads.
        expansion: units of the hidden layer, as a multiple of the features' width.

    Returns:
        {output: logits}.
    """
    fused = JointAttention(heads, expansion, name="fusion")(
        {name: f.tokens for name, f in features.items()}, {name: f.mask for name, f in features.items()}
    )
    return head(fused)
