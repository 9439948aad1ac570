"""Copies of a model fit for export: uncompiled, in float32, and on request with its recurrent layers unrolled."""

from __future__ import annotations

import copy
from typing import Any

RECURRENT = ("GRU", "LSTM", "SimpleRNN")
_MIXED = ("mixed_float16", "mixed_bfloat16")


def exportable(model):
    """An uncompiled float32 copy of a model, so that neither an optimizer nor mixed precision reaches the files.

    Args:
        model: a functional Keras model with a `schema`; it is left as it is.

    Returns:
        A `SchemaModel` with the same layers and weights.
    """
    return _rebuilt(model, {})


def unrolled(model):
    """The same model with every recurrent layer unrolled, as static int8 needs: the converter crashes on a loop.

    Args:
        model: a functional Keras model with a `schema`; it is left as it is.

    Returns:
        An uncompiled float32 `SchemaModel` with the same weights and outputs.
    """
    return _rebuilt(model, {"unroll": True})


def _rebuilt(model, recurrent_options):
    from mmzoo.models.schema_model import SchemaModel

    config = _changed(copy.deepcopy(model.get_config()), recurrent_options)
    config["schema"] = model.schema.to_dict()
    rebuilt = SchemaModel.from_config(config)
    rebuilt.set_weights(model.get_weights())
    return rebuilt


def _changed(node: Any, recurrent_options: dict) -> Any:
    """Walks a serialised model, so that layers inside wrappers (Bidirectional) and nested models are found too."""
    if isinstance(node, dict):
        node = {key: _changed(value, recurrent_options) for key, value in node.items()}
        if node.get("class_name") in RECURRENT and isinstance(node.get("config"), dict):
            node["config"].update(recurrent_options)
        if node.get("class_name") == "DTypePolicy" and node.get("config", {}).get("name") in _MIXED:
            node["config"]["name"] = "float32"
        return node
    if isinstance(node, (list, tuple)):
        return type(node)(_changed(value, recurrent_options) for value in node)
    return node
