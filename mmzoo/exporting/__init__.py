"""Exporting: the Keras file, the SavedModel and the LiteRT files of a model, and the proof that they equal it."""

from __future__ import annotations

import importlib

# The child process of static int8 imports this package too and needs nothing of Keras: load what is asked for.
_LAZY = {
    "Bundle": "mmzoo.exporting.bundle",
    "ParityError": "mmzoo.exporting.parity",
    "export": "mmzoo.exporting.bundle",
}

__all__ = sorted(_LAZY)


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'mmzoo.exporting' has no attribute {name!r}")
