"""Runs a bundle's LiteRT file from raw files, strings and numbers; needs NumPy, Pillow and ai-edge-litert only.

Models that take sounds from files need soundfile as well.

>>> import mmzoo.edge
>>> model = mmzoo.edge.load("bundle/")  # doctest: +SKIP
>>> model.predict(image="sign.jpg", text="50", location={"speed": 48.0})  # doctest: +SKIP
"""

from __future__ import annotations

import importlib

# Loaded when first used, so that `python -m mmzoo.edge --help` is instant and `--benchmark` can time the import.
_LAZY = {
    "EdgeModel": "mmzoo.edge.runtime",
    "VARIANTS": "mmzoo.edge.runtime",
    "load": "mmzoo.edge.runtime",
    "predict_csv": "mmzoo.edge.table",
    "predict_folder": "mmzoo.edge.table",
    "predict_rows": "mmzoo.edge.table",
}

__all__ = list(_LAZY)


def __getattr__(name: str):
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'mmzoo.edge' has no attribute {name!r}")


def __dir__():
    return sorted([*globals(), *_LAZY])
