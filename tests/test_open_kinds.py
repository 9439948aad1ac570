"""Kinds of inputs and outputs from outside the package: one class, one task, one branch, and everything takes them."""

from __future__ import annotations

import csv
import dataclasses
import json

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo import edge
from mmzoo.branches import Features, register_branch, sensor_branch
from mmzoo.data.tables.manifest import read_manifest
from mmzoo.fusion import fuse
from mmzoo.models.schema_model import keras_inputs, load_model, schema_model
from mmzoo.schema import Number, Output, Schema, Sensors, Value
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.kinds import register_kind
from mmzoo.tasks import Figure, Task, figure_of, register_task, task_for
from mmzoo.tasks.label import ACCURACY
from mmzoo.tasks.task import with_targets

# The kinds ------------------------------------------------------------------------------------------------------------


@register_kind
@dataclasses.dataclass(frozen=True)
class Ordinal(Output):
    """One of several levels in order: float32 (levels - 1,), the probability that each threshold is passed."""

    levels: tuple[str, ...]

    def __post_init__(self):
        object.__setattr__(self, "levels", tuple(self.levels))

    @property
    def shape(self):
        return (len(self.levels) - 1,)

    def encode_target(self, value, place):
        if value is None or value == "":
            return self.missing_target()
        if value not in self.levels:
            raise ValueError(f"{place}: expected one of {list(self.levels)}, got {value!r}")
        return np.array(self.levels.index(value), np.int32)

    def missing_target(self):
        return np.array(-1, np.int32)

    def has_target(self, targets):
        return np.asarray(targets) >= 0

    def random_targets(self, count, rng):
        return rng.integers(0, len(self.levels), count, dtype=np.int32)

    def level(self, row):
        return self.levels[int((np.asarray(row) > 0.5).sum())]

    def decode(self, row, raw=None, top=3):
        return self.level(row)

    def cells(self, row, raw=None):
        return (self.level(row),)

    def contract(self):
        return f"the probability of more than each of {', '.join(self.levels[:-1])}"


class OrdinalTask(Task):
    """Binary cross-entropy at every threshold; how many levels off, and how often it is right."""

    figures = (Figure("levels_off", is_share=False, lower_is_better=True, in_summaries=True), ACCURACY)

    def activation(self, output, name, classifier_activation):
        return "sigmoid"

    def loss(self, model, name, output):
        return keras.losses.BinaryCrossentropy()

    def fit_metrics(self, model, name, output):
        return [keras.metrics.BinaryAccuracy(name="thresholds")]

    def encode_targets(self, output, targets, place, label_smoothing=0.0):
        targets = np.asarray(targets)
        if targets.ndim != 1 or targets.dtype.kind not in "iu" or (targets >= len(output.levels)).any():
            raise ValueError(f"{place}: expected numbers of levels (N,), got {targets.dtype} {targets.shape}")
        return (targets[:, None] > np.arange(len(output.levels) - 1)).astype(np.float32)

    def reduce(self, output, predicted):
        return (predicted > 0.5).sum(axis=1).astype(np.int16)

    def measure(self, output, targets, predicted):
        targets, found = with_targets(output, targets, predicted)
        off = np.abs(targets - found)
        return {"levels_off": float(off.mean()), "accuracy": float((off == 0).mean())}

    def prediction_cells(self, output, target, row):
        return output.levels[int(target)] if target >= 0 else "", output.levels[int(row)], ""

    def parity(self, output, wanted, values):
        same = self.reduce(output, wanted) == self.reduce(output, values)
        return {"argmax_agreement": float(same.mean())}

    def golden_expected(self, output, expected):
        return self.reduce(output, expected)


@register_kind
@dataclasses.dataclass(frozen=True)
class Point(Modality):
    """A place on a plane: float32 (2,), -1..1; missing is NaN. Raw: (x, y), or a cell "x y"."""

    unit: str = "m"

    @property
    def shape(self):
        return (2,)

    def missing(self):
        return np.full(self.shape, np.nan, np.float32)

    def present(self, arrays):
        return ~np.isnan(arrays).any(axis=1)

    def encode_value(self, value, place):
        value = np.asarray(value, np.float32)
        if value.shape != self.shape:
            raise ValueError(f"{place}: expected two numbers, got {value!r}")
        self.check(value, place)
        return value

    def parse_cell(self, cell, place):
        return [float(part) for part in cell.split()] or None

    def check(self, arrays, place):
        refuse(arrays, np.abs(arrays) > 1, f"{place}: expected -1..1")

    def random(self, count, rng):
        return rng.uniform(-1, 1, (count, 2)).astype(np.float32)

    def extreme(self, side):
        return np.full(self.shape, (-1, 1)[side], np.float32)

    def golden(self, rng, number):
        return [round(float(part), 2) for part in rng.uniform(-1, 1, 2)]

    def golden_extreme(self, side):
        return [float(part) for part in self.extreme(side)]

    def contract(self):
        return f"x and y in {self.unit}; missing: NaN"


@keras.saving.register_keras_serializable(package="test_open_kinds")
class WithoutNaN(keras.layers.Layer):
    """A point (B, 2) to (B, 3): zeros where it is missing, and whether it is there."""

    def call(self, inputs):
        missing = keras.ops.isnan(inputs)
        values = keras.ops.where(missing, keras.ops.zeros_like(inputs), inputs)
        return keras.ops.concatenate([values, 1 - keras.ops.cast(missing[:, :1], "float32")], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 3)


def point_branch(values, point, name, settings):
    x = WithoutNaN(name=f"{name}_values")(values)
    vector = keras.layers.Dense(settings.width, activation="relu", name=f"{name}_vector")(x)
    present = x[:, 2:] > 0.5
    return Features(None, None, vector, present)


LEVELS = Ordinal(("cold", "mild", "warm", "hot"))
SENSORS = Sensors((Number("sun", "h", 0.0, 16.0), Number("wind", "m/s", 0.0, 40.0)))
SCHEMA = Schema("weather", {"measured": SENSORS}, {"feels": LEVELS, "temperature": Value("°C")})


@pytest.fixture(scope="module", autouse=True)
def task():
    register_task(Ordinal, OrdinalTask())


def build():
    """A model for the schema; no line of it knows the kinds of outputs."""
    keras.utils.set_random_seed(0)
    tensors = keras_inputs(SCHEMA)
    features = {"measured": sensor_branch(tensors["measured"], SENSORS, width=16, units=16, name="measured")}
    predicted = fuse(features, SCHEMA, "concat", dropout=0.0, seed=0)
    return schema_model(tensors, predicted, SCHEMA, name="weather")


def weather(count=256, seed=0):
    rng = np.random.default_rng(seed)
    sun = rng.uniform(0, 16, count).astype(np.float32)
    inputs = {"measured": np.stack([sun, rng.uniform(0, 40, count).astype(np.float32)], axis=1)}
    targets = {"feels": (sun / 4.001).astype(np.int32), "temperature": 2 * sun}
    targets["feels"][::5] = -1
    return inputs, targets


@pytest.fixture(scope="module")
def model():
    model = build()
    history = mmzoo.fit(model, weather(), weather(64, 1), epochs=12, batch_size=16, learning_rate=2e-2, verbose=0)
    assert history.history["feels_loss"][-1] < history.history["feels_loss"][0]
    assert 0.5 < history.history["val_feels_thresholds"][-1] <= 1
    return model


# An output ------------------------------------------------------------------------------------------------------------


def test_the_schema_goes_through_json(tmp_path):
    SCHEMA.save(tmp_path / "schema.json")
    assert Schema.load(tmp_path / "schema.json") == SCHEMA
    tree = json.loads(SCHEMA.to_json())
    assert tree["outputs"]["feels"] == {"kind": "Ordinal", "levels": list(LEVELS.levels)}
    tree["outputs"]["feels"]["kind"] = "Cardinal"
    with pytest.raises(ValueError, match=r"outputs\.feels: unknown kind 'Cardinal'; expected one of .*'Ordinal'"):
        Schema.from_dict(tree)


def test_a_kind_without_a_task_is_an_error_that_names_it():
    @dataclasses.dataclass(frozen=True)
    class Unheard(Ordinal.__mro__[1]):
        shape = (1,)
        encode_target = missing_target = has_target = random_targets = decode = cells = contract = None

    with pytest.raises(TypeError, match="no task for outputs of the kind Unheard; there are tasks for .*'Ordinal'"):
        task_for(Unheard())


def test_names_of_kinds_and_figures_are_taken_once():
    with pytest.raises(ValueError, match="'Ordinal' is a kind already"):
        register_kind(type("Ordinal", (Ordinal,), {}))

    class Clash(OrdinalTask):
        figures = (Figure("mae"),)

    with pytest.raises(ValueError, match="Clash: the figure 'mae' is one of Value already"):
        register_task(type("Other", (Ordinal,), {}), Clash())
    assert figure_of("feels_levels_off_dark").lower_is_better


def test_a_table_is_read_with_it(tmp_path):
    path = tmp_path / "weather.csv"
    path.write_text("sun,wind,feels,temperature\n1,2,cold,3\n8,1,,16\n9,1,warm,\n")
    targets = read_manifest(path, SCHEMA).targets
    assert targets["feels"].tolist() == [0, -1, 2]
    np.testing.assert_array_equal(targets["temperature"], np.float32([[3], [16], [np.nan]]))
    path.write_text("sun,wind,feels,temperature\n1,2,chilly,3\n")
    with pytest.raises(ValueError, match="row 2, column 'feels': expected one of .*'mild'.*, got 'chilly'"):
        read_manifest(path, SCHEMA)


def test_it_is_evaluated(model, tmp_path):
    inputs, targets = weather(100, 2)
    result = mmzoo.evaluate(model, (inputs, targets), out=tmp_path, batch_size=32)
    # Only the level of each sample is kept.
    assert result.predictions["feels"].shape == (100,) and result.predictions["feels"].dtype == np.int16
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert list(found["feels"]) == ["levels_off", "accuracy", "samples"] and found["feels"]["samples"] == 80
    assert found["temperature"]["samples"] == 100 and found["feels"]["levels_off"] < 0.6
    page = (tmp_path / "report.html").read_text()
    assert "levels off" in page and "samples with a target" in page
    assert list(result.missing_inputs.columns) == ["measured", "feels_levels_off", "temperature_mae"]
    with open(tmp_path / "predictions.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["feels_true"] == "" and rows[1]["feels_true"] in LEVELS.levels


def test_it_is_exported_and_runs_on_the_edge(model, tmp_path):
    inputs, targets = weather(64, 3)
    bundle = mmzoo.export(model, tmp_path / "bundle", samples=[(inputs, targets)])
    for record in bundle.parity["files"].values():
        assert record["metrics"]["feels"]["metric"] == "levels_off"
        assert record["metrics"]["feels"]["inputs"] == 51
        assert record["sets"]["real"]["feels"]["argmax_agreement"] > 0.9
    card = (tmp_path / "bundle" / "CARD.md").read_text()
    assert "| `feels` | float32 (1, 3) | the probability of more than each of cold, mild, warm |" in card
    golden = np.load(tmp_path / "bundle" / "golden.npz")
    assert golden["expected_feels"].ndim == 1 and golden["expected_temperature"].ndim == 2

    device = edge.load(tmp_path / "bundle")
    raw = {"measured": {"sun": 15.0, "wind": 3.0}}
    said = device.predict(**raw)
    by_keras = mmzoo.predict(model, **raw)
    assert said["feels"] == by_keras["feels"] and said["feels"] in LEVELS.levels
    assert said["temperature"] == pytest.approx(by_keras["temperature"], rel=1e-4)
    (tmp_path / "new.csv").write_text("sun,wind\n15,3\n")
    edge.predict_csv(device, tmp_path / "new.csv", tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="") as file:
        assert next(csv.DictReader(file))["feels"] == said["feels"]
    assert load_model(tmp_path / "bundle").schema == SCHEMA


# An input -------------------------------------------------------------------------------------------------------------

QUADRANTS = ("south west", "south east", "north west", "north east")
PLACES = Schema("places", {"place": Point("km"), "measured": SENSORS}, {"quadrant": Ordinal(QUADRANTS)})


def test_an_input_of_a_kind_of_its_own_goes_all_the_way(tmp_path):
    register_branch(Point, point_branch)
    assert Schema.from_json(PLACES.to_json()) == PLACES

    rows = ["place,sun,wind,quadrant"]
    points = np.random.default_rng(0).uniform(-1, 1, (120, 2)).round(2)
    rows += [f"{x} {y},{i % 16},,{QUADRANTS[2 * (y > 0) + (x > 0)]}" for i, (x, y) in enumerate(points)]
    rows[1] = f",1,,{QUADRANTS[0]}"
    (tmp_path / "places.csv").write_text("\n".join(rows) + "\n")
    inputs, targets = read_manifest(tmp_path / "places.csv", PLACES).arrays()
    assert np.isnan(inputs["place"][0]).all() and inputs["place"][1].tolist() == np.float32(points[1]).tolist()

    model = mmzoo.build_multimodal_model(PLACES, size="nano", fusion="concat", modality_dropout=0.1, seed=0)
    history = mmzoo.fit(model, (inputs, targets), epochs=10, batch_size=8, learning_rate=1e-2, seed=0, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]
    result = mmzoo.evaluate(model, (inputs, targets))
    table = result.missing_inputs.set_index(["place", "measured"]).quadrant_levels_off
    assert table[True, False] < table[False, True]

    bundle = mmzoo.export(model, tmp_path / "bundle", samples=[(inputs, targets)])
    assert "| `place` | float32 (1, 2) | x and y in km; missing: NaN |" in (bundle.path / "CARD.md").read_text()
    golden = json.loads((bundle.path / "golden.json").read_text())["samples"]
    assert any("place" in sample["raw"] for sample in golden)
    device = edge.load(bundle.path)
    for place in ([0.9, 0.9], None):
        assert device.predict(place=place) == mmzoo.predict(model, place=place)
    with pytest.raises(ValueError, match="place: expected -1..1, got 3.0"):
        device.predict(place=[3.0, 0.0])
    (tmp_path / "new.csv").write_text("place\n0.9 0.9\n")
    edge.predict_csv(device, tmp_path / "new.csv", tmp_path / "out.csv")
    assert (tmp_path / "out.csv").read_text().splitlines()[1].startswith("0.9 0.9,")
