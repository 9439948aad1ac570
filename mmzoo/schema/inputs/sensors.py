"""Rows of numbers, angles, categories and dates."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mmzoo.encoding import encode_fields
from mmzoo.schema.fields import Field
from mmzoo.schema.inputs.fielded import Fielded, every_second
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Sensors(Fielded):
    """A row of numbers and categories: float32 (len(fields),), each in its own unit; missing is NaN, field by field.

    Raw: mapping from field name to number, category or date; fields left out, None, NaN or "" are missing. A field with
    an origin holds its distance from it.
    """

    fields: tuple[Field, ...]

    is_column: ClassVar[bool] = False

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.fields),)

    def encode_value(self, value, place):
        return encode_fields(self.fields, value, place)

    def golden(self, rng, number):
        return self.golden_row(rng)

    def golden_thinned(self, value):
        return every_second(value)

    def golden_extreme(self, side):
        return self.golden_extreme_row(side)

    def raw_columns(self, name):
        return {f"{name}_{field.name}": (field.raw_dtype, ()) for field in self.fields}

    def contract(self):
        return "numbers in the units below, not normalised, categories as index; missing: NaN, field by field"

    def words(self, array):
        return self.words_of_row(array)
