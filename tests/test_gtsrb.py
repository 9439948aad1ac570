"""The GTSRB archives, the TFDS builder over them and the split by track."""

from __future__ import annotations

import io
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from gtsrb_archive_writer import (
    TEST_GT_ZIP,
    TEST_ZIP,
    TRAINING_ZIP,
    read_zip,
    write_gtsrb_archive,
    write_zip,
)
from PIL import Image

from mmzoo.data.sets import gtsrb, gtsrb_archive
from mmzoo.data.sets.gtsrb import NUM_FOLDS, Gtsrb, is_validation, load_gtsrb, validation_tracks
from mmzoo.data.sets.road_context import GTSRB_FREQUENCIES

CLASSES = (0, 7, 42)
TRAINING = "GTSRB/Final_Training/Images"


@pytest.fixture
def written(tmp_path):
    return write_gtsrb_archive(tmp_path / "archives", classes=CLASSES, test_images=7)


def edit(directory: Path, archive: str, name: str, change) -> None:
    """Changes one member of a written zip; `change` returns its new bytes, or None to drop it."""
    members = read_zip(directory / archive)
    data = change(members.pop(name))
    if data is not None:
        members[name] = data
    write_zip(directory / archive, members)


@pytest.mark.parametrize("extension", ["ppm", "png", "jpg"])
@pytest.mark.parametrize("unpacked", [False, True])
def test_all_formats_zipped_and_unpacked(tmp_path, extension, unpacked):
    written = write_gtsrb_archive(
        tmp_path / "archives", classes=CLASSES, tracks=6, test_images=7, extension=extension, unpacked=unpacked
    )
    arguments = dict(directory=written.directory, prepared_dir=tmp_path / "prepared")
    parts = [load_gtsrb(split, **arguments) for split in ("train", "validation")]
    assert sorted(parts[0].names + parts[1].names) == sorted(written.training)
    assert not set(parts[0].tracks) & set(parts[1].tracks)
    for part in parts:
        assert part.images.dtype == np.uint8 and part.labels.dtype == part.tracks.dtype == np.int32
        assert set(part.labels) == set(CLASSES)
        for image, label, track, name in zip(part.images, part.labels, part.tracks, part.names, strict=True):
            np.testing.assert_array_equal(image, written.training[name])
            assert int(name[:5]) == label and int(name[6:11]) + label * 100_000 == track
    test = load_gtsrb("test", **arguments)
    assert test.names == list(written.test) and test.tracks.tolist() == list(range(7))
    for image, label, (true_label, pixels) in zip(test.images, test.labels, written.test.values(), strict=True):
        assert label == true_label
        np.testing.assert_array_equal(image, pixels)


def test_original_sizes_are_scaled_with_antialias_and_recorded(tmp_path):
    written = write_gtsrb_archive(tmp_path / "archives", classes=(3,), image_size=None)
    data = load_gtsrb("train", directory=written.directory, image_size=(16, 24), prepared_dir=tmp_path / "prepared")
    for image, name in zip(data.images, data.names, strict=True):
        pixels = written.training[name]
        expected = np.asarray(Image.fromarray(pixels).resize((24, 16), Image.Resampling.BILINEAR))
        np.testing.assert_array_equal(image, expected)
    builder = Gtsrb(directory=written.directory, image_size=(16, 24), data_dir=tmp_path / "prepared")
    for example in builder.as_dataset(split="train").as_numpy_iterator():
        height, width = written.training[example["filename"].decode()].shape[:2]
        assert (example["height"], example["width"]) == (height, width)


def test_exif_orientation_is_applied(written, tmp_path):
    pixels = written.training["00000/00000_00000.ppm"].copy()
    pixels[:16] = 255
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    Image.fromarray(pixels).save(stream, "PNG", exif=exif)
    edit(written.directory, TRAINING_ZIP, f"{TRAINING}/00000/00000_00000.ppm", lambda _: stream.getvalue())
    images = gtsrb_archive.find_source(written.directory, gtsrb_archive.TRAINING_IMAGES)
    row = next(row for row in gtsrb_archive.read_training_rows(images) if row.name == "00000/00000_00000.ppm")
    np.testing.assert_array_equal(gtsrb_archive.read_image(images, row, (32, 32)), np.rot90(pixels, -1))


def test_folds_are_by_track_and_cover_everything():
    labels = np.repeat([4, 9], [60, 33])
    tracks = np.concatenate([np.repeat(np.arange(20), 3), np.repeat(np.arange(11), 3)])
    masks = np.stack([is_validation(labels, tracks, fold) for fold in range(NUM_FOLDS)])
    assert (masks.sum(0) == 1).all()
    for mask in masks:
        sides = {(label, track): set() for label, track in zip(labels, tracks, strict=True)}
        for label, track, held_out in zip(labels, tracks, mask, strict=True):
            sides[label, track].add(bool(held_out))
        assert all(len(side) == 1 for side in sides.values())
        assert len(set(tracks[mask & (labels == 4)])) == 4


def test_small_classes_hold_out_at_least_one_track():
    for count in range(1, NUM_FOLDS):
        folds = [validation_tracks(8, range(count), fold) for fold in range(NUM_FOLDS)]
        assert [len(fold) for fold in folds] == [1] * NUM_FOLDS
        assert set.union(*folds) == set(range(count))


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    assert validation_tracks(2, [5, 3, 9, 1, 7, 3], 1) == validation_tracks(2, [1, 3, 5, 7, 9], 1)


def test_each_split_needs_its_own_archives_only(written, tmp_path):
    for absent in (TEST_ZIP, TEST_GT_ZIP):
        (written.directory / absent).rename(tmp_path / absent)
    assert len(load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared")) > 0
    with pytest.raises(FileNotFoundError, match="GTSRB_Final_Test_Images.zip"):
        load_gtsrb("test", directory=written.directory, prepared_dir=tmp_path / "prepared")
    (tmp_path / TEST_ZIP).rename(written.directory / TEST_ZIP)
    with pytest.raises(FileNotFoundError, match="GTSRB_Final_Test_GT.zip"):
        load_gtsrb("test", directory=written.directory, prepared_dir=tmp_path / "prepared")
    (tmp_path / TEST_GT_ZIP).rename(written.directory / TEST_GT_ZIP)
    (written.directory / TRAINING_ZIP).unlink()
    assert len(load_gtsrb("test", directory=written.directory, prepared_dir=tmp_path / "prepared")) == 7
    with pytest.raises(FileNotFoundError, match="GTSRB_Final_Training_Images.zip"):
        load_gtsrb("validation", directory=written.directory, prepared_dir=tmp_path / "prepared")


def test_prepared_data_is_used_again_until_the_archive_changes(written, tmp_path, monkeypatch):
    arguments = dict(directory=written.directory, prepared_dir=tmp_path / "prepared")
    first = load_gtsrb("train", **arguments)
    reads = []
    read_image = gtsrb_archive.read_image
    monkeypatch.setattr(gtsrb_archive, "read_image", lambda *args: reads.append(1) or read_image(*args))
    again = load_gtsrb("train", **arguments)
    np.testing.assert_array_equal(again.images, first.images)
    assert not reads
    name = first.names[0]
    black = io.BytesIO()
    Image.new("RGB", (32, 32)).save(black, "PPM")
    # The same size in bytes, so that the content alone tells.
    edit(written.directory, TRAINING_ZIP, f"{TRAINING}/{name}", lambda _: black.getvalue())
    changed = load_gtsrb("train", **arguments)
    assert reads and first.images[0].any() and not changed.images[changed.names.index(name)].any()


def test_a_changed_folder_is_prepared_anew(tmp_path):
    directory = write_gtsrb_archive(tmp_path / "archives", classes=(1,), unpacked=True).directory
    before = Gtsrb(directory=directory, data_dir=tmp_path).data_dir
    file = directory / TRAINING / "00001" / "00000_00000.ppm"
    os.utime(file, ns=(1, 1))
    assert Gtsrb(directory=directory, data_dir=tmp_path).data_dir != before


@pytest.mark.parametrize("root", ["GTSRB_Final_Training_Images", "."])
def test_unpacked_into_a_folder_of_the_archives_name(tmp_path, root):
    written = write_gtsrb_archive(tmp_path / root, classes=(1,), unpacked=True)
    source = gtsrb_archive.find_source(tmp_path, gtsrb_archive.TRAINING_IMAGES)
    assert {row.name for row in gtsrb_archive.read_training_rows(source)} == set(written.training)


@pytest.mark.parametrize(
    ("old", "new", "error", "message"),
    [
        (b"00001_00000.ppm", b"00001_00077.ppm", FileNotFoundError, r"GT-00007.csv, line 4: .*00001_00077.ppm"),
        (
            b";7\r\n00001_00000",
            b";43\r\n00001_00000",
            ValueError,
            r"GT-00007.csv, line 3: ClassId must be 0..42",
        ),
        (b";7\r\n00001_00000", b";8\r\n00001_00000", ValueError, r"line 3: ClassId 8 in the folder of class 7"),
        (b";7\r\n00001_00000", b";x\r\n00001_00000", ValueError, r"line 3: ClassId must be an integer, got 'x'"),
        (b";ClassId", b";Class", ValueError, r"GT-00007.csv: no column ClassId"),
        (b"Filename;", b"File;", ValueError, r"GT-00007.csv: no column Filename"),
        (b"00001_00000.ppm;32;32", b"00001_00000.ppm;32", ValueError, r"line 4: expected 8 values"),
        (b"00001_00000.ppm", b"sign.ppm", ValueError, r"line 4: Filename 'sign.ppm' is not <track>_<frame>"),
        (b"00001_00000.ppm", b"00000_00000.ppm", ValueError, r"line 4: 00007/00000_00000.ppm is listed twice"),
        (b"00001_00000.ppm", b"\xff.ppm", ValueError, r"GT-00007.csv: not UTF-8"),
    ],
)
def test_a_bad_csv_row_is_named(written, tmp_path, old, new, error, message):
    def change(data):
        assert old in data
        return data.replace(old, new, 1)

    edit(written.directory, TRAINING_ZIP, f"{TRAINING}/00007/GT-00007.csv", change)
    with pytest.raises(error, match=message):
        load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared")


def test_columns_beyond_name_and_class_are_optional(written, tmp_path):
    for label in CLASSES:
        member = f"{TRAINING}/{label:05d}/GT-{label:05d}.csv"

        def change(data):
            lines = [line.split(";") for line in data.decode().splitlines()]
            return "\n".join(f"{line[0]};{line[-1]}" for line in lines).encode("utf-8-sig")

        edit(written.directory, TRAINING_ZIP, member, change)
    source = gtsrb_archive.find_source(written.directory, gtsrb_archive.TRAINING_IMAGES)
    rows = gtsrb_archive.read_training_rows(source)
    assert {row.name for row in rows} == set(written.training) and {row.width for row in rows} == {-1}


@pytest.mark.parametrize("data", [b"", b"no image", b"P6\n32 32\n255\nshort", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
def test_a_broken_image_is_named(written, tmp_path, data):
    edit(written.directory, TRAINING_ZIP, f"{TRAINING}/00042/00001_00001.ppm", lambda _: data)
    with pytest.raises(ValueError, match=r"GT-00042.csv, line 5.*00042/00001_00001.ppm"):
        load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared")
    assert not list((tmp_path / "prepared").rglob("*.tfrecord*"))


def test_a_damaged_zip_member_is_named(written):
    path = written.directory / TRAINING_ZIP
    data = bytearray(path.read_bytes())
    pixels = written.training["00000/00000_00000.ppm"].tobytes()
    data[data.index(pixels) + 100] ^= 0xFF
    path.write_bytes(data)
    source = gtsrb_archive.find_source(written.directory, gtsrb_archive.TRAINING_IMAGES)
    with pytest.raises(ValueError, match=r"00000_00000.ppm: damaged zip member"):
        source.read(f"{TRAINING}/00000/00000_00000.ppm")


def test_a_file_that_is_no_zip_is_named(written, tmp_path):
    path = written.directory / TRAINING_ZIP
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"GTSRB_Final_Training_Images.zip: not a readable zip"):
        load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared")


def test_a_class_folder_without_its_csv_is_named(written, tmp_path):
    edit(written.directory, TRAINING_ZIP, f"{TRAINING}/00007/GT-00007.csv", lambda _: None)
    with pytest.raises(FileNotFoundError, match="00007/GT-00007.csv"):
        load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared")


def test_test_rows_are_checked_too(written, tmp_path):
    edit(written.directory, TEST_ZIP, "GTSRB/Final_Test/Images/00003.ppm", lambda _: None)
    with pytest.raises(FileNotFoundError, match=r"GT-final_test.csv, line 5: the file 00003.ppm"):
        load_gtsrb("test", directory=written.directory, prepared_dir=tmp_path / "prepared")


def test_arguments_are_checked(written, tmp_path):
    with pytest.raises(ValueError, match="split must be"):
        load_gtsrb("dev", directory=written.directory)
    with pytest.raises(ValueError, match="fold must be None or 0..4, got 5"):
        load_gtsrb("train", directory=written.directory, fold=5)
    with pytest.raises(ValueError, match="no validation split is left; name a fold"):
        load_gtsrb("validation", directory=written.directory, fold=None)
    with pytest.raises(ValueError, match="limit"):
        load_gtsrb("train", directory=written.directory, limit=0)
    with pytest.raises(ValueError, match="image_size"):
        Gtsrb(directory=written.directory, image_size=(0, 32), data_dir=tmp_path)
    with pytest.raises(FileNotFoundError, match="no such directory"):
        load_gtsrb("train", directory=tmp_path / "absent")


def test_all_tracks_are_a_folds_two_sides(written, tmp_path):
    where = {"directory": written.directory, "prepared_dir": tmp_path}
    both = [load_gtsrb(split, fold=1, **where) for split in ("train", "validation")]
    assert sorted(load_gtsrb("train", fold=None, **where).names) == sorted(both[0].names + both[1].names)
    assert len(both[1]) > 0


def test_limit_is_spread_over_the_classes(written, tmp_path):
    data = load_gtsrb("train", directory=written.directory, prepared_dir=tmp_path / "prepared", limit=6)
    assert len(data) == 6 and set(data.labels) == set(CLASSES)


def test_without_a_directory_the_official_archives_are_downloaded(written, tmp_path):
    asked = []

    class DownloadManager:
        def download(self, urls):
            asked.extend(urls.values())
            return {name: written.directory / url.rpartition("/")[2] for name, url in urls.items()}

    builder = Gtsrb(part="test", data_dir=tmp_path / "prepared")
    splits = builder._split_generators(DownloadManager())
    assert asked == [f"{gtsrb.URL}/{TEST_ZIP}", f"{gtsrb.URL}/{TEST_GT_ZIP}"]
    assert [name for name, _ in splits["test"]] == list(written.test)


def test_tfds_load_and_pickle(written, tmp_path):
    import tensorflow_datasets as tfds

    dataset = tfds.load(
        "gtsrb", split="validation", data_dir=tmp_path / "prepared", builder_kwargs={"directory": written.directory}
    )
    validation = load_gtsrb("validation", directory=written.directory, prepared_dir=tmp_path / "prepared")
    assert sorted(x["filename"].decode() for x in dataset.as_numpy_iterator()) == sorted(validation.names)
    builder = Gtsrb(directory=written.directory, data_dir=tmp_path / "prepared")
    assert pickle.loads(pickle.dumps(builder)).data_dir == builder.data_dir
    assert builder.info.features["label"].int2str(14) == "Stop"


def test_real_archive_has_the_recorded_fold_sizes():
    root = os.environ.get("MMZOO_DATA")
    if not root or not (Path(root) / "gtsrb" / TRAINING_ZIP).is_file():
        pytest.skip(f"needs MMZOO_DATA=<directory with gtsrb/{TRAINING_ZIP}>")
    source = gtsrb_archive.find_source(Path(root) / "gtsrb", gtsrb_archive.TRAINING_IMAGES)
    rows = gtsrb_archive.read_training_rows(source)
    labels, tracks = [row.label for row in rows], [row.track for row in rows]
    sizes = [int(is_validation(labels, tracks, fold).sum()) for fold in range(NUM_FOLDS)]
    assert sizes == [8340, 8190, 7830, 7560, 7289]
    assert np.bincount(labels).tolist() == list(GTSRB_FREQUENCIES)
    assert gtsrb_archive.read_image(source, rows[0], (32, 32)).shape == (32, 32, 3)
