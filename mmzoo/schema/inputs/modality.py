"""What every kind of input has: `Modality`, the class that all of them derive from."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

import numpy as np

from mmzoo.encoding.missing import is_missing
from mmzoo.schema.fields import Field


class Modality(abc.ABC):
    """One named input of a model, as a frozen dataclass of what makes its shape and meaning.

    All that depends on the kind of an input, and needs no more than NumPy, is asked of its class. What a room beyond
    that needs (a branch, operations of TensorFlow, a record on disk) stands in that room's own table of kinds.

    Attributes:
        dtype: of the tensor in the model.
        fields: those of the last axis, where it has any; () otherwise.
        option: the word that gives it on a command line ("image" for --image); None: by --set alone.
        is_file: whether a string that `parse_cell` gives is the path of a file, which a table looks for in its folder.
        is_large: whether tables keep the path and read the file when a sample is due, rather than hold the array.
        is_column: whether one cell of a table feeds it as a whole; of a kind with fields that is not, each field has a
            column of its own.
        is_given: whether users give it as data. What is not (a state, noise) has no column, is never hidden, and stands
            in no table of missing inputs and in no arm.
        is_drawn: whether it is drawn at random at every call that does not give it.
        teacher: name of the output whose target is filled in for it while training; "": none.
        extents: attributes that say how much there is of it and not what it means: weights fit other ones.
    """

    dtype: ClassVar[str] = "float32"
    fields: ClassVar[tuple[Field, ...]] | tuple[Field, ...] = ()
    option: ClassVar[str | None] = None
    is_file: ClassVar[bool] = False
    is_large: ClassVar[bool] = False
    is_column: ClassVar[bool] = True
    is_given: ClassVar[bool] = True
    is_drawn: ClassVar[bool] = False
    teacher: ClassVar[str] | str = ""
    extents: ClassVar[tuple[str, ...]] = ()

    @property
    @abc.abstractmethod
    def shape(self) -> tuple[int, ...]:
        """Of one sample's array, without a batch dimension."""

    @property
    def steps_in_turn(self) -> int:
        """How many steps a recurrent network reads one after another; 0: it is read at once."""
        return 0

    # Raw values to arrays --------------------------------------------------------------------------------------------

    def missing(self) -> np.ndarray:
        """The array that stands for "this input is missing": zeros, unless the kind says otherwise."""
        return np.zeros(self.shape, self.dtype)

    def initial(self, rng: np.random.Generator) -> np.ndarray:
        """The array of an input that users need not give (`is_given` is False) where they don't: the missing one,
        or what is drawn from `rng`.
        """
        return self.missing()

    def present(self, arrays: np.ndarray) -> np.ndarray:
        """Which samples have the input: bool (N,) from arrays (N, *shape)."""
        return (arrays != 0).reshape(len(arrays), -1).any(axis=1)

    def encode(self, value: Any, place: str) -> np.ndarray:
        """Encodes one raw value.

        Args:
            value: the raw value, see the class; None, NaN, NaT and pandas' NA are missing for every kind.
            place: the input's name, for error messages.

        Returns:
            Array of the modality's shape and dtype.

        Raises:
            ValueError, TypeError, KeyError, FileNotFoundError, ImportError: a value that can't be encoded; the message
                begins with the place.
        """
        return self.missing() if is_missing(value) else self.encode_value(value, place)

    @abc.abstractmethod
    def encode_value(self, value: Any, place: str) -> np.ndarray:
        """`encode` of a value that is not missing."""

    def parse_cell(self, cell: str, place: str) -> Any:
        """A cell's text, or a word of a command line, as a raw value; None where it is empty, which is missing."""
        return cell.strip() or None

    @abc.abstractmethod
    def check(self, arrays: np.ndarray, place: str) -> None:
        """Refuses values that `encode` would never give.

        Args:
            arrays: (..., *shape), of the modality's kind of dtype but not cast yet.
            place: the input's name, for error messages.

        Raises:
            ValueError: such a value; the message names the place, what was expected, the value and where it stands.
        """

    def meaning(self) -> dict[str, object]:
        """What the numbers of the tensor stand for, part by part: weights fit a model only where it is the same."""
        parts = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        return {"kind": type(self), **{name: value for name, value in parts.items() if name not in self.extents}}

    # What a file is tried on, and what a port is checked with --------------------------------------------------------

    @abc.abstractmethod
    def random(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Samples that are valid but mean nothing, nothing missing: array (count, *shape)."""

    @abc.abstractmethod
    def extreme(self, side: int) -> np.ndarray:
        """The lowest (side 0) or highest (side 1) values there can be: array of the shape."""

    def full(self, arrays: np.ndarray, rng: np.random.Generator) -> np.ndarray | None:
        """A sample that fills every step, put together from others; None of a kind without steps.

        Args:
            arrays: the others, (N, *shape).
            rng: chooses.
        """
        return None

    def golden(self, rng: np.random.Generator, number: int) -> Any:
        """A raw value for golden vectors, the same for the same state of `rng`; None where the kind has no raw form.

        Args:
            rng: draws.
            number: counts the samples, for kinds that take one of a list of examples.
        """
        return None

    def golden_thinned(self, value: Any) -> Any:
        """A value of `golden` of which parts are missing; the same of a kind without parts."""
        return value

    def golden_extreme(self, side: int) -> Any:
        """The raw value of `extreme`, for golden vectors."""
        return None

    def golden_cut(self) -> Any:
        """A raw value that is too long and has to be cut; None where there is no such thing."""
        return None

    def plain(self, value: Any) -> Any:
        """A raw value as it stands in golden.json; None where it can only be given as an array."""
        return value

    # In words --------------------------------------------------------------------------------------------------------

    def raw_columns(self, name: str) -> dict[str, tuple[str, tuple[int, ...]]]:
        """What a SavedModel takes for it: column -> (dtype, shape without the batch); "string" are bytes or texts.

        Kinds without a decoder in TensorFlow take their own arrays.
        """
        return {name: (self.dtype, self.shape)}

    @abc.abstractmethod
    def contract(self) -> str:
        """A sentence or two for whoever feeds the LiteRT file in another language: content, and how missing looks."""

    def picture(self, array: np.ndarray) -> np.ndarray | None:
        """What a report shows of one sample: uint8 (H, W, 1) or (H, W, 3); None where there is nothing to see."""
        return None

    def text(self, array: np.ndarray) -> str:
        """What there is to read in one sample; "" where there is nothing."""
        return ""

    def words(self, array: np.ndarray) -> list[str]:
        """What else one sample says, a few words for each thing."""
        return []


def refuse(arrays: np.ndarray, bad: np.ndarray, wanted: str) -> None:
    """Raises ValueError, beginning with what was wanted and naming the first bad value, if there is any."""
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0]) if arrays.ndim else ()
        raise ValueError(f"{wanted}, got {arrays[first]} at {list(first)}; {int(bad.sum())} such values")
