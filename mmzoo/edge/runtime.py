"""The runtime on the device: a LiteRT file, its schema, and nothing of TensorFlow or Keras."""

from __future__ import annotations

import functools
import hashlib
import os
import pathlib
import threading
import weakref
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.bundles import find_bundle, verify
from mmzoo.encoding.missing import is_missing
from mmzoo.schema import Schema

VARIANTS = ("float32", "dynamic_int8", "int8")
_SIGNATURE = "serving_default"
_SCHEMA = "schema.json"


def load(bundle: str | os.PathLike, *, variant: str = "float32", threads: int = 1, seed: int = 0) -> EdgeModel:
    """Loads the LiteRT file of a bundle, once it and the schema are found to be those of the bundle's SHA256SUMS.

    Args:
        bundle: the folder that `mmzoo.export` wrote, a .tflite file with a schema.json and SHA256SUMS beside it, or the
            name of a bundle that comes with mmzoo ("road_sign_small_gtsrb").
        variant: "float32", "dynamic_int8" or "int8"; not used where `bundle` is a .tflite file.
        threads: number of CPU threads of one prediction.
        seed: of the noise that a model with a `Noise` input gets where none is given; each call draws anew.

    Returns:
        The model, ready to predict.

    Raises:
        FileNotFoundError: no such bundle, or it holds no schema, no SHA256SUMS or no file of that variant; the message
            lists the variants there are.
        ImportError: ai-edge-litert is not installed.
        ValueError: an unknown variant, a file that is not the one that was exported, or no LiteRT model of this schema.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant: expected one of {list(VARIANTS)}, got {variant!r}")
    if isinstance(threads, bool) or not isinstance(threads, int) or threads < 1:
        raise ValueError(f"threads: expected a whole number of at least 1, got {threads!r}")
    path = find_bundle(bundle)
    if path.is_file():
        folder, file, variant = path.parent, path, _variant_of(path)
    elif path.is_dir():
        folder, file = path, path / f"model_{variant}.tflite"
    else:
        raise FileNotFoundError(f"{path}: no such bundle; expected a folder that mmzoo.export wrote, or a .tflite file")
    if not (folder / _SCHEMA).is_file():
        raise FileNotFoundError(f"{folder / _SCHEMA}: no such file; a bundle holds it beside its .tflite files")
    if not file.is_file():
        there = [name for name in VARIANTS if (folder / f"model_{name}.tflite").is_file()]
        raise FileNotFoundError(f"{file}: the bundle has no variant {variant!r}; it has {there}")
    verify(folder, [_SCHEMA, file.name])
    return EdgeModel(file, Schema.load(folder / _SCHEMA), variant=variant, threads=threads, seed=seed)


_alive: weakref.WeakSet[EdgeModel] = weakref.WeakSet()


def _after_fork() -> None:
    """In a child: no thread is left that could open a lock."""
    for model in _alive:
        model._lock, model._is_forked = threading.Lock(), True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class EdgeModel:
    """A LiteRT model that takes raw inputs. Made by `load`; may be called from several threads, one runs at a time.

    It can be pickled, for `multiprocessing` and the like: the other process reads the same file, which must lie there
    and be the same.

    A child made by `os.fork` (or `multiprocessing` by "fork") may go on with it, also where another thread was just
    predicting: it reads the file again at its first prediction.
    """

    def __init__(self, path: pathlib.Path, schema: Schema, *, variant: str, threads: int = 1, seed: int = 0):
        self._path = path
        self._schema = schema
        self._variant = variant
        self._run_signature = _signature_runner(path, threads)
        self._threads = threads
        self._lock, self._is_forked = threading.Lock(), False
        _alive.add(self)
        self._rng = np.random.default_rng(seed)
        _check_signature(self._run_signature, schema, path)

    def __repr__(self) -> str:
        return f"EdgeModel({str(self._path)!r}, schema={self._schema.name!r}, variant={self._variant!r})"

    def __reduce__(self):
        """Pickled, it is where its file lies and what the file was; whoever unpickles it loads the file anew."""
        path = self._path.resolve()
        return _reopened, (path, _digest(path), self._schema.to_dict(), self._variant, self._threads, self._rng)

    @property
    def schema(self) -> Schema:
        """The schema of inputs and outputs."""
        return self._schema

    @property
    def variant(self) -> str:
        """Which of the bundle's files runs: "float32", "dynamic_int8" or "int8", else the file's name."""
        return self._variant

    @functools.cached_property
    def digest(self) -> str:
        """The sha256 of all that its answers depend on: the file, and the schema that raw values are encoded by."""
        return hashlib.sha256(f"{_digest(self._path)}\n{self._schema.to_json()}".encode()).hexdigest()

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs the model on one encoded sample.

        Args:
            arrays: input name -> array as `Schema.encode` makes it, without a batch dimension; all inputs, but that a
                state may be left out, which is then at its start, and noise, which is then drawn.

        Returns:
            Output name -> float32 array of the output's shape; states are among them.

        Raises:
            ValueError: an input is missing or unknown, or has another shape or dtype than the schema says; or LiteRT
                fails, as it does on a forged file.
        """
        missing = [name for name in self._schema.given if name not in arrays]
        if missing or not arrays.keys() <= self._schema.inputs.keys():
            raise ValueError(f"expected arrays for the inputs {list(self._schema.inputs)}, got {list(arrays)}")
        batch = {}
        for name in (name for name in self._schema.inputs if name in arrays):
            modality, array = self._schema.inputs[name], np.asarray(arrays[name])
            if array.shape != modality.shape or array.dtype != modality.dtype:
                raise ValueError(
                    f"{name}: expected {modality.dtype} {modality.shape}, got {array.dtype} {array.shape}; "
                    "schema.encode makes such arrays from raw values"
                )
            batch[name] = np.ascontiguousarray(array)[np.newaxis]
        # An interpreter is one set of buffers: two calls at once would mix their samples.
        with self._lock:
            for name, modality in self._schema.inputs.items():
                if name not in batch:
                    batch[name] = modality.initial(self._rng)[np.newaxis]
            if self._is_forked:
                # Another process' threads, and maybe another call's half of the work, are in its buffers.
                self._run_signature, self._is_forked = _signature_runner(self._path, self._threads), False
            try:
                outputs = self._schema.from_tensors(self._run_signature(**self._schema.to_tensors(batch)))
            except (RuntimeError, ValueError) as error:
                raise ValueError(f"{self._path}: LiteRT can't run it ({error}); export it again") from error
        return {name: outputs[name][0] for name in self._schema.outputs}

    def predict(self, sample: Mapping[str, Any] | None = None, /, *, top: int = 3, **raw: Any) -> dict[str, Any]:
        """Predicts from one raw sample.

        Args:
            sample: input name -> raw value, see `Schema.encode`; an input that is left out, None or NaN is missing.
                Names are those of the schema, as the table has them. States are then at their start, whatever was
                predicted before (`stream` keeps them), and noise is drawn.
            top: how many of the most likely classes of a `Label` to name.
            **raw: the same by keyword, instead of `sample`.

        Returns:
            Output name -> {class: probability}, most likely first, or the number (a list of them with several steps).

        Raises:
            KeyError: a name that is no input or field of the schema.
            ValueError, TypeError, FileNotFoundError: a value that can't be encoded; the message names the place.
        """
        raw = _one_sample(sample, raw)
        return self._decode(self.run(self._encode(raw)), raw, top)

    def predict_batch(self, raws: Iterable[Mapping[str, Any]], *, top: int = 3) -> list[dict[str, Any]]:
        """`predict` for several samples; all are encoded before the first runs, and an error says which it was."""
        raws = list(raws)
        arrays = self._schema.encode_batch(raws)
        rows = ({name: a[i] for name, a in arrays.items() if self._is_set(raw, name)} for i, raw in enumerate(raws))
        return [self._decode(self.run(row), raw, top) for row, raw in zip(rows, raws, strict=True)]

    def stream(self, state: Mapping[str, Any] | None = None) -> Stream:
        """A run of calls, each of which goes on where the one before ended.

        Args:
            state: `State` input -> array to start from; those left out start from zeros.

        Returns:
            The `Stream`; a model may have any number of them at once.

        Raises:
            ValueError: the model keeps no state, or `state` names something else or has another shape.
        """
        return Stream(self, state)

    def _encode(self, raw):
        return {name: array for name, array in self._schema.encode(raw).items() if self._is_set(raw, name)}

    def _is_set(self, raw, name):
        """Whether an input's array comes from the sample: not so of states and noise that it leaves out."""
        return self._schema.inputs[name].is_given or not is_missing(raw.get(name))

    def _decode(self, outputs, raw, top):
        return self._schema.decode({name: row[np.newaxis] for name, row in outputs.items()}, top, [raw])[0]


class Stream:
    """A run of calls of a model with states; made by `EdgeModel.stream`, for one thread.

    Args:
        model: the model.
        state: see `EdgeModel.stream`.
    """

    def __init__(self, model: EdgeModel, state: Mapping[str, Any] | None = None):
        self._model = model
        self._kept = {name: kind for name, kind in model.schema.inputs.items() if name in model.schema.outputs}
        self._going_on = {name: kind for name, kind in model.schema.predicted.items() if kind.continues}
        if not self._kept:
            raise ValueError(f"{model!r} keeps no state: none of its inputs {list(model.schema.inputs)} is a State")
        self.reset(state)

    @property
    def state(self) -> dict[str, np.ndarray]:
        """What the next call starts from, to go on from later: `State` input -> float32 array, and, of an output whose
        calls belong together (`Transcript`), the end of what it said last. Copies."""
        return {name: array.copy() for name, array in {**self._state, **self._endings}.items()}

    def reset(self, state: Mapping[str, Any] | None = None) -> None:
        """Starts again, from zeros or from a state; see `EdgeModel.stream`."""
        unknown = [name for name in state or {} if name not in self._kept and name not in self._going_on]
        if unknown:
            raise ValueError(f"state: {unknown[0]!r} is no state of the model; its states are {list(self._kept)}")
        self._state = {name: kind.encode((state or {}).get(name), name) for name, kind in self._kept.items()}
        self._endings = {name: np.asarray(state[name]) for name in self._going_on if name in (state or {})}

    def run(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`EdgeModel.run` from the kept states, which it renews."""
        self._check_free(arrays)
        outputs = self._model.run({**arrays, **self._state})
        self._state = {name: outputs[name] for name in self._kept}
        self._endings = {name: kind.ending(outputs[name]) for name, kind in self._going_on.items()}
        return outputs

    def predict(self, sample: Mapping[str, Any] | None = None, /, *, top: int = 3, **raw: Any) -> dict[str, Any]:
        """`EdgeModel.predict` from the kept states, which it renews. Of a `Transcript` it gives what is new: a letter
        that is held from one call into the next is said once, so that the texts of all calls, joined, are the whole."""
        raw = _one_sample(sample, raw)
        self._check_free(raw)
        encoded, before = self._model._encode(raw), self._endings
        outputs = self.run(encoded)
        kinds = self._model.schema.predicted
        return {name: kind.decode_on(outputs[name], before.get(name), raw, top) for name, kind in kinds.items()}

    def _check_free(self, given):
        taken = [name for name in given if name in self._kept]
        if taken:
            raise ValueError(f"{taken[0]}: a stream keeps it; use reset(state) to go on from another")


def _one_sample(sample, raw):
    if sample is not None and raw:
        raise TypeError(f"give the sample either as a dict or by keyword, not both; got both, with {sorted(raw)}")
    return raw if sample is None else sample


def _digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reopened(path, digest, schema, variant, threads, rng):
    """The model that `EdgeModel.__reduce__` took apart.

    Raises:
        FileNotFoundError: its file is not there.
        ValueError: it is another file by now.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; an EdgeModel was pickled that reads it")
    if _digest(path) != digest:
        raise ValueError(f"{path}: has changed since the EdgeModel that reads it was pickled; load it anew")
    model = EdgeModel(path, Schema.from_dict(schema), variant=variant, threads=threads)
    model._rng = rng
    return model


def _variant_of(file: pathlib.Path) -> str:
    name = file.stem.removeprefix("model_")
    return name if name in VARIANTS else file.name


def _signature_runner(path, threads):
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ModuleNotFoundError as error:
        raise ImportError(
            f"mmzoo.edge runs LiteRT files with ai-edge-litert, which can't be imported ({error}): "
            "pip install ai-edge-litert"
        ) from error
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        signatures = list(interpreter.get_signature_list())
    except (ValueError, RuntimeError, TypeError, KeyError, IndexError) as error:
        raise ValueError(f"{path}: not a LiteRT model ({error})") from error
    if len(signatures) != 1 and _SIGNATURE not in signatures:
        raise ValueError(f"{path}: expected one signature, or one named {_SIGNATURE!r}; got {signatures}")
    try:
        # Here, and not in the first prediction, an operator that plain LiteRT lacks comes to light.
        interpreter.allocate_tensors()
        return interpreter.get_signature_runner(signatures[0] if len(signatures) == 1 else _SIGNATURE)
    except (ValueError, RuntimeError, TypeError, KeyError, IndexError, MemoryError) as error:
        raise ValueError(f"{path}: LiteRT can't run it ({error}); was it exported with mmzoo.export?") from error


def _check_signature(runner, schema, path):
    inputs, outputs = schema.to_tensors(schema.inputs), schema.to_tensors(schema.outputs)
    expected = {
        "inputs": {name: ((1, *kind.shape), np.dtype(kind.dtype)) for name, kind in inputs.items()},
        "outputs": {name: ((1, *kind.shape), np.dtype("float32")) for name, kind in outputs.items()},
    }
    for side, details in (("inputs", runner.get_input_details()), ("outputs", runner.get_output_details())):
        if details.keys() != expected[side].keys():
            raise ValueError(
                f"{path}: its {side} {sorted(details)} are not those of schema.json, {sorted(expected[side])}; "
                "are the two files from the same export?"
            )
        for name, (shape, dtype) in expected[side].items():
            got = tuple(int(n) for n in details[name]["shape"]), np.dtype(details[name]["dtype"])
            if got != (shape, dtype):
                raise ValueError(
                    f"{path}: {side[:-1]} {name!r} is {got[1]} {got[0]}, by schema.json it is {dtype} {shape}; "
                    "are the two files from the same export?"
                )
