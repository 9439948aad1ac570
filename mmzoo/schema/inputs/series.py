"""Fields over time."""

from __future__ import annotations

import dataclasses
import json
from typing import ClassVar

import numpy as np

from mmzoo.encoding import encode_series
from mmzoo.schema.checks import check_sizes
from mmzoo.schema.fields import Field
from mmzoo.schema.inputs.fielded import Fielded, every_second
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Series(Fielded):
    """Fields over time, the newest step last: float32 (steps, len(fields)), each in its own unit; missing is NaN.

    Of a longer series the newest steps are kept; a shorter one is padded in front with missing steps. Steps are missing
    one by one, and fields within a step.

    Raw: a list of mappings from field name to value (or of rows of values in the fields' order), where a step of None
    or {} is missing; a float array (T, len(fields)) as in the tensor; or the path of a CSV file whose columns are named
    like the fields. In a table's cell: the path, or the list as JSON.

    Attributes:
        steps: number of steps.
        fields: what is measured at each.
    """

    steps: int
    fields: tuple[Field, ...] = ()

    is_file: ClassVar[bool] = True
    extents: ClassVar[tuple[str, ...]] = ("steps",)

    def __post_init__(self):
        check_sizes(steps=self.steps)
        super().__post_init__()

    @property
    def shape(self) -> tuple[int, ...]:
        return self.steps, len(self.fields)

    @property
    def steps_in_turn(self) -> int:
        return self.steps

    def encode_value(self, value, place):
        return encode_series(self, value, place)

    def parse_cell(self, cell, place):
        cell = cell.strip()
        if not cell.startswith("["):
            return cell or None
        try:
            return json.loads(cell)
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{place}: expected the path of a CSV file, or a list of steps as JSON; got {cell!r:.80} ({error})"
            ) from error

    def full(self, arrays, rng):
        given = arrays[rng.permutation(len(arrays))[: self.steps]].reshape(-1, len(self.fields))
        given = given[~np.isnan(given).all(axis=1)]
        if not len(given):
            return self.random(1, rng)[0]
        return np.resize(given, self.shape).astype(self.dtype)

    def golden(self, rng, number):
        # Shorter ones by turns, which are padded.
        return [self.golden_row(rng) for _ in range(max(1, self.steps - number % 3))]

    def golden_thinned(self, value):
        return [every_second(row) for row in value]

    def golden_extreme(self, side):
        return [self.golden_extreme_row(side)] * self.steps

    def golden_cut(self):
        rng = np.random.default_rng(0)
        return [self.golden_row(rng) for _ in range(self.steps + 2)]

    def contract(self):
        return (
            f"{self.steps} steps, the newest last, of numbers in the units below, not normalised, categories as index; "
            "of longer series the newest steps, shorter ones padded in front with NaN; missing: NaN, step by step and "
            "field by field"
        )

    def words(self, array):
        given = ~np.isnan(array).all(axis=1)
        if not given.any():
            return []
        return [f"{given.sum()} of {self.steps} steps, the newest:", *self.words_of_row(array[given][-1])]
