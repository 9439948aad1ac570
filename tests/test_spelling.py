"""Labels and categories are compared by value, however a program has written them."""

from __future__ import annotations

import datetime
import re

import hypothesis
import numpy as np
import pandas as pd
import pytest
from hypothesis import strategies as st

from mmzoo.data.tables.cells import CellReader
from mmzoo.encoding import spelling
from mmzoo.encoding.missing import is_missing
from mmzoo.encoding.spelling import find_name
from mmzoo.inspection import inspect_table
from mmzoo.inspection.deciding.decision import sorted_names
from mmzoo.inspection.reading.cells import Cells
from mmzoo.schema import Category, Image, Label, MultiLabel, Number, Schema, Sensors, Series, Text, Value

STARS = ("1", "2", "3", "4", "5")
fuzz = hypothesis.settings(max_examples=200, deadline=None)


# The comparison ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "value", "found"),
    [
        (STARS, 1.0, "1"),
        (STARS, "4.0", "4"),
        (STARS, " 5", "5"),
        (STARS, np.int64(3), "3"),
        (STARS, np.float32(2), "2"),
        (STARS, "2e0", "2"),
        (STARS, 0, None),
        (STARS, "0", None),
        (STARS, 1.5, None),
        (STARS, True, None),
        (STARS, "1_0", None),
        (STARS, "one", None),
        (("True", "False"), "TRUE", "True"),
        (("TRUE", "FALSE"), False, "FALSE"),
        (("true", "false"), np.bool_(True), "true"),
        (("True", "False"), 1, None),
        ((" a", "a"), " a", " a"),
        ((" a", "a"), "a", "a"),
        ((" a", "a"), "a ", None),
        (("1", "1.0"), "1.0", "1.0"),
        (("1", "1.0"), "1.00", None),
        (("1.1", "1.10"), "1.10", "1.10"),
        (("1.1", "1.10"), 1.1, "1.1"),
        (("0.5", "1"), "0.50", "0.5"),
        (("01067", "80331"), 1067, "01067"),
        (("007", "7"), "7.0", "7"),
        (("007", "7"), "07", None),
        (("-0", "1"), 0, "-0"),
        (("A", "a"), "a", "a"),
        (("yes", "no"), "Yes", None),
        (("12345678901234567890", "1"), "12345678901234567891", None),
        (("2020-01-01", "x"), datetime.date(2020, 1, 1), "2020-01-01"),
        (("nan", "inf"), "Infinity", None),
        (("a", "b"), ["a"], None),
        (("a", "b"), b"a", None),
    ],
)
def test_which_name_a_value_means(names, value, found):
    place = find_name(names, value)
    assert (None if place is None else names[place]) == found


def test_a_number_of_thousands_of_digits_is_none_of_the_names():
    assert find_name(STARS, 10**5000) is None and find_name(STARS, -(10**5000)) is None


def test_spaces_are_those_that_strip_takes_away():
    for character in map(chr, range(0x3100)):
        assert bool(re.fullmatch(f"[{spelling.SPACES}]", character)) == (not character.strip()), hex(ord(character))


whole = st.integers(-(10**17), 10**17)
cells = st.one_of(
    st.none(),
    st.booleans(),
    whole,
    st.floats(allow_infinity=False),
    st.text(max_size=4),
    st.text("01.+-eE_ ", max_size=6),
    st.sampled_from(["TRUE", "true", "True", " a", "a", "A", "1", "1.0", "01", "1.", "nan", "NA", "\u00a0b", "b", "İ"]),
    st.dates(datetime.date(1970, 1, 1), datetime.date(2050, 1, 1)),
)


@fuzz
@hypothesis.given(st.lists(cells, min_size=1, max_size=12))
def test_every_cell_of_a_table_finds_the_class_it_had(column):
    read = Cells("c", pd.Series(column, dtype=object))
    names = sorted_names(read.values)
    assert len({spelling.canonical(name) for name in names}) == len(names)
    for cell, code in zip(column, read.codes.tolist(), strict=True):
        if code < 0:
            continue
        wanted = read.values[code]
        for way in (cell, spelling.as_word(cell), f" {spelling.as_word(cell)}\t"):
            place = find_name(names, way)
            assert place is not None and names[place] == wanted, way
        Category("c", names).encode(cell, "c")


@fuzz
@hypothesis.given(st.lists(whole, min_size=1, max_size=8, unique=True), whole)
def test_a_number_means_the_name_of_its_value_and_never_a_place(numbers, other):
    names = tuple(map(str, numbers))
    for place, number in enumerate(numbers):
        ways = [number, str(number), f"{number}.0", f"{number}.", f" {number}.000 "] + [f"+{number}"] * (number >= 0)
        ways += [float(number), np.float64(number)] if abs(number) <= 2**53 else []
        assert [find_name(names, way) for way in ways] == [place] * len(ways)
    if other not in numbers:
        assert find_name(names, other) is None


# Labels, categories, tables ------------------------------------------------------------------------------------------


def test_labels_as_floats_are_the_classes_of_their_value():
    label = Label(STARS)
    assert [int(label.encode_target(value, "y")) for value in (1.0, "2.0", " 3", 4)] == [0, 1, 2, 3]
    for unseen in (0, "0", 6.0, 1.5, True):
        with pytest.raises(ValueError, match=r"^row 7: unknown label .*; expected one of '1', '2', '3', '4', '5'$"):
            label.encode_target(unseen, "row 7")
    tags = MultiLabel(STARS)
    assert tags.encode_target("1.0| 5", "y").tolist() == tags.encode_target("5|1", "y").tolist() == [1, 0, 0, 0, 1]
    assert tags.encode_target(2.0, "y").tolist() == [0, 1, 0, 0, 0]
    with pytest.raises(ValueError, match="unknown label '0'"):
        tags.encode_target("1|0", "y")


def test_numbers_are_places_only_where_all_of_the_column_is():
    label = Label(("stop", "yield"))
    with pytest.raises(ValueError, match=r"unknown label 1; expected one of 'stop', 'yield'; or all of the column"):
        label.encode_target(1, "y")
    for column in ([0, 1, None], ["1.0", "", "0"], [1.0, float("nan")]):
        read_as = label.of_column(column)
        assert read_as is not label
        assert [int(read_as.encode_target(cell, "y")) for cell in column if not is_missing(cell)] in (
            [0, 1],
            [1, 0],
            [1],
        )
    assert label.of_column(["0", "NA", "1", " "]) is not label
    for column in ([0, 1, 2], [0, "stop"], [1, 0.5], [True, False], [], [None]):
        assert label.of_column(column) is label
    assert Label(STARS).of_column([0, 1, 2]).classes == STARS, "a class is a number"


def read_column(column, output):
    frame = pd.DataFrame({"y": column}, index=range(2, len(column) + 2), dtype=object)
    reader = CellReader(frame, root=None)
    return reader.targets("y", output, "y"), reader


def test_a_table_says_what_it_read_as_something_else():
    targets, reader = read_column(["stop", " yield", "stop"], Label(("stop", "yield")))
    assert targets.tolist() == [0, 1, 0] and reader.notes == {"y": "read ' yield' as 'yield'"}
    targets, reader = read_column([0, 1, 1], Label(("stop", "yield")))
    assert targets.tolist() == [0, 1, 1] and not reader.problems
    assert "numbers of classes" in reader.notes["y"] and "1 as 'yield'" in reader.notes["y"]
    targets, reader = read_column([1.0, 2.0, 5.0], Label(STARS))
    assert targets.tolist() == [0, 1, 4] and not reader.notes, "pandas wrote it so"
    _, reader = read_column(["1", "0", "stop", "3"], Label(STARS))
    assert sorted(reader.problems) == [1, 2]
    assert str(reader.problems[1][0]).startswith("row 3, column 'y': unknown label '0'")


@pytest.mark.parametrize("cell", [1.0, 1, "1.0", " 1", "+1"])
def test_categories_are_compared_alike_in_mappings_and_tables(cell):
    field = Category("gear", ("1", "2"))
    frame = pd.DataFrame({"gear": pd.Series([cell, None], dtype=object)})
    assert CellReader(frame, root=None).fields(["gear"], [field]).tolist()[0] == [0.0]
    schema = Schema("s", {"car": Sensors((field,)), "past": Series(2, (field,))}, {"y": Value()})
    encoded = schema.encode({"car": {"gear": cell}, "past": [{"gear": cell}]})
    assert encoded["car"].tolist() == [0.0] and encoded["past"][1].tolist() == [0.0]


def test_inspect_reads_several_spellings_as_one_and_says_so():
    stars = ["1", "1.0", "2", "2"] * 6
    frame = pd.DataFrame({"on": ["TRUE", "True", "False", "True"] * 6, "speed": np.arange(24) * 1.5, "stars": stars})
    inspection = inspect_table(frame, "stars")
    schema = inspection.schema
    assert len(schema["stars"].classes) == 2 and schema["stars"].class_counts(np.array([0] * 12 + [1] * 12)).sum() == 24
    assert [int(schema["stars"].encode_target(cell, "")) for cell in ("1", "1.0", "2")] == [0, 0, 1]
    assert schema["sensors"].fields[0].categories == ("False", "True")
    found = [str(finding) for finding in inspection.findings if "in several spellings" in finding.message]
    assert len(found) == 2 and "'1' and '1.0' as " in "".join(found) and "'TRUE' and 'True' as 'True'" in "".join(found)
    checked = inspect_table(frame.assign(stars=[1.0, 1.0, 2.0, 2.0] * 6), schema=schema)
    assert not checked.of_level("error")


def test_inspect_says_that_a_column_holds_numbers_of_classes():
    schema = Schema("s", {"text": Text(16)}, {"sign": Label(("go", "stop"))})
    texts = [f"a text of its own {i}" for i in range(8)]
    found = inspect_table(pd.DataFrame({"text": texts, "sign": [0, 1] * 4}), schema=schema).findings
    assert any("numbers of classes" in finding.message for finding in found)
    found = inspect_table(pd.DataFrame({"text": texts, "sign": ["0", "1", "go", "stop"] * 2}), schema=schema)
    assert "4 cells not one of the classes 'go', 'stop'" in str(found.of_level("error")[0])


# Missing -------------------------------------------------------------------------------------------------------------

MISSING = [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, np.datetime64("NaT")]
EVERY_KIND = Schema(
    "every",
    {
        "photo": Image(4, 4),
        "note": Text(8),
        "tokens": Text(4, "ngrams", buckets=9),
        "car": Sensors((Number("speed"), Category("gear", ("1", "2")))),
        "past": Series(3, (Number("speed"),)),
    },
    {"kind": Label(("a", "b")), "tags": MultiLabel(("a", "b")), "price": Value()},
)


@pytest.mark.parametrize("missing", MISSING, ids=lambda value: type(value).__name__)
def test_whatever_stands_for_missing_is_missing_for_every_kind(missing):
    nothing = EVERY_KIND.missing()
    for raw in (
        dict.fromkeys(EVERY_KIND.inputs, missing),
        {"car": {"speed": missing, "gear": missing}, "past": [missing, {"speed": missing}]},
    ):
        for name, array in EVERY_KIND.encode(raw).items():
            np.testing.assert_array_equal(array, nothing[name], name)
    for output in EVERY_KIND.outputs.values():
        assert not output.has_target(output.encode_target(missing, "y")[None]).any()
    frame = pd.DataFrame({"c": pd.Series([missing, missing], dtype=object)})
    reader = CellReader(frame, root=None)
    for name, modality in EVERY_KIND.inputs.items():
        if modality.is_column:
            np.testing.assert_array_equal(reader.column("c", modality)[1], nothing[name])
    assert np.isnan(reader.fields(["c", "c"], EVERY_KIND["car"].fields)).all() and not reader.problems
