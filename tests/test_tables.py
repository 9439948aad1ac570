"""Tables of all formats, read by the one reader: which cells come out, and what is said."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import unicodedata

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from mmzoo.data.tables.splits import is_split_column
from mmzoo.data.tables.table import read_chunks, read_table
from mmzoo.edge.table import predict_csv
from mmzoo.encoding.clock import read_clock
from mmzoo.encoding.csv_rows import SEPARATORS
from mmzoo.encoding.missing import is_missing_word
from mmzoo.encoding.numbers import read_number
from mmzoo.encoding.pictures import picture_suffixes
from mmzoo.encoding.tables import open_table
from mmzoo.inspection import inspect_table
from mmzoo.schema import Category, Label, Number, Schema, Sensors, Text, TimeOfDay
from mmzoo.schema.columns import encode_row, match_columns
from mmzoo.schema.paths import resolve

ROWS = [[f"{20 + i % 7}.5", str(1000 + i), ("ok", "hot", "cold")[i % 3]] for i in range(30)]
HEADER = ["temp", "pressure", "label"]


def written(rows, separator=",", above=""):
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return above + text.getvalue()


def frame_of(path, text, **options):
    path.write_text(text, encoding="utf-8")
    return read_table(path, **options)[0]


# CSV ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("separator", SEPARATORS)
def test_the_separator_is_the_one_that_fits_all_lines(tmp_path, separator):
    header = ["Temp, °C", "Druck; hPa", "Zeit\t(s)"]
    frame = frame_of(tmp_path / "t.csv", written([header, *ROWS], separator))
    assert frame.columns.tolist() == header and frame.to_numpy().tolist() == ROWS
    # Decimal commas in every cell are no separators.
    rows = [["a", "b"], *(["1,5", f"{i},25"] for i in range(9))]
    if separator != ",":
        assert frame_of(tmp_path / "t.csv", written(rows, separator)).to_numpy().tolist() == rows[1:]


def test_a_first_line_that_names_the_separator_is_not_counted(tmp_path):
    frame = frame_of(tmp_path / "t.csv", written([HEADER, *ROWS], ";", above="sep=;\n"))
    assert frame.columns.tolist() == HEADER and frame.index[0] == 2
    frame = frame_of(tmp_path / "t.csv", written([HEADER, *ROWS], "|", above="SEP=|\r\n"))
    assert frame.to_numpy().tolist() == ROWS


@pytest.mark.parametrize(
    "above", ["Logger export\n", "Logger export\n\nof 2026\n", "Logger export,,\n,,\n"], ids=["one", "three", "padded"]
)
def test_lines_above_the_header_are_left_out_and_said(tmp_path, above):
    path = tmp_path / "t.csv"
    frame = frame_of(path, written([HEADER, *ROWS], above=above))
    assert frame.columns.tolist() == HEADER and frame.index[0] == 2 + above.count("\n")
    found = [str(f) for f in inspect_table(path, "label").findings]
    assert any("above the header" in line and "'Logger export'" in line for line in found), found


def test_a_header_that_is_too_short_is_no_title(tmp_path):
    for text in ("a\n1,2\n3,4\n", "a,b\n1,2,3\n4,5,6\n"):
        with pytest.raises(ValueError, match="row 2: . cells, but . columns in the header"):
            frame_of(tmp_path / "t.csv", text)
    assert frame_of(tmp_path / "t.csv", ",label\n0,a\n1,b\n").columns.tolist() == ["", "label"]
    assert frame_of(tmp_path / "t.csv", "only\na\nb\n").only.tolist() == ["a", "b"]


def test_a_newline_in_a_quoted_header_or_cell(tmp_path):
    frame = frame_of(tmp_path / "t.csv", written([["Temp\n(C)", "note", "label"], ["1", "two\nlines", "ok"], *ROWS]))
    assert frame.columns[0] == "Temp (C)" and frame.note.iloc[0] == "two\nlines" and frame.index[1] == 3


def test_a_quote_that_is_never_closed_names_its_row(tmp_path):
    path = tmp_path / "t.csv"
    with pytest.raises(ValueError, match="row 3: a quote is opened there"):
        frame_of(path, 'a,b\n1,2\n3,"4\n5,6\n')
    assert frame_of(path, 'a,b\n1,"2"\n3,"4"').b.tolist() == ["2", "4"]


def test_gzip_packs_a_table_and_damage_is_said(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(written([HEADER, *ROWS]).encode()))
    assert read_table(path)[0].to_numpy().tolist() == ROWS
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ValueError, match="gz: packed with gzip, but damaged"):
        read_table(path)


# The csv module doesn't quote a carriage return where rows end with "\n", and doesn't read it back either.
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS, st.sampled_from(["ok", "hot"])), min_size=2, max_size=8),
    st.sampled_from(SEPARATORS),
)
def test_any_cells_that_the_csv_module_writes_are_read(tmp_path_factory, rows, separator):
    path = tmp_path_factory.mktemp("any") / "t.csv"
    path.write_text(written([HEADER, *rows], separator), encoding="utf-8", newline="")
    found = open_table(path)
    if found.columns != HEADER:
        # What is between the quotes of no cell may fit another separator as well.
        return
    assert [cells for _, cells in found.read()] == [list(cells) for cells in rows]
    chunks = [chunk for chunk, _ in read_chunks(path, 3)]
    pd.testing.assert_frame_equal(pd.concat(chunks), read_table(path)[0])


# Other formats --------------------------------------------------------------------------------------------------------


def test_json_lines(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text('{"temp": 21.0, "label": "ok"}\n\n{"label": "hot", "on": true, "steps": [1, 2]}\n')
    frame, _ = read_table(path)
    assert frame.columns.tolist() == ["temp", "label", "on", "steps"] and frame.index.tolist() == [1, 3]
    assert frame.to_numpy().tolist() == [["21", "ok", "", ""], ["", "hot", "True", "[1, 2]"]]
    for text, message in (('{"a": 1}\n[2]\n', "row 2: expected an object"), ('{"a": \n', "row 1: not JSON")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message):
            read_table(path)
    path = tmp_path / "t.json"
    path.write_text(json.dumps([{"a": 1.5}, {"a": None, "b": "x"}]))
    assert read_table(path)[0].to_numpy().tolist() == [["1.5", ""], ["", "x"]]


def test_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    times = pd.to_datetime(["2026-01-02T00:00", "2026-01-02T03:04"])
    frame = pd.DataFrame({"x": np.array([0.1, np.nan], np.float32), "n": [1, 2], "at": times, "ok": [True, None]})
    frame.to_parquet(tmp_path / "t.parquet")
    found, _ = read_table(tmp_path / "t.parquet")
    assert found.n.tolist() == ["1", "2"] and found["at"].tolist() == ["2026-01-02", "2026-01-02T03:04:00"]
    assert (
        np.float32(found.x.iloc[0]) == np.float32(0.1) and found.x.iloc[1] == "" and found.ok.tolist() == ["True", ""]
    )
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="not a Parquet file that can be read"):
        read_table(tmp_path / "bad.parquet")
    pd.DataFrame({"image": [{"bytes": b"abc", "path": None}]}).to_parquet(tmp_path / "t.parquet")
    with pytest.raises(ValueError, match="row 1, column 'image': holds bytes"):
        read_table(tmp_path / "t.parquet")


def test_excel(tmp_path, monkeypatch):
    path = tmp_path / "t.xlsx"
    path.write_bytes(b"PK\x03\x04 and no more")
    sheets = {
        "Data": pd.DataFrame(
            [["Export", None, None], ["temp", "at", "label"], [21.0, pd.Timestamp("2026-01-02"), "ok"]]
        ),
        "Notes": pd.DataFrame([["by hand"]]),
        "Empty": pd.DataFrame(),
    }
    monkeypatch.setattr(pd, "read_excel", lambda *_, **__: sheets)
    table = open_table(path)
    assert table.columns == ["temp", "at", "label"] and list(table.read()) == [(3, ["21", "2026-01-02", "ok"])]
    assert "'Export'" in table.notes[0] and "the others were not: 'Notes'" in table.notes[1]

    def absent(*_, **__):
        raise ImportError("no openpyxl")

    monkeypatch.setattr(pd, "read_excel", absent)
    with pytest.raises(ImportError, match=r'takes openpyxl: pip install "mmzoo\[tables\]", or save the table as CSV'):
        open_table(path)


def test_an_excel_file_as_a_spreadsheet_writes_it(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Export of 2026"])
    sheet.append(["temp", "at", "clock", "on", "n", "label"])
    sheet.append([21.5, datetime.datetime(2026, 1, 2, 3, 4), datetime.time(7, 30), True, 3, "ok"])
    sheet.append([None, datetime.date(2026, 1, 3), None, False, 1e6, "bad"])
    sheet.append([None] * 6)
    sheet.append([22, None, datetime.time(8, 0, 5), None, None, "ok"])
    book.create_sheet("Notes").append(["by hand"])
    book.save(tmp_path / "t.xlsx")
    table = open_table(tmp_path / "t.xlsx")
    assert table.columns == ["temp", "at", "clock", "on", "n", "label"]
    assert list(table.read()) == [
        (3, ["21.5", "2026-01-02T03:04:00", "07:30:00", "True", "3", "ok"]),
        (4, ["", "2026-01-03", "", "False", "1000000", "bad"]),
        (6, ["22", "", "08:00:05", "", "", "ok"]),
    ]
    assert len(table.notes) == 2


def picture(path, colour=90):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.full((8, 8, 3), colour, np.uint8)).save(path)


def test_a_folder_for_each_class(tmp_path):
    for i in range(6):
        picture(tmp_path / ("cat", "dog")[i % 2] / f"{i}.png", 10 * i)
    (tmp_path / "cat" / "notes.txt").write_text("x")
    table = open_table(tmp_path)
    assert table.columns == ["image", "label"] and next(iter(table.read())) == (1, ["cat/0.png", "cat"])
    assert table.notes == ("1 files of other kinds were left out: 1 .txt",)
    inspection = inspect_table(tmp_path, "label")
    assert not inspection.of_level("error") and inspection.column("image").kind == "image"
    for split in ("train", "test"):
        picture(tmp_path / "both" / split / "cat" / f"{split}.jpg")
    assert list(open_table(tmp_path / "both").read()) == [
        (1, ["test/cat/test.jpg", "cat", "test"]),
        (2, ["train/cat/train.jpg", "cat", "train"]),
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="a folder that is no table; expected a folder for each class"):
        open_table(tmp_path / "none")


def test_a_hugging_face_folder_of_pictures(tmp_path):
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "0.png", "label": "cat"}\n')
    assert open_table(tmp_path).columns == ["file_name", "label"]
    for split in ("train", "validation"):
        (tmp_path / "two" / split).mkdir(parents=True)
        (tmp_path / "two" / split / "metadata.csv").write_text(f"file_name,text\n1.png,{split} one\n")
    table = open_table(tmp_path / "two")
    assert table.columns == ["file_name", "text", "split"]
    assert list(table.read()) == [
        (1, ["train/1.png", "train one", "train"]),
        (2, ["validation/1.png", "validation one", "validation"]),
    ]


def test_paths_with_backslashes_and_in_other_unicode_forms(tmp_path):
    name = "é-ü.png"
    for form in ("NFC", "NFD"):
        folder = tmp_path / form
        picture(folder / unicodedata.normalize(form, "é") / unicodedata.normalize(form, name))
        for other in ("NFC", "NFD"):
            cell = unicodedata.normalize(other, "é/" + name)
            assert resolve(folder, cell).is_file() and resolve(folder, cell.replace("/", "\\")).is_file()
    with pytest.raises(ValueError, match="lies outside"):
        (tmp_path / "secret.txt").write_text("x")
        resolve(tmp_path / "NFC", "..\\secret.txt")


# Cells ----------------------------------------------------------------------------------------------------------------

SCHEMA = Schema(
    "t",
    {"note": Text(8), "sensors": Sensors((Number("temp", "", -50, 50), Category("sign", ("+", "-")), TimeOfDay("at")))},
    {"label": Label(("NA", "EU"))},
)


@pytest.mark.parametrize("word", ["NA", "nan", "NULL", "?", "-", "#N/A", " n/a ", "", "<NA>"])
def test_missing_words_mean_missing_in_every_kind_of_column(word):
    row = {"note": word, "temp": word, "at": word, "sign": "" if word == "-" else word}
    arrays = encode_row(SCHEMA, match_columns(SCHEMA, list(row), "t"), row, place="t")
    assert not arrays["note"].any() and np.isnan(arrays["sensors"]).all()


def test_a_word_that_is_a_category_or_class_is_a_value(tmp_path):
    row = {"sign": "-"}
    assert encode_row(SCHEMA, match_columns(SCHEMA, ["sign"], "t"), row, place="t")["sensors"][1] == 1
    assert is_missing_word("NA") and not is_missing_word("NA", SCHEMA["label"].classes)
    frame = pd.DataFrame({"x": np.arange(40) % 7, "region": ["NA", "EU"] * 20, "label": ["+", "-", "-", "+"] * 10})
    inspection = inspect_table(frame, "label")
    assert inspection.schema["label"].classes == ("+", "-")
    assert inspection.schema["sensors"].fields[1].categories == ("EU", "NA")
    assert "'NA' is taken for a value" in "\n".join(map(str, inspection.findings))


def test_numbers_as_people_write_them():
    for text, number in (("\u22120.5", -0.5), ("(12.5)", -12.5), ("\u20133", -3), ("+4", 4), (" 1e3 ", 1e3)):
        assert read_number(text) == number == Number("x", "", -1e4, 1e4).parse_cell(text, "")
    for text in ("1_000", "()", "(a)", "--1", "(-5)", ""):
        with pytest.raises(ValueError, match="could not convert"):
            read_number(text)


def test_times_of_day():
    for text, degrees in (("00:00", 0), ("06:00:00", 90), ("6 pm", 270), ("12:00 AM", 0), ("18h00", 270), ("24:00", 0)):
        assert read_clock(text) == degrees
    for text in ("25:00", "12:60", "13 pm", "12", "12.30", "noon", "24:01"):
        assert read_clock(text) is None
    with pytest.raises(ValueError, match="expected a time of day such as 14:05, got '25:00'"):
        TimeOfDay("at").encode("25:00", "at")
    assert TimeOfDay("at").in_words(TimeOfDay("at").encode("23:15", "")) == "at 23:15"


# What is left out, and why --------------------------------------------------------------------------------------------


def findings(**columns):
    count = len(next(iter(columns.values())))
    frame = pd.DataFrame({**columns, "temp": np.arange(count) % 9 + 0.5, "label": ["a", "b", "b"] * (count // 3)})
    inspection = inspect_table(frame, "label")
    return inspection, "\n".join(map(str, inspection.findings))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([f"https://example.com/{i}.jpg" for i in range(30)], "warning: .*addresses of files on the web.*download"),
        ([f"/9j/4AAQSkZJRgABAQAAAQABAAD{i:04}" for i in range(30)], "warning: .*holds files as base64.*b64decode"),
        ([f"IMG_{i}.HEIC" for i in range(30)], "error: .*can't read HEIC.*convert them to JPEG"),
        ([f"{i}.mp4" for i in range(30)], "error: .*can't read MP4.*a frame of each"),
        ([f"{i + 20}:15:00" for i in range(30)], "error: .*lengths of time.*one number"),
        ([f"HAM_{i:05}" for i in range(30)], "note: .*is left out: one word with digits.*kinds="),
        (["x"] * 30, "note: .*is left out: always 'x'"),
        ([i % 5 for i in range(30)], "warning: .*numbers of folds.*--split-group"),
    ],
    ids=["addresses", "base64", "heic", "videos", "lengths of time", "identifiers", "a constant", "folds"],
)
def test_every_column_that_is_left_out_is_a_finding(cells, message):
    inspection, said = findings(fold=cells)
    assert inspection.column("fold").role == "left out"
    assert pd.Series(said.split("\n")).str.contains(message, regex=True).any(), said


def test_suffixes_are_those_of_the_encoders(tmp_path):
    assert {".jfif", ".jpe", ".png", ".webp", ".tiff"} <= set(picture_suffixes())
    assert not {".heic", ".eps", ".pdf"} & set(picture_suffixes())
    for i in range(12):
        Pillow.fromarray(np.random.default_rng(i).integers(0, 255, (9, 9, 3), np.uint8)).save(
            tmp_path / f"{i}.jfif", format="JPEG"
        )
    frame = pd.DataFrame({"photo": [f"{i}.jfif" for i in range(12)], "label": ["a", "b"] * 6})
    assert inspect_table(frame, "label", root=tmp_path).column("photo").kind == "image"


def test_a_column_of_which_many_cells_name_files_never_becomes_a_text(tmp_path):
    for i in range(30):
        picture(tmp_path / "leak" / ("oak", "elm")[i % 2] / f"{i}.png", 5 * i)
    paths = [f"leak/{('oak', 'elm')[i % 2]}/{i}.png" for i in range(30)]
    rest = {"temp": np.arange(30) + 0.5, "tree": ["oak", "elm"] * 15}
    frame = pd.DataFrame({"photo": [p if i % 6 else "NA" for i, p in enumerate(paths)], **rest})
    inspection = inspect_table(frame, "tree", root=tmp_path)
    assert inspection.column("photo").kind == "image" and not inspection.of_level("error")
    assert "photo 'NA' in 17 %" in "\n".join(map(str, inspection.findings))
    frame = pd.DataFrame({"photo": [p if i % 2 else "to come" for i, p in enumerate(paths)], **rest})
    inspection = inspect_table(frame, "tree", root=tmp_path)
    assert inspection.column("photo").kind == "image" and "to come" in str(inspection.of_level("error")[0])
    inspection = inspect_table(frame, "tree", root=tmp_path, missing=["to come"])
    assert not inspection.of_level("error")
    inspection = inspect_table(pd.DataFrame({"photo": paths, **rest}), "tree", kinds={"photo": "text"})
    assert "a folder in it is the class itself" in "\n".join(map(str, inspection.of_level("warning")))


def test_split_words_are_one_list():
    for words in (["train", "val"], ["Training", "tst"], ["train", "held_out", "dev"]):
        inspection, _ = findings(part=words * (30 // len(words)))
        assert is_split_column(pd.Series(words)) and inspection.column("part").role == "split"
    for words in (["up", "down"], ["0", "1"], ["train", "station"], ["val", "test"]):
        inspection, _ = findings(split=words * 15)
        assert not is_split_column(pd.Series(words)) and inspection.column("split").role != "split"
    frame = pd.DataFrame({"x": np.arange(30.0), "part": ["train", "test", "?"] * 10, "label": ["a", "b"] * 15})
    assert "10 cells that name no split ('?'" in str(inspect_table(frame, "label", split="part").of_level("error")[0])


# Prediction -----------------------------------------------------------------------------------------------------------


class Model:
    """What predictions for a table need of a model; it says how warm it is."""

    schema = Schema("t", {"sensors": Sensors((Number("temp", "", -50, 50),))}, {"warm": Label(("no", "yes"))})

    def run(self, arrays):
        warm = float(arrays["sensors"][0] > 0)
        return {"warm": np.array([1 - warm, warm], np.float32)}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", b"Logger export\ntemp,n\n\xe2\x88\x925,1\nNA,2\n7,3\n"),
        ("t.csv", b"sep=;\ntemp;n\n(5);1\n?;2\n7;3\n"),
        ("t.csv.gz", gzip.compress(b"temp\tn\n-5\t1\n\t2\n7\t3\n")),
        ("t.jsonl", b'{"temp": -5, "n": 1}\n{"n": 2}\n{"temp": 7.0, "n": 3}\n'),
    ],
    ids=["titles", "sep", "gzip", "JSON lines"],
)
def test_predictions_are_made_of_the_same_tables(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert predict_csv(Model(), tmp_path / name, tmp_path / "out.csv") == 3
    found = pd.read_csv(tmp_path / "out.csv", dtype=str)
    assert found.warm.tolist() == ["no", "no", "yes"] and found.n.tolist() == ["1", "2", "3"]
