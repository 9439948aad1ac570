"""The graph's encoders give what `Schema.encode` gives."""

from __future__ import annotations

import functools
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow

from mmzoo import encoding
from mmzoo.encoding.spelling import find_name
from mmzoo.exporting.raw import encoding_ops
from mmzoo.exporting.raw.category_ops import find_names
from mmzoo.schema import Angle, Category, Date, Image, Number, Text


def picture(height, width, seed=0):
    """Smooth patches with edges and some noise, as a photograph has."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3), dtype=np.uint8)
    smooth = np.asarray(Pillow.fromarray(coarse).resize((width, height), Pillow.Resampling.BICUBIC)).astype(int)
    smooth[height // 3 : height // 2, width // 4 :] //= 3
    return Pillow.fromarray(np.clip(smooth + rng.integers(-8, 9, smooth.shape), 0, 255).astype(np.uint8))


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def sixteen_bit_png(channels):
    values = np.random.default_rng(3).integers(0, 65536, (60, 48, channels)).astype(np.uint16)
    return tf.io.encode_png(values).numpy()


@functools.cache
def decoder(image):
    """Graphs are made once for each description of an image, since making one takes a second."""
    return tf.function(
        lambda contents: encoding_ops.decode_image(contents, image, "sign"),
        input_signature=[tf.TensorSpec((), tf.string)],
    )


def both(contents, image):
    return decoder(image)(contents).numpy().astype(int), encoding.encode_image(image, contents, "image").astype(int)


PALETTE = picture(60, 48).quantize(9)
FILES = {
    "jpeg": encoded(picture(60, 48), "JPEG", quality=85),
    "jpeg without subsampling": encoded(picture(60, 48), "JPEG", subsampling=0),
    "progressive jpeg": encoded(picture(60, 48), "JPEG", progressive=True),
    "grey jpeg": encoded(picture(60, 48).convert("L"), "JPEG"),
    "cmyk jpeg": encoded(picture(60, 48).convert("CMYK"), "JPEG"),
    "png": encoded(picture(60, 48), "PNG"),
    "grey png": encoded(picture(60, 48).convert("L"), "PNG"),
    "grey png with alpha": encoded(picture(60, 48).convert("LA"), "PNG"),
    "bilevel png": encoded(picture(60, 48).convert("1"), "PNG"),
    "palette png": encoded(PALETTE, "PNG"),
    "transparent palette png": encoded(PALETTE, "PNG", transparency=bytes(range(0, 90, 10))),
    "png with alpha": encoded(
        Pillow.fromarray(np.random.default_rng(1).integers(0, 256, (60, 48, 4), dtype=np.uint8)), "PNG"
    ),
    "16-bit grey png": sixteen_bit_png(1),
    "16-bit grey png with alpha": sixteen_bit_png(2),
    "16-bit png": sixteen_bit_png(3),
    "16-bit png with alpha": sixteen_bit_png(4),
    "bmp": encoded(picture(60, 48), "BMP"),
    "32-bit bmp": encoded(picture(60, 48).convert("RGBA"), "BMP"),
}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("kind", FILES)
def test_unscaled_pixels_are_the_same(kind, channels):
    graph, python = both(FILES[kind], Image(60, 48, channels))
    assert python.max() > 0
    np.testing.assert_array_equal(graph, python)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("size", [(32, 32), (20, 25), (48, 40), (33, 150), (400, 300)])
def test_scaled_pixels_are_close(kind, size):
    graph, python = both(encoded(picture(*size, seed=size[0]), kind), Image(32, 32))
    difference = np.abs(graph - python)
    assert np.percentile(difference, 99) <= 2
    assert difference.max() <= 3
    if size == (32, 32):
        assert difference.max() == 0


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(kind, byte_order, orientation):
    exif = Pillow.Exif()
    exif.endian = byte_order
    exif[0x010F] = "a camera"
    exif[0x0112] = orientation
    contents = encoded(picture(40, 24), kind, exif=exif)
    shape = (40, 24) if orientation <= 4 else (24, 40)
    graph, python = both(contents, Image(*shape))
    np.testing.assert_array_equal(graph, python)
    upright = encoding.encode_image(Image(*shape), encoded(picture(40, 24), kind), "image")
    assert (orientation == 1) == np.array_equal(graph, upright)


def test_broken_exif_is_as_good_as_none():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    contents = encoded(picture(24, 24), "JPEG", exif=exif)
    start = contents.index(b"Exif\0\0") + 6
    rng = np.random.default_rng(0)
    graph = tf.function(encoding_ops.exif_orientation, input_signature=[tf.TensorSpec((), tf.string)])
    assert graph(contents).numpy() == 6
    for _ in range(100):
        broken = bytearray(contents[: start + 8 + 2 + 12 + 4])
        broken[start + 4 + rng.integers(22)] = rng.integers(256)
        assert 1 <= graph(bytes(broken[: rng.integers(start + 4, len(broken) + 1)])).numpy() <= 8


def test_empty_bytes_are_a_missing_image():
    graph, python = both(b"", Image(32, 32))
    assert graph.shape == (32, 32, 3) and not graph.any() and not python.any()


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (b"hello", "sign: not an image.*expected JPEG, PNG"),
        (encoded(picture(20, 20), "TIFF"), "sign: not an image.*expected JPEG, PNG"),
        (encoded(picture(20, 20), "GIF"), "sign: not an image.*expected JPEG, PNG"),
        (encoded(PALETTE, "BMP"), "sign: not an image.*expected JPEG, PNG"),
        (FILES["jpeg"][:400], "(?i)jpeg"),
        (FILES["png"][:-40], "(?i)png"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\1\0\0\0\1\0\0\x08\2\0\0\0", "sign: too large an image"),
    ],
)
def test_what_is_no_picture_is_an_error(contents, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        decoder(Image(32, 32))(contents)


def random_texts(count):
    """Well-formed, damaged and random UTF-8, rich in the bytes that decide about well-formedness."""
    rng = np.random.default_rng(0)
    critical = np.array(
        [0, 0x41, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0xF5, 0xFF]
    )
    characters = [0, 65, 0x7F, 0x80, 0x7FF, 0x800, 0xFEFF, 0xFFFD, 0xFFFE, 0xFFFF, 0x1F600, 0x10FFFF]
    texts = [b""]
    for number in range(count):
        length = rng.integers(0, 14)
        if number % 4 == 0:
            text = rng.integers(0, 256, length).astype(np.uint8).tobytes()
        elif number % 4 == 1:
            text = rng.choice(critical, length).astype(np.uint8).tobytes()
        else:
            text = bytearray("".join(chr(c) for c in rng.choice(characters, length)).encode())
            if number % 4 == 3 and text:
                text[rng.integers(len(text))] = rng.choice(critical)
        texts.append(bytes(text))
    return texts


@pytest.mark.parametrize("length", [1, 3, 8, 40])
def test_texts_are_the_same(length):
    texts, text = random_texts(4000), Text(length)
    graph = tf.function(lambda s: encoding_ops.encode_text(s, text))(tf.constant(texts)).numpy()
    python = np.stack([encoding.encode_text(text, value, "text") for value in texts])
    assert graph.dtype == np.int32
    different = [texts[i] for i in np.flatnonzero((graph != python).any(axis=1))]
    assert different == []


def test_one_text_and_no_texts():
    text = Text(6)
    assert encoding_ops.encode_text(tf.constant("10 €"), text).numpy().tolist() == [49, 48, 32, 0xE2, 0x82, 0xAC]
    assert encoding_ops.encode_text(tf.constant("100 €"), text).numpy().tolist() == [49, 48, 48, 32, 0, 0]
    assert encoding_ops.encode_text(tf.zeros((0,), tf.string), text).shape == (0, 6)


SPEED, HEADING, SURFACE = Number("speed", "km/h", 0.0, 300.0), Angle("heading"), Category("surface", ("dry", "naß"))
STAMP = Number("stamp", "ms", 1.6e12, 1.8e12, 1.7e12)
SEEN = Date("seen", "", 19_780)


def test_fields_are_the_same():
    for field, values in (
        (SPEED, [0.0, 300.0, 12.34, np.nan]),
        (HEADING, [0.0, -90.0, 360.0, 725.5, np.nan, -0.25]),
        (SURFACE, ["dry", "naß", "", " dry", "dry\t"]),
        (STAMP, [1.7e12, 1_709_251_200_123.0, np.nan]),
        (SEEN, [19_783.0, 19_783 + 1 / 86_400, np.nan]),
    ):
        graph = encoding_ops.encode_field(tf.constant(values, field.raw_dtype), field, field.name).numpy()
        if field is SEEN:
            values = [
                np.datetime64("1970-01-01") + np.timedelta64(round(v * 86_400), "s") if v == v else v for v in values
            ]
        python = np.array([field.encode(value, field.name) for value in values], np.float32)
        np.testing.assert_allclose(graph, python, rtol=1e-6)
        assert graph.dtype == np.float32


@pytest.mark.parametrize(
    ("field", "values", "message"),
    [
        (SPEED, [10.0, 300.5], "speed: outside 0..300 km/h.*300.5"),
        (SPEED, [np.inf], "speed: outside"),
        (HEADING, [-np.inf], "heading: expected a finite number"),
        (SURFACE, ["dry", "Dry"], "surface: unknown category.*Dry"),
        (STAMP, [1.9e12], r"stamp: outside 1600000000000\.\.1800000000000 ms.*1900000000000"),
    ],
)
def test_impossible_fields_are_named(field, values, message):
    graph = tf.function(lambda v: encoding_ops.encode_field(v, field, field.name))
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        graph(tf.constant(values, field.raw_dtype))


NAMES = ("1", "2.0", "007", "True", "0.5", "1.1", "1.10", " a", "a", "-0", "naß", "1e3", "nan", "12345678901234567890")


def test_the_graph_finds_the_names_that_spelling_finds():
    words = ["1", "1.0", "+1.", "01", "-1", "2", "2.00", "7", "07", "007", "TRUE", "true ", "tru", ".5", "0.50", "5e-1"]
    words += [
        "1.1",
        "1.10",
        "1.100",
        "a",
        " a",
        "a\u00a0",
        "\u2003a",
        "A",
        "0",
        "+0.0",
        "naß",
        "NASS",
        "1000",
        "1e3",
        "1E+3",
    ]
    words += ["nan", "NaN", "inf", "", " ", "1_0", "１", "1e99", "9" * 30, "12345678901234567890", "falſe", "x" * 99]
    graph = find_names(NAMES, tf.constant(words)).numpy()
    python = [-1 if (place := find_name(NAMES, word)) is None else place for word in words]
    assert graph.tolist() == python
    assert {place for place in python} == {*range(-1, len(NAMES))}
    assert find_names(NAMES, tf.constant([b"\xff", b"\xff1"])).numpy().tolist() == [-1, -1]


def test_a_date_has_its_place_in_the_year_whatever_its_origin():
    from mmzoo.layers.sensor_encoder import SensorEncoder

    days = np.array([[19_783.25], [19_900.5], [np.nan]])
    features = []
    for origin in (0.0, 19_800.0):
        layer = SensorEncoder((Date("d", "", origin),))
        rows = (days - origin).astype(np.float32)
        layer.build((None, 1))
        layer.adapt(rows)
        features.append(np.asarray(layer(rows)))
    np.testing.assert_allclose(features[0], features[1], atol=0.02)
    assert np.ptp(features[0][:2], axis=0).max() > 0.5
