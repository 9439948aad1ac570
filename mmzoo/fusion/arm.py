"""Arms: while `only_inputs` holds, what a builder builds has those inputs and no others.

A builder needs no line for it: `fuse` joins the chosen features alone, and the model is cut from the chosen inputs to
the outputs, so that nothing of the other branches is in it.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

Value = TypeVar("Value")

_CHOSEN: contextvars.ContextVar[tuple[str, ...] | None] = contextvars.ContextVar("chosen", default=None)


@contextlib.contextmanager
def only_inputs(names: Sequence[str] | None) -> Iterator[None]:
    """Builders called meanwhile build models of some inputs.

    Args:
        names: the inputs; None: all.

    Raises:
        ValueError: no name.
    """
    if names is not None and not names:
        raise ValueError("inputs: name at least one")
    token = _CHOSEN.set(None if names is None else tuple(names))
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def chosen(by_input: Mapping[str, Value]) -> dict[str, Value]:
    """What belongs to the inputs that are chosen, in its order.

    Args:
        by_input: input -> anything.

    Raises:
        ValueError: a chosen name is no input.
    """
    names = _CHOSEN.get()
    if names is None:
        return dict(by_input)
    unknown = [name for name in names if name not in by_input]
    if unknown:
        raise ValueError(f"no input {unknown[0]!r}; the inputs are {list(by_input)}")
    return {name: value for name, value in by_input.items() if name in names}
