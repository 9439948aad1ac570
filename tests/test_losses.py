"""Losses of values on their own scale and weighed by a learned uncertainty, and the layers they look into."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.layers import TaskUncertainty, ValueScaling
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.schema import Label, Number, Schema, Sensors, Value
from mmzoo.tasks.losses import ScaledSquaredError, UncertaintyWeighted
from mmzoo.training.batches import Batches
from mmzoo.training.objectives import class_weights_for, losses_for

NUMBERS = Sensors((Number("a", "", -5, 5), Number("b", "", -5, 5)))
KIND = Label(("x", "y", "z"))


def build(outputs, **arguments):
    schema = Schema("toy", {"s": NUMBERS}, outputs)
    return build_multimodal_model(schema, **{"size": "nano", "seed": 0, "dropout": 0.0, **arguments})


def rows(count=64, seed=0):
    return {"s": np.random.default_rng(seed).uniform(-2, 2, (count, 2)).astype(np.float32)}


def fit(model, targets, **arguments):
    count = len(next(iter(targets.values())))
    options = {"epochs": 3, "batch_size": 32, "learning_rate": 1e-2, "verbose": 0, "seed": 0, **arguments}
    return mmzoo.fit(model, (rows(count), targets), **options)


def uncertainty(log_variance):
    layer = TaskUncertainty()
    layer.build((None, 1))
    layer.log_variance.assign(log_variance)
    return layer


def scaling(mean, deviation, scale="linear"):
    layer = ValueScaling(scale)
    layer.build((None, 1))
    layer.set_weights([np.float32(mean), np.float32(deviation)])
    return layer


# Learned weights -----------------------------------------------------------------------------------------------------


def test_weighed_by_the_formula_of_kendall():
    true, predicted = np.eye(3, dtype=np.float32), np.full((3, 3), [0.5, 0.3, 0.2], np.float32)
    s, weights = 0.7, np.array([1.0, 2.0, 0.0], np.float32)
    # Equation 10: L / sigma^2 + log sigma, s = log sigma^2.
    by_hand = -np.log([0.5, 0.3, 0.2]) / np.exp(s) + np.log(np.sqrt(np.exp(s)))
    loss = UncertaintyWeighted(keras.losses.CategoricalCrossentropy(), uncertainty(s))
    assert float(loss(true, predicted)) == pytest.approx(by_hand.mean(), rel=1e-5)
    assert float(loss(true, predicted, weights)) == pytest.approx((by_hand * weights).mean(), rel=1e-5)
    # Equation 7: L / (2 sigma^2) + log sigma.
    true, predicted = np.array([[1.0], [5.0]], np.float32), np.array([[2.0], [2.0]], np.float32)
    by_hand = np.array([1.0, 9.0]) / 4 / (2 * np.exp(s)) + s / 2
    for inner in (
        ScaledSquaredError(scaling(10.0, 2.0)),
        keras.losses.MeanSquaredError(),
        keras.losses.mean_squared_error,
    ):
        unit = 1 if isinstance(inner, ScaledSquaredError) else 4
        expected = (by_hand - s / 2) * unit + s / 2
        loss = UncertaintyWeighted(inner, uncertainty(s), factor=0.5)
        assert float(loss(true, predicted)) == pytest.approx(expected.mean(), rel=1e-5)
    summed = UncertaintyWeighted(keras.losses.MeanSquaredError(reduction="sum"), uncertainty(s), factor=0.5)
    assert float(summed(true, predicted)) == pytest.approx(expected.sum(), rel=1e-5)


def test_what_is_noisy_gets_a_larger_variance_than_what_is_clean():
    outputs = {name: Value() for name in ("clean", "noisy")}
    model = build(outputs)
    signal = rows(256)["s"][:, 0]
    noise = np.random.default_rng(1).normal(0, 3, 256)
    history = fit(model, {"clean": signal, "noisy": signal + noise}, epochs=12, learning_rate=5e-2).history
    learned = {name: float(model.get_layer(f"head_{name}_uncertainty").log_variance) for name in outputs}
    assert learned["clean"] < -1 and learned["clean"] + 0.7 < learned["noisy"] < 0.3
    assert history["loss"][-1] < history["loss"][0]


def test_weights_of_classes_and_samples_reach_the_inner_loss():
    model = build({"kind": KIND, "size": Value()})
    for name, value in (("kind", 0.4), ("size", -0.6)):
        model.get_layer(f"head_{name}_uncertainty").log_variance.assign(value)
    targets = {"kind": np.array([0] * 20 + [1] * 8 + [2] * 4), "size": np.linspace(-1, 1, 32)}
    given = {"kind": np.linspace(0, 2, 32), "size": np.linspace(1, 0, 32)}
    batches = Batches((rows(32), targets, given), model.schema, "train", batch_size=32)
    batches.class_weights = class_weights_for(model.schema, "balanced", batches.class_counts)
    model.compile("sgd", loss=losses_for(model))
    inputs, encoded, weights = next(batches.epoch(0))
    found = model.test_on_batch(inputs, encoded, sample_weight=weights, return_dict=True)
    predicted = {name: np.asarray(value) for name, value in model(inputs, training=False).items()}
    of_class = np.repeat([32 / 3 / 20, 32 / 3 / 8, 32 / 3 / 4], [20, 8, 4])
    cross_entropy = -np.log(predicted["kind"][np.arange(32), targets["kind"]])
    kind = (np.exp(-0.4) * cross_entropy + 0.2) * of_class * given["kind"]
    size = (np.exp(0.6) * (predicted["size"][:, 0] - targets["size"]) ** 2 / 2 - 0.3) * given["size"]
    assert found["loss"] == pytest.approx(kind.mean() + size.mean(), rel=1e-4)


@pytest.mark.parametrize("loss", ["mae", keras.losses.mean_absolute_error], ids=["name", "function"])
def test_losses_of_the_user_are_weighed_whatever_their_form(loss):
    model = build({"kind": KIND, "size": Value()})
    history = fit(model, {"kind": np.arange(64) % 3, "size": np.linspace(-1, 1, 64)}, loss={"size": loss}, epochs=1)
    assert np.isfinite(history.history["loss"]).all()
    assert float(model.get_layer("head_size_uncertainty").log_variance) != 0


# Scales --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("scale", "factor"), [("linear", 1e3), ("log", 1e-9)])
def test_the_unit_does_not_matter(scale, factor):
    metres = np.exp(rows()["s"][:, 0]) + 1
    found = {}
    for unit in (1.0, factor):
        model = build({"height": Value("m", scale=scale)})
        history = fit(model, {"height": metres * unit})
        found[unit] = np.asarray(model(rows(), training=False)["height"]) / unit, history.history["loss"]
    assert found[1.0][1][-1] < found[1.0][1][0]
    for predicted, loss in found.values():
        np.testing.assert_allclose(predicted, found[1.0][0], rtol=2e-3)
        np.testing.assert_allclose(loss, found[1.0][1], rtol=1e-3)


def test_scale_follows_the_range_until_it_is_adapted():
    layers = {
        (50.0, 100 / 12**0.5): ValueScaling("linear", 0, 100),
        (0.5e-9, 1e-9 / 12**0.5): ValueScaling("linear", 0, 1e-9),
        (np.log(10), np.log(100) / 12**0.5): ValueScaling("log", 1, 100),
        (0.0, 1.0): ValueScaling("log", 0, 100),
        (7.0, 1.0): ValueScaling("linear", 7, 7),
    }
    for expected, layer in layers.items():
        layer.build((None, 1))
        np.testing.assert_allclose(layer.get_weights(), expected, rtol=1e-5)
        values = np.array([[2.0], [30.0]], np.float32)
        np.testing.assert_allclose(layer(layer.normalised(values)), values, rtol=1e-4, atol=1e-5)
    layer = ValueScaling("linear", 0, 100)
    layer.build((None, 1))
    layer.adapt(np.full(9, 0.1))
    np.testing.assert_allclose(layer.get_weights(), [0.1, 100 / 12**0.5], rtol=1e-6)
    with pytest.raises(ValueError, match="scale: expected 'linear' or 'log', got 'root'"):
        ValueScaling("root")


def test_log_scale_wants_targets_above_zero():
    good = np.linspace(1, 2, 64)
    bad = np.where(np.arange(64) == 5, 0.0, good)
    message = r"output 'price': is on a log scale, expected targets above 0, got 0; .*scale='linear'"
    model = build({"price": Value("EUR", scale="log")})
    with pytest.raises(ValueError, match="train: " + message):
        fit(model, {"price": bad})
    with pytest.raises(ValueError, match="train: " + message):
        fit(model, {"price": bad}, adapt=False)
    with pytest.raises(ValueError, match="validation: " + message):
        fit(model, {"price": good}, validation=(rows(), {"price": bad}))
    with pytest.raises(ValueError, match="a log scale needs values above 0, got 0"):
        model.get_layer("head_price_scaling").adapt(bad)


@pytest.mark.parametrize(("scale", "huge"), [("linear", 1e12), ("log", 1e12), ("log", -1e12)])
def test_huge_predictions_make_no_nan(scale, huge):
    model = build({"price": Value("EUR", scale=scale)})
    bias = np.array([huge], np.float32)
    model.get_layer("head_price").bias.assign(bias)
    history = fit(model, {"price": np.linspace(1, 2, 64)}, epochs=1)
    assert np.isfinite(history.history["loss"]).all()
    assert all(np.isfinite(weights).all() for weights in model.get_weights())
    assert np.isfinite(model(rows(), training=False)["price"]).all()


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_compiled_model_evaluates_as_before_when_loaded_again(tmp_path):
    model = build({"kind": KIND, "size": Value("m", scale="log"), "other": Value()})
    targets = {"kind": np.arange(64) % 3, "size": np.linspace(1e3, 2e3, 64), "other": np.linspace(-9, 9, 64)}
    fit(model, targets, loss={"other": "mae"})
    model.save(tmp_path / "model.keras")
    loaded = mmzoo.load_model(tmp_path / "model.keras")
    assert loaded.compiled
    encoded = {**targets, "kind": np.eye(3)[targets["kind"]]}
    expected, found = (m.evaluate(rows(), encoded, verbose=0, return_dict=True) for m in (model, loaded))
    assert found == pytest.approx(expected, rel=1e-5)
    # Compiled anew the losses are the model's own again.
    before = float(loaded.get_layer("head_size_uncertainty").log_variance)
    fit(loaded, targets, epochs=1)
    assert float(loaded.get_layer("head_size_uncertainty").log_variance) != before
