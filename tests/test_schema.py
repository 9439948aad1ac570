"""The schema and its encoders: JSON, raw values to arrays, and bad input that names its place."""

from __future__ import annotations

import copy
import datetime
import io
import json
import math
import pathlib
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from PIL import Image as Pillow

from mmzoo import encoding
from mmzoo.schema import (
    Angle,
    Audio,
    Category,
    Date,
    Image,
    Label,
    MultiLabel,
    Noise,
    Number,
    Schema,
    Sensors,
    Series,
    State,
    Text,
    Value,
)

FIELDS = (Number("speed", "km/h", 0, 300), Angle("heading"), Category("road", ("city", "Straße")), Date("day"))
SCHEMA = Schema(
    "sign",
    {"image": Image(8, 6), "text": Text(8), "location": Sensors(FIELDS)},
    {"sign": Label(("stop", "yield")), "distance": Value("m", minimum=0.0)},
)
ALL_KINDS = Schema(
    "everything",
    {
        "image": Image(4, 4, 1),
        "text": Text(4, tokenizer="wordpiece", vocabulary=("[PAD]", "[UNK]", "a", "ß")),
        "sensors": Sensors(FIELDS),
        "audio": Audio(100, 16_000),
        "series": Series(5, FIELDS[:2]),
        "memory": State((3, 2)),
        "noise": Noise((4,)),
    },
    {
        "label": Label(("a", "b")),
        "labels": MultiLabel(("c", "d")),
        "value": Value("m", -1.5, 2.0),
        "memory": State((3, 2)),
    },
)
PIECES = ("[PAD]", "[UNK]", "a", ".")


def pixels(height=8, width=6, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


# JSON ----------------------------------------------------------------------------------------------------------------


def test_json_round_trip(tmp_path):
    path = tmp_path / "schema.json"
    ALL_KINDS.save(path)
    loaded = Schema.load(path)
    assert loaded == ALL_KINDS and hash(loaded) == hash(ALL_KINDS)
    assert loaded.inputs == ALL_KINDS.inputs and list(loaded.inputs) == list(ALL_KINDS.inputs)
    assert loaded.outputs == ALL_KINDS.outputs
    assert "ß" in path.read_text(encoding="utf-8")


def test_a_schema_of_the_previous_version(tmp_path):
    old = SCHEMA.to_dict() | {"mmzoo_schema": 1}
    motion = {"kind": "Sequence", "steps": 3, "fields": [{"kind": "Angle", "name": "heading", "unit": "deg"}]}
    old["inputs"]["motion"] = motion
    (tmp_path / "schema.json").write_text(json.dumps(old))
    loaded = Schema.load(tmp_path / "schema.json")
    assert loaded.inputs == {**SCHEMA.inputs, "motion": Series(3, FIELDS[1:2])} and loaded.outputs == SCHEMA.outputs
    assert loaded.to_dict()["inputs"]["motion"]["kind"] == "Series"
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA


def test_pickle_and_copies():
    for twin in (pickle.loads(pickle.dumps(ALL_KINDS)), copy.deepcopy(ALL_KINDS), copy.copy(ALL_KINDS)):
        assert twin == ALL_KINDS and twin.inputs == ALL_KINDS.inputs


def test_equality_minds_the_order_and_agrees_with_the_hash():
    one = Schema("s", {"a": Text(2), "b": Text(3)}, {"y": Label(("p", "q"))})
    other = Schema("s", {"b": Text(3), "a": Text(2)}, {"y": Label(("p", "q"))})
    assert one != other and one != "s"
    assert Number("n", "", 0, 1) == Number("n", "", 0.0, 1.0)
    same = [Schema("s", {"x": Sensors((Number("n", "", *r),))}, {"y": Value()}) for r in ((0, 1), (0.0, 1.0))]
    assert same[0] == same[1] and len(set(same)) == 1


def test_a_schema_does_not_change():
    with pytest.raises(TypeError):
        SCHEMA.inputs["more"] = Text(3)
    with pytest.raises(AttributeError):
        SCHEMA.name = "other"


def test_other_outputs():
    other = SCHEMA.with_outputs({"sign": Label(("a", "b", "c"))})
    assert other.inputs == SCHEMA.inputs and other["sign"].shape[0] == 3
    with pytest.raises(KeyError, match="has no 'distance'"):
        other["distance"]


def changed(**changes):
    return {**SCHEMA.to_dict(), **changes}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (changed(mmzoo_schema=99), "version 99.*upgrade mmzoo"),
        (changed(mmzoo_schema="1"), "not a schema"),
        (changed(mmzoo_schema=0), "not a schema"),
        ({}, "not a schema"),
        ([], "not a schema"),
        ({"mmzoo_schema": 1, "name": "x", "inputs": {}}, r"\['outputs'\] missing"),
        (changed(inputs=[1]), "inputs: expected an object"),
        (changed(inputs={}), "inputs is empty"),
        (changed(inputs={"a": 3}), "inputs.a: expected an object"),
        (changed(inputs={"a": {"kind": "Smell"}}), "inputs.a: unknown kind 'Smell'.*'Image'"),
        (changed(inputs={"a": {"kind": "Text", "size": 3}}), "inputs.a: Text has no attribute 'size'"),
        (changed(inputs={"a": {"kind": "Text"}}), "inputs.a: .*length"),
        (changed(inputs={"a": {"kind": "Text", "length": 0}}), "inputs.a: length: .*got 0"),
        (changed(inputs={"a": {"kind": "Sensors", "fields": [4]}}), "inputs.a: fields: expected an object"),
        (changed(inputs={"": {"kind": "Text", "length": 4}}), "'' is no name"),
        (changed(tensor_names=["a"]), "tensor_names: expected an object"),
        (changed(tensor_names={"text": "a b"}), "tensor_names: 'text': expected a letter.*'a b'"),
        (changed(tensor_names={"text": "IMAGE", "image": "image"}), "tensor_names: 'text' and 'image' have the same"),
        (changed(outputs={"text": {"kind": "Value"}}), "'text' is the name of an input and of an output"),
    ],
)
def test_what_is_no_schema(tree, message, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(tree))
    with pytest.raises(ValueError, match=f"schema.json: .*{message}"):
        Schema.load(path)


def test_no_schema_file(tmp_path):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(ValueError, match="broken.json"):
        Schema.load(tmp_path / "broken.json")
    with pytest.raises(FileNotFoundError):
        Schema.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Number("speed", "", 5, 5), "field 'speed': expected finite minimum < maximum"),
        (lambda: Number("speed", "", 0, math.inf), "field 'speed'"),
        (lambda: Number("speed", "", 0, 1e39), "field 'speed': expected finite minimum < maximum"),
        (lambda: Number("speed", "", "0", 1), "field 'speed': minimum: expected a number, got '0'"),
        (lambda: Category("road"), "categories of field 'road': expected at least one"),
        (lambda: Category("road", ("a", "a")), "field 'road': 'a' stands there twice"),
        (lambda: Category("road", ("a", "")), "field 'road': expected non-empty strings"),
        (lambda: Sensors((Angle("a"), Angle("a"))), "'a' stands there twice"),
        (lambda: Label(()), "classes of a Label"),
        (lambda: Image(8, 8, 2), "channels: expected 1 or 3, got 2"),
        (lambda: Image(8, -1), "width: expected a whole number"),
        (lambda: Image(8.0, 8), "height: expected a whole number"),
        (lambda: Text(8, tokenizer="letters"), "tokenizer: .*'letters'"),
        (lambda: Text(8, vocabulary=("a",)), "vocabulary: only for the tokenizer 'wordpiece'; leave it out"),
        (lambda: Text(8, lowercase=True), "lowercase: only for the tokenizer 'wordpiece' or 'ngrams'"),
        (lambda: Text(8, "ngrams"), "buckets: expected a whole number of at least 1, got 0"),
        (lambda: Text(8, "ngrams", buckets=10**9), "buckets: expected at most 10,000,000, got 1,000,000,000"),
        (lambda: Text(8, "ngrams", buckets=9, end="."), "end: only for the tokenizer 'wordpiece'"),
        (lambda: Text(8, "wordpiece", PIECES, buckets=9), "buckets: only for the tokenizer 'ngrams'"),
        (lambda: Text(8, "wordpiece"), "vocabulary: expected at least one, got none"),
        (lambda: Text(8, "wordpiece", PIECES[1:]), r"vocabulary: expected it to begin with '\[PAD\]'"),
        (lambda: Text(8, "wordpiece", ("[PAD]", "a")), r"vocabulary: expected it to hold '\[UNK\]'"),
        (lambda: Text(8, "wordpiece", (*PIECES, "a")), "vocabulary: 'a' stands there twice"),
        (lambda: Text(8, "wordpiece", PIECES, start="[CLS]"), r"start: '\[CLS\]' is no piece of the vocabulary"),
        (lambda: Text(2, "wordpiece", PIECES, start="a", end="."), "length: expected room for a piece beside 'a' and"),
        (lambda: Value("m", 3, 3), "expected minimum < maximum, got 3.0 and 3.0"),
        (lambda: Value("m", maximum=math.inf), "maximum: expected a finite number or None, got inf"),
        (lambda: Value("m", "0"), "minimum: expected a finite number or None, got '0'"),
        (lambda: Value("EUR", maximum=-1, scale="log"), "maximum: expected more than 0 on a log scale, got -1.0"),
        (lambda: Value("EUR", scale="square"), "scale: expected 'linear' or 'log'"),
        (lambda: Schema("s", {3: Text(4)}, {"y": Value()}), "3 is no name"),
        (lambda: Sensors((4,)), "fields: expected an object such as Number"),
        (lambda: Series(0, FIELDS), "steps: expected a whole number of at least 1, got 0"),
        (lambda: Series(3), "fields of a Series input: expected at least one"),
        (lambda: State(()), "shape: expected at least one size"),
        (lambda: Noise((3, 0)), "shape: expected a whole number of at least 1, got 0"),
        (lambda: Schema("s", {"m": State((3,))}, {"y": Value()}), "state 'm' must be an input and an output"),
        (lambda: Schema("s", {"a": Text(4)}, {"y": Value(), "m": State((3,))}), "state 'm' must be an input and an"),
        (lambda: Schema("s", {"m": State((3,))}, {"m": State((4,))}), "'m' must be an input and an output, of one"),
        (lambda: Schema("s", {"m": State((3,))}, {"m": State((3,))}), "all outputs are states"),
    ],
)
def test_impossible_descriptions(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# Samples -------------------------------------------------------------------------------------------------------------


def test_a_whole_sample():
    arrays = SCHEMA.encode(
        {
            "image": pixels(),
            "text": "STOP",
            "location": {"speed": 12.5, "heading": -90, "road": "Straße", "day": datetime.date(1970, 1, 3)},
        }
    )
    assert list(arrays) == list(SCHEMA.inputs)
    np.testing.assert_array_equal(arrays["image"], pixels())
    assert arrays["text"].tolist() == [83, 84, 79, 80, 0, 0, 0, 0]
    assert arrays["location"].tolist() == [12.5, 270.0, 1.0, 2.0]
    for name, modality in SCHEMA.inputs.items():
        assert arrays[name].shape == modality.shape and arrays[name].dtype == modality.dtype


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"image": None, "text": None, "location": None},
        {"image": b"", "text": b"", "location": {}},
        {"image": "", "text": "", "location": {"speed": math.nan, "heading": None, "road": "", "day": ""}},
    ],
)
def test_missing_inputs(raw):
    arrays = SCHEMA.encode(raw)
    assert not arrays["image"].any() and not arrays["text"].any() and np.isnan(arrays["location"]).all()
    np.testing.assert_array_equal(arrays["image"], SCHEMA.missing()["image"])


def test_missing_of_every_kind():
    arrays = ALL_KINDS.missing()
    for name, modality in ALL_KINDS.inputs.items():
        assert arrays[name].shape == modality.shape and arrays[name].dtype == modality.dtype
        expected = np.isnan(arrays[name]) if name in ("sensors", "series") else arrays[name] == 0
        assert expected.all()


def test_batches():
    batch = SCHEMA.encode_batch([{"text": "a"}, {"location": {"speed": 3}}, {}])
    assert batch["text"][:, 0].tolist() == [97, 0, 0]
    np.testing.assert_array_equal(batch["location"][:, 0], [np.nan, 3, np.nan])
    empty = SCHEMA.encode_batch([])
    assert {name: array.shape for name, array in empty.items()} == {
        "image": (0, 8, 6, 3),
        "text": (0, 8),
        "location": (0, 4),
    }


@pytest.mark.parametrize(
    ("raw", "kind", "message"),
    [
        ({"txt": "a"}, KeyError, r"unknown input 'txt'; the inputs are \['image'"),
        ({"text": 5}, TypeError, "text: expected a string"),
        ({"location": {"sped": 5}}, KeyError, r"location: unknown field 'sped'; the fields are \['speed'"),
        ({"location": [5.0]}, TypeError, "location: expected a mapping"),
        ({"location": {"speed": 300.5}}, ValueError, r"location.speed: 300.5 km/h is outside 0..300 km/h"),
        ({"location": {"speed": "50"}}, TypeError, "location.speed: expected a number, got str: '50'"),
        ({"location": {"speed": True}}, TypeError, "location.speed: expected a number, got bool"),
        ({"location": {"speed": math.inf}}, ValueError, "location.speed: expected a finite number"),
        ({"location": {"heading": 10**400}}, ValueError, "location.heading: expected a finite number"),
        ({"location": {"road": "City"}}, ValueError, "location.road: unknown category 'City'"),
        ({"location": {"road": ["city"]}}, ValueError, "location.road: unknown category"),
        ({"location": {"road": np.array(["city", "x"])}}, ValueError, "location.road: unknown category"),
        ({"location": {"day": "yesterday"}}, ValueError, "location.day: expected an ISO 8601 date"),
        ({"location": {"day": 3}}, TypeError, "location.day: expected an ISO 8601 string"),
        ({"image": "no/such.png"}, FileNotFoundError, "image: no/such.png: no such file"),
        ({"image": b"hello"}, ValueError, "image: 5 bytes: not an image"),
        ({"image": encoded(Pillow.fromarray(pixels(40, 40)))[:900]}, ValueError, "image: 900 bytes: .*decoded"),
        ({"image": encoded(Pillow.fromarray(pixels(40, 40)), "JPEG")[:900]}, ValueError, "image: 900 bytes: .*decoded"),
        ({"image": 7}, TypeError, "image: expected a path"),
        ({"image": pixels().astype(float)}, ValueError, r"image: expected a non-empty uint8.*float64"),
        ({"image": pixels(4, 4, 2)}, ValueError, r"image: expected.*\(4, 4, 2\)"),
        ({"image": pixels(0, 4)}, ValueError, r"image: expected a non-empty.*\(0, 4, 3\)"),
        ({"image": Pillow.fromarray(np.ones((3, 3), np.float32))}, ValueError, "image: floating-point"),
    ],
)
def test_bad_input_names_its_place(raw, kind, message):
    with pytest.raises(kind, match=message):
        SCHEMA.encode(raw)
    with pytest.raises(kind, match=f"sample 1: {message}"):
        SCHEMA.encode_batch([{}, raw])


def test_broken_files_are_named(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "cut.png").write_bytes(encoded(Pillow.fromarray(pixels(40, 40)))[:900])
    for name in ("empty.png", "cut.png"):
        for path in (tmp_path / name, str(tmp_path / name)):
            with pytest.raises(ValueError, match=f"image: .*{name}: "):
                SCHEMA.encode({"image": path})
    with pytest.raises(FileNotFoundError, match="image: .*: no such file"):
        SCHEMA.encode({"image": tmp_path})


def test_what_is_no_sample():
    with pytest.raises(TypeError, match="expected a mapping from input to raw value, got list"):
        SCHEMA.encode([1])


def test_predictions_in_words():
    outputs = {"label": [[0.2, 0.8]], "labels": [[0.1, 0.9]], "value": [[1.25]]}
    assert ALL_KINDS.decode(outputs) == [{"label": {"b": 0.8, "a": 0.2}, "labels": {"c": 0.1, "d": 0.9}, "value": 1.25}]
    assert list(ALL_KINDS.decode(outputs, top=1)[0]["label"]) == ["b"]


# Images --------------------------------------------------------------------------------------------------------------


def encode_image(value, *shape):
    return encoding.encode_image(Image(*shape), value, "image")


def test_all_ways_to_give_a_picture(tmp_path):
    path = tmp_path / "sign.png"
    path.write_bytes(encoded(Pillow.fromarray(pixels())))
    content = path.read_bytes()
    ways = [path, str(path), content, bytearray(content), memoryview(content), Pillow.fromarray(pixels()), pixels()]
    for value in ways:
        np.testing.assert_array_equal(encode_image(value, 8, 6), pixels())


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM"])
def test_formats(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    grey = np.repeat(pixels(channels=1), 3, axis=2)
    np.testing.assert_array_equal(encode_image(encoded(Pillow.fromarray(grey), kind, **options), 8, 6), grey)


def test_scaling_is_pillows_antialiased_one():
    picture = Pillow.fromarray(pixels(50, 70))
    expected = np.asarray(picture.resize((6, 8), Pillow.Resampling.BILINEAR))
    np.testing.assert_array_equal(encode_image(picture, 8, 6), expected)
    checkerboard = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    inner = encode_image(checkerboard, 8, 8, 1)[1:-1, 1:-1].astype(int)
    assert np.abs(inner - 127.5).max() <= 2, "without antialias it would be black or white"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_exif_orientation_is_applied(kind):
    upright = np.zeros((16, 24, 3), np.uint8)
    upright[:8, :8] = 255
    for orientation, turned in {3: upright[::-1, ::-1], 6: np.rot90(upright, 1), 8: np.rot90(upright, -1)}.items():
        exif = Pillow.Exif()
        exif[0x0112] = orientation
        found = encode_image(encoded(Pillow.fromarray(np.ascontiguousarray(turned)), kind, exif=exif), 16, 24)
        assert np.abs(found.astype(int) - upright).mean() < 8


def test_sixteen_bits_become_the_upper_byte(tmp_path):
    grey = np.random.default_rng(0).integers(0, 65536, (8, 6)).astype(np.uint16)
    expected = np.repeat((grey >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(encode_image(encoded(Pillow.fromarray(grey)), 8, 6), expected)
    np.testing.assert_array_equal(encode_image(encoded(Pillow.fromarray(grey), "TIFF"), 8, 6), expected)
    np.testing.assert_array_equal(encode_image(Pillow.fromarray(grey.astype(np.int32)), 8, 6), expected)
    # 16-bit PGM, the largest byte first.
    pgm = b"P5 6 8 65535\n" + grey.astype(">u2").tobytes()
    np.testing.assert_array_equal(encode_image(pgm, 8, 6), expected)


def test_palettes_alpha_and_grey():
    picture = Pillow.fromarray(pixels())
    palette = picture.quantize(7)
    expected = np.asarray(palette.convert("RGB"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for options in ({}, {"transparency": bytes([0, 128, 255])}, {"transparency": 2}):
            np.testing.assert_array_equal(encode_image(encoded(palette, **options), 8, 6), expected)
        np.testing.assert_array_equal(encode_image(pixels(channels=4), 8, 6), pixels(channels=4)[:, :, :3])
        grey = pixels(channels=1)
        for value in (grey, grey[:, :, 0], encoded(Pillow.fromarray(grey[:, :, 0]).convert("LA"))):
            np.testing.assert_array_equal(encode_image(value, 8, 6), np.repeat(grey, 3, axis=2))
            np.testing.assert_array_equal(encode_image(value, 8, 6, 1), grey)
        np.testing.assert_array_equal(encode_image(picture, 8, 6, 1)[:, :, 0], np.asarray(picture.convert("L")))
        bilevel = np.asarray(picture.convert("1").convert("RGB"))
        np.testing.assert_array_equal(encode_image(encoded(picture.convert("1")), 8, 6), bilevel)


def test_cmyk():
    red = Pillow.new("CMYK", (6, 8), (0, 255, 255, 0))
    found = encode_image(encoded(red, "JPEG", quality=95), 8, 6).reshape(-1, 3).mean(0)
    assert found[0] > 245 and found[1] < 10 and found[2] < 10


def png_header(width, height):
    import zlib

    body = b"IHDR" + width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\2\0\0\0"
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + body + zlib.crc32(body).to_bytes(4, "big") + b"\0\0\0\0IDAT\0\0\0\0"


def test_too_large_a_picture_is_refused_before_it_is_decoded():
    assert Pillow.MAX_IMAGE_PIXELS >= encoding.MAX_PIXELS, "else Pillow warns of pictures that are accepted"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for width, height in ((8_900, 10_001), (9_500, 9_500), (20_000, 20_000), (2**30, 2**30)):
            with pytest.raises(ValueError, match="image: .*at most 89,000,000"):
                encode_image(png_header(width, height), 8, 6)


def test_damaged_files_give_value_errors_only():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    sources = [encoded(Pillow.fromarray(pixels(30, 40)), kind, exif=exif) for kind in ("PNG", "JPEG", "WEBP")]
    sources += [encoded(Pillow.fromarray(pixels(30, 40)), kind) for kind in ("GIF", "BMP", "PPM")]
    rng, refused = np.random.default_rng(0), 0
    for number in range(600):
        damaged = bytearray(sources[number % len(sources)])
        for _ in range(rng.integers(1, 6)):
            damaged[rng.integers(min(len(damaged), 60))] = rng.integers(256)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                assert encode_image(bytes(damaged), 8, 6).shape == (8, 6, 3)
            except ValueError as error:
                assert str(error).startswith("image: ")
                refused += 1
    assert 0 < refused < 600


# Texts ---------------------------------------------------------------------------------------------------------------


def encode_text(value, length):
    array = encoding.encode_text(Text(length), value, "text")
    assert array.shape == (length,) and array.dtype == np.int32
    return bytes(array.astype(np.uint8)).rstrip(b"\0")


@pytest.mark.parametrize(
    ("value", "length", "expected"),
    [
        ("STOP", 8, "STOP"),
        ("STOP", 2, "ST"),
        ("äöü", 6, "äöü"),
        ("äöü", 5, "äö"),
        ("10 €", 6, "10 €"),
        ("10 €", 5, "10 "),
        ("a😀b", 6, "a😀b"),
        ("a😀b", 5, "a😀"),
        *[("a😀b", length, "a") for length in (2, 3, 4)],
        ("😀", 3, ""),
        ("a\0b\0", 8, "ab"),
        (b"a\0b", 8, "ab"),
        ("\0" * 20 + "ab", 2, "ab"),
        ("a\ud800b", 8, "a\ufffdb"),
        ("\udc80", 8, "\ufffd"),
        (b"a\xffb", 8, "a\ufffdb"),
        (b"a\xe2\x82", 8, "a\ufffd"),
        (b"\xe2\0\x82\xac", 8, "€"),
        (b"\xed\xa0\x80", 9, "\ufffd" * 3),
        (b"\xff\xff", 4, "\ufffd"),
        ("", 4, ""),
    ],
)
def test_texts(value, length, expected):
    assert encode_text(value, length) == expected.encode()
    if isinstance(value, bytes):
        assert encode_text(memoryview(value), length) == expected.encode()


def test_any_text_stays_well_formed():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        value = rng.integers(0, 256, rng.integers(0, 20)).astype(np.uint8).tobytes()
        found = encode_text(value, 7).decode("utf-8")
        assert value.replace(b"\0", b"").decode("utf-8", "replace").startswith(found)


# Sensors -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (FIELDS[0], 0, 0.0),
        (FIELDS[0], 300, 300.0),
        (FIELDS[0], np.float32(2.5), 2.5),
        (FIELDS[0], np.int64(7), 7.0),
        (FIELDS[1], 360, 0.0),
        (FIELDS[1], -10, 350.0),
        (FIELDS[1], 725.5, 5.5),
        (FIELDS[2], "Straße", 1.0),
        (FIELDS[2], np.str_("city"), 0.0),
        (FIELDS[3], "1970-01-02T12:00", 1.5),
        (FIELDS[3], datetime.datetime(1970, 1, 2, 6), 1.25),
    ],
)
def test_fields(field, value, expected):
    assert field.encode(value, "place") == expected


def test_needs_neither_tensorflow_nor_keras(tmp_path):
    """In a process of its own, as on a device."""
    root = pathlib.Path(encoding.__file__).parent.parent
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from mmzoo.schema import Schema, Text, Image, Value\n"
        "schema = Schema('s', {'t': Text(4), 'i': Image(2, 2)}, {'y': Value()})\n"
        "schema.encode({'t': 'a', 'i': b''})\n"
        "assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(root)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
