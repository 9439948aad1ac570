"""Raw values to the arrays of a modality and model outputs back to words, with NumPy and Pillow (sounds: soundfile)."""

from __future__ import annotations

import datetime
import io
import math
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmzoo.audio_encoding import encode_audio
from mmzoo.text_encoding import encode_text

# Larger pictures are refused before they are decoded, so that a crafted file can't fill the memory. Pillow warns of
# pictures from 89.5 million pixels on, so nothing that is accepted gives a warning.
MAX_PIXELS = 89_000_000

# Still pictures, one a file. Pillow opens more, among them EPS, which it hands to another program to run.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")

# What Pillow's decoders raise on broken files; AVIF's raises RuntimeError.
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, IndexError, TypeError, OverflowError)


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


def decode(output, row: np.ndarray, top: int) -> Any:
    """Turns one output row (units,) into {class: probability} or a number."""
    kind = type(output).__name__
    if kind == "Value":
        return float(row.reshape(-1)[0])
    if kind == "MultiLabel":
        return {name: float(p) for name, p in zip(output.classes, row, strict=True)}
    order = np.argsort(-row, kind="stable")[:top]
    return {output.classes[i]: float(row[i]) for i in order}


# Images --------------------------------------------------------------------------------------------------------------


def encode_image(image, value: Any, place: str) -> np.ndarray:
    """One picture to the model's pixels: turned by EXIF, alpha dropped, scaled bilinearly with antialias.

    Args:
        image: the `Image` of the schema.
        value: a path, encoded bytes (of the `FORMATS`), a Pillow image or a uint8 array. An empty path and empty bytes
            mean "missing"; an empty file is an error. Of 16-bit pixels the upper byte is taken.
        place: the input's name, for error messages.

    Returns:
        uint8 (H, W, C), 0..255.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not an image, a broken one, an animation or another file of several pictures, floating-point
            pixels, or more than `MAX_PIXELS` pixels.
        TypeError: another kind of value.
    """
    from PIL import Image

    if isinstance(value, (bytes, bytearray, memoryview, str)) and len(value) == 0:
        return missing(image)
    if isinstance(value, (str, os.PathLike)):
        place = f"{place}: {os.fspath(value)!s:.4096}"
        if not os.path.isfile(value):
            raise FileNotFoundError(f"{place}: no such file")
        with _open_image(value, place) as picture:
            return _to_pixels(image, picture, place)
    if isinstance(value, (bytes, bytearray, memoryview)):
        place = f"{place}: {len(value)} bytes"
        with _open_image(io.BytesIO(value), place) as picture:
            return _to_pixels(image, picture, place)
    if isinstance(value, np.ndarray):
        value = Image.fromarray(_check_pixels(value, place))
    if not isinstance(value, Image.Image):
        raise TypeError(
            f"{place}: expected a path, bytes, a PIL image or a uint8 array, got {type(value).__name__}: {value!r:.80}"
        )
    return _to_pixels(image, value, place)


def _open_image(source, place):
    from PIL import Image

    try:
        picture = Image.open(source)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ValueError(f"{place}: too large an image; at most {MAX_PIXELS:,} pixels are read ({error})") from error
    except Image.UnidentifiedImageError as error:
        raise ValueError(f"{place}: not an image; expected one of {', '.join(FORMATS)}") from error
    except _DECODE_ERRORS as error:
        raise ValueError(f"{place}: not an image that can be read ({error})") from error
    if picture.format not in FORMATS:
        raise ValueError(f"{place}: an image in {picture.format}; save it in one of {', '.join(FORMATS)}")
    try:
        # MPO is what some cameras write for a single photograph: the other pictures in it are previews.
        several = picture.format != "MPO" and getattr(picture, "is_animated", False)
    except _DECODE_ERRORS as error:
        raise ValueError(f"{place}: the image can't be decoded ({error})") from error
    if several:
        raise ValueError(f"{place}: several pictures in one file, an animation maybe; save the one that is meant")
    return picture


def _to_pixels(image, picture, place):
    from PIL import Image, ImageOps

    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"{place}: {picture.width} x {picture.height} pixels; at most {MAX_PIXELS:,} are read")
    if picture.mode == "F":
        raise ValueError(f"{place}: floating-point pixels; expected 8 or 16 bits a channel")
    try:
        picture = ImageOps.exif_transpose(picture)
        if picture.mode.startswith("I"):
            # Pillow clips 16-bit grey at 255 on conversion; the upper byte is what every viewer shows.
            picture = Image.fromarray(np.clip(np.asarray(picture).astype(np.int64) >> 8, 0, 255).astype(np.uint8))
        if picture.mode == "P":
            # Straight to RGB, Pillow would warn about a transparent palette.
            picture = picture.convert("RGBA")
        picture = picture.convert("RGB")
        if image.channels == 1:
            picture = picture.convert("L")
    except _DECODE_ERRORS as error:
        raise ValueError(f"{place}: the image can't be decoded ({error})") from error
    if picture.size != (image.width, image.height):
        picture = picture.resize((image.width, image.height), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.uint8).reshape(image.shape)


def _check_pixels(array, place):
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    is_picture = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not is_picture or array.size == 0:
        raise ValueError(
            f"{place}: expected a non-empty uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


# Sensors -------------------------------------------------------------------------------------------------------------


def encode_sensors(sensors, value: Any, place: str) -> np.ndarray:
    """A mapping from field name to value, to float32 (F,) with NaN for what is missing."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{place}: expected a mapping from field to value, got {type(value).__name__}: {value!r:.80}")
    names = [field.name for field in sensors.fields]
    unknown = [name for name in value if name not in names]
    if unknown:
        raise KeyError(f"{place}: unknown field {unknown[0]!r:.80}; the fields are {names}")
    return np.asarray([encode_field(f, value.get(f.name), f"{place}.{f.name}") for f in sensors.fields], np.float32)


def encode_field(field, value: Any, place: str) -> float:
    """One field's value as the number that stands in the tensor; NaN where it is missing."""
    if value is None or (isinstance(value, str) and value == ""):
        return math.nan
    if isinstance(value, (float, np.floating)) and math.isnan(value):
        return math.nan
    kind = type(field).__name__
    if kind == "Category":
        if not isinstance(value, str) or value not in field.categories:
            raise ValueError(f"{place}: unknown category {value!r:.80}; expected one of {list(field.categories)}")
        return float(field.categories.index(value))
    if kind == "Date":
        return _days(field, value, place)
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{place}: expected a number, got {type(value).__name__}: {value!r:.80}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(
            f"{place}: expected a finite number, got {number}; leave it out or give NaN where it is missing"
        )
    if kind == "Angle":
        # As float32, the tensor's, so that a small negative angle does not end up at 360.
        return float(np.float32(number % 360.0)) % 360.0
    # As float32 too, so that what the tensor holds of a bound is within it.
    if not np.float32(field.minimum) <= _as_float32(number) <= np.float32(field.maximum):
        raise ValueError(
            f"{place}: {number:g} {field.unit} is outside {field.minimum:g}..{field.maximum:g} {field.unit}".replace(
                "  ", " "
            )
        )
    return number


def _as_float32(number):
    with np.errstate(over="ignore"):
        return np.float32(number)


def _days(date, value, place):
    if isinstance(value, str):
        wanted = f"a date as {date.format}" if date.format else "an ISO 8601 date such as 2026-11-23"
        try:
            if date.format:
                value = datetime.datetime.strptime(value.strip(), date.format)
            else:
                value = datetime.datetime.fromisoformat(value)
        except ValueError as error:
            raise ValueError(f"{place}: expected {wanted}, got {value!r:.80}") from error
    elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = datetime.datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime.datetime):
        text = f"a string as {date.format}" if date.format else "an ISO 8601 string"
        raise TypeError(f"{place}: expected {text} or a date, got {type(value).__name__}: {value!r:.80}")
    return (value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)


_ENCODERS = {"Image": encode_image, "Text": encode_text, "Sensors": encode_sensors, "Audio": encode_audio}
