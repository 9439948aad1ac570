"""A seed for the initial weights that leaves the user's own random numbers alone."""

from __future__ import annotations

import contextlib
import functools
import random
from collections.abc import Callable


@contextlib.contextmanager
def initial_weights_seed(seed: int | None):
    """Makes the initial weights of the layers built inside repeatable.

    Keras draws the seed of an initializer that has none from Python's `random`, whose state is put back afterwards.

    Args:
        seed: the seed; None changes nothing.
    """
    if seed is None:
        yield
        return
    state = random.getstate()
    random.seed(seed)
    try:
        yield
    finally:
        random.setstate(state)


def seeded(builder: Callable) -> Callable:
    """`initial_weights_seed` around a whole builder, by its keyword argument `seed`: `@seeded` over its function."""

    @functools.wraps(builder)
    def build(*arguments, **keywords):
        with initial_weights_seed(keywords.get("seed")):
            return builder(*arguments, **keywords)

    return build
