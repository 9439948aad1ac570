"""Metrics, the missing-input table and the files of an evaluation."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.evaluation.arrays import gather, predict_arrays
from mmzoo.evaluation.evaluate import markdown_table
from mmzoo.evaluation.metrics import measure_output
from mmzoo.evaluation.missing_inputs import hide_inputs, missing_input_table, subsets
from mmzoo.evaluation.pictures import sample_sheet
from mmzoo.schema import Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value
from mmzoo.tasks.label import class_ids

NOTE = "images drawn, context simulated"
SCHEMA = Schema(
    "small",
    {
        "image": Image(2, 2),
        "text": Text(3),
        "place": Sensors((Number("x"), Number("y"))),
        "weather": Sensors((Number("t"),)),
    },
    {"kind": Label(("a", "b", "c"))},
)


class Lookup:
    """Stands in for a model: its answer is the class that the first input there is names, else class 2."""

    schema = SCHEMA

    def predict_on_batch(self, inputs):
        answers = []
        for i in range(len(inputs["image"])):
            if inputs["image"][i].any():
                answers.append(int(inputs["image"][i].max()) - 1)
            elif inputs["text"][i].any():
                answers.append(int(inputs["text"][i][0]) - 1)
            else:
                answers.append(2)
        return {"kind": np.eye(3, dtype=np.float32)[answers]}


@pytest.fixture
def data():
    """Four samples of the classes 0, 1, 2, 2; the image is right about all, the text about three."""
    truth = np.array([0, 1, 2, 2])
    image = np.ones((4, 2, 2, 3), np.uint8) * (truth + 1).astype(np.uint8)[:, None, None, None]
    text = np.zeros((4, 3), np.int32)
    text[:, 0] = [1, 1, 3, 3]
    place, weather = np.zeros((4, 2), np.float32), np.zeros((4, 1), np.float32)
    return {"image": image, "text": text, "place": place, "weather": weather}, {"kind": truth}


# Metrics -------------------------------------------------------------------------------------------------------------


def test_label_metrics_by_hand():
    truth, guess = [0, 0, 1, 2], [0, 1, 1, 1]
    found = measure_output("kind", Label(("a", "b", "c", "never")), truth, np.eye(4)[guess])
    # Precision 1, 1/3, 0; recall 1/2, 1, 0; F1 2/3, 1/2, 0. The class that never occurs does not count.
    assert found == pytest.approx(
        {
            **{"accuracy": 2 / 4, "balanced_accuracy": 1 / 2},
            **{"macro_precision": 4 / 9, "macro_recall": 1 / 2, "macro_f1": 7 / 18},
        }
    )


def test_multi_label_metrics_by_hand():
    truth = np.array([[1, 0], [1, 1], [0, 1]])
    predicted = np.array([[0.9, 0.2], [0.4, 0.8], [0.1, 0.6]])
    # First class: one hit, one miss, F1 2/3. Second: two hits, F1 1. Together 3 hits, 1 miss: 6/7.
    found = measure_output("kind", MultiLabel(("a", "b")), truth, predicted)
    assert found == pytest.approx({"macro_f1": 5 / 6, "micro_f1": 6 / 7, "exact_match": 2 / 3})


def test_value_metrics_by_hand():
    found = measure_output("kind", Value("m"), [1.0, 2.0, 3.0], np.array([[1.0], [2.0], [6.0]]))
    assert found == pytest.approx({"mae": 1.0, "rmse": math.sqrt(3), "r2": 1 - 9 / 2})
    assert math.isnan(measure_output("kind", Value("m"), [1.0], np.array([[1.0]]))["r2"])


def test_class_ids_take_numbers_and_rows():
    label = Label(("a", "b", "c"))
    for target in ([2, 0], [[2], [0]], np.eye(3)[[2, 0]], np.array([2.0, 0.0])):
        assert class_ids(target, label).tolist() == [2, 0]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ([0, 3], "sample 1: class id 3 is outside 0..2"),
        ([-1], "sample 0: class id -1 is outside 0..2"),
        (np.zeros((2, 5)), r"expected class ids \(N,\) or rows of 3 classes, got shape \(2, 5\)"),
        (np.zeros((2, 3, 1)), "got shape"),
    ],
)
def test_class_ids_refuse_others(target, message):
    with pytest.raises(ValueError, match=message):
        class_ids(target, Label(("a", "b", "c")))


# Missing inputs ------------------------------------------------------------------------------------------------------


def test_hide_inputs_makes_them_look_missing_and_leaves_the_rest(data):
    inputs, _ = data
    hidden = hide_inputs(inputs, SCHEMA, ["image", "place"])
    assert not hidden["image"].any() and hidden["image"].dtype == np.uint8
    assert np.isnan(hidden["place"]).all() and hidden["place"].shape == (4, 2)
    assert hidden["text"] is inputs["text"] and hidden["weather"] is inputs["weather"]
    assert inputs["image"].any(), "the batch given is left as it is"
    with pytest.raises(KeyError, match="unknown input 'sound'; the inputs are"):
        hide_inputs(inputs, SCHEMA, ["sound"])


def test_the_table_has_every_subset_with_its_metric(data):
    seen = []
    table = missing_input_table(Lookup(), *data, progress=lambda done, total: seen.append((done, total)))
    names = list(SCHEMA.inputs)
    assert list(table.columns) == [*names, "kind_accuracy"]
    given = [tuple(name for name in names if row[name]) for row in table.to_dict("records")]
    assert len(given) == len(set(given)) == 15 and given == subsets(names)
    assert seen == [(i, 15) for i in range(1, 16)]
    for subset, accuracy in zip(given, table["kind_accuracy"], strict=True):
        assert accuracy == (1.0 if "image" in subset else 0.75 if "text" in subset else 0.5), subset


def test_the_table_of_a_real_model_agrees_with_hiding_by_hand(nano, samples):
    targets = {"sign": np.arange(12)}
    table = missing_input_table(nano, samples, targets)
    assert len(table) == 15
    row = table[(~table["image"]) & table["text"] & table["location"] & ~table["road_condition"]]
    hidden = hide_inputs(samples, nano.schema, ["image", "road_condition"])
    guess = np.asarray(nano(hidden)["sign"]).argmax(axis=1)
    assert row["sign_accuracy"].item() == (guess == np.arange(12)).mean()


def test_markdown_table():
    frame = pd.DataFrame({"image": [True, False], "road_x": [True, True], "y_accuracy": [0.98765, 0.5], "z_mae": 1.5})
    assert markdown_table(frame).splitlines() == [
        "| image | road x | y accuracy | z mae |",
        "|---|---|---|---|",
        "| ✓ | ✓ | 98.77 % | 1.5 |",
        "| · | ✓ | 50.00 % | 1.5 |",
    ]


# evaluate ------------------------------------------------------------------------------------------------------------


def test_evaluate_writes_its_files_and_the_note_stands_first(data, tmp_path):
    result = mmzoo.evaluate(Lookup(), data, out=tmp_path / "figures", note=NOTE)
    assert result.samples == 4 and result.metrics["kind"]["accuracy"] == 1.0 and len(result.missing_inputs) == 15
    names = {
        "report.html",
        "metrics.json",
        "per_class_kind.csv",
        "confusion_kind.png",
        "missing_inputs.csv",
        "missing_inputs.md",
    }
    assert {file.name for file in result.files} == names | {"predictions.csv"}
    assert all(file.is_file() for file in result.files)

    folder = tmp_path / "figures"
    written = json.loads((folder / "metrics.json").read_text())
    assert list(written) == ["note", "samples", "kind"] and written["note"] == NOTE
    assert written["kind"] == {**result.metrics["kind"], "samples": 4}
    for name in ("per_class_kind.csv", "missing_inputs.csv"):
        assert (folder / name).read_text().splitlines()[0] == f"# {NOTE}"
    assert (folder / "missing_inputs.md").read_text().splitlines()[0] == NOTE
    pd.testing.assert_frame_equal(pd.read_csv(folder / "missing_inputs.csv", comment="#"), result.missing_inputs)

    per_class = pd.read_csv(folder / "per_class_kind.csv", comment="#")
    assert per_class["class"].tolist() == ["a", "b", "c"] and per_class["samples"].tolist() == [1, 1, 2]
    rows = pd.read_csv(folder / "predictions.csv")
    assert rows["kind_true"].tolist() == rows["kind"].tolist() == ["a", "b", "c", "c"]
    with Pillow.open(folder / "confusion_kind.png") as picture:
        assert min(picture.size) > 200


def test_evaluate_writes_nothing_unasked(data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = mmzoo.evaluate(Lookup(), data, missing_inputs=False)
    assert result.files == () and result.missing_inputs is None and not list(tmp_path.iterdir())


def test_evaluate_takes_batches_and_inputs_left_out(data):
    inputs, targets = data
    batches = [({"text": inputs["text"][s]}, {"kind": targets["kind"][s]}) for s in (slice(0, 3), slice(3, 4))]
    result = mmzoo.evaluate(Lookup(), batches, missing_inputs=False)
    assert result.samples == 4 and result.metrics["kind"]["accuracy"] == 0.75
    plain = mmzoo.evaluate(Lookup(), ({"text": inputs["text"]}, targets["kind"]), missing_inputs=False)
    assert plain.metrics == result.metrics


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda inputs, targets: [], "the data holds no batch"),
        (lambda inputs, targets: ({**inputs, "sound": inputs["text"]}, targets), "unknown input 'sound'"),
        (lambda inputs, targets: (inputs, {"other": targets["kind"]}), "no targets for output 'kind'; .*'other'"),
        (lambda inputs, targets: (inputs, {"kind": targets["kind"][:3]}), "arrays of different length: .*'kind': 3"),
    ],
)
def test_gather_says_what_is_wrong(data, change, message):
    with pytest.raises(ValueError, match=message):
        gather(change(*data), SCHEMA)


def test_no_samples_is_an_error(data):
    inputs, targets = ({name: array[:0] for name, array in part.items()} for part in data)
    with pytest.raises(ValueError, match="no samples to evaluate on"):
        mmzoo.evaluate(Lookup(), (inputs, targets))


def test_sample_sheet(tmp_path):
    sample_sheet(np.zeros((5, 4, 4, 3), np.uint8), ["one"] * 5, tmp_path / "sheet.png", columns=3, title=NOTE)
    with Pillow.open(tmp_path / "sheet.png") as picture:
        assert picture.width > picture.height


def test_arrays_in_steps_give_what_predict_gives(nano, samples):
    expected, found = nano.predict(samples, verbose=0), predict_arrays(nano, samples, batch_size=5)
    assert {name: array.shape for name, array in found.items()} == {"sign": (12, 43)}
    np.testing.assert_allclose(found["sign"], expected["sign"], atol=1e-6)
