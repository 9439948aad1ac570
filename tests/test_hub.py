"""Backbones of keras-hub: branches, presets, fine-tuning, files and export, on tiny presets that the tests write."""

from __future__ import annotations

import json
import shutil
import time

import keras
import numpy as np
import pytest
from hub_presets import SIZE, WORDS, lively, write_image_preset, write_text_preset
from zoo_harness import assert_same, assert_sound, run, with_missing

import mmzoo
from mmzoo import presets
from mmzoo.branches import hub_image_branch, hub_text_branch, sensor_branch
from mmzoo.exporting import bundle as bundle_module
from mmzoo.exporting.litert import LiteRTModel, check_builtin
from mmzoo.exporting.probes import calibration_samples, random_samples
from mmzoo.exporting.static_int8 import prepare_static_int8, why_not_int8
from mmzoo.exporting.unrolled import exportable, unrolled
from mmzoo.fusion import fuse
from mmzoo.layers import HubBackbone
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.presets import PresetError, image_size_for_preset, is_preset, load_backbone, text_for_preset
from mmzoo.schema import Category, Image, Label, Number, Schema, Sensors, Text
from mmzoo.training.optimizer import adamw
from mmzoo.training.plan import copy_of

keras_hub = pytest.importorskip("keras_hub")

SENSORS = Sensors((Number("speed", "km/h", 0, 100), Category("road", ("town", "country"))))
LENGTH = 12

# Runs in a fresh process: what loads without keras-hub, then the model in a folder.
_RELOAD = """
import pathlib, sys
import mmzoo, mmzoo.branches, mmzoo.layers, mmzoo.models.schema_model, mmzoo.presets, keras, numpy as np

assert "keras_hub" not in sys.modules
folder = pathlib.Path(sys.argv[1])
model = mmzoo.load_model(folder / "model.keras")
assert "keras_hub" in sys.modules
outputs = model.predict_on_batch(dict(np.load(folder / "inputs.npz")))
weights = {f"weight{i}": w for i, w in enumerate(model.get_weights())}
np.savez(folder / f"{keras.backend.backend()}.npz", sign=outputs["sign"], **weights)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Presets by name: bert, distil_bert, electra, mobilenet, vit, gpt2."""
    root = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(0)
    for family in ("bert", "distil_bert", "electra"):
        write_text_preset(root / family, family)
    write_image_preset(root / "mobilenet")
    vit = keras_hub.models.ViTBackbone((SIZE, SIZE, 3), 8, num_layers=1, num_heads=2, hidden_dim=16, mlp_dim=16)
    lively(vit).save_to_preset(root / "vit")
    keras_hub.layers.ViTImageConverter(scale=1 / 127.5, offset=-1.0).save_to_preset(root / "vit")
    gpt2 = keras_hub.models.GPT2Backbone(4, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4)
    gpt2.save_to_preset(root / "gpt2")
    pieces = {"<|endoftext|>": 0, "a": 1, "b": 2, "ab": 3}
    keras_hub.models.GPT2Tokenizer(vocabulary=pieces, merges=["a b"]).save_to_preset(root / "gpt2")
    return root


def build(folder, text="bert", image="mobilenet", text_finetune="frozen", image_finetune="frozen"):
    """A model of a text, an image and sensors; None leaves one out."""
    keras.utils.set_random_seed(0)
    inputs = {
        # Not what `text_for_preset` gives, since a branch does not care where its ids come from.
        **({"text": Text(LENGTH)} if text else {}),
        **({"image": Image(SIZE, SIZE)} if image else {}),
        "place": SENSORS,
    }
    schema = Schema("hub", inputs, {"sign": Label(("a", "b", "c"))})
    tensors = keras_inputs(schema)
    features = {"place": sensor_branch(tensors["place"], SENSORS, width=16, units=8, name="place")}
    if text:
        features["text"] = hub_text_branch(
            tensors["text"], folder / text, finetune=text_finetune, lora_rank=2, width=16
        )
    if image:
        features["image"] = hub_image_branch(
            tensors["image"], folder / image, finetune=image_finetune, lora_rank=2, width=16
        )
    outputs = fuse(features, schema, "concat", dropout=0, seed=0)
    return schema_model(tensors, outputs, schema, "hub")


def learned(model):
    """As after a training: decided answers, and LoRA factors that have their say."""
    rng = np.random.default_rng(1)
    for variable in model.weights:
        if variable.name == "lora_kernel_b":
            variable.assign(rng.normal(0, 0.2, variable.shape))
    model.get_layer("head_sign").kernel.assign(10 * model.get_layer("head_sign").kernel)
    return model


@pytest.fixture(scope="module")
def lora(folder):
    """Text and image with LoRA factors, not to be changed."""
    return learned(build(folder, text_finetune="lora", image_finetune="lora"))


@pytest.fixture(scope="module")
def samples(lora):
    """Some samples, then every subset of the inputs missing."""
    return with_missing(lora.schema, random_samples(lora.schema, 16, seed=2))


# Branches ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert", "distil_bert", "electra"])
def test_text_is_what_the_preset_gives_and_padding_has_no_say(folder, family):
    ids = np.array([[2, 5, 6, 7, 3], [2, 9, 3, 0, 0], [0, 0, 0, 0, 0]], np.int32)
    longer = np.pad(ids, ((0, 0), (0, 7)))
    found, weights = [], None
    for array in (ids, longer):
        tensor = keras.Input(array.shape[1:], dtype="int32")
        model = keras.Model(tensor, hub_text_branch(tensor, folder / family, width=16, tokens=True)._asdict())
        if weights:
            model.set_weights(weights)
        weights = model.get_weights()
        found.append({name: np.asarray(value) for name, value in model(array, training=False).items()})
    short, long = found
    assert short["tokens"].shape == (3, 5, 16) and short["mask"].tolist() == (ids != 0).tolist()
    assert short["present"].tolist() == [[True], [True], [False]]
    assert all(np.isfinite(short[name]).all() for name in ("tokens", "vector"))
    assert not short["vector"][2].any()
    np.testing.assert_allclose(long["vector"], short["vector"], atol=1e-5)

    own = load_backbone(folder / family)
    given = {"token_ids": ids, "padding_mask": (ids != 0).astype("int32"), "segment_ids": np.zeros_like(ids)}
    states = own({name: given[name] for name in own.input})
    states = np.asarray(states["sequence_output"] if isinstance(states, dict) else states)
    expected = states @ weights[-2] + weights[-1]
    np.testing.assert_allclose(short["tokens"][:2][ids[:2] != 0], expected[:2][ids[:2] != 0], atol=1e-5)
    np.testing.assert_allclose(short["vector"][1], expected[1, :3].mean(0), atol=1e-5)


@pytest.mark.parametrize("name", ["mobilenet", "vit"])
def test_image_is_scaled_as_the_preset_says(folder, name):
    pixels = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3)).astype("uint8")
    pixels[1] = 0
    tensor = keras.Input(pixels.shape[1:], dtype="uint8", name="image")
    features = hub_image_branch(tensor, folder / name, width=8, tokens=True)
    model = keras.Model(tensor, features._asdict())
    found = model(pixels, training=False)
    assert found["tokens"].shape == (2, model.get_layer("image_tokens").output.shape[1], 8)
    assert np.asarray(found["present"]).tolist() == [[True], [False]]
    assert not np.asarray(found["mask"])[1].any() and np.asarray(found["mask"])[0].all()
    expected = load_backbone(folder / name)(presets.load_image_converter(folder / name)(pixels), training=False)
    expected = np.asarray(expected).reshape(2, -1, expected.shape[-1])
    kernel, bias = model.get_layer("image_vector").get_weights()
    np.testing.assert_allclose(found["vector"], expected.mean(1) @ kernel + bias, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["bert", "distil_bert", "mobilenet", "vit"])
def test_the_vector_is_the_same_without_tokens_and_no_mask_of_keras_leaves(folder, name):
    is_text = name in ("bert", "distil_bert")
    branch = hub_text_branch if is_text else hub_image_branch
    array = np.array([[2, 5, 3, 0], [0, 0, 0, 0]], np.int32)
    if not is_text:
        array = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3)).astype("uint8")
    tensor = keras.Input(array.shape[1:], dtype=array.dtype)
    vectors, weights = [], {}
    for tokens in (True, False):
        features = branch(tensor, folder / name, width=8, tokens=tokens)
        assert (features.tokens is not None) == (features.mask is not None) == tokens
        given = {name: each for name, each in features._asdict().items() if each is not None}
        model = keras.Model(tensor, given)
        outputs = model(array, training=False)
        for each in (*given.values(), *outputs.values()):
            assert getattr(each, "_keras_mask", None) is None
        weights = weights or {layer.name: layer.get_weights() for layer in model.layers}
        for layer in model.layers:
            layer.set_weights(weights[layer.name])
        vectors.append(np.asarray(model(array, training=False)["vector"]))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)


def test_grey_pictures_stand_in_for_coloured_ones(folder):
    grey = np.random.default_rng(0).integers(1, 256, (2, 20, 24, 1)).astype("uint8")
    vectors, weights = [], None
    for array in (grey, np.repeat(grey, 3, -1)):
        tensor = keras.Input(array.shape[1:], dtype="uint8")
        model = keras.Model(tensor, hub_image_branch(tensor, folder / "mobilenet", width=8).vector)
        if weights:
            model.set_weights(weights)
        weights = model.get_weights()
        vectors.append(np.asarray(model(array)))
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-5)


def test_missing_inputs_give_sound_outputs(lora, samples):
    assert_sound(lora.schema, run(lora, samples))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: (d / "model.weights.h5").unlink(), "doesn't exist in preset directory"),
        (lambda d: (d / "model.weights.h5").write_bytes(b"cut"), "can't be read as a preset.*not of one preset"),
        (lambda d: (d / "config.json").write_text("{"), "can't be read as a preset"),
        (
            lambda d: configured(d, num_layers=1),
            "its weights are of another network: .* arrays, where the BertBackbone",
        ),
        (lambda d: configured(d, hidden_dim=32), "can't be read as a preset"),
    ],
    ids=["incomplete", "cut", "no config", "larger", "wider"],
)
def test_a_preset_folder_that_is_not_whole_is_named(change, message, folder, tmp_path):
    shutil.copytree(folder / "bert", tmp_path / "bert")
    presets.load_backbone(tmp_path / "bert", load_weights=False)
    change(tmp_path / "bert")
    with pytest.raises(PresetError, match=f"{tmp_path}.*{message}"):
        presets.load_backbone(tmp_path / "bert")


def configured(folder, **changes):
    """Another architecture in a preset's config.json."""
    found = json.loads((folder / "config.json").read_text())
    found["config"].update(changes)
    (folder / "config.json").write_text(json.dumps(found))


def test_weights_and_network_of_all_kinds_have_as_many_arrays(folder):
    for name in ("bert", "distil_bert", "electra", "mobilenet", "vit"):
        presets.load_backbone(folder / name)


def test_a_vocabulary_that_does_not_fit_is_named(folder):
    schema = Schema("words", {"note": Text(8)}, {"sign": Label(("a", "b"))})
    (folder / "more").mkdir()
    shutil.copytree(folder / "bert", folder / "more", dirs_exist_ok=True)
    words = [*WORDS, *(f"more{i}" for i in range(200))]
    keras_hub.models.BertTokenizer(vocabulary=words, lowercase=True).save_to_preset(folder / "more")
    with pytest.raises(ValueError, match="input 'note': preset .*more.*knows 256 ids, the vocabulary .* has 260"):
        mmzoo.build_multimodal_model(schema, size="nano", text=folder / "more")


def test_branches_refuse_what_does_not_fit(folder):
    with pytest.raises(ValueError, match="reads at most 16 steps, the input 'text' has 17"):
        hub_text_branch(keras.Input((17,), dtype="int32"), folder / "bert")
    with pytest.raises(ValueError, match="ViTBackbone.*expected a text encoder"):
        hub_text_branch(keras.Input((8,), dtype="int32"), folder / "vit")
    with pytest.raises(ValueError, match="BertBackbone.*expected pictures"):
        hub_image_branch(keras.Input((8, 8, 3), dtype="uint8"), folder / "bert")
    with pytest.raises(ValueError, match=r"takes pictures of \(16, 16, 3\).*image_size_for_preset"):
        hub_image_branch(keras.Input((24, 24, 3), dtype="uint8"), folder / "vit")
    with pytest.raises(ValueError, match=r"finetune: expected one of \['frozen', 'lora', 'full'\], got 'freeze'"):
        hub_text_branch(keras.Input((8,), dtype="int32"), folder / "bert", finetune="freeze")
    with pytest.raises(ValueError, match="lora_rank"):
        hub_text_branch(keras.Input((8,), dtype="int32"), folder / "bert", finetune="lora", lora_rank=0)


# Training ------------------------------------------------------------------------------------------------------------


def _fitted(model):
    """Layer name -> names of its weights that a training has changed."""
    batch = random_samples(model.schema, 32, seed=3)
    before = {layer.name: layer.get_weights() for layer in model.layers}
    mmzoo.fit(model, (batch, {"sign": np.arange(32) % 3}), epochs=2, batch_size=16, seed=0, verbose=0)
    return {
        layer.name: [
            v.path for v, old in zip(layer.weights, before[layer.name], strict=True) if not np.array_equal(v, old)
        ]
        for layer in model.layers
    }


def test_fit_changes_lora_factors_and_no_frozen_weight(folder):
    model = build(folder, text_finetune="lora")
    changed = _fitted(model)
    assert changed["head_sign"] and changed["text_vector"] and changed["image_vector"]
    assert not changed["image_backbone"]
    # Two factors of two projections in two layers.
    assert len(changed["text_backbone"]) == 8
    assert {path.split("/")[-2] for path in changed["text_backbone"]} == {"query", "value"}
    assert all("lora_kernel" in path for path in changed["text_backbone"])


def test_fit_trains_all_where_asked_to(folder):
    model = build(folder, image_finetune="full")
    changed = _fitted(model)
    assert not changed["text_backbone"]
    assert len(changed["image_backbone"]) == len(model.get_layer("image_backbone").weights)


def test_lora_of_a_network_without_attention(lora):
    learns = lora.get_layer("image_backbone").trainable_variables
    assert learns and {v.name for v in learns} == {"lora_kernel_a", "lora_kernel_b"}


def test_frozen_backbone_has_no_dropout_while_the_rest_trains(folder):
    tensor = keras.Input((8,), dtype="int32")
    ids = random_samples(Schema("s", {"text": Text(8)}, {"y": Label(("a",))}), 4, seed=0)["text"] % 50 + 5
    for finetune, same in (("frozen", True), ("full", False)):
        model = keras.Model(tensor, hub_text_branch(tensor, folder / "bert", finetune=finetune).vector)
        first, second = (np.asarray(model(ids, training=True)) for _ in range(2))
        assert np.array_equal(first, second) == same


def test_optimizer_spares_pretrained_weights(folder, lora):
    model = build(folder, image=None, text_finetune="full")
    optimizer = adamw(model, 1.0, weight_decay=0.1)
    optimizer.build(model.trainable_variables)
    text = model.get_layer("text_backbone")
    assert not [v.path for v in text.trainable_variables if optimizer._use_weight_decay(v)]
    assert optimizer._use_weight_decay(model.get_layer("text_vector").kernel)
    before = [np.array(v) for v in model.trainable_variables]
    optimizer.apply([keras.ops.ones_like(v) for v in model.trainable_variables], model.trainable_variables)
    inside = {id(v) for v in text.weights}
    for variable, old in zip(model.trainable_variables, before, strict=True):
        if optimizer._use_weight_decay(variable):
            old = 0.9 * old
        step = 0.01 if id(variable) in inside else 1.0
        np.testing.assert_allclose(old - np.array(variable), step, rtol=1e-3, atol=1e-5, err_msg=variable.path)

    # Factors decay as kernels do; biases of attention, which are matrices, don't.
    optimizer = adamw(lora, 1.0, weight_decay=0.1)
    optimizer.build(lora.trainable_variables)
    inside = [v for name in ("image", "text") for v in lora.get_layer(f"{name}_backbone").trainable_variables]
    assert set(optimizer._factors) == {optimizer._var_key(v) for v in inside} != set()
    factors = [v for v in lora.trainable_variables if "lora_kernel" in v.name]
    assert factors and all(optimizer._use_weight_decay(v) for v in factors)
    assert not adamw(build(folder, text=None), 1.0, weight_decay=0.1)._factors, "frozen: nothing is slowed down"


# Files ---------------------------------------------------------------------------------------------------------------


def test_copies_are_equal(lora, samples):
    expected = run(lora, samples)
    copy = copy_of(lora)
    assert [v.path for v in copy.trainable_variables] == [v.path for v in lora.trainable_variables]
    assert_same(lora.schema, expected, run(copy, samples), 1e-6)
    for merged in (exportable(lora), unrolled(lora)):
        assert not [v.path for v in merged.weights if "lora" in v.name]
        assert merged.get_layer("text_backbone").finetune == "frozen"
        assert_same(lora.schema, expected, run(merged, samples), 1e-5)
    assert lora.get_layer("text_backbone").finetune == "lora"


def test_keras_file_holds_everything_also_for_jax(folder, lora, samples, another, tmp_path):
    lora.save(tmp_path / "model.keras")
    np.savez(tmp_path / "inputs.npz", **samples)
    # No preset is to be looked for when a file is loaded.
    moved = folder.rename(folder.with_name("moved"))
    try:
        another("jax").begin(_RELOAD, tmp_path).finish()
    finally:
        moved.rename(folder)
    found = dict(np.load(tmp_path / "jax.npz"))
    assert_same(lora.schema, run(lora, samples), found, 1e-5)
    # The factors too, or a training would not go on from them.
    for number, weight in enumerate(lora.get_weights()):
        np.testing.assert_array_equal(found[f"weight{number}"], weight)


def test_only_backbones_of_keras_hub_are_loaded():
    dense = keras.saving.serialize_keras_object(keras.layers.Dense(1))
    with pytest.raises(ValueError, match="expected one of keras-hub, got a Dense"):
        HubBackbone.from_config({"backbone": dense, "name": "x"})


# Export --------------------------------------------------------------------------------------------------------------


def test_export_of_text_and_image_with_lora(lora, tmp_path):
    drawn = random_samples(lora.schema, 48, seed=4)
    bundle = mmzoo.export(lora, tmp_path / "bundle", samples=[drawn])
    figures = bundle.parity["files"]
    assert "'text_backbone' is a transformer" in bundle.parity["left_out"]["model_int8.tflite"]
    assert "model_int8.tflite" not in figures
    worst = max(part["sign"]["max_difference"] for part in figures["model_float32.tflite"]["sets"].values())
    assert worst <= 1e-5
    assert figures["model_dynamic_int8.tflite"]["sets"]["real"]["sign"]["mean_difference"] <= 0.05
    reloaded = mmzoo.load_model(bundle.path)
    assert_same(lora.schema, run(lora, drawn), run(reloaded, drawn), 1e-5)


def test_export_of_image_gets_static_int8(folder, tmp_path):
    model = learned(build(folder, text=None))
    drawn = random_samples(model.schema, 32, seed=4)
    assert why_not_int8(model.schema, True, model) is None
    (tmp_path / "work").mkdir()
    prepare_static_int8(unrolled(model), calibration_samples(model.schema, drawn, 32), tmp_path / "work")
    # As an export converts it; its process is looked at in test_exporting.py.
    with bundle_module.StaticInt8(tmp_path / "work") as child:
        child.write(tmp_path / "int8.tflite")
    check_builtin(tmp_path / "int8.tflite")
    found = LiteRTModel(tmp_path / "int8.tflite", model.schema)(drawn)["sign"]
    assert np.abs(found - run(model, drawn)["sign"]).max(1).mean() <= 0.03


def test_image_transformers_get_no_static_int8(folder):
    model = build(folder, text=None, image="vit")
    assert "'image_backbone' is a transformer" in why_not_int8(model.schema, True, model)
    assert why_not_int8(model.schema, True) is None


# Presets -------------------------------------------------------------------------------------------------------------


def test_text_for_preset(folder):
    expected = Text(9, tokenizer="wordpiece", vocabulary=WORDS, lowercase=True, start="[CLS]", end="[SEP]")
    assert text_for_preset(folder / "bert", 9) == expected
    assert text_for_preset(str(folder / "distil_bert"), 9) == expected


def test_tokenizers_without_a_twin_are_refused(folder, tmp_path):
    with pytest.raises(ValueError, match=r"has a GPT2Tokenizer; supported are presets with word pieces \(BERT.*twin"):
        text_for_preset(folder / "gpt2", 9)
    write_text_preset(tmp_path / "accents", "bert", strip_accents=True)
    with pytest.raises(ValueError, match="strip_accents=True; the device's twin does False only"):
        text_for_preset(tmp_path / "accents", 9)
    write_text_preset(tmp_path / "order", "bert", vocabulary=[*WORDS[1:], WORDS[0]])
    with pytest.raises(ValueError, match=r"id 0 is '\[UNK\]'; expected '\[PAD\]'"):
        text_for_preset(tmp_path / "order", 9)


def test_image_size_for_preset(folder, tmp_path):
    assert image_size_for_preset(folder / "mobilenet") == (SIZE, SIZE)
    with pytest.raises(ValueError, match="doesn't say which size"):
        image_size_for_preset(folder / "vit")
    shutil.copytree(folder / "mobilenet", tmp_path / "bare")
    (tmp_path / "bare" / "image_converter.json").unlink()
    with pytest.raises(PresetError, match="image_converter.json"):
        image_size_for_preset(tmp_path / "bare")


def test_short_names_are_names_of_keras_hub():
    known = set(keras_hub.models.Backbone.presets)
    assert set(presets.TEXT_PRESETS.values()) | set(presets.IMAGE_PRESETS.values()) <= known
    assert is_preset("bert") and is_preset("hf://a/b") and not is_preset("bytes")


def test_names_out_of_reach_say_so_and_do_not_hang(tmp_path, monkeypatch):
    import kagglehub

    def refuse(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(kagglehub, "model_download", refuse)
    with pytest.raises(
        PresetError, match=r"'bert' \(bert_tiny_en_uncased\).*no route to host.*path of a preset's folder"
    ):
        load_backbone("bert")
    with pytest.raises(PresetError, match="no_such_model.*Unknown preset.*short names are"):
        text_for_preset("no_such_model", 9)
    with pytest.raises(PresetError, match="no config.json"):
        load_backbone(tmp_path)

    monkeypatch.setattr(kagglehub, "model_download", lambda *_: time.sleep(5))
    monkeypatch.setattr(presets, "ANSWER_SECONDS", 0.2)
    start = time.perf_counter()
    with pytest.raises(PresetError, match="no answer within"):
        load_backbone("resnet")
    assert time.perf_counter() - start < 4
