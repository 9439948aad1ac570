"""What is asked of every model of the zoo, in every size. A registered builder gets these without writing a line."""

from __future__ import annotations

import inspect
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow
from zoo_harness import (
    CASES,
    EXPORTED_ON_RECORD,
    REPRESENTATIVES,
    SMALLEST,
    assert_same,
    assert_sound,
    every_case,
    every_case_costly,
    every_model,
    every_model_costly,
    hidden_subsets,
    raw_samples,
    raw_tensors,
    run,
)

import mmzoo
from mmzoo import edge
from mmzoo.bundles import shipped_bundles, verify
from mmzoo.evaluation import hide_inputs
from mmzoo.exporting.litert import check_builtin
from mmzoo.exporting.parity import FLOAT_BOUND, INT8_MEAN_BOUND
from mmzoo.exporting.probes import random_samples
from mmzoo.exporting.static_int8 import why_not_int8
from mmzoo.models.registry import get_builder
from mmzoo.recipes import get_recipe, recipe_module
from mmzoo.tasks import task_for

LITERT = {"float32": FLOAT_BOUND, "dynamic_int8": None, "int8": None}


@every_model
def test_builds_without_arguments(name):
    model = mmzoo.build_model(name)
    assert isinstance(model, keras.Model) and not model.compiled
    assert model.schema.name == model.name == name
    assert inspect.getdoc(get_builder(name)).count(">>> "), "a builder's docstring has an example"


@every_case
def test_inputs_and_outputs_are_the_schemas(zoo, case):
    model = zoo.prepared(case).model
    inputs = {name: (tensor.shape[1:], tensor.dtype) for name, tensor in model.input.items()}
    assert inputs == {name: (modality.shape, modality.dtype) for name, modality in model.schema.inputs.items()}
    outputs = {name: (tensor.shape, tensor.dtype) for name, tensor in model.output.items()}
    assert outputs == {name: ((None, *kind.shape), "float32") for name, kind in model.schema.outputs.items()}
    assert mmzoo.Schema.from_json(model.schema.to_json()) == model.schema


@pytest.mark.parametrize("case", [case for case in CASES if case.max_parameters], ids=str)
def test_parameters_are_within_the_limit(case):
    assert case.build().count_params() <= case.max_parameters


@every_case
def test_one_step_of_plain_fit_trains_it(zoo, case):
    prepared = zoo.prepared(case)
    assert np.isfinite(prepared.loss)
    assert all(np.isfinite(weights).all() for weights in prepared.trained)
    changed = [not np.array_equal(*pair) for pair in zip(prepared.fresh, prepared.trained, strict=True)]
    # A gradient may be zero by chance (an input that was hidden, a dead unit), but not for many weights.
    assert np.mean(changed) > 0.8


@every_case
def test_every_subset_of_missing_inputs_gives_sound_outputs(zoo, case):
    model = zoo.prepared(case).model
    sample = random_samples(model.schema, 1, seed=5)
    cases = [hide_inputs(sample, model.schema, hidden) for hidden in hidden_subsets(model.schema)]
    outputs = run(model, {name: np.concatenate([case[name] for case in cases]) for name in model.schema.inputs})
    assert_sound(model.schema, outputs)
    # Every input has its say: no two subsets give the same, but where nothing is said for want of what is needed.
    needs = {name for kind in model.schema.predicted.values() for name in kind.needs}
    silent = np.array([not needs.isdisjoint(hidden) for hidden in hidden_subsets(model.schema)])
    found = np.concatenate([outputs[name] for name in model.schema.outputs], axis=1)
    assert not found[silent].any()
    assert len(np.unique(np.round(found, 6), axis=0)) == (~silent).sum() + silent.any()


@every_model
def test_a_recipe_exists(name):
    recipe = get_recipe(name)
    assert inspect.getdoc(recipe_module(name)) and recipe.name == name
    assert recipe.data and recipe.training and recipe.about and recipe.limits


# The bundle of the smallest size -------------------------------------------------------------------------------------


def files_of_a_bundle(schema):
    variants = [name for name in LITERT if name != "int8" or not why_not_int8(schema, True)]
    return {"schema.json", "model.keras", "parity.json", "CARD.md", "golden.npz", "golden.json", "SHA256SUMS"} | {
        f"model_{name}.tflite" for name in variants
    }


@every_model_costly
def test_the_bundle_is_whole_and_its_certificate_covers_every_file(zoo, name):
    bundle = zoo.bundle(name)
    schema = mmzoo.Schema.load(bundle.path / "schema.json")
    assert set(bundle.files) == files_of_a_bundle(schema) | {"saved_model"}
    certificate = json.loads((bundle.path / "parity.json").read_text(encoding="utf-8"))
    assert certificate == bundle.parity
    checked = {file for file in bundle.files if file.endswith((".tflite", ".keras")) or file == "saved_model"}
    assert set(certificate["files"]) == checked
    wanted = {"real", "random", "all_zero", "all_missing", "extremes", "missing_inputs"}
    for file, figures in certificate["files"].items():
        assert wanted <= set(figures["sets"])
        for outputs in figures["sets"].values():
            for figure in outputs.values():
                assert figure["finite"]
                assert "int8" in file or figure["max_difference"] <= FLOAT_BOUND


@every_model
def test_litert_files_hold_no_flex_operator(zoo, name):
    files = list(zoo.device_folder(name).glob("*.tflite"))
    for file in files:
        # A Select-TF operator stands in the file under its name with "Flex" before it.
        assert b"Flex" not in file.read_bytes(), file.name
        assert check_builtin(file) > 0
    assert files


@pytest.mark.parametrize("variant", [name for name in LITERT if name != "float32"])
@every_model_costly
def test_the_edge_runtime_comes_close_to_keras_with_smaller_files(zoo, name, variant):
    bundle = zoo.bundle(name)
    if f"model_{variant}.tflite" not in bundle.files:
        assert bundle.parity["left_out"][f"model_{variant}.tflite"]
        return
    assert bundle.parity["files"][f"model_{variant}.tflite"]["operators"] > 0
    assert_edge_gives_what_keras_gives(bundle.path, zoo.smallest(name).model, variant)


@every_model
def test_the_edge_runtime_gives_what_keras_gives(zoo, name):
    assert_edge_gives_what_keras_gives(zoo.device_folder(name), zoo.smallest(name).model, "float32")


def assert_edge_gives_what_keras_gives(folder, model, variant):
    device = edge.load(folder, variant=variant)
    raws = raw_samples(device.schema)
    arrays = device.schema.encode_batch(raws)
    expected = run(model, arrays)
    rows = [device.run({name: array[i] for name, array in arrays.items()}) for i in range(len(raws))]
    found = {output: np.stack([row[output] for row in rows]) for output in device.schema.outputs}
    assert_sound(device.schema, found, tolerance=1e-3)
    if LITERT[variant] is not None:
        assert_same(device.schema, expected, found, LITERT[variant])
        assert device.predict_batch(raws[1:2], top=1) == [device.predict(top=1, **raws[1])]
        assert_same_answers(device.predict(**raws[1]), mmzoo.predict(model, raws[1]))
    else:
        for output, kind in device.schema.outputs.items():
            scale = task_for(kind).scale(kind, float(np.abs(expected[output]).max()))
            wanted, values = expected[output], found[output]
            if kind.is_predicted:
                wanted, values = task_for(kind).compared(kind, wanted, values)
            difference = np.abs(values - wanted).reshape(len(raws), -1).max(axis=1)
            figures = task_for(kind).parity(kind, wanted, values) if kind.is_predicted else {}
            assert figures.get("pixel_difference", difference.mean() / scale) <= INT8_MEAN_BOUND, output


def assert_same_answers(found, expected):
    for output, answer in expected.items():
        if isinstance(answer, dict):
            assert list(found[output]) == list(answer)
            found[output], answer = list(found[output].values()), list(answer.values())
        if isinstance(answer, str):
            assert found[output] == answer
        elif isinstance(answer, Pillow.Image):
            # Of a pixel just between two values it may be either.
            np.testing.assert_allclose(np.int16(found[output]), np.int16(answer), atol=1)
        else:
            np.testing.assert_allclose(found[output], answer, atol=FLOAT_BOUND)


@every_model_costly
def test_the_saved_model_takes_raw_inputs_and_gives_what_keras_gives(zoo, name):
    bundle, model = zoo.bundle(name), zoo.smallest(name).model
    raws = raw_samples(model.schema)
    expected = run(model, model.schema.encode_batch(raws))
    loaded = tf.saved_model.load(str(bundle.path / "saved_model"))
    found = loaded.signatures["serve"](**raw_tensors(model.schema, raws))
    assert_same(model.schema, expected, {name: value.numpy() for name, value in found.items()}, FLOAT_BOUND)


@every_model_costly
def test_golden_vectors_reproduce(zoo, name):
    assert_golden(zoo.bundle(name).path)


def assert_golden(folder):
    """What stands in golden.npz comes out of the float32 file."""
    device, golden = edge.load(folder), dict(np.load(folder / "golden.npz"))
    count = len(golden[f"input_{next(iter(device.schema.inputs))}"])
    assert count >= 5
    for i in range(count):
        outputs = device.run({name: golden[f"input_{name}"][i] for name in device.schema.inputs})
        for output, kind in device.schema.outputs.items():
            found, expected = outputs[output], golden[f"expected_{output}"][i]
            if kind.is_predicted:
                found = task_for(kind).golden_expected(kind, found[None])[0]
            np.testing.assert_allclose(found, expected, atol=FLOAT_BOUND)


@every_model
def test_shipped_bundles_are_whole(name):
    """The bundles in saved_models/: no SavedModel (anybody can make one with mmzoo.export), and an honest card."""
    for folder in (bundle.path for bundle in shipped_bundles(name)):
        schema = mmzoo.Schema.load(folder / "schema.json")
        assert {file.name for file in folder.iterdir()} >= files_of_a_bundle(schema), folder.name
        assert not (folder / "saved_model").exists(), folder.name
        verify(folder)
        assert "simulated" in (folder / "CARD.md").read_text(encoding="utf-8").splitlines()[0], folder.name
        assert_golden(folder)
        # Code that changed since the export changes model.keras, but not the LiteRT files beside it.
        golden, model = dict(np.load(folder / "golden.npz")), mmzoo.load_model(folder)
        assert model.schema == schema
        outputs = run(model, {name: golden[f"input_{name}"] for name in schema.inputs})
        expected = {name: golden[f"expected_{name}"] for name in schema.outputs}
        assert_same(schema, expected, outputs, FLOAT_BOUND)


# In a fresh process, one for all models -------------------------------------------------------------------------------


@every_case
def test_a_fresh_process_reloads_it_with_its_schema(zoo, case):
    saved = zoo.saved(case)
    schema, outputs = zoo.reloaded(case, "tensorflow")
    assert schema == saved.schema
    assert_same(schema, saved.expected, outputs, 1e-6)


@every_case_costly
def test_jax_gives_the_same_outputs_for_the_same_weights(zoo, case):
    saved = zoo.saved(case)
    schema, outputs = zoo.reloaded(case, "jax")
    assert schema == saved.schema
    assert_sound(schema, outputs)
    assert_same(schema, saved.expected, outputs, 1e-5)


def test_the_representatives_stand_for_all_kinds(zoo):
    """Whose costly tests run by default, in tests/zoo_harness.py."""

    def kinds(name):
        schema = zoo.saved(SMALLEST[name]).schema
        return {type(kind).__name__ for kind in (*schema.inputs.values(), *schema.outputs.values())}

    stood_for = EXPORTED_ON_RECORD.union(*map(kinds, REPRESENTATIVES))
    left_out = {name: kinds(name) - stood_for for name in mmzoo.list_models() if kinds(name) - stood_for}
    assert not left_out, "add one of these models to REPRESENTATIVES"
