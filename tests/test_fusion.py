"""Features and fusions: tokens, all subsets of inputs missing, the device, other backends; and which layer is whose."""

from __future__ import annotations

import fnmatch
import functools
import importlib.util
import itertools

import keras
import numpy as np
import pytest
from keras import ops
from zoo_harness import assert_same, assert_sound, hidden_subsets, run, stir

import mmzoo
from mmzoo.branches import audio_branch, image_branch, ngrams_branch, sensor_branch, series_branch, text_branch
from mmzoo.bundles import shipped_bundles
from mmzoo.evaluation import hide_inputs
from mmzoo.exporting.litert import LiteRTModel, write_litert
from mmzoo.exporting.probes import random_samples
from mmzoo.exporting.sensitive import sensitive_layers
from mmzoo.exporting.static_int8 import float_layers
from mmzoo.exporting.unrolled import exportable, unrolled
from mmzoo.fusion import FUSIONS, fuse, register_fusion, transformer_fusion, wants_tokens
from mmzoo.layers import FieldTokens, SensorEncoder, TaskUncertainty, ValueScaling
from mmzoo.layers.graph import adapting_layers, inputs_of, output_layer
from mmzoo.models.parts.seeding import initial_weights_seed
from mmzoo.models.schema_model import SchemaModel, keras_inputs, schema_model
from mmzoo.schema import (
    Angle,
    Audio,
    Category,
    Date,
    Image,
    Label,
    MultiLabel,
    Number,
    Schema,
    Sensors,
    Series,
    Text,
    Value,
)
from mmzoo.training.objectives import losses_for

FIELDS = (Number("speed", "km/h", 0, 200), Angle("heading"), Category("light", ("day", "dusk", "night")), Date("day"))
INPUTS = {
    "image": Image(16, 16),
    "text": Text(5),
    "ngrams": Text(70, "ngrams", buckets=20),
    "sensors": Sensors(FIELDS),
    "audio": Audio(2000, 8000),
}
BRANCHES = {
    "image": lambda x, **common: image_branch(x, size="nano", width=6, **common),
    "text": lambda x, **common: text_branch(x, units=4, embedding=3, width=6, **common),
    "text, two directions": lambda x, **common: text_branch(
        x, units=4, embedding=3, width=6, cell="lstm", bidirectional=True, **common
    ),
    "ngrams": lambda x, **common: ngrams_branch(x, INPUTS["ngrams"], embedding=3, width=6, name="ngrams", **common),
    "sensors": lambda x, **common: sensor_branch(x, INPUTS["sensors"], units=4, width=6, name="sensors", **common),
    "audio": lambda x, **common: audio_branch(x, INPUTS["audio"], size="nano", width=6, augment=False, **common),
}
TOKENS = {"image": 4, "text": 5, "text, two directions": 5, "ngrams": 70, "sensors": 4, "audio": 3}
OUTPUTS = {"kind": Label(("a", "b", "c")), "tags": MultiLabel(("p", "q")), "price": Value("EUR", 0, 9)}


def tiny_model(fusion, names=("image", "text", "sensors"), outputs=OUTPUTS, **arguments):
    schema = Schema("tiny", {name: INPUTS[name] for name in names}, outputs)
    inputs = keras_inputs(schema)
    with initial_weights_seed(0):
        features = {name: BRANCHES[name](inputs[name], tokens=wants_tokens(fusion)) for name in names}
        return schema_model(inputs, fuse(features, schema, fusion, seed=0, **arguments), schema, "tiny")


def with_all_subsets_missing(schema, count=1, seed=0):
    sample = random_samples(schema, count, seed=seed)
    cases = [hide_inputs(sample, schema, hidden) for hidden in hidden_subsets(schema)]
    return {name: np.concatenate([case[name] for case in cases]) for name in schema.inputs}


# Branches ------------------------------------------------------------------------------------------------------------


def branch_model(name, tokens):
    kind = INPUTS[name.split(",")[0]]
    inputs = keras.Input(kind.shape, dtype=kind.dtype)
    features = BRANCHES[name](inputs, tokens=tokens)
    return keras.Model(inputs, {k: v for k, v in features._asdict().items() if v is not None}), features


@pytest.mark.parametrize("name", BRANCHES)
def test_the_vector_is_the_same_with_and_without_tokens(name):
    (plain, without), (full, given) = (branch_model(name, tokens) for tokens in (False, True))
    assert without.tokens is None and without.mask is None
    assert given.tokens.shape == (None, TOKENS[name], 6) and given.mask.shape == (None, TOKENS[name])
    names = {layer.name for layer in plain.layers if layer.weights}
    paid = {layer.name for layer in full.layers if layer.weights} - names
    assert paid == {f"{name.split(',')[0]}_tokens"}, "tokens cost one layer, and only where they are asked for"
    stir(full, 0.3)
    for layer in plain.layers:
        if layer.weights:
            layer.set_weights(full.get_layer(layer.name).get_weights())
    kind = INPUTS[name.split(",")[0]]
    schema = Schema("one", {"x": kind}, {"y": Label(("a", "b"))})
    x = np.concatenate([random_samples(schema, 4)["x"], schema.missing()["x"][None]])
    one, other = plain(x, training=False), full(x, training=False)
    assert np.ptp(np.asarray(one["vector"]), axis=0).max() > 1e-4
    np.testing.assert_allclose(one["vector"], other["vector"], atol=1e-6)
    np.testing.assert_array_equal(one["present"], other["present"])
    assert np.isfinite(np.asarray(other["tokens"])).all() and not np.asarray(other["mask"])[-1].any()


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("name", BRANCHES)
def test_no_mask_of_keras_leaves_a_branch(name, tokens):
    model, features = branch_model(name, tokens)
    assert all(getattr(tensor, "_keras_mask", None) is None for tensor in features)
    kind = INPUTS[name.split(",")[0]]
    outputs = model(np.ones((2, *kind.shape), kind.dtype))
    assert all(getattr(tensor, "_keras_mask", None) is None for tensor in outputs.values())


def test_the_tokens_of_sensors_are_the_fields():
    """A change of one field changes one token; a missing one is masked."""
    model, _ = branch_model("sensors", True)
    stir(model, 0.3)
    rows = np.array([[50, 90, 1, 7000], [60, 90, 1, 7000], [50, 90, np.nan, 7000]], np.float32)
    found = {name: np.asarray(value) for name, value in model(rows).items()}
    changed = np.abs(found["tokens"][1:] - found["tokens"][0]).max(axis=2) > 1e-6
    assert changed.tolist() == [[True, False, False, False], [False, False, True, False]]
    assert found["mask"].tolist() == [[True] * 4, [True] * 4, [True, True, False, True]]


def test_field_tokens_reload(tmp_path):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, FieldTokens((2, 3), 4)(inputs))
    model.save(tmp_path / "tokens.keras")
    x = np.arange(10, dtype=np.float32).reshape(2, 5)
    found = model(x)
    kernel, bias = model.layers[1].get_weights()
    np.testing.assert_allclose(found[:, 1], x[:, 2:] @ kernel[2:] + bias[1], rtol=1e-5)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "tokens.keras")(x), found)


# Fusions -------------------------------------------------------------------------------------------------------------


class Gate:
    """A configured fusion of one's own, which takes tokens: the mean of all that can be seen, times a number."""

    takes_tokens = True

    def __init__(self, factor):
        self.factor = factor

    def __call__(self, features, head):
        tokens = ops.concatenate([f.tokens for f in features.values()], axis=1)
        seen = ops.cast(ops.concatenate([f.mask for f in features.values()], axis=1), "float32")
        return head(self.factor * ops.sum(tokens * seen[..., None], axis=1) / ops.sum(seen, axis=1, keepdims=True))


def by_vector(features, head):
    return head(next(iter(features.values())).vector)


def test_a_fusion_says_whether_it_takes_tokens():
    assert {name for name in FUSIONS if wants_tokens(name)} == {"transformer"}
    assert wants_tokens(Gate(2.0)) and wants_tokens(functools.partial(transformer_fusion, heads=2))
    assert not wants_tokens(by_vector)
    with pytest.raises(ValueError, match=r"fusion: expected one of \['attention', .*\] or a function, got 'glue'"):
        wants_tokens("glue")
    with pytest.raises(ValueError, match="fusion 'late': there is one of that name already, in mmzoo.fusion.late"):
        register_fusion("late")(by_vector)


def test_builders_pay_for_tokens_only_where_they_are_taken():
    for fusion, expected in (("attention", 0), ("transformer", 4)):
        model = mmzoo.build_road_sign_model(size="nano", fusion=fusion)
        assert sum(layer.name.endswith("_tokens") for layer in model.layers) == expected


@pytest.mark.parametrize(
    "fusion",
    [*FUSIONS, Gate(0.5), functools.partial(transformer_fusion, heads=2, expansion=1)],
    ids=[*FUSIONS, "an object", "a configured function"],
)
def test_every_fusion_takes_a_step_and_any_subset_missing(fusion):
    model = tiny_model(fusion, names=tuple(INPUTS), task_weights=True)
    samples = with_all_subsets_missing(model.schema)
    count = len(samples["text"])
    targets = {"kind": np.eye(3)[np.arange(count) % 3], "tags": np.zeros((count, 2)), "price": np.ones((count, 1))}
    before = [np.array(v) for v in model.trainable_variables]
    # Without tracing, which would take most of the time.
    model.compile("sgd", losses_for(model), run_eagerly=True)
    assert np.isfinite(model.train_on_batch(samples, targets)).all()
    changed = [not np.array_equal(a, b) for a, b in zip(before, model.trainable_variables, strict=True)]
    # Where an input is missing it has no say, and so its absent vector has none in `late`.
    assert np.mean(changed) > (0.8 if fusion != "late" else 0.7)
    outputs = run(stir(model), samples)
    assert_sound(model.schema, outputs)
    # Every input has its say, where no ReLU is silent.
    assert len(np.unique(np.round(np.concatenate([*outputs.values()], axis=1), 6), axis=0)) > 0.9 * count


@pytest.mark.parametrize("names", [(name,) for name in INPUTS], ids=str)
@pytest.mark.parametrize("fusion", ["late", "transformer"])
def test_a_single_input_will_do(names, fusion):
    model = stir(tiny_model(fusion, names, {"kind": OUTPUTS["kind"]}))
    outputs = run(model, with_all_subsets_missing(model.schema, 2))
    assert_sound(model.schema, outputs)


def test_late_is_the_mean_of_those_present():
    names = ("image", "text", "sensors")
    model = stir(tiny_model("late", names), 0.3)
    samples = with_all_subsets_missing(model.schema, 2)
    heads = {name: model.get_layer(f"head_kind_{name}").output for name in names}
    probe = keras.Model(model.input, heads | {"kind": model.output["kind"]})
    found = {name: np.asarray(value) for name, value in probe(samples, training=False).items()}
    given = np.stack(
        [samples["image"].any(axis=(1, 2, 3)), samples["text"].any(axis=1), ~np.isnan(samples["sensors"]).all(axis=1)]
    ).astype(float)
    given[:, ~given.any(axis=0)] = 1.0
    mean = sum(given[i][:, None] * found[name] for i, name in enumerate(names)) / given.sum(axis=0)[:, None]
    np.testing.assert_allclose(found["kind"], ops.softmax(mean), atol=1e-6)


def test_transformer_sees_no_hidden_token():
    """What stands in the padding, and in a missing input, changes nothing."""
    model = stir(tiny_model("transformer"), 0.3)
    layer = model.get_layer("fusion")
    node = layer._inbound_nodes[0]
    tokens, mask = node.arguments.args
    probe = keras.Model(model.input, {"tokens": tokens, "mask": mask})
    found = probe(with_all_subsets_missing(model.schema), training=False)
    rng = np.random.default_rng(0)
    tokens = {name: np.asarray(value) for name, value in found["tokens"].items()}
    mask = {name: np.asarray(value) for name, value in found["mask"].items()}
    assert all(seen[:, 0].all() for seen in mask.values()), "an input's vector is always visible"
    assert not any(seen[-1, 1:].any() for seen in mask.values()), "of the missing ones nothing else is"
    noise = {name: rng.normal(size=value.shape).astype(np.float32) for name, value in tokens.items()}
    other = {name: np.where(mask[name][..., None], tokens[name], noise[name]) for name in tokens}
    np.testing.assert_allclose(layer(tokens, mask), layer(other, mask), atol=1e-5)
    other = {name: np.where(mask[name][..., None], noise[name], tokens[name]) for name in tokens}
    assert np.abs(np.asarray(layer(tokens, mask)) - np.asarray(layer(other, mask))).max() > 1e-2


def test_a_fusion_without_tokens_or_with_other_outputs_is_named():
    schema = Schema("tiny", {"text": INPUTS["text"]}, {"kind": OUTPUTS["kind"]})
    features = {"text": BRANCHES["text"](keras_inputs(schema)["text"])}
    with pytest.raises(ValueError, match="takes tokens, but the branch of input 'text' gave none; build it with"):
        fuse(features, schema, "transformer")
    with pytest.raises(ValueError, match=r"expected logits of \['kind'\], got those of \['sort'\]"):
        fuse(features, schema, lambda features, head: {"sort": features["text"].vector})


# On the device and on other backends ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fusion", ["late", "transformer"])
def test_the_device_gives_the_same_whatever_is_missing(fusion, tmp_path):
    model = stir(mmzoo.build_road_sign_model(size="nano", fusion=fusion, seed=0))
    samples = with_all_subsets_missing(model.schema, 2)
    file = tmp_path / "model.tflite"
    write_litert(exportable(model), file)
    assert b"Flex" not in file.read_bytes()
    expected = run(model, samples)
    assert_sound(model.schema, expected)
    assert_same(model.schema, expected, LiteRTModel(file, model.schema)(samples), 1e-5)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_recurrences_run_on_the_device_rolled_and_unrolled(cell, tmp_path):
    """In texts and series, of both directions, with and without tokens: builtin operators, the same outputs."""
    motion = Series(4, (Number("speed", "m/s", 0, 9),))
    schema = Schema("plain", {"text": Text(5), "motion": motion}, {"kind": OUTPUTS["kind"]})
    for fusion in ("sum", "transformer"):
        inputs = keras_inputs(schema)
        common = {"cell": cell, "units": 4, "width": 6, "tokens": wants_tokens(fusion)}
        features = {
            "text": text_branch(inputs["text"], embedding=3, bidirectional=True, **common),
            "motion": series_branch(inputs["motion"], motion, name="motion", **common),
        }
        model = stir(schema_model(inputs, fuse(features, schema, fusion, seed=0), schema, "plain"))
        samples = with_all_subsets_missing(schema, 2)
        file = tmp_path / f"{fusion}.tflite"
        write_litert(exportable(model), file)
        assert b"Flex" not in file.read_bytes()
        assert_same(schema, run(model, samples), LiteRTModel(file, schema)(samples), 1e-5)
        assert_same(schema, run(model, samples), run(unrolled(model), samples), 1e-5)


def test_a_product_tells_what_no_sum_can():
    """Whether two inputs agree: four dense units over their product learn it, and each input keeps its own vector."""
    model = tiny_model("product", ("text", "sensors"), {"kind": OUTPUTS["kind"]})
    names = {layer.name for layer in model.layers}
    assert {"fusion_product_text_sensors", "fusion_tanh_text", "fusion_tanh_sensors", "fusion"} <= names
    assert model.get_layer("fusion").input.shape == (None, 18) and model.get_layer("fusion").output.shape == (None, 12)


RELOAD = """
import pathlib, sys
import mmzoo, numpy as np

for folder in map(pathlib.Path, sys.argv[1:]):
    model = mmzoo.load_model(folder / "model.keras")
    found = model.predict_on_batch(dict(np.load(folder / "inputs.npz")))
    np.savez(folder / "found.npz", **{name: np.asarray(value) for name, value in found.items()})
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_give_the_same(backend, elsewhere, tmp_path):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install mmzoo[{backend}]")
    models = {fusion: stir(tiny_model(fusion, ("text", "ngrams", "sensors"))) for fusion in ("late", "transformer")}
    if backend == "torch":
        models["shipped"] = mmzoo.load_model("road_sign_nano_gtsrb")
    samples = {name: with_all_subsets_missing(model.schema, 2) for name, model in models.items()}
    for name, model in models.items():
        (tmp_path / name).mkdir()
        model.save(tmp_path / name / "model.keras")
        np.savez(tmp_path / name / "inputs.npz", **samples[name])
    elsewhere[backend].begin(RELOAD, *(tmp_path / name for name in models)).finish()
    for name, model in models.items():
        found = dict(np.load(tmp_path / name / "found.npz"))
        assert_same(model.schema, run(model, samples[name]), found, 1e-5)


# Who is whose: attributes of layers ----------------------------------------------------------------------------------


def output_names(model):
    return {layer.name: layer.output_name for layer in model.layers if hasattr(layer, "output_name")}


@pytest.mark.parametrize("fusion", ["attention", "late"])
def test_layers_of_a_head_know_their_output(fusion, tmp_path):
    model = tiny_model(fusion, ("text", "sensors"), task_weights=True)
    names = [""] if fusion == "attention" else ["_text", "_sensors"]
    expected = {output: output for output in OUTPUTS} | {"head_price_scaling": "price"}
    expected |= {f"head_{output}{name}": output for output, name in itertools.product(OUTPUTS, names)}
    expected |= {f"head_{output}_uncertainty": output for output in OUTPUTS}
    if fusion == "late":
        expected |= {f"fusion_{output}": output for output in OUTPUTS}
    assert output_names(model) == expected
    model.save(tmp_path / "model.keras")
    for copy in (mmzoo.load_model(tmp_path / "model.keras"), exportable(model), unrolled(model)):
        assert output_names(copy) == expected
        assert set(float_layers(copy)) == set(float_layers(model)) >= {name for name in expected if name not in OUTPUTS}
    assert output_layer(model, "price", ValueScaling).name == "head_price_scaling"
    assert output_layer(model, "kind", ValueScaling) is None
    assert output_layer(model, "tags", TaskUncertainty).name == "head_tags_uncertainty"


def test_a_file_that_does_not_say_so_tells_by_its_graph():
    """As the files of mmzoo 0.1, and of models put together by hand."""
    model = tiny_model("attention", ("text", "sensors"), task_weights=True)
    config = model.get_config()
    del config["output_names"]
    old = SchemaModel.from_config(config)
    marked = output_names(model)
    assert output_names(old) == {name: output for name, output in marked.items() if name not in OUTPUTS}
    assert set(float_layers(old)) == set(float_layers(model))
    assert set(adapting_layers(old)) == set(adapting_layers(model)) == {"sensors", "price"}


def test_names_of_layers_do_not_matter():
    schema = Schema("tiny", {"road": INPUTS["sensors"], "sky": INPUTS["sensors"]}, {"price": OUTPUTS["price"]})
    inputs = keras_inputs(schema)
    x = [SensorEncoder(FIELDS, name=name)(inputs[of]) for name, of in (("sky_encoder", "road"), ("second", "sky"))]
    x = keras.layers.Dense(1, name="last")(keras.layers.Dense(4, name="head_of_state")(keras.layers.Concatenate()(x)))
    model = schema_model(inputs, {"price": ValueScaling(name="scale")(x)}, schema, "tiny")
    assert {name: [layer.name for layer in found] for name, found in adapting_layers(model).items()} == {
        "road": ["sky_encoder"],
        "sky": ["second"],
        "price": ["scale"],
    }
    assert set(float_layers(model)) == {"sky_encoder", "second", "last", "scale"}
    assert inputs_of(model.get_layer("last")) == {"road", "sky"}


def test_what_reads_a_bag_of_words_stays_float():
    model = tiny_model("sum", ("ngrams", "text"), {"kind": OUTPUTS["kind"]})
    assert set(float_layers(model)) == {
        "ngrams_ngrams",
        "ngrams_ngrams_vector",
        "modality_dropout",
        "head_dropout",
        "head_kind",
    }


def test_the_sensitive_layers_are_the_ends_of_the_branches():
    model = tiny_model("sum", tuple(INPUTS), {"kind": OUTPUTS["kind"]})
    patterns = ("*_stem*", "*_block1_*", "*_vector", "image_standardization", "audio_spectrogram", "audio_picture")
    expected = {layer.name for layer in model.layers if any(fnmatch.fnmatch(layer.name, p) for p in patterns)}
    assert set(sensitive_layers(model)) == expected >= {"image_block1_relu", "audio_block1_shortcut", "text_vector"}


def test_shipped_bundles_say_what_they_said():
    bundles = shipped_bundles("road_sign")
    assert {(bundle.size, bundle.weights) for bundle in bundles} >= {("nano", "gtsrb"), ("small", "rendered")}
    model = mmzoo.load_model(bundles[0].path)
    assert set(float_layers(model)) == {
        "image_standardization",
        "location_encoder",
        "road_condition_encoder",
        "modality_dropout",
        "fusion",
        "head_sign",
    }
    assert set(adapting_layers(model)) == {"location", "road_condition"}


# Bundles by their exact name -----------------------------------------------------------------------------------------


def test_no_model_is_taken_for_another_whose_name_begins_alike(tmp_path, monkeypatch):
    for folder, model in (
        ("cat_small_web", "cat"),
        ("cat_dog_small_web", "cat_dog"),
        ("cat_dog_small_web_2", "cat_dog"),
        ("cat_small_dog_small_web", "cat_small_dog"),
    ):
        schema = Schema(model, {"text": INPUTS["text"]}, {"kind": OUTPUTS["kind"]})
        (tmp_path / folder).mkdir()
        schema.save(tmp_path / folder / "schema.json")
    monkeypatch.setattr("mmzoo.bundles.saved_models_dir", lambda: tmp_path)

    def names(model):
        return [(bundle.path.name, bundle.size, bundle.weights) for bundle in shipped_bundles(model)]

    assert names("cat") == [("cat_small_web", "small", "web")]
    assert names("cat_dog") == [("cat_dog_small_web", "small", "web"), ("cat_dog_small_web_2", "small", "web_2")]
    assert names("cat_small_dog") == [("cat_small_dog_small_web", "small", "web")]
    assert len(shipped_bundles()) == 4 and not names("dog")

    from mmzoo.models.parts.pretrained import pretrained_path

    assert pretrained_path("web", "cat", "small") == tmp_path / "cat_small_web"
    for weights, model in (("dog_small_web", "cat"), ("small_web", "cat_dog")):
        with pytest.raises(ValueError, match=rf"not among the pretrained weights of {model} small: \['web'"):
            pretrained_path(weights, model, "small")

    schema.save(tmp_path / "cat_small_web" / "schema.json")
    with pytest.raises(ValueError, match="cat_small_web: expected a folder called cat_small_dog_<size>_<weights>"):
        shipped_bundles()
