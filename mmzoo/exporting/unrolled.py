"""Copies of a model fit for export: uncompiled, in float32, and on request in the form that static int8 needs."""

from __future__ import annotations

import copy
from typing import Any

RECURRENT = ("GRU", "LSTM", "SimpleRNN")
# Keras' layers and what stands in for them, see mmzoo/exporting/int8_layers.py.
_REPLACED = {
    "GRU": "UnrolledGRU",
    "LSTM": "UnrolledLSTM",
    "SimpleRNN": "UnrolledSimpleRNN",
    "AveragePooling2D": "PoolingByConvolution",
}
_MIXED = ("mixed_float16", "mixed_bfloat16")


def exportable(model):
    """An uncompiled float32 copy of a model, so that neither an optimizer nor mixed precision reaches the files.

    Args:
        model: a functional Keras model with a `schema`; it is left as it is.

    Returns:
        A `SchemaModel` with the same layers and weights; LoRA factors of a `HubBackbone` are merged into its kernels,
        and it is frozen then.
    """
    return _rebuilt(model, for_int8=False)


def unrolled(model):
    """The same model as static int8 needs it: the converter crashes on a loop, so every recurrent layer is unrolled.

    Recurrent and average pooling layers become those of `mmzoo.exporting.int8_layers`, which 8-bit kernels run faster.

    Args:
        model: a functional Keras model with a `schema`; it is left as it is.

    Returns:
        An uncompiled float32 `SchemaModel` with the same weights and outputs.
    """
    return _rebuilt(model, for_int8=True)


def _rebuilt(model, for_int8):
    from mmzoo.exporting import int8_layers  # noqa: F401 - registers them
    from mmzoo.models.schema_model import SchemaModel

    config = _changed(copy.deepcopy(model.get_config()), for_int8)
    config["schema"] = model.schema.to_dict()
    rebuilt = SchemaModel.from_config(config)
    rebuilt.set_weights([weight for layer in model.layers for weight in _weights(layer)])
    return rebuilt


def _weights(layer):
    from mmzoo.layers import HubBackbone

    # As the numbers of a merged kernel are only known here, and not from the layer's configuration.
    return layer.merged_weights() if isinstance(layer, HubBackbone) else layer.get_weights()


def _changed(node: Any, for_int8: bool) -> Any:
    """Walks a serialised model, so that layers inside wrappers (Bidirectional) and nested models are found too."""
    if isinstance(node, dict):
        node = {key: _changed(value, for_int8) for key, value in node.items()}
        name = node.get("class_name")
        if for_int8 and name in RECURRENT and isinstance(node.get("config"), dict):
            node["config"]["unroll"] = True
        if for_int8 and name in _REPLACED and isinstance(node.get("config"), dict):
            name = _REPLACED[name]
            node |= {"module": "mmzoo.exporting.int8_layers", "class_name": name, "registered_name": f"mmzoo>{name}"}
        if name == "HubBackbone" and node.get("config", {}).get("finetune") == "lora":
            node["config"]["finetune"] = "frozen"
        if name == "DTypePolicy" and node.get("config", {}).get("name") in _MIXED:
            node["config"]["name"] = "float32"
        return node
    if isinstance(node, (list, tuple)):
        return type(node)(_changed(value, for_int8) for value in node)
    return node
