"""The table of fusions by name, and what a fusion says of itself."""

from __future__ import annotations

import functools
from collections.abc import Callable

FUSIONS: dict[str, Callable] = {}


def register_fusion(name: str, *, takes_tokens: bool = False) -> Callable[[Callable], Callable]:
    """Makes a fusion known by a name: `@register_fusion("sum")` over its function.

    Args:
        name: the name.
        takes_tokens: whether it looks at the branches' tokens, which it is then given; see `wants_tokens`.

    Raises:
        ValueError: another fusion goes by that name.
    """

    def register(fusion: Callable) -> Callable:
        other = FUSIONS.setdefault(name, fusion)
        if (other.__module__, other.__qualname__) != (fusion.__module__, fusion.__qualname__):
            raise ValueError(f"fusion {name!r}: there is one of that name already, in {other.__module__}")
        fusion.takes_tokens = takes_tokens
        FUSIONS[name] = fusion
        return fusion

    return register


def fusion_named(fusion: str | Callable) -> Callable:
    """The fusion itself, where its name may be given.

    Raises:
        ValueError: no such name; the message lists those there are.
    """
    if callable(fusion):
        return fusion
    if fusion not in FUSIONS:
        raise ValueError(f"fusion: expected one of {sorted(FUSIONS)} or a function, got {fusion!r}")
    return FUSIONS[fusion]


def wants_tokens(fusion: str | Callable) -> bool:
    """Whether a fusion takes tokens: then, and only then, the branches must give them.

    A function or object of one's own says so by an attribute `takes_tokens = True`; a `functools.partial` is asked for
    what it calls.

    Raises:
        ValueError: an unknown name.
    """
    fusion = fusion_named(fusion)
    while isinstance(fusion, functools.partial):
        fusion = fusion.func
    return bool(getattr(fusion, "takes_tokens", False))
