"""Parts of a schema as trees of dicts, lists, strings and numbers, as they stand in JSON."""

from __future__ import annotations

import dataclasses
import functools
import sys
import types
import typing
from collections.abc import Mapping
from typing import Any

from mmzoo.schema.checks import is_text
from mmzoo.schema.kinds import kind_named


def where_set(default: Any) -> Any:
    """The `dataclasses.field` of an attribute that came later: at its default it is left out of the tree, so that a
    schema that does not need it stays what it was.
    """
    return dataclasses.field(default=default, metadata={"where_set": True})


def to_tree(part: Any) -> dict[str, Any]:
    """A field, modality or output, with its kind."""
    tree: dict[str, Any] = {"kind": type(part).__name__}
    for attribute in dataclasses.fields(part):
        value = getattr(part, attribute.name)
        if attribute.metadata.get("where_set") and value == attribute.default:
            continue
        if isinstance(value, tuple):
            value = [to_tree(item) if dataclasses.is_dataclass(item) else item for item in value]
        tree[attribute.name] = value
    return tree


def from_tree(tree: Mapping[str, Any], place: str) -> Any:
    """What `to_tree` took.

    Args:
        tree: the tree.
        place: where it stands in the schema, for messages.

    Raises:
        ValueError: an unknown kind or attribute, or a value that the kind refuses.
    """
    if not isinstance(tree, Mapping):
        raise ValueError(f"{place}: expected an object with a 'kind', got {tree!r:.80}")
    kind = kind_named(tree.get("kind"), place)
    known = {attribute.name for attribute in dataclasses.fields(kind)}
    attributes = {}
    for key, value in tree.items():
        if key == "kind":
            continue
        if key not in known:
            raise ValueError(f"{place}: {kind.__name__} has no attribute {key!r}; it has {sorted(known)}")
        if isinstance(value, list):
            value = tuple(from_tree(item, f"{place}.{key}") if isinstance(item, Mapping) else item for item in value)
        if not _fits(value, _hints(kind)[key]):
            raise ValueError(f"{place}: {key}: expected {_in_words(_hints(kind)[key])}, got {tree[key]!r:.80}")
        attributes[key] = value
    try:
        return kind(**attributes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}") from error


@functools.cache
def _hints(kind: type) -> dict[str, Any]:
    """Attribute -> what its class says of it."""
    found = {}
    for attribute in dataclasses.fields(kind):
        owner = next(one for one in kind.__mro__ if attribute.name in one.__dict__.get("__annotations__", {}))
        # Not of the class as a whole, whose other annotations need not be for a run-time.
        said = types.SimpleNamespace(__annotations__={"": owner.__annotations__[attribute.name]})
        found[attribute.name] = typing.get_type_hints(said, vars(sys.modules[owner.__module__]))[""]
    return found


def _fits(value: Any, hint: Any) -> bool:
    """Whether a value is of the type that an attribute is said to have, as far as JSON can be wrong about it."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, one) for one in arguments)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        hints = [arguments[0]] * len(value) if arguments[1:] == (...,) else arguments
        return len(hints) == len(value) and all(map(_fits, value, hints))
    if hint is str:
        return is_text(value)
    if hint in (int, float):
        return isinstance(value, int if hint is int else (int, float)) and not isinstance(value, bool)
    return isinstance(value, hint) if hint is bool or hint is types.NoneType or dataclasses.is_dataclass(hint) else True


def _in_words(hint: Any) -> str:
    names = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", types.NoneType: "null"}
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(map(_in_words, arguments))
    if typing.get_origin(hint) is tuple:
        return f"a list, each {_in_words(arguments[0])}"
    return names.get(hint) or getattr(hint, "__name__", str(hint))
