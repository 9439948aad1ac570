"""`mmzoo bench`: every row there, and what happens where a runtime is missing. No figure is judged by its size."""

from __future__ import annotations

import importlib.util
import sys

import pytest

import mmzoo
from mmzoo import cli
from mmzoo.bench import Figure, prediction, read_csv, training, write_csv, write_markdown
from mmzoo.bench.figures import ratio
from mmzoo.bench.start import STAGES, start_figures
from mmzoo.bundles import find_bundle
from mmzoo.evaluation.latency import interleaved


@pytest.fixture(scope="module")
def benched(tmp_path_factory):
    """What `mmzoo bench --quick` printed and wrote."""
    out = tmp_path_factory.mktemp("bench")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stop:
        patch.setattr(sys, "argv", ["mmzoo", "bench", "road_sign", "--size", "nano", "--quick", "--out", str(out)])
        cli.main()
    assert not stop.value.code
    return out


@pytest.fixture(scope="module")
def table(benched):
    return read_csv(benched / "bench.csv")


def test_every_litert_file_is_measured(table):
    bundle = find_bundle("road_sign_nano_gtsrb")
    for file in bundle.glob("*.tflite"):
        variant = file.stem.removeprefix("model_")
        rows = table[table.section.str.startswith("prediction") & table.name.str.startswith(f"LiteRT {variant},")]
        assert rows.name.str.extract(r", (\d)")[0].tolist() == ["1", "2"]
        assert (rows.p95 >= rows.value).all() and (rows.unit == "ms").all()
        size = table[(table.section == "files") & (table.name == file.name)]
        assert size.value.item() == pytest.approx(file.stat().st_size / 1000) and size.unit.item() == "KB"


@pytest.mark.parametrize(
    ("section", "names"),
    [
        ("prediction", ["SavedModel, serve", "SavedModel, serve_arrays", "tf.function", "model.predict"]),
        ("training", ["bare Keras model", "mmzoo's model", "through the pipeline", "with XLA", "without XLA"]),
        ("input pipeline", ["augmented", "drawing"]),
        ("peak memory", ["edge process", "process that trains"]),
        ("start", [*STAGES, "the whole"]),
        ("ratios", ["LiteRT float32, 1 thread / LiteRT int8, 1 thread", "/ mmzoo.edge", "pipeline", "bare"]),
    ],
)
def test_rows_are_there_and_positive(table, section, names):
    rows = table[table.section.str.startswith(section)]
    for name in names:
        assert rows.name.str.contains(name, regex=False).any(), name
    left_out = rows.value.isna()
    assert (rows.value[~left_out] > 0).all() and (rows.note[left_out] != "").all()
    assert (rows.unit != "").all()


def test_ratios_are_those_of_the_rows(table):
    """In a single round, as with --quick."""
    values = table.set_index("name").value
    for one, other in (
        ("LiteRT float32, 1 thread", "LiteRT int8, 1 thread"),
        (training.MEMORY, training.BARE),
        (training.STREAM, training.MEMORY),
    ):
        assert values[f"{one} / {other}"] == pytest.approx(values[one] / values[other])


def test_ratio_is_the_median_of_the_rounds():
    figure = ratio("a", [2.0, 40.0, 3.0], "b", [1.0, 10.0, 1.0])
    assert figure.name == "a / b" and figure.value == 3.0 and figure.unit == "x"


def test_the_stages_of_the_start_sum_up(table):
    rows = table[table.section.str.startswith("start")].set_index("name").value
    assert rows["the whole"] == pytest.approx(rows[list(STAGES)].sum())


def test_machine_and_command_are_on_record(table, benched):
    machine = table.machine.unique().item()
    for word in ("Python", "Keras", "tensorflow", "ai-edge-litert", "mmzoo bench road_sign --size nano --quick"):
        assert word in machine
    assert str(benched) not in machine
    markdown = (benched / "bench.md").read_text(encoding="utf-8")
    assert machine in markdown
    for name in table.name:
        assert f"| {name} |" in markdown


def test_onnx_missing_is_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else name)
    with pytest.raises(prediction._NoOnnx, match=r"^tf2onnx not installed: pip install 'mmzoo\[bench\]'"):
        prediction._onnx_calls(None, {})


def test_onnx_that_fails_to_convert_is_a_row_that_says_so(monkeypatch, tmp_path):
    def fail(model):
        raise NotImplementedError("no such operator")

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    monkeypatch.setitem(sys.modules, "onnxruntime", sys)
    monkeypatch.setattr(prediction, "_to_onnx", fail)
    monkeypatch.setattr(prediction, "_tensorflow_calls", lambda *arguments: {"tf.function": lambda: None})
    model = mmzoo.build_road_sign_model(size="nano")
    bundle = find_bundle("road_sign_nano_gtsrb")
    figures = prediction.prediction_figures(model, bundle, {"text": "50"}, rounds=1)
    row = next(figure for figure in figures if figure.name == "ONNX Runtime")
    assert row.value is None and "NotImplementedError: no such operator" in row.note
    write_csv(figures, "here", tmp_path / "bench.csv")
    write_markdown(figures, "here", tmp_path / "bench.md")
    assert read_csv(tmp_path / "bench.csv").set_index("name").value.isna()["ONNX Runtime"]
    assert "| ONNX Runtime |  |  | ms | tf2onnx can't convert" in (tmp_path / "bench.md").read_text(encoding="utf-8")


def test_a_start_that_fails_says_why(tmp_path):
    with pytest.raises(RuntimeError, match="no such bundle"):
        start_figures(tmp_path / "nowhere", {}, variant="int8", repetitions=1)


def test_bench_refuses_what_it_cannot_measure(monkeypatch, capsys, tmp_path):
    weights = tmp_path / "mine.keras"
    weights.touch()
    for words, message in (
        (["other"], "no recipe for 'other'; there are recipes for ["),
        (["road_sign", "--weights", str(weights)], "mine.keras is no bundle"),
    ):
        monkeypatch.setattr(sys, "argv", ["mmzoo", "bench", *words, "--out", str(tmp_path / "out")])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 1 and message in capsys.readouterr().err


def test_interleaved_gives_each_its_turn():
    order = []
    calls = {name: lambda name=name: order.append(name) for name in "ab"}
    times = interleaved(calls, rounds=2, round_seconds=0.0)
    assert "".join(order) == "aaabbb" + 2 * "aaaabbbb"
    assert {name: [len(turn) for turn in turns] for name, turns in times.items()} == {"a": [3, 3], "b": [3, 3]}
    assert all((turn >= 0).all() for turns in times.values() for turn in turns)


def test_figures_keep_their_digits(tmp_path):
    write_csv([Figure("a", "b", 1 / 3, "ms", 0.5, "because, of")], "here", tmp_path / "bench.csv")
    row = read_csv(tmp_path / "bench.csv").iloc[0].to_dict()
    assert row == {
        **{"section": "a", "name": "b", "value": 1 / 3, "unit": "ms"},
        **{"p95": 0.5, "note": "because, of", "machine": "here"},
    }
