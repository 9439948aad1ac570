"""Raw values to the arrays of a modality, with NumPy and Pillow (sounds: soundfile)."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmzoo.encoding.fields import encode_field, encode_sensors
from mmzoo.encoding.pictures import FORMATS, MAX_PIXELS, encode_image
from mmzoo.encoding.sounds import encode_audio
from mmzoo.encoding.texts import encode_text

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "encode",
    "encode_audio",
    "encode_field",
    "encode_image",
    "encode_sensors",
    "encode_text",
    "missing",
]


def missing(modality) -> np.ndarray:
    """The array that stands for "this input is missing": NaN for float sensors and sequences, else zeros."""
    is_sensor = hasattr(modality, "fields")
    return np.full(modality.shape, np.nan if is_sensor else 0, modality.dtype)


def encode(modality, value: Any, place: str) -> np.ndarray:
    """Encodes one raw value.

    Args:
        modality: the schema's description of the input.
        value: the raw value, see `Schema.encode`; None is missing.
        place: the input's name, for error messages.

    Returns:
        Array of the modality's shape and dtype.
    """
    kind = type(modality).__name__
    if kind not in _ENCODERS:
        raise TypeError(f"{place}: {kind} inputs can't be encoded from raw values yet; feed the array itself")
    if value is None:
        return missing(modality)
    return _ENCODERS[kind](modality, value, place)


_ENCODERS = {"Image": encode_image, "Text": encode_text, "Sensors": encode_sensors, "Audio": encode_audio}
