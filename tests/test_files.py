"""Files that appear whole or not at all, folders that are held, what a killed process leaves."""

from __future__ import annotations

import errno
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

import mmzoo.files as files
from mmzoo.bundles import verify
from mmzoo.data.fingerprints import fingerprint_of
from mmzoo.files import held, holding, replace_file, replace_folder, replace_text, written
from mmzoo.recipes.own_data.data import TableData
from mmzoo.recipes.running.arm_runs import _rows
from mmzoo.recipes.running.recording.identity import RunIdentity
from mmzoo.recipes.running.recording.record import RunRecord


def test_a_file_is_the_old_one_or_the_new_one(tmp_path):
    path = tmp_path / "summary.txt"
    replace_text(path, "old")

    def half(part):
        part.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(path, half)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["summary.txt"]
    replace_text(path, "new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["summary.txt"]


@pytest.fixture
def small_files():
    """No file may have more than 1,000 bytes, as if the disk were full behind them."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_one_line_with_the_file(tmp_path, small_files):
    path = tmp_path / "arms.csv"
    with pytest.raises(OSError, match=r"arms\.csv: can't be written: File too large; free some space") as caught:
        replace_text(path, "x" * 2_000)
    assert "\n" not in str(caught.value) and not os.listdir(tmp_path)


@pytest.mark.skipif(not pathlib.Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_by_any_library():
    with pytest.raises(OSError, match="model.keras: can't be written: No space left on device"), written("model.keras"):
        with open("/dev/full", "w") as file:
            file.write("x" * 100_000)
    with pytest.raises(OSError, match="can't be written: No space left"), written("model.keras"):
        raise RuntimeError("HDF5: write failed (errno = 28, error message = 'No space left on device')")
    with pytest.raises(OSError, match="^inner: can't be written"), written("outer"), written("inner"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(PermissionError), written("model.keras"):
        raise PermissionError(errno.EACCES, "Permission denied", "model.keras")


HOLD = """
import pathlib, sys, time
from mmzoo.files import held
with held(pathlib.Path(sys.argv[1])):
    print(1, flush=True)
    time.sleep(60)
"""


def test_a_folder_is_held_by_one_process_and_free_again_when_that_is_killed(tmp_path):
    out = tmp_path / "run"
    root = pathlib.Path(files.__file__).parent.parent
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(root)}
    )
    try:
        assert other.stdout.readline() == b"1\n"
        with pytest.raises(FileExistsError, match=rf"run: process {other.pid} on .*, since .*, works in it"), held(out):
            pass
        (out / ".part-1-state.npz").write_text("half")
        (out / "evaluation").mkdir()
        (out / "evaluation" / ".part-1-report.html").write_text("half")
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    assert (out / ".lock").is_file(), "a killed process leaves its lock's file, which says nothing"
    with held(out):
        assert json.loads((out / ".lock").read_text())["process"] == os.getpid()
        assert not list(out.rglob(".part-*"))
        with pytest.raises(FileExistsError, match=f"process {os.getpid()}"), held(out):
            pass
    assert not (out / ".lock").exists()


def test_a_function_holds_its_folder(tmp_path):
    @holding
    def train(table, out="run", *, seed=0):
        """Trains."""
        assert (pathlib.Path(out) / ".lock").is_file()
        return table, seed

    assert train("t.csv", tmp_path / "a", seed=1) == ("t.csv", 1) and train.__doc__ == "Trains."
    assert not (tmp_path / "a").exists(), "nothing came of it"
    with pytest.raises(TypeError, match="missing a required argument: 'table'"):
        train()


@pytest.mark.parametrize("at_once", [True, False])
def test_a_bundle_is_there_at_every_instant(tmp_path, monkeypatch, at_once):
    path, lock = tmp_path / "bundle", tmp_path / ".bundle.lock"
    if not at_once:
        monkeypatch.setattr(files, "_exchanged", lambda one, other: False)
    for word in ("old", "new"):
        folder = tmp_path / ".bundle.part-1"
        folder.mkdir()
        (folder / "schema.json").write_text(word)
        replace_folder(folder, path)
    assert (path / "schema.json").read_text() == "new" and os.listdir(tmp_path) == ["bundle"]
    # Killed between the two steps, or while the next one was put together.
    path.rename(tmp_path / ".bundle.part-old")
    (tmp_path / ".bundle.part-2").mkdir()
    (tmp_path / ".bundle.mine").mkdir()
    with held(path, lock):
        assert (path / "schema.json").read_text() == "new"
        with pytest.raises(FileExistsError, match="bundle: process"), held(path, lock):
            pass
    assert sorted(os.listdir(tmp_path)) == [".bundle.mine", "bundle"]


def gone(pid):
    """Whether a process has ended; nobody may be left to ask how."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


PARENT = """
import os, subprocess, sys, time
code = "import sys, time; from mmzoo.exporting.static_int8 import _end_with_parent as end; end(int(sys.argv[1]));"
code += "print('up', flush=True); time.sleep(60)"
arguments = [sys.executable, "-c", code, str(os.getpid())]
child = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="needs /proc")
def test_the_int8_child_ends_with_its_parent():
    root = pathlib.Path(files.__file__).parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=environment)
    child = int(parent.stdout.readline())
    assert not gone(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 30
    while not gone(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert gone(child)


def test_who_leaves_an_export_early_ends_the_child(tmp_path):
    from mmzoo.exporting.static_int8 import StaticInt8

    with pytest.raises(KeyboardInterrupt), StaticInt8(tmp_path) as converter:
        raise KeyboardInterrupt
    assert converter._child.returncode == -signal.SIGKILL


def test_a_named_pipe_is_no_file_and_bad_json_is_named(tmp_path):
    os.mkfifo(tmp_path / "SHA256SUMS")
    with pytest.raises(FileNotFoundError, match="SHA256SUMS: no such file, but something else"):
        verify(tmp_path)
    (tmp_path / "run.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match=r"run\.json: not JSON that can be read"):
        RunRecord.load(tmp_path / "run.json")
    (tmp_path / "run.json").write_text('{"format": 2, "name": 5}')
    with pytest.raises(ValueError, match=r"run\.json: not in the format .*'name'"):
        RunRecord.load(tmp_path / "run.json")


# What a run rests on -------------------------------------------------------------------------------------------------


def test_a_fingerprint_tells_every_value():
    arrays = {"image": np.zeros((3, 2, 2), np.uint8), "text": np.array(["a", "b", "c"], object)}
    seen = {fingerprint_of(arrays), fingerprint_of({**arrays, "image": arrays["image"][:2]})}
    changed = arrays["image"].copy()
    changed[2, 1, 1] = 1
    seen |= {fingerprint_of({**arrays, "image": changed}), fingerprint_of({**arrays, "image": changed.astype(int)})}
    seen |= {fingerprint_of({**arrays, "text": np.array(["a", "b", "\udcff"], object)}), fingerprint_of("a", arrays)}
    assert len(seen) == 6 and fingerprint_of(arrays) in seen


@pytest.mark.parametrize("part", ["train", "validation", "test"])
@pytest.mark.parametrize("what", ["picture", "target", "cell"])
def test_own_data_rest_on_files_targets_and_texts_of_every_split(part, what):
    def data(changed):
        encoded = {
            split: ({"image": np.full((2, 4, 4, 3), split == changed and what == "picture", np.uint8)},
                    {"y": np.full(2, split == changed and what == "target", np.int32)})
            for split in ("train", "validation", "test")
        }  # fmt: skip
        frames = {
            split: pd.DataFrame({"note": ["a", "\udcff" if split == changed and what == "cell" else "b"]}, dtype=object)
            for split in encoded
        }
        return TableData(None, frames, encoded, {}, {}, pathlib.Path(), False, {})

    def rows(changed):
        return _rows(data(changed), None, 0)["rows, seed 0"]

    before, after = rows(None), rows(part)
    assert [name for name in before if before[name] != after[name]] == [part]


def test_files_of_a_run_without_its_identity_are_not_taken_over(tmp_path):
    """arms.csv, the trainings and what they rest on are one: none is read without the others."""
    for name in ("arms.csv", "summary.txt", "run.json"):
        out = tmp_path / name.partition(".")[0]
        out.mkdir()
        (out / name).write_text("split,seed,arm\n")
        with pytest.raises(ValueError, match="holds another kind of run.*--overwrite"):
            RunIdentity(out, {"size": "small"})
        RunIdentity(out, {"size": "small"}, overwrite=True)
        assert os.listdir(out) == ["rests_on.json"]
        with pytest.raises(ValueError, match="size: 'small' there, 'nano' now.*--overwrite"):
            RunIdentity(out, {"size": "nano"})
