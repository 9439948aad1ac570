"""The kinds of fields, inputs and outputs there are: the name in a schema.json -> the class.

A kind of your own, from outside the package, joins by the same decorator: derive a frozen dataclass from `Modality` or
`Output` and put `@register_kind` over it. Its rooms (a branch, a task) are registered beside it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

# Names that an earlier version of the schema gave a kind.
_OLD_NAMES = {"Sequence": "Series"}

_KINDS: dict[str, type] = {}


def register_kind(kind: type) -> type:
    """Makes a kind known by its class's name, so that schemas with it can be read from JSON.

    Args:
        kind: a frozen dataclass; its attributes are strings, numbers, None, or tuples of these or of other kinds.

    Raises:
        ValueError: another class goes by that name.
    """
    other = _KINDS.setdefault(kind.__name__, kind)
    if (other.__module__, other.__qualname__) != (kind.__module__, kind.__qualname__):
        raise ValueError(f"{kind.__name__!r} is a kind already, of {other.__module__}; call yours something else")
    _KINDS[kind.__name__] = kind
    return kind


def kind_named(name: object, place: str) -> type:
    """The class of a kind.

    Args:
        name: as it stands in a schema.json.
        place: where it stands, for the message.

    Raises:
        ValueError: there is no such kind; the message lists those there are.
    """
    kind = (_KINDS.get(name) or _KINDS.get(_OLD_NAMES.get(name))) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"{place}: unknown kind {name!r}; expected one of {sorted(_KINDS)}")
    return kind


def kinds_of(base: type) -> tuple[type, ...]:
    """The known kinds that derive from `base`, in the order in which they became known."""
    return tuple(kind for kind in _KINDS.values() if issubclass(kind, base))


_Answer = TypeVar("_Answer")


class KindTable(Generic[_Answer]):
    """What a room knows of each kind beside what the kind's class says; kinds from outside the package may join.

    Args:
        what: what the room has for a kind, in words: "branch".
    """

    def __init__(self, what: str):
        self._what = what
        self._answers: dict[type, _Answer] = {}

    def register(self, kind: type, answer: _Answer) -> None:
        """Makes `answer` the answer for `kind`, and for kinds that derive from it and have none of their own."""
        self._answers[kind] = answer

    def answer(self, part: Any, place: str = "") -> _Answer:
        """The answer for one field, input or output.

        Args:
            part: the field, input or output.
            place: where it stands, for the message.

        Raises:
            TypeError: there is none for its kind; the message names it and those that have one.
        """
        for kind in type(part).__mro__:
            if kind in self._answers:
                return self._answers[kind]
        known = sorted(kind.__name__ for kind in self._answers)
        where = f"{place}: " if place else ""
        raise TypeError(f"{where}no {self._what} for the kind {type(part).__name__}; there is one for each of {known}")
