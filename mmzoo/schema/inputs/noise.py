"""What a model that makes things up draws from."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.schema.inputs.array import ArrayInput, check_shape
from mmzoo.schema.kinds import register_kind

# Of a million standard normal draws none lies further out.
_FAR = 5.0


@register_kind
@dataclasses.dataclass(frozen=True)
class Noise(ArrayInput):
    """Standard normal numbers: float32 of the shape.

    Where it is missing the edge runtime draws it, anew at each call, from the seed that it was loaded with; the graph
    never does. Raw: an array of the shape.
    """

    # With a default, or the property of the class that it derives from would be taken for one.
    shape: tuple[int, ...] = ()

    is_column: ClassVar[bool] = False
    is_given: ClassVar[bool] = False
    is_drawn: ClassVar[bool] = True

    def __post_init__(self):
        object.__setattr__(self, "shape", check_shape(self.shape))

    def initial(self, rng):
        return rng.standard_normal(self.shape, np.float32)

    def random(self, count, rng):
        return rng.standard_normal((count, *self.shape), np.float32)

    def extreme(self, side):
        return np.full(self.shape, (-_FAR, _FAR)[side], self.dtype)

    def golden(self, rng, number):
        return self.initial(rng)

    def contract(self):
        return "standard normal numbers, drawn anew for every call"
