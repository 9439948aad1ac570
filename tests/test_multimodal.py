"""The builder for own data: every kind of input and output, texts and pictures read in every way, files, export."""

from __future__ import annotations

import dataclasses
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from zoo_harness import (
    RELOAD,
    assert_same,
    assert_sound,
    raw_samples,
    raw_tensors,
    run,
    stir,
    wav,
    with_missing,
)

import mmzoo
from mmzoo import edge
from mmzoo.exporting.litert import LiteRTModel, check_builtin, write_litert
from mmzoo.exporting.parity import FLOAT_BOUND, INT8_MEAN_BOUND
from mmzoo.exporting.probes import random_samples, subsets_of_inputs
from mmzoo.exporting.unrolled import exportable
from mmzoo.models.multimodal import SIZES, build_multimodal_model
from mmzoo.models.parts import pretrained
from mmzoo.models.parts.text_choice import NGRAM_STEPS
from mmzoo.presets import PresetError
from mmzoo.schema import (
    Angle,
    Audio,
    Category,
    Date,
    Image,
    Label,
    MultiLabel,
    Noise,
    Number,
    Schema,
    Sensors,
    Text,
    Value,
)
from mmzoo.training.objectives import losses_for

YES_NO = Label(("yes", "no"))
SENSORS = Sensors(
    (Number("weight", "kg", 0, 9), Angle("heading"), Category("maker", ("ACME", "Ajax", "Äon")), Date("made"))
)
SCHEMA = Schema(
    "things",
    {
        "photo": Image(10, 16),
        "title": Text(12),
        "note": Text(6),
        "sensors": SENSORS,
        "sound": Audio(300, 4000),
    },
    {
        "kind": Label(("lamp", "towel", "book")),
        "tags": MultiLabel(("new", "red")),
        "height": Value("m", 0.0, 3.0),
        "price": Value("EUR", 1.0, 1000.0, "log"),
    },
)
PIECES = ("[PAD]", "[UNK]", "stop", "lamp", "##s")


def build(schema=SCHEMA, **arguments):
    text = {"title": "ngrams"} if "title" in schema.inputs else None
    return build_multimodal_model(schema, **{"size": "nano", "text": text, "seed": 0, **arguments})


def one(modality, name="x", outputs=None):
    """A schema of one input."""
    return Schema("one", {name: modality}, outputs or {"y": YES_NO})


def data(schema, count=32, seed=1):
    """Inputs and targets; the targets hang on nothing."""
    rng = np.random.default_rng(seed)
    targets = {
        Label: lambda kind: rng.integers(0, len(kind.classes), count),
        MultiLabel: lambda kind: rng.integers(0, 2, (count, len(kind.classes))),
        Value: lambda kind: rng.uniform(kind.minimum, kind.maximum, count),
    }
    return random_samples(schema, count, seed), {
        name: targets[type(kind)](kind) for name, kind in schema.outputs.items()
    }


def step(model, **arguments):
    """Trains for a step; the share of the trainable weights that it changed."""
    before = [np.array(variable) for variable in model.trainable_variables]
    history = mmzoo.fit(model, data(model.schema), epochs=1, batch_size=32, verbose=0, seed=0, **arguments)
    assert np.isfinite(history.history["loss"]).all()
    after = [np.array(variable) for variable in model.trainable_variables]
    assert all(np.isfinite(values).all() for values in after)
    return np.mean([not np.array_equal(*pair) for pair in zip(before, after, strict=True)])


@pytest.fixture(scope="module")
def trained():
    """(a model of all kinds after a step of training, the share of weights that changed); not to be changed."""
    model = build()
    changed = step(model)
    return stir(model, scale=0.05), changed


@pytest.fixture(scope="module")
def inputs(trained):
    """Samples, every subset of the inputs missing, and every field."""
    return with_missing(trained[0].schema, random_samples(trained[0].schema, 8, seed=2))


@pytest.fixture(scope="module")
def folders(trained, inputs, elsewhere, tmp_path_factory):
    """The model as a file, the same compiled, and the jobs of the processes that load them on two backends."""
    root = tmp_path_factory.mktemp("files")
    for name in ("plain", "compiled"):
        (root / name).mkdir()
        np.savez(root / name / "inputs.npz", **inputs)
        trained[0].save(root / name / "model.keras")
    copy = build(seed=1)
    copy.set_weights(trained[0].get_weights())
    copy.compile("sgd", loss=losses_for(copy))
    copy.save(root / "compiled" / "model.keras")
    names = {"tensorflow": ("plain", "compiled"), "jax": ("plain",)}
    return root, {
        backend: elsewhere[backend].begin(RELOAD, *(root / name for name in own)) for backend, own in names.items()
    }


@pytest.fixture(scope="module")
def bundle(trained, folders, tmp_path_factory):
    model = trained[0]
    return mmzoo.export(model, tmp_path_factory.mktemp("export") / "things", samples=[data(model.schema, seed=3)])


# One schema with all kinds -------------------------------------------------------------------------------------------


def test_inputs_and_outputs_are_the_schemas(trained):
    model = trained[0]
    assert model.schema == SCHEMA.with_inputs(title=model.schema["title"])
    assert {n: (t.shape[1:], t.dtype) for n, t in model.input.items()} == {
        n: (m.shape, m.dtype) for n, m in model.schema.inputs.items()
    }
    assert {n: (t.shape, t.dtype) for n, t in model.output.items()} == {
        n: ((None, *kind.shape), "float32") for n, kind in SCHEMA.outputs.items()
    }


def test_a_step_trains_all_of_it_and_sets_the_scales(trained):
    model, changed = trained
    assert changed > 0.8
    _, targets = data(model.schema)
    for name, scaled in (("height", targets["height"]), ("price", np.log(targets["price"]))):
        mean, deviation = model.get_layer(f"head_{name}_scaling").get_weights()
        assert mean == pytest.approx(scaled.mean(), rel=1e-4) and deviation == pytest.approx(scaled.std(), rel=1e-4)


@pytest.mark.parametrize("fusion", ["attention", "concat", "sum"])
def test_every_fusion_and_every_subset_of_missing_inputs(fusion, trained, inputs):
    model = trained[0]
    if fusion != "attention":
        model = stir(build(fusion=fusion), scale=0.05)
    outputs = run(model, inputs)
    assert_sound(model.schema, outputs)
    # Every input has its say: no two subsets give the same.
    count = len(subsets_of_inputs(model.schema))
    subsets = np.concatenate([values[8 : 8 + count] for values in outputs.values()], axis=1)
    assert len(np.unique(np.round(subsets, 6), axis=0)) == count == 32


def test_sizes_hold_what_the_docstring_says():
    parameters = {
        size: {
            prefix: sum(layer.count_params() for layer in model.layers if layer.name.startswith(prefix))
            for prefix in ("photo_", "title_embedding")
        }
        for size, model in ((size, build(one_photo(), size=size)) for size in SIZES)
    }
    limits = {"nano": (45_000, 64_008), "small": (230_000, 1_024_016), "base": (870_000, 2_048_032)}
    for size, (photo, embedding) in limits.items():
        assert parameters[size]["photo_"] <= photo
        assert parameters[size]["title_embedding"] == embedding


def one_photo():
    return Schema("x", {"photo": Image(128, 128), "title": Text(4)}, {"y": YES_NO})


def test_small_builds_with_all_kinds():
    model = build(size="small", text="bytes", text_cell="lstm", learned_loss_weights=False, classifier_activation=None)
    assert not [layer.name for layer in model.layers if layer.name.endswith("_uncertainty")]
    outputs = run(model, random_samples(model.schema, 2, seed=0))
    assert not np.allclose(outputs["kind"].sum(axis=1), 1), "logits were asked for"


def test_the_seed_decides_the_weights_and_leaves_the_global_one_alone():
    import random

    random.seed(3)
    first, state = build(seed=5), random.getstate()
    random.seed(3)
    assert random.getstate() == state
    for same, other, arrays in zip(
        *(build(seed=seed).get_weights() for seed in (5, 6)), first.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(same, arrays)
        assert other.shape == arrays.shape
    assert any(not np.array_equal(a, b) for a, b in zip(build(seed=6).get_weights(), first.get_weights(), strict=True))
    assert first.get_layer("sound_spec_augment").seed == 5


# Weights -------------------------------------------------------------------------------------------------------------


def test_weights_of_a_file_and_a_new_head_for_other_outputs(trained, folders, inputs):
    model, file = trained[0], folders[0] / "plain" / "model.keras"
    same = build(weights=file, seed=9)
    assert_same(SCHEMA, run(model, inputs), run(same, inputs), 1e-6)
    other = build(Schema("things", SCHEMA.inputs, {"kind": Label(("a", "b")), "price": Value("USD")}), weights=file)
    for layer in other.layers:
        if layer.weights and not layer.name.startswith("head_"):
            for new, old in zip(layer.get_weights(), model.get_layer(layer.name).get_weights(), strict=True):
                np.testing.assert_array_equal(new, old, err_msg=layer.name)
    assert other.get_layer("head_kind").units == 2
    # The price is another one now, so its scale is the default.
    np.testing.assert_array_equal(other.get_layer("head_price_scaling").get_weights(), [0.0, 1.0])
    with pytest.raises(ValueError, match="layer 'fusion' has shapes.*built with the same size, fusion and classes"):
        build(weights=file, fusion="concat")


@pytest.mark.parametrize(
    ("name", "modality", "part"),
    [
        # The shapes are the same in all of them.
        (
            "sensors",
            Sensors((*SENSORS.fields[:2], Category("maker", ("Ajax", "ACME", "Äon")), Date("made"))),
            "field 2",
        ),
        ("sensors", Sensors((Number("weight", "lb", 0, 9), *SENSORS.fields[1:])), "field 0"),
        ("sensors", Sensors((Number("width", "kg", 0, 9), *SENSORS.fields[1:])), "field 0"),
        ("sound", Audio(300, 8000), "sample_rate"),
        ("note", Text(6, "ngrams", buckets=255), "tokenizer"),
    ],
)
def test_inputs_that_mean_something_else_are_no_longer_those_of_the_weights(name, modality, part):
    schema = Schema("things", {**SCHEMA.inputs, name: modality}, SCHEMA.outputs)
    with pytest.raises(ValueError, match=f"weights x.*input '{name}': {part}.* is not the one that was trained on"):
        pretrained._check_meaning(pathlib.Path("x"), SCHEMA, schema)


def test_weights_of_inputs_that_mean_something_else_are_refused(folders):
    sensors = Sensors((Number("weight", "lb", 0, 9), *SENSORS.fields[1:]))
    with pytest.raises(ValueError, match=r"weights .*model\.keras: input 'sensors': field 0.* is not the one"):
        build(SCHEMA.with_inputs(sensors=sensors), weights=folders[0] / "plain" / "model.keras")


def test_weights_serve_other_ranges_and_lengths(trained, folders, inputs):
    fields = (Number("weight", "kg", -5, 20), *SENSORS.fields[1:3], Date("made", "%d.%m.%Y"))
    schema = Schema("things", {**SCHEMA.inputs, "sensors": Sensors(fields), "note": Text(9)}, SCHEMA.outputs)
    longer = {**inputs, "note": np.pad(inputs["note"], ((0, 0), (0, 3)))}
    model = build(schema, weights=folders[0] / "plain" / "model.keras")
    assert_same(SCHEMA, run(trained[0], inputs), run(model, longer), 1e-5)


# Texts ---------------------------------------------------------------------------------------------------------------


def test_texts_are_read_as_asked_for():
    schema = SCHEMA.with_inputs(note=Text(6, "wordpiece", PIECES, lowercase=True))
    bytes_, pieces = Text(12), schema["note"]
    ngrams = Text(NGRAM_STEPS, "ngrams", buckets=SIZES["nano"].ngram_buckets, lowercase=True)
    for text, title, note in (
        (None, bytes_, pieces),
        ("bytes", bytes_, Text(6)),
        ("ngrams", ngrams, ngrams),
        ({}, bytes_, pieces),
        ({"title": "ngrams", "note": None}, ngrams, pieces),
        ({"note": "wordpiece"}, bytes_, pieces),
    ):
        model = build(schema, text=text)
        assert (model.schema["title"], model.schema["note"]) == (title, note), text
        names = {layer.name for layer in model.layers}
        for name, kind in (("title", title), ("note", note)):
            assert (f"{name}_ngrams" in names) == (kind.tokenizer == "ngrams")
            assert model.get_layer(f"{name}_embedding").input_dim == kind.vocabulary_size
    # A choice for all texts does no harm where there are none.
    assert build(one(SENSORS), text="wordpiece").schema == one(SENSORS)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("wordpiece", ValueError, r"no vocabulary of word pieces for 'title'.*wordpiece_text.*with_inputs"),
        ({"titel": "bytes"}, ValueError, r"text: 'titel' is no text input; there are \['title', 'note'\]"),
        ({"photo": "bytes"}, ValueError, "'photo' is no text input"),
        ("ngram", PresetError, r"'ngram' for 'title' is none of \['bytes', 'ngrams', 'wordpiece'\].*preset 'ngram'"),
    ],
)
def test_texts_that_can_not_be_read_so(text, error, message):
    with pytest.raises(error, match=message):
        build(text=text)


# keras-hub -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """Folders of a BERT and a MobileNet, tiny ones."""
    from hub_presets import write_image_preset, write_text_preset

    root = tmp_path_factory.mktemp("presets")
    write_text_preset(root / "bert", "bert")
    write_image_preset(root / "mobilenet")
    return root


def test_a_preset_reads_texts(presets, tmp_path):
    from hub_presets import WORDS

    schema = Schema("hub", {"title": Text(8), "note": Text(6)}, {"y": YES_NO})
    model = build(schema, text={"title": presets / "bert"}, finetune="lora", fusion="concat")
    assert model.schema["title"] == Text(8, "wordpiece", WORDS, lowercase=True, start="[CLS]", end="[SEP]")
    assert model.schema["note"] == schema["note"]
    # One factor of each pair is zero at first, and the other then gets no gradient.
    assert step(model) > 0.6
    raws = [{"title": "Stop! Give w1 ways", "note": "x"}, {"title": "w9", "note": "x"}, {}]
    expected = run(model, model.schema.encode_batch(raws))["y"]
    assert len(np.unique(expected.round(5), axis=0)) == 3

    write_litert(exportable(model), tmp_path / "text.tflite")
    check_builtin(tmp_path / "text.tflite")
    found = LiteRTModel(tmp_path / "text.tflite", model.schema)(model.schema.encode_batch(raws))["y"]
    np.testing.assert_allclose(found, expected, atol=FLOAT_BOUND)


def test_a_preset_reads_pictures(presets):
    model = build(one(Image(16, 16), "photo"), image=str(presets / "mobilenet"), finetune="lora")
    learns = {v.name for v in model.get_layer("photo_backbone").trainable_variables}
    assert learns == {"lora_kernel_a", "lora_kernel_b"}
    assert 0.5 < step(model) < 1


def test_presets_that_do_not_fit_are_said_with_the_input(presets, monkeypatch):
    with pytest.raises(ValueError, match="input 'title': .*reads at most 16 steps, the input 'title' has 17"):
        build(one(Text(17), "title"), text=presets / "bert")
    with pytest.raises(ValueError, match="text: input 'title': length: expected room"):
        build(one(Text(1), "title"), text=presets / "bert")
    with pytest.raises(ValueError, match="input 'title': .*expected a text encoder|text: .*'title'"):
        build(one(Text(8), "title"), text=presets / "mobilenet")
    with pytest.raises(ValueError, match="input 'photo': .*expected pictures"):
        build(one(Image(8, 8), "photo"), image=presets / "bert")


@pytest.mark.parametrize("name", ["densenet", "efficientnet", "mobilenet", "resnet", "vit"])
def test_short_names_of_image_presets_are_presets(name, monkeypatch):
    """keras.applications has modules of these names."""
    asked = []
    monkeypatch.setattr("mmzoo.branches.table.hub_image_branch", lambda *args, **_: asked.append(args[1]) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(one(Image(8, 8)), image=name)
    assert asked == [name]


# Edges ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (one(Image(20, 300)), {}),
        (one(Image(300, 20, 1)), {"image": "vgg"}),
        (one(Image(1, 1, 1)), {}),
        (one(Image(40, 40, 1)), {"image": "MobileNetV3Small"}),
        (one(Text(1)), {"size": "base", "text": None}),
        (one(Text(3)), {"text": "ngrams"}),
        (one(Audio(1, 8000)), {}),
        (one(Audio(5, 4000)), {"size": "base"}),
        (one(Sensors((Angle("a"),))), {}),
        (one(Sensors((Category("a", ("only",)),)), outputs={"y": Label(("only",))}), {}),
        (one(Sensors((Date("a"),)), outputs={"y": Value()}), {}),
        (one(Text(2), outputs={"y": Label(tuple(map(str, range(1000)))), "z": MultiLabel(("a",))}), {"text": None}),
    ],
    ids=lambda value: "" if isinstance(value, dict) else next(iter(map(str, value.inputs.values())))[:40],
)
def test_small_and_odd_inputs_and_outputs(schema, arguments):
    model = build(schema, **{"text": None, **arguments})
    outputs = run(model, with_missing(model.schema, random_samples(model.schema, 4, seed=0)))
    assert_sound(schema, outputs)


@pytest.mark.parametrize(
    ("schema", "arguments", "message"),
    [
        (SCHEMA, {"size": "huge"}, r"size: expected one of \['nano', 'small', 'base'\], got 'huge'"),
        (SCHEMA, {"fusion": "glue"}, "fusion: expected one of"),
        (SCHEMA, {"finetune": "freeze"}, r"finetune: expected one of \['frozen', 'lora', 'full'\], got 'freeze'"),
        (SCHEMA, {"text_cell": "mamba"}, "input 'title': cell: expected one of"),
        (SCHEMA, {"image": "seperable"}, "input 'photo': preset 'seperable'"),
        (SCHEMA, {"modality_dropout": {"foto": 0.1}}, "modality_dropout: unknown input 'foto'"),
        (SCHEMA, {"weights": "nowhere"}, "'nowhere' is no file"),
        (one(Image(2, 2), "photo"), {"image": "vgg"}, "input 'photo': "),
        (one(Audio(99, 1000), "sound"), {}, "input 'sound': bands: expected 2..16"),
    ],
)
def test_what_can_not_be_built_is_said(schema, arguments, message):
    with pytest.raises(ValueError, match=message):
        build(schema, **{"text": None, **arguments})


@pytest.mark.parametrize(
    "schema",
    [
        one(SENSORS, outputs={"fusion": YES_NO}),
        one(SENSORS).with_inputs(x_vector=SENSORS, modality_dropout=SENSORS),
        one(SENSORS, "oil temp/1", {"head_y": YES_NO, "y": YES_NO, "Y": YES_NO}),
    ],
)
def test_inputs_and_outputs_may_be_called_like_layers(schema):
    model = build(schema, text=None)
    names = [layer.name for layer in model.layers]
    assert len(set(names)) == len(names) and set(schema.to_tensors(schema.inputs)) <= set(names)
    arrays = schema.to_tensors(with_missing(schema, random_samples(schema, 4, seed=0)))
    outputs = schema.from_tensors({name: np.asarray(array) for name, array in model(arrays).items()})
    assert list(outputs) == list(schema.outputs)
    twin = build(schema, text=None)
    assert [layer.name for layer in twin.layers if layer.weights] == [
        layer.name for layer in model.layers if layer.weights
    ]


def test_a_kind_without_a_branch_is_said():
    with pytest.raises(TypeError, match="input 'film': no branch for the kind Noise; there is one for each .*'Text'"):
        build(one(Noise((3,)), "film"), text=None)


def test_a_schema_may_have_any_name():
    schema = dataclasses.replace(one(SENSORS), name="shop/2024 Ä")
    model = build(schema)
    assert model.schema.name == "shop/2024 Ä" and model.name == "shop_2024_A"


# Export --------------------------------------------------------------------------------------------------------------


def test_files_are_proven_equal_and_hold_no_flex_operator(bundle):
    litert = {"model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite"}
    assert litert | {"saved_model", "model.keras"} == set(bundle.parity["files"])
    for file, figures in bundle.parity["files"].items():
        for name, outputs in figures["sets"].items():
            for output, figure in outputs.items():
                assert figure["finite"], (file, name, output)
                assert "int8" in file or figure["max_difference"] <= FLOAT_BOUND, (file, name, output)
        if "int8" in file:
            assert all(figure["mean_difference"] <= INT8_MEAN_BOUND for figure in figures["sets"]["real"].values())
    for file in litert:
        assert b"Flex" not in (bundle.path / file).read_bytes() and bundle.parity["files"][file]["operators"] > 0


def test_the_saved_model_takes_raw_inputs(bundle, trained):
    model = trained[0]
    raws = raw_samples(model.schema)
    expected = run(model, model.schema.encode_batch(raws))
    loaded = tf.saved_model.load(str(bundle.path / "saved_model"))
    found = loaded.signatures["serve"](**raw_tensors(model.schema, raws))
    assert_same(model.schema, expected, {name: value.numpy() for name, value in found.items()}, FLOAT_BOUND)


def test_the_edge_runtime_answers_raw_values(bundle, trained):
    device = edge.load(bundle.path)
    rng = np.random.default_rng(0)
    raw = {
        "photo": rng.integers(0, 256, (10, 16, 3)).astype(np.uint8),
        "title": "Große Lampe, rot",
        "note": "nur 1 da",
        "sensors": {"weight": 2.5, "heading": 350.0, "maker": "Äon", "made": "2024-02-29"},
        "sound": wav(0.3 * np.sin(np.arange(300) / 3), 4000),
    }
    for sample in (raw, {"title": raw["title"]}, {"sensors": {"made": "2024-02-29"}}, {}):
        expected, found = mmzoo.predict(trained[0], sample), device.predict(**sample)
        assert list(found) == list(SCHEMA.outputs)
        for output in ("kind", "tags"):
            assert list(found[output]) == list(expected[output])
            np.testing.assert_allclose(list(found[output].values()), list(expected[output].values()), atol=FLOAT_BOUND)
        for output in ("height", "price"):
            assert found[output] == pytest.approx(expected[output], rel=1e-4)


# Last, since these jobs run alongside the export --------------------------------------------------------------------


@pytest.mark.parametrize(("backend", "name"), [("tensorflow", "plain"), ("tensorflow", "compiled"), ("jax", "plain")])
def test_a_fresh_process_reloads_it(backend, name, trained, folders, inputs):
    root, jobs = folders
    jobs[backend].finish()
    error = root / name / f"{backend}.error"
    assert not error.exists(), error.read_text()
    assert Schema.load(root / name / f"{backend}.schema.json") == trained[0].schema
    found = dict(np.load(root / name / f"{backend}.npz"))
    assert_same(SCHEMA, run(trained[0], inputs), found, 1e-6 if backend == "tensorflow" else 1e-5)
