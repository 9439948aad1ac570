"""What inputs have in common that come as arrays: states, noise, features made elsewhere."""

from __future__ import annotations

import numpy as np

from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse


class ArrayInput(Modality):
    """Finite numbers of the modality's shape, float32. Raw: an array of that shape."""

    def encode_value(self, value, place):
        return encode_array(self.shape, value, place)

    def check(self, arrays, place):
        refuse(arrays, ~np.isfinite(arrays), f"{place}: expected finite numbers")

    def golden(self, rng, number):
        return self.random(1, rng)[0]

    def golden_extreme(self, side):
        return self.extreme(side)

    def plain(self, value):
        return np.asarray(value).tolist()


def check_shape(shape) -> tuple[int, ...]:
    """The shape as a tuple of whole numbers of at least 1.

    Raises:
        ValueError: it is none.
    """
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    if not sizes:
        raise ValueError("shape: expected at least one size, such as (64,), got none")
    for size in sizes:
        check_sizes(shape=size)
    return sizes


def encode_array(shape: tuple[int, ...], value, place: str) -> np.ndarray:
    """Numbers of exactly a shape, to float32.

    Raises:
        ValueError, TypeError: another shape, or what is no finite number.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{place}: expected numbers of shape {shape} ({error})") from error
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{place}: expected numbers of shape {shape}, got {type(value).__name__}: {value!r:.80}")
    if array.shape != shape:
        raise ValueError(f"{place}: expected numbers of shape {shape}, got {array.shape}")
    refuse(array, ~np.isfinite(array), f"{place}: expected finite numbers")
    return array.astype(np.float32)
