"""The simulated context: reproducible, in range, with gaps, and never a giveaway."""

from __future__ import annotations

import numpy as np
import pytest

from mmzoo.data.sets.road_context import GTSRB_FREQUENCIES, NUM_SIGNS, simulate_context
from mmzoo.models.schemas.road_sign import LIGHTS, ROAD_CLASSES, SURFACES, WEATHERS, road_sign_schema
from mmzoo.recipes.context_only import context_only_accuracy

RANGES = {
    "latitude": (47.3, 55.0),
    "longitude": (5.9, 15.0),
    "heading": (0.0, 360.0),
    "speed": (0.0, 250.0),
    "visibility": (0.0, 10_000.0),
}
CATEGORIES = {"road_class": ROAD_CLASSES, "surface": SURFACES, "weather": WEATHERS, "light": LIGHTS}


@pytest.fixture(scope="module")
def labels():
    return np.random.default_rng(5).integers(0, NUM_SIGNS, 4000)


@pytest.fixture(scope="module")
def context(labels):
    return simulate_context(labels, seed=3)


def fields(context) -> dict[str, np.ndarray]:
    return context["location"] | context["road_condition"]


def assert_same(one, other):
    assert list(one["text"]) == list(other["text"])
    for name, values in fields(one).items():
        np.testing.assert_array_equal(values, fields(other)[name])


def part(context, index) -> dict:
    cut = {name: {k: v[index] for k, v in context[name].items()} for name in ("location", "road_condition")}
    return {"text": list(np.array(context["text"])[index]), **cut}


def test_a_sample_depends_on_seed_index_and_label_only(labels, context):
    assert_same(simulate_context(labels[1000:1100], seed=3, start=1000), part(context, slice(1000, 1100)))
    others = labels.copy()
    others[::2] = (others[::2] + 1) % NUM_SIGNS
    assert_same(part(simulate_context(others, seed=3), slice(1, None, 2)), part(context, slice(1, None, 2)))
    another_seed = simulate_context(labels, seed=4)
    assert another_seed["text"] != context["text"]
    assert np.mean(another_seed["location"]["latitude"] == context["location"]["latitude"]) < 0.05


def test_classes_map_labels_to_signs():
    signs = np.array([14, 2, 14, 30, 2])
    labels = np.array([0, 1, 0, 2, 1])
    assert_same(simulate_context(labels, classes=(14, 2, 30)), simulate_context(signs))


def test_values_are_in_range_and_partly_missing(context):
    for name, values in fields(context).items():
        if name in RANGES:
            low, high = RANGES[name]
            known = values[~np.isnan(values)]
            assert low <= known.min() and known.max() <= high and len(np.unique(known)) > 50
            missing = np.isnan(values).mean()
        else:
            assert set(values) == {*CATEGORIES[name], ""}
            missing = (values == "").mean()
        assert 0.03 < missing < 0.3, name
    absent = np.mean([text == "" for text in context["text"]])
    assert 0.5 < absent < 0.7
    assert max(len(text.encode()) for text in context["text"]) <= 32


def test_the_schema_takes_every_sample(context):
    schema = road_sign_schema()
    for i in range(0, len(context["text"]), 20):
        sample = {"image": None, "text": context["text"][i]}
        sample |= {name: {k: v[i].item() for k, v in context[name].items()} for name in ("location", "road_condition")}
        encoded = schema.encode(sample)
        assert np.isnan(encoded["location"][3]) == np.isnan(context["location"]["speed"][i])


def test_texts_have_ocr_errors_and_belong_to_several_signs():
    fifty = simulate_context(np.full(3000, 2))["text"]
    stop = simulate_context(np.full(3000, 14))["text"]
    assert fifty.count("50") > 300 and {"5O", "S0"} & set(fifty)
    assert "30" in fifty and "50" in stop and set(fifty) & set(stop) - {""}
    assert 0.4 < np.mean([text == "" for text in fifty]) < 0.65


def test_context_follows_the_sign_but_overlaps():
    def snow_share(sign):
        return np.mean(simulate_context(np.full(4000, sign))["road_condition"]["weather"] == "snow")

    def median_speed(sign):
        return np.nanmedian(simulate_context(np.full(4000, sign))["location"]["speed"])

    assert snow_share(2) < snow_share(30) < 0.3
    assert median_speed(1) < median_speed(4) < median_speed(8)
    on_motorway = simulate_context(np.full(4000, 1))["location"]["road_class"] == "motorway"
    assert on_motorway.any()


def test_context_alone_is_better_than_chance_and_no_giveaway():
    accuracy = context_only_accuracy(train=4000, test=1500)
    best = max(accuracy["forest"], accuracy["logistic"])
    assert accuracy["majority"] + 0.05 < best < 0.6


def test_no_samples():
    context = simulate_context([])
    assert context["text"] == [] and context["location"]["speed"].shape == (0,)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"labels\[1\] must be 0..49, got 50"):
        simulate_context([3, 50])
    with pytest.raises(ValueError, match=r"labels\[0\] must be 0..1, got 2"):
        simulate_context([2], classes=(5, 6))
    with pytest.raises(ValueError, match="classes must be"):
        simulate_context([0], classes=(50,))
    with pytest.raises(ValueError, match="labels must be integers"):
        simulate_context(np.array([0.5]))
    with pytest.raises(ValueError, match="start"):
        simulate_context([0], start=-1)


def test_frequencies_are_whole_tracks_of_the_benchmark():
    assert len(GTSRB_FREQUENCIES) == NUM_SIGNS and sum(GTSRB_FREQUENCIES) == 39_209
