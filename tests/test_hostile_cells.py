"""Names, cells and schemas that mean harm, or look as if they did."""

from __future__ import annotations

import copy
import csv
import io
import json
import os
import threading

import numpy as np
import pandas as pd
import pytest

from mmzoo import edge
from mmzoo.bundles import shipped_bundles
from mmzoo.edge.table import predict_csv, predict_folder
from mmzoo.encoding.formulas import without_formula
from mmzoo.encoding.terminal import shown
from mmzoo.inspection import inspect_table
from mmzoo.inspection.showing.printing import print_inspection
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
    Series,
    Text,
    Value,
)

FIELDS = (Number("a", "m", 0, 1), Category("c", ("x", "y")), Date("d"), Angle("e"))
INPUTS = {"image": Image(8, 8), "text": Text(8), "sensors": Sensors(FIELDS), "audio": Audio(80, 8000)}
SCHEMA = Schema(
    "all",
    {**INPUTS, "series": Series(4, (Number("a", "", 0, 1),))},
    {"label": Label(("=1+1", "b")), "tags": MultiLabel(("a", "b")), "value": Value("m")},
)


class Constant:
    """What `mmzoo.edge.table` needs of a model."""

    schema = Schema("s", {"text": Text(8), "image": Image(2, 2)}, {"sign": Label(("=1+1", "b"))})

    def run(self, arrays):
        return {"sign": np.array([0.75, 0.25], np.float32)}


# Schemas -------------------------------------------------------------------------------------------------------------


def places(tree, place=()):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*place, key)
        yield from places(value, (*place, key))


FORGED = (
    5,
    -1,
    1.5,
    2**62,
    "x",
    "",
    None,
    [],
    {},
    True,
    [[]],
    [{}],
    [1, 2],
    {"kind": "Number"},
    {"kind": ["x"]},
    "\ud800",
)


def test_a_forged_schema_is_a_value_error_or_as_good_as_any():
    """Whatever stands at any place: it is refused, or comes out of a file as it went in."""
    tree = SCHEMA.to_dict()
    for place in places(tree):
        for value in FORGED:
            forged = copy.deepcopy(tree)
            part = forged
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = value
            try:
                read = Schema.from_json(json.dumps(forged))
            except ValueError:
                continue
            assert Schema.from_json(read.to_json().encode().decode()) == read, (place, value)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("name",), 5, "name: expected a non-empty string, got 5"),
        (("inputs", "text", "lowercase"), 0, "inputs.text: lowercase: expected true or false, got 0"),
        (("inputs", "sensors", "fields", 0, "unit"), None, "inputs.sensors.fields: unit: expected a string, got None"),
        (("outputs", "label", "classes"), "ab", "outputs.label: classes: expected a list, each a string, got 'ab'"),
        (("inputs", "image", "height"), 2**40, "'image' of shape .* takes .* bytes a sample; expected at most"),
    ],
)
def test_a_forged_schema_is_named(place, value, message):
    tree = SCHEMA.to_dict()
    part = tree
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(ValueError, match=message):
        Schema.from_dict(tree)
    with pytest.raises(ValueError, match="nested too deeply"):
        Schema.from_json("[" * 100_000)
    with pytest.raises(ValueError, match="list of steps as JSON"):
        SCHEMA["series"].parse_cell("[" * 100_000, "series")


# Tables that are written ---------------------------------------------------------------------------------------------


def test_formulas_are_neutralised_on_request(tmp_path):
    rows = [["text", "=x"], ["@SUM(1)", "-1.5"], ["a", "+cmd"], ["-", "\t=1"]]
    with open(tmp_path / "in.csv", "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    assert predict_csv(Constant(), tmp_path / "in.csv", tmp_path / "out.csv") == 3
    assert predict_csv(Constant(), tmp_path / "in.csv", tmp_path / "safe.csv", formulas=False) == 3
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        as_it_was = list(csv.reader(file))
    with open(tmp_path / "safe.csv", newline="", encoding="utf-8") as file:
        safe = list(csv.reader(file))
    assert [row[:2] for row in as_it_was] == rows and as_it_was[1][2] == "=1+1"
    assert safe[0][:2] == ["text", "'=x"] and safe[1][:3] == ["'@SUM(1)", "-1.5", "'=1+1"]
    assert safe[2][:2] == ["a", "'+cmd"] and safe[3][:2] == ["'-", "'\t=1"]
    assert all(without_formula(cell) == cell for cell in ("-1.5", "+1e3", "a=b", "", 3, -3, None))


def test_cells_and_names_of_any_length(tmp_path):
    name = "n" * 200_000
    (tmp_path / "in.csv").write_text(f"text,{name}\n{'w' * 200_000},{'c' * 200_000}\n", encoding="utf-8")
    assert predict_csv(Constant(), tmp_path / "in.csv", tmp_path / "out.csv") == 1


def test_file_names_that_are_no_utf8(tmp_path):
    from PIL import Image as Pillow

    name = os.fsdecode(b"\xff.png")
    try:
        Pillow.new("RGB", (4, 4), (9, 9, 9)).save(tmp_path / name)
    except (OSError, UnicodeError):
        pytest.skip("the file system takes none")
    with pytest.raises(ValueError, match=r"'\\udcff\.png': no UTF-8, so it can't be written; rename the file"):
        predict_folder(Constant(), tmp_path, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists() and not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob(".part-*"))
    frame = pd.DataFrame({"image": [name] * 4, "number": [1, 2, 3, 4], "y": ["a", "b"] * 2}, dtype=object)
    found = inspect_table(frame, "y", root=tmp_path)
    assert not found.of_level("error") and "image" in found.schema.inputs
    assert shown(name) == r"\udcff.png"


def test_nothing_in_a_table_is_obeyed_by_the_terminal():
    from rich.console import Console

    hostile = "\x1b[2J\x1b]0;x\x07\x9b31m\u202e"
    frame = pd.DataFrame(
        {f"oil{hostile}": np.arange(40.0), "word": [f"a{hostile}", "b"] * 20, "y": [hostile, "v"] * 20}
    )
    page = io.StringIO()
    print_inspection(inspect_table(frame, "y"), Console(file=page, force_terminal=False, width=200))
    assert not set(page.getvalue()) & set("\x1b\x07\x9b\u202e") and r"oil\x1b[2J" in page.getvalue()


# Forks ---------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_predicts_though_a_thread_was_predicting():
    model = edge.load(shipped_bundles()[0].path)
    expected, stop = model.predict(), threading.Event()

    def predict():
        while not stop.is_set():
            model.predict()

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        for _ in range(5):
            # Held, as it is in the middle of a prediction.
            with model._lock:
                pid = os.fork()
            if pid == 0:
                os._exit(0 if model.predict() == expected else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    finally:
        stop.set()
        thread.join()
