"""The machinery behind tests/test_zoo.py: every registered model in all its sizes, made once and reused.

Whoever registers a builder gets all the tests without writing a line. A builder's module may hold `SIZES`, a mapping
from size to an object with `max_parameters`; then every size is tested, and the smallest is exported.

The costly tests (all of a bundle's files, JAX) run for `REPRESENTATIVES`, those of larger sizes for `IN_ALL_SIZES`, and
for every other model with `pytest -m export`. What takes long to make is made once for all processes of a run, in a
folder that they share.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import io
import json
import pathlib
import time
import wave
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from elsewhere import Elsewhere, Job
from PIL import Image as Pillow

import mmzoo
from mmzoo.bundles import write_checksums
from mmzoo.exporting.bundle import Bundle
from mmzoo.exporting.golden import golden_samples
from mmzoo.exporting.litert import write_litert
from mmzoo.exporting.probes import probe_sets, random_samples, subsets_of_inputs
from mmzoo.exporting.unrolled import exportable
from mmzoo.models.registry import get_builder, list_models
from mmzoo.schema import Audio, Category, Image, Label, MultiLabel, Schema, Sensors, Text
from mmzoo.tasks import task_for
from mmzoo.training.objectives import losses_for

# Models that stand for all kinds of inputs and outputs in the zoo; a test says when a kind is left out.
REPRESENTATIVES = ("road_sign", "driving", "speech", "retrieval", "caption", "answer", "recommendation")
# Kinds whose models take most of a minute to export as a whole: with `pytest -m export` alone. Their float32 files, the
# edge runtime, missing inputs and reloading are asked as of every model.
EXPORTED_ON_RECORD = {"Noise", "Picture", "Video"}
# Whose larger sizes are asked by default what the smallest is asked: what a size changes is its widths.
IN_ALL_SIZES = ("road_sign",)
SAMPLES = 96

# Runs in another process: loads the models of all folders named, and writes what they give.
RELOAD = """
import os, pathlib, sys, traceback
import mmzoo, numpy as np

for folder in map(pathlib.Path, sys.argv[1:]):
    backend = os.environ["KERAS_BACKEND"]
    try:
        model = mmzoo.load_model(folder / "model.keras")
        import keras
        assert keras.backend.backend() == backend
        inputs = dict(np.load(folder / "inputs.npz"))
        # TensorFlow would trace and compile for longer than it takes to run once; JAX compiles operator by operator.
        found = model(inputs, training=False) if backend == "tensorflow" else model.predict_on_batch(inputs)
        np.savez(folder / f"{backend}.npz", **{name: np.asarray(value) for name, value in found.items()})
        model.schema.save(folder / f"{backend}.schema.json")
    except Exception:
        (folder / f"{backend}.error").write_text(traceback.format_exc())
"""


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
SMALLEST = {model: cases_of(model)[0] for model in list_models()}


def _marks(costly: bool):
    return [pytest.mark.export] if costly else []


# Whoever asks something costly of a model asks it of the costly ones below; the marked are left out by default.
every_model = pytest.mark.parametrize("name", list_models())
every_model_costly = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=_marks(name not in REPRESENTATIVES)) for name in list_models()]
)
every_case = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=_marks(case.model not in IN_ALL_SIZES and case != SMALLEST[case.model]))
        for case in CASES
    ],
    ids=str,
)
every_case_costly = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=_marks(case.model not in REPRESENTATIVES or case != SMALLEST[case.model]))
        for case in CASES
    ],
    ids=str,
)


def made_once(folder: pathlib.Path, make: Callable[[pathlib.Path], object], patience: float = 900.0) -> pathlib.Path:
    """A folder made by the process of the tests that needs it first, while others that need it wait.

    Args:
        folder: the folder.
        make: function that makes it.
        patience: seconds to wait for another process.
    """
    lock, done, failed = (folder.with_name(f".{folder.name}.{word}") for word in ("lock", "done", "failed"))
    try:
        lock.mkdir(parents=True)
    except FileExistsError:
        end = time.monotonic() + patience
        while not done.exists():
            assert not failed.exists(), f"{folder.name}: another test could not make it: {failed.read_text()}"
            assert time.monotonic() < end, f"{folder.name}: not made within {patience:g} s"
            time.sleep(0.1)
        return folder
    try:
        make(folder)
    except BaseException as error:
        failed.write_text(repr(error))
        raise
    done.touch()
    return folder


@dataclasses.dataclass(frozen=True)
class Prepared:
    """A model after one step of training, with its first weights again and random ones on top.

    Attributes:
        model: the model.
        fresh: its trainable weights before the step.
        trained: the same after it.
        loss: of the step.
    """

    model: object
    fresh: list[np.ndarray]
    trained: list[np.ndarray]
    loss: float


@dataclasses.dataclass(frozen=True)
class Saved:
    """A prepared model in files, for whatever process.

    Attributes:
        folder: holds model.keras, schema.json, inputs.npz and expected.npz.
    """

    folder: pathlib.Path

    @property
    def schema(self) -> Schema:
        return Schema.load(self.folder / "schema.json")

    @property
    def expected(self) -> dict[str, np.ndarray]:
        """What the model gives for the inputs, some of which are missing: output name -> array (N, ...)."""
        return dict(np.load(self.folder / "expected.npz"))


class Zoo:
    """All models, each prepared, saved, exported and reloaded once, when first asked for.

    Args:
        folder: of all processes of the tests.
        everything: whether the costly tests of all models are asked for.
        elsewhere: backend -> the process that reloads models on it.
    """

    def __init__(self, folder: pathlib.Path, everything: bool, elsewhere: Mapping[str, Elsewhere]):
        self._folder, self._everything, self._elsewhere = folder, everything, elsewhere
        self._reloads: dict[str, Job] = {}

    @functools.cache  # noqa: B019 - lives as long as the tests do
    def prepared(self, case: Case) -> Prepared:
        model = compiled(case.build())
        first = model.get_weights()
        fresh = [np.array(v) for v in model.trainable_variables]
        training = random_samples(model.schema, 8, seed=1)
        history = model.fit(training, _targets(model.schema, 8), epochs=1, batch_size=8, verbose=0)
        trained = [np.array(v) for v in model.trainable_variables]
        # Not the trained ones, whose last digits are another process's own.
        model.set_weights(first)
        return Prepared(stir(model), fresh, trained, history.history["loss"][0])

    def smallest(self, model: str) -> Prepared:
        """A model in its smallest size, which is the one exported."""
        return self.prepared(SMALLEST[model])

    @functools.cache  # noqa: B019
    def saved(self, case: Case) -> Saved:
        def save(folder):
            # As prepared, but made anew: here nobody needs the step of training, which takes longer.
            model = stir(compiled(case.build()))
            inputs = with_missing(model.schema, random_samples(model.schema, 16, seed=2))
            folder.mkdir()
            model.save(folder / "model.keras")
            model.schema.save(folder / "schema.json")
            np.savez(folder / "inputs.npz", **inputs)
            np.savez(folder / "expected.npz", **run(model, inputs))

        return Saved(made_once(self._folder / str(case), save))

    @functools.cache  # noqa: B019
    def bundle(self, model: str) -> Bundle:
        """The bundle of a model in its smallest size, on `SAMPLES` samples."""

        def export(folder):
            prepared = self.smallest(model).model
            samples = _answered(prepared, random_samples(prepared.schema, SAMPLES, seed=3))
            mmzoo.export(prepared, folder / model, samples=samples)

        folder = made_once(self._folder / f"{model}-bundle", export) / model
        parity = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
        return Bundle(folder, tuple(sorted(entry.name for entry in folder.iterdir())), parity)

    @functools.cache  # noqa: B019
    def device_folder(self, model: str) -> pathlib.Path:
        """A representative's bundle; of another model as much of one as the device needs, made in seconds."""
        if model in REPRESENTATIVES:
            return self.bundle(model).path

        def write(folder):
            prepared = self.smallest(model).model
            folder.mkdir()
            prepared.schema.save(folder / "schema.json")
            write_litert(exportable(prepared), folder / "model_float32.tflite")
            write_checksums(folder)

        return made_once(self._folder / f"{model}-device", write)

    def reloaded(self, case: Case, backend: str) -> tuple[Schema, dict[str, np.ndarray]]:
        """The schema, and the outputs for the saved inputs, of the model reloaded in a fresh process.

        One process a backend for all models: the tests that ask for it are a group of their own.
        """
        if not self._reloads:
            chosen = CASES if self._everything else [SMALLEST[name] for name in REPRESENTATIVES]
            reloaded = CASES if self._everything else [c for c in CASES if c.model in IN_ALL_SIZES]
            wanted = {"jax": chosen, "tensorflow": list(dict.fromkeys([*reloaded, *SMALLEST.values()]))}
            for name, cases in wanted.items():
                folders = [self.saved(case).folder for case in cases]
                self._reloads[name] = self._elsewhere[name].begin(RELOAD, *folders)
        self._reloads[backend].finish()
        folder = self.saved(case).folder
        error = folder / f"{backend}.error"
        assert not error.exists(), error.read_text()
        return Schema.load(folder / f"{backend}.schema.json"), dict(np.load(folder / f"{backend}.npz"))


def compiled(model):
    """The model, compiled with plain SGD: Adam's two variables a weight would take most of the time."""
    model.compile("sgd", losses_for(model))
    return model


def _answered(model, samples):
    """Batches of the samples; with the model's own answers as targets where it only classifies."""
    import tensorflow as tf

    if not all(isinstance(kind, Label) for kind in model.schema.outputs.values()):
        return [samples]
    answers = {name: output.argmax(axis=1) for name, output in run(model, samples).items()}
    return tf.data.Dataset.from_tensor_slices((samples, answers)).batch(40)


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
    """Equal to within `tolerance`, relative to what is largest where that is more than 1."""
    for name in schema.outputs:
        scale = max(1.0, float(np.abs(expected[name]).max()))
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=tolerance * scale, err_msg=name)


def _targets(schema, count):
    rng = np.random.default_rng(0)
    drawn = {name: kind.random_targets(count, rng) for name, kind in schema.predicted.items()}
    return {name: task_for(schema[name]).encode_targets(schema[name], rows, name) for name, rows in drawn.items()}


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
