"""The inputs and outputs of a model by name, and raw samples to its arrays."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mmzoo.schema.inputs.modality import Modality
from mmzoo.schema.inputs.state import State
from mmzoo.schema.json_tree import from_tree, to_tree
from mmzoo.schema.outputs.output import Output

# 2: series are called Series and no longer Sequence; states and noise.
SCHEMA_VERSION = 2


@dataclasses.dataclass(frozen=True, eq=False)
class Schema:
    """Inputs and outputs of a model by name, in order.

    Attributes:
        name: what the model is for ("road_sign").
        inputs: name -> modality.
        outputs: name -> output.

    Raises:
        ValueError: a name is empty or no identifier, or stands for an input and an output other than one and the same
            `State`; or nothing is predicted.

    >>> from mmzoo.schema import Label, Text
    >>> schema = Schema("sign", {"text": Text(8)}, {"sign": Label(("stop", "yield"))})
    >>> schema.encode({"text": "STOP"})["text"].tolist()
    [83, 84, 79, 80, 0, 0, 0, 0]
    """

    name: str
    inputs: Mapping[str, Modality]
    outputs: Mapping[str, Output]

    def __post_init__(self):
        for kind, mapping in (("inputs", self.inputs), ("outputs", self.outputs)):
            if not mapping:
                raise ValueError(f"schema {self.name!r}: {kind} is empty; expected at least one")
            for key in mapping:
                if not isinstance(key, str) or not key.isidentifier():
                    raise ValueError(f"schema {self.name!r}: {kind}: {key!r} is no identifier (letters, digits, _)")
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
        if not self.predicted:
            raise ValueError(f"schema {self.name!r}: all outputs are states; expected at least one to predict")

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
        return Schema(self.name, self.inputs, {**outputs, **states})

    def with_inputs(self, **inputs: Modality) -> Schema:
        """The same schema with some inputs described anew, or added, by name."""
        return Schema(self.name, {**self.inputs, **inputs}, self.outputs)

    # JSON ------------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """A tree of dicts, lists, strings and numbers, as it stands in JSON."""
        return {
            "mmzoo_schema": SCHEMA_VERSION,
            "name": self.name,
            "inputs": {name: to_tree(modality) for name, modality in self.inputs.items()},
            "outputs": {name: to_tree(output) for name, output in self.outputs.items()},
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
        )

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Schema:
        return cls.from_dict(json.loads(text))

    def save(self, path: str | pathlib.Path) -> None:
        pathlib.Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | pathlib.Path) -> Schema:
        """Reads a schema.json.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no schema of a version that this mmzoo reads; the message names the file.
        """
        try:
            return cls.from_json(pathlib.Path(path).read_text(encoding="utf-8"))
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
                `Series`); an input that is left out or None is missing.

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
