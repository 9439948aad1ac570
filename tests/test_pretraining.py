"""Branches that learn from rows without labels."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from test_stages import both_data, weights_of
from test_training import ROAD, tiny_model

import mmzoo
from mmzoo.fusion import branch_layers, copy_branches
from mmzoo.schema import Label, Number, Schema, Sensors, Series, Text
from mmzoo.training import masking, pretrain_contrastive, pretrain_masked

SMALL = {"batch_size": 32, "verbose": 0, "seed": 1}
FIELDS = (Number("speed", "km/h", 0, 200), *ROAD.fields[1:])
SCHEMA = Schema(
    "rows",
    {"text": Text(6), "road": Sensors(ROAD.fields), "past": Series(3, ROAD.fields)},
    {"sign": Label(("stop", "yield", "priority"))},
)


@functools.cache
def tokens_model(fusion="transformer"):
    return mmzoo.build_multimodal_model(SCHEMA, size="nano", fusion=fusion, seed=1)


def rows(count=96):
    """The height follows from the speed, and the light is day where the speed is high."""
    random = np.random.default_rng(0)
    speed = random.uniform(0, 200, count)
    road = np.stack([speed, speed / 50, speed < 100], axis=1).astype("f4")
    text = np.resize(np.arange(97, 103), (count, 6)) + random.integers(0, 3, (count, 1))
    return {"text": text.astype(np.int32), "road": road, "past": np.repeat(road[:, None], 3, axis=1)}


@pytest.mark.parametrize("loss", ["clip", "siglip"])
def test_by_contrast_two_branches_find_each_other(loss):
    model = tiny_model(text=True)
    heads = weights_of([model.get_layer("head_sign"), model.get_layer("fusion")])
    before = {name: weights_of(layers) for name, layers in branch_layers(model).items()}
    inputs, targets = both_data(192)
    history = pretrain_contrastive(
        model, (inputs, targets), inputs=("road", "text"), loss=loss, epochs=6, learning_rate=1e-2, **SMALL
    )
    assert history.history["loss"][-1] < 0.9 * history.history["loss"][0]
    assert set(history.history) == {"loss", "learning_rate"}
    for name, layers in branch_layers(model).items():
        assert any((a != b).any() for a, b in zip(before[name], weights_of(layers), strict=True)), name
    for a, b in zip(heads, weights_of([model.get_layer("head_sign"), model.get_layer("fusion")]), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not [layer.name for layer in model.layers if "contrast" in layer.name]


def test_contrast_takes_streams_and_names_what_is_wrong(tmp_path):
    model = tiny_model(text=True)
    inputs, targets = both_data()

    def stream(epoch):
        return ({name: array[i : i + 24] for name, array in inputs.items()} for i in range(0, 96, 24))

    common = {"inputs": ("road", "text"), "epochs": 1, **SMALL}
    history = pretrain_contrastive(model, stream, inputs, out=tmp_path, **common)
    assert (tmp_path / "history.csv").is_file() and "val_loss" in history.history
    with pytest.raises(ValueError, match="loss: expected one of \\['clip', 'siglip'\\], got 'simclr'"):
        pretrain_contrastive(model, inputs, loss="simclr", **common)
    with pytest.raises(ValueError, match="no branch for input 'image'; there are \\['road', 'text'\\]"):
        pretrain_contrastive(model, inputs)
    with pytest.raises(ValueError, match="train: 1 rows have what is learnt from"):
        alone = {**inputs, "text": np.where(np.arange(96)[:, None] == 5, inputs["text"], 0)}
        pretrain_contrastive(model, alone, **common)
    with pytest.raises(ValueError, match="input 'text' is not in the data; it holds \\['road'\\]"):
        pretrain_contrastive(model, {"road": inputs["road"]}, **common)


@pytest.mark.parametrize("name", ["text", "road", "past"])
def test_a_branch_learns_to_fill_in_what_is_hidden(name):
    model = tokens_model()
    before = {key: weights_of(layers) for key, layers in branch_layers(model).items()}
    history = pretrain_masked(
        model, rows(), input=name, share=0.3, epochs=6, learning_rate=1e-2, **SMALL
    )  # fmt: skip
    assert history.history["loss"][-1] < 0.95 * history.history["loss"][0]
    changed = [
        key
        for key, layers in branch_layers(model).items()
        if any((a != b).any() for a, b in zip(before[key], weights_of(layers), strict=True))
    ]
    assert changed == [name]


def test_what_a_twin_has_learnt_is_taken_over():
    twin, model = tokens_model(), tokens_model("attention")
    copy_branches(twin, model)
    arrays = rows(4)
    import keras

    from mmzoo.fusion import branch_ends

    for name in SCHEMA.inputs:
        found = [
            keras.Model(m.input[name], branch_ends(m)[name].vector).predict_on_batch(arrays[name])
            for m in (twin, model)
        ]
        np.testing.assert_allclose(*found, atol=1e-6)


def test_what_cannot_be_masked_is_named():
    with pytest.raises(ValueError, match="input 'text': its branch gives no tokens; build the model with a fusion"):
        pretrain_masked(tiny_model(text=True), both_data()[0], input="text")
    with pytest.raises(ValueError, match="share: expected 0 < share < 1, got 0"):
        pretrain_masked(tiny_model(text=True), both_data()[0], input="text", share=0)
    picture = mmzoo.build_cat_dog_model(size="nano", fusion="transformer")
    with pytest.raises(ValueError, match="input 'image': Image has neither steps nor fields to hide"):
        pretrain_masked(picture, {}, input="image")


def test_steps_are_hidden():
    text = Text(40)
    ids = np.zeros((3, 40), np.int32)
    ids[0, :20], ids[1, :1] = 65, 65
    hidden = masking.with_steps_hidden(ids, text, 0.3, np.random.default_rng(0))
    assert (hidden != ids).sum(axis=1).tolist() == [6, 0, 0]
    pieces = Text(6, "wordpiece", vocabulary=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a"), start="[CLS]")
    ids = np.array([[2, 5, 5, 0, 0, 0]], np.int32)
    hidden = masking.with_steps_hidden(ids, pieces, 0.1, np.random.default_rng(0))
    assert sorted(hidden[0].tolist()) == [0, 0, 0, 2, 4, 5] and hidden[0, 0] == 2


def test_fields_are_hidden():
    values = np.array([[1, 2, np.nan], [np.nan, 5, np.nan]], "f4")
    hidden = masking.with_fields_hidden(values, 0.5, np.random.default_rng(0))
    assert np.isnan(hidden).sum(axis=1).tolist() == [2, 2]
    series = np.ones((2, 4, 3), "f4")
    series[0, 0] = np.nan
    hidden = np.isnan(masking.with_fields_hidden(series, 0.5, np.random.default_rng(0)))
    assert hidden.all(axis=2).sum(axis=1).tolist() == [3, 2] and (hidden.any(axis=2) == hidden.all(axis=2)).all()
