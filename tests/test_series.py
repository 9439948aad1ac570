"""Series: raw values, tables, the encoder shared with sensors, the branch, and one model from a table to the device."""

from __future__ import annotations

import csv
import json
import re

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from zoo_harness import RELOAD, assert_same, run, stir, with_missing

import mmzoo
from mmzoo import edge
from mmzoo.branches import series_branch
from mmzoo.data.tables.manifest import manifest_dataset, read_manifest
from mmzoo.data.tables.preparing import prepare
from mmzoo.edge.__main__ import main as edge_main
from mmzoo.evaluation import evaluate
from mmzoo.evaluation.column_worth import column_worth
from mmzoo.evaluation.report import write_report
from mmzoo.exporting.golden import golden_samples
from mmzoo.exporting.parity import FLOAT_BOUND
from mmzoo.exporting.probes import calibration_samples, random_samples
from mmzoo.exporting.static_int8 import why_not_int8
from mmzoo.layers import SensorEncoder
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.schema import Angle, Category, Date, Label, Number, Schema, Sensors, Series, Text, Value
from mmzoo.training.adaptation import adapt

FIELDS = (Number("speed", "km/h", 0, 300), Angle("heading"), Category("road", ("city", "land")))
MOTION = Series(5, FIELDS)
SCHEMA = Schema(
    "trip",
    {"motion": MOTION, "note": Text(6), "place": Sensors((Number("height", "m", 0, 900),))},
    {"kind": Label(("slow", "fast")), "next": Value("km/h", 0, 300)},
)
STEPS = [{"speed": 10.0 * i, "heading": 30.0 * i, "road": "city"} for i in range(5)]
ARRAY = np.array([[10.0 * i, 30.0 * i, 0] for i in range(5)], np.float32)
NAN = np.nan


def encode(value, series=MOTION):
    array = series.encode(value, "motion")
    assert array.shape == series.shape and array.dtype == np.float32
    return array


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


@pytest.fixture
def file(tmp_path):
    """Writes a CSV of a series: (header, *rows) -> path."""
    return lambda header, *rows: write_csv(tmp_path / "motion.csv", header.split(","), [row.split(",") for row in rows])


# Raw values ----------------------------------------------------------------------------------------------------------


def test_all_ways_to_give_a_series(file):
    rows = [f"{s['speed']},city,{s['heading']}" for s in STEPS]
    path = file("speed,road,heading", *rows)
    lists = [[s["speed"], s["heading"], s["road"]] for s in STEPS]
    for value in (STEPS, tuple(STEPS), lists, ARRAY, ARRAY.astype(np.float64), path, str(path)):
        np.testing.assert_array_equal(encode(value), ARRAY)
    assert np.isnan(MOTION.missing()).all()
    for value in (None, [], "", [None] * 3, [{}], np.zeros((0, 3))):
        assert np.isnan(encode(value)).all()


def test_longer_series_keep_the_newest_steps_and_shorter_ones_are_padded_in_front(file):
    newest = [{"speed": float(i)} for i in range(9)]
    assert encode(newest)[:, 0].tolist() == [4, 5, 6, 7, 8]
    np.testing.assert_array_equal(encode(newest[:2])[:, 0], [NAN, NAN, NAN, 0, 1])
    np.testing.assert_array_equal(encode(np.array([[7.0, 1, 1]]))[3:, 0], [NAN, 7])
    path = file("speed", *map(str, range(9)))
    np.testing.assert_array_equal(encode(path), encode(newest))


def test_missing_steps_and_fields(file):
    steps = [{"speed": 3}, None, {"heading": -90.0, "speed": None}, {}]
    expected = [[NAN] * 3, [3, NAN, NAN], [NAN] * 3, [NAN, 270, NAN], [NAN] * 3]
    np.testing.assert_array_equal(encode(steps), expected)
    np.testing.assert_array_equal(encode(file("speed,heading", "3,", ",", ",-90", ",")), expected)
    assert MOTION.present(np.stack([encode(steps), MOTION.missing()])).tolist() == [True, False]


def test_a_column_of_times_must_rise(file):
    for header, *times in (
        ("time", "1", "1.5", "20"),
        ("t", "2026-01-01T10:00:00", "2026-01-01T10:00:01", "2026-02-01"),
    ):
        path = file(f"{header},speed", *(f"{time},{i}" for i, time in enumerate(times)))
        assert encode(path)[-3:, 0].tolist() == [0, 1, 2]
    # A field of that name is a field.
    series = Series(2, (Number("t", "C", -50, 50),))
    assert encode(file("t", "20", "10"), series)[:, 0].tolist() == [20, 10]


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (5, TypeError, r"motion: expected a list of mappings .* an array \(T, 3\) or the path of a CSV file, got int"),
        ({"speed": 3}, TypeError, "motion: expected a list of mappings .*got dict"),
        ([{"speed": 3}, {"sped": 3}], KeyError, r"motion, step 1: unknown field 'sped'; the fields are \['speed'"),
        ([{}, {"speed": 301}], ValueError, "motion, step 1.speed: 301 km/h is outside 0..300 km/h"),
        ([{"road": "sea"}], ValueError, "motion, step 0.road: unknown category 'sea'"),
        ([[1, 2]], ValueError, "motion, step 0: 2 values, expected one for each of the fields"),
        ([{}, 4.0], TypeError, "motion, step 1: expected a mapping .*got float"),
        (np.zeros((4, 2)), ValueError, r"motion: expected a float array \(T, 3\), .*'speed'.*got shape \(4, 2\)"),
        (np.zeros(3), ValueError, r"got shape \(3,\)"),
        (np.array([["a"] * 3]), TypeError, "got <U1"),
        (np.array([[0, 0, 5.0]]), ValueError, "motion: field 'road': expected the number of a category, 0..1"),
        (np.array([[np.inf, 0, 0]]), ValueError, "motion: field 'speed': expected 0..300 km/h"),
        ("no/such.csv", FileNotFoundError, "motion: no/such.csv: no such file"),
    ],
)
def test_bad_values_name_their_place(value, kind, message):
    with pytest.raises(kind, match=message):
        MOTION.encode(value, "motion")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["speed,sped", "1,2"], "row 1: unknown field 'sped'; the fields are"),
        (["speed,speed", "1,2"], "row 1: column 'speed' stands there twice"),
        (["time", "1"], "row 1: no column is a field"),
        (["speed,heading", "1,2", "3"], "row 3: 1 cells, but 2 columns in the header"),
        (["speed,heading", "1,2,3"], "row 2: 3 cells, but 2 columns in the header"),
        (["speed", "1", "fast"], "row 3, speed: expected a number such as 48.5, got 'fast'"),
        (["speed", "1", "301"], "row 3, speed: 301 km/h is outside 0..300 km/h"),
        (["road", "sea"], "row 2, road: unknown category 'sea'"),
        (["time,speed", "1,1", "3,1", "2,1"], "row 4: time 2 is not later than 3 in the row before; sort"),
        (["t,speed", "1,1", "1,1"], "row 3: t 1 is not later than 1"),
        (["time,speed", "noon,1"], "row 2: time: expected a number or an ISO 8601 date, got 'noon'"),
        (["time,speed", ",1"], "row 2: time: expected a number"),
        ([""], "is empty; expected a header|row 1: unknown field ''"),
    ],
)
def test_bad_files_name_file_and_row(lines, message, file):
    path = file(*lines)
    with pytest.raises(ValueError, match=f"motion: {re.escape(str(path))}(, |: )({message})"):
        MOTION.encode(path, "motion")


# Tables --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """Trips whose kind and next speed follow from the motion; series as files, as JSON, and missing."""
    folder = tmp_path_factory.mktemp("trips")
    (folder / "motion").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for i in range(48):
        fast = i % 2
        speeds = np.clip(rng.normal(60 + 120 * fast, 10, rng.integers(2, 8)), 0, 300).round(1)
        cell = ""
        if i % 4 == 0:
            cell = json.dumps([{"speed": speed, "road": "city"} for speed in speeds])
        elif i % 11:
            cell = f"motion/{i}.csv"
            rising = [[j, speed, (10 * j) % 360] for j, speed in enumerate(speeds)]
            write_csv(folder / cell, ["time", "speed", "heading"], rising)
        rows.append(
            {"motion": cell, "note": f"n{i}", "height": 100 + i, "kind": ("slow", "fast")[fast], "next": speeds[-1]}
        )
    pd.DataFrame(rows).to_csv(folder / "trips.csv", index=False)
    return folder / "trips.csv"


def test_a_table_holds_paths_and_json(table):
    manifest = read_manifest(table, SCHEMA)
    motion = manifest.inputs["motion"]
    assert motion.shape == (48, 5, 3) and not manifest.files
    assert np.isnan(motion[11]).all() and MOTION.present(motion).sum() == 48 - 3
    cells = pd.read_csv(table, keep_default_na=False)["motion"]
    np.testing.assert_array_equal(motion[1], encode(table.parent / cells[1]))
    np.testing.assert_array_equal(motion[4], encode(json.loads(cells[4])))
    batch = next(iter(manifest_dataset(table, SCHEMA, batch_size=48)))
    np.testing.assert_array_equal(batch[0]["motion"], motion)


@pytest.mark.parametrize(
    ("cell", "kind", "message"),
    [
        ("motion/none.csv", FileNotFoundError, r"row 3, column 'motion': .*none.csv: no such file"),
        ("../out.csv", ValueError, r"row 3, column 'motion': '../out.csv' lies outside of the folder"),
        (
            '[{"speed": 1}',
            ValueError,
            r"row 3, column 'motion': expected the path of a CSV file, or a list of steps as",
        ),
        ('[{"sped": 1}]', ValueError, r"row 3, column 'motion': step 0: unknown field 'sped'"),
        ("[[1, 2]]", ValueError, r"row 3, column 'motion': .*2 values, expected one for each"),
        ("motion/bad.csv", ValueError, r"row 3, column 'motion': .*bad.csv, row 3: time 1 is not later than 2"),
    ],
)
def test_bad_cells_name_row_and_file(cell, kind, message, table, tmp_path):
    (tmp_path / "motion").mkdir()
    write_csv(tmp_path / "motion" / "bad.csv", ["time", "speed"], [[2, 1], [1, 1]])
    write_csv(tmp_path.parent / "out.csv", ["speed"], [[1]])
    row = {"note": "n", "height": 1, "kind": "slow", "next": 1}
    frame = pd.DataFrame([{"motion": "", **row}, {"motion": cell, **row}])
    frame.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(kind, match=message):
        read_manifest(tmp_path / "bad.csv", SCHEMA)


def test_records_hold_series(table, tmp_path):
    prepared = prepare(table, SCHEMA, tmp_path / "out")
    inputs = read_manifest(table, SCHEMA).arrays()[0]
    batches = list(prepared.dataset("train", batch_size=48, rows=True).as_numpy_iterator())
    found, _, rows = batches[0]
    np.testing.assert_array_equal(found["motion"], inputs["motion"][rows - 2])
    model, other = (build_multimodal_model(SCHEMA, size="nano", seed=0) for _ in range(2))
    assert "motion" in prepared.adapt(model)
    adapt(other, inputs)
    for weight, expected in zip(
        model.get_layer("motion_encoder").get_weights(), other.get_layer("motion_encoder").get_weights(), strict=True
    ):
        np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_an_edited_schema_is_checked_against_the_table(table):
    inspection = mmzoo.inspect_table(table, schema=SCHEMA)
    assert inspection.schema == SCHEMA and not inspection.of_level("error")
    (column,) = [column for column in inspection.columns if column.name == "motion"]
    assert (column.kind, column.feeds) == ("series", "motion")


# Layers --------------------------------------------------------------------------------------------------------------


def test_one_encoder_for_rows_and_series():
    fields = (*FIELDS, Date("day"))
    rows = random_samples(Schema("s", {"x": Series(7, fields)}, {"y": Value()}), 4)["x"]
    rows[0, :3] = NAN
    rows[1, 2, 1] = NAN
    encoder = SensorEncoder(fields)
    flat = np.asarray(encoder(rows.reshape(-1, len(fields))))
    series = np.asarray(encoder(rows))
    np.testing.assert_array_equal(series.reshape(flat.shape), flat)
    assert encoder.compute_output_shape((None, 7, len(fields))) == (None, 7, flat.shape[-1])
    assert encoder.compute_output_shape((None, len(fields))) == (None, flat.shape[-1])
    encoder.adapt(rows)
    once = [np.array(weight) for weight in encoder.get_weights()]
    encoder.adapt(rows.reshape(-1, len(fields)))
    for weight, expected in zip(encoder.get_weights(), once, strict=True):
        np.testing.assert_array_equal(weight, expected)
    with pytest.raises(ValueError, match="expected rows of 4 fields"):
        encoder.adapt(rows[..., :3])


def test_a_kind_of_field_without_an_encoding_is_said():
    class Smell:
        name = "smell"
        categories = ()

    with pytest.raises((TypeError, ValueError), match="expected an object|no encoding"):
        SensorEncoder((Smell(),))


@pytest.mark.parametrize("cell", ["gru", "lstm", "rnn"])
def test_the_branch(cell):
    values = keras.Input(MOTION.shape)
    plain = series_branch(values, MOTION, cell=cell, units=6, width=4)
    tokens = series_branch(values, MOTION, cell=cell, units=6, width=4, tokens=True, name="tokens")
    assert plain.tokens is None and plain.mask is None
    for part in (plain.vector, plain.present, *tokens):
        assert getattr(part, "_keras_mask", None) is None
    model = keras.Model(values, {"plain": [plain.vector, plain.present], "tokens": list(tokens)})
    for name in ("encoder", cell, "vector"):
        model.get_layer(f"tokens_{name}").set_weights(model.get_layer(f"series_{name}").get_weights())
    full = np.stack([ARRAY, encode(STEPS[:2]), encode([*STEPS[:2], None, None]), MOTION.missing()])
    found = {name: [np.asarray(part) for part in parts] for name, parts in model(full).items()}
    np.testing.assert_allclose(found["plain"][0], found["tokens"][2], atol=1e-6)
    # Where the missing steps are does not matter, only the order of the others.
    np.testing.assert_allclose(found["plain"][0][1], found["plain"][0][2], atol=1e-6)
    assert not np.allclose(found["plain"][0][0], found["plain"][0][1], atol=1e-4)
    assert found["plain"][1].tolist() == [[True], [True], [True], [False]]
    assert found["tokens"][0].shape == (4, 5, 4)
    assert found["tokens"][1].sum(axis=1).tolist() == [5, 2, 2, 0]
    assert all(np.isfinite(part).all() for parts in found.values() for part in parts)
    with pytest.raises(ValueError, match="cell: expected one of .*'rnn'.*got 'elman'"):
        series_branch(values, MOTION, cell="elman")


# One model, from a table to the device -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def data(table):
    return read_manifest(table, SCHEMA).arrays()


@pytest.fixture(scope="module")
def trained(data):
    model = build_multimodal_model(SCHEMA, size="nano", seed=0)
    history = mmzoo.fit(model, data, epochs=2, batch_size=16, verbose=0, seed=0)
    assert np.isfinite(history.history["loss"]).all()
    return stir(model, scale=0.05)


@pytest.fixture(scope="module")
def inputs(data):
    return with_missing(SCHEMA, {name: array[:8] for name, array in data[0].items()})


@pytest.fixture(scope="module")
def on_jax(trained, inputs, elsewhere, tmp_path_factory):
    """The folder of the model, and the job of the process that loads it on JAX."""
    folder = tmp_path_factory.mktemp("jax")
    np.savez(folder / "inputs.npz", **inputs)
    trained.save(folder / "model.keras")
    return folder, elsewhere["jax"].begin(RELOAD, folder)


@pytest.fixture(scope="module")
def bundle(trained, data, on_jax, tmp_path_factory):
    return mmzoo.export(trained, tmp_path_factory.mktemp("export") / "trip", samples=[data])


def test_training_adapts_the_normalisation(trained, data):
    encoder = trained.get_layer("motion_encoder")
    speed = data[0]["motion"][..., 0]
    np.testing.assert_allclose(encoder.mean[0], np.nanmean(speed), rtol=1e-5)
    np.testing.assert_allclose(encoder.deviation[0], np.nanstd(speed), rtol=1e-5)


def test_files_are_proven_equal(bundle):
    assert {"model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite"} <= set(bundle.files)
    for file, figures in bundle.parity["files"].items():
        for name, outputs in figures["sets"].items():
            for figure in outputs.values():
                assert figure["finite"], (file, name)
                assert "int8" in file or figure["max_difference"] <= FLOAT_BOUND, (file, name)
    assert {"missing_inputs", "missing_fields", "extremes", "golden"} <= set(bundle.parity["sets"])


def test_the_device_answers_raw_series(bundle, trained, table):
    device = edge.load(bundle.path)
    for value in (STEPS, ARRAY, table.parent / "motion" / "1.csv", [None, {"speed": 30.0}], None):
        expected, found = mmzoo.predict(trained, motion=value), device.predict(motion=value)
        assert found["next"] == pytest.approx(expected["next"], abs=1e-2)
        for name, probability in expected["kind"].items():
            assert found["kind"][name] == pytest.approx(probability, abs=FLOAT_BOUND)


def test_command_line_and_tables_of_the_device(bundle, table, capsys, tmp_path):
    path = table.parent / "motion" / "1.csv"
    device = edge.load(bundle.path)
    assert edge_main([str(bundle.path), "--set", f"motion={path}", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == device.predict(motion=path)
    assert edge_main([str(bundle.path), "--set", 'motion=[{"speed": 12}]', "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == device.predict(motion=[{"speed": 12}])
    assert edge_main([str(bundle.path), "--set", "motion=none.csv"]) == 1
    assert "motion: none.csv: no such file" in capsys.readouterr().err
    assert edge.predict_csv(device, table, tmp_path / "out.csv") == 48
    rows = pd.read_csv(tmp_path / "out.csv", keep_default_na=False)
    expected = [device.predict(motion=path, note="n1", place={"height": 101.0})["next"]]
    assert float(rows["predicted_next"][1]) == pytest.approx(expected[0], rel=1e-4)


def test_golden_vectors_are_what_their_raw_values_encode_to(bundle):
    golden = json.loads((bundle.path / "golden.json").read_text(encoding="utf-8"))
    arrays = np.load(bundle.path / "golden.npz")["input_motion"]
    lengths = set()
    for number, sample in enumerate(golden["samples"]):
        encoded = encode(sample["raw"].get("motion"))
        np.testing.assert_array_equal(encoded, arrays[number])
        flat = [NAN if value is None else value for value in sample["inputs"]["motion"]]
        np.testing.assert_array_equal(encoded.ravel(), np.array(flat, np.float32))
        lengths.add(len(sample["raw"].get("motion") or ()))
    assert 0 in lengths and 5 in lengths and max(lengths) > 5 and 0 < min(lengths - {0}) < 5
    assert golden_samples(SCHEMA, 1)[1] != golden_samples(SCHEMA, 2)[1]


def test_the_saved_model_takes_the_array(bundle, trained, data):
    loaded = tf.saved_model.load(str(bundle.path / "saved_model"))
    serve = loaded.signatures["serve"]
    assert serve.structured_input_signature[1]["motion"].shape.as_list() == [None, 5, 3]
    inputs = {name: array[:4] for name, array in data[0].items()}
    raw = {"motion": tf.constant(inputs["motion"]), "note": tf.constant(["n0", "n1", "n2", "n3"])}
    raw["place_height"] = tf.constant(inputs["place"][:, 0])
    found = {name: value.numpy() for name, value in serve(**raw).items()}
    assert_same(SCHEMA, run(trained, inputs), found, FLOAT_BOUND)


def test_the_contract_is_in_the_card(bundle):
    card = (bundle.path / "CARD.md").read_text(encoding="utf-8")
    assert "| `motion` | float32 (1, 5, 3) | 5 steps, the newest last" in card
    assert (
        "| `motion[:, 2]` | road | index into 0 city, 1 land |" in card and "| `place[0]` | height | 0..900 m |" in card
    )


def test_what_each_field_is_worth(trained, data, tmp_path):
    worth = column_worth(trained, *data)
    assert set(worth["column"]) == {"motion.speed", "motion.heading", "motion.road", "note", "place.height"}
    given = dict(zip(worth["column"], worth["given"], strict=True))
    speed = data[0]["motion"][..., 0]
    assert given["motion.speed"] == pytest.approx(np.mean(~np.isnan(speed).all(axis=1)))
    result = evaluate(trained, data)
    assert len(result.missing_inputs) == 7
    page = write_report(tmp_path / "report.html", result, title="trip").read_text(encoding="utf-8")
    assert "of 5 steps, the newest:" in page and "km/h" in page


def test_every_step_is_calibrated(data):
    assert why_not_int8(Schema("s", {"x": Series(65, FIELDS)}, {"y": Value()}), True) == (
        "input 'x' has 65 steps, and static int8 unrolls at most 64"
    )
    short = {name: array[:4].copy() for name, array in data[0].items()}
    short["motion"][:, :3] = NAN
    assert (~np.isnan(calibration_samples(SCHEMA, short)["motion"])).any(axis=(0, 2)).all()


# Last, since this process runs alongside the export ------------------------------------------------------------------


def test_jax_gives_the_same(on_jax, trained, inputs):
    folder, job = on_jax
    job.finish()
    error = folder / "jax.error"
    assert not error.exists(), error.read_text()
    assert Schema.load(folder / "jax.schema.json") == SCHEMA
    assert_same(SCHEMA, run(trained, inputs), dict(np.load(folder / "jax.npz")), 1e-5)
