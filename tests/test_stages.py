"""Branches that get a loss of their own, models trained in stages, and vectors held together."""

from __future__ import annotations

import contextlib
import itertools

import keras
import numpy as np
import pytest
from test_training import fit, road_data, tiny_model

import mmzoo
from mmzoo.fusion.ends import branch_ends, branch_layers, copy_branches
from mmzoo.schema import Label, Value
from mmzoo.training import fit_stagewise
from mmzoo.training.contrast import contrastive_losses
from mmzoo.training.learner import learner_of
from mmzoo.training.plan import copy_of
from mmzoo.training.selected import with_inputs
from mmzoo.training.stages import arm_of


def both_data(count=96, seed=0):
    """The text tells the sign as the speed does; every seventh row has no text."""
    inputs, targets = road_data(count, seed)
    text = np.zeros((count, 4), np.int32)
    text[:, 0] = 65 + targets["sign"]
    text[::7] = 0
    return {**inputs, "text": text}, targets


def weights_of(layers):
    return [np.array(w) for layer in layers for w in layer.get_weights()]


def test_the_ends_of_the_branches_are_told_by_the_graph():
    model = tiny_model(text=True)
    ends = branch_ends(model)
    assert list(ends) == ["road", "text"]
    assert {name: layers[-1].name for name, layers in branch_layers(model).items()} == {
        "road": "road_vector",
        "text": "text_vector",
    }
    for kept in (model, copy_of(model)):
        parts = keras.Model(kept.input, {name: end.vector for name, end in branch_ends(kept).items()})
        arrays = {name: array[:5] for name, array in both_data()[0].items()}
        assert {name: v.shape for name, v in parts.predict_on_batch(arrays).items()} == {"road": (5, 8), "text": (5, 8)}
    with pytest.raises(ValueError, match="0 layers ModalityDropout; expected one, as mmzoo.fusion.fuse"):
        from test_training import conv_model

        branch_ends(conv_model())


def test_tokens_are_found_where_the_fusion_takes_them():
    for fusion, tokens in (("transformer", (None, 8, 64)), ("product", None), ("attention", None)):
        model = mmzoo.build_multimodal_model(_own_schema(), size="nano", fusion=fusion, text="bytes")
        found = branch_ends(model)["text"].tokens
        assert (None if found is None else tuple(found.shape)) == (tokens and (None, 8, 32))


def _own_schema():
    from mmzoo.schema import Number, Schema, Sensors, Text

    return Schema(
        "own", {"text": Text(8), "road": Sensors((Number("speed", "km/h", 0, 300),))}, {"sign": Label(("a", "b"))}
    )


def test_branches_are_copied_by_their_layers():
    source, target = tiny_model(text=True), tiny_model(text=True)
    for layer in branch_layers(source)["text"]:
        layer.set_weights([w + 1 for w in layer.get_weights()])
    before = weights_of(branch_layers(target)["road"])
    copy_branches(source, target, ["text"])
    for a, b in zip(*(weights_of(branch_layers(m)["text"]) for m in (source, target)), strict=True):
        np.testing.assert_array_equal(a, b)
    for a, b in zip(before, weights_of(branch_layers(target)["road"]), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="the source has no branch for input 'text'"):
        copy_branches(tiny_model(), target, ["text"])


def test_auxiliary_and_alignment_leave_no_trace(tmp_path):
    data = both_data()
    plain, model = tiny_model(text=True), tiny_model(text=True)
    names = [v.path for v in model.weights]
    readers = {layer.name: len(layer._outbound_nodes) for layer in model.layers}
    history = fit(model, data, data, auxiliary=0.3, alignment=0.1, out=tmp_path, epochs=4)
    assert [v.path for v in model.weights] == names
    assert {layer.name: len(layer._outbound_nodes) for layer in model.layers} == readers
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"}
    # What is measured is the model's own loss.
    best = int(np.argmax(history.history["val_accuracy"]))
    found = model.evaluate(*map(model.schema.to_tensors, (data[0], {"sign": np.eye(3)[data[1]["sign"]]})), verbose=0)
    assert found[0] == pytest.approx(history.history["val_loss"][best], rel=1e-4)
    assert mmzoo.load_model(tmp_path / "best.keras").count_params() == plain.count_params()
    # A finished run is taken as it is.
    again = tiny_model(text=True)
    fit(again, data, data, auxiliary=0.3, alignment=0.1, out=tmp_path, epochs=4)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    with pytest.raises(ValueError, match="auxiliary: 0.3 there, 0.5 now"):
        fit(tiny_model(text=True), data, data, auxiliary=0.5, alignment=0.1, out=tmp_path, epochs=4)


def test_an_interrupted_run_with_auxiliary_goes_on_to_the_last_digit(tmp_path):
    data = both_data()

    def run(folder, **more):
        model = tiny_model(text=True)
        fit(model, data, data, auxiliary=0.3, seed=4, out=tmp_path / folder, **more)
        return model

    def stop(epoch, logs):
        if epoch == 1:
            raise KeyboardInterrupt

    whole = run("whole")
    with pytest.raises(KeyboardInterrupt):
        # In the callback's turn the second epoch is not yet written.
        run("killed", callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=stop)])
    resumed = run("killed")
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_each_branch_learns_from_its_own_head():
    """Of a learner whose joined loss is nothing, both branches still get gradients; without it none."""
    model = tiny_model({"sign": Label(("stop", "yield", "priority")), "price": Value("EUR")}, text=True)
    learner = learner_of(model, auxiliary=1.0)
    said = learner.predict_on_batch({name: array[:6] for name, array in both_data()[0].items()})
    assert {key: value.shape for key, value in said["branches"]["logits"].items()} == {
        ("sign", "road"): (6, 3),
        ("sign", "text"): (6, 3),
        ("price", "road"): (6, 1),
        ("price", "text"): (6, 1),
    }
    inputs, targets = both_data()
    before = [weights_of(layers) for layers in branch_layers(model).values()]
    fit(model, (inputs, {**targets, "price": np.linspace(1, 9, 96)}), auxiliary=1.0, epochs=1)
    for old, layers in zip(before, branch_layers(model).values(), strict=True):
        assert any((a != b).any() for a, b in zip(old, weights_of(layers), strict=True))


def test_a_row_without_an_input_says_nothing_of_it():
    learner = learner_of(tiny_model(text=True), auxiliary=1.0)
    inputs, targets = both_data(4)
    inputs["text"][:] = 0
    y, weights = {"sign": np.eye(3, dtype="f4")[targets["sign"]]}, {"sign": np.ones(4, "f4")}
    more = learner.predict_on_batch(inputs)["branches"]
    # Cross-entropy of the road alone.
    logits = more["logits"]["sign", "road"]
    expected = -np.log(keras.ops.convert_to_numpy(keras.ops.softmax(logits)))[np.arange(4), targets["sign"]].mean()
    more = keras.tree.map_structure(keras.ops.convert_to_tensor, more)
    assert float(learner._said_alone(more, y, weights)) == pytest.approx(expected, rel=1e-5)


def test_what_cannot_be_balanced_is_named():
    with pytest.raises(ValueError, match="alignment: needs two inputs, the model has \\['road'\\]"):
        fit(tiny_model(), alignment=0.1)
    with pytest.raises(ValueError, match="auxiliary: expected None or a weight above 0, such as 0.3, got -1"):
        fit(tiny_model(), auxiliary=-1)


def test_contrast_against_numpy():
    random = np.random.default_rng(0)
    one, other = random.normal(size=(2, 5, 3)).astype("f4")
    given = np.array([1, 1, 0, 1, 1], bool)
    a, b = (x[given] / np.linalg.norm(x[given], axis=1, keepdims=True) for x in (one, other))
    z = 7.0 * a @ b.T

    def softmaxed(z):
        return -np.log(np.exp(np.diag(z)) / np.exp(z).sum(axis=1))

    clip = (softmaxed(z) + softmaxed(z.T)) / 2
    signs = 2 * np.eye(4) - 1
    siglip = np.log1p(np.exp(-signs * (z - 3.0))).sum(axis=1)
    for expected, bias in ((clip, None), (siglip, -3.0)):
        found = np.asarray(contrastive_losses(one, other, given[:, None], scale=7.0, bias=bias))
        np.testing.assert_allclose(found[given], expected, rtol=1e-4)
        assert found[2] == 0


def test_stages(tmp_path):
    data = both_data()
    model = tiny_model(text=True)
    common = {"epochs": 4, "batch_size": 32, "verbose": 0, "seed": 3}
    out = tmp_path / "whole"
    histories = fit_stagewise(model, data, data, out=out, **common)
    assert {stage: len(history.epoch) for stage, history in histories.items()} == {
        "branch road": 4,
        "branch text": 4,
        "fusion": 1,
        "together": 1,
    }
    assert max(histories["together"].history["learning_rate"]) <= 3e-4
    assert all(layer.trainable for layer in model.layers)
    assert sorted(path.name for path in out.iterdir()) == ["branch_road", "branch_text", "fusion", "together"]
    # Held still: as the branch alone left it.
    alone, joined = (
        mmzoo.load_model(out / stage / "best.keras") for stage in ("branch_road", "fusion")
    )  # fmt: skip
    for a, b in zip(*(weights_of(branch_layers(m)["road"]) for m in (alone, joined)), strict=True):
        np.testing.assert_array_equal(a, b)
    # Killed in the second branch, it goes on there and ends at the same weights.
    epochs = itertools.count(1)

    def stop(epoch, logs):
        if next(epochs) == 6:
            raise KeyboardInterrupt

    for callbacks in ([keras.callbacks.LambdaCallback(on_epoch_end=stop)], []):
        resumed = tiny_model(text=True)
        with contextlib.suppress(KeyboardInterrupt):
            fit_stagewise(resumed, data, data, out=tmp_path / "killed", callbacks=callbacks, **common)
    for a, b in zip(model.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="learning_rate: 0.003 there, 0.001 now"):
        fit_stagewise(tiny_model(text=True), data, data, out=out, learning_rate=1e-3, **common)


def test_stages_of_other_data_and_outputs():
    inputs, targets = both_data()
    outputs = {"sign": Label(("stop", "yield", "priority")), "price": Value("EUR")}
    model = tiny_model(outputs, text=True)
    targets = {**targets, "price": np.linspace(1, 9, 96)}
    seen = []

    def rows(epoch):
        return inputs, targets

    def data_for(names):
        seen.append(names)
        return ({name: inputs[name] for name in names}, targets), None

    each = {"road": 1, "text": 2}
    histories = fit_stagewise(model, rows, data_for=data_for, epochs=each, verbose=0, auxiliary=0.3)
    assert seen == [("road",), ("text",)]
    assert [len(history.epoch) for history in histories.values()] == [1, 2, 1, 1]
    with pytest.raises(ValueError, match="epochs: expected those of \\['road', 'text'\\], got {'text': 2}"):
        fit_stagewise(model, rows, epochs={"text": 2}, verbose=0)


def test_some_inputs_of_data_in_any_form():
    inputs, targets = both_data(8)

    def rows(epoch):
        return inputs, targets

    assert with_inputs(None, ["text"]) is None
    for data in (
        (inputs, targets),
        with_inputs(rows, ["text"])(0),
        next(iter(with_inputs([(inputs, targets)], ["text"]))),
    ):
        found = with_inputs(data, ["text"])
        assert list(found[0]) == ["text"] and found[1] is targets
    with pytest.raises(ValueError, match="a generator can be read only once; give a function that makes one"):
        next(iter(with_inputs(iter([(inputs, targets)]), ["text"])))


def test_an_arm_has_nothing_of_the_others():
    arm = arm_of(tiny_model(text=True, activation=None), "text")
    assert list(arm.schema.inputs) == ["text"] and list(arm.input) == ["text"]
    assert not [layer.name for layer in arm.layers if layer.name.startswith("road")]
    assert arm.layers[-1].activation is keras.activations.linear
    with pytest.raises(ValueError, match="no branch for input 'voice'; there are \\['road', 'text'\\]"):
        arm_of(tiny_model(text=True), "voice")
