"""Where the branches of a built model end: what `fuse` was given, read from the model's graph.

All branches end in the model's `ModalityDropout`, whatever they are made of and whatever their layers are called.
"""

from __future__ import annotations

from collections.abc import Iterable

from mmzoo.branches.parts.features import Features
from mmzoo.layers import ModalityDropout
from mmzoo.layers.graph import layers_between


def branch_ends(model) -> dict[str, Features]:
    """Input name -> the features that its branch gives, as tensors of the model's graph.

    Args:
        model: a `SchemaModel` whose outputs `fuse` made.

    Returns:
        By the schema's names, in its order. Tokens are None where the fusion takes none; the mask always is.

    Raises:
        ValueError: the model's outputs were not made by `fuse`.
    """
    found = [layer for layer in model.layers if isinstance(layer, ModalityDropout)]
    if len(found) != 1:
        raise ValueError(
            f"model {model.name!r}: its branches can't be told, as it has {len(found)} layers ModalityDropout; "
            "expected one, as mmzoo.fusion.fuse makes it"
        )
    node = found[0]._inbound_nodes[0]
    vectors, present = node.arguments.args[:2]
    # Keras flattens a dict by its sorted keys; behind the vectors come the flags.
    stands_in = dict(zip(sorted(vectors), node.outputs[: len(vectors)], strict=True))
    ends = model.schema.from_tensors(
        {name: Features(_tokens_behind(stands_in[name]), None, vectors[name], present[name]) for name in vectors}
    )
    return {name: ends[name] for name in model.schema.inputs if name in ends}


def branch_layers(model) -> dict[str, list]:
    """Input name -> the layers with weights between the input and its branch's vector; see `branch_ends`."""
    tensors = {name: model.input[model.schema.tensor_names[name]] for name in model.schema.inputs}
    return {
        name: [layer for layer in layers_between([tensors[name]], [end.vector]) if getattr(layer, "weights", ())]
        for name, end in branch_ends(model).items()
    }


def copy_branches(source, target, inputs: Iterable[str] | None = None) -> None:
    """Puts what the branches of one model have learnt into another of the same branches.

    Both may differ in their fusion, their heads and the inputs beside those; layers go by their names.

    Args:
        source: a `SchemaModel`.
        target: another, of which each branch has the layers of the source's.
        inputs: names; None: all that both have.

    Raises:
        ValueError: an input that one of them lacks, or branches that are made otherwise; the message names the layer.
    """
    learnt, own = branch_layers(source), branch_layers(target)
    names = [name for name in own if name in learnt] if inputs is None else list(inputs)
    for name in names:
        for which, layers in (("source", learnt), ("target", own)):
            if name not in layers:
                raise ValueError(f"the {which} has no branch for input {name!r}; it has {list(layers)}")
        have = {layer.name: layer for layer in learnt[name]}
        for layer in own[name]:
            if layer.name not in have:
                raise ValueError(
                    f"input {name!r}: the source's branch has no layer {layer.name!r}; it has {list(have)}"
                )
            shapes = [[tuple(v.shape) for v in one.weights] for one in (have[layer.name], layer)]
            if shapes[0] != shapes[1]:
                raise ValueError(
                    f"input {name!r}: layer {layer.name!r} has weights {shapes[0]} in the source, {shapes[1]} here"
                )
        for layer in own[name]:
            layer.set_weights(have[layer.name].get_weights())


def _tokens_behind(vector):
    """What `fuse` puts the vector in front of, (B, N, D); None where the fusion takes no tokens."""
    for first in _readers(vector):
        for joining in _readers(first.outputs[0]):
            given = joining.input_tensors
            if len(given) == 2 and given[0] is first.outputs[0] and len(given[1].shape) == 3:
                return given[1]
    return None


def _readers(tensor):
    """The nodes of the graph that read a tensor."""
    nodes = tensor._keras_history.operation._outbound_nodes
    return [node for node in nodes if any(given is tensor for given in node.input_tensors)]
