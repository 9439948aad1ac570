"""The registry of builders: `@register("road_sign")` over a builder in mmzoo/models is all that a model needs.

Its file is not imported before the model is built, so that `import mmzoo` and listing cost nothing: the decorator's
line is read in the file's text. A builder elsewhere is known once its file was imported.
"""

from __future__ import annotations

import functools
import importlib
import pathlib
import re
from collections.abc import Callable

# The line of the decorator, any others below it, and that of the function.
_REGISTERED = re.compile(r'^@register\("(\w+)"\)\n(?:@.*\n)*def (\w+)\(', re.MULTILINE)

_BUILDERS: dict[str, Callable] = {}


def register(name: str) -> Callable[[Callable], Callable]:
    """Makes a builder known by a name; it must build without arguments.

    Args:
        name: of the model, which is also its schema's. A builder in mmzoo/models is public under `mmzoo` as well.

    Raises:
        ValueError: another builder goes by that name.
    """

    def add(builder: Callable) -> Callable:
        place = (builder.__module__, builder.__qualname__)
        other = registered_builders().get(name, place)
        if other != place:
            raise ValueError(f"model {name!r}: there is one of that name already, {'.'.join(other)}")
        _BUILDERS[name] = builder
        return builder

    return add


def registered_builders() -> dict[str, tuple[str, str]]:
    """Name of each model -> module and name of its builder."""
    known = {name: (builder.__module__, builder.__qualname__) for name, builder in _BUILDERS.items()}
    return {**_in_files(), **known}


def list_models() -> list[str]:
    """The names of all models that build without arguments.

    >>> "road_sign" in list_models()
    True
    """
    return sorted(registered_builders())


def get_builder(name: str) -> Callable:
    """The builder of a model.

    Raises:
        ValueError: there is no such model; the message lists those there are.
    """
    if name not in _BUILDERS:
        if name not in _in_files():
            raise ValueError(f"unknown model {name!r}; the models are {list_models()}")
        importlib.import_module(_in_files()[name][0])
    return _BUILDERS[name]


def build_model(name: str, **arguments):
    """Builds a model by name: `build_model("road_sign", size="nano")`.

    Args:
        name: one of `list_models()`.
        **arguments: the builder's own.

    Returns:
        The `keras.Model`.
    """
    return get_builder(name)(**arguments)


@functools.cache
def _in_files():
    found: dict[str, tuple[str, str]] = {}
    for file in sorted(pathlib.Path(__file__).parent.glob("*.py")):
        for name, function in _REGISTERED.findall(file.read_text(encoding="utf-8")):
            place = (f"mmzoo.models.{file.stem}", function)
            if found.setdefault(name, place) != place:
                raise ValueError(f"model {name!r} is registered twice: {'.'.join(found[name])} and {'.'.join(place)}")
    return found
