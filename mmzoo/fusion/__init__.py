"""Fusions: from the branches' features and a head to the outputs, all interchangeable.

A fusion is a function or object `(features, head) -> {output: logits}`, where `features` is {input: Features} of one
width and `head(vector, name)` makes new layers at each call and returns {output: logits}. A feature-level fusion joins
the vectors (or tokens) and calls the head once; a decision-level one calls it once an input and joins the logits. One
that looks at tokens says so, see `wants_tokens`; each input's tokens then begin with its vector, which is never masked.
Inputs and outputs have the names of `Schema.tensor_names` in it, which layers may be called after.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from mmzoo.branches.parts.features import Features
from mmzoo.fusion.arm import chosen
from mmzoo.fusion.attention import ModalityAttention, attention_fusion
from mmzoo.fusion.concat import concat_fusion
from mmzoo.fusion.ends import branch_ends, branch_layers, copy_branches
from mmzoo.fusion.head import Head
from mmzoo.fusion.late import PresentMean, late_fusion
from mmzoo.fusion.product import product_fusion
from mmzoo.fusion.registry import FUSIONS, fusion_named, register_fusion, wants_tokens
from mmzoo.fusion.sum import sum_fusion
from mmzoo.fusion.transformer import JointAttention, transformer_fusion
from mmzoo.layers import ModalityDropout, TaskUncertainty
from mmzoo.layers.graph import mark_heads
from mmzoo.schema import Schema
from mmzoo.tasks import task_for

__all__ = [
    "FUSIONS",
    "JointAttention",
    "ModalityAttention",
    "PresentMean",
    "attention_fusion",
    "branch_ends",
    "branch_layers",
    "concat_fusion",
    "copy_branches",
    "fuse",
    "late_fusion",
    "product_fusion",
    "register_fusion",
    "sum_fusion",
    "transformer_fusion",
    "wants_tokens",
]


def fuse(
    features: Mapping[str, Features],
    schema: Schema,
    fusion: str | Callable,
    *,
    dropout: float = 0.2,
    classifier_activation: str | None = "softmax",
    task_weights: bool = False,
    modality_dropout: float | Mapping[str, float] = 0.25,
    heads: Mapping[str, Callable] | None = None,
    seed: int | None = None,
    begun: Mapping[str, Any] = types.MappingProxyType({}),
) -> dict:
    """Joins the branches and makes the outputs.

    Args:
        features: input name -> Features, all of one width; with tokens where the fusion takes them.
        schema: its outputs say which heads there are.
        fusion: a name in `FUSIONS`, or a function or object `(features, head) -> {output: logits}`.
        dropout: dropout rate before the heads.
        classifier_activation: "softmax" for the classes of a `Label`; None gives logits, also for a `MultiLabel`.
        task_weights: learn how much each output counts in the loss; see `TaskUncertainty`.
        modality_dropout: probability of hiding an input while training, one for all or by name; names left out are
            never hidden.
        heads: output name -> function (vector, name of its layers) -> logits, for a head that is not its task's, such
            as one that shares weights with a branch.
        seed: seed of what is random in training.
        begun: output -> the tensor of what stands there so far, for outputs that are given their beginning.

    Returns:
        Output name -> tensor, for all outputs that are predicted.

    Raises:
        ValueError: an unknown fusion, one that takes tokens where a branch gave none, one that gives other outputs than
            the schema's, or a dropout rate for an input that isn't there.
        TypeError: a kind of output that has no task.
    """
    fusion = fusion_named(fusion)
    predicted = schema.to_tensors(schema.predicted)
    if isinstance(modality_dropout, Mapping):
        unknown = [name for name in modality_dropout if name not in features]
        if unknown:
            raise ValueError(f"modality_dropout: unknown input {unknown[0]!r}; the inputs are {list(features)}")
        rates = {name: rate for name, rate in modality_dropout.items() if name in chosen(features)}
        modality_dropout = schema.to_tensors(rates)
    features = _with_absent(schema.to_tensors(chosen(features)), modality_dropout, seed)
    if wants_tokens(fusion):
        features = {name: _with_first_token(name, each) for name, each in features.items()}
    begun, heads = schema.to_tensors(begun), schema.to_tensors(heads or {})
    head = Head(predicted, dropout=dropout, seed=seed, begun=begun, own=heads)
    logits = fusion(features, head)
    if set(logits) != set(predicted):
        raise ValueError(f"fusion: expected logits of {list(predicted)}, got those of {list(logits)}")
    outputs = {
        name: _output(output, name, logits[name], classifier_activation, task_weights)
        for name, output in predicted.items()
    }
    mark_heads(head.calls, outputs)
    return schema.from_tensors(outputs)


def _output(output, name, logits, classifier_activation, task_weights):
    if task_weights:
        logits = TaskUncertainty(name=f"head_{name}_uncertainty")(logits)
    activation = task_for(output).activation(output, name, classifier_activation)
    if callable(activation):
        logits, activation = activation(logits), "linear"
    # Softmax under mixed precision would lose digits: outputs are always float32.
    return keras.layers.Activation(activation, dtype="float32", name=name)(logits)


def _with_absent(features, rates, seed):
    if not isinstance(rates, Mapping):
        rates = {name: rates for name in features}
    dropout = ModalityDropout({name: rates.get(name, 0.0) for name in features}, seed=seed, name="modality_dropout")
    vectors, present = dropout(
        {name: f.vector for name, f in features.items()}, {name: f.present for name, f in features.items()}
    )
    return {name: f._replace(vector=vectors[name], present=present[name]) for name, f in features.items()}


def _with_first_token(name, features):
    """The vector in front of the tokens, as one that is always visible; the others only where the input is present."""
    if features.tokens is None:
        raise ValueError(
            f"fusion: takes tokens, but the branch of input {name!r} gave none; build it with "
            "tokens=wants_tokens(fusion)"
        )
    tokens = ops.concatenate([ops.expand_dims(features.vector, 1), features.tokens], axis=1)
    rest = ops.logical_and(features.mask, features.present)
    mask = ops.concatenate([ops.ones_like(features.present), rest], axis=1)
    return features._replace(tokens=tokens, mask=mask)
