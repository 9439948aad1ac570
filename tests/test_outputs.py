"""Outputs and their tasks: several steps, missing targets, figures of rare classes."""

from __future__ import annotations

import json
import math

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo import edge
from mmzoo.branches import sensor_branch
from mmzoo.data.tables.manifest import read_manifest
from mmzoo.data.tables.preparing import prepare
from mmzoo.evaluation import measure_output
from mmzoo.evaluation.baseline import BOOSTING, LINEAR, table_baselines
from mmzoo.fusion import fuse
from mmzoo.models.schema_model import keras_inputs, load_model, schema_model
from mmzoo.schema import Label, MultiLabel, Number, Schema, Sensors, Value
from mmzoo.tasks import Figure, figure_of, task_for
from mmzoo.training.adaptation import adapt_from
from mmzoo.training.batches import Batches
from mmzoo.training.counted import Counted
from mmzoo.training.distillation import taught

SENSORS = Sensors((Number("a", "", -3.0, 3.0), Number("b", "", -3.0, 3.0)))
OUTPUTS = {"brake": Label(("no", "yes")), "tags": MultiLabel(("p", "q")), "path": Value("m", steps=3)}


def build(outputs, **options):
    schema = Schema("drive", {"s": SENSORS}, outputs)
    keras.utils.set_random_seed(0)
    tensors = keras_inputs(schema)
    features = {"s": sensor_branch(tensors["s"], SENSORS, width=16, units=16, name="s")}
    predicted = fuse(features, schema, "concat", dropout=0.0, modality_dropout=0.0, **options)
    return schema_model(tensors, predicted, schema, name="drive")


def driven(count=64, seed=0):
    x = np.random.default_rng(seed).uniform(-3, 3, (count, 2)).astype(np.float32)
    targets = {
        "brake": (x[:, 0] > 1).astype(np.int64),
        "tags": (x > 0).astype(np.float32),
        "path": x[:, :1] * np.float32([1, 2, 3]) + 5,
    }
    return {"s": x}, targets


def with_gaps(targets):
    """Every fourth sample lacks a target, of each output another."""
    targets = {name: array.copy() for name, array in targets.items()}
    targets["brake"][0::4] = -1
    targets["tags"][1::4] = np.nan
    targets["path"][2::4] = np.nan
    return targets


# Steps ----------------------------------------------------------------------------------------------------------------


def test_a_value_of_several_steps_is_read_written_and_decoded():
    path = Value("m", 0.0, 9.0, steps=3)
    assert path.shape == (3,) and Value().shape == (1,)
    for target in ("1|2.5|3", [1, 2.5, 3], np.array([1, 2.5, 3])):
        assert path.encode_target(target, "path").tolist() == [1, 2.5, 3]
    assert Value().encode_target("2.5", "v").tolist() == [2.5] and Value().encode_target(2, "v").tolist() == [2]
    assert path.decode(np.float32([1, 2.5, 3])) == [1, 2.5, 3] and Value().decode(np.float32([2.5])) == 2.5
    assert path.cells(np.float32([1, 2.5, 3])) == ("1|2.5|3",)
    schema = Schema("s", {"s": SENSORS}, {"path": path})
    assert Schema.from_json(schema.to_json())["path"] == path
    old = schema.to_dict()
    del old["outputs"]["path"]["steps"]
    assert Schema.from_dict(old)["path"] == Value("m", 0.0, 9.0), "as an earlier version wrote it"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("1|2", r"path: expected 3 numbers joined by '\|', got 2: '1\|2'"),
        ("1|2|x", r"path: expected a number in 0\.\.9, got 'x'"),
        ("1|2|", r"path: expected a number in 0\.\.9, got ''"),
        ("1|2|10", r"path: expected a number in 0\.\.9, got '10'"),
    ],
)
def test_bad_steps(cell, message):
    with pytest.raises(ValueError, match=message):
        Value("m", 0.0, 9.0, steps=3).encode_target(cell, "path")
    with pytest.raises(ValueError, match="steps: expected a whole number of at least 1"):
        Value(steps=0)


def test_orders_of_steps_by_hand():
    truth = np.array([[1, 2, 3], [1, 2, 3], [1, 2, 3], [5, 5, 5]], float)
    guess = np.array([[2, 4, 6], [3, 2, 1], [7, 7, 7], [1, 2, 3]], float)
    found = measure_output("path", Value(steps=3), truth, guess)
    # In order, reversed, without an order; the last has none to be found.
    assert found["kendall_tau"] == pytest.approx(0) and found["spearman_rho"] == pytest.approx(0)
    assert found["mae"] == pytest.approx(np.abs(truth - guess).mean())
    assert found["rmse"] == pytest.approx(math.sqrt(((truth - guess) ** 2).mean()))
    swapped = measure_output("path", Value(steps=3), truth[:1], np.array([[1.0, 3.0, 2.0]]))
    assert swapped["kendall_tau"] == pytest.approx(1 / 3) and swapped["spearman_rho"] == pytest.approx(1 / 2)
    assert set(measure_output("v", Value(), [1.0, 2.0], np.array([[1.0], [2.0]]))) == {"mae", "rmse", "r2"}


# Figures --------------------------------------------------------------------------------------------------------------


def test_balanced_accuracy_is_the_mean_recall_of_the_classes_that_occur():
    truth, guess = [0] * 8 + [1, 2], [0] * 8 + [1, 0]
    found = measure_output("kind", Label(("a", "b", "c", "never")), truth, np.eye(4)[guess])
    assert found["accuracy"] == 0.9 and found["balanced_accuracy"] == pytest.approx(2 / 3)
    assert "average_precision" not in found


@pytest.mark.parametrize("scores", [[0.1, 0.4, 0.35, 0.8], [-4.0, 0.1, -0.2, 9.0]], ids=["probabilities", "logits"])
def test_average_precision_and_auroc_of_the_second_class(scores):
    scores = np.array(scores)
    predicted = np.stack([1 - scores if scores.min() > 0 else -scores, scores], axis=1)
    found = measure_output("brake", OUTPUTS["brake"], [0, 0, 1, 1], predicted)
    # Found first and third: precision 1 and 2/3. Of four pairs three are in order.
    assert found["average_precision"] == pytest.approx((1 + 2 / 3) / 2) and found["auroc"] == pytest.approx(3 / 4)
    alone = measure_output("brake", OUTPUTS["brake"], [0, 0, 0, 0], predicted)
    assert math.isnan(alone["average_precision"]) and math.isnan(alone["auroc"])


def test_figures_know_themselves():
    figure = figure_of("mae_accuracy_dark")
    assert figure.name == "accuracy" and figure.text(0.98765) == "98.77 %" and figure.is_better(0.9, 0.8)
    assert figure_of("brake_balanced_accuracy").name == "balanced_accuracy"
    error = figure_of("accuracy_mae")
    assert error.text(0.03123, "rad") == "0.03123 rad" and error.is_better(0.1, 0.2) and error.loss(3, 1) == 2
    assert figure_of("r2").text(0.5, "rad") == "0.5" and error.difference_text(0.5) == "0.5"
    assert Figure("f1").text(math.nan) == "-" and Figure("f1").difference_text(0.015) == "1.5 points"
    with pytest.raises(ValueError, match="column 'sign_speed': no figure of any kind of output; .*'accuracy'"):
        figure_of("sign_speed")


# Missing targets ------------------------------------------------------------------------------------------------------


def test_what_a_missing_target_looks_like():
    label, tags, value = Label(("a", "b")), MultiLabel(("p", "q")), Value()
    assert label.has_target(np.array([0, -1, 1])).tolist() == [True, False, True]
    assert label.has_target(np.float32([[0, 1], [0, 0]])).tolist() == [True, False]
    assert tags.has_target(np.float32([[0, 0], [np.nan, np.nan]])).tolist() == [True, False]
    assert value.has_target(np.float32([[1], [np.nan]])).tolist() == [True, False]
    assert value.has_target(np.array([1, 2])).all()
    for output in (label, tags, value):
        assert not output.has_target(output.missing_target()[None]).any()
        assert not output.has_target(output.encode_target(None, "x")[None]).any()
    assert not value.has_target(value.encode_target("", "x")[None]).any()
    assert tags.encode_target("", "x").tolist() == [0, 0], "an empty cell is none of the labels"
    assert label.class_counts(np.array([0, -1, 1, 1])).tolist() == [1, 2]
    assert tags.class_counts(np.float32([[0, 1], [np.nan, np.nan]])).tolist() == [0, 1]


def test_batches_give_missing_targets_no_weight():
    inputs, targets = driven(8)
    schema = Schema("s", {"s": SENSORS}, OUTPUTS)
    batches = Batches((inputs, with_gaps(targets)), schema, "train", label_smoothing=0.2)
    batches.class_weights = {"brake": np.array([1.0, 3.0])}
    _, encoded, weights = next(batches.epoch(0))
    assert all(np.isfinite(array).all() for array in encoded.values())
    assert not encoded["brake"][0::4].any() and encoded["brake"][1].sum() == pytest.approx(1)
    assert not weights["brake"][0::4].any() and (weights["brake"][1::4] >= 1).all()
    assert weights["tags"].tolist() == [1, 0, 1, 1, 1, 0, 1, 1]
    assert weights["path"].tolist() == [1, 1, 0, 1, 1, 1, 0, 1]
    np.testing.assert_allclose(encoded["path"][[0, 1, 3]], targets["path"][[0, 1, 3]])
    rows = next(Batches((inputs, {**targets, "brake": np.float32([[0, 0], [0, 1]] * 4)}), schema, "train").epoch(0))
    assert rows[2]["brake"].tolist() == [0, 1] * 4


@pytest.mark.parametrize(
    ("gaps", "message"),
    [
        ({"brake": np.full(64, -1)}, "train: output 'brake': no sample has a target; give some, or leave"),
        ({"path": np.full((64, 3), np.nan)}, "train: output 'path': no sample has a target"),
        ({"path": np.float32([[1, np.nan, 3]] * 64)}, "output 'path': a target is NaN or infinite"),
        ({"tags": np.float32([[1, np.nan]] * 64)}, "output 'tags': a target is NaN or infinite"),
        ({"brake": np.full(64, -2)}, "output 'brake': class -2 is not in 0..1"),
    ],
)
def test_targets_that_are_missing_altogether_or_in_part(gaps, message):
    inputs, targets = driven()
    with pytest.raises(ValueError, match=message):
        mmzoo.fit(build(OUTPUTS), (inputs, {**targets, **gaps}), epochs=1, verbose=0)


def test_a_stream_without_targets_is_found_at_the_end_of_the_epoch():
    inputs, targets = driven(8)
    targets["brake"][:] = -1
    batches = Batches([(inputs, targets)] * 2, Schema("s", {"s": SENSORS}, OUTPUTS), "train")
    with pytest.raises(ValueError, match="train: output 'brake': no sample has a target"):
        list(batches.epoch(0))


@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "learned weights"])
def test_a_missing_target_is_as_good_as_one_of_no_weight(weighted):
    names = ("brake", "path")
    inputs, targets = driven()
    targets = {name: targets[name] for name in names}
    gaps = {name: with_gaps(driven()[1])[name] for name in names}
    weights = {name: OUTPUTS[name].has_target(gaps[name]).astype(np.float32) for name in names}
    found = []
    for data in ((inputs, targets, weights), (inputs, gaps)):
        model = build({name: OUTPUTS[name] for name in names}, task_weights=weighted)
        history = mmzoo.fit(model, data, data, epochs=2, batch_size=16, seed=0, verbose=0).history
        found.append((history, model.get_weights()))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)
    # The weights are those of the epoch with the lowest loss.
    predicted, rows = np.asarray(model(inputs, training=False)["path"]), weights["path"] > 0
    by_hand = np.abs(predicted[rows] - targets["path"][rows]).mean()
    best = int(np.argmin(found[1][0]["val_loss"]))
    assert found[1][0]["val_path_mae"][best] == pytest.approx(by_hand, rel=1e-4)


def test_the_scale_of_values_is_adapted_to_those_there_are():
    inputs, targets = driven()
    model = build({"path": OUTPUTS["path"]})
    targets = {"path": with_gaps(targets)["path"]}
    assert "path" in adapt_from(model, Batches((inputs, targets), model.schema, "train"))
    layer = model.get_layer("head_path_scaling")
    assert float(layer.mean) == pytest.approx(np.nanmean(targets["path"]), rel=1e-5)
    assert float(layer.deviation) == pytest.approx(np.nanstd(targets["path"]), rel=1e-5)


def test_samples_of_weight_zero_count_in_no_metric():
    metric = Counted(keras.metrics.MeanAbsoluteError(name="mae"))
    metric.update_state([[1.0], [2.0], [9.0]], [[2.0], [5.0], [0.0]], sample_weight=[0.5, 4.0, 0.0])
    assert float(metric.result()) == pytest.approx(2.0) and metric.name == "mae"
    again = Counted.from_config(metric.get_config())
    again.update_state([[1.0], [2.0]], [[2.0], [5.0]])
    assert float(again.result()) == pytest.approx(2.0)
    metric.reset_state()
    assert float(metric.result()) == 0


def test_a_teacher_says_nothing_about_missing_targets():
    import tensorflow as tf

    inputs, targets = driven(8)
    targets = {name: with_gaps(targets)[name] for name in ("brake", "path")}
    teacher = build({"brake": OUTPUTS["brake"], "path": OUTPUTS["path"]})
    _, found = next(iter(taught(tf.data.Dataset.from_tensors((inputs, targets)), teacher, 0.5)))
    assert not found["brake"].numpy()[0::4].any()
    np.testing.assert_allclose(found["brake"].numpy()[1:4].sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(found["path"].numpy(), targets["path"])


def test_figures_leave_missing_targets_out(tmp_path):
    inputs, targets = driven()
    model, gaps = build(OUTPUTS), with_gaps(targets)
    result = mmzoo.evaluate(model, (inputs, gaps), out=tmp_path)
    predicted = result.predictions
    for name, output in OUTPUTS.items():
        rows = output.has_target(gaps[name])
        assert result.metrics[name] == measure_output(name, output, targets[name][rows], predicted[name][rows])
        assert result.samples_of[name] == 48
    assert "samples with a target" in (tmp_path / "report.html").read_text()
    with pytest.raises(ValueError, match="output 'brake': none of 64 samples has a target of this Label"):
        mmzoo.evaluate(model, (inputs, {**targets, "brake": np.full(64, -1)}), missing_inputs=False)


# Tables ---------------------------------------------------------------------------------------------------------------

TABLE = "s_a,s_b,brake,path\n1,1,yes,1|2|3\n2,1,,1|2|4\n1,2,no,\n2,2,no,2|3|4\n"
TWO = Schema("drive", {"s": SENSORS}, {name: OUTPUTS[name] for name in ("brake", "path")})


def test_what_is_not_defined_for_the_samples_is_null_in_metrics_json(tmp_path):
    inputs, targets = driven(8)
    targets["brake"][:] = 0
    mmzoo.evaluate(build(OUTPUTS), (inputs, targets), out=tmp_path, missing_inputs=False)

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    found = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=refuse)
    assert found["brake"]["auroc"] is None and found["brake"]["samples"] == 8


def test_a_row_without_one_of_several_targets_counts_for_the_others(tmp_path):
    (tmp_path / "t.csv").write_text(TABLE)
    targets = read_manifest(tmp_path / "t.csv", TWO).targets
    assert targets["brake"].tolist() == [1, -1, 0, 0] and targets["brake"].dtype == np.int32
    np.testing.assert_array_equal(targets["path"], np.float32([[1, 2, 3], [1, 2, 4], [np.nan] * 3, [2, 3, 4]]))

    prepared = prepare(tmp_path / "t.csv", TWO, tmp_path / "prepared")
    assert prepared.class_counts["train"]["brake"] == {"no": 2, "yes": 1}
    statistics = prepared.value_statistics["path"]
    assert statistics["count"] == 9 and statistics["mean"] == pytest.approx(22 / 9)
    _, streamed = next(iter(prepared.dataset("train", one_hot={"brake": 2})))
    assert sorted(streamed["brake"].numpy().sum(axis=1).tolist()) == [0, 1, 1, 1]

    one = TWO.with_outputs({"brake": OUTPUTS["brake"]})
    with pytest.raises(ValueError, match="row 3, column 'brake': the label of 'brake' is missing"):
        read_manifest(tmp_path / "t.csv", one)
    (tmp_path / "t.csv").write_text(TABLE + "3,3,,\n")
    with pytest.raises(ValueError, match="row 6: all of its targets are missing: 'brake', 'path'"):
        read_manifest(tmp_path / "t.csv", TWO)


def test_scikit_learn_answers_with_steps_and_gaps():
    parts = []
    for seed in range(3):
        inputs, targets = driven(60, seed)
        parts.append((inputs, {}, with_gaps(targets)))
    found = table_baselines(Schema("s", {"s": SENSORS}, OUTPUTS), *parts)
    assert found[LINEAR]["path"]["r2"] > 0.99 and found[LINEAR]["path"]["kendall_tau"] > 0.9
    assert found[BOOSTING]["brake"]["average_precision"] > 0.9


# Everything -----------------------------------------------------------------------------------------------------------


def test_steps_are_trained_exported_and_predicted_on_the_edge(tmp_path):
    inputs, targets = driven(128)
    model = build({"path": OUTPUTS["path"]})
    history = mmzoo.fit(model, (inputs, targets["path"]), epochs=8, batch_size=16, learning_rate=2e-2, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0] / 2
    bundle = mmzoo.export(model, tmp_path / "bundle", samples=[(inputs, {"path": targets["path"]})])
    assert "| `path` | float32 (1, 3) | 3 values, one a step, in m |" in (bundle.path / "CARD.md").read_text()
    assert bundle.parity["files"]["model_float32.tflite"]["metrics"]["path"]["metric"] == "mae"
    device = edge.load(bundle.path)
    said = device.predict(s={"a": 1.0, "b": 0.0})["path"]
    assert len(said) == 3 and said == pytest.approx(mmzoo.predict(model, s={"a": 1.0, "b": 0.0})["path"], rel=1e-4)
    assert load_model(bundle.path).schema == model.schema
    assert task_for(OUTPUTS["path"]).same(OUTPUTS["path"], np.float32(said), np.float32(said) + 1e-5)
