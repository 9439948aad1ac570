"""Pictures to pixels, with NumPy and Pillow."""

from __future__ import annotations

import functools
import io
import os
from typing import Any

import numpy as np

# Larger pictures are refused before they are decoded, so that a crafted file can't fill the memory. Pillow warns of
# pictures from 89.5 million pixels on, so nothing that is accepted gives a warning.
MAX_PIXELS = 89_000_000

# Still pictures, one a file. Pillow opens more, among them EPS, which it hands to another program to run.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")

# What Pillow's decoders raise on broken files; AVIF's raises RuntimeError.
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, RuntimeError, EOFError, IndexError, TypeError, OverflowError)


@functools.cache
def picture_suffixes() -> tuple[str, ...]:
    """How files of the `FORMATS` end, in lower case with the point: what Pillow knows them by."""
    from PIL import Image

    return tuple(sorted(suffix for suffix, name in Image.registered_extensions().items() if name in FORMATS))


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
        return np.zeros(image.shape, np.uint8)
    if isinstance(value, (str, os.PathLike)):
        place = f"{place}: {os.fspath(value)!s:.4096}"
        if not os.path.isfile(value):
            raise FileNotFoundError(f"{place}: no such file")
        with open_image(value, place) as picture:
            return to_pixels(image, picture, place)
    if isinstance(value, (bytes, bytearray, memoryview)):
        place = f"{place}: {len(value)} bytes"
        with open_image(io.BytesIO(value), place) as picture:
            return to_pixels(image, picture, place)
    if isinstance(value, np.ndarray):
        value = Image.fromarray(_check_pixels(value, place))
    if not isinstance(value, Image.Image):
        raise TypeError(
            f"{place}: expected a path, bytes, a PIL image or a uint8 array, got {type(value).__name__}: {value!r:.80}"
        )
    return to_pixels(image, value, place)


def open_image(source, place):
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


def to_pixels(image, picture, place):
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
