"""Times and other large numbers: what float32 would blur is counted from an origin; and what inspect says of times."""

from __future__ import annotations

import dataclasses
import datetime

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from mmzoo.data.tables.cells import CellReader
from mmzoo.inspection import inspect_table
from mmzoo.inspection.reading.origins import blur, origin_of_days, sensible_origin
from mmzoo.schema import Angle, Category, Date, Label, Number, Schema, Sensors, Series, Value

START = datetime.datetime(2024, 3, 1, tzinfo=datetime.UTC)
ROWS = 40


def times(step, form="%Y-%m-%dT%H:%M:%S"):
    return [(START + i * step).strftime(form) for i in range(ROWS)]


def look(name, column, **options):
    """The field that a column becomes, and the findings on it."""
    frame = pd.DataFrame({name: pd.Series(column, dtype=object), "road": ["city", "land", "city", "sea"] * (ROWS // 4)})
    frame["note"] = [f"some words of its own {i}" for i in range(ROWS)]
    inspection = inspect_table(frame, "road", **options)
    assert not inspection.of_level("error")
    fields = inspection.schema["sensors"].fields if "sensors" in inspection.schema.inputs else ()
    return next((f for f in fields if f.name == name), None), [
        str(finding) for finding in inspection.findings if finding.column == name
    ]


MILLISECONDS = np.cumsum(np.random.default_rng(0).integers(100, 60_000, ROWS)) + 1_709_251_200_000


@pytest.mark.parametrize(
    ("numbers", "needed"),
    [
        (MILLISECONDS, True),
        (np.linspace(1.4e12, 1.72e12, 50), True),
        (4_900_000_000 + np.arange(50) * 7, True),
        (5_000_000 + np.linspace(0, 1, 50), True),
        (48.137 + np.linspace(0, 1e-4, 50), True),
        (48.13712 + np.linspace(0, 0.1, 50), False),
        (np.linspace(-90, 90, 50), False),
        (np.linspace(0, 5e7, 50), False),
        (np.geomspace(1, 1e12, 50), False),
        (np.array([3.0, 3.0]), False),
        (np.array([2.0**25, 2.0**25]), False),
        (np.arange(2000, 2026), False),
    ],
)
def test_which_numbers_need_an_origin(numbers, needed):
    numbers = np.random.default_rng(0).permutation(np.asarray(numbers, float))
    origin = sensible_origin(numbers)
    assert bool(origin) == needed
    if needed:
        assert blur(numbers) >= 8 * np.spacing(np.float32(np.abs(numbers - origin).max()))
        assert len(np.unique((numbers - origin).astype(np.float32))) == len(np.unique(numbers))
        assert len(f"{origin:.15g}".strip("0").replace(".", "")) <= 9, "a round number"


def test_days_need_an_origin_where_they_have_a_time():
    assert origin_of_days(np.array([19_783.0, 19_790.0])) == 0
    assert origin_of_days(np.array([19_783.25, 19_790.5])) == 19_787
    assert origin_of_days(np.array([-300.25, 300.5])) == 0


def test_milliseconds_stay_apart_from_the_table_to_the_tensor():
    field, found = look("stamp", MILLISECONDS)
    assert isinstance(field, Number) and field.origin
    assert "would round these numbers to steps of 131072" in found[0]
    frame = pd.DataFrame({"stamp": MILLISECONDS})
    tensor = CellReader(frame, root=None).fields(["stamp"], [field])[:, 0]
    assert tensor.dtype == np.float32 and len(np.unique(tensor)) == ROWS
    np.testing.assert_array_equal(tensor.astype(float) + field.origin, MILLISECONDS)
    schema = Schema("s", {"a": Sensors((field,)), "b": Series(1, (field,))}, {"y": Value()})
    one = schema.encode({"a": {"stamp": int(MILLISECONDS[3])}, "b": [{"stamp": float(MILLISECONDS[3])}]})
    assert one["a"][0] == one["b"][0, 0] == tensor[3]
    assert schema["a"].raw_columns("a") == {"a_stamp": ("float64", ())}
    assert f"float32(number - {field.origin:.17g})" in field.contract()
    assert field.in_words(tensor[3]) == f"stamp {MILLISECONDS[3]}"


def test_minutes_and_seconds_of_dates_stay_apart():
    field, _ = look("seen", times(datetime.timedelta(hours=7, seconds=1)))
    assert field == Date("seen", "", field.origin) and field.origin == 19_789
    days = [field.encode(text, "") for text in times(datetime.timedelta(hours=7, seconds=1))]
    seconds = np.diff(np.array(days, np.float32).astype(float)) * 86_400
    np.testing.assert_allclose(seconds, 7 * 3600 + 1, atol=0.1)
    assert look("day", times(datetime.timedelta(days=1), "%Y-%m-%d"))[0].origin == 0


def test_the_schema_keeps_the_origin_and_old_ones_read_as_before():
    fields = (Number("t", "ms", 1.6e12, 1.8e12, 1.7e12), Number("v"), Date("d", "", 19_700), Date("e"), Angle("a"))
    schema = Schema("s", {"x": Sensors(fields)}, {"y": Label(("a", "b"))})
    assert Schema.from_json(schema.to_json()) == schema
    trees = schema.to_dict()["inputs"]["x"]["fields"]
    assert [tree.get("origin") for tree in trees] == [1.7e12, None, 19_700.0, None, None]
    old = schema.to_dict() | {"mmzoo_schema": 2}
    for tree in old["inputs"]["x"]["fields"]:
        tree.pop("origin", None)
    read = Schema.from_dict(old)
    assert [field.origin for field in read["x"].fields] == [0.0] * 5
    assert read.encode({"x": {"d": "2024-03-01", "t": 1.7e12}})["x"][[0, 2]].tolist() == [np.float32(1.7e12), 19_783.0]
    assert read["x"].meaning() != schema["x"].meaning(), "weights of the one don't fit the other"


def test_bounds_are_in_the_raw_unit_and_checked_behind_the_origin():
    field = Number("t", "ms", 1.6e12, 1.8e12, 1.7e12)
    assert field.extremes == (-1e11, 1e11) and field.encode(1.6e12, "t") == -1e11
    with pytest.raises(ValueError, match=r"^t: 1590000000000 ms is outside 1600000000000\.\.1800000000000 ms$"):
        field.encode(1.59e12, "t")
    sensors = Sensors((field,))
    sensors.check(np.float32([[-1e11], [1e11], [np.nan]]), "x")
    with pytest.raises(ValueError, match="expected -100000000000..100000000000 ms"):
        sensors.check(np.float32([[1.7e12]]), "x")
    for wrong, message in (
        ({"origin": "0"}, "origin: expected a number"),
        ({"origin": float("inf")}, "origin: expected a finite number"),
        ({"minimum": 0.0, "maximum": 1.0, "origin": 1e12}, "can't tell the lowest and the highest number apart"),
    ):
        with pytest.raises(ValueError, match=message):
            dataclasses.replace(field, **wrong)
    with pytest.raises(ValueError, match="expected a whole number of days"):
        Date("d", "", 0.5)


def test_offsets_are_converted():
    day, moment = Date("d"), datetime.datetime(2024, 3, 1, 23, 30)
    wanted = (moment - datetime.datetime(1970, 1, 1)) / datetime.timedelta(days=1)
    east = datetime.timezone(datetime.timedelta(hours=5, minutes=30))
    aware = moment.replace(tzinfo=datetime.UTC)
    for value in (
        "2024-03-01T23:30:00Z",
        "2024-03-02T05:00:00+05:30",
        "2024-03-01T23:30",
        aware.astimezone(east),
        pd.Timestamp(aware).tz_convert("America/New_York"),
        np.datetime64("2024-03-01T23:30"),
    ):
        assert day.encode(value, "d") == wanted
    assert Date("d", "%d/%b/%Y:%H:%M:%S %z").encode("02/Mar/2024:05:00:00 +0530", "d") == wanted
    day.encode("0001-01-01T00:00:00+05:00", "d")
    frame = pd.DataFrame({"d": pd.to_datetime(["2024-03-02T05:00:00+05:30", None])})
    assert CellReader(frame, root=None).fields(["d"], [day])[0, 0] == np.float32(wanted)


def test_inspect_warns_of_times_that_may_be_meant_otherwise():
    _, found = look("seen", times(datetime.timedelta(days=1, hours=1), "%d.%m.%y"))
    assert "years of two digits" in found[0] and "2024-03-01 to 2024-04-10" in found[0]
    ahead = datetime.datetime.now() + datetime.timedelta(days=30)
    some = [*times(datetime.timedelta(days=1), "%Y-%m-%d")[1:], f"{ahead:%Y-%m-%d}"]
    _, found = look("seen", some)
    assert "1 date in the future" in "".join(found) and "row 39" in "".join(found)
    some = times(datetime.timedelta(hours=5))
    some[3:] = [f"{text}+02:00" for text in some[3:]]
    _, found = look("seen", some)
    assert "the 3 cells without (rows 0, 1 and 2) are taken as UTC" in "".join(found)
    assert not look("seen", times(datetime.timedelta(days=1), "%Y-%m-%d"))[1]


def test_inspect_warns_of_an_origin_that_is_not_there():
    _, found = look("stamp", MILLISECONDS, kinds={"stamp": Number("stamp", "ms", 1.6e12, 1.8e12)})
    assert "float32 rounds these numbers to steps of 131072; set origin=17092" in "".join(found)
    frame = pd.DataFrame({"note": [f"words of its own {i}" for i in range(ROWS)], "stamp": MILLISECONDS})
    found = inspect_table(frame, "stamp").of_level("warning")
    assert any("a model's answers are float32: subtract a number such as 17092" in str(one) for one in found)


def test_golden_values_of_an_origin_are_within_its_range():
    rng = np.random.default_rng(0)
    dates = (Date("d", "", 19_700), Date("d", "%d/%b/%Y:%H:%M:%S %z"))
    for field in (Number("t", "ms", 1.6e12, 1.8e12, 1.7e12), *dates, Category("c", ("a", "b"))):
        for raw in (field.golden(rng), field.golden_extreme(0), field.golden_extreme(1)):
            number = np.float32(field.encode(raw, "x"))
            assert field.extremes[0] <= number <= field.extremes[1]


def test_twelve_bits_in_sixteen(tmp_path):
    rng = np.random.default_rng(0)
    for depth in (4096, 65_536):
        for i in range(ROWS):
            pixels = rng.integers(0, depth, (20, 20)).astype(np.uint16)
            Pillow.fromarray(pixels).save(tmp_path / f"{depth}-{i}.png")
        frame = pd.DataFrame({"scan": [f"{depth}-{i}.png" for i in range(ROWS)], "kind": ["a", "b"] * (ROWS // 2)})
        found = [str(one) for one in inspect_table(frame, "kind", root=tmp_path).findings if "16 bits" in str(one)]
        assert len(found) == (depth == 4096)
    assert "40 pictures of 16 bits" not in "".join(found)
