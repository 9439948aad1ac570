"""The camera failures that robustness is measured under."""

from __future__ import annotations

import numpy as np
import pytest

from mmzoo.data.corruption import CAMERA_FAILURES, blurred, darkened, occluded


@pytest.fixture(scope="module")
def images():
    images = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3)).astype(np.uint8)
    images[2] = 0
    return images


@pytest.mark.parametrize("name", CAMERA_FAILURES)
def test_always_the_same_and_a_missing_picture_stays_missing(images, name):
    before = images.copy()
    changed = CAMERA_FAILURES[name](images)
    assert changed.shape == images.shape and changed.dtype == np.uint8
    assert np.array_equal(changed, CAMERA_FAILURES[name](images)) and np.array_equal(images, before)
    assert not changed[2].any() and all((changed[i] != images[i]).any() for i in (0, 1, 3, 4, 5))


def test_darkened_leaves_a_tenth_of_the_light(images):
    bright = np.full((1, 32, 32, 3), 200, np.uint8)
    changed = darkened(bright)
    assert changed.mean() == pytest.approx(20, abs=0.5) and changed.std() == pytest.approx(4, abs=0.4)


def test_blurred_is_the_mean_along_the_row():
    line = np.zeros((1, 32, 32, 1), np.uint8)
    line[:, :, 16] = 90
    changed = blurred(line)[0, 5, :, 0]
    assert changed.tolist() == [10 if 12 <= x <= 20 else 0 for x in range(32)]


def test_occluded_covers_a_third(images):
    changed = occluded(images[[0, 1, 3]])
    for before, after in zip(images[[0, 1, 3]], changed, strict=True):
        covered = (before != after).any(axis=2)
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        assert len(rows) == len(columns) == 18 == rows[-1] - rows[0] + 1
        assert len(np.unique(after[covered])) == 1, "one grey"
