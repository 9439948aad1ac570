"""The schema: an immutable description of what goes into a model and what comes out, as JSON on disk.

It says for every input and output its name, shape, dtype, units, categories or classes, and how "missing" looks. The
tf.data pipelines, the models, the SavedModel, the LiteRT file and the device runtime all read the same schema, and
`Schema.encode` turns raw samples (files, strings, numbers) into the very arrays that the model takes. Needs NumPy and
Pillow only, so that it also runs on a device without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import pathlib
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from mmzoo import encoding, text_encoding

SCHEMA_VERSION = 1
LARGEST_FLOAT32 = float(np.finfo(np.float32).max)
# More would make an embedding of gigabytes.
MOST_BUCKETS = 10_000_000


# ---------------------------------------------------------------------------------------------------------------------
# Fields of a Sensors or Sequence input. Each is one float32 in the tensor, NaN where it is missing.


@dataclasses.dataclass(frozen=True)
class Number:
    """A measured number in its own unit.

    Attributes:
        name: the field's name.
        unit: the unit, in words or symbols ("km/h"); "" if it has none.
        minimum: smallest value that can occur; smaller ones are refused as bad input.
        maximum: largest value that can occur.
    """

    name: str
    unit: str = ""
    minimum: float = 0.0
    maximum: float = 1.0

    def __post_init__(self):
        for bound in ("minimum", "maximum"):
            value = getattr(self, bound)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise ValueError(f"field {self.name!r}: {bound}: expected a number, got {value!r}")
            # 0 and 0.0 would make two different JSON files of one schema.
            object.__setattr__(self, bound, float(value))
        # As float32, which the tensor holds.
        if not -LARGEST_FLOAT32 <= self.minimum < self.maximum <= LARGEST_FLOAT32:
            raise ValueError(
                f"field {self.name!r}: expected finite minimum < maximum, got {self.minimum!r} and {self.maximum!r}"
            )

    @property
    def extremes(self) -> tuple[float, float]:
        return self.minimum, self.maximum


@dataclasses.dataclass(frozen=True)
class Angle:
    """A direction; any finite number of degrees, taken modulo 360, so that 359 and 1 lie close together."""

    name: str
    unit: str = "deg"

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, 360.0


@dataclasses.dataclass(frozen=True)
class Category:
    """One of a fixed list of strings; in the tensor its index, as float32."""

    name: str
    categories: tuple[str, ...] = ()

    def __post_init__(self):
        object.__setattr__(self, "categories", tuple(self.categories))
        _check_names(self.categories, f"the categories of field {self.name!r}")

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, float(len(self.categories) - 1)


@dataclasses.dataclass(frozen=True)
class Date:
    """A calendar date or time stamp; in the tensor days since 1970, with a fraction for the time of day.

    Attributes:
        name: the field's name.
        format: how it is written, in the directives of `datetime.strptime` ("%d.%m.%Y"); "" is ISO 8601 ("2026-11-23"
            or "2026-11-23T14:05").
    """

    name: str
    format: str = ""

    @property
    def extremes(self) -> tuple[float, float]:
        return 0.0, 36525.0


Field = Number | Angle | Category | Date


# ---------------------------------------------------------------------------------------------------------------------
# Modalities: the inputs.


@dataclasses.dataclass(frozen=True)
class Image:
    """A picture: uint8 (height, width, channels), 0..255; missing is all zeros."""

    height: int
    width: int
    channels: int = 3

    dtype: ClassVar[str] = "uint8"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    def __post_init__(self):
        if self.channels not in (1, 3):
            raise ValueError(f"channels: expected 1 or 3, got {self.channels!r}")
        _check_sizes(height=self.height, width=self.width)


@dataclasses.dataclass(frozen=True)
class Text:
    """A text: int32 (length,), 0 = padding; missing is all zeros.

    Attributes:
        length: number of steps; longer texts are cut, never inside a character or word piece.
        tokenizer: "bytes" (UTF-8 bytes, ids 1..255), "wordpiece" (Schuster & Nakajima 2012, as in BERT), or "ngrams"
            (words and pairs of neighbouring words, hashed into ids 1..buckets; Joulin et al. 2017).
        vocabulary: wordpiece: the pieces in the order of their ids, "[PAD]" first and "[UNK]" among them; otherwise
            empty.
        buckets: ngrams: number of ids that words and pairs are hashed into; otherwise 0.
        lowercase: wordpiece and ngrams: lower-case the text first.
        start, end: wordpiece: pieces put before and behind every text that is not empty ("[CLS]", "[SEP]"); "": none.
    """

    length: int
    tokenizer: str = "bytes"
    vocabulary: tuple[str, ...] = ()
    buckets: int = 0
    lowercase: bool = False
    start: str = ""
    end: str = ""

    dtype: ClassVar[str] = "int32"

    def __post_init__(self):
        object.__setattr__(self, "vocabulary", tuple(self.vocabulary))
        _check_sizes(length=self.length)
        if self.tokenizer not in ("bytes", "wordpiece", "ngrams"):
            raise ValueError(f"tokenizer: expected 'bytes', 'wordpiece' or 'ngrams', got {self.tokenizer!r}")
        given = ["lowercase"] if self.lowercase else []
        given += [name for name in ("vocabulary", "buckets", "start", "end") if getattr(self, name)]
        known = {"wordpiece": ("vocabulary", "lowercase", "start", "end"), "ngrams": ("buckets", "lowercase")}
        for name in given:
            if name not in known.get(self.tokenizer, ()):
                takers = [tokenizer for tokenizer, names in known.items() if name in names]
                raise ValueError(f"{name}: only for the tokenizer {' or '.join(map(repr, takers))}; leave it out")
        if self.tokenizer == "ngrams":
            _check_sizes(buckets=self.buckets)
            if self.buckets > MOST_BUCKETS:
                raise ValueError(f"buckets: expected at most {MOST_BUCKETS:,}, got {self.buckets:,}")
        elif self.tokenizer == "wordpiece":
            self._check_pieces()

    def _check_pieces(self):
        _check_names(self.vocabulary, "vocabulary")
        for piece, needed in ((text_encoding.PADDING, "begin with"), (text_encoding.UNKNOWN, "hold")):
            if piece not in (self.vocabulary[:1] if needed == "begin with" else self.vocabulary):
                raise ValueError(f"vocabulary: expected it to {needed} {piece!r}; it begins {self.vocabulary[:3]}")
        for name in ("start", "end"):
            if getattr(self, name) and getattr(self, name) not in self.vocabulary[1:]:
                raise ValueError(f"{name}: {getattr(self, name)!r} is no piece of the vocabulary; add it there")
        if self.length <= bool(self.start) + bool(self.end):
            raise ValueError(f"length: expected room for a piece beside {self.start!r} and {self.end!r}")

    @functools.cached_property
    def word_pieces(self) -> text_encoding.WordPieces:
        """wordpiece: splits texts by the vocabulary."""
        return text_encoding.WordPieces(self.vocabulary)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)

    @property
    def vocabulary_size(self) -> int:
        """Number of ids, that of the padding included."""
        return {"bytes": 256, "wordpiece": len(self.vocabulary), "ngrams": self.buckets + 1}[self.tokenizer]


@dataclasses.dataclass(frozen=True)
class Sensors:
    """A row of numbers and categories: float32 (len(fields),), each in its own unit; missing is NaN, field by field."""

    fields: tuple[Field, ...]

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        object.__setattr__(self, "fields", tuple(self.fields))
        _check_names([field.name for field in self.fields], "the fields of a Sensors input")

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.fields),)


@dataclasses.dataclass(frozen=True)
class Audio:
    """A sound, mono: float32 (samples,), -1..1; missing is all zeros, and a sound of zeros alone is the same.

    Attributes:
        samples: number of samples; longer sounds are cut at the end, shorter ones filled up with zeros.
        sample_rate: samples a second that every sound is resampled to, Hz.
    """

    samples: int
    sample_rate: int

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        _check_sizes(samples=self.samples, sample_rate=self.sample_rate)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.samples,)


@dataclasses.dataclass(frozen=True)
class Video:
    """Pictures in time: uint8 (frames, height, width, channels), 0..255; missing is all zeros."""

    frames: int
    height: int
    width: int
    channels: int = 3

    dtype: ClassVar[str] = "uint8"

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, self.height, self.width, self.channels


@dataclasses.dataclass(frozen=True)
class Sequence:
    """Fields over time: float32 (steps, len(fields)); missing is NaN, step by step."""

    steps: int
    fields: tuple[Field, ...]

    dtype: ClassVar[str] = "float32"

    def __post_init__(self):
        object.__setattr__(self, "fields", tuple(self.fields))
        _check_names([field.name for field in self.fields], "the fields of a Sequence input")

    @property
    def shape(self) -> tuple[int, ...]:
        return self.steps, len(self.fields)


@dataclasses.dataclass(frozen=True)
class History:
    """Item ids in order of time: int32 (length,), 1..items, 0 = padding; missing is all zeros."""

    length: int
    items: int

    dtype: ClassVar[str] = "int32"

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length,)


Modality = Image | Text | Sensors | Audio | Video | Sequence | History


# ---------------------------------------------------------------------------------------------------------------------
# Outputs.


@dataclasses.dataclass(frozen=True)
class Label:
    """Exactly one of `classes`: float32 (len(classes),), probabilities (or logits, as the builder was told)."""

    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_names(self.classes, "the classes of a Label")

    @property
    def units(self) -> int:
        return len(self.classes)


@dataclasses.dataclass(frozen=True)
class MultiLabel:
    """Any number of `classes`: float32 (len(classes),), one probability each."""

    classes: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "classes", tuple(self.classes))
        _check_names(self.classes, "the classes of a MultiLabel")

    @property
    def units(self) -> int:
        return len(self.classes)


@dataclasses.dataclass(frozen=True)
class Value:
    """A number to predict, in its own unit: float32 (1,).

    Attributes:
        unit: the unit, in words or symbols; "" if it has none.
        minimum, maximum: what it can be; None: unbounded. Targets outside are refused as bad input.
        scale: "linear", or "log" where what counts is by which factor a prediction is off, as with prices; the targets
            are then greater than 0.
    """

    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    scale: str = "linear"

    def __post_init__(self):
        if self.scale not in ("linear", "log"):
            raise ValueError(f"scale: expected 'linear' or 'log', got {self.scale!r}")

    @property
    def units(self) -> int:
        return 1


Output = Label | MultiLabel | Value

_KINDS = {
    kind.__name__: kind
    for kind in (
        *(Number, Angle, Category, Date),
        *(Image, Text, Sensors, Audio, Video, Sequence, History),
        *(Label, MultiLabel, Value),
    )
}


# ---------------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Schema:
    """Inputs and outputs of a model by name, in order.

    Attributes:
        name: what the model is for ("road_sign").
        inputs: name -> modality.
        outputs: name -> output.

    Raises:
        ValueError: a name is empty or no identifier or stands for an input and an output, or nothing is predicted.

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
        both = [key for key in self.inputs if key in self.outputs]
        if both:
            raise ValueError(f"schema {self.name!r}: {both[0]!r} is the name of an input and of an output")

    def __getitem__(self, name: str) -> Modality | Output:
        if name in self.inputs:
            return self.inputs[name]
        if name in self.outputs:
            return self.outputs[name]
        raise KeyError(
            f"schema {self.name!r} has no {name!r}; inputs: {list(self.inputs)}, outputs: {list(self.outputs)}"
        )

    def __eq__(self, other: object) -> bool:
        # As JSON, since the order of inputs and outputs counts.
        return isinstance(other, Schema) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.to_json())

    def __reduce__(self):
        return Schema.from_dict, (self.to_dict(),)

    def with_outputs(self, outputs: Mapping[str, Output]) -> Schema:
        """The same inputs with other outputs."""
        return Schema(self.name, self.inputs, outputs)

    def with_inputs(self, **inputs: Modality) -> Schema:
        """The same schema with some inputs described anew, or added, by name."""
        return Schema(self.name, {**self.inputs, **inputs}, self.outputs)

    # JSON ------------------------------------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """A tree of dicts, lists, strings and numbers, as it stands in JSON."""
        return {
            "mmzoo_schema": SCHEMA_VERSION,
            "name": self.name,
            "inputs": {name: _to_dict(modality) for name, modality in self.inputs.items()},
            "outputs": {name: _to_dict(output) for name, output in self.outputs.items()},
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
            {name: _from_dict(part, f"inputs.{name}") for name, part in tree["inputs"].items()},
            {name: _from_dict(part, f"outputs.{name}") for name, part in tree["outputs"].items()},
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
        """One sample in which every input is missing."""
        return {name: encoding.missing(modality) for name, modality in self.inputs.items()}

    def encode(self, raw: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Turns one raw sample into the model's arrays, without a batch dimension.

        Args:
            raw: input name -> raw value; an input that is left out or None is missing. Image: path, encoded bytes,
                `PIL.Image.Image` or uint8 array (H, W, C) or (H, W); b"" and "" are missing. Audio: path, encoded
                bytes, array (n,) or (n, channels) of floats -1..1 or int16 at the schema's sample rate, or a tuple
                (array, sample rate); b"" and "" are missing, and so is silence (zeros alone). Text: str or bytes.
                Sensors: mapping from field name to number or category; fields left out, None, NaN or "" are missing.

        Returns:
            Input name -> array of the modality's shape and dtype, for every input of the schema.

        Raises:
            KeyError: a name that is no input of the schema, or no field of a sensors input.
            ValueError, TypeError, FileNotFoundError: a value that can't be encoded; the message names the place.
            ImportError: a file of a sound, and soundfile is not installed.
        """
        if not isinstance(raw, Mapping):
            raise TypeError(f"expected a mapping from input to raw value, got {type(raw).__name__}: {raw!r:.80}")
        unknown = [name for name in raw if name not in self.inputs]
        if unknown:
            raise KeyError(f"unknown input {unknown[0]!r}; the inputs are {list(self.inputs)}")
        return {name: encoding.encode(modality, raw.get(name), name) for name, modality in self.inputs.items()}

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

    def decode(self, outputs: Mapping[str, np.ndarray], top: int = 3) -> list[dict[str, Any]]:
        """Turns a batch of model outputs into readable predictions.

        Args:
            outputs: output name -> float array (N, units).
            top: how many of the most likely classes to name.

        Returns:
            One dict a sample: output name -> {class: probability} (Label: the `top` most likely, in order;
            MultiLabel: all), or the number (Value).
        """
        arrays = {name: np.asarray(outputs[name]) for name in self.outputs}
        count = len(next(iter(arrays.values())))
        return [
            {name: encoding.decode(kind, arrays[name][i], top) for name, kind in self.outputs.items()}
            for i in range(count)
        ]


def _message(error: BaseException) -> str:
    # str() of a KeyError is its repr, with quotes around the message.
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def _same_error(error: Exception, message: str) -> Exception:
    for kind in (FileNotFoundError, KeyError, TypeError):
        if isinstance(error, kind):
            return kind(message)
    return ValueError(message)


def identifier(column: str) -> str:
    """The name of the input or output that a table's column feeds: letters, digits and _ of the column's own name.

    >>> identifier("Product name (EN)")
    'Product_name_EN'
    """
    name = re.sub(r"\W+", "_", str(column)).strip("_") or "column"
    return f"_{name}" if name[0].isdigit() else name


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name}: expected a whole number of at least 1, got {size!r}")


def _check_names(names: Iterable[str], what: str) -> None:
    names = list(names)
    if not names:
        raise ValueError(f"{what}: expected at least one, got none")
    seen = set()
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"{what}: expected non-empty strings, got {name!r}")
        if name in seen:
            raise ValueError(f"{what}: {name!r} stands there twice")
        seen.add(name)


def _to_dict(part: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {"kind": type(part).__name__}
    for attribute in dataclasses.fields(part):
        value = getattr(part, attribute.name)
        if isinstance(value, tuple):
            value = [item if isinstance(item, str) else _to_dict(item) for item in value]
        tree[attribute.name] = value
    return tree


def _from_dict(tree: Mapping[str, Any], place: str) -> Any:
    if not isinstance(tree, Mapping):
        raise ValueError(f"{place}: expected an object with a 'kind', got {tree!r:.80}")
    kind = _KINDS.get(tree.get("kind"))
    if kind is None:
        raise ValueError(f"{place}: unknown kind {tree.get('kind')!r}; expected one of {sorted(_KINDS)}")
    known = {attribute.name for attribute in dataclasses.fields(kind)}
    attributes = {}
    for key, value in tree.items():
        if key == "kind":
            continue
        if key not in known:
            raise ValueError(f"{place}: {kind.__name__} has no attribute {key!r}; it has {sorted(known)}")
        if isinstance(value, list):
            value = tuple(item if isinstance(item, str) else _from_dict(item, f"{place}.{key}") for item in value)
        attributes[key] = value
    try:
        return kind(**attributes)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{place}: {error}") from error
