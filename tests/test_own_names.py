"""A table whose columns are called what no graph takes: through training, export, SavedModel and the device."""

from __future__ import annotations

import json
import sys

import numpy as np
import pandas as pd
import pytest

import mmzoo
import mmzoo.edge
from mmzoo import cli
from mmzoo.recipes import own_data
from mmzoo.recipes.own_data import TableRecipe, train
from mmzoo.recipes.running.exporting import ExportError, export_failing_in_a_line
from mmzoo.schema import Number, Series

STEPS = Series(3, (Number("Kraft (N)", "N", 0, 99), Number("kraft (n)", "N", 0, 99)))
TARGETS = ["1st Qualität", "top %"]
FIELDS = ["oil temp", "Temp", "temp", "pm2.5", "pm2_5", "x+", "x-", "温度", 'a/b|c="d"']


def write_table(path, rows=48):
    rng = np.random.default_rng(0)
    words = ["mild und alt", "laut und neu"]
    classes = rng.integers(0, 2, rows)

    def text(what):
        return [f"{what} Nummer {i} klingt heute {words[c]}" for i, c in enumerate(classes)]

    def steps():
        return json.dumps([{field.name: round(float(rng.uniform(1, 90)), 1) for field in STEPS.fields}] * 3)

    columns = {name: rng.normal(10, 2, rows).round(3) for name in FIELDS}
    columns |= {"Geräusch/1": text("Das"), "class": text("Dieses"), "class_vector": text("Jenes")}
    columns |= {"Verlauf [s]": [steps() for _ in range(rows)]}
    columns |= {"1st Qualität": np.array(["gut", "schlecht"])[classes], "top %": (classes + rng.uniform(size=rows))}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("names") / "names.csv")


def train_on(table, out):
    recipe = TableRecipe(size="nano", epochs=1)
    kinds = {"Verlauf [s]": STEPS, "class": "text", "class_vector": "text", "Geräusch/1": "text"}
    said = []
    result = train(
        table, TARGETS, out, recipe=recipe, kinds=kinds, arms=False, baseline=False, progress=False, say=said.append
    )
    return result, said


@pytest.fixture(scope="module")
def failed(table, tmp_path_factory):
    """(its folder, the message) of a run whose export fails."""
    out = tmp_path_factory.mktemp("run")

    def fail(*_, **__):
        raise KeyError("an operator\nthat nobody has " + "x" * 2000)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(own_data.training, "exported", fail)
        with pytest.raises(ExportError) as error:
            train_on(table, out)
    return out, str(error.value), {path.name for path in out.rglob("*")}


@pytest.fixture(scope="module")
def run(table, failed):
    # The same run goes on: what is trained is not trained again.
    with pytest.MonkeyPatch.context() as patch:
        # Another process, which gets its names from the SavedModel that the other files are made of.
        patch.setattr("mmzoo.exporting.bundle.why_not_int8", lambda *_: "it would take another minute")
        return train_on(table, failed[0])[0]


def test_a_failing_export_costs_neither_report_nor_summary(failed):
    out, message, files = failed
    assert {"summary.txt", "report.html", "run.json", "metrics.json", "predictions.csv"} <= files
    assert not any(name.endswith(".tflite") for name in files)
    assert "\n" not in message and len(message) < 1000
    assert message.startswith(f"the export failed, the report and the figures are in {out}: KeyError: an operator that")


def test_a_failing_export_is_one_line_of_the_command(table, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        with export_failing_in_a_line("RUN"):
            raise ValueError("no such operator")

    monkeypatch.setattr(own_data, "train", fail)
    monkeypatch.setattr(sys, "argv", ["mmzoo", "train", str(table), "--target", "top %", "--out", str(tmp_path)])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 1
    line = "mmzoo: the export failed, the report and the figures are in RUN: ValueError: no such operator\n"
    assert capsys.readouterr().err == line


def test_the_names_of_the_table_stand_wherever_a_person_reads(run):
    assert set(run.schema.inputs) == {"sensors", "Geräusch/1", "class", "class_vector", "Verlauf [s]"}
    assert list(run.schema.outputs) == TARGETS
    assert [field.name for field in run.schema["sensors"].fields] == FIELDS
    assert set(run.arms.output) == set(TARGETS)
    assert run.summary[0].startswith("1st Qualität: accuracy")
    assert "sensors.oil temp" in (run.out / "worth.csv").read_text("utf-8")
    evaluation = run.out / "evaluation"
    assert set(TARGETS) <= set(json.loads((evaluation / "metrics.json").read_text("utf-8")))
    assert (evaluation / "confusion_n1st_Qualitat.png").is_file()
    assert (evaluation / "predictions.csv").read_text("utf-8").startswith("sample,1st Qualität_true,1st Qualität,")
    card = (run.bundle / "CARD.md").read_text("utf-8")
    assert "| `Gerausch_1` | Geräusch/1 |" in card and "| `sensors_x_2` | sensors: x- |" in card
    assert json.loads((run.bundle / "schema.json").read_text("utf-8"))["tensor_names"] == {
        **{"Geräusch/1": "Gerausch_1", "class": "class_", "Verlauf [s]": "Verlauf_s"},
        **{"1st Qualität": "n1st_Qualitat", "top %": "top_percent"},
    }


def test_the_files_have_ascii_names(run):
    inputs = {"sensors", "Gerausch_1", "class_", "class_vector", "Verlauf_s"}
    outputs = {"n1st_Qualitat", "top_percent"}
    assert set(run.model.input) == inputs and set(run.model.output) == outputs
    assert all(layer.name.isascii() for layer in run.model.layers)
    with np.load(run.bundle / "golden.npz") as golden:
        assert set(golden.files) == {f"input_{name}" for name in inputs} | {f"expected_{name}" for name in outputs}
    golden = json.loads((run.bundle / "golden.json").read_text("utf-8"))["samples"][1]
    assert set(golden["inputs"]) == inputs and set(golden["expected"]) == outputs
    assert set(golden["raw"]) == set(run.schema.inputs) and set(golden["raw"]["sensors"]) == set(FIELDS)


def test_notebook_device_and_saved_model_answer_the_same(run, table, tmp_path):
    from mmzoo.exporting.serving import load_saved_model

    device = mmzoo.edge.load(run.bundle)
    rows = pd.read_csv(table).head(3).to_dict("records")
    samples = [
        {
            "sensors": {name: row[name] for name in FIELDS},
            **{name: row[name] for name in ("Geräusch/1", "class", "class_vector")},
            "Verlauf [s]": json.loads(row["Verlauf [s]"]),
        }
        for row in rows
    ]
    told = mmzoo.predict(run.model, samples, top=2)
    for sample, answer in zip(samples, told, strict=True):
        found = device.predict(sample, top=2)
        assert list(found) == TARGETS
        assert found["1st Qualität"] == pytest.approx(answer["1st Qualität"], abs=1e-4)
        assert found["top %"] == pytest.approx(answer["top %"], abs=1e-4)
    with pytest.raises(TypeError, match="either as a dict or by keyword"):
        device.predict(samples[0], sensors={})

    assert mmzoo.edge.predict_csv(device, table, tmp_path / "out.csv") == 48
    written = pd.read_csv(tmp_path / "out.csv").head(3)
    assert written["predicted_top %"].tolist() == pytest.approx([answer["top %"] for answer in told], abs=1e-4)

    import tensorflow as tf

    serve = load_saved_model(run.bundle / "saved_model").signatures["serve"]
    raw = {
        run.schema.raw_names["sensors", f"sensors_{name}"]: tf.constant([row[name] for row in rows], tf.float32)
        for name in FIELDS
    }
    raw |= {
        run.schema.raw_names[name, name]: tf.constant([row[name] for row in rows])
        for name in ("Geräusch/1", "class", "class_vector")
    }
    raw["Verlauf_s"] = tf.constant(np.stack([run.schema.encode(sample)["Verlauf [s]"] for sample in samples]))
    served = serve(**raw)["top_percent"].numpy().ravel()
    assert served.tolist() == pytest.approx([answer["top %"] for answer in told], abs=1e-4)
