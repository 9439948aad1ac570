"""The folder of a run: history, best model, and the state that a killed run goes on from.

Every file is written under another name, synced, and renamed: whoever kills the process, and whenever, a file is
either the old one whole or the new one whole. All that a resumed run needs is in one file, so its parts always belong
together.
"""

from __future__ import annotations

import csv
import io
import json
import pathlib
import zipfile
from collections.abc import Mapping

import keras
import numpy as np

from mmzoo.files import held, replace_file, replace_text
from mmzoo.training.identity import DataIdentity

STATE_FILE = "state.npz"
HISTORY_FILE = "history.csv"
BEST_FILE = "best.keras"


class RunState:
    """What a run has come to after its last whole epoch.

    Attributes:
        rows: one dict an epoch, as in history.csv.
        best: the best value of the monitored figure so far, or None.
        best_weights: the weights it belongs to, or None.
        finished: whether the training is over.
        jit_compile: whether the run uses XLA; a resumed run doesn't measure again.
    """

    def __init__(self):
        self.rows: list[dict] = []
        self.best: float | None = None
        self.best_weights: list[np.ndarray] | None = None
        self.finished = False
        self.jit_compile: bool | None = None


class RunFolder:
    """Reads and writes the folder of a run; a context manager, which holds it against other processes.

    Args:
        path: the folder; made where it isn't there.
        settings: what makes the run what it is, JSON-able; a run with other settings can't go on from its state.
        data: what it rests on; nor can a run on other data.
    """

    def __init__(self, path: str | pathlib.Path, settings: Mapping, data: DataIdentity):
        self.path = pathlib.Path(path)
        self._settings, self._data = json.loads(json.dumps(dict(settings), default=str)), data
        self._held = held(self.path)

    def __enter__(self) -> RunFolder:
        self._held.__enter__()
        return self

    def __exit__(self, *error) -> None:
        self._held.__exit__(*error)

    def forget(self) -> None:
        """Removes the state and results of an earlier run."""
        for name in (STATE_FILE, HISTORY_FILE, BEST_FILE):
            (self.path / name).unlink(missing_ok=True)

    def load(self, model, learner, optimizer) -> RunState | None:
        """Puts the last whole epoch's state into a model and its built optimizer.

        Args:
            model: the model.
            learner: what is trained, of which it is a part, or the model itself.
            optimizer: the learner's.

        Returns:
            The state, or None where the folder holds none.

        Raises:
            ValueError: the folder belongs to a run with other settings or on other data, or the file is damaged.
        """
        path = self.path / STATE_FILE
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as file:
                meta = json.loads(bytes(file["meta"]))
                arrays = {name: file[name] for name in file.files if name != "meta"}
            state = RunState()
            state.rows, state.best = meta["rows"], meta["best"]
            state.finished, state.jit_compile = meta["finished"], meta["jit_compile"]
            settings, data = dict(meta["settings"]), dict(meta.get("data", {}))
        except (OSError, KeyError, ValueError, TypeError, RecursionError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(
                f"{path}: can't be read as the state of a run ({error}); delete it, or train with resume=False"
            ) from error
        self._check_settings(path, settings)
        self._check_data(path, data)
        if state.finished:
            model.set_weights(_numbered(arrays, "weights"))
            return state
        _assign(learner.variables, _numbered(arrays, "model"), path)
        _assign(optimizer.variables, _numbered(arrays, "optimizer"), path)
        state.best_weights = _numbered(arrays, "best") or None
        return state

    def save(self, state: RunState, model, learner, optimizer) -> None:
        """Writes the history and the state, see `load`. A finished run keeps the model's final weights only."""
        self._write_history(state.rows)
        if state.finished:
            arrays = _numbers("weights", model.get_weights())
        else:
            arrays = {
                **_numbers("model", learner.variables),
                **_numbers("optimizer", optimizer.variables),
                **_numbers("best", state.best_weights or []),
            }
        meta = {
            "settings": self._settings,
            "data": self._data.fingerprints,
            "rows": state.rows,
            "best": state.best,
            "finished": state.finished,
            "jit_compile": state.jit_compile,
        }
        arrays["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)

        def write(path):
            with open(path, "wb") as file:
                np.savez(file, **arrays)

        replace_file(self.path / STATE_FILE, write)

    def save_best(self, model) -> None:
        """Writes best.keras.

        Args:
            model: an uncompiled model that holds the best weights.
        """
        replace_file(self.path / BEST_FILE, model.save)

    def _write_history(self, rows):
        columns = list(dict.fromkeys(key for row in rows for key in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        replace_text(self.path / HISTORY_FILE, text.getvalue())

    def _check_settings(self, path, theirs):
        differences = [
            f"{key}: {theirs.get(key)!r} there, {self._settings.get(key)!r} now"
            for key in dict.fromkeys([*theirs, *self._settings])
            if theirs.get(key) != self._settings.get(key)
        ]
        if differences:
            raise ValueError(
                f"{path.parent}: holds a run with other settings ({'; '.join(differences)}); give the same settings to "
                "go on with it, another folder to keep it, or resume=False to replace it"
            )

    def _check_data(self, path, theirs):
        differences = self._data.differences(theirs)
        if differences:
            raise ValueError(
                f"{path.parent}: holds a run on other data ({'; '.join(differences)}); give the same data to go on "
                "with it, another folder to keep it, or resume=False to replace it"
            )


def _numbers(prefix, values):
    arrays = {}
    for index, value in enumerate(values):
        array = keras.ops.convert_to_numpy(value)
        # NumPy's format doesn't know bfloat16; float32 holds it exactly.
        arrays[f"{prefix}/{index}"] = array if array.dtype.kind in "biuf" else array.astype(np.float32)
    return arrays


def _numbered(arrays, prefix):
    return [arrays[f"{prefix}/{i}"] for i in range(sum(name.startswith(f"{prefix}/") for name in arrays))]


def _assign(variables, values, path):
    if [tuple(v.shape) for v in variables] != [v.shape for v in values]:
        raise ValueError(f"{path}: the state of another model; train with resume=False or in another folder")
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
