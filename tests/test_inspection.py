"""Tables of own data: what each column is taken for, what is found wrong, and how to say otherwise."""

from __future__ import annotations

import datetime
import decimal
import os
import pathlib
import re
import time
import wave

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow
from typer.testing import CliRunner

import mmzoo
from mmzoo.data.tables.cells import CellReader
from mmzoo.data.tables.manifest import read_manifest
from mmzoo.data.tables.table import choose_columns
from mmzoo.edge.table import predict_rows
from mmzoo.inspection import infer_schema, inspect_table, print_inspection, write_inspection
from mmzoo.inspection.findings.duplicates import group_pictures
from mmzoo.inspection.reading import names as names_lib
from mmzoo.inspection.reading.ranges import sensible_range
from mmzoo.schema import (
    Angle,
    Audio,
    Category,
    Date,
    Image,
    Label,
    MultiLabel,
    Number,
    Schema,
    Sensors,
    Text,
    Value,
)
from mmzoo.schema.paths import resolve

N = 60
RNG = np.random.default_rng(0)
WORDS = [f"word{i}" for i in range(400)]
TARGET = ["stop", "yield", "go"] * (N // 3)


def sentences(count=N, words=8, seed=1):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, words)) for _ in range(count)]


def look(column, target=None, name="column", **options):
    """The record of a single column beside a text that keeps the rows apart, and the findings on it."""
    column = list(column)
    target = ["stop", "yield", "go", "go"] * (len(column) // 4 + 1) if target is None else target
    frame = pd.DataFrame(
        {name: pd.Series(column, dtype=object), "words": sentences(len(column)), "target": target[: len(column)]}
    )
    inspection = inspect_table(frame, "target", **options)
    found = [finding for finding in inspection.findings if finding.column == name]
    return inspection.column(name), part_of(inspection, name), found


def part_of(inspection, name):
    """What a column became in the schema."""
    feeds = inspection.column(name).feeds
    if not feeds or inspection.schema is None:
        return None
    place, _, field = feeds.partition(".")
    return next(f for f in inspection.schema[place].fields if f.name == field) if field else inspection.schema[place]


def messages(findings, level=None):
    return "\n".join(f.message for f in findings if level in (None, f.level))


# What a column is ----------------------------------------------------------------------------------------------------

NUMBERS = np.round(RNG.normal(50, 10, N), 2)
KINDS = {
    "decimal numbers": ("speed_km_h", NUMBERS, "number"),
    "numbers as strings": ("speed", [f" {x} " for x in NUMBERS], "number"),
    "0 and 1": ("flag", [0, 1] * 30, "number"),
    "booleans": ("flag", [True, False, False] * 20, "category"),
    "yes and no": ("wet", ["Yes", "no", "yes", "No"] * 15, "category"),
    "few words": ("colour", ["red", "green", "blue"] * 20, "category"),
    "codes of kinds": ("road_type", [1, 2, 3, 4] * 15, "category"),
    "leading zeros that repeat": ("zip", ["01067", "04109", "99084"] * 20, "category"),
    "leading zeros that don't": ("zip", [f"0{i}" for i in range(1000, 1000 + N)], "identifier"),
    "sentences": ("remark", sentences(), "text"),
    "product names": ("product", [f"Thing {'ABCDEFGHIJ'[i % 10]} of {WORDS[i]}" for i in range(N)], "text"),
    "names of which most are new": ("brand", [WORDS[i // 2] for i in range(N)], "text"),
    "a heading": ("heading", RNG.uniform(0, 360, N), "angle"),
    "a wind direction": ("windDir", list(range(0, 360, 6)), "angle"),
    "a bearing around north": ("bearing", RNG.uniform(-180, 180, N), "angle"),
    "degrees all around": ("rotation (deg)", RNG.uniform(0, 360, N), "angle"),
    "a small angle": ("steering_angle", RNG.uniform(-25, 25, N), "number"),
    "radians": ("heading", RNG.uniform(0, 6.28, N), "number"),
    "ISO dates": ("day", [f"2024-03-{i % 28 + 1:02}" for i in range(N)], "date"),
    "times": ("at", [f"2024-03-{i % 28 + 1:02}T12:{i:02}:00" for i in range(N)], "date"),
    "German dates": ("day", [f"{i % 28 + 1:02}.03.2024" for i in range(N)], "date"),
    "dates with names": ("day", [f"{i % 28 + 1} Mar 2024" for i in range(N)], "date"),
    "dates as one number": ("date", [20240300 + i % 28 + 1 for i in range(N)], "date"),
    "timestamps of pandas": ("day", pd.date_range("2024-01-01", periods=N).tolist(), "date"),
    "a recording's clock": ("time", [f"2024-03-01T12:{i:02}:00" for i in range(N)], "constant"),
    "running numbers": ("lap", range(1, N + 1), "identifier"),
    "a name that ends in id": ("patientid", [i // 2 for i in range(N)], "identifier"),
    "a store's id": ("store_id", [1, 2, 3, 4] * 15, "category"),
    "UUIDs": ("u", [f"{i:08x}-0000-4000-8000-00000000abcd" for i in range(N)], "identifier"),
    "hashes": ("h", [f"{i * 7919:032x}a" for i in range(N)], "identifier"),
    "links": ("link", [f"https://example.com/{i // 3}" for i in range(N)], "identifier"),
    "DOIs": ("paper", [f"10.1056/nejmc{i // 3}" for i in range(N)], "identifier"),
    "codes with digits": ("lesion", [f"HAM_{i:07}" for i in range(N)], "identifier"),
    "a constant": ("modality", ["X-ray"] * N, "constant"),
    "nothing": ("empty", [None] * N, "empty"),
    "splits": ("part", ["train", "train", "val"] * 20, "split"),
    "folds": ("fold", [0, 1, 2, 3, 4] * 12, "fold"),
    "what is folded": ("fold_change", ["up", "none", "down"] * 20, "category"),
    "a bill that is split": ("bill_split", NUMBERS, "number"),
    "times of day": ("start", [f"{i % 24:02}:{i:02}" for i in range(N)], "time"),
    "times of day with pm": ("start", [f"{i % 12 + 1}:{i:02} pm" for i in range(N)], "time"),
    "times of the module": ("start", [datetime.time(i % 24, i) for i in range(N)], "time"),
    "typographic minus signs": ("delta", [f"{x:.2f}".replace("-", "\u2212") for x in NUMBERS - 50], "number"),
    "accountants' negatives": ("delta", [f"({-x:.2f})" if x < 0 else f"{x:.2f}" for x in NUMBERS - 50], "number"),
}


@pytest.mark.parametrize("case", KINDS)
def test_what_a_column_is_taken_for(case):
    name, cells, kind = KINDS[case]
    column, part, _ = look(cells, name=name)
    assert (column.kind, column.why != "") == (kind, True), column
    assert (part is not None) == (kind in ("number", "category", "text", "angle", "date", "time"))
    assert column.role == ("input" if part else "split" if kind == "split" else "left out")
    if part and kind != "text":
        assert type(part).__name__.lower() == {"time": "timeofday"}.get(kind, kind) and part.name == name


def test_units_ranges_and_formats():
    _, number, _ = look(NUMBERS, name="speed_km_h")
    assert number.unit == "km/h" and number.minimum <= 0 and number.maximum >= 2 * NUMBERS.max() - NUMBERS.min()
    assert look([0.0, 0.5, 1.0] * 20)[1] == Number("column", "", 0, 1)
    assert look(RNG.uniform(48, 49, N), name="lat")[1] == Number("lat", "", -90, 90)
    assert look(KINDS["German dates"][1])[1] == Date("column", "%d.%m.%Y")
    assert look(KINDS["times"][1])[1] == Date("column")
    assert look(["10", "9", "1"] * 20, kinds={"column": "category"})[1].categories == ("1", "9", "10")
    assert look(NUMBERS, unit={"column": "bar"})[1].unit == "bar"
    names = ("speed_km_h", "age (years)", "price_inr", "width[mm]", "team", "m", "pressure_hPa", "windSpeedMps")
    assert [names_lib.unit_in(name) for name in names] == ["km/h", "years", "INR", "mm", "", "", "hPa", "m/s"]
    assert [names_lib.unit_in(name) for name in ("vibration_mm_s", "flow_cm_s")] == ["mm/s", "cm/s"]


def test_ranges_hold_new_data_of_the_same_kind():
    for draw in (lambda r: r.normal(20, 5, 300), lambda r: r.lognormal(6, 1.5, 300), lambda r: -r.exponential(3, 300)):
        low, high = sensible_range(draw(np.random.default_rng(0)))
        new = np.concatenate([draw(np.random.default_rng(seed)) for seed in range(1, 30)])
        assert ((new >= low) & (new <= high)).mean() > 0.999
    assert sensible_range(np.array([5.0])) == (0.0, 10.0)
    assert sensible_range(np.array([0.0])) == (0.0, 1.0)
    assert sensible_range(np.array([-5.0])) == (-10.0, 0.0)


def test_a_thousand_categories_become_a_text_and_say_so():
    column, part, found = look([WORDS[i % 300] + "x" for i in range(3000)])
    assert column.kind == "text" and isinstance(part, Text) and "300 categories; read as a text" in messages(found)
    column, part, _ = look([WORDS[i % 300] + "x" for i in range(3000)], kinds={"column": "category"})
    assert len(part.categories) == 300


@pytest.mark.parametrize(
    ("words", "length"), [(1, 16), (4, 40), (9, 64), (20, 160), (300, 256)], ids=lambda value: str(value)
)
def test_the_length_of_a_text(words, length):
    _, part, _ = look(sentences(N, words, seed=3), kinds={"column": "text"})
    assert part.tokenizer == "bytes" and 16 <= part.length <= 256 and abs(part.length - length) <= 40
    assert look(sentences(), text_length=33)[1].length == 33


# Numbers and dates that can't be read --------------------------------------------------------------------------------

UNREADABLE = {
    "decimal commas": ([f"{x:.2f}".replace(".", ",") for x in NUMBERS], r"decimal commas.*decimal=','"),
    "points and commas": ([f"1.{i:03},5" for i in range(N)], "decimal commas"),
    "thousands": ([f"{i + 1},{i:03}" for i in range(N)], r"commas for thousands.*replace\(',', ''\)"),
    "spaces": ([f"{i + 1} {i:03}" for i in range(N)], "marks between thousands"),
    "units": ([f"{i} kg" for i in range(N)], r"unit 'kg' in each cell.*str.extract"),
    "currency": ([f"€{i}.50" for i in range(N)], "unit '€'"),
    "percent": ([f"{i}%" for i in range(N)], "unit '%'"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_numbers_that_are_not_written_as_such(case):
    cells, message = UNREADABLE[case]
    column, part, found = look(cells)
    assert (column.kind, column.role, part) == ("unusable", "left out", None)
    assert re.search(message, messages(found, "error"))
    frame = pd.DataFrame({"amount": cells, "words": sentences()})
    with pytest.raises(ValueError, match="(?s)no schema can be made.*column 'amount': the target holds numbers with"):
        infer_schema(frame, target="amount")


def test_dates_in_several_formats_name_the_rows_of_each():
    cells = [f"2024-03-{i % 28 + 1:02}" for i in range(40)] + [f"{i % 28 + 1:02}.03.2024" for i in range(20)]
    column, part, found = look(cells)
    assert column.kind == "unusable" and part is None
    assert re.search(
        r"40 as ISO 8601 .*\(rows 0, 1, 2, 3, 4 and 35 more\); 20 as '%d.%m.%Y' \(rows 40, 41, .*best as 2026-11-23",
        messages(found),
    )
    assert found[0].rows == tuple(range(40, 60))


def test_a_few_dates_in_another_format_are_named():
    column, part, found = look([*KINDS["ISO dates"][1], "1.3.2024"])
    assert part == Date("column") and "1 cell can't be read as a date" in messages(found, "error")
    assert f"row {N}" in messages(found, "error")


def test_day_and_month_that_could_be_swapped():
    _, part, found = look([f"{i % 12 + 1:02}/{i % 11 + 1:02}/2024" for i in range(N)])
    assert part.format == "%d/%m/%Y" and "day and month could as well be the other way round" in messages(found)
    _, part, found = look([f"{i % 12 + 1:02}/{i % 28 + 1:02}/2024" for i in range(N)])
    assert part.format == "%m/%d/%Y" and not found


def test_mixed_types_name_the_rows():
    column, part, found = look([*NUMBERS, "fast", "slow"])
    assert column.kind == "number" and "2 of 62 cells hold no number ('fast', 'slow'; rows 60 and 61)" in messages(
        found
    )
    assert {f.level for f in found} == {"error"}
    _, _, found = look([*NUMBERS, "unknown"])
    assert "missing=['unknown'] (--missing 'unknown')" in messages(found, "error")
    column, _, found = look([*NUMBERS, "unknown"], missing=["unknown"])
    assert column.kind == "number" and column.missing and not found
    column, _, found = look([*range(1000, 1020), *(f"{c}{d}ish" for c in "abcdefgh" for d in "uvwxy")])
    assert column.kind == "text" and "mixed types: 20 cells hold a number" in messages(found, "warning")
    column, _, found = look([1, 2, [3]] * 20)
    assert column.kind == "unusable" and "20 cells of type list (rows 2, 5" in messages(found, "error")


ODD = {
    "Decimal": [decimal.Decimal(i) for i in range(N)],
    "Period": pd.period_range("2024-01", periods=N, freq="M").tolist(),
    "bytes": [b"abc", b"d"] * 30,
    "dict": [{}] * N,
}


@pytest.mark.parametrize("name", ODD)
def test_cells_of_types_that_no_table_file_holds(name):
    column, part, found = look(ODD[name])
    assert part is None and f"60 cells of type {name} (rows 0, 1" in messages(found, "error")


def test_numbers_that_float32_does_not_hold():
    column, part, found = look([*NUMBERS, 1e300])
    assert part.maximum < 1e3 and "1 of 61 cells hold no number" in messages(found, "error")
    assert look([1e30 + i for i in range(N)])[0].kind == "constant"


def test_numbers_that_stand_for_missing_ones():
    _, _, found = look([*NUMBERS, -999, -999, -999])
    assert "-999 in 5 % of the filled cells (rows 60, 61 and 62) lies outside of all others" in messages(found)
    assert not look([*NUMBERS, 999.0])[2]


# Pictures and sounds -------------------------------------------------------------------------------------------------


def picture(seed, size=(40, 30)):
    """Smooth, so that near-duplicates are near, and unlike any of another seed."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Pillow.fromarray(small).resize(size, Pillow.Resampling.BICUBIC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table with pictures and sounds, good ones and bad."""
    folder = tmp_path_factory.mktemp("own data")
    (folder / "my images").mkdir()
    for i in range(40):
        picture(i).save(folder / "my images" / f"{i}.png")
        with wave.open(str(folder / f"{i}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes((1000 * RNG.normal(size=8000 + 100 * i)).astype(np.int16).tobytes())
    return folder


def write_table(folder, images, name="t.csv", **columns):
    frame = pd.DataFrame({"image": images, **columns})
    frame["label"] = (["stop", "yield", "go"] * len(frame))[: len(frame)]
    frame.to_csv(folder / name, index=False)
    return folder / name


def test_pictures_and_sounds(folder):
    table = write_table(
        folder, [f"my images/{i}.png" for i in range(40)], **{"sound file": [f"{i}.wav" for i in range(40)]}
    )
    inspection = inspect_table(table, "label")
    assert inspection.schema.inputs["image"] == Image(24, 24)
    # The files' own rate: what they don't hold need not be computed.
    assert inspection.schema.inputs["sound_file"] == Audio(8_000 * 3 // 2, 8_000)
    assert inspection.column("sound file").why.startswith("paths of sounds")
    assert inspection.column("image").statistics["most frequent size"] == "40 x 30"
    assert len(inspection.column("image").pictures) == 8 and not inspection.findings
    assert inspect_table(table, "label", image_size=(32, 48)).schema["image"] == Image(32, 48)
    schema = Schema("x", {"image": inspection.schema["image"]}, inspection.schema.outputs)
    manifest = read_manifest(table, schema)
    assert manifest.arrays()[0]["image"].shape == (40, 24, 24, 3)


def test_sizes_of_pictures(tmp_path):
    for side, expected in ((12, 16), (33, 32), (100, 64), (300, 96)):
        for i in range(20):
            picture(i, (side, side)).convert("L").save(tmp_path / f"{i}.png")
        table = write_table(tmp_path, [f"{i}.png" for i in range(20)])
        assert inspect_table(table, "label").schema["image"] == Image(expected, expected, 1)


def test_bad_pictures(folder):
    bad = folder / "bad"
    bad.mkdir(exist_ok=True)
    (bad / "empty.png").write_bytes(b"")
    (bad / "text.png").write_text("hello")
    (bad / "cut.png").write_bytes((folder / "my images" / "1.png").read_bytes()[:-60])
    Pillow.new("RGB", (40, 40)).save(bad / "black.png")
    Pillow.new("RGB", (40, 40), (9, 99, 200)).save(bad / "blue.png")
    picture(99, (9, 9)).save(bad / "tiny.png")
    names = ["empty", "text", "cut", "black", "blue", "tiny", "gone"]
    images = [f"my images/{i}.png" for i in range(30)] + [f"bad/{name}.png" for name in names]
    inspection = inspect_table(write_table(folder, images), "label")
    found = messages(inspection.findings)
    assert "3 pictures can't be read (rows 32, 33 and 34; " in found and "not an image" in found
    assert "1 picture all black, which the model takes for a missing picture (row 35)" in found
    assert "1 picture of a single colour (row 36)" in found and "1 picture under 16 pixels" in found
    assert re.search(r"1 of 37 files \('bad/gone.png'; row 38\) do not exist; paths are relative to .*root=", found)
    assert len(inspection.of_level("error")) == 2


def test_bad_sounds(folder):
    (folder / "noise.wav").write_bytes(b"RIFF nothing")
    table = write_table(folder, ["my images/0.png"] * 21, sound=[f"{i}.wav" for i in range(20)] + ["noise.wav"])
    found = [f for f in inspect_table(table, "label").findings if f.column == "sound"]
    assert "1 sound can't be read (row 22" in messages(found, "error")


def test_near_duplicates_and_contradictions(folder):
    rng = np.random.default_rng(5)
    for i in (3, 4):
        noisy = np.asarray(picture(i), int) + rng.integers(-6, 7, (30, 40, 3))
        Pillow.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / "my images" / f"again{i}.jpg")
    images = [f"my images/{i}.png" for i in range(30)] + [f"my images/again{i}.jpg" for i in (4, 3)]
    table = write_table(folder, images, split=["train"] * 30 + ["test"] * 2)
    found = {(f.level, f.message) for f in inspect_table(table, "label").findings if f.column == "image"}
    text = "\n".join(message for _, message in found)
    assert "4 pictures are the same or nearly so (12 % of them, in 2 groups" in text
    assert "4 pictures that are the same or nearly so stand in several splits (test and train; rows 5 and 33" in text
    # Rows 5 and 6 are stop and yield, their copies in rows 33 and 32 yield and stop.
    assert "4 pictures are nearly the same as another with another answer" in text and "2 such groups" in text
    assert "no model can get all of them right" in text
    # A number beside the picture may be what makes the difference.
    table = write_table(folder, images, speed=[0.5 * i for i in range(32)])
    beside = "\n".join(str(finding) for finding in inspect_table(table, "label").findings)
    assert "4 pictures are nearly the same as another with another answer" in beside
    assert "unless other columns tell them apart" in beside and "no model can" not in beside


def test_near_duplicates_among_very_many_pictures():
    rng = np.random.default_rng(0)
    thumbnails = rng.integers(0, 256, (40_000, 288)).astype(np.uint8)
    thumbnails[30_000] = np.clip(thumbnails[7].astype(int) + rng.integers(-2, 3, 288), 0, 255)
    thumbnails[20_000:20_100] = 0
    start = time.perf_counter()
    groups = group_pictures(thumbnails, np.ones(40_000, bool))
    assert [group.tolist() for group in groups] == [[7, 30_000]]
    assert time.perf_counter() - start < 15


# Targets -------------------------------------------------------------------------------------------------------------

TARGETS = {
    "words": (TARGET, Label(("go", "stop", "yield"))),
    "booleans": ([True, False] * 30, Label(("False", "True"))),
    "few whole numbers": ([1, 2, 10] * 20, Label(("1", "2", "10"))),
    "signs": ([-1, 1] * 30, Label(("-1", "1"))),
    "lists": (["a|b", "b", "c|a"] * 20, MultiLabel(("a", "b", "c"))),
    "steering": (np.round(np.linspace(-1, 1, N), 3), Value("", -1.0, 1.0)),
}


@pytest.mark.parametrize("case", TARGETS)
def test_what_a_target_becomes(case):
    target, expected = TARGETS[case]
    frame = pd.DataFrame({"words": sentences(), "target": pd.Series(list(target), dtype=object)})
    assert infer_schema(frame, "target")["target"] == expected
    frame["target"] = pd.Series(list(target))
    assert infer_schema(frame, "target")["target"] == expected


def test_prices_are_on_a_log_scale():
    prices = np.round(np.random.default_rng(0).lognormal(6, 1.3, 300), 1)
    part = infer_schema(pd.DataFrame({"words": sentences(300), "price_eur": prices}), "price_eur")["price_eur"]
    assert part.scale == "log" and part.unit == "EUR"
    assert 0 < part.minimum < prices.min() and part.maximum > 5 * prices.max()


def test_several_targets_and_groups():
    frame = pd.DataFrame({"lat": NUMBERS, "lon": NUMBERS + 1, "age": NUMBERS * 2, "sign": TARGET, "size": NUMBERS - 3})
    schema = infer_schema(frame, ["sign", "size"], groups={"location": ["lat", "lon"]})
    assert list(schema.outputs) == ["sign", "size"] and list(schema.inputs) == ["location", "sensors"]
    assert [f.name for f in schema["location"].fields] == ["lat", "lon"]
    assert [f.name for f in schema["sensors"].fields] == ["age"]


BAD_TARGETS = {
    "constant": (["stop"] * N, "'stop' in all rows; there is nothing to learn"),
    "missing": ([None] * N, "missing in all rows"),
    "a text": (sentences(), "60 classes in 60 rows: more classes than half of the rows"),
}


@pytest.mark.parametrize("case", BAD_TARGETS)
def test_targets_that_teach_nothing(case):
    target, message = BAD_TARGETS[case]
    frame = pd.DataFrame({"words": sentences(seed=2), "target": pd.Series(target, dtype=object)})
    inspection = inspect_table(frame, "target")
    assert inspection.schema is None and message in messages(inspection.of_level("error"))
    with pytest.raises(ValueError, match=f"no schema can be made of it:\n  error: column 'target': .*{message}"):
        infer_schema(frame, "target")


def test_classes_that_are_rare_out_of_balance_or_spelt_alike():
    frame = pd.DataFrame({"words": sentences(43), "target": ["stop"] * 36 + ["yield"] * 3 + ["Stop"] * 3 + ["go"]})
    frame.loc[3, "target"] = None
    found = messages(inspect_table(frame, "target").findings)
    assert "class 'go' has a single row (row 42), which can't be both learnt from and tested on" in found
    assert "differ only by case or spaces: 'stop' and 'Stop' (rows 39, 40 and 41)" in found
    assert "the target is missing in 1 row (row 3)" in found
    frame = frame[frame.target != "go"]
    assert "'stop' has 35 rows (85 %), 'Stop' 3; look at F1" in messages(inspect_table(frame, "target").findings)


def test_a_target_that_is_not_there():
    frame = pd.DataFrame({"words": sentences(), "label": TARGET})
    with pytest.raises(
        ValueError, match=r"target: no column 'lable'; did you mean 'label'\? The columns are \['words'"
    ):
        infer_schema(frame, "lable")
    with pytest.raises(ValueError, match="target: name the column"):
        inspect_table(frame)
    with pytest.raises(ValueError, match="split: no column 'fold'"):
        inspect_table(frame, "label", split="fold")


def test_no_column_is_an_input():
    frame = pd.DataFrame({"id": range(N), "one": 1, "label": TARGET})
    with pytest.raises(ValueError, match="no column can be an input"):
        infer_schema(frame, "label")


# The table as a whole ------------------------------------------------------------------------------------------------


def test_duplicates_contradictions_copies_and_rare_values():
    frame = pd.DataFrame({"words": sentences(), "v": NUMBERS, "label": TARGET})
    frame["w"] = frame.v
    frame["same"] = frame.label
    extra = frame.iloc[[0, 1]].copy()
    extra.loc[1, ["label", "same"]] = "go"
    frame = pd.concat([frame, extra], ignore_index=True)
    frame["rare"] = ["a", "b"] * 30 + ["c", "a"]
    frame.loc[60, "rare"] = "a"
    frame.loc[61, "rare"] = "b"
    frame["often empty"] = [1.5, None, None, None, 2.5] * 12 + [2.5, 3.5]
    frame.loc[[60, 61], "often empty"] = frame.loc[[0, 1], "often empty"].to_numpy()
    inspection = inspect_table(frame, "label")
    found = messages(inspection.findings)
    assert "1 row the same as an earlier one in every column (row 60)" in found
    assert "2 rows are equal in all inputs as another with another answer (rows 1 and 61 for one)" in found
    assert inspection.column("w").why == "the same as 'v' in every row"
    assert inspection.column("same").kind == "copy" and "is a copy of the target 'label'" in found
    assert "more than half of the cells are empty: often empty 60 %" in found
    frame.loc[5, "rare"] = "z"
    assert "categories that occur once, about which nothing can be learnt: rare 'z' (row 5)" in messages(
        inspect_table(frame, "label").findings
    )


def test_texts_across_splits():
    texts = sentences()
    texts[50] = texts[2].upper().replace(" ", " - ") + "!"
    frame = pd.DataFrame({"t": texts, "label": TARGET, "part": ["train"] * 40 + ["test"] * 20})
    found = messages(inspect_table(frame, "label").findings)
    assert "2 texts that are the same or nearly so stand in several splits (test and train; rows 2 and 50" in found
    assert "2 texts are the same but for punctuation" in found


def test_columns_that_give_the_answer_away():
    rng = np.random.default_rng(0)
    label = rng.choice(["stop", "yield", "go"], 200)
    code = {"stop": 3.1, "yield": 1.2, "go": 9.9}
    frame = pd.DataFrame(
        {
            "score": [code[x] + rng.normal(0, 0.1) for x in label],
            "kind": [x[0] for x in label],
            "honest": rng.normal(size=200),
            "note": [f"{w} says {x.upper()}s here" for w, x in zip(sentences(200), label, strict=True)],
            "plain": sentences(200, seed=9),
            "only_for_stop": np.where(label == "stop", rng.normal(size=200), np.nan),
            "label": label,
        }
    )
    found = {f.column: f.message for f in inspect_table(frame, "label").findings if f.level == "warning"}
    assert "predicts the target 'label' alone (" in found["score"] and "cross-validation" in found["score"]
    assert "predicts" in found["kind"] and "(yield in 100 % of its texts and 0 % of the others" in found["note"]
    assert not {"honest", "plain"} & set(found)
    frame["twice"] = 2 * frame.score + rng.normal(0, 0.01, 200)
    found = {f.column for f in inspect_table(frame.drop(columns="label"), "score").findings if "predicts" in f.message}
    assert found == {"twice", "kind"}


# Overrides -----------------------------------------------------------------------------------------------------------


def test_everything_can_be_said_otherwise():
    frame = pd.DataFrame(
        {"n": [1, 2, 3, 3] * 15, "c": ["a", "b", "c"] * 20, "v": NUMBERS, "id": range(N), "label": [1, 2, 3] * 20}
    )
    frame["v"] = frame.v % 300
    kinds = {"n": "category", "c": "text", "v": "angle", "id": Number("id", "laps", 0, 100), "label": "value"}
    schema = infer_schema(frame, "label", kinds=kinds, name="laps")
    assert schema.name == "laps" and isinstance(schema["label"], Value) and isinstance(schema["c"], Text)
    assert schema["sensors"].fields == (
        Category("n", ("1", "2", "3")), Angle("v"), Number("id", "laps", 0, 100),
    )  # fmt: skip
    schema = infer_schema(frame, "label", kinds={"c": "ignore", "label": Label(("1", "2", "3", "4"))})
    assert [f.name for f in schema["sensors"].fields] == ["n", "v"] and schema["label"].shape[0] == 4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": {"vv": "text"}}, "kinds: no column 'vv'"),
        ({"kinds": {"v": "float"}}, "kinds: column 'v': expected one of 'text', 'category', .*got 'float'"),
        ({"kinds": {"label": "text"}}, "kinds: column 'label': expected one of 'label', 'multilabel', 'value'"),
        ({"kinds": {"v": Label(("a",))}}, "an object of Number, Angle"),
        ({"groups": {"a b": ["v"]}}, "groups: 'a b' is no identifier"),
        ({"groups": {"g": ["w"]}}, "groups: 'g': no column 'w'"),
        ({"groups": {"g": ["v"], "h": ["v"]}}, "column 'v' is in 'g' already"),
        ({"groups": {"g": ["words"]}}, "groups: 'g': column 'words' is taken for text"),
        ({"unit": {"w": "m"}}, "unit: no column 'w'"),
    ],
)
def test_overrides_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        inspect_table(pd.DataFrame({"v": NUMBERS, "words": sentences(), "label": TARGET}), "label", **options)


def test_overrides_that_do_not_fit_the_cells_are_found():
    assert "1 cell outside of 0..9 (50; row 1)".replace("(50", "('50'") in messages(
        look([1, 50, 3] + [4] * 9 + [5], kinds={"column": Number("x", "", 0, 9)})[2], "error"
    )
    assert "not one of 'a'" in messages(look(["a", "b"] * 9, kinds={"column": Category("x", ("a",))})[2], "error")
    assert "hold no number" in messages(look(["a", "1"] * 9, kinds={"column": "number"})[2], "error")
    assert "no dates in a known format" in messages(look(["a", "b"] * 9, kinds={"column": "date"})[2], "error")
    assert "is empty in all rows" in messages(look([None] * 9, kinds={"column": "number"})[2], "error")


def test_names_that_clash_are_resolved_and_said():
    frame = pd.DataFrame(
        {
            "a b": sentences(seed=1),
            "a_b": sentences(seed=2),
            "sensors": sentences(seed=3),
            "v": NUMBERS,
            "label": TARGET,
        }
    )
    inspection = inspect_table(frame, "label")
    assert list(inspection.schema.inputs) == ["a_b", "a_b_2", "sensors", "sensors_2"]
    assert "rename them" in messages(inspection.of_level("warning"))
    manifest = read_manifest(frame, inspection.schema, columns=inspection.mapping)
    assert bytes(manifest.inputs["a_b_2"][0][:5].astype(np.uint8)).decode() == frame["a_b"][0][:5]


# The schema feeds what reads tables ----------------------------------------------------------------------------------


def test_a_frame_of_any_types_can_be_read_with_its_schema():
    frame = pd.DataFrame(
        {
            "flag": [True, False] * 30,
            "class code": [3, 7, 9] * 20,
            "day": pd.date_range("2024-01-01", periods=N),
            "speed (m/s)": NUMBERS,
            "remark": sentences(),
            "label": [1, 2, 3] * 20,
        }
    )
    schema = infer_schema(frame, "label")
    manifest = read_manifest(frame, schema)
    assert manifest.targets["label"].tolist() == [0, 1, 2] * 20
    fields = [field.name for field in schema["sensors"].fields]
    assert fields == ["flag", "class code", "day", "speed (m/s)"]
    np.testing.assert_array_equal(manifest.inputs["sensors"][:3, 0], [1, 0, 1])
    np.testing.assert_array_equal(manifest.inputs["sensors"][:3, 1], [0, 1, 2])
    assert np.isfinite(manifest.inputs["sensors"]).all()


def test_booleans_and_numbers_as_labels():
    frame = pd.DataFrame({"remark": sentences(), "label": [True, False] * 30})
    assert read_manifest(frame, infer_schema(frame, "label")).targets["label"].tolist() == [1, 0] * 30


# Files of tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_separators_and_byte_order_marks(tmp_path, separator, encoding):
    frame = pd.DataFrame({"größe_cm": NUMBERS, "words": sentences(), "label": TARGET})
    frame.to_csv(tmp_path / "t.csv", sep=separator, index=False, encoding=encoding)
    inspection = inspect_table(tmp_path / "t.csv", "label")
    assert [c.name for c in inspection.columns] == ["größe_cm", "words", "label"]
    assert inspection.schema["sensors"].fields[0].unit == "cm" and not inspection.findings


def test_a_table_in_another_encoding_names_line_and_byte(tmp_path):
    (tmp_path / "t.csv").write_bytes("text,label\nGruss,a\nGrüße,b\n".encode("cp1252"))
    with pytest.raises(ValueError, match=r"t\.csv: not in UTF-8 \(line 3, byte 0xfc, 'ü' if it is Windows-1252\)"):
        inspect_table(tmp_path / "t.csv", "label")
    (tmp_path / "t.csv").write_bytes("text,label\nGruss,a\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"not in UTF-8 \(it is UTF-16"):
        inspect_table(tmp_path / "t.csv", "label")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1,2", "1,2,3", "1,2", "4,5,6"], r"row 3: 3 cells, but 2 columns in the header, and 1 more such rows \(5\)"),
        (["1,2", "1", "1,2"], r"row 3: 1 cells, but 2 columns in the header; is the row cut short\?"),
    ],
)
def test_ragged_rows_are_named(tmp_path, rows, message):
    (tmp_path / "t.csv").write_text("\n".join(["a,label", *rows]) + "\n")
    with pytest.raises(ValueError, match=rf"t\.csv, {message}"):
        inspect_table(tmp_path / "t.csv", "label")


# Paths ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path):
    """A root, and a picture that is not in it."""
    (tmp_path / "root").mkdir()
    picture(1).save(tmp_path / "secret.png")
    for i in range(20):
        picture(i + 10).save(tmp_path / "root" / f"a {i}.png")
    (tmp_path / "root" / "link.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "root" / "folder").symlink_to(tmp_path)
    return tmp_path


def test_paths_within_the_root_only(outside):
    root = outside / "root"
    for cell in ("a 1.png", str(root / "a 1.png"), "./a 1.png", "sub/../a 1.png", root / "a 1.png", "gone.png"):
        assert resolve(root, cell) == root / cell
    for cell in ("../secret.png", str(outside / "secret.png"), "link.png", "folder/secret.png", "/etc/passwd"):
        with pytest.raises(ValueError, match="lies outside of the folder .*allow_outside_root=True"):
            resolve(root, cell)
        assert resolve(root, cell, allow_outside_root=True) == root / cell
    with pytest.raises(ValueError, match="NUL"):
        resolve(root, "a\0b", allow_outside_root=True)


@pytest.mark.parametrize("cell", ["../secret.png", "absolute", "link.png", "folder/secret.png"])
def test_every_reader_refuses_files_outside_of_the_root(outside, cell):
    cell = str(outside / "secret.png") if cell == "absolute" else cell
    table = write_table(outside / "root", [*(f"a {i}.png" for i in range(20)), cell])
    inspection = inspect_table(table, "label")
    assert "1 of 21 files" in messages(inspection.of_level("error")) and "row 22" in messages(inspection.findings)
    with pytest.raises(ValueError, match="(?s)1 of 21 rows.*row 22, column 'image': .*lies outside of the folder"):
        read_manifest(table, inspection.schema)

    class Runs:
        schema = inspection.schema

        def run(self, arrays):
            assert arrays["image"].any()
            return {"label": np.array([0.1, 0.2, 0.7])}

    def rows(**options):
        return list(predict_rows(Runs(), [{"image": cell}], columns=["image"], folder=outside / "root", **options))

    with pytest.raises(ValueError, match="table, row 1, column 'image': .*lies outside of the folder"):
        rows()
    assert rows(allow_outside_root=True)[0]["label"] == "yield"
    assert len(read_manifest(table, inspection.schema, allow_outside_root=True).arrays()[0]["image"]) == 21
    assert not inspect_table(table, "label", allow_outside_root=True).of_level("error")


def test_a_column_of_files_that_are_elsewhere(outside):
    table = write_table(outside, [f"a {i}.png" for i in range(20)], words=sentences(20))
    inspection = inspect_table(table, "label")
    assert inspection.column("image").kind == "unusable"
    assert "20 of 20 files" in messages(inspection.of_level("error")) and "--root" in messages(inspection.findings)
    assert "image" in inspect_table(table, "label", root=outside / "root").schema.inputs
    with pytest.raises(FileNotFoundError, match="root: no such folder"):
        inspect_table(table, "label", root=outside / "no")


# What is written -----------------------------------------------------------------------------------------------------


def test_page_schema_and_terminal(folder, tmp_path, capsys):
    table = write_table(
        folder,
        [f"my images/{i}.png" for i in range(40)],
        "page.csv",
        speed_km_h=NUMBERS[:40],
        words=["<script>alert(1)</script> [bold]" + text for text in sentences(40)],
        id=range(40),
    )
    inspection = inspect_table(table, "label")
    files = write_inspection(inspection, tmp_path / "out")
    page = files[0].read_text()
    assert [file.name for file in files] == ["inspect.html", "schema.json"]
    assert page.count("data:image/jpeg;base64,") == 8 and page.count("<rect") > 5
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
    assert not re.search(r'(src|href)="(?!data:)', page)
    print_inspection(inspection)
    printed = capsys.readouterr().out
    assert "speed_km_h" in printed and "running" in printed or "identifier" in printed


def test_the_terminal_counts_findings_in_words(capsys):
    frame = pd.DataFrame({"speed_km_h": NUMBERS, "nothing": [""] * N, "label": TARGET})
    print_inspection(inspect_table(frame, "label"))
    assert capsys.readouterr().out.splitlines()[-1] == "0 errors, 0 warnings, 1 note."


def test_an_edited_schema_is_checked_against_the_table(tmp_path):
    frame = pd.DataFrame({"speed_km_h": NUMBERS, "words": sentences(), "unused": NUMBERS + 1, "label": TARGET})
    frame.to_csv(tmp_path / "t.csv", index=False)
    schema = infer_schema(tmp_path / "t.csv", "label", kinds={"unused": "ignore"})
    schema.save(tmp_path / "schema.json")
    edited = (tmp_path / "schema.json").read_text().replace('"unit": "km/h"', '"unit": "kn"')
    edited = re.sub(r'"maximum": [\d.]+', f'"maximum": {NUMBERS[7] - 0.001}', edited)
    (tmp_path / "schema.json").write_text(edited)
    schema = Schema.load(tmp_path / "schema.json")
    inspection = inspect_table(tmp_path / "t.csv", schema=schema)
    assert inspection.schema == schema and inspection.column("unused").kind == "ignore"
    high = int((NUMBERS > NUMBERS[7] - 0.001).sum())
    assert f"{high} cell{'s' * (high > 1)} outside of" in messages(inspection.of_level("error"))
    assert "kn (" in messages(inspection.of_level("error"))
    with pytest.raises(ValueError, match="no column"):
        inspect_table(frame.drop(columns="words"), schema=schema)


def test_the_command(folder, tmp_path, monkeypatch):
    from mmzoo.cli import app

    monkeypatch.setenv("COLUMNS", "200")
    table = write_table(
        folder, [f"my images/{i}.png" for i in range(40)], "c.csv", lat=NUMBERS[:40], n=[1, 2, 3, 4] * 10
    )
    words = ["inspect", str(table), "--target", "label", "--kind", "n=category", "--group", "place=lat"]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    schema = Schema.load(tmp_path / "out" / "schema.json")
    assert list(schema.inputs) == ["image", "place", "sensors"]
    assert schema["sensors"] == Sensors([Category("n", ("1", "2", "3", "4"))])
    done = CliRunner().invoke(app, ["inspect", str(table), "--schema", str(tmp_path / "out" / "schema.json")])
    assert done.exit_code == 0, done.output
    table.write_text(table.read_text().replace(",1,", ",9,"))
    done = CliRunner().invoke(app, ["inspect", str(table), "--schema", str(tmp_path / "out" / "schema.json")])
    assert done.exit_code == 1 and "not one of" in done.output


def test_it_is_quick():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"v{i}": rng.normal(size=10_000) for i in range(10)})
    frame["text"] = sentences(10_000)
    frame["day"] = [f"{i % 28 + 1:02}.{i % 12 + 1:02}.{1990 + i % 30}" for i in range(10_000)]
    frame["label"] = rng.choice(["a", "b", "c"], 10_000)
    start = time.perf_counter()
    assert inspect_table(frame, "label").schema["sensors"].shape == (11,)
    assert time.perf_counter() - start < 30


def test_lazy_names():
    assert mmzoo.infer_schema is infer_schema and mmzoo.inspect_table is inspect_table


# Real tables ---------------------------------------------------------------------------------------------------------


def real(name, target, **options):
    data = os.environ.get("MMZOO_DATA")
    if not data or not (pathlib.Path(data) / name / "metadata.csv").is_file():
        pytest.skip(f"needs MMZOO_DATA=<directory with {name}/metadata.csv>")
    table = pathlib.Path(data) / name / "metadata.csv"
    inspection = inspect_table(table, target, **options)
    readable_but_for_the_findings(table, inspection)
    return inspection


def readable_but_for_the_findings(table, inspection):
    """Every cell that the reader of tables refuses is in a row that a finding names."""
    frame = mmzoo.data.tables.table.read_table(table)[0]
    chosen = choose_columns(inspection.schema, list(frame.columns), inspection.mapping, "t", targets=True)
    reader = CellReader(frame, table.parent)
    for (name, index), column in chosen.items():
        part = inspection.schema[name]
        if isinstance(part, Sensors):
            reader.fields([column], [part.fields[index]])
        elif isinstance(part, (Image, Audio)):
            reader.files(column, part)
        elif isinstance(part, Text):
            reader.column(column, part)
        else:
            reader.targets(column, part, name)
    named = {(f.column, row) for f in inspection.findings for row in f.rows}
    refused = {(p.column, p.row) for problems in reader.problems.values() for p in problems}
    assert refused <= named


def kinds(inspection):
    return {column.name: column.kind for column in inspection.columns}


def test_flipkart():
    inspection = real("flipkart_1050", "category")
    assert kinds(inspection) == {
        "uniq_id": "identifier",
        "image": "image",
        "product_name": "text",
        "description": "text",
        "brand": "text",
        "retail_price_inr": "number",
        "discounted_price_inr": "number",
        "category": "label",
        "suggested_split": "split",
    }
    assert inspection.schema["image"] == Image(64, 64) and inspection.schema["description"].length == 256
    assert len(inspection.schema["category"].classes) == 7
    assert "Watches in 9" in messages(inspection.of_level("warning"))
    price = real("flipkart_1050", "retail_price_inr").schema["retail_price_inr"]
    assert (price.unit, price.scale) == ("INR", "log")


def test_ham10000():
    inspection = real("ham10000_subset", "dx")
    found = kinds(inspection)
    assert (found["path"], found["lesion_id"], found["age"]) == ("image", "identifier", "number")
    assert (found["sex"], found["localization"], len(inspection.schema["dx"].classes)) == ("category", "category", 7)
    assert "classes are out of balance" in messages(inspection.findings)


def test_covid():
    inspection = real("covid_cxr", "finding")
    found = kinds(inspection)
    assert (found["clinical_notes"], found["other_notes"]) == ("text", "text")
    assert {found[name] for name in ("temperature", "pO2_saturation", "leukocyte_count", "age")} == {"number"}
    assert {found[name] for name in ("patientid", "doi", "url")} == {"identifier"} and found["modality"] == "constant"
    text = messages(inspection.findings)
    assert "dates in several formats" in text and "COVID-19 in 30 % of its texts" in text
    assert "leukocyte_count 98 %" in text and "group='patientid'" in text


def test_mvsa():
    inspection = real("mvsa_single_4000", "label")
    assert list(kinds(inspection).values()) == ["identifier", "image", "text", "label", "split"]
    assert "stand in several splits (train and val" in messages(inspection.findings)


def test_driving_sim():
    inspection = real("driving_sim", "steering")
    assert inspection.schema["steering"] == Value("", -1.0, 1.0)
    assert inspection.schema["sensors"].fields[-1].unit == "mph" and kinds(inspection)["index"] == "identifier"
