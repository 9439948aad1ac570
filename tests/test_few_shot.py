"""The curve of accuracy against the number of real pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from gtsrb_archive_writer import write_gtsrb_archive

from mmzoo.data.sets.road_signs import RoadSigns
from mmzoo.recipes import few_shot, few_shot_results
from mmzoo.recipes.results import COLUMNS


def test_few_pictures_of_each_class_and_more_of_them_with_the_same_seed():
    labels = np.repeat(np.arange(3, dtype=np.int32), (5, 2, 9))
    signs = RoadSigns(np.arange(16, dtype=np.uint8)[:, None, None, None], labels, "train", "note")
    two, four, other = signs.few(2, 0), signs.few(4, 0), signs.few(2, 1)
    assert np.bincount(two.labels).tolist() == [2, 2, 2] and np.bincount(four.labels).tolist() == [4, 2, 4]
    assert set(two.images.ravel()) < set(four.images.ravel()) and set(two.images.ravel()) != set(other.images.ravel())
    np.testing.assert_array_equal(labels[two.images.ravel()], two.labels)
    assert len(signs.few(0, 0).labels) == 0


def test_every_point_is_trained_measured_and_not_trained_again(nano_file, monkeypatch, tmp_path):
    monkeypatch.setattr("tensorflow_datasets.core.constants.DATA_DIR", str(tmp_path / "prepared"))
    monkeypatch.setattr(few_shot, "BATCH_SIZE", 8)
    written = write_gtsrb_archive(tmp_path / "archives", classes=[1, 2, 14], tracks=2, frames=4, test_images=3)
    lines = []

    def curve(start, steps):
        return few_shot.few_shot_curve(
            tmp_path / "run", data_dir=written.directory, size="nano", starts=(start,), steps=steps, say=lines.append
        )

    curve(str(nano_file), {0: 0, 2: 2})
    assert len(lines) == 2
    table = curve("scratch", {0: 0, None: 2})
    assert table.per_class.fillna(-1).tolist() == [0, 2, -1], "from scratch there is nothing to measure at 0"
    assert table.images.tolist() == [0, 6, 12] and (table.samples == 12).all()
    assert table.accuracy.between(0, 1).all() and len(lines) == 3
    assert (tmp_path / "run" / "few_shot.png").stat().st_size > 5000
    assert pd.read_csv(tmp_path / "run" / "few_shot.csv").accuracy.tolist() == table.accuracy.tolist()

    curve(str(nano_file), {0: 0, 2: 2})
    again = curve("scratch", {0: 0, None: 2})
    assert len(lines) == 3 and again.accuracy.tolist() == pytest.approx(table.accuracy.tolist())


def test_the_curve_reaches_the_readme():
    table = pd.DataFrame(
        {
            "start": ["rendered", "rendered", "rendered", "scratch", "scratch"],
            "per_class": pd.array([0, 20, None, 20, None], dtype="Int64"),
            "accuracy": [0.9, 0.95, 0.99, 0.8, 0.98],
            "samples": 100,
        }
    )
    rows = few_shot_results.rows_of(table, size="small", fold=0, seed=0, device="a machine", parameters=5)
    assert list(rows.columns) == list(COLUMNS) and set(rows.model) == {"road_sign_small_few_shot"}
    lines = few_shot_results.readme_table(rows).splitlines()
    assert lines[0] == "| real pictures a class, image alone | 0 | 20 | all |"
    assert lines[2:] == ["| from drawn signs | 90.0 % | 95.0 % | 99.0 % |", "| from scratch | - | 80.0 % | 98.0 % |"]
    assert few_shot_results.readme_table(rows.assign(model="road_sign_small")) == ""
