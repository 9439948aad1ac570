"""What inputs have in common whose last axis are fields, each in its own unit."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mmzoo.schema.checks import check_names
from mmzoo.schema.fields import Field
from mmzoo.schema.inputs.modality import Modality, refuse


class Fielded(Modality):
    """Fields on the last axis, float32, categories as index; missing is NaN, field by field."""

    fields: tuple[Field, ...]

    def __post_init__(self):
        object.__setattr__(self, "fields", tuple(self.fields))
        for field in self.fields:
            if not isinstance(field, Field):
                raise ValueError(
                    f"fields: expected an object such as Number('speed', 'km/h', 0, 300), got {field!r:.80}"
                )
        check_names([field.name for field in self.fields], f"the fields of a {type(self).__name__} input")

    def missing(self):
        return np.full(self.shape, np.nan, self.dtype)

    def present(self, arrays):
        return ~np.isnan(arrays).reshape(len(arrays), -1).all(axis=1)

    def check(self, arrays, place):
        for index, field in enumerate(self.fields):
            column = arrays[..., index]
            good, wanted = field.good(column)
            refuse(column, ~(good | np.isnan(column)), f"{place}: field {field.name!r}: {wanted}")

    def meaning(self):
        # Ranges and formats don't belong to it.
        return {
            f"field {place} ({field.name!r})": (
                type(field),
                getattr(field, "unit", None),
                field.categories,
                field.origin,
            )
            for place, field in enumerate(self.fields)
        }

    def random(self, count, rng):
        columns = [field.random((count, *self.shape[:-1]), rng) for field in self.fields]
        return np.stack(columns, axis=-1).astype(self.dtype)

    def extreme(self, side):
        values = np.array([field.extremes[side] for field in self.fields], self.dtype)
        return np.broadcast_to(values, self.shape).copy()

    def golden_row(self, rng: np.random.Generator) -> dict:
        """A value for each field, for golden vectors."""
        return {field.name: field.golden(rng) for field in self.fields}

    def golden_extreme_row(self, side: int) -> dict:
        """Each field's lowest (side 0) or highest value."""
        return {field.name: field.golden_extreme(side) for field in self.fields}

    def words_of_row(self, row: np.ndarray) -> list[str]:
        """The fields of float (F,) that are there, in words."""
        words = [field.in_words(value) for field, value in zip(self.fields, row, strict=True)]
        return [word for word in words if word]


def every_second(row: Mapping) -> dict:
    """The first, third, ... field of a row; the others are missing."""
    return dict(list(row.items())[::2])
