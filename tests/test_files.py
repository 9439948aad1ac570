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

import pytest

import mmzoo.files as files
from mmzoo.files import held, holding, replace_file, replace_folder, replace_text, written


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
