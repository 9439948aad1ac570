"""The command line: what each command does, and how it fails."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from gtsrb_archive_writer import TEST_ZIP, write_gtsrb_archive
from PIL import Image as Pillow

import mmzoo
from mmzoo import cli
from mmzoo.cli.recorded import recorded_command
from mmzoo.data.sets.road_signs import rendered_signs
from mmzoo.recipes import list_recipes
from mmzoo.recipes.running.recording.record import RunRecord
from mmzoo.recipes.zoo.road_sign import TRAINING
from mmzoo.training import resume

CLOCK = ["seconds", "samples_per_second"]
TRAIN = "train road_sign --size nano --data rendered --limit 80 --epochs 3 --no-export --out".split()


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `mmzoo WORDS ...` in this process; returns (exit status, standard output, standard error)."""
    # A trace of the error instead of one line is for whoever mends mmzoo.
    monkeypatch.delenv("MMZOO_TRACEBACK", raising=False)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["mmzoo", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def prepared_data(monkeypatch, tmp_path):
    """Prepared data goes here, not into the user's home."""
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "prepared"))


def arm_of(run):
    """The folder of the only training of a run."""
    (folder,) = (path.parent for path in (run / "training").rglob("history.csv"))
    return folder


def record(**changes):
    """A record of a run that measured nothing."""
    values = {"recipe": "road_sign", "model": "road_sign_nano", "data": "gtsrb", "split": "", "note": "", "seed": 0}
    values |= {"samples": 0, "parameters": 1, "outputs": {"sign": ""}, "figures": [], "machine": ""}
    return RunRecord(**{**values, **changes})


def draw_few(patch):
    """Fewer drawn signs than a user gets, and than the recipe mixes into each epoch."""
    patch.setattr("mmzoo.data.sets.road_signs.RENDERED_COUNTS", {"train": 86, "validation": 43, "test": 43})
    patch.setitem(TRAINING, "nano", dataclasses.replace(TRAINING["nano"], drawn=43))


@pytest.fixture
def few_signs(monkeypatch):
    draw_few(monkeypatch)


@pytest.fixture(scope="module")
def bundle(nano_bundle):
    return nano_bundle.path


def test_list(command):
    status, out, _ = command("list")
    assert status == 0
    assert set(mmzoo.list_models()) <= set(out.split())


def test_help_names_every_command(command):
    status, out, _ = command("--help")
    assert status == 0
    assert all(name in out for name in ("list", "demo", "train", "evaluate", "export", "predict"))


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize(("name", "says"), [("train", "mmzoo[tensorboard]"), ("prepare", "mmzoo[beam]")])
def test_help_of_one_command_and_its_extras(command, name, flag, says):
    status, out, _ = command(name, flag)
    assert status == 0
    # The table of options breaks lines anywhere.
    assert says in "".join(word for word in out.split() if word != "│")


def words_of(out):
    """What a page of help says, without the lines that it breaks anywhere."""
    return " ".join(word for word in out.split() if word != "│")


@pytest.mark.parametrize("action", ["train", "evaluate", "export", "bench", "prepare"])
def test_help_of_a_model_shows_its_own_data_sets_and_options(command, action):
    status, out, _ = command(action, "road_sign", "-h")
    assert status == 0
    said = words_of(out)
    assert "gtsrb: German traffic signs" in said and "nano, small, base" in said and "--target" not in said
    assert ("--teacher" in said) == (action == "train")


@pytest.mark.parametrize("action", ["evaluate", "export", "bench"])
def test_without_a_model_the_models_are_listed(command, action):
    status, out, _ = command(action, "-h")
    assert status == 0 and all(name in out for name in list_recipes())
    status, _, err = command(action, "road_sing", "--out", "x")
    assert status == 1 and "no recipe for 'road_sing'; there are recipes for [" in err and "'road_sign'" in err


def test_help_does_not_wait_for_a_framework():
    code = "import sys; sys.argv = ['mmzoo', 'train', 'road_sign', '-h']; from mmzoo import cli; "
    code += "import atexit; atexit.register(lambda: print(sorted(sys.modules))); cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "--teacher" in done and "'tensorflow'" not in done and "'keras'" not in done and "'pandas'" not in done


def test_a_data_set_of_a_model_is_prepared_as_records(command, few_signs, tmp_path):
    words = ["prepare", "road_sign", "--size", "nano", "--data", "rendered", "--limit", "20", "--shards", "2"]
    status, out, err = command(*words, "--out", tmp_path / "records")
    assert status == 0, err
    assert "40 samples of rendered: train 20, validation 20" in out
    prepared = mmzoo.open_prepared(tmp_path / "records")
    assert prepared.schema == mmzoo.road_sign_schema()
    expected = rendered_signs(None, "validation", schema=prepared.schema, limit=20)
    batches = list(prepared.dataset("validation", batch_size=20, rows=True).as_numpy_iterator())
    ((inputs, targets, rows),) = batches
    # The records stand in an order of their own; the training rows are the first.
    for name, array in inputs.items():
        np.testing.assert_array_equal(array, expected.inputs[name][rows - 20])
    np.testing.assert_array_equal(targets["sign"], expected.targets["sign"][rows - 20])
    status, out, err = command(*words, "--out", tmp_path / "records")
    assert status == 0, "called again it finds them"
    status, out, err = command(*words, "--seed", "1", "--out", tmp_path / "records")
    assert status == 1 and "holds what was prepared with another rows" in err


@pytest.mark.parametrize(("flags", "given"), [([], "auto"), (["--xla"], True), (["--no-xla"], False)])
def test_xla_is_as_asked(command, monkeypatch, tmp_path, flags, given):
    asked = {}

    def train(recipe, out, **keywords):
        asked.update(keywords)
        return record()

    monkeypatch.setattr("mmzoo.recipes.running.training.train", train)
    status, _, err = command("train", "road_sign", *flags, "--out", tmp_path)
    assert status == 0, err
    assert asked["jit_compile"] == given


def test_evaluate_on_the_official_test_archive(command, nano_file, prepared_data, tmp_path):
    written = write_gtsrb_archive(tmp_path / "archives", classes=[1, 2, 14], tracks=1, frames=1, test_images=9)
    words = ["evaluate", "road_sign", "--size", "nano", "--weights", nano_file, "--data", "gtsrb", "--split", "test"]
    status, out, err = command(*words, "--data-dir", written.directory, "--out", tmp_path / "run")
    assert status == 0, err
    assert "road_sign_nano on 9 samples of gtsrb, test (images real, context simulated)" in out
    files = {file.name for file in (tmp_path / "run" / "evaluation").iterdir()}
    assert {"metrics.json", "confusion_sign.png", "missing_inputs.csv", "missing_inputs.md"} <= files
    metrics = json.loads((tmp_path / "run" / "evaluation" / "metrics.json").read_text())
    assert metrics["samples"] == 9 and f"accuracy         {100 * metrics['sign']['accuracy']:6.2f} %" in out
    with open(tmp_path / "run" / "evaluation" / "predictions.csv", newline="") as file:
        truth = [row["sign_true"] for row in csv.DictReader(file)]
    classes = mmzoo.road_sign_schema()["sign"].classes
    assert truth == [classes[label] for label, _ in written.test.values()]
    record = RunRecord.load(tmp_path / "run" / "run.json")
    arms = record.table.query("metric == 'accuracy'").arm
    assert record.split == "test" and arms.is_unique and len(arms) == 15
    expected = "mmzoo evaluate road_sign --size nano --weights nano.keras --data gtsrb --split test --data-dir DIR"
    assert record.command == f"{expected} --out RUN"


def test_evaluate_says_so_when_the_images_were_trained_on(command, prepared_data, tmp_path):
    written = write_gtsrb_archive(tmp_path / "archives", classes=[1, 2, 14], tracks=2, frames=2, test_images=3)
    words = ["evaluate", "road_sign", "--size", "nano", "--data-dir", written.directory, "--out", tmp_path / "run"]
    # The weights that come with mmzoo have seen all tracks.
    for split, held_out in (("train", False), ("validation", False), ("test", True)):
        status, out, err = command(*words, "--split", split)
        assert status == 0, err
        assert ("these samples were trained on" in out) != held_out, split
        assert RunRecord.load(tmp_path / "run" / "run.json").held_out == held_out, split
        page = (tmp_path / "run" / "evaluation" / "report.html").read_text(encoding="utf-8")
        assert "no physical sign is also in the training data" not in page
        assert ("these samples were trained on" in page) != held_out


def test_weights_of_ones_own_are_taken_to_have_seen_the_training_tracks_only(
    command, nano_file, prepared_data, tmp_path
):
    written = write_gtsrb_archive(tmp_path / "archives", classes=[1, 2, 14], tracks=2, frames=2, test_images=3)
    words = ["evaluate", "road_sign", "--size", "nano", "--weights", nano_file, "--data-dir", written.directory]
    status, out, err = command(*words, "--out", tmp_path / "run")
    assert status == 0, err
    assert "these samples were trained on" not in out
    assert RunRecord.load(tmp_path / "run" / "run.json").held_out
    page = (tmp_path / "run" / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "no physical sign is also in the training data" in page


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """A training that nothing interrupted: its folder and what it printed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as printed:
        draw_few(patch)
        patch.setattr(sys, "argv", ["mmzoo", *TRAIN, str(out)])
        with pytest.raises(SystemExit) as stop:
            cli.main()
    assert not stop.value.code, printed.getvalue()
    return out, printed.getvalue()


def test_train_then_again(command, few_signs, whole_run):
    run, out = whole_run
    assert "80 training and 43 validation samples; images drawn, context simulated" in out
    assert "Done: " in out and not (run / "bundle").exists()
    assert (arm_of(run) / "best.keras").is_file()
    assert (run / "evaluation" / "missing_inputs.md").is_file()
    record = RunRecord.load(run / "run.json")
    assert record.training["samples"] == 80 and record.training["epochs"] == record.settings["epochs"] == 3
    history = (arm_of(run) / "history.csv").read_text()

    status, out, err = command(*TRAIN, run)
    assert status == 0, err
    assert "finished already, after epoch 3 of 3" in out
    assert (arm_of(run) / "history.csv").read_text() == history
    assert RunRecord.load(run / "run.json").figures == record.figures


def killed_train(out: str) -> None:
    """Trains in a process of its own, which kills itself a moment after the first epoch's state is written."""
    save = resume.RunFolder.save

    def save_and_die(self, state, *arguments):
        save(self, state, *arguments)
        if len(state.rows) == 1:
            threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL)).start()

    with pytest.MonkeyPatch.context() as patch:
        draw_few(patch)
        patch.setattr(resume.RunFolder, "save", save_and_die)
        patch.setattr(sys, "argv", ["mmzoo", *TRAIN, out])
        cli.main()


def test_a_killed_training_command_given_again_ends_where_it_would_have(
    command, few_signs, whole_run, another, tmp_path
):
    (whole, _), killed = whole_run, tmp_path / "killed"
    process = another()
    process.begin("import sys, test_cli; test_cli.killed_train(sys.argv[1])", killed)
    process.be_killed()
    assert 1 <= len(pd.read_csv(arm_of(killed) / "history.csv")) < 3
    assert not (killed / "run.json").exists()

    status, out, err = command(*TRAIN, killed)
    assert status == 0, err
    assert "resuming after epoch" in out and "Epoch 3/3" in out and "Epoch 1/3" not in out
    expected, found = (pd.read_csv(arm_of(run) / "history.csv").drop(columns=CLOCK) for run in (whole, killed))
    pd.testing.assert_frame_equal(found, expected, check_exact=True)
    expected, found = (mmzoo.load_model(arm_of(run) / "best.keras").get_weights() for run in (whole, killed))
    assert all(map(np.array_equal, found, expected))
    with np.load(arm_of(whole) / "state.npz") as a, np.load(arm_of(killed) / "state.npz") as b:
        weights = [name for name in a.files if name.startswith("weights/")]
        assert weights and all(np.array_equal(a[name], b[name]) for name in weights)
    expected, found = (RunRecord.load(run / "run.json") for run in (whole, killed))
    assert found.figures and found.figures == expected.figures


def test_train_on_all_tracks_with_a_teacher(command, nano_file, prepared_data, monkeypatch, tmp_path):
    monkeypatch.setitem(TRAINING, "nano", dataclasses.replace(TRAINING["nano"], drawn=43, batch_size=16))
    written = write_gtsrb_archive(tmp_path / "archives", classes=[1, 2, 14], tracks=2, frames=9, test_images=3)
    words = ["train", "road_sign", "--size", "nano", "--data-dir", written.directory, "--all-tracks", "--epochs", "1"]
    status, out, err = command(*words, "--teacher", nano_file, "--no-export", "--out", tmp_path / "run")
    assert status == 0, err
    assert "54 training and 0 validation samples" in out
    assert out.splitlines()[-1] == f"Done: {tmp_path}/run/run.json"
    record = RunRecord.load(tmp_path / "run" / "run.json")
    assert not record.held_out and not record.figures and record.samples == 0
    assert record.training["samples"] == 54 and record.settings["teacher"] == "nano.keras"
    history = (arm_of(tmp_path / "run") / "history.csv").read_text().splitlines()
    assert len(history) == 2 and "val_" not in history[0]


def test_predict_runs_on_the_edge_runtime(command, bundle, nano, tmp_path):
    Pillow.new("RGB", (50, 40), (200, 30, 30)).save(tmp_path / "sign.png")
    words = ["--image", tmp_path / "sign.png", "--text", "50", "--set", "location.speed=48", "--top", "2", "--json"]
    status, out, err = command("predict", bundle, *words)
    assert status == 0, err
    expected = mmzoo.predict(nano, image=tmp_path / "sign.png", text="50", location={"speed": 48}, top=2)["sign"]
    found = json.loads(out)["sign"]
    assert list(found) == list(expected) and list(found.values()) == pytest.approx(list(expected.values()), abs=1e-5)


def test_predict_has_its_own_help_and_errors(command, bundle):
    status, out, _ = command("predict", "-h")
    assert status == 0 and "usage: mmzoo predict" in out and "--image FILE" in out
    status, _, err = command("predict", bundle, "--image", "none.jpg")
    assert status == 1 and len(err.splitlines()) == 1 and "none.jpg" in err
    assert command("predict", bundle)[0] == 2


def test_export_passes_on_what_was_asked(command, nano_file, few_signs, monkeypatch, tmp_path):
    calls = []

    def export(model, path, **arguments):
        calls.append((model, path, arguments))
        return mmzoo.exporting.Bundle(path, ("schema.json",), {})

    monkeypatch.setattr(mmzoo, "export", export, raising=False)
    words = ["--size", "nano", "--weights", nano_file, "--out", tmp_path / "bundle", "--overwrite"]
    status, out, err = command("export", "road_sign", *words)
    assert status == 0, err
    assert "Done:\n  schema.json" in out
    (model, path, arguments) = calls[0]
    assert path == tmp_path / "bundle" and arguments["overwrite"] and model.count_params() < 50_000
    ((inputs, targets),) = arguments["samples"]
    assert len(inputs["image"]) == len(targets["sign"]) == 43


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "road_sing"), f"'road_sing': neither a model ({', '.join(list_recipes())}) nor a file or folder"),
        (("train", "road_sign", "--size", "huge"), "size: expected one of ['nano', 'small', 'base'], got 'huge'"),
        (("evaluate", "road_sign", "--weights", "cifar"), "weights: 'cifar' is no file and not among the pretrained"),
        (("export", "road_sign", "--weights", "none.keras"), "weights: 'none.keras' is no file"),
    ],
)
def test_bad_input_is_one_line_and_status_1(command, tmp_path, words, message):
    status, _, err = command(*words, "--out", tmp_path / "run")
    assert status == 1
    assert err.startswith(f"mmzoo: {message}") and len(err.splitlines()) == 1


def test_a_missing_archive_and_a_file_without_a_schema_are_named(command, nano_file, tmp_path):
    words = ["evaluate", "road_sign", "--size", "nano", "--weights", nano_file, "--split", "test"]
    (tmp_path / "empty").mkdir()
    status, _, err = command(*words, "--data-dir", tmp_path / "empty", "--out", tmp_path / "run")
    assert status == 1 and TEST_ZIP in err and err.startswith("mmzoo: ") and len(err.splitlines()) == 1
    status, _, err = command(*words[:-1], "exam", "--data", "rendered", "--out", tmp_path / "run")
    assert status == 1 and err == "mmzoo: split: expected one of ['train', 'validation', 'test'], got 'exam'\n"


def test_a_traceback_on_request(command, monkeypatch, tmp_path):
    monkeypatch.setenv("MMZOO_TRACEBACK", "1")
    monkeypatch.setattr(sys, "argv", ["mmzoo", "train", "road_sing", "--out", str(tmp_path)])
    with pytest.raises(ValueError, match="neither a model"):
        cli.main()


@pytest.mark.parametrize("words", [("fly",), ("train", "road_sign"), ("evaluate", "road_sign", "--fold", "7")])
def test_wrong_usage_is_status_2(command, words):
    status, _, err = command(*words)
    assert status == 2 and "Usage: " in err


@pytest.mark.parametrize(
    ("typed", "recorded"),
    [
        (["train", "road_sign", "--out", "/home/ann/run"], "mmzoo train road_sign --out RUN"),
        (["train", "--out=/home/ann/run", "--data-dir=/data/x"], "mmzoo train --out=RUN --data-dir=DIR"),
        (["evaluate", "--data-dir", "../gtsrb", "--weights", "/home/ann/a b.keras"],
         "mmzoo evaluate --data-dir DIR --weights 'a b.keras'"),
        (["evaluate", "--weights=/home/ann/best.keras"], "mmzoo evaluate --weights=best.keras"),
        (["train", "--size", "nano", "--epochs", "3"], "mmzoo train --size nano --epochs 3"),
    ],
)  # fmt: skip
def test_the_recorded_command_hides_folders(monkeypatch, typed, recorded):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/mmzoo", *typed])
    assert recorded_command() == recorded
