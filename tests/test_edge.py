"""The runtime on the device: it sees what the Keras model sees, starts quickly, and names what is wrong."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from PIL import Image

import mmzoo
from mmzoo import edge
from mmzoo.bundles import write_checksums
from mmzoo.edge import runtime
from mmzoo.edge.__main__ import main
from mmzoo.schema import Category, Label, MultiLabel, Number, Schema, Sensors, Text, Value, columns
from mmzoo.schema import Image as SchemaImage

LOCATION = {"latitude": 48.1, "longitude": 11.6, "heading": 370.0, "speed": 48.0, "road_class": "primary"}
CONDITION = {"surface": "wet", "weather": "rain", "light": "dusk", "visibility": 900.0}


@pytest.fixture(scope="module")
def model(nano):
    return nano


@pytest.fixture(scope="module")
def bundle(nano_bundle, tmp_path_factory):
    """As much of it as these tests need."""
    folder = tmp_path_factory.mktemp("bundle")
    for name in ("schema.json", "model.keras", "model_float32.tflite"):
        shutil.copy(nano_bundle.path / name, folder)
    write_checksums(folder)
    return folder


@pytest.fixture(scope="module")
def edge_model(bundle):
    return edge.load(bundle)


@pytest.fixture(scope="module")
def signs(tmp_path_factory):
    """A folder with three pictures, none of the model's size, one of them turned by EXIF."""
    folder = tmp_path_factory.mktemp("signs")
    random = np.random.default_rng(0)
    for name, size in (("a.png", (50, 40, 3)), ("b.jpg", (33, 64, 3)), ("c.png", (20, 20))):
        picture = Image.fromarray(random.integers(0, 256, size, dtype=np.uint8))
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(folder / name, **({"exif": exif} if name == "b.jpg" else {}))
    return folder


@pytest.fixture(scope="module")
def raws(signs):
    return [
        {"image": signs / "a.png", "text": "50", "location": LOCATION, "road_condition": CONDITION},
        {"image": signs / "b.jpg", "text": "Straßenschäden 🚧" * 4},
        {"image": (signs / "c.png").read_bytes(), "location": {"speed": 120}},
        {"text": "STOP", "road_condition": {"surface": "ice", "visibility": math.nan}},
        {},
    ]


def _write_csv(path, header, *rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def _read_csv(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Predictions ---------------------------------------------------------------------------------------------------------


def test_edge_equals_keras_on_the_same_raw_inputs(model, edge_model, raws):
    on_device = edge_model.predict_batch(raws, top=43)
    in_notebook = mmzoo.predict(model, raws, top=43, batch_size=2)
    assert len(on_device) == len(in_notebook) == len(raws)
    for device, notebook in zip(on_device, in_notebook, strict=True):
        assert device["sign"].keys() == notebook["sign"].keys() == set(model.schema.outputs["sign"].classes)
        for name, probability in notebook["sign"].items():
            assert device["sign"][name] == pytest.approx(probability, abs=1e-5)
    assert on_device[0] != on_device[4]


def test_single_samples_equal_the_batch(model, edge_model, raws):
    batch = edge_model.predict_batch(iter(raws))
    assert [edge_model.predict(**raw) for raw in raws] == batch
    by_keyword = mmzoo.predict(model, **raws[0])
    assert by_keyword == mmzoo.predict(model, raws[0])
    assert list(by_keyword["sign"]) == list(batch[0]["sign"])
    assert edge_model.predict_batch([]) == mmzoo.predict(model, []) == []


def test_top_names_the_most_likely_first(edge_model, raws):
    for top in (1, 5):
        probabilities = list(edge_model.predict(top=top, **raws[0])["sign"].values())
        assert len(probabilities) == top
        assert probabilities == sorted(probabilities, reverse=True)
    assert sum(edge_model.predict(top=43)["sign"].values()) == pytest.approx(1, abs=1e-5)


def test_none_is_missing(edge_model):
    assert edge_model.predict(image=None, text="", location={"speed": None}) == edge_model.predict()


def test_run_takes_encoded_arrays_and_keeps_no_state(edge_model, raws):
    arrays = [edge_model.schema.encode(raw) for raw in raws]
    first = [edge_model.run(a)["sign"].copy() for a in arrays]
    again = [edge_model.run(a)["sign"] for a in reversed(arrays)][::-1]
    assert first[0].shape == (43,) and first[0].dtype == np.float32
    np.testing.assert_array_equal(first, again)


def test_run_refuses_other_arrays(edge_model):
    arrays = edge_model.schema.missing()
    with pytest.raises(ValueError, match=r"image: expected uint8 \(32, 32, 3\), got float32"):
        edge_model.run({**arrays, "image": arrays["image"].astype(np.float32)})
    with pytest.raises(ValueError, match=r"text: .*got int32 \(1, 32\)"):
        edge_model.run({**arrays, "text": arrays["text"][None]})
    arrays.pop("text")
    with pytest.raises(ValueError, match="expected arrays for the inputs"):
        edge_model.run(arrays)


def test_several_threads_get_their_own_answers(edge_model, raws):
    expected = edge_model.predict_batch(raws)
    wrong = []

    def work(raw, answer):
        for _ in range(20):
            if edge_model.predict(**raw) != answer:
                wrong.append(raw)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(raws, expected, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_bad_raw_input_names_the_place(model, edge_model):
    for predict in (edge_model.predict, lambda **raw: mmzoo.predict(model, **raw)):
        with pytest.raises(FileNotFoundError, match=r"image: .*no_such\.jpg"):
            predict(image="no_such.jpg")
        with pytest.raises(KeyError, match="unknown input 'sound'"):
            predict(sound="x.wav")
        with pytest.raises(ValueError, match=r"location\.speed: 900 km/h is outside"):
            predict(location={"speed": 900})
    with pytest.raises(ValueError, match=r"sample 1: road_condition\.surface"):
        edge_model.predict_batch([{}, {"road_condition": {"surface": "lava"}}])


def test_predict_says_what_it_needs(model):
    with pytest.raises(TypeError, match="model with a schema"):
        mmzoo.predict("bundle", text="50")
    with pytest.raises(TypeError, match="not both"):
        mmzoo.predict(model, [{}], text="50")


def test_predict_on_jax_equals_tensorflow(elsewhere, tmp_path, signs):
    pytest.importorskip("jax")
    import keras

    from mmzoo.models.schema_model import keras_inputs, schema_model

    # Small, since what is tested is the way through the encoder and back; the zoo's harness runs the models on JAX.
    schema = Schema("tiny", {"image": SchemaImage(4, 4), "text": Text(8)}, {"sign": Label(("a", "b", "c"))})
    inputs = keras_inputs(schema)
    image = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs["image"]))
    text = keras.layers.Flatten()(keras.layers.Embedding(256, 4)(inputs["text"]))
    joint = keras.layers.Concatenate()([image, text])
    model = schema_model(inputs, {"sign": keras.layers.Dense(3, activation="softmax")(joint)}, schema, name="tiny")
    model.save(tmp_path / "model.keras")
    code = (
        "import json, sys, keras, mmzoo; assert keras.backend.backend() == 'jax'\n"
        "model = mmzoo.load_model(sys.argv[1] + '/model.keras')\n"
        "sample = {'image': sys.argv[2], 'text': '50'}\n"
        "found = [mmzoo.predict(model, **sample), *mmzoo.predict(model, [sample, {}, {}], batch_size=2)]\n"
        "json.dump(found, open(sys.argv[1] + '/found.json', 'w'))"
    )
    sample = {"image": str(signs / "a.png"), "text": "50"}
    elsewhere["jax"].begin(code, tmp_path, sample["image"]).finish()
    expected = [mmzoo.predict(model, **raw)["sign"] for raw in (sample, sample, {}, {})]
    on_jax = [prediction["sign"] for prediction in json.loads((tmp_path / "found.json").read_text())]
    assert len(on_jax) == len(expected)
    for got, want in zip(on_jax, expected, strict=True):
        assert got == pytest.approx(want, abs=1e-5)
    assert expected[0] != expected[2]


# Loading -------------------------------------------------------------------------------------------------------------


def test_load_by_folder_and_by_file(bundle, edge_model):
    assert edge_model.variant == "float32"
    assert edge_model.schema == Schema.load(bundle / "schema.json")
    by_file = edge.load(str(bundle / "model_float32.tflite"), threads=2)
    assert by_file.variant == "float32"
    prediction = by_file.predict(text="50")["sign"]
    assert prediction == pytest.approx(edge_model.predict(text="50")["sign"], abs=1e-6)


def test_variants(bundle, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    (folder / "model_float32.tflite").rename(folder / "model_dynamic_int8.tflite")
    write_checksums(folder)
    assert edge.load(folder, variant="dynamic_int8").variant == "dynamic_int8"
    with pytest.raises(FileNotFoundError, match=r"model_float32\.tflite.*it has \['dynamic_int8'\]"):
        edge.load(folder)
    with pytest.raises(ValueError, match="variant: expected one of"):
        edge.load(folder, variant="fp8")
    with pytest.raises(ValueError, match="threads: expected"):
        edge.load(folder, variant="dynamic_int8", threads=0)


def test_missing_bundle_and_schema(bundle, tmp_path):
    with pytest.raises(FileNotFoundError, match="no_bundle: no such bundle"):
        edge.load(tmp_path / "no_bundle")
    with pytest.raises(FileNotFoundError, match=r"schema\.json: no such file"):
        edge.load(tmp_path)
    shutil.copy(bundle / "model_float32.tflite", tmp_path / "mine.tflite")
    with pytest.raises(FileNotFoundError, match=r"schema\.json: no such file"):
        edge.load(tmp_path / "mine.tflite")


@pytest.mark.parametrize("kept", [0, 100, 100_000])
def test_broken_file(bundle, tmp_path, kept):
    shutil.copy(bundle / "schema.json", tmp_path)
    (tmp_path / "model_float32.tflite").write_bytes((bundle / "model_float32.tflite").read_bytes()[:kept])
    write_checksums(tmp_path)
    with pytest.raises(ValueError, match=r"model_float32\.tflite: not a LiteRT model"):
        edge.load(tmp_path)


def test_file_of_another_schema(bundle, tmp_path):
    schema = Schema.load(bundle / "schema.json")
    shutil.copy(bundle / "model_float32.tflite", tmp_path)
    inputs = dict(schema.inputs)
    others = {
        "input 'text' is int32": Schema("x", {**inputs, "text": Text(16)}, schema.outputs),
        "its inputs": Schema("x", {"text": inputs["text"]}, schema.outputs),
        "output 'sign' is float32": schema.with_outputs({"sign": Label(("stop", "yield"))}),
        "its outputs": schema.with_outputs({"other": schema.outputs["sign"]}),
    }
    for message, other in others.items():
        other.save(tmp_path / "schema.json")
        write_checksums(tmp_path)
        with pytest.raises(ValueError, match=message):
            edge.load(tmp_path)


def test_operators_that_plain_litert_lacks(tmp_path):
    """A file with a Select-TF operator converts without complaint; loading it must say what is wrong."""
    import tensorflow as tf

    @tf.function(input_signature=[tf.TensorSpec((1, 8), tf.int32, name="text")])
    def flex(text):
        number = tf.strings.to_number(tf.strings.as_string(text))
        return {"length": tf.reduce_sum(number, axis=1, keepdims=True)}

    module = tf.Module()
    module.flex = flex
    saved = tmp_path / "saved"
    tf.saved_model.save(module, str(saved), signatures=flex)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    (tmp_path / "model_float32.tflite").write_bytes(converter.convert())
    Schema("flex", {"text": Text(8)}, {"length": Value()}).save(tmp_path / "schema.json")
    write_checksums(tmp_path)
    # In a process of its own: one that has imported TensorFlow may lend LiteRT the operators.
    done = subprocess.run(
        [sys.executable, "-m", "mmzoo.edge", str(tmp_path), "--text", "5"], capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "LiteRT can't run it" in done.stderr and "model_float32.tflite" in done.stderr


def test_without_ai_edge_litert(bundle, monkeypatch):
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(ImportError, match="pip install ai-edge-litert"):
        edge.load(bundle)


# Tables --------------------------------------------------------------------------------------------------------------


def test_csv_to_csv(edge_model, signs, tmp_path):
    header = ["id", "image", "text", "location_speed", "surface", "location.road_class", "sign"]
    table = _write_csv(
        signs / "table.csv",
        header,
        ["1", "a.png", "50, only", "48.5", "wet", "primary", "Stop"],
        ["2", "", "", "", "", "", ""],
        ["3", str(signs / "b.jpg"), " x", " 5e1 ", "", "", "Yield"],
    )
    out = tmp_path / "out.csv"
    seen = []
    assert edge.predict_csv(edge_model, table, out, track=lambda rows: (seen.append(r["id"]) or r for r in rows)) == 3
    rows = _read_csv(out)
    assert list(rows[0]) == [*header, "predicted_sign", "predicted_sign_probability"]
    assert seen == [row["id"] for row in rows] == ["1", "2", "3"]
    assert [row["sign"] for row in rows] == ["Stop", "", "Yield"]
    expected = edge_model.predict_batch(
        [
            {
                "image": signs / "a.png",
                "text": "50, only",
                "location": {"speed": 48.5, "road_class": "primary"},
                "road_condition": {"surface": "wet"},
            },
            {},
            {"image": signs / "b.jpg", "text": " x", "location": {"speed": 50}},
        ],
        top=1,
    )
    for row, prediction in zip(rows, expected, strict=True):
        ((name, probability),) = prediction["sign"].items()
        assert row["predicted_sign"] == name
        assert float(row["predicted_sign_probability"]) == pytest.approx(probability, abs=1e-6)


def test_csv_with_byte_order_mark_and_empty_lines(edge_model, tmp_path):
    table = tmp_path / "excel.csv"
    table.write_bytes("\ufefftext\r\n50\r\n\r\n30\r\n".encode())
    assert edge.predict_csv(edge_model, table, tmp_path / "out.csv") == 2
    assert list(_read_csv(tmp_path / "out.csv")[0]) == ["text", "sign", "sign_probability"]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_of_other_separators(edge_model, tmp_path, separator):
    table = tmp_path / "in.csv"
    table.write_text(f"text{separator} speed\n50{separator}48.5\n")
    assert edge.predict_csv(edge_model, table, tmp_path / "out.csv") == 1
    (row,) = _read_csv(tmp_path / "out.csv")
    assert (row["text"], row["speed"]) == ("50", "48.5")
    assert row["sign"] == next(iter(edge_model.predict(text="50", location={"speed": 48.5})["sign"]))


def test_folder_to_csv(edge_model, signs, tmp_path):
    out = tmp_path / "out.csv"
    (signs / "notes.txt").write_text("no image")
    assert edge.predict_folder(edge_model, signs, out) == 3
    rows = _read_csv(out)
    assert [row["image"] for row in rows] == ["a.png", "b.jpg", "c.png"]
    for row in rows:
        assert row["sign"] == next(iter(edge_model.predict(image=signs / row["image"])["sign"]))


@pytest.mark.parametrize(
    ("header", "row", "error", "message"),
    [
        (["text", "speed"], ["50", "fast"], ValueError, r"row 3, column 'speed': expected a number.*'fast'"),
        (["speed"], ["1_000"], ValueError, "column 'speed': expected a number"),
        (["speed"], ["inf"], ValueError, "column 'speed': expected a finite number"),
        (["location_speed"], ["301"], ValueError, "column 'location_speed': 301 km/h is outside"),
        (["surface"], ["lava"], ValueError, "column 'surface': unknown category 'lava'"),
        (["image"], ["no.png"], FileNotFoundError, r"row 3, column 'image': .*no\.png: no such file"),
        (["text", "speed"], ["50"], ValueError, "1 cells, but 2 columns in the header"),
    ],
)
def test_bad_row_names_file_row_and_column(edge_model, tmp_path, header, row, error, message):
    table = _write_csv(tmp_path / "bad.csv", header, [""] * (len(header) - 1) + [" "], row)
    with pytest.raises(error, match=rf"bad\.csv, {message}" if message.startswith("row") else message) as caught:
        edge.predict_csv(edge_model, table, tmp_path / "out.csv")
    assert "bad.csv, row 3" in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"], "a half-written table was left behind"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"speed,location_speed\n1,2\n", "'speed' and 'location_speed' are the same input"),
        (b"text,text\n1,2\n", "'text' stands there twice"),
        (b"name;place\n1;2\n", r"no column is an input; the columns are \['name', 'place'\].*'location_speed'"),
        (b"text\n\xff\xfe\n", "not in UTF-8 .line 2, byte 0xff"),
    ],
)
def test_bad_table_names_the_file(edge_model, tmp_path, content, message):
    table = tmp_path / "bad.csv"
    table.write_bytes(content)
    with pytest.raises(ValueError, match=rf"bad\.csv: .*{message}"):
        edge.predict_csv(edge_model, table, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_tables_that_are_not_there(edge_model, tmp_path):
    out = tmp_path / "out.csv"
    with pytest.raises(FileNotFoundError, match=r"no\.csv: no such file"):
        edge.predict_csv(edge_model, tmp_path / "no.csv", out)
    with pytest.raises(FileNotFoundError, match="no: no such folder"):
        edge.predict_folder(edge_model, tmp_path / "no", out)
    with pytest.raises(FileNotFoundError, match="no image in it"):
        edge.predict_folder(edge_model, tmp_path, out)
    table = _write_csv(tmp_path / "t.csv", ["text"], ["50"])
    with pytest.raises(FileNotFoundError, match="no such folder to write"):
        edge.predict_csv(edge_model, table, tmp_path / "no" / "out.csv")
    with pytest.raises(ValueError, match="is the table to read"):
        edge.predict_csv(edge_model, table, table)


def test_broken_image_in_a_folder_is_named(edge_model, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"column 'image': .*broken\.png: not an image"):
        edge.predict_folder(edge_model, tmp_path, tmp_path / "out.csv")


def test_columns_of_other_schemas():
    sensors = Sensors((Number("speed"), Category("kind", ("a", "b"))))
    outputs = {"kind": Label(("a", "b")), "tags": MultiLabel(("x", "y", "z")), "range": Value("m")}
    schema = Schema("s", {"front": sensors, "back": sensors, "note": Text(4)}, outputs)
    with pytest.raises(ValueError, match=r"column 'speed' could be any of \['front.speed', 'back.speed'\]"):
        columns.match_columns(schema, ["speed"], "t.csv")
    # A column with an output's name holds labels, not the field of that name.
    assert columns.match_columns(schema, ["back_kind", "kind"], "t.csv") == {"back_kind": ("back", 1)}
    assert columns.output_columns(schema, ["kind"]) == {
        "kind": ("predicted_kind", "predicted_kind_probability"),
        "tags": ("tags", "tags_probability"),
        "range": ("range",),
    }
    with pytest.raises(ValueError, match="already has a column 'predicted_kind'"):
        columns.output_columns(schema, ["kind", "predicted_kind"])
    tags = outputs["tags"].cells(np.array([0.75, 0.25, 0.5]))
    assert tags == ("x|z", "0.750000|0.500000")
    assert outputs["range"].cells(np.array([12.5], np.float32)) == ("12.5",)


# The command line ----------------------------------------------------------------------------------------------------


def test_command_line_equals_the_call(edge_model, bundle, signs, capsys):
    settings = ["--set", "location.speed=50", "--set", "road_condition_surface=wet", "--set", "weather=rain"]
    assert main([str(bundle), "--image", str(signs / "a.png"), "--text", "50", *settings, "--json", "--top", "2"]) == 0
    expected = edge_model.predict(
        image=signs / "a.png",
        text="50",
        location={"speed": 50},
        road_condition={"surface": "wet", "weather": "rain"},
        top=2,
    )
    assert json.loads(capsys.readouterr().out) == expected
    assert main([str(bundle), "--set", "text=STOP"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("sign:") and next(iter(edge_model.predict(text="STOP")["sign"])) in printed


def test_command_line_tables(bundle, signs, tmp_path, capsys):
    assert main([str(bundle), "--folder", str(signs), "--out", str(tmp_path / "f.csv")]) == 0
    table = _write_csv(signs / "one.csv", ["image"], ["c.png"])
    assert main([str(bundle), "--csv", str(table), "--out", str(tmp_path / "t.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["rows"] == 1
    assert _read_csv(tmp_path / "t.csv")[0] == _read_csv(tmp_path / "f.csv")[2]


def test_command_line_benchmark(bundle, signs, capsys):
    arguments = [str(bundle), "--image", str(signs / "a.png"), "--benchmark", "5"]
    assert main([*arguments, "--json"]) == 0
    stages = json.loads(capsys.readouterr().out)
    assert list(stages) == ["import", "load", "first prediction", "encode", "invoke"]
    assert all(milliseconds > 0 for milliseconds in stages.values())
    assert main(arguments) == 0
    assert "text, location, road_condition" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "location.speed=fast"], "expected a number such as 48.5, got 'fast'"),
        (["--set", "altitude=5"], "no such input or field 'altitude'"),
        (["--set", "speed"], "expected <input>.<field>=<value>"),
        (["--set", "speed=5", "--set", "location.speed=6"], "is given twice"),
        (["--text", "5", "--set", "text=6"], "is given twice"),
        (["--image", "no.jpg"], "no.jpg: no such file"),
        (["--text", "5", "--variant", "int8"], "no variant 'int8'"),
    ],
)
def test_command_line_bad_input(bundle, capsys, arguments, message):
    assert main([str(bundle), *arguments]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to predict"),
        (["--csv", "x.csv"], "go together"),
        (["--text", "5", "--out", "x.csv"], "go together"),
        (["--csv", "x.csv", "--folder", "x", "--out", "y"], "give one of them"),
        (["--csv", "x.csv", "--out", "y", "--text", "5"], "single sample"),
        (["--text", "5", "--top", "0"], "at least 1"),
    ],
)
def test_command_line_bad_usage(bundle, capsys, arguments, message):
    with pytest.raises(SystemExit) as caught:
        main([str(bundle), *arguments])
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# The device: what is installed there, and how long it takes ----------------------------------------------------------

_ONLY_ON_THE_DEVICE = """
import json, sys

class Forbid:
    allowed = {"numpy", "PIL", "ai_edge_litert", "mmzoo", *sys.stdlib_module_names}

    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        # Editable installs have a finder of their own, a module with such a name.
        if top not in self.allowed and not top.startswith("__editable__"):
            raise ModuleNotFoundError(f"{name} is not installed on the device", name=name)

sys.meta_path.insert(0, Forbid())
import mmzoo.edge
model = mmzoo.edge.load(sys.argv[1])
prediction = model.predict(image=sys.argv[2], text="50", location={"speed": 48.0}, road_condition={"surface": "wet"})
rows = mmzoo.edge.predict_folder(model, sys.argv[3], sys.argv[4])
try:
    import keras
except ModuleNotFoundError:
    print(json.dumps([prediction, rows]))
"""


def test_needs_only_numpy_pillow_and_ai_edge_litert(edge_model, bundle, signs, tmp_path):
    image = signs / "a.png"
    arguments = [str(bundle), str(image), str(signs), str(tmp_path / "out.csv")]
    done = subprocess.run([sys.executable, "-c", _ONLY_ON_THE_DEVICE, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    expected = edge_model.predict(image=image, text="50", location={"speed": 48.0}, road_condition={"surface": "wet"})
    assert json.loads(done.stdout) == [expected, 3]


def test_first_prediction_within_a_second_of_process_start(edge_model, bundle, signs):
    image = str(signs / "b.jpg")
    command = [sys.executable, "-m", "mmzoo.edge", str(bundle), "--image", image, "--text", "50", "--json"]
    seconds, cpu_seconds = [], []
    # The best of a few: other work on the machine can only make it slower.
    while len(seconds) < 5 and min(seconds, default=2) > 1:
        start, before = time.perf_counter(), os.times()
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(time.perf_counter() - start)
        after = os.times()
        cpu_seconds.append(sum(after[2:4]) - sum(before[2:4]))
    assert json.loads(done.stdout) == edge_model.predict(image=image, text="50")
    if min(seconds) > 1 and os.getloadavg()[0] > os.cpu_count():
        # Too many processes share the cores for the clock to say anything: the process' own time must do.
        assert min(cpu_seconds) <= 1
    else:
        assert min(seconds) <= 1


def test_prediction_loads_no_tensorflow_keras_pandas_or_matplotlib(bundle, signs):
    code = (
        "import json, sys; from mmzoo.edge.__main__ import main; status = main(sys.argv[1:]);"
        "print(json.dumps([status, sorted({name.partition('.')[0] for name in sys.modules})]))"
    )
    arguments = [str(bundle), "--image", str(signs / "a.png"), "--text", "50", "--json"]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    status, loaded = json.loads(done.stdout.splitlines()[-1])
    assert status == 0 and "ai_edge_litert" in loaded
    assert not {"tensorflow", "keras", "pandas", "matplotlib", "typer", "rich", "jax", "torch"} & set(loaded)


def test_variants_are_those_of_the_bundle():
    assert runtime.VARIANTS == ("float32", "dynamic_int8", "int8")


def test_a_table_may_only_name_files_in_its_folder(edge_model, bundle, signs, tmp_path, capsys):
    folder = tmp_path / "table"
    folder.mkdir()
    table = _write_csv(folder / "in.csv", ["image"], [""], [str(signs / "a.png")])
    with pytest.raises(ValueError, match=r"in\.csv, row 3, column 'image': '.*a\.png' lies outside of the folder"):
        edge.predict_csv(edge_model, table, tmp_path / "out.csv")
    assert edge.predict_csv(edge_model, table, tmp_path / "out.csv", allow_outside_root=True) == 2
    words = [str(bundle), "--csv", str(table), "--out", str(tmp_path / "cli.csv")]
    assert main(words) == 1 and "--allow-outside" in capsys.readouterr().err
    assert main([*words, "--allow-outside"]) == 0
