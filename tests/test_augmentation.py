"""Random image changes, and the batches they happen in."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from mmzoo.data import pipeline
from mmzoo.data.augmentation import ImageAugmentation, augment_images
from mmzoo.data.mirroring import Mirroring
from mmzoo.data.mixing import Mixing
from mmzoo.data.pipeline import from_arrays
from mmzoo.data.word_dropout import WordDropout

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
    assert pipeline._traced(policy).experimental_get_tracing_count() == 1


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


def test_a_crop_shows_part_of_the_picture_and_never_what_lies_beyond():
    ramp = np.tile(np.linspace(10, 250, 64).astype(np.uint8)[None, None, :, None], (200, 48, 1, 3))
    found = augmented(ramp, 0, dataclasses.replace(OFF, crop=0.75)).astype(float)
    # A share of 1/4 to 1 of the area is left: half to all of the ramp, between its ends.
    spans = (found[:, 24, -1, 0] - found[:, 24, 0, 0]) / 240
    assert 0.49 <= spans.min() < 0.55 and 0.95 < spans.max() <= 1.0
    starts = (found[:, 24, 0, 0] - 10) / 240
    assert starts.min() >= 0 and (starts + spans).max() <= 1.001 and starts.std() > 0.08


def mixed(mixing, count=400):
    images = np.full((count, 16, 16, 3), 50, np.uint8)
    images[count // 2 :] = 200
    labels = np.repeat([0, 1], count // 2)
    inputs = {"image": tf.constant(images), "text": tf.range(count)}
    found, targets = mixing(inputs, {"kind": tf.constant(labels)}, tf.constant([3, 4]))
    np.testing.assert_array_equal(found["text"], np.arange(count))
    return labels, found["image"].numpy().astype(float), targets["kind"].numpy()


def test_a_pasted_rectangle_moves_the_class_by_its_area():
    labels, images, rows = mixed(Mixing("kind", 2, cutmix=1.0, mixup=0.0))
    assert set(np.unique(images)) == {50, 200}
    np.testing.assert_allclose((images == 200).mean(axis=(1, 2, 3)), rows[:, 1], atol=1e-6)
    np.testing.assert_allclose(rows.sum(axis=1), 1.0, atol=1e-6)
    own = np.take_along_axis(rows, labels[:, None], 1)
    assert 0.4 < own.min() < 0.6 and own.mean() < 0.85


def test_mixup_moves_the_class_as_far_as_the_pixels():
    labels, images, rows = mixed(Mixing("kind", 2, cutmix=0.0, mixup=1.0))
    np.testing.assert_allclose((images - 50).mean(axis=(1, 2, 3)) / 150, rows[:, 1], atol=0.005)
    assert (rows.argmax(axis=1) == labels).all()


def test_mixing_leaves_the_share_that_it_is_told_and_pictures_that_are_missing():
    _, _, rows = mixed(Mixing("kind", 2, cutmix=0.3, mixup=0.3), 4000)
    assert 0.35 < (rows.max(axis=1) == 1).mean() < 0.45
    images = np.full((8, 4, 4, 3), 90, np.uint8)
    images[:3] = 0
    rows = np.eye(2, dtype=np.float32)[[0, 1] * 4]
    mixing = Mixing("kind", 2, mixup=0.75)
    found, targets = mixing({"image": tf.constant(images)}, {"kind": tf.constant(rows)}, tf.constant([0, 1]))
    np.testing.assert_array_equal(found["image"], images)
    # The two in the middle are each other's partners; of the others one of a pair is missing.
    changed = (targets["kind"].numpy() != rows).any(axis=1)
    assert changed.tolist() == [False] * 3 + [True] * 2 + [False] * 3
    with pytest.raises(ValueError, match="shares of 1"):
        Mixing("kind", 2, cutmix=0.7, mixup=0.7)


def test_mirroring_turns_pictures_and_signs_of_a_sample_together(pictures):
    inputs = {
        "image": tf.constant(pictures),
        "history": tf.constant(np.tile(np.float32([3.0, 0.5]), (20, 4, 1))),
    }
    mirroring = Mirroring(negated=(("history", 1), ("place", 0)), targets=("steering",))
    found, targets = mirroring(inputs, {"steering": tf.fill([20], 0.25), "brake": tf.range(20)}, tf.constant([5, 6]))
    turned = targets["steering"].numpy() < 0
    assert 4 < turned.sum() < 16
    np.testing.assert_array_equal(found["image"], np.where(turned[:, None, None, None], pictures[:, :, ::-1], pictures))
    np.testing.assert_array_equal(found["history"][..., 0], np.full((20, 4), 3.0))
    np.testing.assert_array_equal(found["history"][..., 1], np.where(turned, -0.5, 0.5)[:, None] * np.ones(4))
    np.testing.assert_array_equal(targets["brake"], np.arange(20))


def test_several_changes_are_made_in_turn(pictures):
    changes = [dataclasses.replace(OFF, gain=0.3), Mixing("kind", 20, cutmix=0.5, mixup=0.5)]
    runs = [epoch(batches(pictures, shuffle=True, seed=5, augmentation=changes)) for _ in range(2)]
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    assert runs[0][1].shape == (20, 20)
    np.testing.assert_allclose(runs[0][1].sum(axis=1), 1.0, atol=1e-6)


def test_word_dropout_hides_its_share_of_the_words_and_nothing_else():
    ids = tf.constant(np.arange(1, 4001).reshape(200, 20), tf.int32)
    inputs, targets = {"note": ids, "other": ids}, {"kind": tf.zeros(200)}
    found, same = WordDropout("note", 0.3)(inputs, targets, (1, 2))
    kept = found["note"].numpy() != 0
    assert 0.25 < 1 - kept.mean() < 0.35
    np.testing.assert_array_equal(found["note"].numpy()[kept], ids.numpy()[kept])
    assert found["other"] is ids and same is targets
    again = WordDropout("note", 0.3)(inputs, targets, (1, 2))[0]["note"]
    np.testing.assert_array_equal(found["note"].numpy(), again.numpy())
    assert WordDropout("absent")(inputs, targets, (1, 2)) == (inputs, targets)
