"""Nothing is left out in silence when a table is predicted from, and one bad row does not cost the others."""

from __future__ import annotations

import csv
import multiprocessing
import pickle
import shutil

import numpy as np
import pandas as pd
import pytest

import mmzoo.edge
from mmzoo.edge.__main__ import main
from mmzoo.edge.table import predict_csv, predict_folder, predict_rows
from mmzoo.schema import Category, Image, Label, Number, Schema, Sensors, Text, Value

SCHEMA = Schema(
    "car",
    {
        "photo": Image(4, 4),
        "note": Text(8),
        "sensors": Sensors((Number("temp", "°C", 0, 99), Number("rpm", "", 0, 9e3), Category("gear", ("1", "2")))),
        "place": Sensors((Number("lat", "deg", -90, 90), Number("lon", "deg", -180, 180))),
    },
    {"state": Label(("cold", "hot")), "life": Value("h")},
)


class Runs:
    """A model that says hot from 50 degrees on."""

    schema = SCHEMA

    @staticmethod
    def run(arrays):
        temp = np.nan_to_num(arrays["sensors"][0])
        return {"state": np.float32([temp < 50, temp >= 50]), "life": np.float32([temp])}


def write(folder, *lines):
    path = folder / "new.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_what_has_no_column_is_said_once_by_name(tmp_path, caplog):
    path = write(tmp_path, "temperature,rpm,state", "20,3,hot", "30,4,cold")
    assert predict_csv(Runs(), path, tmp_path / "out.csv") == 2
    (message,) = caplog.messages
    wanted = (
        "no column for photo, note, sensors.temp, sensors.gear, place, missing in every row; columns that feed nothing"
    )
    assert message.startswith(f"{path}: {wanted}: 'temperature'. ")
    caplog.clear()
    frame = pd.DataFrame(
        {"photo": [None], "note": [""], "temp": [1.0], "rpm": [2], "gear": ["1"], "lat": [3], "lon": [4]}
    )
    list(predict_rows(Runs(), frame.to_dict("records"), columns=list(frame)))
    assert not caplog.messages


def test_a_bad_row_stops_unless_it_is_to_be_skipped(tmp_path, caplog):
    good = [f"{20 + i % 60},{i},1" for i in range(1000)]
    bad = {3: "warm,3,1", 500: "20,3", 501: "20,3,1,7", 700: "20,1e9,1", 999: "20,3,reverse"}
    path = write(tmp_path, "temp,rpm,gear", *(bad.get(i, line) for i, line in enumerate(good)))
    with pytest.raises(ValueError, match=r"new\.csv, row 5, column 'temp': expected a number such as 48.5, got 'warm'"):
        predict_csv(Runs(), path, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()
    caplog.clear()
    assert predict_csv(Runs(), path, tmp_path / "out.csv", on_error="skip") == 1000
    rows = rows_of(tmp_path / "out.csv")
    reasons = {i: row["error"] for i, row in enumerate(rows) if row["error"]}
    assert list(reasons) == list(bad)
    assert reasons[3] == "column 'temp': expected a number such as 48.5, got 'warm'"
    assert reasons[500] == "2 cells, but 3 columns in the header; a cell that holds the separator needs quotes"
    assert reasons[700] == "column 'rpm': 1000000000 is outside 0..9000"
    assert "unknown category 'reverse'" in reasons[999]
    assert all(bool(row["state"]) != bool(row["error"]) for row in rows)
    assert rows[501] | {"error": ""} == {"temp": "20", "rpm": "3", "gear": "1"} | dict.fromkeys(
        ["state", "state_probability", "life", "error"], ""
    )
    assert "5 of 1000 rows have no prediction, the column 'error'" in caplog.messages[-1]
    with pytest.raises(ValueError, match="on_error: expected 'raise' or 'skip', got 'ignore'"):
        predict_csv(Runs(), path, tmp_path / "out.csv", on_error="ignore")


def test_the_column_of_reasons_takes_no_other_ones_name(tmp_path):
    path = write(tmp_path, "temp,error,state", "20,none,hot", "x,none,hot")
    predict_csv(Runs(), path, tmp_path / "out.csv", on_error="skip")
    rows = rows_of(tmp_path / "out.csv")
    assert [row["error"] for row in rows] == ["none", "none"] and [bool(row["_error"]) for row in rows] == [False, True]
    assert rows[0]["predicted_state"] == "cold"


def test_a_broken_picture_of_a_folder_can_be_skipped(tmp_path, caplog):
    from PIL import Image as Pillow

    Pillow.fromarray(np.ones((4, 4, 3), np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    assert predict_folder(Runs(), tmp_path, tmp_path / "out.csv", on_error="skip") == 2
    rows = rows_of(tmp_path / "out.csv")
    assert [bool(row["error"]) for row in rows] == [False, True] and "not an image" in rows[1]["error"]
    assert len(caplog.messages) == 1 and "1 of 2 rows" in caplog.messages[0]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, ""])
def test_rows_of_a_frame_may_lack_anything(missing):
    rows = [{"photo": missing, "note": missing, "temp": missing, "gear": missing}]
    (row,) = predict_rows(Runs(), rows, columns=list(rows[0]))
    assert row["state"] == "cold"


def test_another_spelling_of_a_category_is_said_once_a_column(tmp_path, caplog):
    path = write(tmp_path, "temp,gear", "20,1", "20,1.0", "20,2.0", "20,2")
    predict_csv(Runs(), path, tmp_path / "out.csv")
    said = [message for message in caplog.messages if "gear': '" in message]
    assert said == [f"{path}, row 3, column 'gear': '1.0' is read as the category '1'"]


# The shipped bundle --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def device():
    return mmzoo.edge.load("road_sign_nano_gtsrb", threads=2)


def answer(device):
    return device.predict(text="50", location={"speed": 48.0}, road_condition=None, image=float("nan"))


def test_a_device_survives_pickling(device, tmp_path):
    again = pickle.loads(pickle.dumps(device))
    assert repr(again) == repr(device) and again.schema == device.schema and answer(again) == answer(device)
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(answer, [device]) == [answer(device)]


def test_a_pickled_device_refuses_another_file(tmp_path, device):
    for name in ("schema.json", "SHA256SUMS", "model_float32.tflite"):
        shutil.copy(device._path.parent / name, tmp_path)
    pickled = pickle.dumps(mmzoo.edge.load(tmp_path))
    (tmp_path / "model_float32.tflite").write_bytes(b"another")
    with pytest.raises(ValueError, match="has changed since the EdgeModel that reads it was pickled"):
        pickle.loads(pickled)
    (tmp_path / "model_float32.tflite").unlink()
    with pytest.raises(FileNotFoundError, match="no such file; an EdgeModel was pickled that reads it"):
        pickle.loads(pickled)


def test_the_command_says_what_it_does_without(tmp_path, capsys, caplog):
    path = write(tmp_path, "text,location_spede", "50,48", "50,49")
    assert main(["road_sign_nano_gtsrb", "--csv", str(path), "--out", str(tmp_path / "o.csv")]) == 0
    assert "no column for image, location, road_condition" in caplog.text and "'location_spede'" in caplog.text
    path = write(tmp_path, "text,location_speed", "50,48", "50,fast")
    assert main(["road_sign_nano_gtsrb", "--csv", str(path), "--out", str(tmp_path / "o.csv")]) == 1
    assert "new.csv, row 3, column 'location_speed'" in capsys.readouterr().err
    skip = ["road_sign_nano_gtsrb", "--csv", str(path), "--out", str(tmp_path / "o.csv"), "--on-error", "skip"]
    assert main(skip) == 0 and "1 of 2 rows have no prediction" in caplog.text
