"""mmzoo: a zoo of small multimodal Keras models, and the road from a folder of files to a chip.

Importing it is quick and pulls in neither TensorFlow nor Keras; each name below is loaded when it is first used.
"""

from __future__ import annotations

import importlib

from mmzoo.models.registry import registered_builders

__version__ = "0.1.0"

# Public name -> the module that holds it, with its name there where that is another. Builders join by `@register`.
_LAZY = {
    **{function: module for module, function in registered_builders().values()},
    "Schema": "mmzoo.schema",
    "build_model": "mmzoo.models.registry",
    "build_multimodal_model": "mmzoo.models.multimodal",
    "evaluate": "mmzoo.evaluation",
    "export": "mmzoo.exporting",
    "fit": "mmzoo.training",
    "index": "mmzoo.indexing",
    "infer_schema": "mmzoo.inspection",
    "inspect_table": "mmzoo.inspection",
    "list_models": "mmzoo.models.registry",
    "load_index": "mmzoo.indexing",
    "load_model": "mmzoo.models.schema_model",
    "open_prepared": "mmzoo.data.tables.prepared",
    "predict": "mmzoo.prediction",
    "prepare": "mmzoo.data.tables.preparing",
    "road_sign_schema": "mmzoo.models.schemas.road_sign",
    "split_table": "mmzoo.data.tables.splits",
    "train_table": "mmzoo.recipes.own_data:train",
    "write": "mmzoo.writing",
}
_SUBMODULES = (
    "branches",
    "data",
    "edge",
    "evaluation",
    "exporting",
    "fusion",
    "indexing",
    "inspection",
    "layers",
    "models",
    "presets",
    "recipes",
    "schema",
    "tasks",
    "training",
)

__all__ = ["__version__", *_LAZY]


def __getattr__(name: str):
    if name in _LAZY:
        module, _, attribute = _LAZY[name].partition(":")
        return getattr(importlib.import_module(module), attribute or name)
    if name in _SUBMODULES:
        return importlib.import_module(f"mmzoo.{name}")
    raise AttributeError(f"module 'mmzoo' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY, *_SUBMODULES])
