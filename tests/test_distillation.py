"""Learning from a teacher, and drawn signs mixed into the data."""

from __future__ import annotations

import numpy as np
import pytest

from mmzoo.data.pipeline import from_arrays
from mmzoo.data.sets.road_signs import RoadSigns, load_road_signs
from mmzoo.schema import Image, Label, Schema
from mmzoo.training.distillation import taught

SCHEMA = Schema("t", {"image": Image(2, 2)}, {"sign": Label(("a", "b"))})


class Teacher:
    """Says 0.9 of class b for bright pictures, 0.2 for dark ones."""

    schema = SCHEMA

    def __call__(self, inputs, training):
        import tensorflow as tf

        assert training is False
        second = tf.where(tf.reduce_max(inputs["image"], axis=(1, 2, 3)) > 100, 0.9, 0.2)
        return {"sign": tf.stack([1 - second, second], axis=1)}


@pytest.fixture
def batches():
    images = np.stack([np.full((2, 2, 3), level, np.uint8) for level in (200, 10, 10)])
    return from_arrays({"image": images}, {"sign": np.array([1, 1, 0])}, batch_size=2)


def test_targets_are_mixed(batches):
    mixed = list(taught(batches, Teacher(), share=0.5).as_numpy_iterator())
    assert len(mixed) == 2 and int(taught(batches, Teacher()).cardinality()) == 2
    rows = np.concatenate([targets["sign"] for _, targets in mixed])
    assert rows == pytest.approx(np.array([[0.05, 0.95], [0.4, 0.6], [0.9, 0.1]]))
    plain = list(batches.as_numpy_iterator())
    assert all(np.array_equal(a[0]["image"], b[0]["image"]) for a, b in zip(plain, mixed, strict=True))


def test_a_share_of_none_leaves_the_truth(batches):
    rows = np.concatenate([targets["sign"] for _, targets in taught(batches, Teacher(), share=0.0).as_numpy_iterator()])
    assert rows.tolist() == [[0, 1], [0, 1], [1, 0]]


def test_what_does_not_fit_is_said(batches):
    with pytest.raises(ValueError, match="share: expected 0..1, got 1.5"):
        taught(batches, Teacher(), share=1.5)
    other = batches.map(lambda inputs, targets: (inputs, {"kind": targets["sign"]}))
    with pytest.raises(ValueError, match=r"the teacher has no output 'kind'; it has \['sign'\]"):
        taught(other, Teacher())


def test_drawn_signs_join_the_others():
    few = load_road_signs("rendered", "validation", limit=5)
    more = few.with_drawn(43, seed=3)
    assert isinstance(more, RoadSigns) and (more.split, more.note) == (few.split, few.note)
    assert more.images.shape == (48, 32, 32, 3) and more.labels.dtype == few.labels.dtype == np.int32
    assert np.array_equal(more.images[:5], few.images) and sorted(more.labels[5:]) == list(range(43))
    assert np.array_equal(more.images, few.with_drawn(43, seed=3).images)
    assert not np.array_equal(more.images[5:], few.with_drawn(43, seed=4).images[5:])
    assert few.with_drawn(0, seed=3) is few
