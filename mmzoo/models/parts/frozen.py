"""The frozen encoders of a model apart from what learns behind them."""

from __future__ import annotations

import numpy as np

from mmzoo.layers.hub_backbone import BACKBONE, POOLED

# Pictures or texts a step.
BATCH = 32


def frozen_encoders(model) -> dict:
    """Input name -> the part of the model from that input to its encoder's pooled features, for frozen encoders.

    Of a model whose fusion takes tokens there are none: these need more than the pooled features.

    Args:
        model: a model with a schema.
    """
    import keras

    names = {layer.name: layer for layer in model.layers}
    found = {}
    for name in model.schema.inputs:
        backbone = names.get(f"{name}{BACKBONE}")
        if getattr(backbone, "finetune", None) == "frozen" and not _gives_tokens(backbone, name):
            found[name] = keras.Model(model.input[name], names[f"{name}{POOLED}"].output)
    return found


def encoder_part(tensor, vector, name: str):
    """The part of a branch from an input's tensor to its encoder's pooled features.

    Args:
        tensor: the input.
        vector: of the branch's `Features`.
        name: the input's.
    """
    import keras

    return keras.Model(tensor, keras.Model(tensor, vector).get_layer(f"{name}{POOLED}").output)


def _gives_tokens(backbone, name):
    """Whether more than the pooling reads what the encoder gives."""
    readers = [node.operation for node in backbone._outbound_nodes]
    while len(readers) == 1 and readers[0].name == f"{name}_places":
        readers = [node.operation for node in readers[0]._outbound_nodes]
    return [reader.name for reader in readers] != [f"{name}{POOLED}"]


def features_of(encoder, arrays: np.ndarray) -> np.ndarray:
    """The pooled features of samples: float32 (N, D); zeros where the input is missing (all zeros).

    Args:
        encoder: of `frozen_encoders`.
        arrays: (N, ...), as the model takes them.
    """
    found = np.zeros((len(arrays), encoder.output_shape[-1]), np.float32)
    given = np.flatnonzero((arrays != 0).reshape(len(arrays), -1).any(axis=1))
    for start in range(0, len(given), BATCH):
        rows = given[start : start + BATCH]
        # Always whole batches, or the graph would be traced anew.
        filled = np.resize(rows, BATCH)
        found[rows] = np.asarray(encoder.predict_on_batch(arrays[filled]))[: len(rows)]
    return found


def take_over(model, learner) -> None:
    """Puts what a learner of features has learnt into the whole model, whose encoders stay as they are.

    Args:
        model: the whole model.
        learner: the same model with a `Vector` in place of each input that a frozen encoder reads.

    Raises:
        ValueError: they are not the same model otherwise; the message names a layer.
    """
    learnt = {layer.name: layer for layer in learner.layers if layer.weights}
    for layer in model.layers:
        if not layer.weights or hasattr(layer, "finetune"):
            continue
        if layer.name not in learnt:
            raise ValueError(f"the learner has no layer {layer.name!r}")
        layer.set_weights(learnt.pop(layer.name).get_weights())
    if learnt:
        raise ValueError(f"the model has no layer {next(iter(learnt))!r}, which the learner has")
