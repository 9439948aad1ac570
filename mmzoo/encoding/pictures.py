"""Pictures to pixels, with NumPy and Pillow."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import threading
import zlib
from typing import Any

import numpy as np

# Larger pictures are refused before they are decoded, so that a crafted file can't fill the memory. Pillow warns of
# pictures from 89.5 million pixels on, so nothing that is accepted gives a warning.
MAX_PIXELS = 89_000_000

# What a picture may take while it is decoded, and bytes a pixel where a format's decoder takes more than the others:
# measured, with the copies that turning and converting make.
MOST_BYTES = 890_000_000
BYTES_PER_PIXEL = 10
_MORE_BYTES_PER_PIXEL = {"AVIF": 12, "JPEG2000": 21, "WEBP": 17}

# Pictures with more pixels than this are decoded one at a time, however many threads ask for them. Of a JPEG of that
# size only every 2nd, 4th or 8th row and column is made, as libjpeg can, as long as twice the model's size is left:
# there, and only there, pixels differ a little from those of the whole picture scaled.
LARGE_PIXELS = 25_000_000
DRAFT_SCALES = (8, 4, 2)

_one_at_a_time = threading.Lock()


def _unlocked():
    global _one_at_a_time
    _one_at_a_time = threading.Lock()


if hasattr(os, "register_at_fork"):
    # A child made while another thread decodes would find it locked for ever.
    os.register_at_fork(after_in_child=_unlocked)

# Still pictures, one a file. Pillow opens more, among them EPS, which it hands to another program to run.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")

# What Pillow's decoders raise on broken files; AVIF's raises RuntimeError.
_DECODE_ERRORS = (
    OSError, SyntaxError, ValueError, RuntimeError, EOFError, IndexError, TypeError, OverflowError, zlib.error,
)  # fmt: skip


_ORIENTATION = 0x0112
# Rows that are brought to 8 bits at once, and bytes that are inflated at once.
_STRIP, _INFLATED = 256, 1 << 20


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
        ValueError: not an image, a broken one, one that lacks rows, an animation or another file of several pictures,
            floating-point pixels, or more than `most_pixels` of its format.
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


def most_pixels(kind: str | None) -> int:
    """How many pixels a picture may have, by Pillow's name of its format."""
    return min(MAX_PIXELS, MOST_BYTES // _MORE_BYTES_PER_PIXEL.get(kind, BYTES_PER_PIXEL))


def draft_scale(width: int, height: int, image) -> int:
    """Every how many rows and columns of a JPEG of that size are made: 1, 2, 4 or 8, see `LARGE_PIXELS`."""
    if width * height <= LARGE_PIXELS:
        return 1
    room = min(width, height) // (2 * max(image.width, image.height))
    return next((scale for scale in DRAFT_SCALES if scale <= room), 1)


def open_image(source, place):
    """A picture whose header was read and found good, not decoded yet; the errors of `encode_image`."""
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
    _check_size(picture, place)
    return picture


def to_pixels(image, picture, place):
    """The pixels of an `Image` from a Pillow picture, as `encode_image` has them."""
    _check_size(picture, place)
    if picture.mode == "F":
        raise ValueError(f"{place}: floating-point pixels; expected 8 or 16 bits a channel")
    is_large = picture.width * picture.height > LARGE_PIXELS
    with _one_at_a_time if is_large else contextlib.nullcontext():
        try:
            return _decoded(image, picture, place)
        except MemoryError as error:
            raise ValueError(f"{place}: no memory for {picture.width} x {picture.height} pixels") from error
        except _DECODE_ERRORS as error:
            raise ValueError(f"{place}: the image can't be decoded ({error})") from error


def _check_size(picture, place):
    most = most_pixels(picture.format)
    if picture.width * picture.height > most:
        kind = "" if most == MAX_PIXELS else f" of a {picture.format}"
        raise ValueError(f"{place}: {picture.width} x {picture.height} pixels; at most {most:,}{kind} are read")


def _decoded(image, picture, place):
    """A copy of a large picture costs hundreds of MB, so that only turning and converting make one."""
    from PIL import Image, ImageOps

    scale = draft_scale(*picture.size, image) if picture.format in ("JPEG", "MPO") else 1
    if scale > 1 and getattr(picture, "tile", None):
        picture.draft(None, (picture.width // scale, picture.height // scale))
    # Of a picture that is decoded already the file is gone.
    source = (getattr(picture, "filename", "") or getattr(picture, "fp", None)) if picture.format == "PNG" else None
    picture.load()
    if source and _lacks_rows(picture, source):
        raise ValueError("cut off: the file holds fewer rows than it says")
    if picture.getexif().get(_ORIENTATION, 1) in range(2, 9):
        picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith("I"):
        picture = _upper_bytes(picture)
    if picture.mode == "P" and "transparency" in picture.info:
        # Straight to RGB, Pillow would warn about it.
        picture = picture.convert("RGBA")
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    if picture.mode == "RGB" and image.channels == 1:
        picture = picture.convert("L")
    if picture.size != (image.width, image.height):
        picture = picture.resize((image.width, image.height), Image.Resampling.BILINEAR)
    if picture.mode == "L" and image.channels == 3:
        picture = picture.convert("RGB")
    return np.asarray(picture, np.uint8).reshape(image.shape)


def _upper_bytes(picture):
    """A picture of 16 bits as one of 8: Pillow would clip at 255; the upper byte is what every viewer shows."""
    from PIL import Image

    upper = np.empty((picture.height, picture.width), np.uint8)
    for top in range(0, picture.height, _STRIP):
        strip = picture.crop((0, top, picture.width, min(top + _STRIP, picture.height)))
        upper[top : top + _STRIP] = np.clip(np.asarray(strip) >> 8, 0, 255)
    return Image.fromarray(upper)


def _lacks_rows(picture, source) -> bool:
    """Whether a PNG's compressed data ends before its last row, which Pillow then leaves black without a word."""
    last = picture.crop((0, picture.height - 1, picture.width, picture.height))
    # Of an interlaced one Pillow says so itself.
    if picture.info.get("interlace") or np.asarray(last).any():
        return False
    if isinstance(source, (str, bytes, os.PathLike)):
        with open(source, "rb") as file:
            return _png_lacks_rows(file)
    place = source.tell()
    try:
        return _png_lacks_rows(source)
    finally:
        source.seek(place)


def _png_lacks_rows(file) -> bool:
    file.seek(8)
    wanted, found, inflater = 0, 0, zlib.decompressobj()
    while len(head := file.read(8)) == 8:
        size, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"IHDR":
            wanted = _png_bytes(file.read(size))
        elif kind == b"IDAT":
            data = file.read(size)
            while data and found < wanted:
                found += len(inflater.decompress(data, _INFLATED))
                data = inflater.unconsumed_tail
        else:
            file.seek(size, os.SEEK_CUR)
        if kind == b"IEND" or (wanted and found >= wanted):
            break
        file.seek(4, os.SEEK_CUR)
    return found < wanted


def _png_bytes(header) -> int:
    """How many bytes the rows of a PNG are before compression, each with the byte that says how it is filtered."""
    width, height = int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big")
    bits = header[8] * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[header[9]]
    return height * (1 + -(-width * bits // 8))


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
