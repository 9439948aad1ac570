"""Fusions: from the branches' features and a head to the outputs, all interchangeable.

A fusion is a function `(features, head) -> {output: logits}`, where `features` is {input: Features} of one width and
`head(vector, name)` makes new layers at each call and returns {output: logits}. A feature-level fusion joins the
vectors (or tokens) and calls the head once; a decision-level one calls it once an input and joins the logits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras

from mmzoo.branches.features import Features
from mmzoo.fusion.attention import attention_fusion
from mmzoo.fusion.concat import concat_fusion
from mmzoo.fusion.head import activations_for, heads_for
from mmzoo.fusion.sum import sum_fusion
from mmzoo.layers import ModalityDropout, TaskUncertainty
from mmzoo.tasks.names import task_uncertainty_name

__all__ = [
    "FUSIONS",
    "activations_for",
    "attention_fusion",
    "concat_fusion",
    "fuse",
    "heads_for",
    "sum_fusion",
]

FUSIONS: dict[str, Callable] = {"attention": attention_fusion, "concat": concat_fusion, "sum": sum_fusion}


def fuse(
    features: Mapping[str, Features],
    fusion: str | Callable,
    *,
    head: Callable,
    activations: Mapping[str, str | Callable],
    task_weights: bool = False,
    modality_dropout: float | Mapping[str, float] = 0.25,
    seed: int | None = None,
) -> dict:
    """Joins the branches and makes the outputs.

    Args:
        features: input name -> Features, all of one width.
        fusion: "attention", "concat", "sum", or a function `(features, head) -> {output: logits}`.
        head: factory of the head, `head(vector, name) -> {output: logits}`; see `heads_for`.
        activations: output name -> activation (a name, or a layer), applied once after the fusion; see
            `activations_for`.
        task_weights: learn how much each output counts in the loss; see `TaskUncertainty`.
        modality_dropout: probability of hiding an input while training, one for all or by name; names left out are
            never hidden.
        seed: seed of that hiding.

    Returns:
        Output name -> tensor.

    Raises:
        ValueError: an unknown fusion, or a dropout rate for an input that isn't there.
    """
    if not callable(fusion):
        if fusion not in FUSIONS:
            raise ValueError(f"fusion: expected one of {sorted(FUSIONS)} or a function, got {fusion!r}")
        fusion = FUSIONS[fusion]
    features = _with_absent(features, modality_dropout, seed)
    logits = fusion(features, head)
    return {name: _output(name, tensor, activations[name], task_weights) for name, tensor in logits.items()}


def _output(name, logits, activation, task_weights):
    if task_weights:
        logits = TaskUncertainty(name=task_uncertainty_name(name))(logits)
    if callable(activation):
        logits, activation = activation(logits), "linear"
    # Softmax under mixed precision would lose digits: outputs are always float32.
    return keras.layers.Activation(activation, dtype="float32", name=name)(logits)


def _with_absent(features, rates, seed):
    if not isinstance(rates, Mapping):
        rates = {name: rates for name in features}
    unknown = [name for name in rates if name not in features]
    if unknown:
        raise ValueError(f"modality_dropout: unknown input {unknown[0]!r}; the inputs are {list(features)}")
    dropout = ModalityDropout({name: rates.get(name, 0.0) for name in features}, seed=seed, name="modality_dropout")
    vectors, present = dropout(
        {name: f.vector for name, f in features.items()}, {name: f.present for name, f in features.items()}
    )
    return {
        name: Features(f.tokens, keras.ops.logical_and(f.mask, present[name]), vectors[name], present[name])
        for name, f in features.items()
    }
