"""Features that something else made, such as a frozen encoder."""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.array import ArrayInput
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Vector(ArrayInput):
    """Features made elsewhere: float32 (width,); missing is all zeros. Raw: an array of the shape.

    While only what comes behind a frozen encoder is trained, this stands for the input that the encoder reads.

    Attributes:
        width: number of features.
    """

    width: int

    def __post_init__(self):
        check_sizes(width=self.width)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.width,)

    def random(self, count, rng):
        return rng.standard_normal((count, *self.shape), np.float32)

    def extreme(self, side):
        return np.full(self.shape, (-10.0, 10.0)[side], self.dtype)

    def contract(self):
        return "features made elsewhere, as they are; missing: all 0"
