"""Features that something else made, such as a frozen encoder."""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.inputs.state import encode_array
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Vector(Modality):
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

    def encode_value(self, value, place):
        return encode_array(self.shape, value, place)

    def check(self, arrays, place):
        refuse(arrays, ~np.isfinite(arrays), f"{place}: expected finite numbers")

    def random(self, count, rng):
        return rng.standard_normal((count, *self.shape), np.float32)

    def extreme(self, side):
        return np.full(self.shape, (-10.0, 10.0)[side], self.dtype)

    def golden(self, rng, number):
        return self.random(1, rng)[0]

    def golden_extreme(self, side):
        return self.extreme(side)

    def plain(self, value):
        return np.asarray(value).tolist()

    def contract(self):
        return "features made elsewhere, as they are; missing: all 0"
