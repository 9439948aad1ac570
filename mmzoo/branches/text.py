"""Text branch: embedding and a recurrent network, masked."""

from __future__ import annotations

import numpy as np
from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.recurrent import recurrent_layer


def text_branch(
    ids,
    *,
    vocabulary_size: int = 256,
    width: int = 64,
    cell: str = "gru",
    units: int = 32,
    embedding: int = 16,
    bidirectional: bool = False,
    vectors: np.ndarray | None = None,
    learn_vectors: bool = False,
    tokens: bool = False,
    name: str = "text",
) -> Features:
    """Reads a text with a recurrent network.

    Args:
        ids: int32 (B, T), 0 = padding; an empty text is missing.
        vocabulary_size: number of ids; 256 for bytes.
        width: width of the features.
        cell: "gru", "lstm" or "rnn", see `mmzoo.branches.parts.recurrent`.
        units: units of the cell, per direction.
        embedding: width of the embedding.
        bidirectional: read in both directions.
        vectors: float (vocabulary_size, embedding), what the embedding starts from, see `mmzoo.pretrained.glove`; None:
            small random numbers.
        learn_vectors: whether those learn too. Held still, what is learnt of a word holds for its neighbours as well,
            which the training texts may not have.
        tokens: give one token a step, for fusions that look at steps; costs time and memory on the device.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features; the vector is made of the state after the last step, of both directions where there are two.

    Raises:
        ValueError: an unknown cell.
    """
    mask = ops.not_equal(ids, 0)
    present = ops.any(mask, axis=1, keepdims=True)
    learns = vectors is None or learn_vectors
    embed = layers.Embedding(vocabulary_size, embedding, trainable=learns, name=f"{name}_embedding")
    x = embed(ids)
    if vectors is not None:
        embed.set_weights([vectors])
    recurrent = recurrent_layer(cell, units, states=tokens, name=f"{name}_{cell}")
    if bidirectional:
        recurrent = layers.Bidirectional(recurrent, name=f"{name}_bidirectional")
    read = recurrent(x, mask=mask)
    if not tokens:
        return Features(None, None, layers.Dense(width, name=f"{name}_vector")(read), present)
    # An LSTM gives two states a direction, of which the first is what it says.
    steps, *states = read
    last = states[:: len(states) // 2] if bidirectional else states[:1]
    last = ops.concatenate(last, axis=1) if bidirectional else last[0]
    vector = layers.Dense(width, name=f"{name}_vector")(last)
    # The copy leaves behind the mask that the recurrent layer hangs on its steps; in a file there is none of it.
    steps = layers.Dense(width, name=f"{name}_tokens")(ops.copy(steps))
    return Features(steps, mask, vector, present)
