"""The machinery behind tests/test_zoo.py: every registered model in all its sizes, made once and reused.

Whoever registers a builder gets all the tests without writing a line. A builder's module may hold `SIZES`, a mapping
from size to an object with `max_parameters`; then every size is tested, and the smallest is exported.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import io
import os
import pathlib
import subprocess
import sys
import wave

import numpy as np
from PIL import Image as Pillow

import mmzoo
from mmzoo.exporting.golden import golden_samples
from mmzoo.exporting.probes import probe_sets, random_samples, subsets_of_inputs
from mmzoo.models.registry import get_builder, list_models
from mmzoo.schema import Audio, Category, Image, Label, MultiLabel, Schema, Sensors, Text, Value

# Runs in a process of its own: loads the models of all folders named, and writes what they give.
RELOAD = """
import os, pathlib, sys, traceback
import mmzoo, numpy as np

for folder in map(pathlib.Path, sys.argv[1:]):
    backend = os.environ["KERAS_BACKEND"]
    try:
        model = mmzoo.load_model(folder / "model.keras")
        import keras
        assert keras.backend.backend() == backend
        np.savez(folder / f"{backend}.npz", **model.predict_on_batch(dict(np.load(folder / "inputs.npz"))))
        model.schema.save(folder / f"{backend}.schema.json")
    except Exception:
        (folder / f"{backend}.error").write_text(traceback.format_exc())
"""


def on_backend(backend: str) -> dict[str, str]:
    """The environment of a process of its own, on the CPU; JAX compiles fast there rather than well."""
    flags = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    return {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags}


@dataclasses.dataclass(frozen=True)
class Case:
    """One model in one size.

    Attributes:
        model: the registered name.
        size: the `size` argument; None for a builder without sizes.
        max_parameters: the size's limit, if it declares one.
    """

    model: str
    size: str | None = None
    max_parameters: int | None = None

    def __str__(self) -> str:
        return f"{self.model}-{self.size}" if self.size else self.model

    def build(self):
        return mmzoo.build_model(self.model, seed=0, **({"size": self.size} if self.size else {}))


def cases_of(model: str) -> list[Case]:
    """A model's sizes, the smallest first."""
    sizes = getattr(inspect.getmodule(get_builder(model)), "SIZES", None) or {}
    cases = [Case(model, size, getattr(config, "max_parameters", None)) for size, config in sizes.items()]
    return sorted(cases, key=lambda case: case.max_parameters or 0) or [Case(model)]


CASES = [case for model in list_models() for case in cases_of(model)]


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model after one step of training, with random weights on top.

    Attributes:
        model: the model.
        fresh: its trainable weights before the step.
        trained: the same after it.
        loss: of the step.
        inputs: samples, some with inputs missing: input name -> array (N, ...).
        expected: what the model gives for them: output name -> array (N, units).
        folder: holds model.keras and inputs.npz.
    """

    model: object
    fresh: list[np.ndarray]
    trained: list[np.ndarray]
    loss: float
    inputs: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    folder: pathlib.Path


class Zoo:
    """All models, each prepared, exported and reloaded once, when first asked for."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._reloads: dict[str, subprocess.Popen] = {}

    @functools.cache  # noqa: B019 - lives as long as the tests do
    def prepared(self, case: Case) -> Prepared:
        model = case.build()
        fresh = [np.array(v) for v in model.trainable_variables]
        # Plain SGD: Adam's two variables a weight would take most of the time, and are Keras' own affair.
        model.compile("sgd", {name: _loss(kind) for name, kind in model.schema.outputs.items()})
        training = random_samples(model.schema, 8, seed=1)
        history = model.fit(training, _targets(model.schema, 8), epochs=1, batch_size=8, verbose=0)
        trained = [np.array(v) for v in model.trainable_variables]
        stir(model)
        inputs = with_missing(model.schema, random_samples(model.schema, 16, seed=2))
        folder = self._folder / str(case)
        folder.mkdir()
        model.save(folder / "model.keras")
        np.savez(folder / "inputs.npz", **inputs)
        return Prepared(model, fresh, trained, history.history["loss"][0], inputs, run(model, inputs), folder)

    def smallest(self, model: str) -> Prepared:
        """A model in its smallest size, which is the one exported."""
        return self.prepared(cases_of(model)[0])

    @functools.cache  # noqa: B019
    def bundle(self, model: str):
        """The `mmzoo.Bundle` of a model in its smallest size; the reloads run alongside."""
        self.start_reloads()
        prepared = self.smallest(model)
        samples = random_samples(prepared.model.schema, 32, seed=3)
        return mmzoo.export(prepared.model, self._folder / f"{model}-bundle", samples=[samples])

    def start_reloads(self) -> None:
        """Starts one fresh process a backend, which reloads all models."""
        if self._reloads:
            return
        folders = [str(self.prepared(case).folder) for case in CASES]
        for backend in ("tensorflow", "jax"):
            command = [sys.executable, "-c", RELOAD, *folders]
            self._reloads[backend] = subprocess.Popen(command, env=on_backend(backend))

    def reloaded(self, case: Case, backend: str) -> tuple[Schema, dict[str, np.ndarray]]:
        """The schema, and the outputs for `inputs`, of the model reloaded in a fresh process."""
        self.start_reloads()
        assert self._reloads[backend].wait(timeout=300) == 0
        folder = self.prepared(case).folder
        error = folder / f"{backend}.error"
        assert not error.exists(), error.read_text()
        return Schema.load(folder / f"{backend}.schema.json"), dict(np.load(folder / f"{backend}.npz"))

    def close(self) -> None:
        for process in self._reloads.values():
            process.kill()
            process.wait()


def stir(model, scale: float = 0.1, seed: int = 0):
    """Adds noise to the trainable weights, since many are zero in a fresh model and then have no say.

    Args:
        model: the model; changed.
        scale: standard deviation of the noise; of a kernel that adds up more than 25 inputs, less, or the outputs of a
            deep network would leave all bounds.
        seed: of the noise.

    Returns:
        The model.
    """
    rng = np.random.default_rng(seed)
    for variable in model.trainable_variables:
        summed = np.prod(variable.shape[:-1]) if "kernel" in variable.name else 1
        least = scale * min(1.0, 5.0 / np.sqrt(summed))
        variable.assign(variable + least * rng.standard_normal(variable.shape).astype(np.float32))
    return model


def run(model, inputs: dict) -> dict[str, np.ndarray]:
    """Output name -> array (N, units), in inference mode and without compiling anything."""
    return {name: np.asarray(value) for name, value in model(inputs, training=False).items()}


def with_missing(schema: Schema, samples: dict) -> dict[str, np.ndarray]:
    """The samples, then one row for every subset of the inputs missing, and one for every field."""
    probes = probe_sets(schema, samples)
    sets = [samples, probes["missing_inputs"], *([probes["missing_fields"]] if "missing_fields" in probes else [])]
    return {name: np.concatenate([part[name] for part in sets]) for name in schema.inputs}


def hidden_subsets(schema: Schema) -> list[tuple[str, ...]]:
    """The subsets of inputs to hide, from none to all."""
    return subsets_of_inputs(schema)


def raw_samples(schema: Schema) -> list[dict]:
    """Raw samples as `Schema.encode` takes them: umlauts, long texts, missing inputs and fields, extremes."""
    return [raw for _, raw in golden_samples(schema)]


def raw_tensors(schema: Schema, raws: list[dict]) -> dict:
    """The same samples as the SavedModel's signature `serve` takes them."""
    import tensorflow as tf

    arrays = schema.encode_batch(raws)
    tensors = {}
    for name, modality in schema.inputs.items():
        values = [raw.get(name) for raw in raws]
        if isinstance(modality, Image):
            tensors[name] = tf.constant([b"" if value is None else _png(value) for value in values])
        elif isinstance(modality, Audio):
            tensors[name] = tf.constant([b"" if v is None else wav(v, modality.sample_rate) for v in values])
        elif isinstance(modality, Text):
            tensors[name] = tf.constant([value or "" for value in values])
        elif isinstance(modality, Sensors):
            for column, field in enumerate(modality.fields):
                if isinstance(field, Category):
                    column_values = tf.constant([(value or {}).get(field.name) or "" for value in values])
                else:
                    column_values = tf.constant(arrays[name][:, column])
                tensors[f"{name}_{field.name}"] = column_values
        else:
            tensors[name] = tf.constant(arrays[name])
    return tensors


def assert_sound(schema: Schema, outputs: dict[str, np.ndarray], tolerance: float = 1e-4) -> None:
    """Finite everywhere; the probabilities of a `Label` sum to 1, those of a `MultiLabel` lie in 0..1."""
    assert list(outputs) == list(schema.outputs)
    for name, kind in schema.outputs.items():
        assert np.isfinite(outputs[name]).all(), f"{name}: not finite"
        if isinstance(kind, Label):
            np.testing.assert_allclose(outputs[name].sum(axis=1), 1.0, atol=tolerance, err_msg=name)
        if isinstance(kind, Label | MultiLabel):
            assert outputs[name].min() >= -tolerance and outputs[name].max() <= 1 + tolerance, name


def assert_same(schema: Schema, expected: dict, found: dict, tolerance: float) -> None:
    """Equal to within `tolerance`, relative to the largest for a `Value`."""
    for name, kind in schema.outputs.items():
        scale = max(1.0, float(np.abs(expected[name]).max())) if isinstance(kind, Value) else 1.0
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance * scale, err_msg=name)


def _loss(kind):
    return {Label: "sparse_categorical_crossentropy", MultiLabel: "binary_crossentropy", Value: "mse"}[type(kind)]


def _targets(schema, count):
    rng = np.random.default_rng(0)
    draw = {
        Label: lambda kind: rng.integers(0, len(kind.classes), count),
        MultiLabel: lambda kind: rng.integers(0, 2, (count, len(kind.classes))),
        Value: lambda kind: rng.uniform(kind.minimum or 0.0, kind.maximum or 1.0, (count, 1)),
    }
    return {name: draw[type(kind)](kind) for name, kind in schema.outputs.items()}


def wav(samples: np.ndarray, sample_rate: int) -> bytes:
    """Samples (n,) or (n, channels), -1..1, as a WAV file of 16-bit PCM."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        writer.setsampwidth(2)
        writer.setframerate(sample_rate)
        writer.writeframes(np.clip(np.round(samples * 32768), -32768, 32767).astype("<i2").tobytes())
    return file.getvalue()


def _png(pixels):
    file = io.BytesIO()
    Pillow.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).save(file, "PNG")
    return file.getvalue()
