"""Names of any characters: one ASCII name each, derived once; the table's own wherever a person reads."""

from __future__ import annotations

import copy
import dataclasses
import json
import pathlib
import pickle
import string

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes.running.arms import Arm
from mmzoo.schema import Category, Image, Label, Number, Schema, Sensors, Text, Value
from mmzoo.schema.columns import match_columns, raw_sample
from mmzoo.schema.names import LONGEST_NAME, ascii_name, ascii_names, is_good, unique_names

GOOD = st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,20}\Z")
# What a cell of a header can hold, and what is most likely to go wrong with it.
ANY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NEAR = st.text(st.sampled_from("aA._- +%²ä1°温"), min_size=1, max_size=4)
NAMES = st.lists(st.one_of(ANY, NEAR, GOOD), min_size=1, max_size=12, unique=True)
fast = hypothesis.settings(max_examples=60, deadline=None, derandomize=True)


def is_sound(names):
    """ASCII, as graphs take it, and unique without regard to case."""
    lower = [name.lower() for name in names]
    return all(name.isascii() and is_good(name) for name in names) and len(set(lower)) == len(lower)


@fast
@hypothesis.given(NAMES)
def test_any_names_become_ascii_names_that_are_unique_without_regard_to_case(names):
    found = ascii_names(names)
    assert list(found) == names and is_sound(found.values())
    # The same again, and of what is derived already.
    assert ascii_names(names) == found and ascii_names(found.values()) == {name: name for name in found.values()}
    assert all(ascii_names([name]) == {name: ascii_name(name)} for name in names)
    # Whoever has a name keeps it, whatever comes later.
    assert {name: ascii_names([*names, "later", "Später"], found)[name] for name in names} == found


@fast
@hypothesis.given(st.lists(GOOD, min_size=1, max_size=12, unique_by=str.lower), NAMES)
def test_good_names_stay_as_they_are_beside_any_others(good, others):
    others = [name for name in others if name.lower() not in {one.lower() for one in good}]
    found = ascii_names([*others, *good])
    assert {name: found[name] for name in good} == {name: name for name in good}


@fast
@hypothesis.given(NAMES, st.lists(st.one_of(ANY, NEAR), min_size=1, max_size=4, unique=True))
def test_a_schema_of_any_names_keeps_them_and_gives_files_sound_ones(columns, fields):
    inputs = {name: Text(4) for name in columns[1:]}
    sensors = next(name for name in ("sensors", *map(str, range(20))) if name not in columns)
    inputs[sensors] = Sensors([Number(field) for field in fields])
    schema = Schema("any", inputs, {columns[0]: Label(("a", "b"))})
    assert is_sound(schema.tensor_names.values()) and is_sound(schema.raw_names.values())
    again = Schema.from_json(schema.to_json())
    assert again == schema and again.tensor_names == schema.tensor_names and again.raw_names == schema.raw_names
    for twin in (pickle.loads(pickle.dumps(schema)), copy.deepcopy(schema), schema.with_outputs(schema.outputs)):
        assert twin == schema
    # An arm's model of one input calls it as the whole model does.
    arm = dataclasses.replace(schema, inputs={sensors: inputs[sensors]})
    assert arm.tensor_names.items() <= schema.tensor_names.items()
    numbers = dict.fromkeys(schema.tensor_names, 1)
    assert schema.from_tensors(schema.to_tensors(numbers)) == numbers
    # Every column finds its input by its own name.
    free = [field for field in fields if field not in columns and f"{sensors}_{field}" not in (*columns, *fields)]
    free = [field for field in free if f"{sensors}.{field}" not in (*columns, *fields)]
    matches = match_columns(schema, [*columns[1:], *free], "t") if columns[1:] or free else {}
    assert matches == {
        **{name: (name, None) for name in columns[1:]},
        **{field: (sensors, fields.index(field)) for field in free},
    }


# What was found in practice ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (["oil temp", "temp (C)", "oil-temp", "Öltemperatur"], ["oil_temp", "temp_C", "oil_temp_2", "Oltemperatur"]),
        (["Temp", "temp"], ["Temp", "temp_2"]),
        (["pm2.5", "pm2_5"], ["pm2_5_2", "pm2_5"]),
        (["x+", "x-", "x"], ["x_2", "x_3", "x"]),
        (["1st", "CO₂", "Qualität", "Straße", "100 %"], ["n1st", "CO2", "Qualitat", "Strasse", "n100_percent"]),
        (["温度", "湿度", "_id", "\n"], ["name", "name_2", "id", "name_3"]),
        (["RPM", "class", "image_2"], ["RPM", "class", "image_2"]),
        (["a" * 131_072, "a" * 131_071], ["a" * LONGEST_NAME, "a" * (LONGEST_NAME - 2) + "_2"]),
    ],
)
def test_names_of_columns(columns, names):
    assert list(ascii_names(columns).values()) == names


def test_names_of_columns_in_a_schema():
    sensors = Sensors(
        [Number("oil temp"), Number("2m_temp"), Category("温度", ("kalt",)), Number("Temp"), Number("temp")]
    )
    schema = Schema(
        "s",
        {"sensors": sensors, "class": Text(4), "sensors_Temp": Text(4), "self": Text(4)},
        {"Qualität": Value(), "while": Value()},
    )
    # "class" can be no parameter of a SavedModel; an output is none.
    assert schema.tensor_names == {
        **{"sensors": "sensors", "class": "class_", "sensors_Temp": "sensors_Temp", "self": "self_"},
        **{"Qualität": "Qualitat", "while": "while"},
    }
    assert list(schema.raw_names.values()) == [
        *("sensors_oil_temp", "sensors_2m_temp", "sensors_name", "sensors_Temp", "sensors_temp_2"),
        *("class_", "sensors_Temp_3", "self_"),
    ]
    assert schema.to_dict()["mmzoo_schema"] == 3
    assert schema.to_dict()["tensor_names"] == {"class": "class_", "self": "self_", "Qualität": "Qualitat"}


def test_schemas_of_earlier_versions_stay_as_they_are():
    good = Schema("s", {"Photo_1": Image(4, 4), "text": Text(4)}, {"class": Label(("a", "b"))})
    assert "tensor_names" not in good.to_dict()
    for file in pathlib.Path(saved_models_dir()).glob("*/schema.json"):
        schema = Schema.load(file)
        assert schema.to_dict() | {"mmzoo_schema": 0} == json.loads(file.read_text("utf-8")) | {"mmzoo_schema": 0}
        assert all(name == tensor for name, tensor in schema.tensor_names.items())
        assert all(column == raw for (_, column), raw in schema.raw_names.items())
    # Names that would be called otherwise today.
    tree = Schema("s", {"text": Text(4)}, {"y": Value()}).to_dict()
    tree["inputs"] = {"_1st": tree["inputs"]["text"], "x" * 120: tree["inputs"]["text"]}
    assert all(name == tensor for name, tensor in Schema.from_dict(tree).tensor_names.items())
    # An input called by its column's letters and digits alone still finds the column, if there is no other.
    old = Schema("s", {"Product_name": Text(4)}, {"y": Value()})
    assert match_columns(old, ["Product name"], "t") == {"Product name": ("Product_name", None)}
    assert match_columns(old, ["Product name", "Product_name"], "t") == {"Product_name": ("Product_name", None)}


def test_values_typed_for_names_with_signs():
    schema = Schema("s", {"a=b": Text(4), "sensors": Sensors([Number("oil temp", maximum=99)])}, {"y": Value()})
    assert raw_sample(schema, settings=["a=b=c=d", "oil temp=3"]) == {"a=b": "c=d", "sensors": {"oil temp": 3.0}}
    with pytest.raises(ValueError, match="no such input or field 'x'"):
        raw_sample(schema, settings=["x=1=2"])


def test_no_two_arms_share_a_folder():
    columns = ["x+", "x-", "x_", "a b", "a_b", "a/b", "Temp", "temp", "../up", *string.punctuation]
    folders = [Arm(f"{column} alone", ()).folder for column in columns]
    assert len({folder.lower() for folder in folders}) == len(columns)
    assert all(folder.isascii() and folder.replace("_", "").isalnum() for folder in folders)
    assert Arm("heat alone", ()).folder == "heat_alone"
    assert Arm("all inputs, concatenated", ()).folder == "all_inputs_concatenated"


def test_places_that_want_the_same_name_are_told_apart():
    assert unique_names({1: "a", 2: "a", 3: "A b"}, {3: "a"}) == {1: "a_2", 2: "a_3", 3: "a"}
    assert np.unique(list(unique_names(dict.fromkeys(range(30), "n"), {}).values())).size == 30
