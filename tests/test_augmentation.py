"""Random image changes, and the batches they happen in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data import pipeline
from mmzoo.data.augmentation import ImageAugmentation, augment_images
from mmzoo.data.pipeline import from_arrays

OFF = ImageAugmentation(**{field.name: 0 for field in dataclasses.fields(ImageAugmentation)})


@pytest.fixture(scope="module")
def pictures():
    """Twenty smooth pictures with a bright square off the centre."""
    images = np.full((20, 24, 32, 3), 90, np.uint8)
    images[:, 6:14, 8:20] = (200, 60, 30)
    images += np.arange(20, dtype=np.uint8)[:, None, None, None]
    return images


def augmented(images, seed, policy=ImageAugmentation()):
    return augment_images(tf.constant(images), tf.constant([seed, 1]), policy).numpy()


def test_a_seed_repeats_it(pictures):
    first, again, other = (augmented(pictures, seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, again)
    assert np.mean([np.array_equal(*pair) for pair in zip(first, other, strict=True)]) < 0.1


def test_shape_and_dtype_stay_and_each_sample_gets_its_own(pictures):
    for images in (pictures, pictures.astype(np.float32), pictures[:1], pictures[..., :1]):
        found = augmented(images, 0)
        assert found.shape == images.shape and found.dtype == np.uint8
    same = augmented(np.repeat(pictures[:1], 8, axis=0), 0)
    assert len(np.unique(same.reshape(8, -1), axis=0)) == 8


def test_a_missing_picture_stays_missing(pictures):
    images = pictures.copy()
    images[::2] = 0
    found = augmented(images, 0)
    assert not found[::2].any()
    assert found[1::2].any(axis=(1, 2, 3)).all()


def test_with_everything_off_nothing_changes(pictures):
    np.testing.assert_array_equal(augmented(pictures, 0, OFF), pictures)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(ImageAugmentation)])
def test_each_change_alone_does_something(pictures, name):
    strong = {"gain": 1.5, "contrast": 0.8, "rotation": 20.0, "noise": 20.0}
    policy = dataclasses.replace(OFF, **{name: strong.get(name, 0.5)})
    difference = augmented(pictures, 0, policy).astype(int) - augmented(pictures, 0, OFF)
    assert np.abs(difference).max() > 5


def test_a_cover_takes_up_to_half_of_the_picture_of_its_share_of_samples():
    images = np.full((400, 32, 32, 3), 90, np.uint8)
    covered = (augmented(images, 0, dataclasses.replace(OFF, cover=0.25)) != 90).any(axis=3).mean(axis=(1, 2))
    assert 0.15 < (covered > 0).mean() < 0.35
    # Sides of 40 to 75 % give areas of 16 to 56 %, less where the rectangle reaches over the edge.
    assert covered.max() < 0.60 and np.median(covered[covered > 0]) > 0.12


def test_bleaching_turns_red_pale_and_leaves_the_rest():
    red, rest = [170, 20, 30], [[240, 240, 240], [30, 30, 30], [20, 40, 160], [40, 150, 40]]
    images = np.tile(np.array([red, *rest], np.uint8)[None, :, None], (50, 1, 5, 1))
    bleached = augmented(images, 0, dataclasses.replace(OFF, bleach=0.999))
    np.testing.assert_array_equal(bleached[:, 1:], images[:, 1:])
    assert bleached[:, 0].min() > 60 and bleached[:, 0, :, 1].max() > 200
    assert (bleached[:, 0, :, 0] >= 170).all()


def test_the_mean_stays_in_the_range_a_camera_gives(pictures):
    bright = np.minimum(pictures.astype(int) + 110, 255).astype(np.uint8)
    dark = (pictures // 8).astype(np.uint8)
    policy = ImageAugmentation(gain=2.0, darken=0.5, occlusion=0, overexpose=0)
    assert augmented(bright, 0, policy).mean(axis=(1, 2, 3)).max() < 215
    assert augmented(dark, 0, policy).mean(axis=(1, 2, 3)).min() > 6


# from_arrays ---------------------------------------------------------------------------------------------------------


def batches(pictures, **arguments):
    inputs, targets = {"image": pictures}, {"kind": np.arange(20)}
    return from_arrays(inputs, targets, **{"batch_size": 8, **arguments})


def epoch(dataset):
    rows = list(dataset.as_numpy_iterator())
    return np.concatenate([x["image"] for x, _ in rows]), np.concatenate([y["kind"] for _, y in rows])


def test_two_runs_with_a_seed_are_alike_and_epochs_are_not(pictures):
    runs = [batches(pictures, shuffle=True, seed=5, augmentation=ImageAugmentation()) for _ in range(2)]
    epochs = [[epoch(run) for _ in range(2)] for run in runs]
    for first, second in zip(*epochs, strict=True):
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(first[1], second[1])
    (images, kinds), (later_images, later_kinds) = epochs[0]
    assert not np.array_equal(kinds, later_kinds)
    assert not np.array_equal(images[np.argsort(kinds)], later_images[np.argsort(later_kinds)])
    assert sorted(kinds) == sorted(later_kinds) == list(range(20))


def test_pipelines_of_one_policy_share_the_traced_function(pictures):
    policy = ImageAugmentation(rotation=7.0)
    for seed in range(3):
        epoch(batches(pictures, seed=seed, drop_remainder=True, augmentation=policy))
    assert pipeline._augmenter(policy).experimental_get_tracing_count() == 1


def test_another_seed_is_another_run(pictures):
    one, two = (epoch(batches(pictures, shuffle=True, seed=seed)) for seed in (1, 2))
    assert one[1].tolist() != two[1].tolist()


def test_without_augmentation_the_pictures_are_left_alone(pictures):
    images, kinds = epoch(batches(pictures))
    np.testing.assert_array_equal(images, pictures)
    assert kinds.tolist() == list(range(20))
    shuffled, order = epoch(batches(pictures, shuffle=True, seed=0))
    np.testing.assert_array_equal(shuffled, pictures[order])


def test_batches_targets_and_repetition(pictures):
    assert [len(y["kind"]) for _, y in batches(pictures)] == [8, 8, 4]
    assert [len(y["kind"]) for _, y in batches(pictures, drop_remainder=True)] == [8, 8]
    assert len(list(batches(pictures, repeat=True).take(7))) == 7
    _, targets = next(iter(batches(pictures, one_hot={"kind": 20})))
    np.testing.assert_array_equal(targets["kind"], np.eye(20, dtype=np.float32)[:8])
    only = next(iter(from_arrays({"image": pictures}, augmentation=ImageAugmentation(), seed=0)))
    assert list(only) == ["image"]


def test_the_schema_adds_what_is_missing_and_checks_the_rest(nano, samples):
    inputs = {"text": samples["text"], "image": samples["image"]}
    batch = next(iter(from_arrays(inputs, schema=nano.schema)))
    assert list(batch) == list(nano.schema.inputs)
    assert np.isnan(batch["location"]).all()
    for name, array, message in (
        ("sound", samples["text"], "unknown input 'sound'"),
        ("text", samples["text"][:, :5], r"input 'text': expected int32 of shape \(N, 32\), got int32 of shape"),
        ("image", samples["image"] / 255, "input 'image': expected uint8 .* got float64"),
    ):
        with pytest.raises(ValueError, match=message):
            from_arrays({**inputs, name: array}, schema=nano.schema)


def test_arrays_of_different_length_and_none_at_all(pictures):
    with pytest.raises(ValueError, match="arrays of different length: {'image': 20, 'kind': 3}"):
        from_arrays({"image": pictures}, {"kind": np.arange(3)})
    with pytest.raises(ValueError, match="no samples: the arrays are empty"):
        from_arrays({"image": pictures[:0]})
