"""Parts of a schema as trees of dicts, lists, strings and numbers, as they stand in JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

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
        attributes[key] = value
    try:
        return kind(**attributes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}") from error
