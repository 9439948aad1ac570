"""Heads: from a fused vector to the logits of each output."""

from __future__ import annotations

from collections.abc import Callable

from keras import layers

from mmzoo.layers import ValueScaling
from mmzoo.schema import MultiLabel, Schema, Value

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


def activations_for(schema: Schema, classifier_activation: str | None = "softmax") -> dict[str, str | Callable]:
    """What turns each output's logits into the output.

    Args:
        schema: its outputs.
        classifier_activation: "softmax" for the classes of a `Label`; None gives logits, also for a `MultiLabel`.

    Returns:
        Output name -> activation: of a `Label` as given, of a `MultiLabel` sigmoid, of a `Value` a `ValueScaling`.
    """
    activations: dict[str, str | Callable] = {}
    for name, kind in schema.outputs.items():
        if isinstance(kind, Value):
            activations[name] = ValueScaling(kind.scale, kind.minimum, kind.maximum, name=value_scaling_name(name))
        else:
            activation = "sigmoid" if isinstance(kind, MultiLabel) else classifier_activation
            activations[name] = activation if classifier_activation and activation else "linear"
    return activations


def value_scaling_name(output: str) -> str:
    """The name of the `ValueScaling` layer of an output."""
    return f"{HEAD_PREFIX}{output}_scaling"


def task_uncertainty_name(output: str) -> str:
    """The name of the `TaskUncertainty` layer of an output."""
    return f"{HEAD_PREFIX}{output}_uncertainty"
