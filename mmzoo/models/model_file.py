"""Opens `.keras` files of unknown origin: refuses what is damaged, and what would run code of the file's own."""

from __future__ import annotations

import importlib
import json
import pathlib
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any

import keras

# Classes whose configuration is code, pickled or as bytecode, or names a graph elsewhere on the disk.
_RUN_CODE = {"__lambda__", "Lambda", "TorchModuleWrapper", "JaxLayer", "FlaxLayer", "TFSMLayer"}

# A model's description takes some 100 KB; one that swells to more than this is made to fill the memory.
_MOST_DESCRIPTION_BYTES = 100_000_000


def load_keras_file(file: pathlib.Path) -> keras.Model:
    """Loads a `.keras` file in Keras' safe mode, after a look at its description.

    Keras' own safe mode can be switched off for a whole process (`keras.config.enable_unsafe_deserialization`); this
    check can't, since models of mmzoo hold no code.

    Args:
        file: the file, which exists.

    Returns:
        The model, as it was saved.

    Raises:
        ValueError: no `.keras` file, a damaged one, one with a layer that runs code, or with a class that is neither
            Keras' nor registered; the message names the file and the layer.
    """
    if file.suffix != ".keras" or not zipfile.is_zipfile(file):
        raise ValueError(f"{file}: not a .keras file (a zip archive whose name ends with .keras); is it cut short?")
    description = _description(file)
    for layer, kind in _objects(description):
        if kind in _RUN_CODE:
            raise ValueError(
                f"{file}: layer {layer!r} holds a {kind}, which runs code from the file; mmzoo loads none: build the "
                "model from layers of Keras or registered classes, or load it with Keras itself if you trust its source"
            )
    if isinstance(description, dict) and description.get("compile_config"):
        # Registers the losses and the optimizer that a compiled model may hold.
        importlib.import_module("mmzoo.training")
    try:
        return keras.saving.load_model(file, safe_mode=True)
    except Exception as error:
        # A forged description makes Keras, HDF5 or TensorFlow raise what they like, RecursionError among it.
        reason = error
        # Keras wraps what it says about one layer in a message that begins with the description of all.
        while isinstance(reason, TypeError) and isinstance(reason.__context__, Exception):
            reason = reason.__context__
        raise ValueError(f"{file}: can't be loaded ({type(reason).__name__}: {reason!s:.400})") from error


def _description(file):
    try:
        with zipfile.ZipFile(file) as archive:
            damaged = archive.testzip()
            if damaged is not None:
                raise ValueError(f"{file}: damaged, {damaged} in it is not as it was written; copy or save it again")
            if archive.getinfo("config.json").file_size > _MOST_DESCRIPTION_BYTES:
                raise ValueError(f"{file}: config.json in it has more than {_MOST_DESCRIPTION_BYTES:,} bytes")
            return json.loads(archive.read("config.json"))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
        raise ValueError(f"{file}: damaged ({error}); copy or save it again") from error
    except KeyError as error:
        raise ValueError(f"{file}: not a Keras model, no config.json in it") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{file}: config.json in it is not readable ({error})") from error


def _objects(tree: Any) -> Iterator[tuple[str, str]]:
    """(name of the innermost layer around it, class) of everything in a description that stands for an object."""
    waiting = [("", tree)]
    while waiting:
        layer, part = waiting.pop()
        if isinstance(part, dict):
            config = part.get("config")
            if isinstance(config, dict) and isinstance(config.get("name"), str):
                layer = config["name"]
            if isinstance(part.get("class_name"), str):
                yield layer, part["class_name"]
            waiting += [(layer, value) for value in part.values()]
        elif isinstance(part, list):
            waiting += [(layer, value) for value in part]
