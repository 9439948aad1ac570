"""The encoders of `mmzoo.encoding` as TensorFlow operations, for graphs that take raw files, strings and numbers.

Core TensorFlow only, no lookup tables, so a SavedModel of them loads with plain TensorFlow; but for word pieces, see
`mmzoo.exporting.raw.text_ops`.
Texts, categories and unscaled pixels come out as from `Schema.encode`; scaled pixels to within 2/255, since Pillow
rounds once more, between the two axes.
"""

from __future__ import annotations

import tensorflow as tf

from mmzoo import schema as schema_lib
from mmzoo.encoding import MAX_PIXELS
from mmzoo.encoding.fields import in_digits
from mmzoo.encoding.pictures import DRAFT_SCALES, LARGE_PIXELS
from mmzoo.exporting.raw.category_ops import find_names
from mmzoo.exporting.raw.exif_ops import exif_orientation, turn_upright
from mmzoo.exporting.raw.text_ops import encode_text  # noqa: F401 - texts are encoded here too

# Images --------------------------------------------------------------------------------------------------------------


def decode_image(contents, image: schema_lib.Image, name: str = "image"):
    """One encoded picture to the model's pixels: turned by EXIF, alpha dropped, scaled bilinearly with antialias.

    Reads JPEG, PNG (8 and 16 bits) and BMP (24 and 32 bits, not compressed); other formats are for `Schema.encode`,
    which has Pillow. (TensorFlow reads GIFs too, but crops some, blackens what is transparent, and fills the memory
    with all pictures of an animation.) Unlike Pillow it finds EXIF in the first 65 KiB only and ignores XMP.

    Args:
        contents: string (), the bytes of the file; empty means missing.
        image: the schema's description of the input.
        name: the input's name, for error messages.

    Returns:
        uint8 (H, W, C), 0..255; all zeros where missing.

    Raises:
        tf.errors.InvalidArgumentError: when run on another format, an animation, a broken file, or more than
            `encoding.MAX_PIXELS` pixels, which the header tells before anything is decoded.
    """
    with tf.name_scope(name):
        pixels = tf.cond(
            tf.equal(tf.strings.length(contents), 0),
            lambda: tf.zeros(image.shape, tf.uint8),
            lambda: _decode_present(contents, image, name),
        )
        return tf.ensure_shape(pixels, image.shape)


def _decode_present(contents, image, name):
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(contents, 0, 32), tf.uint8, fixed_length=32), tf.int64)

    def starts_with(magic):
        return tf.reduce_all(tf.equal(head[: len(magic)], list(magic)))

    is_jpeg, is_png = starts_with(b"\xff\xd8\xff"), starts_with(b"\x89PNG\r\n\x1a\n")
    # Of a BMP with a palette TensorFlow would take the palette's indices for grey levels.
    is_bmp = tf.reduce_all(
        [
            starts_with(b"BM"),
            tf.logical_or(tf.equal(head[28], 24), tf.equal(head[28], 32)),
            tf.equal(head[30] + head[31], 0),
        ]
    )
    known = tf.debugging.Assert(
        tf.reduce_any([is_jpeg, is_png, is_bmp]),
        [
            f"{name}: not an image that TensorFlow reads; expected JPEG, PNG or BMP (24 or 32 bits), got",
            tf.strings.length(contents),
            "other bytes",
        ],
        name="format",
    )
    still = tf.debugging.Assert(
        tf.logical_not(tf.cond(is_png, lambda: _is_animated(contents), lambda: False)),
        [f"{name}: several pictures in one file, an animation; save the one that is meant"],
        name="still",
    )
    with _after(known, still):
        size = tf.case(
            [
                (is_jpeg, lambda: tf.cast(tf.io.extract_jpeg_shape(contents), tf.int64)[:2]),
                (is_png, lambda: tf.stack([_whole(head, range(16, 20)), _whole(head, range(20, 24))])),
            ],
            # The height of a BMP is negative where its rows go from the top down.
            default=lambda: tf.abs(tf.stack([_signed(head, range(21, 17, -1)), _signed(head, range(25, 21, -1))])),
        )
    fits = tf.debugging.Assert(
        size[0] * size[1] <= MAX_PIXELS,
        [f"{name}: too large an image; at most {MAX_PIXELS:,} pixels are read, got", size[0], "x", size[1]],
        name="size",
    )
    with _after(fits):
        pixels = tf.case(
            [
                (is_jpeg, lambda: _decode_jpeg(contents, size, image)),
                (is_png, lambda: tf.io.decode_png(contents, channels=3)),
            ],
            default=lambda: tf.io.decode_image(contents, channels=3, expand_animations=False),
        )
    pixels.set_shape((None, None, 3))
    pixels = turn_upright(pixels, exif_orientation(contents))
    if image.channels == 1:
        pixels = _grey(pixels)
    return _resize(pixels, image)


def _decode_jpeg(contents, size, image):
    """Of a large one every 2nd, 4th or 8th row and column, as `mmzoo.encoding.pictures.draft_scale` has it."""
    room = tf.reduce_min(size) // (2 * max(image.width, image.height))
    is_large = size[0] * size[1] > LARGE_PIXELS

    def decode(scale):
        # Pillow's own method; the default one is off by up to 5/255.
        return lambda: tf.io.decode_jpeg(contents, channels=3, ratio=scale, dct_method="INTEGER_ACCURATE")

    drafts = [(tf.logical_and(is_large, room >= scale), decode(scale)) for scale in DRAFT_SCALES]
    return tf.case(drafts, default=decode(1))


def _after(*assertions):
    # Outside of graphs an assertion has run by now, and is None.
    return tf.control_dependencies([assertion for assertion in assertions if assertion is not None])


def _whole(head, places):
    """The whole number whose bytes, the largest first, stand in the given places."""
    return sum(head[place] * 256**power for power, place in enumerate(reversed(list(places))))


def _signed(head, places):
    value = _whole(head, places)
    return tf.where(value >= 2**31, value - 2**32, value)


def _is_animated(contents):
    """Whether a PNG has the chunk of an animation, which stands before the pixels."""
    before_pixels = tf.strings.split(contents, "IDAT", maxsplit=1)[0]
    return tf.size(tf.strings.split(before_pixels, "acTL", maxsplit=1)) > 1


def _grey(pixels):
    # The weights of ITU-R BT.601 as Pillow has them, in 16-bit fixed point.
    weighted = tf.cast(pixels, tf.int32) * tf.constant([19595, 38470, 7471])
    grey = tf.bitwise.right_shift(tf.reduce_sum(weighted, axis=2, keepdims=True) + 0x8000, 16)
    return tf.cast(grey, tf.uint8)


def _resize(pixels, image):
    size = (image.height, image.width)

    def scaled():
        # Not cast before, which would take 12 bytes a pixel.
        x = tf.image.resize(pixels, size, antialias=True)
        return tf.cast(tf.clip_by_value(tf.round(x), 0.0, 255.0), tf.uint8)

    return tf.cond(tf.reduce_all(tf.equal(tf.shape(pixels)[:2], size)), lambda: pixels, scaled)


# Sensors -------------------------------------------------------------------------------------------------------------


def encode_number(values, field: schema_lib.Number, name: str):
    """Checks measured numbers.

    Args:
        values: (N,) or () of the field's `raw_dtype`; NaN is missing.
        field: the schema's description of the field.
        name: the field's name, for error messages.

    Returns:
        float32 of the same shape, the values less the field's origin.

    Raises:
        tf.errors.InvalidArgumentError: when run on numbers outside of the field's range.
    """
    raw, (low, high) = tf.convert_to_tensor(values, field.raw_dtype), field.extremes
    values = _from_origin(raw, field)
    good = tf.logical_or(tf.math.is_nan(values), tf.logical_and(values >= low, values <= high))
    wanted = f"{name}: outside {in_digits(field.minimum)}..{in_digits(field.maximum)} {field.unit}".rstrip()
    return _checked(values, good, raw, f"{wanted} (NaN where missing):")


def _from_origin(raw, field):
    return tf.cast(raw - field.origin, tf.float32) if field.origin else raw


def encode_angle(values, name: str):
    """Angles in degrees to 0..360.

    Args:
        values: float32 (N,) or (); NaN is missing.
        name: the field's name, for error messages.

    Returns:
        float32 of the same shape.

    Raises:
        tf.errors.InvalidArgumentError: when run on an infinite number.
    """
    values = tf.convert_to_tensor(values, tf.float32)
    good = tf.logical_not(tf.math.is_inf(values))
    turned = tf.math.floormod(values, 360.0)
    # Of a small negative angle floating-point numbers make 360.
    turned = tf.where(tf.equal(turned, 360.0), 0.0, turned)
    return _checked(turned, good, values, f"{name}: expected a finite number (NaN where missing):")


def encode_category(strings, field: schema_lib.Category, name: str):
    """Categories to their indices.

    Args:
        strings: string (N,) or (), in any spelling that `mmzoo.encoding.spelling` takes; "" is missing.
        field: the schema's description of the field.
        name: the field's name, for error messages.

    Returns:
        float32 of the same shape: the index, NaN where missing.

    Raises:
        tf.errors.InvalidArgumentError: when run on a string that is no category.
    """
    strings = tf.convert_to_tensor(strings, tf.string)
    places, is_missing = find_names(field.categories, strings), tf.equal(strings, "")
    indices = tf.where(is_missing, float("nan"), tf.cast(places, tf.float32))
    good = tf.logical_or(places >= 0, is_missing)
    # Ill-formed strings can't be printed.
    printable = tf.strings.unicode_transcode(strings, "UTF-8", "UTF-8", errors="replace")
    printable = tf.strings.substr(printable, 0, 80, unit="UTF8_CHAR")
    wanted = f"{name}: unknown category; expected one of {list(field.categories)}, got"
    return _checked(indices, good, printable, wanted)


def encode_field(values, field: schema_lib.Field, name: str):
    """One field of a `Sensors` input; dates come as days since 1970-01-01.

    Args:
        values: (N,) of the field's `raw_dtype`.
        field: the schema's description of the field.
        name: the field's name, for error messages.

    Returns:
        float32 (N,), NaN where missing.
    """
    return _FIELDS.answer(field, f"field {name!r}")(values, field, name)


def register_field(kind: type[schema_lib.Field], operations) -> None:
    """Makes `operations` (values, field, name) -> float32 (N,) encode all fields of `kind`."""
    _FIELDS.register(kind, operations)


def _checked(result, good, values, message):
    assertion = tf.debugging.Assert(
        tf.reduce_all(good), [message, tf.boolean_mask(tf.reshape(values, [-1]), tf.reshape(~good, [-1]))]
    )
    with _after(assertion):
        return tf.identity(result)


def _encode_date(values, field, name):
    values = _from_origin(tf.convert_to_tensor(values, field.raw_dtype), field)
    return _checked(values, tf.logical_not(tf.math.is_inf(values)), values, f"{name}: expected a finite number, got")


_FIELDS = schema_lib.KindTable("operations in TensorFlow")
register_field(schema_lib.Number, encode_number)
register_field(schema_lib.Angle, lambda values, field, name: encode_angle(values, name))
register_field(schema_lib.Category, encode_category)
register_field(schema_lib.Date, _encode_date)
