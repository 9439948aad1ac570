"""What a model remembers from one call to the next."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output


@register_kind
@dataclasses.dataclass(frozen=True)
class State(Modality, Output):
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

    def encode_value(self, value, place):
        return encode_array(self.shape, value, place)

    def check(self, arrays, place):
        refuse(arrays, ~np.isfinite(arrays), f"{place}: expected finite numbers")

    def random(self, count, rng):
        return rng.uniform(-1.0, 1.0, (count, *self.shape)).astype(self.dtype)

    def extreme(self, side):
        return np.full(self.shape, (-1.0, 1.0)[side], self.dtype)

    def golden(self, rng, number):
        return self.random(1, rng)[0]

    def golden_extreme(self, side):
        return self.extreme(side)

    def plain(self, value):
        return np.asarray(value).tolist()

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
