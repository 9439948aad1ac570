"""What a run rests on: data, split, options, hyper-parameters. A folder goes on with the same or not at all."""

from __future__ import annotations

import json
import pathlib
import shutil
from collections.abc import Mapping
from typing import Any

from mmzoo.files import read_json, replace_text

RESTS_ON = "rests_on.json"
# All that a run writes.
_FOLDERS = ("training", "evaluation", "bundle")
_FILES = ("arms.csv", "run.json", "worth.csv", "summary.txt", "trained_rows.npy", "choice.json", RESTS_ON)


class RunIdentity:
    """The identity of the run in a folder; made anew, or compared with what lies there.

    Args:
        out: the folder; made where it isn't there.
        settings: what is known before the data is loaded, JSON-able.
        overwrite: replace what lies there.

    Raises:
        ValueError: the folder holds a run that rests on something else, or something that is no run of this kind; the
            message names every difference.
    """

    def __init__(self, out: pathlib.Path, settings: Mapping[str, Any], *, overwrite: bool = False):
        out.mkdir(parents=True, exist_ok=True)
        self._path, self._out = out / RESTS_ON, out
        if overwrite:
            _clear(out)
        self._held: dict[str, Any] = {}
        if self._path.is_file():
            self._held = read_json(self._path)
        elif any((out / name).exists() for name in (*_FOLDERS, *_FILES)):
            raise ValueError(
                f"{out}: holds another kind of run; name another folder, or overwrite (--overwrite) to replace it"
            )
        self.add(settings)

    @property
    def settings(self) -> dict[str, Any]:
        """All of it, as run.json has it."""
        return dict(self._held)

    def add(self, settings: Mapping[str, Any]) -> None:
        """Compares more of what the run rests on with what is known, and keeps what is new.

        Raises:
            ValueError: see the class.
        """
        new = json.loads(json.dumps(dict(settings), default=str))
        differences = [
            text for name in new if name in self._held for text in _differences(name, self._held[name], new[name])
        ]
        if differences:
            raise ValueError(
                f"{self._out}: holds a run with other settings ({'; '.join(differences)}); give the same to go on with "
                "it, another folder to keep it, or overwrite (--overwrite) to replace it"
            )
        if any(name not in self._held for name in new):
            self._held |= new
            replace_text(self._path, json.dumps(self._held, indent=1, ensure_ascii=False) + "\n")


def _differences(name, there, now):
    if isinstance(there, dict) and isinstance(now, dict):
        for key in dict.fromkeys([*there, *now]):
            yield from _differences(f"{name}.{key}", there.get(key), now.get(key))
    elif there != now:
        yield f"{name}: {_short(there)} there, {_short(now)} now"


def _short(value):
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:76]} ..."


def _clear(out):
    if (out / "bundle").exists() and not (out / "bundle" / "schema.json").is_file():
        raise ValueError(f"{out / 'bundle'}: is no bundle (no schema.json in it), so it is not overwritten")
    for name in _FOLDERS:
        if (out / name).is_dir():
            shutil.rmtree(out / name)
    for name in _FILES:
        (out / name).unlink(missing_ok=True)
