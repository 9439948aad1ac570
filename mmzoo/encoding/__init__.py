"""Raw values to the arrays of a modality and model outputs back to words, with NumPy and Pillow (sounds: soundfile)."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.encoding.fields import encode_fields
from mmzoo.encoding.pictures import FORMATS, MAX_PIXELS, encode_image
from mmzoo.encoding.series import encode_series
from mmzoo.encoding.sounds import encode_audio
from mmzoo.encoding.texts import encode_text

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "decode",
    "encode_audio",
    "encode_fields",
    "encode_image",
    "encode_series",
    "encode_text",
]


def decode(output, row: np.ndarray, top: int) -> Any:
    """Turns one output row (units,) into {class: probability} or a number."""
    kind = type(output).__name__
    if kind == "Value":
        return float(row.reshape(-1)[0])
    if kind == "MultiLabel":
        return {name: float(p) for name, p in zip(output.classes, row, strict=True)}
    order = np.argsort(-row, kind="stable")[:top]
    return {output.classes[i]: float(row[i]) for i in order}
