"""The bundle: what is in it, that it equals the model, and that nothing is left behind where something goes wrong."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

import mmzoo
from mmzoo.branches import sensor_branch, text_branch
from mmzoo.bundles import find_bundle, shipped_bundles, verify
from mmzoo.exporting import ParityError, export, parity, static_int8
from mmzoo.exporting import bundle as bundle_module
from mmzoo.exporting.compact import compact
from mmzoo.exporting.equalization import equalized
from mmzoo.exporting.golden import encode_golden, golden_samples
from mmzoo.exporting.int8_layers import PoolingByConvolution, UnrolledGRU
from mmzoo.exporting.litert import LiteRTModel, check_builtin, write_litert
from mmzoo.exporting.probes import calibration_samples, probe_sets, random_samples, subsets_of_inputs
from mmzoo.exporting.ranges import least_error_range, narrowed, observed
from mmzoo.exporting.samples import collect_samples
from mmzoo.exporting.unrolled import exportable, unrolled
from mmzoo.fusion import fuse
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Category, Label, MultiLabel, Number, Schema, Sensors, Text, Value

LITERT = ("model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite")


@pytest.fixture(scope="module")
def model(nano):
    return nano


@pytest.fixture(scope="module")
def bundle(nano_bundle):
    return nano_bundle


@pytest.fixture(scope="module")
def probes(model):
    sets = probe_sets(model.schema, random_samples(model.schema, 16, seed=9), seed=9)
    return {name: np.concatenate([arrays[name] for arrays in sets.values()]) for name in model.schema.inputs}


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory):
    model = build_small_model()
    model.compile("sgd", dict.fromkeys(model.schema.outputs, "mse"))
    weights = model.get_weights()
    bundle = export(model, tmp_path_factory.mktemp("small") / "deep" / "bundle", card="# Mine\n")
    assert model.compiled, "the user's model is left as it was"
    assert all(map(np.array_equal, weights, model.get_weights()))
    return bundle


@pytest.fixture
def small_model():
    return build_small_model()


def build_small_model():
    """All kinds of outputs, converted in a second or two."""
    schema = Schema(
        "small",
        {"word": Text(4), "sensors": Sensors((Number("speed", "km/h", 0, 300), Category("road", ("a", "b", "c"))))},
        {"kind": Label(("x", "y", "z")), "tags": MultiLabel(("p", "q")), "price": Value("EUR")},
    )
    inputs = keras_inputs(schema)
    features = {
        "word": text_branch(inputs["word"], width=8, units=4, embedding=4, name="word"),
        "sensors": sensor_branch(inputs["sensors"], schema["sensors"], width=8, units=4, name="sensors"),
    }
    outputs = fuse(features, schema, "sum")
    return schema_model(inputs, outputs, schema, name="small")


# What is in the bundle ------------------------------------------------------------------------------------------------


def test_bundle_is_complete_and_alone(bundle, model):
    expected = {"schema.json", "model.keras", "saved_model", *LITERT, "parity.json", "CARD.md"}
    expected |= {"golden.npz", "golden.json", "SHA256SUMS"}
    assert set(bundle.files) == expected == {entry.name for entry in bundle.path.iterdir()}
    assert [entry.name for entry in bundle.path.parent.iterdir()] == [bundle.path.name]
    assert Schema.load(bundle.path / "schema.json") == model.schema
    assert json.loads((bundle.path / "parity.json").read_text()) == bundle.parity
    assert verify(bundle.path) == sum(path.is_file() for path in bundle.path.rglob("*")) - 2, "all but card and sums"


def test_keras_file_is_uncompiled_and_the_users_model_is_left_as_it_was(bundle, model, small_bundle):
    # That a compiled model stays compiled, and keeps its weights, the fixture has seen.
    assert not mmzoo.load_model(small_bundle.path).compiled
    loaded = mmzoo.load_model(bundle.path)
    assert not loaded.compiled and loaded.schema == model.schema
    for old, new in zip(model.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("file", LITERT)
def test_litert_file_is_builtin_named_and_equal(bundle, model, probes, file):
    from ai_edge_litert.interpreter import Interpreter

    signature = Interpreter(str(bundle.path / file)).get_signature_list()
    assert signature == {"serving_default": {"inputs": sorted(model.schema.inputs), "outputs": ["sign"]}}
    assert check_builtin(bundle.path / file) > 100
    wanted = model(probes, training=False)["sign"].numpy()
    found = LiteRTModel(bundle.path / file, model.schema)(probes)["sign"]
    difference = np.abs(found - wanted).max(axis=1)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    if file == "model_float32.tflite":
        assert difference.max() <= 1e-5
    else:
        assert 0 < difference.mean() < 0.05


def test_int8_still_reads_the_sensors(bundle, model):
    """With one scale for degrees, km/h and categories, or NaN rounded to a number, these would not follow the model."""
    raws = [{"location": {"speed": v, "road_class": road}} for v in (None, 5, 130) for road in ("service", None)]
    raws += [{"location": {"latitude": v}, "road_condition": {"surface": "ice"}} for v in (-80, 0, 48, None)]
    raws += [{"road_condition": {"visibility": metres, "weather": "fog"}} for metres in (10, 9000, None)]
    arrays = model.schema.encode_batch(raws)
    wanted = model(arrays, training=False)["sign"].numpy()
    found = LiteRTModel(bundle.path / "model_int8.tflite", model.schema)(arrays)["sign"]
    spread = np.abs(wanted - wanted.mean(axis=0)).max()
    assert np.abs(found - wanted).max() < 0.25 * spread


def test_int8_is_smaller(bundle):
    # The smallest model's text, unrolled over 32 steps, is more graph than weights; of the next size it is a share.
    for folder, dynamic, static in ((bundle.path, 0.6, 0.78), (find_bundle("road_sign_small_gtsrb"), 0.4, 0.45)):
        sizes = [(folder / file).stat().st_size for file in LITERT]
        assert sizes[1] < dynamic * sizes[0] and sizes[2] < static * sizes[0]


def test_int8_of_a_short_text_is_smaller_still(tmp_path):
    model = mmzoo.build_road_sign_model(size="nano", text_length=12, seed=3)
    files = [tmp_path / name for name in LITERT]
    write_litert(model, files[0], dynamic_int8=files[1])
    (tmp_path / "work").mkdir()
    calibration = calibration_samples(model.schema, random_samples(model.schema, 96, seed=5))
    static_int8.prepare_static_int8(unrolled(model), calibration, tmp_path / "work")
    with static_int8.StaticInt8(tmp_path / "work") as child:
        child.write(files[2])
    sizes = [file.stat().st_size for file in files]
    assert sizes[1] < 0.75 * sizes[0] and sizes[2] < 0.75 * sizes[0]


def test_int8_runs_in_few_pieces(bundle):
    """An operator in the middle of the network that XNNPACK doesn't know breaks it in two, and runs on slow code."""
    from ai_edge_litert.interpreter import Interpreter

    for folder in (bundle.path, *(shipped.path for shipped in shipped_bundles())):
        interpreter = Interpreter(str(folder / "model_int8.tflite"), num_threads=1)
        interpreter.allocate_tensors()
        names = [operator["op_name"] for operator in interpreter._get_ops_details()]
        assert "AVERAGE_POOL_2D" not in names, folder
        assert 1 <= names.count("DELEGATE") <= 6, folder


def test_shipped_int8_files_are_small():
    limits = {"nano": 300_000, "small": 750_000}
    for size, limit in limits.items():
        file = find_bundle(f"road_sign_{size}_gtsrb") / "model_int8.tflite"
        assert file.stat().st_size <= limit, file


def test_parity_record(bundle):
    assert set(bundle.parity["files"]) == {"model.keras", "saved_model", *LITERT}
    assert bundle.parity["main_set"] == "real" and bundle.parity["sets"]["real"] == 96
    assert bundle.parity["sets"]["missing_inputs"] == 16
    for file, record in bundle.parity["files"].items():
        assert set(record["sets"]) == set(bundle.parity["sets"])
        assert record["bytes"] > 0
        assert record["metrics"]["sign"]["keras"] == 1.0
        assert (record["metrics"]["sign"]["file"] == 1.0) or file in LITERT[1:]


def test_golden_vectors(bundle, model):
    with np.load(bundle.path / "golden.npz") as arrays:
        inputs = {name: arrays[f"input_{name}"] for name in model.schema.inputs}
        expected = arrays["expected_sign"]
    found = LiteRTModel(bundle.path / "model_float32.tflite", model.schema)(inputs)["sign"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    samples = json.loads((bundle.path / "golden.json").read_text(encoding="utf-8"))["samples"]
    assert len(samples) == len(expected)
    assert samples[0]["raw"] == {} and samples[0]["inputs"]["location"] == [None] * 5
    assert any("ü" in sample["raw"].get("text", "") for sample in samples)
    for i, sample in enumerate(samples):
        encoded = model.schema.encode(sample["raw"])
        for name in ("text", "location", "road_condition"):
            np.testing.assert_array_equal(encoded[name], inputs[name][i])
            numbers = [np.nan if v is None else v for v in sample["inputs"][name]]
            np.testing.assert_array_equal(np.asarray(numbers, encoded[name].dtype), encoded[name])


def test_card_has_the_contract(bundle):
    card = (bundle.path / "CARD.md").read_text(encoding="utf-8")
    for words in ("`text`", "int32 (1, 32)", "UTF-8 bytes", "uint8 (1, 32, 32, 3)", "km/h", "0 dry", "14 Stop"):
        assert words in card


def test_no_int8_file_for_a_reason_of_the_callers_own(small_model, tmp_path):
    samples = [random_samples(small_model.schema, 16, seed=0)]
    bundle = export(small_model, tmp_path / "bundle", samples=samples, no_int8="it loses too much")
    assert "model_int8.tflite" not in bundle.files and "model_dynamic_int8.tflite" in bundle.files
    assert bundle.parity["left_out"] == {"model_int8.tflite": "it loses too much"}
    assert "There is no model_int8.tflite: it loses too much." in (bundle.path / "CARD.md").read_text(encoding="utf-8")


def test_all_outputs_without_samples(small_bundle):
    bundle = small_bundle
    assert "model_int8.tflite" not in bundle.files
    assert "no samples" in bundle.parity["left_out"]["model_int8.tflite"]
    assert bundle.parity["main_set"] == "random"
    assert (bundle.path / "CARD.md").read_text() == "# Mine\n"
    figures = bundle.parity["files"]["model_float32.tflite"]["sets"]["extremes"]
    assert set(figures) == {"kind", "tags", "price"}
    assert all(figure["max_difference"] <= 1e-5 for figure in figures.values())


# The parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("cell", "bidirectional"), [("gru", True), ("lstm", False)])
def test_unrolled_gives_the_same(cell, bidirectional):
    model = mmzoo.build_road_sign_model(
        size="nano", text_length=4, text_cell=cell, text_bidirectional=bidirectional, seed=1, fusion="concat"
    )
    flat = unrolled(model)
    layer = flat.get_layer("text_bidirectional").forward_layer if bidirectional else flat.get_layer(f"text_{cell}")
    assert layer.unroll and isinstance(layer, UnrolledGRU) == (cell == "gru")
    pools = [layer for layer in flat.layers if isinstance(layer, keras.layers.AveragePooling2D)]
    assert pools and all(isinstance(layer, PoolingByConvolution) for layer in pools)
    inputs = random_samples(model.schema, 6)
    inputs["text"][0] = 0
    np.testing.assert_allclose(flat(inputs)["sign"], model(inputs)["sign"], atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"return_sequences": True},
        {"go_backwards": True, "return_sequences": True},
        {"use_bias": False},
        {"reset_after": False},
        {"recurrent_activation": "hard_sigmoid", "activation": "relu"},
        {"return_state": True},
    ],
    ids=str,
)
def test_unrolled_gru_is_kerass_gru(options):
    rng = np.random.default_rng(2)
    sequences = rng.normal(size=(4, 7, 3)).astype(np.float32)
    lengths = np.array([7, 3, 0, 5])[:, None]
    mask = np.arange(7) < lengths
    mask[0, 2] = False  # In the middle of a text as well.
    wanted = keras.layers.GRU(5, **options)
    wanted(sequences)
    wanted.set_weights([rng.normal(size=w.shape).astype(np.float32) for w in wanted.get_weights()])
    found = UnrolledGRU.from_config(wanted.get_config())
    found(sequences)
    found.set_weights(wanted.get_weights())
    for given in (None, mask):
        pairs = keras.tree.flatten(wanted(sequences, mask=given)), keras.tree.flatten(found(sequences, mask=given))
        for one, other in zip(*pairs, strict=True):
            np.testing.assert_allclose(other, one, atol=2e-6)


@pytest.mark.parametrize(
    ("size", "options", "convolution"),
    [
        ((8, 8), {"pool_size": 2}, True),
        ((8, 6), {"pool_size": 2, "padding": "same"}, True),
        ((9, 8), {"pool_size": 3, "strides": 2}, True),
        ((9, 9), {"pool_size": (3, 1), "strides": 3, "padding": "same"}, True),
        ((9, 9), {"pool_size": (3, 1), "strides": (3, 2), "padding": "same"}, False),
        ((9, 8), {"pool_size": 2, "padding": "same"}, False),
        ((8, 8), {"pool_size": 3, "strides": 2, "padding": "same"}, False),
    ],
)
def test_pooling_by_convolution_is_kerass_average_pooling(size, options, convolution, monkeypatch):
    images = np.random.default_rng(3).normal(size=(2, *size, 5)).astype(np.float32)
    wanted = keras.layers.AveragePooling2D(**options)(images)
    layer = PoolingByConvolution(**options)
    used = []
    depthwise = keras.ops.depthwise_conv
    monkeypatch.setattr(keras.ops, "depthwise_conv", lambda *a, **k: used.append(1) or depthwise(*a, **k))
    np.testing.assert_allclose(layer(images), wanted, atol=1e-6)
    assert bool(used) == convolution


def test_exportable_is_float32_and_uncompiled():
    try:
        keras.config.set_dtype_policy("mixed_float16")
        model = mmzoo.build_road_sign_model(size="nano", text_length=4, seed=1)
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "mse")
    copy = exportable(model)
    assert model.get_layer("image_vector").compute_dtype == "float16"
    assert copy.get_layer("image_vector").compute_dtype == copy.get_layer("text_gru").compute_dtype == "float32"
    assert not copy.compiled and copy.schema == model.schema


def test_why_not_int8():
    schema = mmzoo.road_sign_schema(text_length=64)
    assert static_int8.why_not_int8(schema, True) is None
    assert "no samples" in static_int8.why_not_int8(schema, False)
    assert "'text' has 65 steps" in static_int8.why_not_int8(mmzoo.road_sign_schema(text_length=65), True)


def test_float_layers(model):
    assert set(static_int8.float_layers(model)) >= {"location_encoder", "road_condition_encoder", "fusion"}
    assert "text_gru" in static_int8.float_layers(model, ["text_*"])
    with pytest.raises(ValueError, match="'txt' fits no layer"):
        static_int8.float_layers(model, ["txt"])


def test_calibration_covers_every_missing_pattern(model):
    schema = model.schema
    arrays = calibration_samples(schema, random_samples(schema, 20), count=16)
    missing = np.stack(
        [np.isnan(a).all(1) if a.dtype.kind == "f" else (a.reshape(len(a), -1) == 0).all(1) for a in arrays.values()]
    )
    assert len({tuple(column) for column in missing.T}) == len(subsets_of_inputs(schema)) == 16
    for name in ("location", "road_condition"):
        partly = np.isnan(arrays[name]) & ~np.isnan(arrays[name]).all(axis=1, keepdims=True)
        assert partly.any(axis=0).all()


def test_calibration_reaches_the_last_step_of_texts(model):
    """Where no text does, XNNPACK leaves the last steps to slow code, and a longer text is cut off on the device."""
    samples = random_samples(model.schema, 20)
    samples["text"][:, 4:] = 0
    longest = (calibration_samples(model.schema, samples, count=16)["text"] != 0).all(axis=1)
    assert longest.sum() >= 8
    samples["text"][:] = 0
    assert (calibration_samples(model.schema, samples, count=16)["text"] != 0).all(axis=1).any()


def test_the_range_of_least_error_leaves_outliers_out():
    values = np.random.default_rng(0).normal(size=20_000)
    counts = np.append(np.full(20_000, 100), [1, 1])
    low, high = least_error_range(np.append(values, [12.0, -8.0]), counts)
    assert -5 < low < -2.4 and 3.5 < high < 5
    evenly = np.linspace(0, 6, 1000)
    low, high = least_error_range(evenly, np.ones(1000))
    assert low == 0 and 5.8 < high <= 6
    # How often a value is there counts.
    low, high = least_error_range(np.array([0.5, 6.0]), np.array([10, 10_000]))
    assert high > 5.9
    assert least_error_range(np.zeros(3), np.ones(3)) == (0.0, 0.0)


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """A depthwise and a pointwise convolution with a ReLU and a depthwise one behind, channels of very unequal size:
    (the calibrated model's debugger, the samples)."""
    rng = np.random.default_rng(0)
    image = keras.Input((8, 8, 6), batch_size=1, name="image")
    x = keras.layers.DepthwiseConv2D(3, padding="same", name="first")(image)
    x = keras.layers.Conv2D(6, 1, activation="relu", name="second")(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", activation="relu6", name="third")(x)
    small = keras.Model({"image": image}, {"out": keras.layers.Conv2D(3, 1, name="fourth")(x)})
    sizes = np.array([0.05, 0.1, 0.3, 1.0, 5.0, 30.0], np.float32)
    kernel = small.get_layer("first").kernel
    kernel.assign(kernel * sizes[:, None])
    kernel = small.get_layer("second").kernel
    kernel.assign(kernel / sizes[:, None])
    samples = {"image": rng.normal(size=(64, 8, 8, 6)).astype(np.float32)}
    folder = str(tmp_path_factory.mktemp("calibrated"))
    small.export(folder, verbose=False)
    converter = tf.lite.TFLiteConverter.from_saved_model(folder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ({"image": array[None]} for array in samples["image"])
    return tf.lite.experimental.QuantizationDebugger(converter=converter), samples


def maps_of(content, samples):
    """Name of a feature map -> its values on all samples."""
    graph = flatbuffer_utils.read_model_from_bytearray(bytearray(content)).subgraphs[0]
    made = {int(index): graph.tensors[index].name.decode() for op in graph.operators for index in op.outputs}
    rows = list(observed(content, samples, list(made)))
    return {name: np.concatenate([row[index] for row in rows]) for index, name in made.items()}


def test_equalized_channels_are_equally_large_and_the_answers_the_same(calibrated):
    debugger, samples = calibrated
    before = maps_of(debugger.calibrated_model, samples)
    after = maps_of(equalized(debugger.calibrated_model, samples), samples)
    first, second, third, fourth = before
    np.testing.assert_allclose(after[fourth], before[fourth], rtol=1e-4, atol=1e-4)
    # ReLU6 is cut off at 6, so its channels can't be scaled.
    np.testing.assert_allclose(after[third], before[third], rtol=1e-4, atol=1e-4)

    def spread(values):
        largest = np.abs(values).max(axis=(0, 1, 2))
        return largest.max() / largest.min()

    assert spread(before[first]) > 100 and spread(after[first]) < 0.5 * spread(before[first]) ** 0.75
    assert spread(after[second]) < 1.5


def test_calibrated_better_the_8_bit_model_errs_less(calibrated):
    debugger, samples = calibrated
    original = debugger.calibrated_model
    wanted = list(maps_of(original, samples).values())[-1]

    def error(content):
        debugger.calibrated_model = content
        found = maps_of(debugger.get_nondebug_quantized_model(), samples)
        debugger.calibrated_model = original
        return np.square(list(found.values())[-1] - wanted).mean()

    equal = equalized(original, samples)
    assert error(equal) < 0.5 * error(original)
    assert error(narrowed(equal, samples)) < 1.02 * error(equal)


def test_probes_are_what_encode_accepts(model):
    schema = model.schema
    sets = probe_sets(schema, random_samples(schema, 3))
    for arrays in sets.values():
        for name, modality in schema.inputs.items():
            assert arrays[name].shape[1:] == modality.shape and arrays[name].dtype == modality.dtype
    for ids in sets["extremes"]["text"]:
        bytes(ids[ids > 0].tolist()).decode("utf-8")
    speeds = sets["extremes"]["location"][:, 3]
    assert speeds.min() == 0 and speeds.max() == 300
    assert np.isnan(encode_golden(schema, golden_samples(schema))["location"]).any()


def test_compact_keeps_the_answers(bundle, model, probes, tmp_path):
    original = (bundle.path / "model_dynamic_int8.tflite").read_bytes()
    (tmp_path / "compact.tflite").write_bytes(compact(original))
    assert len(compact(original)) < len(original)
    some = {name: array[:20] for name, array in probes.items()}
    first, second = (
        LiteRTModel(p, model.schema)(some)["sign"]
        for p in (bundle.path / "model_dynamic_int8.tflite", tmp_path / "compact.tflite")
    )
    np.testing.assert_array_equal(first, second)


def test_foreign_operator_is_found(bundle, tmp_path):
    from tensorflow.lite.python.schema_py_generated import BuiltinOperator
    from tensorflow.lite.tools import flatbuffer_utils

    file = flatbuffer_utils.read_model(str(bundle.path / "model_float32.tflite"))
    file.operatorCodes[0].builtinCode = file.operatorCodes[0].deprecatedBuiltinCode = BuiltinOperator.CUSTOM
    file.operatorCodes[0].customCode = b"FlexTensorListReserve"
    flatbuffer_utils.write_model(file, str(tmp_path / "flex.tflite"))
    with pytest.raises(ValueError, match=r"flex\.tflite.*FlexTensorListReserve"):
        check_builtin(tmp_path / "flex.tflite")


def test_crashed_child_is_an_error(tmp_path):
    with (
        pytest.raises(RuntimeError, match=r"(?s)ended 1.*settings\.json"),
        static_int8.StaticInt8(tmp_path) as child,
    ):
        child.write(tmp_path / "out.tflite")


# Parity ---------------------------------------------------------------------------------------------------------------


def reference(wanted, targets=None):
    schema = Schema("s", {"text": Text(1)}, {"sign": Label(("a", "b", "c"))})
    sets = {"real": {"text": np.arange(len(wanted), dtype=np.int32)[:, None]}}
    return parity.Reference(schema, sets, {"real": {"sign": wanted}}, {} if targets is None else {"sign": targets})


def answers(count, seed=0):
    scores = np.exp(6 * np.random.default_rng(seed).normal(size=(count, 3)))
    return (scores / scores.sum(1, keepdims=True)).astype(np.float32)


def runs(values):
    return lambda arrays: {"sign": values}


def test_float_difference_is_judged():
    wanted = answers(50)
    off = wanted.copy()
    off[7] += (2e-5, -2e-5, 0)
    with pytest.raises(ParityError, match=r"m\.tflite: output 'sign' on the set 'real' \(50 inputs\).*2e-05"):
        parity.compare("m.tflite", runs(off), reference(wanted))
    record = parity.compare("m.tflite", runs(off), reference(wanted), int8=True)
    assert record["sets"]["real"]["sign"]["max_difference"] == pytest.approx(2e-5, rel=0.05)
    assert record["sets"]["real"]["sign"]["argmax_agreement"] == 1


def test_probabilities_of_large_logits_are_judged_by_their_logarithms():
    wanted = answers(50)
    wanted[3] = (1 - 1e-30, 1e-30, 0)  # so sure of one that logits of 69 stand behind it
    wanted[7] = (0.5, 0.5, 0)
    off = wanted.copy()
    off[7] += (1.5e-5, -1.5e-5, 0)
    figures = parity.compare("m.tflite", runs(off), reference(wanted))["sets"]["real"]["sign"]
    assert figures["max_difference"] == pytest.approx(1.5e-5, rel=0.01)
    assert figures["logit_difference"] < parity.FLOAT_BOUND
    off[7] += (1e-3, -1e-3, 0)
    with pytest.raises(ParityError, match="at most 1e-05 is allowed"):
        parity.compare("m.tflite", runs(off), reference(wanted))


def test_not_finite_or_not_normalised_is_an_error():
    wanted = answers(50)
    broken = wanted.copy()
    broken[3, 1] = np.nan
    with pytest.raises(ParityError, match="NaN or infinity"):
        parity.compare("m.tflite", runs(broken), reference(wanted), int8=True)
    with pytest.raises(ParityError, match="sum is off 1 by 0.1"):
        parity.compare("m.tflite", runs(wanted * 1.1), reference(wanted), int8=True)


def test_int8_is_judged_by_the_metric_from_1000_samples_on():
    wanted = answers(1000)
    targets = wanted.argmax(1)
    off = wanted.copy()
    off[:3] = np.roll(off[:3], 1, axis=1)
    record = parity.compare("m.tflite", runs(off), reference(wanted, targets), int8=True, int8_tolerance=0.0031)
    assert record["metrics"]["sign"]["loss"] == pytest.approx(0.003)
    off[:5] = np.roll(wanted[:5], 1, axis=1)
    for given in (targets, np.eye(3)[targets], targets[:, None]):
        with pytest.raises(ParityError, match=r"accuracy 0\.9950, the Keras model has 1\.0000"):
            parity.compare("m.tflite", runs(off), reference(wanted, given), int8=True)


def test_int8_is_judged_by_what_the_model_is_sure_of_below_1000_samples():
    wanted = answers(200)
    off = wanted.copy()
    sure = np.flatnonzero(np.sort(wanted, axis=1)[:, -1] > 0.9)
    flipped = sure[: len(sure) // 15]
    off[flipped] = np.float32([[0.34, 0.33, 0.33]])
    off[flipped, wanted[flipped].argmax(1)] -= 0.05
    off[flipped, (wanted[flipped].argmax(1) + 1) % 3] += 0.05
    with pytest.raises(ParityError, match="another class than the Keras model's"):
        parity.compare("m.tflite", runs(off), reference(wanted), int8=True)
    with pytest.raises(ParityError, match="on average"):
        parity.compare("m.tflite", runs(np.full_like(wanted, 1 / 3)), reference(wanted), int8=True)


def test_value_is_compared_relative_to_its_range():
    schema = Schema("s", {"text": Text(1)}, {"price": Value("EUR", 0.0, 1000.0)})
    sets = {"real": {"text": np.zeros((4, 1), np.int32)}}
    wanted = np.float32([[100], [200], [300], [400]])
    expected = parity.Reference(schema, sets, {"real": {"price": wanted}}, {"price": wanted[:, 0] + 1})
    record = parity.compare("m", lambda arrays: {"price": wanted + np.float32(0.005)}, expected)
    assert record["sets"]["real"]["price"]["max_difference"] == pytest.approx(5e-6, rel=0.05)
    assert record["metrics"]["price"]["metric"] == "mae"
    with pytest.raises(ParityError, match="5e-05"):
        parity.compare("m", lambda arrays: {"price": wanted + np.float32(0.05)}, expected)


# Where something goes wrong -------------------------------------------------------------------------------------------


def test_broken_parity_leaves_nothing_behind(small_bundle, tmp_path, monkeypatch):
    def write(model, path, dynamic_int8):
        for file in (path, dynamic_int8):
            file.write_bytes((small_bundle.path / file.name).read_bytes())

    call = LiteRTModel.__call__
    monkeypatch.setattr(bundle_module, "write_litert", write)
    monkeypatch.setattr(
        LiteRTModel, "__call__", lambda self, arrays: {n: v + np.float32(1e-4) for n, v in call(self, arrays).items()}
    )
    with pytest.raises(ParityError, match=r"model_float32\.tflite: output 'kind' on the set 'random'"):
        export(mmzoo.load_model(small_bundle.path), tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_failure_leaves_nothing_behind_and_the_old_bundle_in_place(small_model, tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("disk full")

    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "schema.json").write_text("old")
    monkeypatch.setattr(bundle_module, "_write", fail)
    with pytest.raises(RuntimeError, match="disk full"):
        export(small_model, tmp_path / "bundle", overwrite=True)
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]
    assert (tmp_path / "bundle" / "schema.json").read_text() == "old"


def test_target_folder(small_model, tmp_path, monkeypatch):
    def write(folder, *arguments):
        (folder / "schema.json").write_text("new")
        return {}

    monkeypatch.setattr(bundle_module, "_write", write)
    taken = tmp_path / "taken"
    taken.mkdir()
    assert export(small_model, taken).files == ("SHA256SUMS", "schema.json")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        export(small_model, taken)
    (taken / "old.txt").write_text("")
    assert export(small_model, taken, overwrite=True).files == ("SHA256SUMS", "schema.json")
    (taken / "schema.json").rename(taken / "precious.txt")
    with pytest.raises(FileExistsError, match="is no bundle"):
        export(small_model, taken, overwrite=True)
    with pytest.raises(FileExistsError, match="is a file"):
        export(small_model, taken / "precious.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_unfit_models(small_model, tmp_path):
    with pytest.raises(TypeError, match="with a schema"):
        export(keras.Sequential([keras.layers.Dense(1)]), tmp_path / "bundle")
    kernel = small_model.get_layer("sensors_vector").kernel
    kernel.assign(kernel * np.nan)
    with pytest.raises(ValueError, match="sensors_vector/kernel hold NaN"):
        export(small_model, tmp_path / "bundle")
    assert list(tmp_path.iterdir()) == []


def test_samples_are_drawn_evenly_and_checked(small_model):
    schema = small_model.schema
    batches = [
        ({"word": np.full((10, 4), k, np.int64), "sensors": np.zeros((10, 2))}, {"kind": np.full(10, k)})
        for k in range(100)
    ]
    inputs, targets = collect_samples(batches, schema, limit=200)
    assert inputs["word"].dtype == np.int32 and inputs["sensors"].dtype == np.float32
    np.testing.assert_array_equal(inputs["word"][:, 0], targets["kind"])
    assert len(targets["kind"]) == 200 and 40 < targets["kind"].mean() < 60
    assert collect_samples(None, schema) == ({}, {})
    good = {"word": np.zeros((2, 4), np.int32), "sensors": np.zeros((2, 2), np.float32)}
    for bad, message in (
        ([], "holds no samples"),
        ([{"word": good["word"]}], r"batch 0: expected a dict of the inputs \['sensors', 'word'\]"),
        (
            [good, {**good, "word": np.zeros((2, 5), np.int32)}],
            r"batch 1: 'word' has shape \(2, 5\), expected \(N, 4\)",
        ),
        ([{**good, "word": np.zeros((2, 4), np.float32)}], "'word' is float32, expected int32"),
        ([{**good, "word": np.full((2, 4), 256)}], r"'word': expected ids in 0\.\.255, got 256"),
        ([(good, {"sign": np.zeros(2)})], "target 'sign' is no output"),
        ([(good, {"kind": np.zeros(3)})], "differ in length"),
        ([(good, {"kind": np.zeros(2)}), good], r"batch 1 has targets \[\]"),
        (tf.data.Dataset.from_tensors(good).repeat(), "endless"),
    ):
        with pytest.raises(ValueError, match=message):
            collect_samples(bad, schema)
