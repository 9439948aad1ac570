"""What names and sizes in a schema may be."""

from __future__ import annotations

from collections.abc import Iterable


def is_text(value: object) -> bool:
    """Whether it is a string that can be written down: JSON can hold half a character, and nothing else can."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def check_sizes(**sizes: int) -> None:
    """Raises ValueError, naming the attribute, unless each is a whole number of at least 1."""
    for name, size in sizes.items():
        if not isinstance(size, int) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name}: expected a whole number of at least 1, got {size!r}")


def check_number(value: float, what: str) -> float:
    """The number as a float.

    Raises:
        ValueError: it is none; the message begins with `what`.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{what}: expected a number, got {value!r}")
    return float(value)


def check_names(names: Iterable[str], what: str) -> None:
    """Raises ValueError, beginning with `what`, unless there are names, none empty and none twice."""
    names = list(names)
    if not names:
        raise ValueError(f"{what}: expected at least one, got none")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{what}: expected non-empty strings, got {name!r}")
        if name in seen:
            raise ValueError(f"{what}: {name!r} stands there twice")
        seen.add(name)
