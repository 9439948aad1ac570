"""Heads: from a fused vector to the logits of each output."""

from __future__ import annotations

from collections.abc import Callable

from keras import layers

from mmzoo.schema import Schema
from mmzoo.tasks import task_for
from mmzoo.tasks.names import HEAD_PREFIX


def heads_for(schema: Schema, *, dropout: float = 0.2, seed: int | None = None):
    """The head factory of a schema: for each output what its task makes, such as a dense layer.

    Args:
        schema: its outputs.
        dropout: dropout rate before the heads.
        seed: seed of the dropout.

    Returns:
        `head(vector, name="") -> {output: logits}`; each call makes new layers, so a fusion that calls it once an
        input gives each call that input's name.
    """

    def head(vector, name=""):
        suffix = f"_{name}" if name else ""
        x = layers.Dropout(dropout, seed=seed, name=f"{HEAD_PREFIX}dropout{suffix}")(vector) if dropout else vector
        return {
            output: task_for(kind).head(kind, x, f"{HEAD_PREFIX}{output}{suffix}", dropout=dropout)
            for output, kind in schema.predicted.items()
        }

    return head


def activations_for(schema: Schema, classifier_activation: str | None = "softmax") -> dict[str, str | Callable]:
    """What turns each output's logits into the output.

    Args:
        schema: its outputs.
        classifier_activation: "softmax" for the classes of a `Label`; None gives logits, also for a `MultiLabel`.

    Returns:
        Output name -> activation: a name, or a layer such as the `ValueScaling` of a `Value`.
    """
    return {
        name: task_for(kind).activation(kind, name, classifier_activation) for name, kind in schema.predicted.items()
    }
