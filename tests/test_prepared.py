"""Prepared data: a table of any size to records on disk, and batches streamed from them."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
import wave

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image as Pillow

import mmzoo
from mmzoo import cli
from mmzoo.bench import streaming
from mmzoo.branches import sensor_branch, text_branch
from mmzoo.data.augmentation import ImageAugmentation
from mmzoo.data.tables import preparing, record_builder, table_check
from mmzoo.data.tables.manifest import Manifest, read_manifest
from mmzoo.data.tables.prepared import open_prepared
from mmzoo.data.tables.preparing import prepare
from mmzoo.data.tables.records import record_features, restored, stored
from mmzoo.data.tables.statistics import Moments
from mmzoo.data.tables.table import read_chunks, read_table
from mmzoo.fusion import fuse
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Angle, Audio, Category, Date, Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value
from mmzoo.training.adaptation import adapt

ROAD = Sensors((Number("speed", "km/h", 0, 300), Angle("heading"), Category("kind", ("city", "country")), Date("day")))
SCHEMA = Schema(
    "sign",
    {"image": Image(8, 9), "grey": Image(5, 4, 1), "text": Text(12), "road": ROAD},
    {"sign": Label(("stop", "yield")), "price": Value("EUR")},
)
ROWS = 61
SPLIT = {"train": 0.8, "validation": 0.2}


def table_rows(rows=ROWS):
    """Cells of every kind: texts of all lengths, one input in some missing."""
    return [
        {
            "number": i,
            "image": "" if i % 7 == 0 else f"{i % 5}.png",
            "grey": f"{i % 3}.png" if i % 2 else "",
            "text": "ä€sch"[: i % 5] * (i % 4),
            "speed": "" if i % 3 == 0 else f"{i * 1.7:.2f}",
            "heading": i * 11 - 100,
            "kind": ("city", "country", "")[i % 3],
            "day": f"2026-01-{i % 28 + 1:02d}" if i % 4 else "",
            "sign": ("stop", "yield")[i % 2],
            "price": i * 0.25,
            "track": f"t{i // 6}",
            "part": ("train", "Train", "test")[i % 3],
        }
        for i in range(rows)
    ]


def write(folder, rows=None):
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (12, 10, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{number}.png")
    rows = table_rows() if rows is None else rows
    with open(folder / "signs.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "signs.csv"


def read(prepared, split, **options):
    """({input: array}, {output: array}, rows) of a split."""
    batches = list(prepared.dataset(split, batch_size=8, rows=True, **options).as_numpy_iterator())
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def assert_holds(prepared, manifest, **options):
    """The splits together hold the manifest's samples, each once and exactly."""
    inputs, targets = manifest.arrays()
    seen = []
    for split, count in prepared.splits.items():
        found, labels, rows = read(prepared, split, **options)
        assert len(rows) == count
        places = [manifest.rows.index(row) for row in rows]
        for name, array in (found | labels).items():
            expected = (inputs | targets)[name]
            assert array.dtype == expected.dtype, name
            np.testing.assert_array_equal(array, expected[places], err_msg=name)
        seen += rows.tolist()
    assert sorted(seen) == manifest.rows
    return seen


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The table in both formats: format -> (folder of the table, Prepared)."""
    found = {}
    for file_format in preparing.FILE_FORMATS:
        folder = tmp_path_factory.mktemp(file_format)
        path = write(folder)
        found[file_format] = path, prepare(path, SCHEMA, folder / "out", split=SPLIT, file_format=file_format)
    return found


@pytest.mark.parametrize("file_format", preparing.FILE_FORMATS)
def test_records_hold_exactly_the_arrays_of_the_manifest(prepared, file_format):
    path, found = prepared[file_format]
    manifest = read_manifest(path, SCHEMA)
    in_order = assert_holds(found, manifest)
    shuffled = assert_holds(found, manifest, shuffle=True, seed=1)
    assert in_order != shuffled
    assert assert_holds(open_prepared(found.path), manifest) == in_order


@pytest.mark.parametrize("file_format", preparing.FILE_FORMATS)
def test_the_length_is_known_and_the_order_is_as_asked(prepared, file_format):
    _, found = prepared[file_format]
    assert found.splits == {"train": 49, "validation": 12}

    def rows(**options):
        return [row for *_, part in found.dataset("train", rows=True, **options).as_numpy_iterator() for row in part]

    assert int(found.dataset("train", batch_size=8).cardinality()) == 7
    assert int(found.dataset("train", batch_size=8, drop_remainder=True).cardinality()) == 6
    assert int(found.dataset("train", repeat=True).cardinality()) == tf.data.INFINITE_CARDINALITY
    assert rows() == rows() != rows(shuffle=True, seed=3) == rows(shuffle=True, seed=3) != rows(shuffle=True, seed=4)
    data = found.dataset("train", batch_size=49, shuffle=True, seed=3, rows=True)
    epochs = [next(data.as_numpy_iterator())[2].tolist() for _ in range(2)]
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1])
    endless = found.dataset("train", batch_size=49, shuffle=True, seed=3, rows=True, repeat=True).take(2)
    first, second = (batch[2].tolist() for batch in endless.as_numpy_iterator())
    assert first != second
    assert sorted(first) == sorted(second) == sorted(rows())


def test_pictures_are_augmented_and_labels_one_hot(prepared):
    _, found = prepared["tfrecord"]
    plain, _ = next(found.dataset("train").as_numpy_iterator())
    changed, labels = next(
        found.dataset("train", augmentation=ImageAugmentation(), one_hot={"sign": 2}, seed=0).as_numpy_iterator()
    )
    assert (plain["image"] != changed["image"]).any()
    assert labels["sign"].shape == (49, 2)


def test_some_inputs_alone(prepared):
    _, found = prepared["tfrecord"]
    inputs, targets = next(found.dataset("train", inputs=["road", "grey"]).as_numpy_iterator())
    assert (set(inputs), set(targets)) == ({"road", "grey"}, {"sign", "price"})
    with pytest.raises(ValueError, match="no input 'sound'; the inputs are"):
        found.dataset("train", inputs=["sound"])


def test_counts_and_statistics_are_those_of_the_samples(prepared):
    _, found = prepared["array_record"]
    for split in found.splits:
        _, labels, _ = read(found, split)
        assert list(found.class_counts[split]["sign"].values()) == np.bincount(labels["sign"]).tolist()
    inputs, labels, _ = read(found, "train")
    for column, field in enumerate(ROAD.fields):
        values = inputs["road"][:, column].astype(np.float64)
        values = values[np.isfinite(values)]
        statistics = found.sensor_statistics["road"][field.name]
        assert statistics["count"] == len(values)
        assert statistics["mean"] == pytest.approx(values.mean())
        assert statistics["deviation"] == pytest.approx(values.std())
    assert found.value_statistics["price"]["mean"] == pytest.approx(labels["price"].mean())
    assert "train 49, validation 12" in found.note


def test_moments_of_chunks_are_those_of_the_whole():
    rows = np.random.default_rng(0).normal(1e6, [1.0, 1e-3, 5.0], (50, 3))
    rows[::3, 0] = np.nan
    rows[:, 2] = np.nan
    moments = Moments(3)
    for start in range(0, 50, 7):
        moments.add(rows[start : start + 7])
    np.testing.assert_allclose(moments.mean[:2], np.nanmean(rows[:, :2], axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.deviation[:2], np.nanstd(rows[:, :2], axis=0), rtol=1e-6)
    assert moments.count.tolist() == [33, 50, 0]
    assert moments.deviation[2] == 0


def tiny_model(schema):
    tensors = keras_inputs(schema)
    features = {
        "text": text_branch(tensors["text"], width=4, units=4, embedding=4),
        "road": sensor_branch(tensors["road"], schema["road"], width=4, units=4, name="road"),
    }
    predicted = fuse(features, schema, "concat")
    return schema_model(tensors, predicted, schema, name="tiny")


def test_fit_trains_on_it(tmp_path):
    schema = Schema("tiny", {"text": Text(6), "road": ROAD}, {"sign": Label(("stop", "yield"))})
    found = prepare(write(tmp_path), schema, tmp_path / "out", split=SPLIT)
    model, other = tiny_model(schema), tiny_model(schema)
    assert found.adapt(model) == ["road"]
    inputs, _, _ = read(found, "train")
    adapt(other, inputs)
    for weight in ("mean", "deviation"):
        expected = np.asarray(getattr(other.get_layer("road_encoder"), weight))
        np.testing.assert_allclose(np.asarray(getattr(model.get_layer("road_encoder"), weight)), expected, rtol=1e-5)
        setattr(other, weight, expected)
    data = [found.dataset(split, batch_size=16, shuffle=split == "train", seed=0) for split in ("train", "validation")]
    history = mmzoo.fit(model, *data, epochs=1, jit_compile=False, mixed_precision=None, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()
    # Adapted before, so `fit` left it.
    np.testing.assert_allclose(np.asarray(model.get_layer("road_encoder").mean), other.mean, rtol=1e-5)


def test_chunks_are_read_as_the_whole_table(tmp_path):
    rows = table_rows(23)
    path = write(tmp_path, rows)
    lines = path.read_text(encoding="utf-8").splitlines()
    # Empty rows count, as in a spreadsheet, and a cell may hold a line break.
    lines[5:5] = ["", "," * 11]
    lines[9] = lines[9].replace("t1", '"t\n1"')
    path.write_text("\ufeff" + "\n".join(lines) + "\n", encoding="utf-8")
    whole, source = read_table(path)
    for size in (1, 4, 1000):
        chunks = list(read_chunks(path, size))
        assert {name for _, name in chunks} == {source}
        pd.testing.assert_frame_equal(pd.concat([chunk for chunk, _ in chunks]), whole, check_index_type=False)
    pd.testing.assert_frame_equal(pd.concat([chunk for chunk, _ in read_chunks(whole, 4)]), whole)


@pytest.mark.parametrize("file_format", preparing.FILE_FORMATS)
def test_many_chunks_files_and_a_sort_on_disk(tmp_path, monkeypatch, file_format):
    monkeypatch.setattr(table_check, "CHUNK_ROWS", 7)
    monkeypatch.setattr(record_builder, "_SORTED_IN_MEMORY", 1000)
    path, told = write(tmp_path), []
    found = prepare(
        *(path, SCHEMA, tmp_path / "out"),
        **{"file_format": file_format, "shards": 5, "split": "part", "progress": lambda *args: told.append(args)},
    )
    assert found.splits == {"train": 41, "test": 20}
    assert_holds(found, read_manifest(path, SCHEMA), shuffle=True)
    assert len(list(found.path.rglob("samples-*-of-00005"))) == 10
    assert told[:1] + told[-1:] == [("checking", 7, None), ("writing", 61, 61)]
    assert not [file for file in found.path.rglob("*") if file.suffix == ".tmp" or "chunk" in file.name]


@pytest.mark.parametrize("rows", [1, 3])
def test_a_tiny_table(tmp_path, rows):
    path = write(tmp_path, table_rows(rows))
    for file_format in preparing.FILE_FORMATS:
        found = prepare(path, SCHEMA, tmp_path / file_format, shards=4, file_format=file_format)
        assert found.splits == {"train": rows}
        assert_holds(found, read_manifest(path, SCHEMA), shuffle=True, seed=0)
    with pytest.raises(ValueError, match=f"split 'b' has no rows; there are {rows} in all"):
        prepare(path, SCHEMA, tmp_path / "none", split={"a": 1e6, "b": 1e-6})


def test_a_data_frame_with_an_index_of_its_own(tmp_path):
    frame = pd.read_csv(write(tmp_path))
    found = prepare(frame, SCHEMA, tmp_path / "out", root=tmp_path)
    assert_holds(found, read_manifest(frame, SCHEMA, root=tmp_path))
    frame.index = [f"id-{i}" for i in range(len(frame))]
    named = prepare(frame, SCHEMA, tmp_path / "named", root=tmp_path)
    # Such rows are numbered from 0.
    assert sorted(read(named, "train")[2].tolist()) == list(range(len(frame)))
    frame.loc["id-4", "sign"] = "halt"
    with pytest.raises(ValueError, match="row id-4, column 'sign': unknown label 'halt'"):
        prepare(frame, SCHEMA, tmp_path / "bad", root=tmp_path)


def test_labels_by_number_are_those_of_the_whole_table(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(table_check, "CHUNK_ROWS", 20)
    rows = table_rows()
    for i, row in enumerate(rows):
        row["sign"] = i % 2
    found = prepare(write(tmp_path, rows), SCHEMA, tmp_path / "numbers")
    assert_holds(found, read_manifest(write(tmp_path), SCHEMA))
    assert caplog.text.count("numbers of classes") == 1
    rows[50]["sign"] = "stop"
    with pytest.raises(ValueError, match=r"60 of 61 rows can't be used(?s:.*)row 2, column 'sign': unknown label '0'"):
        prepare(write(tmp_path, rows), SCHEMA, tmp_path / "mixed")
    stars = Schema("s", {"text": Text(12)}, {"sign": Label(("0", "1", "2"))})
    frame = pd.DataFrame({"text": "abc", "number": range(4), "sign": [2.0, 1.0, 0.0, 2.0]})
    _, targets, rows = read(prepare(frame, stars, tmp_path / "stars"), "train")
    assert targets["sign"][np.argsort(rows)].tolist() == [2, 1, 0, 2]
    with pytest.raises(ValueError, match="row 3, column 'sign': unknown label 3.0"):
        prepare(frame.assign(sign=[2.0, 1.0, 0.0, 3.0]), stars, tmp_path / "unseen")


def test_rows_of_a_group_stay_together(tmp_path):
    path = write(tmp_path)
    group_of = {row + 2: cells["track"] for row, cells in enumerate(table_rows())}
    found = prepare(path, SCHEMA, tmp_path / "out", split={"train": 2, "validation": 1}, group="track")
    groups = {split: {group_of[row] for row in read(found, split)[2].tolist()} for split in found.splits}
    assert not groups["train"] & groups["validation"]
    assert found.splits["validation"] == pytest.approx(ROWS / 3, abs=6)
    other = prepare(path, SCHEMA, tmp_path / "other", split={"train": 2, "validation": 1}, group="track", seed=1)
    assert {group_of[row] for row in read(other, "train")[2].tolist()} != groups["train"]


BAD = {3: {"speed": "999"}, 5: {"sign": "halt", "kind": "moon"}, 8: {"image": "no.png"}}


def bad_table(folder, changes=None):
    rows = table_rows()
    for index, cells in (BAD if changes is None else changes).items():
        rows[index] |= cells
    return write(folder, rows)


def test_all_that_is_wrong_is_said_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(table_check, "CHUNK_ROWS", 4)
    rows = table_rows()
    for index, cells in BAD.items():
        rows[index] |= cells
    rows[30] = rows[2]
    with pytest.raises(ValueError) as raised:
        prepare(write(tmp_path, rows), SCHEMA, tmp_path / "out")
    assert str(raised.value).splitlines()[0].endswith("signs.csv: 4 of 61 rows can't be used; 5 bad cells:")
    for line in (
        "row 5, column 'speed': 999 km/h is outside 0..300 km/h",
        "row 7, column 'kind': unknown category 'moon'",
        "row 7, column 'sign': unknown label 'halt'",
        "row 10, column 'image': no such file",
        "row 32: the same as row 4 in every column",
    ):
        assert line in str(raised.value)
    # Nothing that looks whole.
    assert not (tmp_path / "out").exists()
    with pytest.raises(FileNotFoundError, match="no prepared data set"):
        open_prepared(tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="row 10, column 'image'"):
        prepare(bad_table(tmp_path, {8: {"image": "no.png"}}), SCHEMA, tmp_path / "out")


@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_a_broken_picture_is_found_while_writing(tmp_path, on_error):
    path = bad_table(tmp_path, {3: {"image": "broken.png"}, 9: {"grey": "broken.png"}})
    (tmp_path / "broken.png").write_bytes(b"no picture")
    if on_error == "raise":
        with pytest.raises(
            ValueError, match="2 of 61 rows can't be used; 2 bad cells:\n  row 5, column 'image': .*brok"
        ):
            prepare(path, SCHEMA, tmp_path / "out", split=SPLIT)
        assert not (tmp_path / "out").exists()
    else:
        found = prepare(path, SCHEMA, tmp_path / "out", split=SPLIT, on_error="skip")
        assert (sum(found.splits.values()), found.skipped) == (59, 2)
        assert sum(sum(of_split["sign"].values()) for of_split in found.class_counts.values()) == 59
        rows = {row for split in found.splits for row in read(found, split)[2].tolist()}
        assert rows == set(range(2, 63)) - {5, 11}


def test_skipped_rows_are_listed(tmp_path):
    path = bad_table(tmp_path)
    found = prepare(path, SCHEMA, tmp_path / "out", on_error="skip")
    assert_holds(found, read_manifest(path, SCHEMA, on_error="skip"))
    listed = pd.read_csv(found.path / "skipped.csv")
    assert listed["row"].tolist() == [5, 7, 7, 10]
    assert listed["column"].tolist() == ["speed", "kind", "sign", "image"]
    assert found.skipped == 3
    assert "3 rows left out, see skipped.csv" in found.note


def test_files_outside_of_the_root_are_refused(tmp_path):
    path, root = write(tmp_path), tmp_path / "root"
    root.mkdir()
    frame = pd.read_csv(path)
    for column in ("image", "grey"):
        frame[column] = [f"../{name}" if isinstance(name, str) else "" for name in frame[column]]
    with pytest.raises(ValueError, match="allow_outside_root=True"):
        prepare(frame, SCHEMA, tmp_path / "out", root=root)
    assert prepare(frame, SCHEMA, tmp_path / "out", root=root, allow_outside_root=True).splits == {"train": ROWS}


def test_no_row_is_left(tmp_path):
    changes = {index: {"image": "broken.png"} for index in range(ROWS)}
    path = bad_table(tmp_path, changes)
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="61 of 61 rows can't be used"):
        prepare(path, SCHEMA, tmp_path / "out", on_error="skip")
    changes = {index: {"image": "broken.png"} for index in range(2, ROWS, 3)}
    with pytest.raises(ValueError, match="split 'test' has no rows; there are 41 in all"):
        prepare(bad_table(tmp_path, changes), SCHEMA, tmp_path / "out", split="part", on_error="skip")


def test_an_interrupted_call_leaves_nothing_and_is_repeated(tmp_path, monkeypatch):
    path, out, decode = write(tmp_path), tmp_path / "out", Manifest.decode

    def interrupted(self, name, index):
        if index == 40:
            raise KeyboardInterrupt
        return decode(self, name, index)

    monkeypatch.setattr(Manifest, "decode", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prepare(path, SCHEMA, out)
    assert not out.exists()
    monkeypatch.undo()
    # What a killed process leaves.
    (out / "samples" / "incomplete.ABCDEF_1.0.0").mkdir(parents=True)
    (out / "samples" / "1.0.0").mkdir()
    (out / "chunks.incomplete").mkdir()
    SCHEMA.save(out / "schema.json")
    (out / ".part-prepared.json").write_text("{")
    with pytest.raises(FileNotFoundError, match="not whole"):
        open_prepared(out)
    assert_holds(prepare(path, SCHEMA, out), read_manifest(path, SCHEMA))
    assert sorted(file.name for file in (out / "samples").iterdir()) == ["1.0.0"]
    assert sorted(f.name for f in out.iterdir()) == ["prepared.json", "samples", "schema.json"]


def test_a_second_call_finds_it_done_or_another_data_set(tmp_path, monkeypatch):
    path = write(tmp_path)
    first = prepare(path, SCHEMA, tmp_path / "out", split=SPLIT)
    monkeypatch.setattr(preparing, "check_table", None)
    assert prepare(path, SCHEMA, tmp_path / "out", split=dict(SPLIT)) == first
    with pytest.raises(ValueError, match="prepared with another seed, image_quality; name another folder"):
        prepare(path, SCHEMA, tmp_path / "out", split=SPLIT, seed=1, image_quality=90)
    write(tmp_path, table_rows(9))
    with pytest.raises(ValueError, match="prepared with another table"):
        prepare(path, SCHEMA, tmp_path / "out", split=SPLIT)


@pytest.mark.skipif(sys.platform == "win32", reason="locks are POSIX")
def test_two_calls_do_not_meet(tmp_path):
    path = write(tmp_path)

    def again(*_):
        with pytest.raises(FileExistsError, match="works in it; wait until it is done"):
            prepare(path, SCHEMA, tmp_path / "out")

    assert prepare(path, SCHEMA, tmp_path / "out", progress=again).splits == {"train": ROWS}


def test_damage_is_named(tmp_path):
    found = prepare(write(tmp_path), SCHEMA, tmp_path / "out")
    with pytest.raises(ValueError, match=r"no split 'test'; the splits are \['train'\]"):
        found.dataset("test")
    with pytest.raises(ValueError, match="batch_size: expected at least 1, got 0"):
        found.dataset("train", batch_size=0)
    next((found.path / "samples").rglob("samples-train*")).unlink()
    with pytest.raises(FileNotFoundError, match="samples-train.*prepare the data set again"):
        open_prepared(found.path).dataset("train")
    record = json.loads((found.path / "prepared.json").read_text(encoding="utf-8"))
    (found.path / "prepared.json").write_text(json.dumps(record | {"mmzoo_prepared": 2}))
    with pytest.raises(ValueError, match="version 2.*upgrade mmzoo"):
        open_prepared(found.path)
    (found.path / "prepared.json").write_text("{")
    with pytest.raises(ValueError, match="damaged"):
        open_prepared(found.path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"file_format": "parquet"}, "file_format: expected one of tfrecord, array_record, got 'parquet'"),
        ({"on_error": "ignore"}, "on_error"),
        ({"shards": 0}, "shards: expected a whole number of at least 1"),
        ({"image_quality": 0}, "image_quality: expected 1..100"),
        ({"group": "track"}, "group: 'track' needs shares"),
        ({"group": "no", "split": SPLIT}, "group: no column 'no'; the columns are"),
        ({"split": "no"}, "split: no column 'no'"),
        ({"split": {"all": 1.0}}, "split: 'all' is no name"),
        ({"split": {"train": -1}}, "split: 'train': expected a share greater than 0, got -1"),
        ({"split": "text"}, "row 2, column 'text': expected the name of a split"),
        ({"columns": {"sign": None}}, "output 'sign' needs a column"),
    ],
)
def test_arguments_out_of_range(tmp_path, options, message):
    with pytest.raises(ValueError) as raised:
        prepare(write(tmp_path), SCHEMA, tmp_path / "out", **options)
    assert message in str(raised.value)
    assert not (tmp_path / "out" / "prepared.json").exists()


@pytest.mark.parametrize("content", ["", "image,sign\n", "image,image\n1,2\n", "image,grey\n1\n", "image\n1,2,3\n"])
def test_a_table_that_is_none_is_refused_as_elsewhere(tmp_path, content):
    path = tmp_path / "signs.csv"
    path.write_text(content)
    with pytest.raises(ValueError) as expected:
        read_manifest(path, SCHEMA)
    with pytest.raises(ValueError) as raised:
        prepare(path, SCHEMA, tmp_path / "out")
    assert str(raised.value) == str(expected.value)
    with pytest.raises(FileNotFoundError, match="no such file"):
        prepare(tmp_path / "no.csv", SCHEMA, tmp_path / "out")


def test_jpegs_are_smaller_and_missing_stays_missing(tmp_path):
    schema = Schema("big", {"image": Image(64, 64)}, {"sign": Label(("stop", "yield"))})
    path = write(tmp_path)
    exact = prepare(path, schema, tmp_path / "png")
    small = prepare(path, schema, tmp_path / "jpeg", image_quality=80)
    size = {f.path: sum(file.stat().st_size for file in f.path.rglob("samples-*")) for f in (exact, small)}
    assert size[small.path] < size[exact.path] / 2
    before, after = (read(found, "train")[0]["image"].astype(int) for found in (exact, small))
    missing = ~before.any(axis=(1, 2, 3))
    assert missing.sum() == 9
    assert not after[missing].any()
    assert 0 < np.abs(before - after)[~missing].mean() < 12


def test_every_kind_of_input_and_output_comes_back():
    schema = Schema(
        "all",
        {"image": Image(3, 2), "grey": Image(3, 2, 1), "sound": Audio(6, 8000), "text": Text(4), "road": ROAD},
        {"sign": Label(("a", "b")), "tags": MultiLabel(("x", "y")), "price": Value()},
    )
    rng = np.random.default_rng(0)
    exact = np.array([-32768, 1, 0, 32767, 0, 0], np.float32) / 32768
    for sound in (exact, exact * 0, np.array([0.1, -1, 1, 0, 0, 0.3], np.float32)):
        for text in ([0, 0, 0, 0], [5, 0, 7, 0], [1, 255, 3, 9]):
            inputs = {
                "image": rng.integers(0, 256, (3, 2, 3), dtype=np.uint8),
                "grey": rng.integers(0, 256, (3, 2, 1), dtype=np.uint8),
                "sound": sound,
                "text": np.array(text, np.int32),
                "road": np.array([1.5, np.nan, 0, np.inf], np.float32),
            }
            targets = {"sign": np.int32(1), "tags": np.array([0, 1], np.float32), "price": np.array([2.5], np.float32)}
            features = record_features(schema, {name: np.asarray(array)[None] for name, array in targets.items()})
            record = {n: stored(schema.inputs[n], array) for n, array in inputs.items()}
            fields = {"row": 7, "inputs": record, "targets": targets}
            data = features.serialize_example(features.encode_example(fields))
            found, labels = restored(schema, features.deserialize_example(tf.constant(data)))
            for name, array in (inputs | targets).items():
                np.testing.assert_array_equal((found | labels)[name].numpy(), array, err_msg=name)
    assert len(stored(schema["sound"], exact)) == 1 + 2 * 4


def test_sounds_and_several_labels_of_a_table(tmp_path):
    pytest.importorskip("soundfile")
    for number, rate in enumerate((8000, 8000, 16000)):
        samples = np.random.default_rng(number).integers(-32768, 32768, 300 * (number + 1), dtype=np.int16)
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, rate, len(samples), "NONE", ""))
            file.writeframes(samples.astype("<i2").tobytes())
    rows = [
        {"number": i, "sound": f"{i % 4}.wav" if i % 4 < 3 else "", "tags": ("", "x", "x|y")[i % 3]} for i in range(12)
    ]
    schema = Schema("sounds", {"sound": Audio(500, 8000)}, {"tags": MultiLabel(("x", "y"))})
    path = write(tmp_path, rows)
    found = prepare(path, schema, tmp_path / "out")
    assert_holds(found, read_manifest(path, schema))
    assert found.class_counts == {"train": {"tags": {"x": 8, "y": 4}}}


def test_beam_writes_the_same_records(tmp_path, monkeypatch):
    if importlib.util.find_spec("apache_beam") is None:
        with pytest.raises(ImportError, match=r'pip install "mmzoo\[beam\]"'):
            prepare(write(tmp_path), SCHEMA, tmp_path / "out", beam=True)
        pytest.skip("apache_beam is not installed")
    monkeypatch.setattr(table_check, "CHUNK_ROWS", 7)
    path = bad_table(tmp_path, {3: {"image": "broken.png"}})
    (tmp_path / "broken.png").write_bytes(b"no picture")
    for file_format in preparing.FILE_FORMATS:
        options = {"split": SPLIT, "on_error": "skip", "file_format": file_format, "shards": 2}
        alone = prepare(path, SCHEMA, tmp_path / f"{file_format}-alone", **options)
        found = prepare(path, SCHEMA, tmp_path / f"{file_format}-beam", beam=True, **options)
        assert (found.skipped, found.splits) == (1, alone.splits)
        assert found.sensor_statistics == alone.sensor_statistics
        for split in found.splits:
            both = read(found, split), read(alone, split)
            tf.nest.map_structure(
                lambda a, b, i, j: np.testing.assert_array_equal(a[i], b[j]),
                *both,
                *(tf.nest.map_structure(lambda _, one=one: np.argsort(one[2]), one) for one in both),
            )
    with pytest.raises(ValueError, match="1 of 61 rows can't be used"):
        prepare(path, SCHEMA, tmp_path / "raised", beam=True)
    assert not (tmp_path / "raised" / "samples").exists()


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs `mmzoo prepare WORDS ...` in this process; returns (exit status, standard output, standard error)."""
    monkeypatch.delenv("MMZOO_TRACEBACK", raising=False)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["mmzoo", "prepare", *map(str, words)])
        status = 0
        try:
            cli.main()
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return run


def test_the_command(command, tmp_path):
    path, out = bad_table(tmp_path, {3: {"speed": "999"}}), tmp_path / "out"
    SCHEMA.save(tmp_path / "schema.json")
    words = (path, "--schema", tmp_path / "schema.json", "--out", out, "--validation", 0.25, "--group", "track")
    status, _, errors = command(*words)
    assert (status, errors.splitlines()[1]) == (1, "  row 5, column 'speed': 999 km/h is outside 0..300 km/h")
    options = ("--test", 0.25, "--on-error", "skip", "--format", "array_record", "--shards", 2)
    status, printed, errors = command(*words, *options)
    assert (status, errors) == (0, "")
    assert "60 samples of" in printed
    assert "skipped.csv" in printed
    found = open_prepared(out)
    assert (found.file_format, set(found.splits)) == ("array_record", {"train", "validation", "test"})


def test_the_command_infers_a_schema(command, tmp_path):
    rows = [
        {"Photo no.": f"{i % 5}.png", "Speed (km/h)": f"{i * 1.7:.2f}", "sign": ("stop", "yield")[i % 2]}
        | {"split": ("train", "train", "val")[i % 3]}
        for i in range(60)
    ]
    path = write(tmp_path, rows)
    status, printed, errors = command(path, "--target", "sign", "--out", tmp_path / "out")
    assert (status, errors) == (0, "")
    # The column of splits is found too.
    assert "train 40, validation 20" in printed
    found = open_prepared(tmp_path / "out")
    assert found.schema == mmzoo.infer_schema(path, "sign")
    assert {type(kind) for kind in found.schema.inputs.values()} == {Image, Sensors}
    assert found.class_counts["validation"] == {"sign": {"stop": 10, "yield": 10}}
    status, _, errors = command(path, "--target", "no", "--out", tmp_path / "other")
    assert status == 1
    assert "'no'" in errors


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give --schema schema.json, or --target"),
        (("--schema", "s.json", "--target", "sign"), "give --schema schema.json, or --target"),
        (("--target", "sign", "--split", "part", "--validation", "0.5"), "give one of them"),
        (("--target", "sign", "--validation", "0.5", "--test", "0.5"), "less than 1 together"),
        (
            ("--target", "sign", "--validation", "2"),
            "expected shares above 0, less than 1 together, got",
        ),
    ],
)
def test_the_command_refuses(command, tmp_path, words, message):
    status, _, errors = command(write(tmp_path), "--out", tmp_path / "out", *words)
    assert status == 1
    assert message in errors


def test_the_bench_runs(nano, monkeypatch):
    monkeypatch.setattr(mmzoo, "build_road_sign_model", lambda **_: nano)
    monkeypatch.setattr(
        streaming, "_in_child", lambda what, form, folder, steps: streaming._measure(what, form, folder, steps)
    )
    told = []
    figures = streaming.streaming_figures([100], formats=["tfrecord"], steps=0, say=told.append)
    assert len(told) == 4
    table = streaming.markdown(figures, "a machine")
    assert "| | 100 rows |" in table
    assert len([line for line in table.splitlines() if "(MB)" in line]) == 4
    assert all(figure.value > 0 for figure in figures)
