"""History branch: embedded items, read by a recurrent network or by self-attention."""

from __future__ import annotations

from typing import Any

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.recurrent import recurrent_layer
from mmzoo.layers.positions import LearnedPositions
from mmzoo.schema import History

READERS = ("gru", "attention")


def item_embedding(history: History, width: int, name: str = "history"):
    """The vectors of all items and of the padding, which a head may share: `keras.layers.ReversibleEmbedding`.

    Args:
        history: the schema's description.
        width: of the vectors.
        name: the input's name, which the layer's begins with.
    """
    return layers.ReversibleEmbedding(1 + len(history.items), width, name=f"{name}_items")


def history_branch(
    ids,
    history: History,
    *,
    reader: str = "gru",
    items: Any = None,
    embedding: int = 32,
    blocks: int = 2,
    heads: int = 1,
    dropout: float = 0.0,
    width: int = 64,
    tokens: bool = False,
    name: str = "history",
    seed: int | None = None,
) -> Features:
    """Reads what a user has had, from the oldest to the newest.

    Args:
        ids: int32 (B, T), the newest last, 0 = padding in front.
        history: the schema's description.
        reader: "gru" (Hidasi et al., ICLR 2016), or "attention", in which each item looks at itself and those before
            it (Kang & McAuley, ICDM 2018), in pre-norm blocks.
        items: of `item_embedding`; None: one of its own, `embedding` wide.
        embedding: width of its own.
        blocks: of the attention.
        heads: of the attention.
        dropout: of the items' vectors and inside the blocks.
        width: width of the features.
        tokens: give one token an item.
        name: the input's name; prefix of the layers' names.
        seed: seed of the dropout.

    Returns:
        Features, of T tokens where asked for; present if there is an item.

    Raises:
        ValueError: an unknown reader.
    """
    if reader not in READERS:
        raise ValueError(f"reader: expected one of {list(READERS)}, got {reader!r}")
    mask = ops.not_equal(ids, 0)
    present = ops.any(mask, axis=1, keepdims=True)
    items = item_embedding(history, embedding, name) if items is None else items
    x = items(ids)
    if reader == "gru":
        x = _dropped(x, dropout, seed, f"{name}_dropout")
        read = recurrent_layer("gru", x.shape[-1], states=tokens, name=f"{name}_gru")(x, mask=mask)
        # The copy leaves behind the mask that the recurrent layer hangs on its steps.
        steps, last = (ops.copy(read[0]), read[1]) if tokens else (None, read)
    else:
        x = _dropped(LearnedPositions(name=f"{name}_positions")(x), dropout, seed, f"{name}_dropout")
        for number in range(1, blocks + 1):
            x = _block(x, mask, heads, dropout, seed, f"{name}_block{number}")
        steps = layers.LayerNormalization(name=f"{name}_norm")(x)
        last = steps[:, -1]
    vector = layers.Dense(width, name=f"{name}_vector")(last)
    if not tokens:
        return Features(None, None, vector, present)
    return Features(layers.Dense(width, name=f"{name}_tokens")(steps), mask, vector, present)


def _block(x, mask, heads, dropout, seed, name):
    """A pre-norm transformer block (Vaswani et al. 2017; Xiong et al. 2020) that looks back only."""
    width = x.shape[-1]
    read = layers.LayerNormalization(name=f"{name}_norm")(x)
    attend = layers.MultiHeadAttention(heads, width // heads, name=f"{name}_attention")
    seen = attend(read, read, attention_mask=ops.expand_dims(mask, 1), use_causal_mask=True)
    x = layers.Add(name=f"{name}_seen")([x, _dropped(seen, dropout, seed, f"{name}_seen_dropout")])
    hidden = layers.LayerNormalization(name=f"{name}_hidden_norm")(x)
    hidden = layers.Dense(2 * width, activation="relu", name=f"{name}_hidden")(hidden)
    hidden = layers.Dense(width, name=f"{name}_out")(hidden)
    return layers.Add(name=f"{name}_add")([x, _dropped(hidden, dropout, seed, f"{name}_out_dropout")])


def _dropped(x, rate, seed, name):
    return layers.Dropout(rate, seed=seed, name=name)(x) if rate else x
