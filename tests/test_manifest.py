"""Own data: tables to tf.data pipelines."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from PIL import Image as Pillow

from mmzoo.data.augmentation import ImageAugmentation
from mmzoo.data.pipeline import from_arrays
from mmzoo.data.tables.manifest import manifest_dataset, read_manifest
from mmzoo.schema import Angle, Category, Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value

SCHEMA = Schema(
    "sign",
    {
        "image": Image(8, 8),
        "text": Text(6),
        "location": Sensors((Number("speed", "km/h", 0, 300), Angle("heading"), Category("road", ("city", "country")))),
    },
    {"sign": Label(("stop", "yield")), "distance": Value("m", minimum=0.0)},
)
HEADER = "image,text,location_speed,location_heading,road,sign,distance"
ROWS = [
    "0.png,STOP,50,370,city,stop,10.5",
    "1.jpg,,,,,yield,0",
    ",Straße!,0,-10,country,yield,3",
    "3.tif,NA,nan,5,city,stop,4",
]


def pixels(seed):
    return np.random.default_rng(seed).integers(1, 256, (12, 10, 3), dtype=np.uint8)


def write(folder, rows=ROWS, header=HEADER, encoding="utf-8"):
    for number, suffix in enumerate(("png", "jpg", "ppm", "tif")):
        Pillow.fromarray(pixels(number)).save(folder / f"{number}.{suffix}")
    path = folder / "signs.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def collect(dataset):
    """All batches of a dataset, joined."""
    batches = [tf.nest.map_structure(np.asarray, batch) for batch in dataset]
    return tf.nest.map_structure(lambda *parts: np.concatenate(parts), *batches)


def raw_samples(folder):
    return [
        {
            "image": folder / "0.png",
            "text": "STOP",
            "location": {"speed": 50, "heading": 370, "road": "city"},
        },
        {"image": folder / "1.jpg"},
        {"text": "Straße!", "location": {"speed": 0, "heading": -10, "road": "country"}},
        {"image": folder / "3.tif", "location": {"heading": 5, "road": "city"}},
    ]


@pytest.mark.parametrize("cache", [False, True, "file"])
def test_batches_hold_what_the_schema_encodes(tmp_path, cache):
    path = write(tmp_path)
    dataset = manifest_dataset(path, SCHEMA, batch_size=3, cache=str(tmp_path / "cache") if cache == "file" else cache)
    assert dataset.element_spec[0]["image"].shape == (None, 8, 8, 3)
    for _ in range(2):
        inputs, targets = collect(dataset)
        expected = SCHEMA.encode_batch(raw_samples(tmp_path))
        assert list(inputs) == list(SCHEMA.inputs)
        for name, array in expected.items():
            np.testing.assert_array_equal(inputs[name], array)
            assert inputs[name].dtype == array.dtype
        assert targets["sign"].tolist() == [0, 1, 1, 0]
        assert targets["distance"].tolist() == [[10.5], [0.0], [3.0], [4.0]]


def test_frame_equals_file(tmp_path):
    frame = pd.read_csv(write(tmp_path), na_values=[""], keep_default_na=False, dtype={"sign": object})
    frame.index = list("abcd")
    manifest = read_manifest(frame, SCHEMA, root=tmp_path)
    from_file = read_manifest(tmp_path / "signs.csv", SCHEMA)
    assert manifest.rows == list("abcd") and from_file.rows == [2, 3, 4, 5]
    for one, other in zip(manifest.arrays(), from_file.arrays(), strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_whole_numbers_in_a_text_column_with_gaps_stay_whole(tmp_path):
    frame = pd.DataFrame({"text": [50, None], "sign": [0, 1]})
    schema = Schema("sign", {"text": Text(4)}, {"sign": Label(("a", "b"))})
    assert read_manifest(frame, schema).inputs["text"].tolist() == [[53, 48, 0, 0], [0, 0, 0, 0]]


@pytest.mark.parametrize(("separator", "encoding"), [(";", "utf-8-sig"), ("\t", "utf-8"), (",", "utf-8-sig")])
def test_separators_bom_and_empty_rows(tmp_path, separator, encoding):
    rows = [row.replace(",", separator) for row in ROWS]
    path = write(tmp_path, [rows[0], "", *rows[1:], separator * 6, ""], HEADER.replace(",", separator), encoding)
    manifest = read_manifest(path, SCHEMA)
    assert manifest.rows == [2, 4, 5, 6]
    assert manifest.targets["sign"].tolist() == [0, 1, 1, 0]


def test_other_columns_and_inputs_without_any(tmp_path):
    frame = pd.DataFrame({"file": ["0.png"], "v": [30.0], "kind": ["yield"], "m": [1]})
    write(tmp_path)
    columns = {"image": "file", "text": None, "location.speed": "v", "heading": None, "road": None, "sign": "kind"}
    manifest = read_manifest(frame, SCHEMA, columns={**columns, "distance": "m"}, root=tmp_path)
    assert not manifest.inputs["text"].any()
    np.testing.assert_array_equal(manifest.inputs["location"], [[30, np.nan, np.nan]])
    columns = {"image": "file", "text": None, "location": None, "sign": "kind", "distance": "m"}
    manifest = read_manifest(frame, SCHEMA, columns=columns, root=tmp_path)
    assert np.isnan(manifest.inputs["location"]).all()


def test_a_table_without_labels(tmp_path):
    path = write(tmp_path, [row.rsplit(",", 2)[0] for row in ROWS], HEADER.rsplit(",", 2)[0])
    inputs = collect(manifest_dataset(path, SCHEMA, targets=False))
    assert inputs["image"].shape == (4, 8, 8, 3)
    with pytest.raises(ValueError, match="'sign'.*'distance'"):
        manifest_dataset(path, SCHEMA)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("text", "words"), r"no column 'text'; the columns are \['image', 'words'"),
        (HEADER.replace("distance", "sign"), "column 'sign' stands there twice"),
        (HEADER.replace("text", "location_road"), "'location_road' and 'road' are the same input"),
    ],
)
def test_wrong_columns(tmp_path, header, message):
    with pytest.raises(ValueError, match=message):
        read_manifest(write(tmp_path, header=header), SCHEMA)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": "picture"}, "no column 'picture'"),
        ({"speeed": "x"}, "columns: 'speeed' is no input, field"),
        ({"location": "x"}, "columns: 'location' has fields"),
        ({"sign": None}, "columns: output 'sign' needs a column"),
    ],
)
def test_wrong_choice_of_columns(tmp_path, columns, message):
    with pytest.raises(ValueError, match=message):
        read_manifest(write(tmp_path), SCHEMA, columns=columns)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("50,370", "301,370", "row 2, column 'location_speed': 301 km/h is outside 0..300 km/h"),
        ("50,370", "fast,370", "row 2, column 'location_speed': expected a number such as 48.5, got 'fast'"),
        ("50,370", "50,inf", "row 2, column 'location_heading': expected a finite number"),
        ("country", "Country", "row 4, column 'road': unknown category 'Country'"),
        ("yield,0", "give way,0", "row 3, column 'sign': unknown label 'give way'; expected one of 'stop', 'yield'"),
        (
            "country,yield",
            "country,1",
            r"row 4, column 'sign': unknown label '1'.*or all of the column as numbers 0\.\.1",
        ),
        ("10.5", "far", "row 2, column 'distance': expected a number in 0..inf, got 'far'"),
    ],
)
def test_bad_cells_are_named(tmp_path, old, new, message):
    rows = [row.replace(old, new) for row in ROWS]
    with pytest.raises(ValueError, match=f"signs.csv: 1 of 4 rows can't be used(?s:.*){message}"):
        read_manifest(write(tmp_path, rows), SCHEMA)


@pytest.mark.parametrize(
    ("old", "new", "output", "message"),
    [
        ("country,yield", "country,", "sign", "row 4, column 'sign': the label of 'sign' is missing"),
        ("10.5", "", "distance", "row 2, column 'distance': the value of 'distance' is missing"),
    ],
)
def test_a_missing_target_is_an_error_unless_there_are_others(tmp_path, caplog, old, new, output, message):
    path = write(tmp_path, [row.replace(old, new) for row in ROWS])
    with pytest.raises(ValueError, match=f"signs.csv: 1 of 4 rows can't be used(?s:.*){message}"):
        read_manifest(path, SCHEMA.with_outputs({output: SCHEMA.outputs[output]}))
    targets = read_manifest(path, SCHEMA).targets
    assert SCHEMA.outputs[output].has_target(targets[output]).sum() == 3
    assert f"signs.csv: 1 of 4 rows lack the target '{output}' and count for the others" in caplog.text


def test_missing_files_are_counted_and_named(tmp_path):
    rows = [f"gone{number}.png,,,,,stop,1" for number in range(8)]
    with pytest.raises(FileNotFoundError) as error:
        read_manifest(write(tmp_path, [*ROWS, *rows]), SCHEMA)
    message = str(error.value)
    assert "8 of 12 rows" in message and "row 6, column 'image': no such file" in message
    assert "gone0.png" in message and "and 3 more" in message and "gone6" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a table: it is empty"),
        (b"image,text\n", "no rows"),
        (b"image\n\xff\xfe\n", "not in UTF-8"),
        (
            b"a,b\n1,2\n1,2,3\n",
            "row 3: 3 cells, but 2 columns in the header; a cell that holds the separator needs quotes",
        ),
        (b'a,b\n"1,2\n3,4\n', "row 2: a quote is opened there and never closed"),
        ("image,text\n".encode("utf-16"), "not in UTF-8"),
    ],
)
def test_what_is_no_table(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.csv[:,] {message}"):
        read_manifest(path, SCHEMA)


def test_no_table(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing.csv: no such file"):
        manifest_dataset(tmp_path / "nothing.csv", SCHEMA)
    with pytest.raises(TypeError, match="list"):
        manifest_dataset([1], SCHEMA)
    with pytest.raises(ValueError, match="on_error: .*'ignore'"):
        read_manifest(tmp_path, SCHEMA, on_error="ignore")


def test_skipping_rows_with_bad_cells_and_broken_pictures(tmp_path, caplog):
    path = write(tmp_path, [*ROWS, "0.png,,-1,,,stop,1", "broken.png,,,,,stop,1", "gone.png,,,,,stop,1"])
    (tmp_path / "broken.png").write_bytes((tmp_path / "0.png").read_bytes()[:80])
    caplog.set_level(logging.WARNING)
    for cache in (False, True):
        manifest = read_manifest(path, SCHEMA, on_error="skip")
        assert [(problem.row, problem.column) for problem in manifest.skipped] == [(6, "location_speed"), (8, "image")]
        dataset = manifest_dataset(manifest, on_error="skip", cache=cache)
        for _ in range(2):
            inputs, targets = collect(dataset)
            assert len(inputs["image"]) == len(targets["sign"]) == 4
        assert [problem.row for problem in manifest.skipped] == [6, 8, 7]
        assert "broken.png" in manifest.skipped[-1].message
    assert "2 of 7 rows" in caplog.text and "broken.png" in caplog.text


def test_a_row_that_is_cut_short_is_named(tmp_path):
    for on_error in ("raise", "skip"):
        with pytest.raises(ValueError, match=r"signs\.csv, row 5: 2 cells, but 7 columns in the header"):
            read_manifest(write(tmp_path, [*ROWS[:2], "", "2.ppm,STOP", *ROWS[3:]]), SCHEMA, on_error=on_error)


def test_rows_that_stand_there_twice(tmp_path):
    path = write(tmp_path, [*ROWS, ROWS[0], ROWS[2], ROWS[0]])
    message = r"3 of 7 rows can't be used; 3 bad cells:\n  row 6: the same as row 2 in every column; drop it or"
    with pytest.raises(ValueError, match=message):
        read_manifest(path, SCHEMA)
    manifest = read_manifest(path, SCHEMA, on_error="skip")
    assert manifest.rows == [2, 3, 4, 5]
    assert [(problem.row, problem.column) for problem in manifest.skipped] == [(6, ""), (7, ""), (8, "")]
    # The way out for those that are meant: a column that feeds nothing.
    numbered = [f"{row},{number}" for number, row in enumerate([*ROWS, ROWS[0]])]
    assert len(read_manifest(write(tmp_path, numbered, f"{HEADER},id"), SCHEMA)) == 5
    with pytest.raises(ValueError, match="row b: the same as row a"):
        read_manifest(pd.DataFrame({"text": [1, 1], "sign": ["a", "a"]}, ["a", "b"]), TEXT_SCHEMA)


def test_cells_of_a_frame_that_no_table_holds():
    frame = pd.DataFrame({"text": [b"\xff", "\ud800", None], "sign": ["a", "b", "a"]}, dtype=object)
    replaced = list("\ufffd".encode()) + [0]
    assert read_manifest(frame, TEXT_SCHEMA).inputs["text"].tolist() == [replaced, replaced, [0] * 4]
    frame = pd.DataFrame({"text": ["x", ["y"]], "sign": ["a", np.array([1, 2])]}, dtype=object)
    manifest = read_manifest(frame, TEXT_SCHEMA, on_error="skip")
    assert manifest.rows == [0]
    assert [problem.message[:29] for problem in manifest.skipped] == [
        "expected one value, got list:",
        "expected one value, got ndarr",
    ]


TEXT_SCHEMA = Schema("sign", {"text": Text(4)}, {"sign": Label(("a", "b"))})


def test_nothing_left_to_skip_to(tmp_path):
    with pytest.raises(ValueError, match="1 of 1 rows"):
        read_manifest(write(tmp_path, ["0.png,,-1,,,stop,1"]), SCHEMA, on_error="skip")


def test_a_broken_picture_is_named(tmp_path):
    path = write(tmp_path, [*ROWS, "broken.png,,,,,stop,1"])
    (tmp_path / "broken.png").write_bytes((tmp_path / "0.png").read_bytes()[:80])
    with pytest.raises(tf.errors.InvalidArgumentError, match="signs.csv, row 6, image: .*broken.png"):
        collect(manifest_dataset(path, SCHEMA))
    with pytest.raises(ValueError, match="signs.csv, row 6, image: .*broken.png"):
        manifest_dataset(path, SCHEMA, cache=True)


def test_a_changed_picture_makes_a_new_cache(tmp_path):
    path = write(tmp_path)
    before, _ = collect(manifest_dataset(path, SCHEMA, cache=tmp_path / "cache"))
    Pillow.fromarray(pixels(9)).save(tmp_path / "0.png")
    after, _ = collect(manifest_dataset(path, SCHEMA, cache=tmp_path / "cache"))
    assert (before["image"][0] != after["image"][0]).any()
    np.testing.assert_array_equal(before["image"][1:], after["image"][1:])


def numbered(count):
    return {"text": np.arange(count * 2, dtype=np.int32).reshape(count, 2)}, {"sign": np.arange(count)}


def epochs(dataset, count=2):
    return [collect(dataset)[1]["sign"].tolist() for _ in range(count)]


def test_shuffling_repeats_with_a_seed_and_differs_between_epochs():
    first = epochs(from_arrays(*numbered(50), shuffle=True, seed=1, batch_size=7))
    assert first == epochs(from_arrays(*numbered(50), shuffle=True, seed=1, batch_size=7))
    assert first != epochs(from_arrays(*numbered(50), shuffle=True, seed=2, batch_size=7))
    assert first[0] != first[1] and sorted(first[0]) == sorted(first[1]) == list(range(50))
    inputs, targets = collect(from_arrays(*numbered(50), shuffle=True))
    np.testing.assert_array_equal(inputs["text"][:, 0], targets["sign"] * 2)


@pytest.mark.parametrize("cache", [False, True, "file"])
def test_shuffling_of_a_table(tmp_path, cache):
    write(tmp_path)
    frame = pd.DataFrame({"image": ["0.png", ""] * 10, "distance": np.arange(20), "sign": 0})
    options = {"columns": {"text": None, "location": None}, "root": tmp_path, "shuffle": True, "seed": 3}
    options["cache"] = str(tmp_path / "cache") if cache == "file" else cache
    dataset = manifest_dataset(frame, SCHEMA, batch_size=6, **options)
    orders = [collect(dataset)[1]["distance"][:, 0].tolist() for _ in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]) == list(range(20))
    again = manifest_dataset(frame, SCHEMA, batch_size=6, **options)
    assert collect(again)[1]["distance"][:, 0].tolist() == orders[0]


@pytest.mark.parametrize("drop_remainder", [True, False])
def test_augmentation_is_new_each_epoch_and_repeats_with_a_seed(drop_remainder):
    images = np.random.default_rng(0).integers(1, 256, (6, 16, 16, 3), dtype=np.uint8)
    images[2] = 0

    def two_epochs(seed):
        dataset = from_arrays(
            {"image": images},
            {"sign": np.arange(6)},
            batch_size=4,
            seed=seed,
            augmentation=ImageAugmentation(),
            drop_remainder=drop_remainder,
        )
        return [collect(dataset)[0]["image"] for _ in range(2)]

    first, again, other = two_epochs(5), two_epochs(5), two_epochs(6)
    np.testing.assert_array_equal(first, again)
    assert len(first[0]) == (4 if drop_remainder else 6)
    assert (first[0] != first[1]).any() and (first[0] != other[0]).any()
    assert (first[0] != images[: len(first[0])]).any()
    assert not first[0][2].any(), "a missing image must stay missing"


def test_batches_one_hot_repeat_and_schema():
    schema = Schema("s", {"text": Text(2), "image": Image(4, 4)}, {"sign": Label(("a", "b", "c"))})
    inputs, targets = numbered(10)
    dataset = from_arrays(
        inputs, {"sign": targets["sign"] % 3}, schema=schema, batch_size=4, drop_remainder=True, one_hot={"sign": 3}
    )
    batches = list(dataset)
    assert len(batches) == 2 == int(dataset.cardinality())
    assert batches[0][1]["sign"].dtype == tf.float32
    assert batches[0][1]["sign"].numpy().argmax(1).tolist() == [0, 1, 2, 0]
    assert batches[0][0]["image"].shape == (4, 4, 4, 3) and not batches[0][0]["image"].numpy().any()
    assert len(list(from_arrays(inputs, batch_size=4, repeat=True).take(7))) == 7
    assert list(next(iter(from_arrays(inputs)))) == ["text"]


@pytest.mark.parametrize(
    ("inputs", "targets", "message"),
    [
        ({"text": np.zeros((3, 2), int)}, {"sign": np.zeros(4)}, "different length: {'text': 3, 'sign': 4}"),
        ({"text": np.zeros((0, 2), int)}, {"sign": np.zeros(0)}, "no samples"),
        ({"txt": np.zeros((3, 2), int)}, {"sign": np.zeros(3)}, "unknown input 'txt'"),
        ({"text": np.zeros((3, 5), int)}, {"sign": np.zeros(3)}, r"'text': expected int32 of shape \(N, 2\)"),
        ({"text": np.zeros((3, 2))}, {"sign": np.zeros(3)}, "'text': expected int32.*got float64"),
    ],
)
def test_arrays_that_do_not_fit(inputs, targets, message):
    schema = Schema("s", {"text": Text(2)}, {"sign": Label(("a", "b"))})
    with pytest.raises(ValueError, match=message):
        from_arrays(inputs, targets, schema=schema)


def test_a_table_without_pictures():
    frame = pd.DataFrame({"text": ["a", None], "sign": ["q", "p"]})
    schema = Schema("s", {"text": Text(2)}, {"sign": Label(("p", "q"))})
    inputs, targets = collect(manifest_dataset(frame, schema))
    assert inputs["text"].tolist() == [[97, 0], [0, 0]] and targets["sign"].tolist() == [1, 0]


def test_several_labels_in_a_cell():
    frame = pd.DataFrame({"text": ["x", "y", "z"], "tags": ["b|a", "", "c"]})
    schema = Schema("tags", {"text": Text(4)}, {"tags": MultiLabel(("a", "b", "c"))})
    assert read_manifest(frame, schema).targets["tags"].tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match="column 'tags': unknown label 'd'; expected some of"):
        read_manifest(frame.assign(tags=["a", "a|d", "c"]), schema)
