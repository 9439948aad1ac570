"""The drive in the simulator: what a frame knows of its past, the folds, what is simulated; the model's variants."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.sets import driving_sim
from mmzoo.data.sets.driving_sim import NOTE, always_straight, last_value, load_driving_sim, track
from mmzoo.models.schemas.driving import driving_schema

ROWS = 560
STEPS = 20
# Rows before which a stretch ends within its block: by a pause of 2 s, by an index that is left out.
PAUSE, LEFT_OUT = 230, 350
SCHEMA = driving_schema()
WITHOUT_PICTURE = mmzoo.Schema("driving", {n: k for n, k in SCHEMA.inputs.items() if n != "image"}, SCHEMA.outputs)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A drive of 560 rows with one drawn picture for all; the steering tells which row it is."""
    folder = tmp_path_factory.mktemp("driving_sim")
    (folder / "images").mkdir()
    Pillow.new("RGB", (160, 80), (90, 120, 60)).save(folder / "images" / "road.png")
    lines, now = [",".join(driving_sim.COLUMNS)], datetime.datetime(2026, 1, 1, 12)
    for row in range(ROWS):
        now += datetime.timedelta(seconds=2.0 if row == PAUSE else 0.1)
        index = row + (1 if row >= LEFT_OUT else 0)
        brake = 0.5 if 40 <= row < 60 else 0.0
        lines.append(f"{index},{now.isoformat()},images/road.png,{row / 1000},{row % 2},{brake},20.0")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def everything(folder):
    return load_driving_sim(folder, "all", schema=WITHOUT_PICTURE)


def steps_of(history):
    """The rows whose steps these are, by their steering; -1 where missing."""
    return np.where(np.isnan(history[..., 1]), -1, np.round(history[..., 1] * 1000)).astype(int)


def test_history_is_the_steps_before_and_stays_within_its_stretch(everything):
    found = steps_of(everything.inputs["history"])
    for row in range(ROWS):
        first = max(place for place in (0, 100, 200, PAUSE, 300, LEFT_OUT, 400, 500) if place <= row)
        wanted = list(range(max(first, row - STEPS), row))
        assert found[row].tolist() == [-1] * (STEPS - len(wanted)) + wanted, row
    np.testing.assert_array_equal(
        np.isnan(everything.inputs["location"]).all(axis=2), np.isnan(everything.inputs["history"]).all(axis=2)
    )


def test_every_fifth_block_is_held_out_and_folds_take_turns(folder):
    seen = []
    for fold in range(5):
        train, validation = (
            load_driving_sim(folder, split, schema=WITHOUT_PICTURE, fold=fold) for split in ("train", "validation")
        )
        assert set(np.unique(validation.groups) % 5) == {fold}
        assert not set(train.groups) & set(validation.groups)
        assert len(train) + len(validation) == ROWS
        seen += validation.groups.tolist()
    assert sorted(seen) == sorted(np.arange(ROWS) // 100)


def test_targets_are_the_rows_own_and_lack_only_where_training_simulates_it(folder, everything):
    np.testing.assert_allclose(everything.targets["steering"], np.arange(ROWS) / 1000, atol=1e-6)
    assert everything.targets["brake"].tolist() == [int(40 <= row < 60) for row in range(ROWS)]
    train = load_driving_sim(folder, "train", schema=WITHOUT_PICTURE, fold=0)
    lacking = np.stack([np.isnan(train.targets[n]) for n in ("steering", "throttle")] + [train.targets["brake"] < 0])
    assert lacking.sum(axis=0).max() == 1, "a row lacks one label at most"
    assert (0.01 < lacking.mean(axis=1)).all() and (lacking.mean(axis=1) < 0.09).all()


def test_training_loses_steps_of_both_series_together_and_a_seed_repeats_it(folder):
    runs = [load_driving_sim(folder, "train", schema=WITHOUT_PICTURE, fold=0, seed=seed) for seed in (1, 1, 2)]
    for name in WITHOUT_PICTURE.inputs:
        np.testing.assert_array_equal(runs[0].inputs[name], runs[1].inputs[name])
    lost = [np.isnan(run.inputs["history"]).all(axis=2) for run in runs]
    assert not np.array_equal(lost[0], lost[2])
    for run, steps in zip(runs, lost, strict=True):
        np.testing.assert_array_equal(np.isnan(run.inputs["location"]).all(axis=2), steps)
    # A gap inside: a step that is there before one that is lost.
    inside = (lost[0][:, 1:] & ~lost[0][:, :-1]).any(axis=1)
    assert 0.04 < inside.mean() < 0.16


def test_what_is_simulated_depends_on_no_target(folder, tmp_path):
    text = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()
    rows = [line.split(",") for line in text[1:]]
    changed = [",".join([*row[:3], "0.9", "0.1", "1.0", row[6]]) for row in rows]
    (tmp_path / "metadata.csv").write_text("\n".join([text[0], *changed]) + "\n", encoding="utf-8")
    one, other = (load_driving_sim(each, "all", schema=WITHOUT_PICTURE) for each in (folder, tmp_path))
    np.testing.assert_array_equal(one.inputs["road_condition"], other.inputs["road_condition"])
    conditions = one.inputs["road_condition"]
    for block in range(5):
        of_block = conditions[block * 100 : block * 100 + 100]
        assert all(len(np.unique(column[~np.isnan(column)])) == 1 for column in of_block.T), "one draw a block"
    assert 0.08 < np.isnan(conditions).mean() < 0.22
    assert "simulated" in one.note == NOTE


def test_inputs_are_what_the_schema_allows(folder):
    samples = load_driving_sim(folder, "validation", schema=SCHEMA, fold=2, limit=12)
    assert len(samples) == 12 and list(samples.inputs) == list(SCHEMA.inputs)
    for name, modality in SCHEMA.inputs.items():
        modality.check(samples.inputs[name], name)
        assert samples.inputs[name].shape[1:] == modality.shape
        assert samples.inputs[name].dtype == modality.dtype
    assert len(np.unique(samples.inputs["image"].reshape(-1, 3), axis=0)) == 1


def test_the_track_of_a_car_that_drives_straight_and_in_a_circle():
    seconds = np.arange(200) * 0.1
    straight = track(np.full(200, 10.0), np.zeros(200), seconds)
    np.testing.assert_allclose(straight[:, 0], 4.4704 * seconds)
    np.testing.assert_allclose(straight[:, 1:], 0.0)
    right = track(np.full(200, 10.0), np.full(200, 1.0), seconds)
    # The radius of the rear axle's circle: wheelbase over the tangent of the wheels' angle; its centre is to the right.
    radius = 2.7 / np.tan(np.radians(25.0))
    np.testing.assert_allclose(np.hypot(right[:, 0], right[:, 1] + radius), radius, rtol=0.01)
    assert (np.diff(right[:, 2]) < 0).all()


def test_past_places_are_seen_from_the_frame(everything):
    location = everything.inputs["location"][60]
    # Twenty miles an hour and a tenth of a second; steering of nearly 0: straight behind.
    np.testing.assert_allclose(location[-1, 0], -0.894, atol=0.01)
    np.testing.assert_allclose(location[0, 0], -0.894 * STEPS, atol=0.5)
    assert (np.diff(location[:, 0]) > 0).all()
    # It steers to the right ever more, so what lies behind lies to the right, and headed more to the left.
    assert (location[:, 1] < 0).all() and (location[:, 2] > 0).all()


def test_baselines(everything):
    assert not always_straight(everything)["steering"].any()
    found = last_value(everything)["steering"][:, 0]
    np.testing.assert_allclose(found[1:20], np.arange(19) / 1000, atol=1e-6)
    assert found[[0, 100, PAUSE, LEFT_OUT]].tolist() == [0, 0, 0, 0], "nothing is known at the start of a stretch"
    assert last_value(everything)["throttle"].shape == (ROWS, 1)


def test_faults_name_file_and_row(folder, tmp_path):
    text = (folder / "metadata.csv").read_text(encoding="utf-8").splitlines()

    def read(row, column, value):
        lines = [line.split(",") for line in text]
        lines[row][driving_sim.COLUMNS.index(column)] = value
        (tmp_path / "metadata.csv").write_text("\n".join(map(",".join, lines)) + "\n", encoding="utf-8")
        return load_driving_sim(tmp_path, "all", schema=WITHOUT_PICTURE)

    with pytest.raises(ValueError, match=r"metadata.csv: row 8, column 'steering': expected a number, got 'left'"):
        read(7, "steering", "left")
    with pytest.raises(ValueError, match=r"row 8: expected an ISO 8601 time, got 'noon'"):
        read(7, "timestamp", "noon")
    with pytest.raises(ValueError, match=r"row 8: expected times in order"):
        read(7, "timestamp", "2025-12-31T12:00:00")
    with pytest.raises(FileNotFoundError, match=r"row 2.*road.png"):
        read(7, "throttle", "1.0")
        load_driving_sim(tmp_path, "all", schema=SCHEMA)
    with pytest.raises(ValueError, match="fold: expected 0..4"):
        load_driving_sim(folder, "train", schema=SCHEMA, fold=5)


def test_the_classic_is_the_articles():
    model = mmzoo.build_driving_model(variant="classic")
    shapes = {layer.name: [tuple(w.shape) for w in layer.get_weights()] for layer in model.layers}
    assert shapes["history_lstm"][1] == shapes["location_lstm"][1] == (64, 256)
    assert shapes["road_condition_dense"][0][1] == 64
    for keyword in ({"variant": "other"}, {"size": "huge"}, {"backbone": "NoSuchNet"}):
        with pytest.raises(ValueError, match="expected"):
            mmzoo.build_driving_model(**keyword)


def test_pilotnet_is_the_papers():
    model = mmzoo.build_driving_model()
    kernels = [model.get_layer(f"image_conv{number}").kernel.shape for number in range(1, 6)]
    assert kernels == [(5, 5, 3, 24), (5, 5, 24, 36), (5, 5, 36, 48), (3, 3, 48, 64), (3, 3, 64, 64)]
    assert model.get_layer("image_conv5").output.shape[1:] == (1, 13, 64)
    assert model.count_params() < 300_000, "three files of it are to take 3 MB"
