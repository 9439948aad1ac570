"""Raw values to the arrays of a modality, with NumPy and Pillow (sounds: soundfile)."""

from __future__ import annotations

from mmzoo.encoding.fields import encode_fields
from mmzoo.encoding.pictures import FORMATS, MAX_PIXELS, encode_image
from mmzoo.encoding.series import encode_series
from mmzoo.encoding.sounds import encode_audio
from mmzoo.encoding.texts import encode_text

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "encode_audio",
    "encode_fields",
    "encode_image",
    "encode_series",
    "encode_text",
]
