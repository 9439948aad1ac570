"""What the graph of a functional model says: which inputs a layer reads, and which output it is for.

A layer that is for one output alone, from its head on, has the name of that output as the attribute `output_name`.
`mark_heads` sets it when a model is built, and `mmzoo.models.schema_model` keeps it in the model's file. Names are as
in the graph (`Schema.tensor_names`); who asks a model for an output, or what adapts to what, does it by the schema's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from keras import layers


def inputs_of(layer) -> set[str]:
    """Names of the inputs that have a say in what a layer gives, in all models that it is part of."""
    waiting, seen, found = [layer], set(), set()
    while waiting:
        operation = waiting.pop()
        if id(operation) in seen:
            continue
        seen.add(id(operation))
        if isinstance(operation, layers.InputLayer):
            found.add(operation.name)
        waiting += [parent for node in operation._inbound_nodes for parent in map(_maker, node.input_tensors)]
    return found


def readers_of(layer) -> list:
    """The layers and operations that read what a layer gives."""
    return [node.operation for node in layer._outbound_nodes]


def adapting_layers(model) -> dict[str, list]:
    """Name of an input or output -> the layers that adapt to its data.

    Raises:
        ValueError: a layer adapts to its input, but reads several.
    """
    found: dict[str, list] = {}
    for layer in model.layers:
        source = getattr(layer, "adapts_to", None)
        names = inputs_of(layer) if source == "inputs" else set()
        if source == "targets" and hasattr(layer, "output_name"):
            names = {layer.output_name}
        if len(names) > 1:
            raise ValueError(f"layer {layer.name!r}: adapts to one input, but reads {sorted(names)}")
        for name in names:
            found.setdefault(name, []).append(layer)
    return model.schema.from_tensors(found)


def layers_between(starts: Iterable, ends: Iterable) -> list:
    """The layers and operations on the ways from some tensors of a functional graph to others."""
    starts, waiting = list(starts), list(ends)
    first, seen = {id(tensor) for tensor in starts}, set()
    readers: dict[int, list] = {}
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen or id(tensor) in first:
            continue
        seen.add(id(tensor))
        for source in _sources(tensor):
            readers.setdefault(id(source), []).append(tensor)
            waiting.append(source)
    found, reached, waiting = {}, set(), starts
    while waiting:
        for tensor in readers.get(id(waiting.pop()), ()):
            if id(tensor) not in reached:
                reached.add(id(tensor))
                found[id(_maker(tensor))] = _maker(tensor)
                waiting.append(tensor)
    return list(found.values())


def mark_heads(calls: Iterable[tuple], outputs: Mapping) -> None:
    """Sets `output_name` for the layers of new heads, and for what stands between them and the outputs.

    Args:
        calls: for each call of the head the vector it was given and the logits it gave by output.
        outputs: output name -> tensor.
    """
    calls = list(calls)
    found = {
        name: [
            *(layer for vector, logits in calls for layer in layers_between([vector], [logits[name]])),
            *layers_between([logits[name] for _, logits in calls], [output]),
        ]
        for name, output in outputs.items()
    }
    _mark(found)


def mark_old_heads(outputs: Mapping) -> None:
    """Sets `output_name` where nobody has: in a model that was put together by hand, or by an older mmzoo.

    The head is taken to be the dense layers that the way back from an output comes to first, but for layers without
    weights and those that say `is_for_output`.

    Args:
        outputs: output name -> tensor.
    """
    _mark({name: _last_layers(tensor) for name, tensor in outputs.items()})


def output_layer(model, output: str, kind: type):
    """The layer of a class that is for an output alone; None where there is none.

    Args:
        model: a `SchemaModel`.
        output: name of the output.
        kind: the layer's class.
    """
    tensor = model.schema.tensor_names[output]
    found = (layer for layer in model.layers if isinstance(layer, kind))
    return next((layer for layer in found if getattr(layer, "output_name", None) == tensor), None)


def _mark(found):
    for name, marked in found.items():
        others = {id(layer) for other, its in found.items() if other != name for layer in its}
        for layer in marked:
            if isinstance(layer, layers.Layer) and id(layer) not in others:
                layer.output_name = name


def _last_layers(output):
    waiting, seen, found = [output], set(), []
    while waiting:
        tensor = waiting.pop()
        if id(tensor) in seen:
            continue
        seen.add(id(tensor))
        layer = _maker(tensor)
        is_for_output = getattr(layer, "is_for_output", False)
        if is_for_output or isinstance(layer, layers.Dense):
            found.append(layer)
        if is_for_output or not getattr(layer, "weights", ()):
            waiting += _sources(tensor)
    return found


def _maker(tensor):
    return tensor._keras_history.operation


def _sources(tensor):
    operation, node, _ = tensor._keras_history
    return operation._inbound_nodes[node].input_tensors
