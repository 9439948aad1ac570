"""What a model remembers from one call to the next."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.schema.inputs.array import ArrayInput, check_shape
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output


@register_kind
@dataclasses.dataclass(frozen=True)
class State(ArrayInput, Output):
    """An input that is also the output of the same name, fed back at the next call: float32, zeros at the start.

    It stands in a schema's inputs and outputs by one name. `EdgeModel.stream()` keeps it from call to call; whatever
    predicts single samples starts from zeros each time. Raw, where it is given at all: an array of the shape.

    >>> from mmzoo.schema import Schema, Series, Number, Value
    >>> memory = State((8,))
    >>> schema = Schema(
    ...     "stream", {"motion": Series(4, (Number("speed"),)), "memory": memory}, {"next": Value(), "memory": memory}
    ... )
    >>> list(schema.given), list(schema.predicted)
    (['motion'], ['next'])
    """

    # With a default, or the property of the classes that it derives from would be taken for one.
    shape: tuple[int, ...] = ()

    is_column: ClassVar[bool] = False
    is_given: ClassVar[bool] = False
    is_predicted: ClassVar[bool] = False

    def __post_init__(self):
        object.__setattr__(self, "shape", check_shape(self.shape))

    # As an input -----------------------------------------------------------------------------------------------------

    def random(self, count, rng):
        return rng.uniform(-1.0, 1.0, (count, *self.shape)).astype(self.dtype)

    def extreme(self, side):
        return np.full(self.shape, (-1.0, 1.0)[side], self.dtype)

    def contract(self):
        return "zeros at the start, then what the output of this name gave at the call before"

    # As an output ----------------------------------------------------------------------------------------------------

    def encode_target(self, value, place):
        raise TypeError(f"{place}: a state is fed back, not predicted; it has no target")

    def missing_target(self):
        return self.missing()

    def has_target(self, targets):
        return np.zeros(len(targets), bool)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """None: nobody is to predict it."""
        return np.broadcast_to(self.missing_target(), (count, *self.shape))

    def decode(self, row, raw=None, top=3):
        return row

    def columns(self, name):
        return ()

    def cells(self, row, raw=None):
        return ()
