"""Models that read word pieces and n-grams: vocabularies, the n-gram branch, bundles, tables, the device."""

from __future__ import annotations

import json
import sys

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from zoo_harness import assert_same, assert_sound, raw_samples, raw_tensors, run, stir, with_missing

import mmzoo
from mmzoo import edge
from mmzoo.branches import ngrams_branch, text_branch
from mmzoo.data.pipeline import from_arrays
from mmzoo.data.tables.manifest import manifest_dataset
from mmzoo.data.tables.vocabulary import ngrams_text, train_vocabulary, wordpiece_text
from mmzoo.evaluation.report import sample_in_words
from mmzoo.exporting.parity import FLOAT_BOUND, INT8_MEAN_BOUND
from mmzoo.exporting.probes import random_samples
from mmzoo.exporting.serving import load_saved_model, write_saved_model
from mmzoo.exporting.static_int8 import why_not_int8
from mmzoo.fusion import fuse
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Label, Schema, Text

TITLES = [
    "Red cotton towel, 3 pieces",
    "Blue cotton towels",
    "Steel watch for men",
    "Analog watch – black strap",
    "",
] * 4
NOTES = ["soft and good", "not good at all", "the good watch", "not a good watch", None] * 4

# Vocabularies --------------------------------------------------------------------------------------------------------


def test_a_vocabulary_holds_frequent_words_and_all_characters():
    vocabulary = train_vocabulary(TITLES)
    assert vocabulary[:2] == ("[PAD]", "[UNK]") and len(set(vocabulary)) == len(vocabulary)
    assert {"cotton", "watch", "towel", "–", "r", "##r"} <= set(vocabulary) and "Red" not in vocabulary
    assert vocabulary == train_vocabulary(TITLES) == train_vocabulary(reversed(TITLES)), "and is always the same"
    text = Text(12, "wordpiece", vocabulary, lowercase=True)
    ids = Schema("s", {"t": text}, {"y": Label(("a", "b"))}).encode({"t": "COTTON watchband"})["t"]
    assert vocabulary[ids[0]] == "cotton" and vocabulary.index("[UNK]") not in ids


def test_case_size_and_reserved_pieces_of_a_vocabulary():
    vocabulary = train_vocabulary(TITLES, 30, lowercase=False, reserved=("[CLS]", "[SEP]"))
    assert vocabulary[:4] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]") and len(vocabulary) <= 30
    assert "R" in train_vocabulary(TITLES, lowercase=False) and "R" not in train_vocabulary(TITLES)


@pytest.mark.parametrize(
    "texts", [["hi"], ["", None, float("nan"), "hi hi"], ["hi\0\ud800"], ["中"], ["!"], ["x" * 70]]
)
def test_few_texts_make_a_vocabulary_too(texts):
    text = wordpiece_text(texts)
    assert text.length == 8 and text.vocabulary[:2] == ("[PAD]", "[UNK]")
    assert ngrams_text(["hi", ""]).length == 8


@pytest.mark.parametrize("make", [train_vocabulary, wordpiece_text, ngrams_text])
@pytest.mark.parametrize(
    ("texts", "kind", "message"),
    [
        ([], ValueError, "texts: no word in any of them"),
        (["", None, " \t"], ValueError, "texts: no word in any of them"),
        ("one text", TypeError, "texts: expected several strings, got one"),
        (["a", 5], TypeError, "texts: number 1: expected a string, got int: 5"),
    ],
)
def test_texts_that_make_none(make, texts, kind, message):
    with pytest.raises(kind, match=message):
        make(texts)


def test_bad_sizes():
    with pytest.raises(ValueError, match="size: expected a whole number above 2"):
        train_vocabulary(TITLES, 2)
    with pytest.raises(ValueError, match="length: give it, or the training texts"):
        ngrams_text()
    assert ngrams_text(length=40, buckets=9) == Text(40, "ngrams", buckets=9, lowercase=True)


def test_lengths_fit_most_of_the_training_texts():
    texts = ["a b"] * 97 + ["a " * 5000] * 3
    assert wordpiece_text(texts).length == ngrams_text(texts).length == 8
    long = ["a b c d " * 100] * 10
    assert wordpiece_text(long).length == 64 and ngrams_text(long).length == 512
    assert wordpiece_text(long, longest=1000).length == 400 and ngrams_text(long, longest=9999).length == 800
    assert wordpiece_text(long, 7).length == 7 and ngrams_text(long, 7).length == 7


# The branch ----------------------------------------------------------------------------------------------------------


def one_text_model(text, **arguments):
    schema = Schema("reviews", {"text": text}, {"is_good": Label(("no", "yes"))})
    inputs = keras_inputs(schema)
    features = {"text": ngrams_branch(inputs["text"], text, **arguments)}
    outputs = fuse(features, schema, "sum", dropout=0.0)
    return schema_model(inputs, outputs, schema, name="reviews")


def test_the_branch_is_an_average_without_padding():
    text = ngrams_text(length=6, buckets=50)
    ids = keras.Input((6,), dtype="int32")
    features = ngrams_branch(ids, text, embedding=3, width=4, tokens=True, seed=0)
    assert features.tokens.shape == (None, 6, 4) and features.vector.shape == (None, 4)
    assert features.mask.shape == (None, 6) and features.present.shape == (None, 1)
    branch = keras.Model(ids, features._asdict())
    found = branch(np.array([[3, 5, 0, 0, 0, 0], [5, 3, 0, 0, 0, 0], [7, 7, 7, 7, 0, 0], [0] * 6], np.int32))
    table = np.asarray(branch.get_layer("text_embedding").embeddings)
    kernel, bias = map(np.asarray, branch.get_layer("text_ngrams_vector").weights)
    expected = np.stack([(table[3] + table[5]) / 2**0.5] * 2 + [4 * table[7] / 4**0.5, 0 * table[0]])
    np.testing.assert_allclose(found["vector"], expected @ kernel + bias, atol=1e-6)
    assert np.asarray(found["present"])[:, 0].tolist() == [True, True, True, False]
    assert np.asarray(found["mask"]).sum(axis=1).tolist() == [2, 2, 4, 0]
    kernel, bias = branch.get_layer("text_tokens").get_weights()
    np.testing.assert_allclose(found["tokens"][0, 1], table[5] @ kernel + bias, atol=1e-6)


def test_it_learns_what_only_pairs_of_words_tell():
    """Both words come in every text: "not good, fast" and "good, not fast"."""
    rng = np.random.default_rng(0)
    filler = [f"word{i}" for i in range(30)]

    def draw(count):
        labels = rng.integers(0, 2, count)
        texts = []
        for label in labels:
            parts = [("good" if label else "not good"), ("not fast" if label else "fast")]
            words = [*rng.permutation(parts), *rng.choice(filler, 6)]
            texts.append(", ".join(rng.permutation(words)))
        return texts, labels

    texts, labels = draw(600)
    text = ngrams_text(texts, buckets=500)
    model = one_text_model(text, embedding=8, width=16, seed=0)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    rows = {"text": model.schema.encode_batch([{"text": t} for t in texts])["text"]}
    model.fit(from_arrays(rows, {"is_good": labels}, schema=model.schema, shuffle=True, seed=0), epochs=12, verbose=0)
    texts, labels = draw(300)
    found = model.predict(model.schema.encode_batch([{"text": t} for t in texts]), verbose=0)["is_good"]
    assert (found.argmax(axis=1) == labels).mean() > 0.95


# Bundles -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model():
    """A title in word pieces, read by a GRU, and notes as n-grams, longer than what static int8 could unroll."""
    vocabulary = train_vocabulary(TITLES, reserved=("[CLS]", "[SEP]"))
    title = Text(10, "wordpiece", vocabulary, lowercase=True, start="[CLS]", end="[SEP]")
    notes = ngrams_text(NOTES, length=100, buckets=300)
    schema = Schema("goods", {"title": title, "notes": notes}, {"kind": Label(("towel", "watch", "other"))})
    keras.utils.set_random_seed(0)
    inputs = keras_inputs(schema)
    features = {
        "title": text_branch(
            inputs["title"], vocabulary_size=title.vocabulary_size, width=8, units=6, embedding=6, name="title"
        ),
        "notes": ngrams_branch(inputs["notes"], notes, embedding=6, width=8, name="notes"),
    }
    outputs = fuse(features, schema, "attention")
    return stir(schema_model(inputs, outputs, schema, name="goods"), 0.2)


@pytest.fixture(scope="module")
def bundle(model, tmp_path_factory):
    raws = [{"title": title, "notes": note} for title, note in zip(TITLES, NOTES, strict=True)]
    return mmzoo.export(model, tmp_path_factory.mktemp("export") / "goods", samples=[model.schema.encode_batch(raws)])


RAWS = [
    {"title": "RED watch 🙂 中", "notes": "not good — a soft towel"},
    {"title": b"\xffwatch\0", "notes": "x" * 300},
    {"notes": "not good " * 200},
    {"title": " "},
    {},
]


def test_a_bundle_holds_all_files(bundle, model):
    assert {"model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite", "saved_model"} <= set(
        bundle.files
    )
    assert bundle.parity["left_out"] == {} and mmzoo.Schema.load(bundle.path / "schema.json") == model.schema
    assert mmzoo.load_model(bundle.path).schema == model.schema
    golden = json.loads((bundle.path / "golden.json").read_text(encoding="utf-8"))["samples"]
    assert sum("title" in sample["raw"] and "notes" in sample["raw"] for sample in golden) >= 5
    pieces = {i for sample in golden for i in sample["inputs"]["title"]}
    assert len(pieces) > 10, "not all are unknown"
    card = (bundle.path / "CARD.md").read_text(encoding="utf-8")
    assert "`[CLS]` before and `[SEP]` behind every text" in card and "id = h mod 300 + 1" in card


@pytest.mark.parametrize("variant", ["float32", "dynamic_int8", "int8"])
def test_the_device_gives_what_keras_gives(bundle, model, variant):
    device = edge.load(bundle.path, variant=variant)
    raws = [*RAWS, *raw_samples(model.schema)]
    expected = run(model, model.schema.encode_batch(raws))["kind"]
    found = np.stack([device.run(device.schema.encode(raw))["kind"] for raw in raws])
    assert np.ptp(expected, axis=0).max() > 0.1, "the samples should differ"
    assert_sound(model.schema, {"kind": found}, tolerance=1e-3)
    bound = FLOAT_BOUND if variant == "float32" else INT8_MEAN_BOUND
    difference = np.abs(found - expected).max(axis=1)
    assert difference.mean() <= bound
    assert difference[2] <= 0.02, "a text of two words again and again is beyond what was calibrated, and still right"
    if variant == "float32":
        answer = device.predict(**RAWS[0])["kind"]
        np.testing.assert_allclose(list(answer.values()), sorted(expected[0])[::-1], atol=FLOAT_BOUND)


def test_the_saved_model_takes_strings(bundle, model):
    loaded = load_saved_model(bundle.path / "saved_model")
    raws = [*RAWS, *raw_samples(model.schema)]
    found = loaded.signatures["serve"](**raw_tensors(model.schema, raws))
    expected = run(model, model.schema.encode_batch(raws))
    assert_same(model.schema, expected, {"kind": found["kind"].numpy()}, FLOAT_BOUND)
    nothing = loaded.signatures["serve"](title=tf.zeros(0, tf.string), notes=tf.zeros(0, tf.string))
    assert nothing["kind"].shape == (0, 3)


def test_any_text_may_be_missing(model):
    samples = with_missing(model.schema, random_samples(model.schema, 4, seed=0))
    assert_sound(model.schema, run(model, samples))


def test_what_a_saved_model_needs_to_load(bundle, elsewhere, tmp_path):
    """In other processes: n-grams load with plain TensorFlow, word pieces through `load_saved_model`."""
    plain = stir(one_text_model(ngrams_text(length=20, buckets=50), embedding=4, width=4))
    write_saved_model(plain, tmp_path / "plain")
    script = """
import sys, numpy as np, tensorflow as tf
folder, pieces = sys.argv[1:]
loaded = tf.saved_model.load(folder + "/plain")
np.save(folder + "/found.npy", loaded.signatures["serve"](text=tf.constant(["Not good, 🙂"]))["is_good"].numpy())
assert not {"mmzoo", "tensorflow_text", "keras_hub"} & set(sys.modules), "it needs more than TensorFlow"
try:
    tf.saved_model.load(pieces)
except Exception as error:
    assert "WordpieceTokenize" in str(error), error
else:
    raise AssertionError("it loads without tensorflow-text")
"""
    pieces = bundle.path / "saved_model"
    elsewhere["plain"].begin(script, tmp_path, pieces).finish()
    load = "import sys; from mmzoo.exporting.serving import load_saved_model; load_saved_model(sys.argv[1])"
    elsewhere["tensorflow"].begin(load, pieces).finish()
    expected = run(plain, plain.schema.encode_batch([{"text": "Not good, 🙂"}]))["is_good"]
    np.testing.assert_allclose(np.load(tmp_path / "found.npy"), expected, atol=1e-5)


def test_without_tensorflow_text_the_error_says_what_to_install(monkeypatch, model, tmp_path):
    from mmzoo.exporting.raw import text_ops

    text_ops._tokenizer.cache_clear()
    monkeypatch.setitem(sys.modules, "tensorflow_text", None)
    with pytest.raises(
        ImportError, match="word pieces in TensorFlow need tensorflow-text.*pip install tensorflow-text"
    ):
        write_saved_model(model, tmp_path / "saved_model")
    text_ops._tokenizer.cache_clear()
    np.testing.assert_array_equal(model.schema.encode({"title": "watch"})["title"] > 0, [True] * 3 + [False] * 7)


def test_only_texts_read_step_by_step_are_too_long_for_static_int8():
    outputs = {"y": Label(("a", "b"))}
    long = Schema("s", {"t": ngrams_text(length=500)}, outputs)
    assert why_not_int8(long, True) is None
    long = Schema("s", {"t": wordpiece_text(TITLES, 65)}, outputs)
    assert "input 't' has 65 steps" in why_not_int8(long, True)


# Tables and reports --------------------------------------------------------------------------------------------------


def test_a_table_of_texts(model):
    table = pd.DataFrame({"title": TITLES, "notes": NOTES, "kind": ["towel", "towel", "watch", "watch", "other"] * 4})
    table["number"] = range(len(table))
    inputs, targets = next(iter(manifest_dataset(table, model.schema, batch_size=20)))
    raws = [{"title": title, "notes": note} for title, note in zip(TITLES, NOTES, strict=True)]
    for name, array in model.schema.encode_batch(raws).items():
        np.testing.assert_array_equal(inputs[name], array)
    assert targets["kind"].numpy().tolist() == [0, 0, 1, 1, 2] * 4
    with pytest.raises(ValueError, match="input 'notes': expected ids in 0..300, got 301"):
        from_arrays({"notes": np.full((1, 100), 301, np.int32)}, schema=model.schema)


def test_a_report_shows_the_words(model):
    class Found:
        schema = model.schema
        inputs = model.schema.encode_batch(RAWS[:1])

    assert sample_in_words(Found, 0)["texts"] == ["title “red watch [UNK] [UNK]”"]
