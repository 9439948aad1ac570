"""Builders, branches, fusions and layers."""

from __future__ import annotations

import math
import random
import re

import keras
import numpy as np
import pytest
from keras import ops
from zoo_harness import assert_sound, run, stir, with_missing

import mmzoo
from mmzoo.branches import image_branch, ngrams_branch, sensor_branch, text_branch
from mmzoo.evaluation import hide_inputs
from mmzoo.exporting.probes import random_samples
from mmzoo.fusion import FUSIONS, ModalityAttention, fuse, wants_tokens
from mmzoo.layers import ImageStandardization, ModalityDropout, SensorEncoder, ValueScaling
from mmzoo.models import registry
from mmzoo.models.registry import get_builder, register
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Angle, Category, Date, Image, Label, Number, Schema, Sensors, Text
from mmzoo.training.adaptation import adapt

build = mmzoo.build_road_sign_model

FIELDS = (Number("speed", "km/h", 0, 200), Angle("heading"), Category("light", ("day", "dusk", "night")), Date("day"))
INPUTS = {
    "image": Image(8, 8),
    "text": Text(5),
    "ngrams": Text(70, "ngrams", buckets=20),
    "sensors": Sensors(FIELDS),
    "more": Sensors(FIELDS[:2]),
}


def decision_level(features, head):
    """A head for each input, and the mean of their logits."""
    logits = [head(f.vector, name) for name, f in features.items()]
    return {output: sum(each[output] for each in logits) / len(logits) for output in logits[0]}


def gated(features, head):
    """A feature-level fusion of one's own: the largest of the inputs that are there, place by place."""
    vectors = [ops.where(f.present, f.vector, -1e3) for f in features.values()]
    return head(ops.maximum(ops.max(ops.stack(vectors), axis=0), -1.0))


def tiny_model(names, fusion, **arguments):
    schema = Schema("tiny", {name: INPUTS[name] for name in names}, {"kind": Label(("a", "b", "c"))})
    inputs = keras_inputs(schema)
    common = {"width": 6, "tokens": wants_tokens(fusion)}
    branches = {
        "image": lambda x: image_branch(x, size="nano", **common),
        "text": lambda x: text_branch(x, units=4, embedding=3, **common, **arguments),
        "ngrams": lambda x: ngrams_branch(x, INPUTS["ngrams"], embedding=3, name="ngrams", **common),
        "sensors": lambda x: sensor_branch(x, INPUTS["sensors"], units=4, name="sensors", **common),
        "more": lambda x: sensor_branch(x, INPUTS["more"], units=4, name="more", **common),
    }
    features = {name: branches[name](inputs[name]) for name in names}
    outputs = fuse(features, schema, fusion)
    return schema_model(inputs, outputs, schema, "tiny")


# Branch x fusion -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fusion", [*FUSIONS, decision_level, gated], ids=lambda f: getattr(f, "__name__", f))
@pytest.mark.parametrize("branch", ["image", "text", "ngrams", "sensors"])
def test_every_branch_goes_with_every_fusion(branch, fusion):
    for names in ((branch,), (branch, "more")):
        model = stir(tiny_model(names, fusion))
        outputs = run(model, with_missing(model.schema, random_samples(model.schema, 3, seed=0)))
        assert_sound(model.schema, outputs)
        assert np.ptp(outputs["kind"][:3], axis=0).max() > 1e-4, "the samples should differ"


@pytest.mark.parametrize("cell", ["gru", "lstm"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("tokens", [False, True])
def test_text_branch_takes_no_notice_of_padding(cell, bidirectional, tokens):
    ids = keras.Input((None,), dtype="int32")
    features = text_branch(ids, width=6, units=4, embedding=3, cell=cell, bidirectional=bidirectional, tokens=tokens)
    branch = keras.Model(ids, {name: tensor for name, tensor in features._asdict().items() if tensor is not None})
    short, long = (branch(np.array([[83, 84] + [0] * n], np.int32)) for n in (1, 3))
    np.testing.assert_allclose(short["vector"], long["vector"], atol=1e-6)
    assert ("tokens" in long) == ("mask" in long) == tokens
    if tokens:
        assert long["tokens"].shape == (1, 5, 6)
        assert np.asarray(long["mask"]).tolist() == [[True, True, False, False, False]]
    other = branch(np.array([[84, 83, 0]], np.int32))
    assert np.abs(other["vector"] - short["vector"]).max() > 1e-4, "the order of the letters counts"


def test_features_have_the_shapes_they_promise():
    inputs = {name: keras.Input(m.shape, dtype=m.dtype, batch_size=2) for name, m in INPUTS.items()}
    for features in (
        image_branch(inputs["image"], size="nano", width=6, tokens=True),
        text_branch(inputs["text"], width=6, tokens=True),
        sensor_branch(inputs["sensors"], INPUTS["sensors"], width=6, tokens=True),
    ):
        tokens = features.tokens.shape[1]
        assert features.tokens.shape == (2, tokens, 6) and features.vector.shape == (2, 6)
        assert features.mask.shape == (2, tokens) and features.present.shape == (2, 1)
        assert features.mask.dtype == features.present.dtype == "bool"


def test_a_decision_level_fusion_averages_the_logits_of_its_heads():
    model = tiny_model(("image", "text", "more"), decision_level)
    heads = [f"head_kind_{name}" for name in ("image", "text", "more")]
    probe = keras.Model(model.input, {name: model.get_layer(name).output for name in heads} | model.output)
    outputs = {name: np.asarray(v) for name, v in probe(random_samples(model.schema, 3)).items()}
    mean = sum(outputs[name] for name in heads) / 3
    np.testing.assert_allclose(outputs["kind"], ops.softmax(mean), atol=1e-6)


def test_a_decision_level_fusion_goes_with_the_builder():
    model = build(size="nano", fusion=decision_level)
    assert {f"head_sign_{name}" for name in model.schema.inputs} <= {layer.name for layer in model.layers}
    assert_sound(model.schema, run(model, random_samples(model.schema, 2)))


# Backbones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "dense"), [("nano", False), ("small", True), ("base", True)])
def test_the_block_at_full_resolution(size, dense):
    names = {layer.name for layer in build(size=size).layers}
    assert ("image_block1_conv" in names) is dense
    assert ("image_block1_a_depthwise" in names) is not dense
    other = build(size=size, backbone="separable" if dense else "separable_dense_first")
    assert ("image_block1_conv" in {layer.name for layer in other.layers}) is not dense


def test_vgg_backbone():
    model = build(size="nano", backbone="vgg")
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) == 6
    assert_sound(model.schema, run(model, random_samples(model.schema, 2)))


@pytest.mark.parametrize(("backbone", "low", "high"), [("MobileNetV3Small", 0, 255), ("MobileNetV2", -1, 1)])
def test_backbone_of_keras_applications_gets_its_pixels_scaled_once(backbone, low, high):
    model = build(size="nano", backbone=backbone, image_size=(32, 32))
    inputs = random_samples(model.schema, 2)
    assert_sound(model.schema, run(model, inputs))
    network = model.get_layer(f"image_{backbone.lower()}")
    # MobileNetV3 scales inside, MobileNetV2 wants -1..1.
    fed = keras.Model(model.input["image"], model.get_layer(network.name)._inbound_nodes[0].input_tensors[0])
    pixels = np.asarray(fed(inputs["image"]))
    assert pixels.min() == pytest.approx(low, abs=0.02 * (high - low))
    assert pixels.max() == pytest.approx(high, abs=0.02 * (high - low))


# The builder's arguments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "huge"}, r"size: expected one of \['nano', 'small', 'base'\], got 'huge'"),
        (
            {"fusion": "glue"},
            r"fusion: expected one of \['attention', 'concat', 'late', 'product', 'sum', 'transformer'\] or a function",
        ),
        (
            {"backbone": "MobileNetV9"},
            "backbone: expected 'separable', 'separable_dense_first', 'vgg' or one of .*'MobileNetV2'.*V9",
        ),
        ({"backbone": "resnet"}, "backbone: expected .* got 'resnet'"),
        ({"text_cell": "mamba"}, r"cell: expected one of \['gru', 'lstm', 'rnn'\], got 'mamba'"),
        ({"weights": "cifar"}, "weights: 'cifar' is no file and not among the pretrained weights of road_sign nano"),
        ({"modality_dropout": {"sound": 0.1}}, "modality_dropout: unknown input 'sound'; the inputs are"),
        ({"modality_dropout": 1.0}, "dropout rate of input 'image': expected 0 <= rate < 1, got 1.0"),
        ({"classes": ["a", "a"]}, "'a' stands there twice"),
        ({"image_size": (0, 32)}, "height: expected a whole number of at least 1, got 0"),
    ],
)
def test_a_wrong_argument_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        build(**{"size": "nano", **arguments})


def test_numbered_classes_and_other_sizes():
    model = build(7, size="nano", image_size=(24, 40), text_length=9)
    assert model.schema["sign"].classes == tuple(f"class_{i}" for i in range(7))
    outputs = run(model, random_samples(model.schema, 2))
    assert outputs["sign"].shape == (2, 7)
    assert_sound(model.schema, outputs)


def test_a_seed_repeats_the_initial_weights_and_leaves_the_global_state_alone():
    random.seed(5)
    before = random.getstate()
    first, again, other = (build(size="nano", seed=seed) for seed in (3, 3, 4))
    assert random.getstate() == before
    for one, two in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    differ = [not np.array_equal(*pair) for pair in zip(first.get_weights(), other.get_weights(), strict=True)]
    assert sum(differ) > 20
    # Two layers of one shape must not start alike.
    kernels = [first.get_layer(f"{name}_vector").get_weights()[0] for name in ("location", "road_condition")]
    assert not np.array_equal(*kernels)


def test_without_an_activation_it_gives_logits(nano, samples):
    logits = build(size="nano", classifier_activation=None)
    logits.set_weights(nano.get_weights())
    values = run(logits, samples)["sign"]
    assert values.min() < 0
    np.testing.assert_allclose(ops.softmax(values), run(nano, samples)["sign"], atol=1e-6)


# Pretrained weights --------------------------------------------------------------------------------------------------


def body_of(model):
    """Weights by layer, but for the head."""
    return {la.name: la.get_weights() for la in model.layers if la.weights and not la.name.startswith("head_")}


def test_other_classes_keep_the_body_and_get_a_fresh_head(nano, nano_file):
    model = build(size="nano", weights=nano_file, classes=["cat", "dog"])
    assert model.schema["sign"].classes == ("cat", "dog")
    expected, found = body_of(nano), body_of(model)
    assert list(found) == list(expected)
    for name, weights in expected.items():
        for old, new in zip(weights, found[name], strict=True):
            np.testing.assert_array_equal(old, new, err_msg=name)
    assert model.get_layer("head_sign").get_weights()[0].shape[1] == 2


def test_as_many_other_classes_get_a_fresh_head_too(nano, nano_file):
    model = build(size="nano", weights=nano_file, classes=[f"my {i}" for i in range(43)])
    old, new = (m.get_layer("head_sign").get_weights()[0] for m in (nano, model))
    assert old.shape == new.shape and not np.allclose(old, new)


def test_the_same_classes_keep_the_head(nano, nano_file, samples):
    for classes in (None, list(nano.schema["sign"].classes)):
        model = build(size="nano", weights=nano_file, classes=classes)
        np.testing.assert_allclose(run(model, samples)["sign"], run(nano, samples)["sign"], atol=1e-6)


def test_a_weights_file_of_keras_itself(nano, samples, tmp_path):
    nano.save_weights(tmp_path / "nano.weights.h5")
    model = build(size="nano", weights=tmp_path / "nano.weights.h5")
    np.testing.assert_allclose(run(model, samples)["sign"], run(nano, samples)["sign"], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "layer"),
    [
        ({"text_cell": "lstm"}, "text_lstm"),
        ({"text_bidirectional": True}, "text_bidirectional"),
        ({"fusion": "concat"}, "fusion"),
        ({"fusion": "sum"}, "fusion"),
        ({"backbone": "vgg"}, "image_stage1_conv1"),
        ({"size": "small"}, "image_stem"),
    ],
)
def test_weights_of_another_architecture_name_a_layer(nano_file, arguments, layer):
    with pytest.raises(ValueError, match=f"nano.keras.*layer '{layer}"):
        build(**{"size": "nano", "weights": nano_file, **arguments})


def test_load_model_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="none.keras: no such model file"):
        mmzoo.load_model(tmp_path / "none.keras")
    with pytest.raises(FileNotFoundError, match="model.keras: no such model file"):
        mmzoo.load_model(tmp_path)
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "plain.keras")
    with pytest.raises(ValueError, match="plain.keras: holds a Sequential without a schema"):
        mmzoo.load_model(tmp_path / "plain.keras")


# The registry --------------------------------------------------------------------------------------------------------


def test_registry():
    assert mmzoo.list_models() == sorted(mmzoo.list_models()) and "road_sign" in mmzoo.list_models()
    assert get_builder("road_sign") is build
    assert mmzoo.build_model("road_sign", num_classes=3, size="nano").output["sign"].shape == (None, 3)
    known = re.escape(str(mmzoo.list_models()))
    with pytest.raises(ValueError, match=f"unknown model 'roadsign'; the models are {known}"):
        mmzoo.build_model("roadsign")


def test_register_makes_a_builder_known_and_public(monkeypatch):
    for name in mmzoo.list_models():
        builder = get_builder(name)
        assert builder.__name__ in mmzoo.__all__ and getattr(mmzoo, builder.__name__) is builder

    monkeypatch.setattr(registry, "_BUILDERS", dict(registry._BUILDERS))

    @register("mine")
    def build_mine_model(size="small"):
        return size

    assert "mine" in mmzoo.list_models() and mmzoo.build_model("mine", size="nano") == "nano"
    with pytest.raises(
        ValueError, match="'road_sign': there is one of that name already, mmzoo.models.road_sign.build_"
    ):
        register("road_sign")(build_mine_model)


# ModalityDropout -----------------------------------------------------------------------------------------------------

NAMES = ("a", "b", "c", "d")


def dropout_inputs(count, given=None):
    vectors = {name: np.full((count, 3), i + 1.0, np.float32) for i, name in enumerate(NAMES)}
    given = np.ones((count, len(NAMES)), bool) if given is None else given
    return vectors, {name: given[:, i : i + 1] for i, name in enumerate(NAMES)}


def kept(present):
    return np.concatenate([np.asarray(present[name]) for name in NAMES], axis=1)


def test_modality_dropout_hides_with_about_its_rate():
    rates = dict(zip(NAMES, (0.0, 0.1, 0.3, 0.6), strict=True))
    _, present = ModalityDropout(rates, seed=0)(*dropout_inputs(20_000), training=True)
    # The one with the highest of the four draws stays even where that is below its rate.
    expected = [rate - rate**4 / 4 for rate in rates.values()]
    np.testing.assert_allclose(1 - kept(present).mean(axis=0), expected, atol=0.015)


def test_modality_dropout_never_hides_the_last_input():
    given = np.random.default_rng(0).random((20_000, len(NAMES))) < 0.5
    _, present = ModalityDropout(dict.fromkeys(NAMES, 0.95), seed=0)(*dropout_inputs(20_000, given), training=True)
    after = kept(present)
    assert (after.sum(axis=1)[given.any(axis=1)] >= 1).all()
    assert not (after & ~given).any(), "what is missing stays missing"
    # Each of the inputs is the one that stays in its share of the samples.
    single = after[given.all(axis=1) & (after.sum(axis=1) == 1)].mean(axis=0)
    np.testing.assert_allclose(single, 0.25, atol=0.06)


def test_modality_dropout_stands_in_for_what_is_missing():
    layer = ModalityDropout(dict.fromkeys(NAMES, 0.5), seed=0)
    given = np.array([[True, False, True, False], [False] * 4])
    vectors, present = dropout_inputs(2, given)
    layer(vectors, present)
    for i, name in enumerate(NAMES):
        layer.absent[name].assign(np.full(3, -10.0 - i))
    after, unchanged = layer(vectors, present, training=False)
    np.testing.assert_array_equal(kept(unchanged), given)
    for i, name in enumerate(NAMES):
        expected = np.where(given[:, i : i + 1], i + 1.0, -10.0 - i) * np.ones(3)
        np.testing.assert_array_equal(after[name], expected)


def test_modality_dropout_draws_anew_and_repeats_by_seed():
    layers = [ModalityDropout(dict.fromkeys(NAMES, 0.5), seed=7) for _ in range(2)]
    draws = [[kept(layer(*dropout_inputs(50), training=True)[1]) for _ in range(2)] for layer in layers]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(*draws[0])


def test_modality_dropout_refuses_vectors_of_different_width():
    vectors, present = dropout_inputs(2)
    with pytest.raises(ValueError, match="all branches must give vectors of one width; got {'a': 5, 'b': 3"):
        ModalityDropout(dict.fromkeys(NAMES, 0.1))({**vectors, "a": np.zeros((2, 5), np.float32)}, present)


def test_an_absent_vector_reaches_the_output(samples):
    model = build(size="nano", fusion="sum", seed=0)
    before = run(model, hide_inputs(samples, model.schema, ["text"]))["sign"]
    model.get_layer("modality_dropout").absent["text"].assign(np.full(40, 3.0))
    after = run(model, hide_inputs(samples, model.schema, ["text"]))["sign"]
    assert np.abs(after - before).max() > 1e-3
    reloaded = type(model).from_config(model.get_config())
    assert reloaded.get_layer("modality_dropout").rates == model.get_layer("modality_dropout").rates


# ModalityAttention ---------------------------------------------------------------------------------------------------


def test_attention_gives_missing_inputs_no_weight(nano, samples):
    probe = keras.Model(nano.input, nano.get_layer("fusion").output[1])
    names = list(nano.schema.inputs)
    for hidden in (names[:1], names[1:], names):
        weights = np.asarray(probe(hide_inputs(samples, nano.schema, hidden)))
        assert weights.shape == (12, 1 + len(names))
        np.testing.assert_allclose(weights.sum(axis=1), 1.0, atol=1e-6)
        columns = [1 + names.index(name) for name in hidden]
        assert weights[:, columns].max() < 1e-7
    np.testing.assert_allclose(weights[:, 0], 1.0, atol=1e-6, err_msg="all is missing: the learned vector alone")


def test_attention_is_the_softmax_of_bounded_scores():
    layer = ModalityAttention()
    vectors = {"a": np.array([[1.0, 0.0]], np.float32), "b": np.array([[0.0, 2.0]], np.float32)}
    present = {"a": np.array([[True]]), "b": np.array([[True]])}
    layer(vectors, present)
    layer.scores["a"].assign([[0.5], [0.0]])
    layer.scores["b"].assign([[0.0], [100.0]])
    layer.prior.assign([[7.0, 9.0]])
    fused, weights = layer(vectors, present)
    logits = np.array([-4.0, 4 * math.tanh(0.5), 4.0])
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(weights[0], expected, rtol=1e-5)
    np.testing.assert_allclose(fused[0], expected @ np.array([[7.0, 9.0], [1.0, 0.0], [0.0, 2.0]]), rtol=1e-5)


# SensorEncoder -------------------------------------------------------------------------------------------------------

# speed, flag | sin, cos, flag | day, dusk, night, flag | date, sin and cos of year, week and day, flag
SPEED, ANGLE, LIGHT, DATE = slice(0, 2), slice(2, 5), slice(5, 9), slice(9, 17)


@pytest.fixture
def encoder():
    return SensorEncoder(FIELDS)


def encode(encoder, *row):
    return np.asarray(encoder(np.array([row], np.float32)))[0]


def test_sensor_encoder_starts_from_the_ranges(encoder):
    deviation = 200 / math.sqrt(12)
    np.testing.assert_allclose(encode(encoder, 100, 0, 0, 0)[SPEED], [0, 0], atol=1e-6)
    np.testing.assert_allclose(encode(encoder, 150, 0, 0, 0)[SPEED], [50 / deviation, 0], rtol=1e-5)
    assert encoder.compute_output_shape((None, 4)) == (None, 17)


def test_sensor_encoder_angles_and_categories(encoder):
    row = encode(encoder, 0, 30, 1, 0)
    np.testing.assert_allclose(row[ANGLE], [0.5, math.sqrt(3) / 2, 0], atol=1e-6)
    np.testing.assert_allclose(row[LIGHT], [0, 1, 0, 0])
    near = encode(encoder, 0, 359, 0, 0)[ANGLE] - encode(encoder, 0, 361, 0, 0)[ANGLE]
    assert np.abs(near).max() < 0.04


def test_sensor_encoder_flags_what_is_missing_field_by_field(encoder):
    row = encode(encoder, *[math.nan] * 4)
    np.testing.assert_array_equal(row, [0, 1, 0, 0, 1, 0, 0, 0, 1, *[0] * 7, 1])
    row = encode(encoder, 100, math.nan, 2, math.nan)
    assert row[SPEED][1] == 0 and row[ANGLE][2] == 1 and row[LIGHT].tolist() == [0, 0, 1, 0] and row[DATE][7] == 1


def test_sensor_encoder_keeps_the_digits_of_a_date():
    """Of x / 7 for a day number around 20,000 float32 keeps three digits behind the point, and backends round apart."""
    days = np.arange(-20_000, 60_000, 7.25, np.float32)
    found = np.asarray(SensorEncoder((Date("day"),))(days[:, None]))
    for place, period in ((1, 365.2425), (3, 7.0), (5, 1.0)):
        radians = 2 * np.pi * days.astype(np.float64) / period
        np.testing.assert_allclose(found[:, place], np.sin(radians), atol=2e-6)
        np.testing.assert_allclose(found[:, place + 1], np.cos(radians), atol=2e-6)


def test_sensor_encoder_sees_the_season_the_weekday_and_the_hour_of_a_date(encoder):
    def parts(day):
        return encode(encoder, 0, 0, 0, FIELDS[3].encode(day, "day"))[DATE]

    monday, same_year_day = parts("2024-01-01T06:00"), parts("2030-01-01T06:00")
    np.testing.assert_allclose(monday[1:3], same_year_day[1:3], atol=0.02)
    np.testing.assert_allclose(monday[1:3], -parts("2024-07-01T18:00")[1:3], atol=0.03)
    np.testing.assert_allclose(monday[3:5], parts("2024-03-04T06:00")[3:5], atol=1e-3)
    np.testing.assert_allclose(monday[5:7], [1, 0], atol=1e-5)
    np.testing.assert_allclose(parts("2024-01-01T18:00")[5:7], [-1, 0], atol=1e-5)


# Values and several outputs ------------------------------------------------------------------------------------------


def test_value_scaling_gives_values_in_their_unit_and_back():
    linear, log = ValueScaling(minimum=0.0, maximum=12.0), ValueScaling("log")
    x = np.array([[-1.0], [0.0], [2.0]], np.float32)
    np.testing.assert_allclose(linear(x)[:, 0], 6 + 12**0.5 * x[:, 0], rtol=1e-6)
    log(x)
    log.adapt([10.0, 1000.0])
    np.testing.assert_allclose(log(x)[:, 0], [10, 100, 10_000], rtol=1e-5)
    for layer in (linear, log):
        np.testing.assert_allclose(layer.normalised(layer(x)), x, atol=1e-5)
    assert np.isfinite(log(np.array([[1e9], [-1e9]], np.float32))).all()
    with pytest.raises(ValueError, match="above 0, got 0"):
        log.adapt([1.0, 0.0])
    with pytest.raises(ValueError, match="'linear' or 'log'"):
        ValueScaling("cubic")


def test_constant_targets_keep_the_deviation():
    layer = ValueScaling()
    layer.build((None, 1))
    layer.adapt([5.0, 5.0])
    assert (float(layer.mean), float(layer.deviation)) == (5.0, 1.0)


@pytest.mark.parametrize("index", [-1.0, 3.0, 99.0])
def test_sensor_encoder_takes_a_category_outside_the_list_as_missing(encoder, index):
    assert encode(encoder, 0, 0, index, 0)[LIGHT].tolist() == [0, 0, 0, 1]


def test_sensor_encoder_takes_a_number_between_two_categories_for_neither(encoder):
    assert encode(encoder, 0, 0, 1.5, 0)[LIGHT].tolist() == [0, 0, 0, 0]


def test_sensor_encoder_adapts_and_leaves_nan_out(encoder):
    encoder.build((None, 4))
    heading = np.array(encoder.mean)[1]
    rows = np.array([[10, 1, 0, 100], [math.nan, 2, 1, 100], [30, math.nan, 2, 100]])
    encoder.adapt(rows)
    np.testing.assert_allclose(np.array(encoder.mean)[[0, 3]], [20, 100])
    assert np.array(encoder.mean)[1] == heading, "angles and categories are not normalised"
    assert np.array(encoder.deviation)[0] == pytest.approx(10)
    assert np.array(encoder.deviation)[3] > 1, "a constant keeps the deviation it has"
    np.testing.assert_allclose(encode(encoder, 30, 0, 0, 100)[SPEED], [1, 0], atol=1e-6)
    assert encode(encoder, 1e6, 0, 0, 0)[SPEED][0] == 5, "clipped"


def test_sensor_encoder_keeps_its_statistics_in_a_file(encoder, tmp_path):
    model = keras.Sequential([keras.Input((4,)), encoder])
    encoder.adapt(np.array([[10, 1, 0, 100], [30, 2, 1, 200]]))
    model.save(tmp_path / "encoder.keras")
    row = np.array([[25, 90, 2, 120]], np.float32)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "encoder.keras")(row), model(row))


def test_sensor_encoder_stays_in_float32_under_a_half_precision_policy():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        encoder = SensorEncoder((Number("latitude", "deg", -90, 90),))
        rows = np.array([[48.1371], [48.1372]], np.float32)
        encoder.build((None, 1))
        encoder.adapt(np.array([[48.137], [48.138]]))
        features = encoder(rows)
    finally:
        keras.config.set_dtype_policy("float32")
    assert features.dtype == "float32"
    assert float(features[1, 0] - features[0, 0]) == pytest.approx(0.2, abs=0.02)


def test_sensor_encoder_refuses_another_number_of_fields(encoder):
    with pytest.raises(ValueError, match="expected 4 fields in the last dimension, got shape"):
        encoder(np.zeros((1, 3), np.float32))
    with pytest.raises(ValueError, match="expected rows of 4 fields, got an array of shape"):
        encoder.adapt(np.zeros((1, 3)))


def test_adapt_reaches_the_encoder_of_each_input(samples):
    model = build(size="nano")
    adapt(model, {"location": samples["location"]})
    speed = samples["location"][:, 3]
    assert np.array(model.get_layer("location_encoder").mean)[3] == pytest.approx(speed.mean(), rel=1e-5)
    assert np.array(model.get_layer("road_condition_encoder").mean)[3] == 5000.0


# ImageStandardization ------------------------------------------------------------------------------------------------


def test_standardization_leaves_a_missing_picture_zero():
    pixels = np.zeros((2, 6, 6, 3), np.uint8)
    pixels[1] = 77
    assert np.abs(ImageStandardization()(pixels)).max() == 0


def test_standardization_by_the_middle_sees_no_bright_border_and_clips_it():
    rng = np.random.default_rng(0)
    pixels = rng.integers(20, 60, (1, 10, 15, 3)).astype(np.uint8)
    bright = pixels.copy()
    bright[:, :2] = bright[:, :, -3:] = 255
    layer = ImageStandardization(border=0.2, limit=5.0)
    one, two = (np.asarray(layer(p)) for p in (pixels, bright))
    np.testing.assert_allclose(one[:, 2:8, 3:12], two[:, 2:8, 3:12], atol=1e-6)
    assert two[0, 0].min() == two.max() == 5.0
    again = ImageStandardization.from_config(layer.get_config())
    np.testing.assert_array_equal(np.asarray(again(bright)), two)
    # As it was before it had the arguments, for files that were saved then.
    old = ImageStandardization.from_config({"name": "image_standardization"})
    assert (old.border, old.limit) == (0.0, None)
    for wrong in ({"border": 0.5}, {"border": -0.1}, {"limit": 0.0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ImageStandardization(**wrong)


def test_standardization_takes_out_brightness_and_nearly_all_contrast():
    pixels = np.random.default_rng(0).integers(0, 80, (1, 16, 16, 3)).astype(np.uint8)
    plain, brighter, stronger = (np.asarray(ImageStandardization()(p)) for p in (pixels, pixels + 50, 3 * pixels))
    assert plain.dtype == np.float32 and abs(plain.mean()) < 0.1
    np.testing.assert_allclose(brighter, plain, atol=1e-5)
    ratio = stronger.std() / plain.std()
    assert 1.0 < ratio < 1.4, "three times the contrast makes little difference"
    np.testing.assert_allclose(stronger / ratio, plain, atol=1e-5)
