"""States that are fed back and noise that is drawn: a toy stream and a toy generator, from the schema to the device."""

from __future__ import annotations

import json

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import layers
from zoo_harness import run, stir

import mmzoo
from mmzoo import edge
from mmzoo.data.pipeline import from_arrays
from mmzoo.data.tables.manifest import read_manifest
from mmzoo.edge.__main__ import main as edge_main
from mmzoo.evaluation import evaluate
from mmzoo.evaluation.column_worth import column_worth
from mmzoo.exporting.parity import FLOAT_BOUND
from mmzoo.exporting.probes import random_samples, subsets_of_inputs
from mmzoo.layers import SensorEncoder
from mmzoo.models.schema_model import keras_inputs, load_model, schema_model
from mmzoo.schema import Noise, Number, Schema, Sensors, Series, State, Value
from mmzoo.training.batches import Batches

SPEED = (Number("speed", "km/h", 0, 100),)
MEMORY = State((6,))
STEPS, CHUNKS = 4, 3
MOOD = Schema("maker", {"mood": Sensors(SPEED), "noise": Noise((2, 3))}, {"made": Value("m")})


def stream_schema(steps=STEPS):
    return Schema(
        "stream", {"motion": Series(steps, SPEED), "memory": MEMORY}, {"next": Value("km/h"), "memory": MEMORY}
    )


def build_stream(steps=STEPS):
    """A GRU whose state goes in and out; the state's layer is called otherwise, since Keras wants names once."""
    schema = stream_schema(steps)
    inputs = keras_inputs(schema)
    x = SensorEncoder(SPEED, name="motion_encoder")(inputs["motion"])
    states, last = layers.GRU(6, return_sequences=True, return_state=True, use_cudnn=False, name="motion_gru")(
        x, initial_state=inputs["memory"]
    )
    outputs = {
        "next": layers.Dense(1, name="next")(states[:, -1]),
        "memory": layers.Activation("linear", dtype="float32", name="memory_next")(last),
    }
    return schema_model(inputs, outputs, schema, name="stream")


def build_maker():
    inputs = keras_inputs(MOOD)
    x = layers.Concatenate()(
        [SensorEncoder(SPEED, name="mood_encoder")(inputs["mood"]), layers.Flatten()(inputs["noise"])]
    )
    made = layers.Dense(1, name="made")(layers.Dense(8, activation="tanh")(x))
    return schema_model(inputs, {"made": made}, MOOD, name="maker")


@pytest.fixture(scope="module")
def stream():
    keras.utils.set_random_seed(0)
    return stir(build_stream(), scale=0.3)


@pytest.fixture(scope="module")
def stream_bundle(stream, tmp_path_factory):
    samples = random_samples(stream.schema, 64, seed=1)
    return mmzoo.export(stream, tmp_path_factory.mktemp("export") / "stream", samples=[samples])


@pytest.fixture(scope="module")
def maker_bundle(tmp_path_factory):
    keras.utils.set_random_seed(0)
    return mmzoo.export(stir(build_maker(), scale=0.3), tmp_path_factory.mktemp("export") / "maker")


@pytest.fixture(scope="module")
def motion():
    """The speeds of a whole run."""
    return np.random.default_rng(0).uniform(0, 100, (STEPS * CHUNKS, 1)).astype(np.float32)


def chunks(motion):
    return np.split(motion, CHUNKS)


# State ---------------------------------------------------------------------------------------------------------------


def test_a_state_is_neither_given_nor_predicted(stream):
    schema = stream.schema
    assert list(schema.inputs) == ["motion", "memory"] and list(schema.outputs) == ["next", "memory"]
    assert list(schema.given) == ["motion"] and list(schema.predicted) == ["next"]
    assert subsets_of_inputs(schema) == [(), ("motion",)]
    assert list(schema.with_outputs({"other": Value()}).outputs) == ["other", "memory"]
    assert Schema.from_json(schema.to_json()) == schema
    assert not schema.encode({})["memory"].any()
    given = np.arange(6.0)
    np.testing.assert_array_equal(schema.encode({"memory": given.tolist()})["memory"], given)
    for value, message in ((np.zeros(5), r"memory: expected numbers of shape \(6,\), got \(5,\)"), ("a", "got str")):
        with pytest.raises((TypeError, ValueError), match=message):
            schema.encode({"memory": value})


def test_a_stream_in_chunks_is_the_whole_in_one(stream, stream_bundle, motion):
    whole = build_stream(STEPS * CHUNKS)
    whole.set_weights(stream.get_weights())
    expected = run(whole, {"motion": motion[None], "memory": np.zeros((1, 6), np.float32)})
    device = edge.load(stream_bundle.path).stream()
    for chunk in chunks(motion):
        prediction = device.predict(motion=chunk)
    assert list(prediction) == ["next"]
    assert prediction["next"] == pytest.approx(float(expected["next"][0, 0]), abs=FLOAT_BOUND)
    np.testing.assert_allclose(device.state["memory"], expected["memory"][0], atol=FLOAT_BOUND)


def test_predict_starts_from_zeros_and_streams_do_not_mix(stream_bundle, motion):
    model = edge.load(stream_bundle.path)
    first, second, _ = chunks(motion)
    alone = [model.predict(motion=chunk) for chunk in (first, second, first)]
    assert alone[0] == alone[2] == model.predict(motion=first, memory=np.zeros(6))
    one, other = model.stream(), model.stream()
    assert one.predict(motion=first) == alone[0]
    after = one.state
    assert one.predict(motion=second) != alone[1] and other.predict(motion=second) == alone[1]
    # A state that was kept can be gone on from, in a stream or by hand.
    again = model.stream(after).predict(motion=second)
    assert again == model.predict(motion=second, memory=after["memory"])
    one.reset()
    assert one.predict(motion=first) == alone[0]
    one.reset(after)
    assert one.predict(motion=second) == again
    outputs = one.run({"motion": model.schema.encode({"motion": first})["motion"]})
    np.testing.assert_array_equal(outputs["memory"], one.state["memory"])
    assert model.predict_batch([{"motion": first}, {"motion": first, "memory": after["memory"]}])[0] == alone[0]


def test_what_a_stream_refuses(stream_bundle, maker_bundle, motion):
    model = edge.load(stream_bundle.path)
    with pytest.raises(ValueError, match="'motion' is no state of the model; its states are \\['memory'\\]"):
        model.stream({"motion": motion})
    with pytest.raises(ValueError, match=r"memory: expected numbers of shape \(6,\), got \(2,\)"):
        model.stream({"memory": np.zeros(2)})
    with pytest.raises(ValueError, match="memory: a stream keeps it; use reset"):
        model.stream().predict(memory=np.zeros(6))
    with pytest.raises(ValueError, match="keeps no state: none of its inputs"):
        edge.load(maker_bundle.path).stream()
    with pytest.raises(ValueError, match="expected arrays for the inputs"):
        model.run({"memory": np.zeros(6, np.float32)})


def test_files_hold_the_state(stream_bundle, stream, motion):
    assert {"model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite"} <= set(stream_bundle.files)
    for file, figures in stream_bundle.parity["files"].items():
        assert all(set(outputs) == {"next", "memory"} for outputs in figures["sets"].values()), file
    loaded = load_model(stream_bundle.path)
    assert loaded.schema == stream.schema
    serve = tf.saved_model.load(str(stream_bundle.path / "saved_model")).signatures["serve"]
    first = chunks(motion)[0][None]
    found = serve(motion=tf.constant(first), memory=tf.ones((1, 6)))
    expected = run(stream, {"motion": first, "memory": np.ones((1, 6), np.float32)})
    for name, value in expected.items():
        np.testing.assert_allclose(found[name].numpy(), value, atol=FLOAT_BOUND)
    card = (stream_bundle.path / "CARD.md").read_text(encoding="utf-8")
    assert card.count("| `memory` | float32 (1, 6) | zeros at the start, then what the output of this name gave") == 2


@pytest.mark.parametrize("name", ["stream_bundle", "maker_bundle"])
def test_golden_vectors_carry_states_and_noise(name, request):
    bundle = request.getfixturevalue(name)
    device = edge.load(bundle.path)
    golden = json.loads((bundle.path / "golden.json").read_text(encoding="utf-8"))
    with np.load(bundle.path / "golden.npz") as file:
        arrays = dict(file)
    free = [n for n in device.schema.inputs if n not in device.schema.given]
    assert {f"input_{n}" for n in free} <= set(arrays)
    assert {f"expected_{n}" for n in device.schema.outputs} <= set(arrays)
    for number, sample in enumerate(golden["samples"]):
        encoded = device.schema.encode(sample["raw"])
        for key in device.schema.inputs:
            np.testing.assert_array_equal(encoded[key], arrays[f"input_{key}"][number])
        if name == "maker_bundle":
            assert "noise" in sample["raw"]
        outputs = device.run(encoded)
        for key in device.schema.outputs:
            np.testing.assert_allclose(outputs[key], arrays[f"expected_{key}"][number], rtol=1e-5, atol=1e-5)
            np.testing.assert_allclose(np.ravel(outputs[key]), sample["expected"][key], rtol=1e-5, atol=1e-5)
    assert any(arrays[f"input_{n}"].any() for n in free)


def test_tables_and_figures_leave_them_out(stream, tmp_path):
    frame = pd.DataFrame({"motion": ["[[1], [2]]", "[[3]]"], "next": [1.0, 2.0]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    inputs, targets = read_manifest(tmp_path / "t.csv", stream.schema).arrays()
    assert list(inputs) == ["motion"] and list(targets) == ["next"]
    result = evaluate(stream, (inputs, targets))
    assert list(result.metrics) == ["next"] and not result.inputs["memory"].any()
    assert "memory" not in result.missing_inputs.columns and len(result.missing_inputs) == 1
    assert list(column_worth(stream, result.inputs, targets)["column"]) == ["motion.speed"]
    assert list(result.write(tmp_path / "evaluation"))


def test_a_stream_trains_from_its_start(tmp_path):
    model = build_stream()
    inputs = {"motion": random_samples(model.schema, 32)["motion"]}
    before = [np.array(weight) for weight in model.get_weights()]
    history = mmzoo.fit(model, (inputs, {"next": np.arange(32.0)}), epochs=1, batch_size=16, verbose=0, seed=0)
    assert np.isfinite(history.history["loss"]).all()
    assert any(not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


# Noise ---------------------------------------------------------------------------------------------------------------


def test_the_device_draws_noise_from_its_seed(maker_bundle):
    one, same, other = (edge.load(maker_bundle.path, seed=seed) for seed in (0, 0, 1))
    made = [one.predict(mood={"speed": 5.0})["made"] for _ in range(3)]
    assert len(set(made)) == 3
    assert made == [same.predict(mood={"speed": 5.0})["made"] for _ in range(3)]
    assert made[0] != other.predict(mood={"speed": 5.0})["made"]
    noise = np.random.default_rng(5).standard_normal((2, 3)).astype(np.float32)
    assert one.predict(noise=noise) == one.predict(noise=noise.tolist()) == other.predict(noise=noise)
    assert made == [p["made"] for p in edge.load(maker_bundle.path).predict_batch([{"mood": {"speed": 5.0}}] * 3)]
    with pytest.raises(ValueError, match=r"noise: expected numbers of shape \(2, 3\), got \(6,\)"):
        one.predict(noise=np.zeros(6))


def test_the_notebook_draws_the_same(maker_bundle):
    model = load_model(maker_bundle.path)
    raws = [{"mood": {"speed": float(speed)}} for speed in range(4)]
    device = edge.load(maker_bundle.path, seed=3)
    expected = [device.predict(**raw)["made"] for raw in raws]
    assert [p["made"] for p in mmzoo.predict(model, raws, batch_size=3, seed=3)] == pytest.approx(expected, abs=1e-5)
    assert mmzoo.predict(model, raws[0], seed=3)["made"] == pytest.approx(expected[0], abs=1e-5)


def test_the_graph_draws_nothing(maker_bundle):
    model = load_model(maker_bundle.path)
    inputs = random_samples(MOOD, 4)
    np.testing.assert_array_equal(run(model, inputs)["made"], run(model, inputs)["made"])
    assert model.schema == MOOD and subsets_of_inputs(MOOD) == [(), ("mood",)]
    assert not MOOD.missing()["noise"].any() and MOOD["noise"].random(500, np.random.default_rng(0)).std() > 0.9


def test_tables_and_the_command_line_draw_noise(maker_bundle, capsys, tmp_path):
    pd.DataFrame({"speed": [1, 1, 2]}).to_csv(tmp_path / "t.csv", index=False)
    written = []
    for number in range(2):
        path = tmp_path / f"out{number}.csv"
        assert edge.predict_csv(edge.load(maker_bundle.path), tmp_path / "t.csv", path) == 3
        written.append(path.read_text())
    assert written[0] == written[1]
    made = pd.read_csv(tmp_path / "out0.csv")["made"]
    assert made[0] != made[1]
    answers = []
    for seed in (0, 0, 7):
        assert edge_main([str(maker_bundle.path), "--set", "speed=1", "--seed", str(seed), "--json"]) == 0
        answers.append(json.loads(capsys.readouterr().out)["made"])
    assert answers[0] == answers[1] != answers[2] and answers[0] == pytest.approx(made[0], rel=1e-4)


def test_arrays_get_noise_too():
    batch = next(iter(from_arrays({"mood": np.ones((4, 1), np.float32)}, schema=MOOD, seed=1)))
    assert batch["noise"].shape == (4, 2, 3) and len(np.unique(batch["noise"].numpy())) == 24


def test_a_resumed_run_draws_the_noise_that_an_uninterrupted_one_does():
    data = ({"mood": np.ones((8, 1), np.float32)}, {"made": np.zeros((8, 1), np.float32)})

    def drawn(*epochs):
        batches = Batches(data, MOOD, "train", batch_size=4, shuffle_seed=1)
        return [np.concatenate([inputs["noise"] for inputs, *_ in batches.epoch(epoch)]) for epoch in epochs]

    first, second = drawn(0, 1)
    np.testing.assert_array_equal(drawn(1)[0], second)
    assert not np.array_equal(first, second)
