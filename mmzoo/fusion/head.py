"""Heads: from a fused vector to the logits of each output."""

from __future__ import annotations

from keras import layers

from mmzoo.schema import Label, MultiLabel, Schema

# Layers whose names start with this belong to the user's classes and are made anew for other ones.
HEAD_PREFIX = "head_"


def heads_for(schema: Schema, *, dropout: float = 0.2, seed: int | None = None):
    """The head factory of a schema: one dense layer an output.

    Args:
        schema: its outputs say how many units each head has.
        dropout: dropout rate before the dense layers.
        seed: seed of the dropout.

    Returns:
        `head(vector, name="") -> {output: logits}`; each call makes new layers, so a fusion that calls it once an
        input gives each call that input's name.
    """

    def head(vector, name=""):
        suffix = f"_{name}" if name else ""
        x = layers.Dropout(dropout, seed=seed, name=f"{HEAD_PREFIX}dropout{suffix}")(vector) if dropout else vector
        return {
            output: layers.Dense(kind.units, name=f"{HEAD_PREFIX}{output}{suffix}")(x)
            for output, kind in schema.outputs.items()
        }

    return head


def activations_for(schema: Schema, classifier_activation: str | None = "softmax") -> dict[str, str]:
    """The activation of each output: `classifier_activation` (None: logits) for Label, sigmoid for MultiLabel."""
    return {
        name: (classifier_activation or "linear")
        if isinstance(kind, Label)
        else ("sigmoid" if isinstance(kind, MultiLabel) and classifier_activation else "linear")
        for name, kind in schema.outputs.items()
    }
