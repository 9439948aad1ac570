"""From the features of inputs to a sentence that is written of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.fusion.arm import chosen
from mmzoo.layers import SentenceDecoder
from mmzoo.schema import Schema


def written(
    features: Mapping[str, Features],
    inputs: Mapping[str, Any],
    schema: Schema,
    name: str,
    *,
    units: int,
    embedding: int,
    activation: str | None,
    dropout: float,
    word_dropout: float,
    seed: int | None,
):
    """The scores of a `Sentence`, by attention over the tokens of all inputs; of one without tokens its vector is one.

    A missing input leaves nothing behind: its tokens and its vector are zeros.

    Args:
        features: input -> its features, all of one width.
        inputs: of `mmzoo.models.schema_model.keras_inputs`.
        schema: of the model.
        name: of the output.
        units: of the decoder's GRU.
        embedding: width of a word.
        activation: of the scores; None: logits.
        dropout: how much is hidden of the memory, of what the first state is made of, and of words, while training.
        word_dropout: how often a given word is hidden while training.
        seed: of what is hidden.

    Returns:
        float (B, T, V).
    """
    kind = schema[name]
    parts = [_memory(own) for own in chosen(features).values()]
    memory, counts = (_side_by_side([part[i] for part in parts]) for i in (0, 1))
    vectors = [own.vector * ops.cast(own.present, own.vector.dtype) for own in chosen(features).values()]
    summary = vectors[0] if len(vectors) == 1 else layers.Concatenate(name=f"{name}_summary")(vectors)
    if dropout:
        memory = layers.Dropout(dropout, seed=seed, name=f"{name}_memory_dropout")(memory)
        summary = layers.Dropout(dropout, seed=seed, name=f"{name}_summary_dropout")(summary)
    decoder = SentenceDecoder(
        len(kind.vocabulary), embedding, units, int(memory.shape[-1]), dropout, word_dropout, seed,
        name=f"{name}_decoder",
    )  # fmt: skip
    # With other words it is made anew, as a head is.
    decoder.output_name = schema.tensor_names[name]
    scores = decoder([inputs[kind.so_far], memory, counts, summary])
    return layers.Activation(activation or "linear", name=f"head_{name}")(scores)


def _memory(features: Features):
    """(tokens (B, N, D), which count (B, N))."""
    if features.tokens is None:
        tokens, mask = ops.expand_dims(features.vector, 1), features.present
    else:
        tokens, mask = features.tokens, features.mask
    return tokens * ops.cast(ops.expand_dims(mask, -1), tokens.dtype), mask


def _side_by_side(parts: Sequence):
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=1)
