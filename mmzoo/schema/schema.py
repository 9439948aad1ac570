"""The inputs and outputs of a model by name, and raw samples to its arrays."""

from __future__ import annotations

import dataclasses
import functools
import json
import keyword
import math
import pathlib
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.files import read_text, replace_text
from mmzoo.schema.checks import is_text
from mmzoo.schema.inputs.modality import Modality
from mmzoo.schema.inputs.state import State
from mmzoo.schema.json_tree import from_tree, to_tree
from mmzoo.schema.names import ascii_name, is_good, unique_names
from mmzoo.schema.outputs.output import Output

# 2: series are called Series and no longer Sequence; states and noise. 3: names of any characters, see `tensor_names`;
# numbers and dates may have an origin.
SCHEMA_VERSION = 3

# Of one sample of an input or output: more than LiteRT can address, and what a forged file could ask for.
MOST_BYTES = 2**31 - 1


@dataclasses.dataclass(frozen=True, eq=False)
class Schema:
    """Inputs and outputs of a model by name, in order.

    Attributes:
        name: what the model is for ("road_sign").
        inputs: name -> modality. A name is any text: a table's column has its own.
        outputs: name -> output.
        tensor_names: name of an input or output -> what Keras, TensorFlow and LiteRT call it: ASCII, unique without
            regard to case, the name itself where it is that already. Made here for names that have none, and from then
            on part of the schema, since files and layers are called so.

    Raises:
        ValueError: a name is empty or no text, or stands for an input and an output other than one and the same
            `State`; two tensor names are the same, or one is no ASCII name; an array takes more than 2 GB; or nothing
            is predicted.

    >>> from mmzoo.schema import Label, Text
    >>> schema = Schema("sign", {"text": Text(8)}, {"sign": Label(("stop", "yield"))})
    >>> schema.encode({"text": "STOP"})["text"].tolist()
    [83, 84, 79, 80, 0, 0, 0, 0]
    """

    name: str
    inputs: Mapping[str, Modality]
    outputs: Mapping[str, Output]
    tensor_names: Mapping[str, str] | None = None

    def __post_init__(self):
        if not is_text(self.name) or not self.name:
            raise ValueError(f"name: expected a non-empty string, got {self.name!r:.80}")
        for kind, mapping in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not mapping:
                raise ValueError(f"schema {self.name!r}: {kind} is empty; expected at least one")
            for key in mapping:
                if not isinstance(key, str) or not key:
                    raise ValueError(f"schema {self.name!r}: {kind}: {key!r} is no name; expected a text")
            object.__setattr__(self, kind, types.MappingProxyType(dict(mapping)))
        for key in {**self.inputs, **self.outputs}:
            given, made = self.inputs.get(key), self.outputs.get(key)
            if (isinstance(given, State) or isinstance(made, State)) and given != made:
                raise ValueError(
                    f"schema {self.name!r}: the state {key!r} must be an input and an output, of one shape; got "
                    f"{given} and {made}"
                )
            if given is not None and made is not None and not isinstance(given, State):
                raise ValueError(f"schema {self.name!r}: {key!r} is the name of an input and of an output")
        object.__setattr__(self, "outputs", types.MappingProxyType(_bound(self)))
        for key, part in {**self.inputs, **self.outputs}.items():
            size = math.prod(part.shape) * np.dtype(getattr(part, "dtype", "float32")).itemsize
            if size > MOST_BYTES:
                raise ValueError(
                    f"schema {self.name!r}: {key!r} of shape {part.shape} takes {size:,} bytes a sample; expected at "
                    f"most {MOST_BYTES:,}"
                )
        if not self.predicted:
            raise ValueError(f"schema {self.name!r}: all outputs are states; expected at least one to predict")
        wanted = {name: f"{name}_" if _is_pythons_own(name) else name for name in self.inputs}
        wanted |= {name: name for name in self.outputs if name not in wanted}
        names = unique_names(wanted, self.tensor_names)
        _check_tensor_names(self.name, names)
        object.__setattr__(self, "tensor_names", types.MappingProxyType(names))

    def __getitem__(self, name: str) -> Modality | Output:
        if name in self.inputs:
            return self.inputs[name]
        if name in self.outputs:
            return self.outputs[name]
        raise KeyError(
            f"schema {self.name!r} has no {name!r}; inputs: {list(self.inputs)}, outputs: {list(self.outputs)}"
        )

    @property
    def given(self) -> dict[str, Modality]:
        """The inputs that users give as data; states and noise are not among them."""
        return {name: modality for name, modality in self.inputs.items() if modality.is_given}

    @property
    def predicted(self) -> dict[str, Output]:
        """The outputs that are predictions; states are not among them."""
        return {name: output for name, output in self.outputs.items() if output.is_predicted}

    def keeping(self, names: Iterable[str]) -> Schema:
        """The same schema with some of its inputs only."""
        return dataclasses.replace(self, inputs={name: self.inputs[name] for name in names})

    def of_kind(self, *kinds: type) -> list[str]:
        """Names of the inputs of some kinds, those that derive from them included."""
        return [name for name, modality in self.inputs.items() if isinstance(modality, kinds)]

    def __eq__(self, other: object) -> bool:
        # As JSON, since the order of inputs and outputs counts.
        return isinstance(other, Schema) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self):
        return Schema.from_dict, (self.to_dict(),)

    def with_outputs(self, outputs: Mapping[str, Output]) -> Schema:
        """The same inputs with other outputs; states stay."""
        states = {name: output for name, output in self.outputs.items() if not output.is_predicted}
        return dataclasses.replace(self, outputs={**outputs, **states})

    def with_inputs(self, /, **inputs: Modality) -> Schema:
        """The same schema with some inputs described anew, or added, by name."""
        return dataclasses.replace(self, inputs={**self.inputs, **inputs})

    # Names in the graph ----------------------------------------------------------------------------------------------

    def to_tensors(self, by_name: Mapping[str, Any]) -> dict[str, Any]:
        """What belongs to some inputs or outputs, by the names that Keras and LiteRT have for them."""
        return {self.tensor_names[name]: value for name, value in by_name.items()}

    def from_tensors(self, by_tensor: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `to_tensors`, in the schema's order; names that are none of the schema's are left out."""
        return {name: by_tensor[tensor] for name, tensor in self.tensor_names.items() if tensor in by_tensor}

    @functools.cached_property
    def raw_names(self) -> Mapping[tuple[str, str], str]:
        """(input, column of `Modality.raw_columns`) -> the ASCII name that a SavedModel takes it by."""
        wanted = {}
        for name, modality in self.inputs.items():
            for column in modality.raw_columns(name):
                tensor, rest = self.tensor_names[name], column.removeprefix(name)
                whole = tensor + rest if column.startswith(name) else column
                if column.startswith(name) and rest and not is_good(whole):
                    # Each part for itself, or of a field in other letters nothing would be left.
                    whole = f"{tensor}_{ascii_name(rest[1:])}"
                wanted[name, column] = whole
        return types.MappingProxyType(unique_names(wanted))

    # JSON ------------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """A tree of dicts, lists, strings and numbers, as it stands in JSON."""
        others = {name: tensor for name, tensor in self.tensor_names.items() if tensor != name}
        return {
            "mmzoo_schema": SCHEMA_VERSION,
            "name": self.name,
            "inputs": {name: to_tree(modality) for name, modality in self.inputs.items()},
            "outputs": {name: to_tree(output) for name, output in self.outputs.items()},
            **({"tensor_names": others} if others else {}),
        }

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Schema:
        """The schema that `to_dict` wrote.

        Raises:
            ValueError: no schema, written by a newer mmzoo, or an unknown kind or attribute; the message names which.
        """
        version = tree.get("mmzoo_schema") if isinstance(tree, Mapping) else None
        if isinstance(version, bool) or not isinstance(version, int) or version < 1:
            raise ValueError("not a schema: the key 'mmzoo_schema' with a version number (1, 2, ...) is missing")
        if version > SCHEMA_VERSION:
            raise ValueError(f"schema of version {version}; this mmzoo reads up to {SCHEMA_VERSION}: upgrade mmzoo")
        missing = {"name", "inputs", "outputs"} - set(tree)
        if missing:
            raise ValueError(f"not a whole schema: {sorted(missing)} missing")
        for kind in ("inputs", "outputs"):
            if not isinstance(tree[kind], Mapping):
                raise ValueError(f"{kind}: expected an object with the {kind} by name, got {tree[kind]!r:.80}")
        return cls(
            tree["name"],
            {name: from_tree(part, f"inputs.{name}") for name, part in tree["inputs"].items()},
            {name: from_tree(part, f"outputs.{name}") for name, part in tree["outputs"].items()},
            _kept_names(tree),
        )

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        """The schema that `to_json` wrote; raises ValueError as `from_dict` does, or where the text is no JSON."""
        try:
            return cls.from_dict(json.loads(text))
        except RecursionError as error:
            raise ValueError("not a schema: its parts are nested too deeply") from error

    def save(self, path: str | pathlib.Path) -> None:
        replace_text(path, self.to_json() + "\n")

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Schema:
        """Reads a schema.json.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no schema of a version that this mmzoo reads; the message names the file.
        """
        try:
            return cls.from_json(read_text(path))
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    # Raw values to arrays and back -----------------------------------------------------------------------------------

    def missing(self) -> dict[str, np.ndarray]:
        """One sample in which every input is missing; states are at their start, noise is all zeros."""
        return {name: modality.missing() for name, modality in self.inputs.items()}

    def completed(
        self, arrays: Mapping[str, np.ndarray], count: int, rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """The arrays of all inputs in their order, where those of some are given.

        Args:
            arrays: input name -> array (N, ...).
            count: N.
            rng: draws noise.

        Returns:
            The same and, for inputs that were left out, samples in which they are missing; states at their start.
        """
        return {
            name: arrays[name] if name in arrays else _repeated(modality, count, rng)
            for name, modality in self.inputs.items()
        }

    def encode(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Turns one raw sample into the model's arrays, without a batch dimension.

        Args:
            raw: input name -> raw value, see the class of each modality (`Image`, `Text`, `Sensors`, `Audio`,
                `Series`); an input that is left out, None or NaN is missing.

        Returns:
            Input name -> array of the modality's shape and dtype, for every input of the schema.

        Raises:
            KeyError: a name that is no input of the schema, or no field of a sensors or series input.
            ValueError, TypeError, FileNotFoundError: a value that can't be encoded; the message names the place.
            ImportError: a file of a sound, and soundfile is not installed.
        """
        if not isinstance(raw, Mapping):
            raise TypeError(f"expected a mapping from input to raw value, got {type(raw).__name__}: {raw!r:.80}")
        unknown = [name for name in raw if name not in self.inputs]
        if unknown:
            raise KeyError(f"unknown input {unknown[0]!r}; the inputs are {list(self.inputs)}")
        return {name: modality.encode(raw.get(name), name) for name, modality in self.inputs.items()}

    def encode_batch(self, raws: Iterable[Mapping[str, Any]]) -> dict[str, np.ndarray]:
        """`encode` for several samples: arrays (N, ...); an error says which sample it was."""
        rows = []
        for number, raw in enumerate(raws):
            try:
                rows.append(self.encode(raw))
            except (KeyError, TypeError, ValueError, OSError) as error:
                raise _same_error(error, f"sample {number}: {_message(error)}") from error
        return {
            name: np.stack([row[name] for row in rows]) if rows else np.zeros((0, *modality.shape), modality.dtype)
            for name, modality in self.inputs.items()
        }

    def decode(
        self, outputs: Mapping[str, np.ndarray], top: int = 3, raws: Sequence[Mapping[str, Any]] | None = None
    ) -> list[dict[str, Any]]:
        """Turns a batch of model outputs into readable predictions.

        Args:
            outputs: output name -> float array (N, *shape).
            top: how many of the most likely classes to name.
            raws: the samples' raw inputs, for outputs that point into one of them.

        Returns:
            One dict a sample: output name -> {class: probability} (Label: the `top` most likely, in order;
            MultiLabel: all), or the number (Value; a list of them with several steps).
        """
        arrays = {name: np.asarray(outputs[name]) for name in self.predicted}
        count = len(next(iter(arrays.values()), ()))
        return [
            {name: self[name].decode(row[i], raws[i] if raws else None, top) for name, row in arrays.items()}
            for i in range(count)
        ]


def _bound(schema):
    """The outputs, each told of the inputs it may point into."""
    found = {}
    for name, output in schema.outputs.items():
        try:
            found[name] = output.bound(schema.inputs)
        except ValueError as error:
            raise ValueError(f"schema {schema.name!r}: output {name!r}: {error}") from error
    return found


def _is_pythons_own(name):
    """Whether no argument of a function, which inputs of SavedModel and LiteRT are in Python, can have a name."""
    return keyword.iskeyword(name) or name == "self"


def _kept_names(tree):
    """The tensor names of a file: those it holds, and for the others the names themselves where a graph took them."""
    kept = tree.get("tensor_names", {})
    if not isinstance(kept, Mapping) or not all(isinstance(name, str) for name in kept.values()):
        raise ValueError(f"tensor_names: expected an object with an ASCII name by name, got {kept!r:.80}")
    taken = {name.lower() for name in kept.values()}
    for name in (*(name for name in tree["inputs"] if not _is_pythons_own(name)), *tree["outputs"]):
        # Files of version 2 may hold one that begins with _, or is longer than those that are made now.
        if name not in kept and name.isascii() and name.isidentifier() and name.lower() not in taken:
            kept = {**kept, name: name}
            taken.add(name.lower())
    return kept


def _check_tensor_names(schema, names):
    seen: dict[str, str] = {}
    for name, tensor in names.items():
        if not (is_good(tensor) or (tensor == name and tensor.isascii() and tensor.isidentifier())):
            raise ValueError(
                f"schema {schema!r}: tensor_names: {name!r}: expected a letter, then letters, digits and _, got "
                f"{tensor!r:.80}"
            )
        if tensor.lower() in seen:
            raise ValueError(
                f"schema {schema!r}: tensor_names: {name!r} and {seen[tensor.lower()]!r} have the same, {tensor!r}"
            )
        seen[tensor.lower()] = name


def _repeated(modality, count, rng):
    if modality.is_drawn:
        drawn = [modality.initial(rng) for _ in range(count)]
        return np.stack(drawn) if drawn else np.zeros((0, *modality.shape), modality.dtype)
    return np.broadcast_to(modality.initial(rng), (count, *modality.shape))


def _message(error: BaseException) -> str:
    # str() of a KeyError is its repr, with quotes around the message.
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _same_error(error: Exception, message: str) -> Exception:
    for kind in (FileNotFoundError, KeyError, TypeError):
        if isinstance(error, kind):
            return kind(message)
    return ValueError(message)
