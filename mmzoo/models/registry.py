"""The registry of builders."""

from __future__ import annotations

import importlib
from collections.abc import Callable

# Name -> where its builder is; imported only when asked for, so that listing costs nothing.
_BUILDERS = {"road_sign": ("mmzoo.models.road_sign", "build_road_sign_model")}


def list_models() -> list[str]:
    """The names of all models that build without arguments.

    >>> "road_sign" in list_models()
    True
    """
    return sorted(_BUILDERS)


def get_builder(name: str) -> Callable:
    """The builder of a model.

    Raises:
        ValueError: there is no such model; the message lists those there are.
    """
    if name not in _BUILDERS:
        raise ValueError(f"unknown model {name!r}; the models are {list_models()}")
    module, function = _BUILDERS[name]
    return getattr(importlib.import_module(module), function)


def build_model(name: str, **arguments):
    """Builds a model by name: `build_model("road_sign", size="nano")`.

    Args:
        name: one of `list_models()`.
        **arguments: the builder's own.

    Returns:
        The `keras.Model`.
    """
    return get_builder(name)(**arguments)
