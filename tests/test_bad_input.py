"""Bad pictures, texts and sensor values, each at every door: notebook and device, graph, table, arrays.

What is no raw value is tested with its door: columns, labels and separators of a table in test_manifest.py, batches in
test_training.py, signatures in test_serving.py, bundles and model files in test_bundles.py, schemas in test_schema.py.
"""

from __future__ import annotations

import io
import math
import resource
import zlib

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image as Pillow

from mmzoo.data.tables.manifest import manifest_dataset, read_manifest
from mmzoo.encoding import pictures
from mmzoo.exporting.raw import encoding_ops
from mmzoo.schema import Angle, Category, Date, Image, Label, Number, Schema, Sensors, Text
from mmzoo.schema.columns import encode_row, match_columns

FIELDS = (Number("speed", "km/h", 0, 300), Angle("heading"), Category("road", ("city", "land")), Date("day"))
SCHEMA = Schema(
    "sign",
    {"image": Image(8, 6), "text": Text(8), "location": Sensors(FIELDS)},
    {"sign": Label(("stop", "yield"))},
)

# Pictures ------------------------------------------------------------------------------------------------------------

PIXELS = np.random.default_rng(0).integers(1, 256, (8, 6, 3), dtype=np.uint8)
PICTURE = Pillow.fromarray(PIXELS)
GREY = np.repeat(np.asarray(PICTURE.convert("L"))[:, :, None], 3, axis=2)
OTHER = Pillow.fromarray(PIXELS[::-1])


def saved(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def black_png(width, height):
    """A whole file, of a bit a pixel: 20,000 x 20,000 take 60 KB, and 1.2 GB as RGB."""
    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    rows = zlib.compress(bytes((width + 7) // 8 + 1) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def half_png(*, interlaced=False):
    """A file without a flaw but that its rows end half-way."""
    header = (64).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, int(interlaced)])
    rows = zlib.compress(bytes(6_000) if interlaced else (b"\0" + bytes(range(1, 193))) * 32)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def with_size(content, place, size):
    return content[:place] + size + content[place + len(size) :]


JPEG = saved(PICTURE, "JPEG", quality=95)
EXIF = Pillow.Exif()
EXIF[0x0112] = 6
TURNED = Pillow.fromarray(np.ascontiguousarray(np.rot90(PIXELS, 1)))
HUGE_JPEG = with_size(JPEG, JPEG.index(b"\xff\xc0") + 5, (20_000).to_bytes(2, "big") * 2)
HUGE_BMP = with_size(saved(PICTURE, "BMP"), 18, (20_000).to_bytes(4, "little") * 2)

# Name: file, pixels.
GOOD_PICTURES = {
    "palette": (saved(PICTURE.quantize(5)), np.asarray(PICTURE.quantize(5).convert("RGB"))),
    "alpha": (saved(Pillow.fromarray(np.dstack([PIXELS, PIXELS[:, :, :1]]))), PIXELS),
    "16-bit": (saved(Pillow.fromarray(GREY[:, :, 0].astype(np.uint16) * 256 + 7)), GREY),
    "EXIF rotation": (saved(TURNED, exif=EXIF), PIXELS),
    "1x1": (saved(Pillow.new("RGB", (1, 1), (10, 20, 30))), np.full((8, 6, 3), [10, 20, 30], np.uint8)),
    "top-down BMP": (None, PIXELS),
}
bottom_up = saved(OTHER, "BMP")
GOOD_PICTURES["top-down BMP"] = (with_size(bottom_up, 22, (-8).to_bytes(4, "little", signed=True)), PIXELS)

# Name: file, what the notebook, the device and the table say, what the graph says.
BAD_PICTURES = {
    "truncated JPEG": (saved(PICTURE.resize((90, 90)), "JPEG")[:900], "can't be decoded", "jpeg"),
    "truncated PNG": (saved(PICTURE)[:-40], "can't be decoded", "PNG"),
    "PNG of half its rows": (half_png(), "fewer rows than it says", "PNG"),
    "interlaced PNG of half its rows": (half_png(interlaced=True), "can't be decoded", "PNG"),
    "not an image": (b"hello", "not an image; expected one of AVIF, BMP", "image: not an image"),
    "only zeros": (bytes(100), "not an image", "image: not an image"),
    "20,000 x 20,000 PNG": (black_png(20_000, 20_000), "at most 89,000,000", "image: too large.*20000"),
    "20,000 x 20,000 JPEG": (HUGE_JPEG, "at most 89,000,000", "image: too large.*20000"),
    "20,000 x 20,000 BMP": (HUGE_BMP, "at most 89,000,000", "image: too large.*20000"),
    "animated GIF": (
        saved(PICTURE, "GIF", save_all=True, append_images=[OTHER]),
        "several pictures in one file",
        "image: not an image that TensorFlow reads; expected JPEG, PNG or BMP",
    ),
    "animated PNG": (
        saved(PICTURE, save_all=True, append_images=[OTHER]),
        "several pictures in one file",
        "image: several pictures in one file",
    ),
    "PostScript": (
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n",
        "an image in EPS",
        "image: not an image",
    ),
}


@pytest.fixture(scope="module")
def graph():
    return tf.function(
        lambda contents: encoding_ops.decode_image(contents, SCHEMA["image"], "image"),
        input_signature=[tf.TensorSpec((), tf.string)],
    )


@pytest.mark.parametrize("name", GOOD_PICTURES)
def test_odd_pictures_are_read_alike_everywhere(name, graph, tmp_path):
    content, pixels = GOOD_PICTURES[name]
    np.testing.assert_array_equal(SCHEMA.encode({"image": content})["image"], pixels)
    np.testing.assert_array_equal(graph(content), pixels)
    inputs, _ = pictures_table(tmp_path, content).arrays()
    np.testing.assert_array_equal(inputs["image"][1], pixels)


def test_cmyk_is_read_alike_everywhere(graph, tmp_path):
    content = saved(PICTURE.convert("CMYK"), "JPEG", quality=95)
    pixels = SCHEMA.encode({"image": content})["image"]
    np.testing.assert_array_equal(graph(content), pixels)
    np.testing.assert_array_equal(pictures_table(tmp_path, content).arrays()[0]["image"][1], pixels)
    assert np.abs(pixels.astype(int) - PIXELS).mean() < 40


def pictures_table(folder, content):
    """Three rows, the content in question in the middle one."""
    (folder / "good.png").write_bytes(saved(PICTURE))
    (folder / "odd.img").write_bytes(content)
    (folder / "t.csv").write_text("image,id,sign\ngood.png,1,stop\nodd.img,2,stop\ngood.png,3,stop\n")
    return read_manifest(folder / "t.csv", SCHEMA, columns={"text": None, "location": None})


@pytest.mark.parametrize("name", BAD_PICTURES)
def test_bad_pictures_are_refused_everywhere(name, graph, tmp_path):
    content, message, graph_message = BAD_PICTURES[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=rf"image: {len(content)} bytes: .*{message}"):
        SCHEMA.encode({"image": content})
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?si){graph_message}"):
        graph(content)
    manifest = pictures_table(tmp_path, content)
    with pytest.raises(ValueError, match=rf"t\.csv, row 3, image: .*odd\.img: .*{message}"):
        manifest.arrays()
    inputs, targets = manifest.arrays("skip")
    assert len(inputs["image"]) == len(targets["sign"]) == 2
    (problem,) = manifest.skipped
    assert (problem.row, problem.column) == (3, "image") and message.split(".*")[0] in problem.message
    streamed = pictures_table(tmp_path, content)
    batches = list(manifest_dataset(streamed, on_error="skip"))
    assert sum(len(batch[0]["image"]) for batch in batches) == 2 and [p.row for p in streamed.skipped] == [3]
    # In KiB; decoded, a picture of 20,000 x 20,000 would take over a million.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "RGBA", "I;16"])
def test_whole_pictures_that_end_in_black_are_read(mode):
    picture = Pillow.fromarray(np.zeros((9, 7), np.uint16)) if mode == "I;16" else Pillow.new(mode, (7, 9))
    assert SCHEMA.encode({"image": saved(picture)})["image"].shape == (8, 6, 3)


def test_large_jpegs_are_decoded_in_part_and_alike_everywhere(monkeypatch):
    """What is no larger than usual comes out as ever, and the header decides before anything is decoded."""
    small, large = (Pillow.fromarray(np.kron(PIXELS, np.ones((n, n, 1), np.uint8))) for n in (8, 16))
    before = [SCHEMA.encode({"image": saved(one, "JPEG", quality=95)})["image"] for one in (small, large)]
    monkeypatch.setattr(pictures, "LARGE_PIXELS", small.width * small.height)
    monkeypatch.setattr(encoding_ops, "LARGE_PIXELS", small.width * small.height)
    now = [SCHEMA.encode({"image": saved(one, "JPEG", quality=95)})["image"] for one in (small, large)]
    np.testing.assert_array_equal(now[0], before[0])
    assert pictures.draft_scale(*small.size, SCHEMA["image"]) == 1
    assert pictures.draft_scale(*large.size, SCHEMA["image"]) == 4
    assert (now[1] != before[1]).any() and np.abs(now[1].astype(int) - before[1]).mean() < 8
    for picture, pixels in zip((small, large), now, strict=True):
        found = encoding_ops.decode_image(saved(picture, "JPEG", quality=95), SCHEMA["image"]).numpy()
        assert np.abs(found.astype(int) - pixels).max() <= 2


def test_a_picture_costs_no_more_than_the_budget(monkeypatch):
    width, height = 5_000, 5_200
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    SCHEMA.encode({"image": black_png(width, height)})
    used = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    assert used < pictures.BYTES_PER_PIXEL * width * height
    monkeypatch.setattr(pictures, "MOST_BYTES", 21 * 400)
    jpeg2000 = saved(Pillow.new("RGB", (20, 21)), "JPEG2000")
    with pytest.raises(ValueError, match="image: .*20 x 21 pixels; at most 400 of a JPEG2000 are read"):
        SCHEMA.encode({"image": jpeg2000})
    assert SCHEMA.encode({"image": saved(Pillow.new("RGB", (20, 21)))})["image"].shape == (8, 6, 3)


def test_an_empty_file_is_bad_and_empty_bytes_are_missing(graph, tmp_path):
    assert not SCHEMA.encode({"image": b""})["image"].any() and not graph(b"").numpy().any()
    with pytest.raises(ValueError, match=r"row 3, image: .*odd\.img: not an image"):
        pictures_table(tmp_path, b"").arrays()


# Texts ---------------------------------------------------------------------------------------------------------------

TEXTS = {
    "invalid UTF-8": (b"a\xff\xe2\x82b", "a\ufffd\ufffdb"),
    "10 MB": (b"x" * 10_000_000, "xxxxxxxx"),
    "10 MB of invalid UTF-8": (b"\xff" * 10_000_000, "\ufffd\ufffd"),
    "1 MB of NUL": (bytes(1_000_000) + b"STOP", "STOP"),
    "emoji": ("ab🚧👍🏽".encode(), "ab🚧"),
    "right to left": ("\u202eقف؟".encode(), "\u202eقف"),
    "NUL bytes": (b"S\0T\0O\0P\0", "STOP"),
    "UTF-16": ("STOP".encode("utf-16-le"), "STOP"),
    "byte order mark": ("\ufeffSTOP".encode(), "\ufeffSTOP"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_odd_texts_are_read_alike_everywhere(name, tmp_path):
    value, expected = TEXTS[name]
    ids = np.zeros(8, np.int32)
    ids[: len(expected.encode())] = list(expected.encode())
    np.testing.assert_array_equal(SCHEMA.encode({"text": value})["text"], ids)
    np.testing.assert_array_equal(encoding_ops.encode_text(tf.constant([value, b""]), SCHEMA["text"])[0], ids)
    if b"\xff" not in value:
        frame = pd.DataFrame({"text": [value.decode(), "a"], "sign": ["stop", "yield"]})
        np.testing.assert_array_equal(SCHEMA.encode({"text": value.decode()})["text"], ids)
        columns = {"image": None, "location": None}
        np.testing.assert_array_equal(read_manifest(frame, SCHEMA, columns=columns).inputs["text"][0], ids)
        frame.to_csv(tmp_path / "t.csv", index=False, encoding="utf-8")
        np.testing.assert_array_equal(read_manifest(tmp_path / "t.csv", SCHEMA, columns=columns).inputs["text"][0], ids)


def test_a_table_that_is_not_utf8_is_refused(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"text,sign\n\xff,stop\n")
    with pytest.raises(ValueError, match=r"t\.csv: not in UTF-8.*save the table as 'CSV UTF-8'"):
        read_manifest(tmp_path / "t.csv", SCHEMA)


# Sensors -------------------------------------------------------------------------------------------------------------

# Name: field, raw value, cell of a table, message, value in the graph, value in an array; None: cannot be said there.
BAD_VALUES = {
    "infinite": ("speed", math.inf, "inf", "expected a finite number", math.inf, np.inf),
    "infinite angle": ("heading", -math.inf, "-inf", "expected a finite number", -math.inf, -np.inf),
    "out of range": ("speed", 300.5, "300.5", "300.5 km/h is outside 0..300 km/h", 300.5, 300.5),
    "far out of range": ("speed", 1e300, "1e300", "is outside 0..300 km/h", None, None),
    "unknown category": ("road", "City", "City", "unknown category 'City'", "City", 2.0),
    "category of 10 MB": ("road", "x" * 10_000_000, "x" * 10_000, "unknown category 'xxx", "x" * 10_000, 0.5),
    "wrong type": ("speed", [1.0], "fast", "expected a number", None, None),
    "wrong date": ("day", "2026-02-30", "2026-02-30", "expected an ISO 8601 date", None, np.inf),
}


@pytest.mark.parametrize("name", BAD_VALUES)
def test_bad_values_are_refused_everywhere(name, tmp_path):
    field, raw, cell, message, in_graph, in_array = BAD_VALUES[name]
    with pytest.raises((ValueError, TypeError), match=rf"location\.{field}: .*{message}") as caught:
        SCHEMA.encode({"location": {field: raw}})
    assert len(str(caught.value)) < 500

    column = f"location_{field}"
    others = [f.name for f in FIELDS if f.name != field]
    columns = {"image": None, "text": None, **{f"location_{other}": None for other in others}}
    (tmp_path / "t.csv").write_text(f"{column},sign\n,stop\n{cell},stop\n,yield\n")
    with pytest.raises(ValueError, match=rf"1 of 3 rows can't be used.*\n  row 3, column '{column}': .*{message}"):
        read_manifest(tmp_path / "t.csv", SCHEMA, columns=columns)
    manifest = read_manifest(tmp_path / "t.csv", SCHEMA, columns=columns, on_error="skip")
    assert manifest.rows == [2, 4] and [(p.row, p.column) for p in manifest.skipped] == [(3, column)]

    matches = match_columns(SCHEMA, [column], "t.csv")
    with pytest.raises(ValueError, match=rf"t\.csv, row 3, column '{column}': .*{message}"):
        encode_row(SCHEMA, matches, {column: cell}, place="t.csv, row 3")

    index = [f.name for f in FIELDS].index(field)
    if in_graph is not None:
        with pytest.raises(tf.errors.InvalidArgumentError, match=column):
            encoding_ops.encode_field(tf.constant([in_graph]), FIELDS[index], column)
    if in_array is not None:
        array = np.full((2, 4), np.nan, np.float32)
        array[1, index] = in_array
        with pytest.raises(ValueError, match=rf"location: field '{field}': expected .*got {in_array} at \[1\]"):
            SCHEMA["location"].check(array, "location")


def test_nan_and_empty_are_missing_everywhere(tmp_path):
    for value in (math.nan, np.float32("nan"), None, ""):
        assert np.isnan(SCHEMA.encode({"location": {"speed": value}})["location"]).all()
    (tmp_path / "t.csv").write_text("speed,sign\nnan,stop\n,stop\n")
    columns = {"image": None, "text": None, "heading": None, "road": None, "day": None}
    assert np.isnan(read_manifest(tmp_path / "t.csv", SCHEMA, columns=columns).inputs["location"]).all()
    assert np.isnan(encoding_ops.encode_field(tf.constant([math.nan]), FIELDS[0], "speed")).all()
    SCHEMA["location"].check(np.full((2, 4), np.nan, np.float32), "location")


def test_ids_that_are_no_bytes_and_numbers_that_are_no_pixels():
    with pytest.raises(ValueError, match=r"text: expected ids in 0\.\.255, got 256 at \[1, 7\]; 1 such values"):
        SCHEMA["text"].check(np.array([[0] * 8, [255] * 7 + [256]]), "text")
    with pytest.raises(ValueError, match=r"image: expected 0\.\.255, got -1"):
        SCHEMA["image"].check(np.full((1, 8, 6, 3), -1), "image")
