"""The EXIF orientation of a picture, read and applied with TensorFlow operations."""

from __future__ import annotations

import tensorflow as tf

# EXIF must lie in one of the first segments of a JPEG, each of at most 64 KiB.
SEARCHED_BYTES = 65_536 + 1024

_ORIENTATION = 0x0112
_SHORT = 3
# Fields in a picture's main directory; cameras write some 20.
_MAX_FIELDS = 256


def exif_orientation(contents):
    """Reads the orientation from the EXIF directory of a JPEG or PNG.

    Args:
        contents: string (), the bytes of the file.

    Returns:
        int32 (), 1..8; 1 (upright) where there is none, or a broken one.
    """
    data = tf.io.decode_raw(tf.strings.substr(contents, 0, SEARCHED_BYTES), tf.uint8)
    # A zero stands for what lies behind the end.
    data = tf.concat([data, tf.zeros([1], tf.uint8)], axis=0)
    starts = tf.concat([_segments(data), _positions(data, b"eXIf") + 4], axis=0)
    return tf.cond(
        tf.equal(tf.size(starts), 0),
        lambda: tf.constant(1, tf.int32),
        lambda: _read_directory(tf.cast(data, tf.int32), tf.cast(tf.reduce_min(starts), tf.int32)),
    )


def turn_upright(pixels, orientation):
    """Turns and mirrors a picture as its EXIF orientation says.

    Args:
        pixels: (H, W, C) of any dtype.
        orientation: int32 (), 1..8.

    Returns:
        The upright picture: (H, W, C), or (W, H, C) for the orientations 5 to 8.
    """

    def is_one_of(*values):
        return tf.reduce_any(tf.equal(orientation, values))

    pixels = tf.cond(orientation >= 5, lambda: tf.transpose(pixels, (1, 0, 2)), lambda: pixels)
    mirrored = pixels
    pixels = tf.cond(is_one_of(2, 3, 6, 7), lambda: tf.reverse(mirrored, [1]), lambda: mirrored)
    turned = pixels
    return tf.cond(is_one_of(3, 4, 7, 8), lambda: tf.reverse(turned, [0]), lambda: turned)


def _segments(data):
    """Where the EXIF of a JPEG starts: behind the marker of its segment, the segment's length and its name."""
    names = _positions(data, b"Exif\0\0")
    markers = tf.gather(data, tf.maximum(names[:, tf.newaxis] - [4, 3], 0))
    return tf.boolean_mask(names, tf.reduce_all(tf.equal(markers, [0xFF, 0xE1]), axis=1)) + 6


def _positions(data, pattern):
    count = tf.maximum(tf.size(data) - len(pattern) + 1, 0)
    found = tf.fill([count], True)
    for offset, byte in enumerate(pattern):
        found = tf.logical_and(found, tf.equal(data[offset : offset + count], byte))
    return tf.reshape(tf.where(found), [-1])


def _read_directory(data, start):
    """`data` int32 (n,) bytes, `start` of the TIFF header in it."""

    def number(rows):
        """Bytes (..., k) to numbers (...), in the file's byte order."""
        rows = tf.cond(big_endian, lambda: rows, lambda: tf.reverse(rows, [-1]))
        powers = [256**power for power in range(rows.shape[-1] - 1, -1, -1)]
        return tf.reduce_sum(rows * tf.constant(powers, tf.int32), axis=-1)

    def at(position, length):
        return tf.gather(data, tf.clip_by_value(position + tf.range(length), 0, tf.size(data) - 1))

    header = at(start, 4)
    big_endian = tf.reduce_all(tf.equal(header, list(b"MM\0*")))
    little_endian = tf.reduce_all(tf.equal(header, list(b"II*\0")))
    # The offset's upper two bytes are zero wherever the directory lies within the bytes read.
    offset = tf.reshape(at(start + 4, 4), (2, 2))
    halves = number(offset)
    low, high = tf.cond(big_endian, lambda: (halves[1], halves[0]), lambda: (halves[0], halves[1]))
    directory = start + low
    count = tf.minimum(number(at(directory, 2)), _MAX_FIELDS)
    fields = tf.reshape(at(directory + 2, 12 * _MAX_FIELDS), (_MAX_FIELDS, 12))
    is_orientation = tf.reduce_all(
        tf.stack(
            [
                tf.range(_MAX_FIELDS) < count,
                tf.equal(number(fields[:, 0:2]), _ORIENTATION),
                tf.equal(number(fields[:, 2:4]), _SHORT),
            ]
        ),
        axis=0,
    )
    value = tf.reduce_max(tf.where(is_orientation, number(fields[:, 8:10]), 0))
    is_valid = tf.reduce_all(tf.stack([big_endian | little_endian, tf.equal(high, 0), value >= 1, value <= 8]))
    return tf.where(is_valid, value, 1)
