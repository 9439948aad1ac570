"""`Pair`: its targets, figures, losses, parity, and what a model of it must keep to."""

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation.missing_inputs import missing_input_table
from mmzoo.layers import PairedVectors
from mmzoo.schema import Image, Pair, Schema, Text
from mmzoo.tasks import figure_of, task_for
from mmzoo.tasks.losses import Contrastive, clip_loss, siglip_loss
from mmzoo.tasks.pair import ranks_of

KIND = Pair(4)
TASK = task_for(KIND)


def unit(rows):
    rows = np.asarray(rows, np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


# The kind -------------------------------------------------------------------------------------------------------------


def test_it_goes_through_json_and_says_what_is_compared():
    schema = Schema("s", {"image": Image(8, 8), "text": Text(4)}, {"pair": KIND})
    assert Schema.from_json(schema.to_json()) == schema
    assert KIND.side("text") == 1 and "unit vector of 4 numbers for `image`" in KIND.contract()
    with pytest.raises(ValueError, match=r"no vector of 'sound'; there are those of \['image', 'text'\]"):
        KIND.side("sound")
    with pytest.raises(ValueError, match="names of two inputs"):
        Pair(4, ("image",))


def test_targets_say_what_belongs_together():
    same, again, other = (KIND.encode_target(name, "row 2") for name in ("a.jpg", "a.jpg", "b.jpg"))
    assert same == again != other and same.dtype == np.int32 and same >= 0
    for empty in (None, "", float("nan")):
        assert not KIND.has_target(KIND.encode_target(empty, "row 2")[None]).any()
    with pytest.raises(ValueError, match="train: expected numbers .* got float64"):
        TASK.encode_targets(KIND, np.zeros(3), "train")


def test_it_decodes_to_a_similarity_unless_an_input_is_missing():
    row = unit([[1, 0, 0, 0], [1, 1, 0, 0]])
    assert KIND.decode(row) == pytest.approx(np.sqrt(0.5)) and KIND.cells(row) == ("0.707107",)
    row[0] = 0
    assert KIND.decode(row) is None and KIND.cells(row) == ("",)
    assert KIND.in_words(None) == ["nothing to compare: image or text is missing"]


# Figures --------------------------------------------------------------------------------------------------------------


def test_any_of_the_captions_of_a_picture_will_do_and_a_picture_counts_once():
    # Two pictures with two captions each: one caption of the second is nearer to the first picture.
    pictures = unit([[1, 0, 0, 0], [0, 1, 0, 0]])
    captions = unit([[1, 0.1, 0, 0], [1, 0.2, 0, 0], [0.1, 1, 0, 0], [1, 0.9, 0, 0]])
    rows = np.stack([pictures[[0, 0, 1, 1]], captions], axis=1)
    ranks = ranks_of(np.array([7, 7, 3, 3]), rows)
    assert ranks["first"].tolist() == [1, 1, 1, 2] and ranks["second"].tolist() == [1, 1]
    found = TASK.measure(KIND, np.array([7, 7, 3, 3]), rows)
    assert found["first_recall_1"] == 0.75 and found["second_recall_1"] == 1.0 and found["first_median_rank"] == 1
    # In whatever order, and with rows that have no target.
    order = [2, 0, 3, 1]
    some = np.concatenate([rows[order], rows[:1]])
    assert TASK.measure(KIND, np.array([3, 7, 3, 7, -1]), some) == found


def test_figures_are_those_of_a_loop_over_all():
    rng = np.random.default_rng(0)
    targets = rng.permutation(np.repeat(np.arange(300), 4))
    pictures = unit(rng.normal(size=(300, 4)))[targets]
    rows = np.stack([pictures, unit(pictures + rng.normal(size=pictures.shape))], axis=1).astype(np.float32)
    ranks = ranks_of(targets, rows)
    own = {number: rows[np.flatnonzero(targets == number)[0], 0] for number in range(300)}
    for i in (0, 17, 1199):
        scores = {number: vector @ rows[i, 1] for number, vector in own.items()}
        assert ranks["first"][i] == 1 + sum(score > scores[targets[i]] for score in scores.values())
    assert len(ranks["first"]) == 1_200 and len(ranks["second"]) == 300


def test_vectors_that_are_all_the_same_find_nothing():
    """Of equals half count as found before, or a model that gives one vector for everything would be perfect."""
    rows = np.broadcast_to(unit([1, 2, 3, 4]), (101, 2, 4))
    found = TASK.measure(KIND, np.arange(101), rows)
    assert found["first_recall_10"] == 0 and found["first_median_rank"] == 51


def test_figures_know_themselves():
    assert TASK.headline.name == "first_recall_10" and figure_of("pair_second_median_rank").lower_is_better
    assert "1,000" not in TASK.trivial(KIND, np.arange(5), np.arange(40)) and "25.0 %" in TASK.trivial(
        KIND, np.arange(5), np.arange(40)
    )
    assert TASK.interval(KIND, 0.5, 1_000)[0] < 0.5


# Losses ---------------------------------------------------------------------------------------------------------------


def test_clip_is_the_cross_entropy_of_both_directions():
    rng = np.random.default_rng(1)
    first, second = unit(rng.normal(size=(5, 4))), unit(rng.normal(size=(5, 4)))
    scores = 3.0 * first @ second.T

    def entropy(scores):
        return np.log(np.exp(scores).sum(axis=1)) - np.diag(scores)

    wanted = (entropy(scores) + entropy(scores.T)) / 2
    np.testing.assert_allclose(as_array(clip_loss(first, second, 3.0)), wanted, rtol=1e-5)
    np.testing.assert_allclose(as_array(clip_loss(first, second, 3.0, np.arange(5))), wanted, rtol=1e-5)
    # What has no target is nobody's wrong answer, and costs nothing itself.
    numbers = np.array([0, 1, -1, 3, 4])
    found = as_array(clip_loss(first, second, 3.0, numbers))
    left = numbers >= 0
    np.testing.assert_allclose(found[left], as_array(clip_loss(first[left], second[left], 3.0)), rtol=1e-5)
    assert found[2] == pytest.approx(0, abs=1e-6)


def test_rows_of_one_thing_are_no_wrong_answers():
    first = unit([[1, 0, 0, 0], [1, 0, 0, 0], [0, 1, 0, 0]])
    shared = as_array(clip_loss(first, first, 100.0, np.array([5, 5, 6])))
    np.testing.assert_allclose(shared, [np.log(2), np.log(2), 0], atol=1e-5)
    assert as_array(siglip_loss(first, first, 20.0, -10.0, np.array([5, 5, 6]))).max() < 1e-3
    assert as_array(siglip_loss(first, first, 20.0, -10.0)).max() > 9


def test_siglip_asks_each_pair_by_itself():
    rng = np.random.default_rng(2)
    first, second = unit(rng.normal(size=(4, 4))), unit(rng.normal(size=(4, 4)))
    signs = 2 * np.eye(4) - 1
    wanted = np.log1p(np.exp(-signs * (5 * first @ second.T - 2))).sum(axis=1)
    np.testing.assert_allclose(as_array(siglip_loss(first, second, 5.0, -2.0)), wanted, rtol=1e-5)


@pytest.mark.parametrize("name", ["clip", "siglip"])
def test_the_loss_is_saved_with_its_temperature(name):
    vectors = PairedVectors(name)
    vectors.build(None)
    vectors.log_scale.assign(1.5)
    rows = unit(np.random.default_rng(3).normal(size=(3, 2, 4)))
    loss = Contrastive(vectors)
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert float(loss(np.arange(3), rows)) == pytest.approx(float(again(np.arange(3), rows)), rel=1e-6)
    with pytest.raises(ValueError, match=r"expected one of \['clip', 'siglip'\], got 'triplet'"):
        PairedVectors("triplet")


# Proving --------------------------------------------------------------------------------------------------------------


def test_parity_is_the_cosine():
    wanted = unit(np.random.default_rng(4).normal(size=(6, 2, 4)))
    wanted[0, 0] = 0
    assert TASK.parity(KIND, wanted, wanted)["cosine"] == pytest.approx(1)
    other = wanted.copy()
    other[1, 1] = unit(other[1, 1] + [0.1, 0, 0, 0])
    assert 0.9 < TASK.parity(KIND, wanted, other)["cosine"] < 0.9999
    assert 0.99 < TASK.measure_file(KIND, np.arange(6), other, wanted) < 1
    # A missing input that a file makes a vector of is no small difference.
    other[0, 0] = unit([1, 1, 1, 1])
    assert TASK.parity(KIND, wanted, other)["cosine"] == 0


# A model --------------------------------------------------------------------------------------------------------------


def colours(count, seed=0):
    """One of eight colours as a picture and as a word."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 8, count)
    images = np.empty((count, 8, 8, 3), np.uint8)
    images[:] = np.stack([40 + 200 * (numbers >> bit & 1) for bit in range(3)], axis=1)[:, None, None]
    # Beside the same grey, or black and white would be the same to a network that takes the mean off.
    images[:, :4] = 128
    texts = np.zeros((count, 32), np.int32)
    texts[:, 0] = 1 + 17 * numbers
    return {"image": images, "text": texts}, {"pair": numbers.astype(np.int32)}


@pytest.fixture(scope="module")
def model():
    model = mmzoo.build_retrieval_model(size="nano", image_size=(8, 8), dropout=0.0, seed=0)
    history = mmzoo.fit(
        model, colours(256), colours(64, 1), epochs=15, batch_size=32, learning_rate=1e-2, seed=0, verbose=0
    )
    assert history.history["val_loss"][-1] < history.history["val_loss"][0]
    return model


def test_it_learns_what_belongs_together(model):
    result = mmzoo.evaluate(model, colours(64, 2))
    assert result.metrics["pair"]["first_recall_1"] > 0.9 and result.metrics["pair"]["second_recall_1"] > 0.9
    # With one input there is nothing to find.
    assert result.missing_inputs is None
    table = missing_input_table(model, *colours(16, 3)).set_index(["image", "text"]).pair_first_recall_10
    assert table[True, True] <= 1 and np.isnan(table[True, False]) and np.isnan(table[False, True])


def test_the_temperature_is_learned(model):
    (layer,) = [layer for layer in model.layers if isinstance(layer, PairedVectors)]
    assert float(as_array(layer.scale)) != pytest.approx(1 / 0.07, rel=1e-4)


def test_each_vector_is_the_same_without_the_other_input(model):
    inputs, _ = colours(8)
    whole = model.predict_on_batch(inputs)["pair"]
    np.testing.assert_allclose(np.linalg.norm(whole, axis=-1), 1, atol=1e-5)
    for side, hidden in enumerate(("text", "image")):
        alone = model.predict_on_batch({**inputs, hidden: np.zeros_like(inputs[hidden])})["pair"]
        np.testing.assert_allclose(alone[:, side], whole[:, side], atol=1e-6)
        assert not alone[:, 1 - side].any()


def test_the_report_says_what_is_first(model, tmp_path):
    mmzoo.evaluate(model, colours(40, 4), out=tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "first: image, found by text" in page and "first recall 10" in page and "no table of missing inputs" in page
    assert not (tmp_path / "missing_inputs.csv").exists()
    lines = (tmp_path / "predictions.csv").read_text().splitlines()
    assert lines[0] == "sample,pair_true,pair,pair_score" and len(lines) == 41
