"""The SavedModel from raw files, strings and numbers gives what Keras gives."""

from __future__ import annotations

import io
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

from mmzoo.exporting.serving import encode_raw, raw_signature, write_saved_model
from mmzoo.schema import Date, Image, Label, Number, Schema, Sensors, Text


def encoded(pixels, kind="PNG"):
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, kind)
    return file.getvalue()


def random_pixels(height, width, seed):
    """A smooth picture, as photographs are."""
    coarse = np.random.default_rng(seed).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(coarse).resize((width, height), Pillow.Resampling.BICUBIC))


SAMPLES = [
    {
        "image": encoded(random_pixels(32, 32, 0)),
        "text": "50 nur bei Nässe",
        "location": {"latitude": 48.137, "longitude": 11.575, "heading": 725.0, "speed": 47.5, "road_class": "primary"},
        "road_condition": {"surface": "wet", "weather": "rain", "light": "night", "visibility": 800.0},
    },
    {"image": encoded(random_pixels(32, 32, 1)), "location": {"heading": -10.0}},
    {"text": b"\xffSTOP\0", "road_condition": {"surface": "ice"}},
    {},
]


def raw_tensors(schema, samples):
    """The samples as `serve` takes them."""
    tensors = {}
    for name, spec in raw_signature(schema).items():
        values = []
        for sample in samples:
            value = sample.get(name)
            if name not in schema.inputs:
                owner = next(i for i in schema.inputs if name.startswith(f"{i}_"))
                value = sample.get(owner, {}).get(name.removeprefix(f"{owner}_"))
            values.append(value if value is not None else b"" if spec.dtype == tf.string else np.nan)
        tensors[name] = tf.constant(values, spec.dtype)
    return tensors


@pytest.fixture(scope="module")
def model(nano):
    return nano


@pytest.fixture(scope="module")
def folder(nano_bundle):
    return nano_bundle.path / "saved_model"


@pytest.fixture(scope="module")
def loaded(folder):
    return tf.saved_model.load(str(folder))


def test_raw_inputs_give_what_keras_gives(model, loaded):
    expected = model(model.schema.encode_batch(SAMPLES))["sign"].numpy()
    assert np.ptp(expected, axis=0).max() > 0.01, "the samples should differ"
    for signature in ("serve", "serving_default"):
        found = loaded.signatures[signature](**raw_tensors(model.schema, SAMPLES))
        assert list(found) == ["sign"]
        np.testing.assert_allclose(found["sign"], expected, atol=1e-5)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_any_number_of_samples(model, loaded, count):
    found = loaded.signatures["serve"](**raw_tensors(model.schema, SAMPLES[:count]))["sign"].numpy()
    assert found.shape == (count, 43)
    np.testing.assert_allclose(found.sum(axis=1), np.ones(count), atol=1e-5)


def test_other_sizes_and_formats_come_close(model, loaded):
    samples = [
        {"image": encoded(random_pixels(*size, seed), kind)}
        for seed, (size, kind) in enumerate((((90, 70), "JPEG"), ((20, 25), "PNG"), ((64, 64), "BMP")))
    ]
    arrays = model.schema.encode_batch(samples)
    graph = encode_raw(model.schema, raw_tensors(model.schema, samples))
    assert np.percentile(np.abs(arrays["image"].astype(int) - graph["image"].numpy().astype(int)), 99) <= 2
    found = loaded.signatures["serve"](**raw_tensors(model.schema, samples))["sign"]
    np.testing.assert_allclose(found, model(arrays)["sign"], atol=0.02)


def test_serve_arrays_takes_the_models_own_tensors(model, loaded):
    arrays = model.schema.encode_batch(SAMPLES)
    found = loaded.signatures["serve_arrays"](**{name: tf.constant(array) for name, array in arrays.items()})
    np.testing.assert_allclose(found["sign"], model(arrays)["sign"], atol=1e-5)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("location_road_class", b"Autobahn", "location_road_class: unknown category.*Autobahn"),
        ("location_speed", 301.0, "location_speed: outside 0..300 km/h.*301"),
        ("location_heading", np.inf, "location_heading: expected a finite number"),
        ("location_road_class", b"\xff" * 500, "location_road_class: unknown category"),
        ("image", b"no picture", "image: not an image.*expected JPEG, PNG or BMP"),
        ("image", encoded(random_pixels(32, 32, 0))[:-60], "(?i)png"),
    ],
)
def test_bad_input_is_named(model, loaded, name, value, message):
    tensors = raw_tensors(model.schema, SAMPLES[:2])
    tensors[name] = tf.constant([value, value], tensors[name].dtype)
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        loaded.signatures["serve"](**tensors)


def test_wrong_names_types_and_shapes_are_refused(model, loaded):
    raw, serve = raw_tensors(model.schema, SAMPLES[:2]), loaded.signatures["serve"]
    with pytest.raises(TypeError, match="missing a required argument: 'text'"):
        serve(**{name: tensor for name, tensor in raw.items() if name != "text"})
    with pytest.raises(TypeError, match="unexpected keyword argument 'sound'"):
        serve(**raw, sound=tf.constant(["a", "b"]))
    invalid = tf.errors.InvalidArgumentError
    with pytest.raises(invalid, match="expected to be a string tensor but is a float tensor"):
        serve(**{**raw, "text": tf.constant([1.0, 2.0])})
    with pytest.raises(invalid, match=r"tensor text \[2,1\] is not compatible with expected shape \[\?\]"):
        serve(**{**raw, "text": tf.constant([["a"], ["b"]])})
    for name, value in (("text", ["a"]), ("location_speed", [1.0, 2.0, 3.0])):
        with pytest.raises(invalid, match=f"(?s)expected as many samples of each of.*{name}.*got.*{len(value)}"):
            serve(**{**raw, name: tf.constant(value)})


def test_wrong_arrays_are_refused(model, loaded):
    serve = loaded.signatures["serve_arrays"]
    arrays = {name: tf.constant(array) for name, array in model.schema.encode_batch(SAMPLES[:2]).items()}
    invalid = tf.errors.InvalidArgumentError
    with pytest.raises(invalid, match=r"tensor image \[2,16,32,3\] is not compatible with expected shape"):
        serve(**{**arrays, "image": arrays["image"][:, :16]})
    with pytest.raises(invalid, match="expected to be a uint8 tensor but is a float tensor"):
        serve(**{**arrays, "image": tf.cast(arrays["image"], tf.float32)})
    with pytest.raises(invalid, match=r"(?s)expected as many samples of each of.*\[2 1 2 2\]"):
        serve(**{**arrays, "text": arrays["text"][:1]})


def test_plain_tensorflow_loads_it(model, folder, elsewhere, tmp_path):
    """In a process which knows neither mmzoo nor tensorflow-text."""
    np.savez(tmp_path / "arrays.npz", **{k: v.numpy() for k, v in raw_tensors(model.schema, SAMPLES[2:]).items()
                                         if v.dtype != tf.string})  # fmt: skip
    strings = {
        name: [text.decode("latin-1") for text in tensor.numpy()]
        for name, tensor in raw_tensors(model.schema, SAMPLES[2:]).items()
        if tensor.dtype == tf.string
    }
    (tmp_path / "strings.json").write_text(json.dumps(strings))
    script = """
import json, sys
import numpy as np, tensorflow as tf
folder, data = sys.argv[1:]
model = tf.saved_model.load(folder)
raw = {name: tf.constant(array) for name, array in np.load(data + "/arrays.npz").items()}
for name, texts in json.load(open(data + "/strings.json")).items():
    raw[name] = tf.constant([text.encode("latin-1") for text in texts])
np.save(data + "/sign.npy", model.signatures["serve"](**raw)["sign"].numpy())
assert not {"mmzoo", "tensorflow_text", "keras_hub", "keras_nlp"} & set(sys.modules), "it needs more than TensorFlow"
"""
    elsewhere["plain"].begin(script, folder, tmp_path).finish()
    expected = model(model.schema.encode_batch(SAMPLES[2:]))["sign"]
    np.testing.assert_allclose(np.load(tmp_path / "sign.npy"), expected, atol=1e-5)


def test_names_that_collide_get_a_number():
    schema = Schema("x", {"a_b": Text(2), "a": Sensors((Number("b"), Number("c")))}, {"y": Label(("p", "q"))})
    assert list(raw_signature(schema)) == ["a_b", "a_b_2", "a_c"]


def test_types_of_the_signature():
    schema = Schema(
        "x", {"photo": Image(4, 4), "when": Sensors((Date("day"), Number("hour")))}, {"y": Label(("p", "q"))}
    )
    signature = raw_signature(schema)
    assert {name: (spec.dtype, spec.shape.as_list()) for name, spec in signature.items()} == {
        "photo": (tf.string, [None]),
        "when_day": (tf.float32, [None]),
        "when_hour": (tf.float32, [None]),
    }


def test_another_backend_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="TensorFlow backend, got 'jax'"):
        write_saved_model(model, tmp_path / "saved_model")
