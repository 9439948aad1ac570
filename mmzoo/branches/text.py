"""Text branch: embedding and a GRU or LSTM, masked."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.features import Features

_CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}


def text_branch(
    ids,
    *,
    vocabulary_size: int = 256,
    width: int = 64,
    cell: str = "gru",
    units: int = 32,
    embedding: int = 16,
    bidirectional: bool = False,
    return_tokens: bool = False,
    name: str = "text",
) -> Features:
    """Reads a text with a recurrent network.

    Args:
        ids: int32 (B, T), 0 = padding; an empty text is missing.
        vocabulary_size: number of ids; 256 for bytes.
        width: width of the features.
        cell: "gru" (Cho et al. 2014) or "lstm" (Hochreiter & Schmidhuber 1997).
        units: units of the cell, per direction.
        embedding: width of the embedding.
        bidirectional: read in both directions.
        return_tokens: give one token a step, for fusions that look at steps; costs time and memory on the device.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features with T tokens, or one where `return_tokens` is False.

    Raises:
        ValueError: an unknown cell.
    """
    if cell not in _CELLS:
        raise ValueError(f"cell: expected one of {sorted(_CELLS)}, got {cell!r}")
    mask = ops.not_equal(ids, 0)
    present = ops.any(mask, axis=1, keepdims=True)
    x = layers.Embedding(vocabulary_size, embedding, name=f"{name}_embedding")(ids)
    # The cuDNN kernels refuse rows that are masked as a whole, which a missing text is, and switch XLA off on GPUs.
    recurrent = _CELLS[cell](units, return_sequences=return_tokens, use_cudnn=False, name=f"{name}_{cell}")
    if bidirectional:
        recurrent = layers.Bidirectional(recurrent, name=f"{name}_bidirectional")
    x = recurrent(x, mask=mask)
    project = layers.Dense(width, name=f"{name}_vector")
    if not return_tokens:
        vector = project(x)
        return Features(ops.expand_dims(vector, 1), present, vector, present)
    tokens = project(x)
    weights = ops.expand_dims(ops.cast(mask, tokens.dtype), -1)
    vector = ops.sum(tokens * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)
    return Features(tokens, mask, vector, present)
