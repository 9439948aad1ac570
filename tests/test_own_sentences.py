"""Texts of own tables as targets: what inspect makes of the column, what it proposes, and the model behind it."""

import numpy as np
import pandas as pd
import pytest

import mmzoo
from mmzoo.cli.commands import split_off
from mmzoo.inspection import infer_schema, inspect_table
from mmzoo.models.parts.beginnings import with_beginnings
from mmzoo.schema import Number, Schema, Sensors, Sentence, SoFar, Transcript, Value
from mmzoo.training.batches import Batches

COLOURS = ("red", "green", "blue", "grey")


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    values = rng.uniform(0, 9, 60).round(2)
    captions = [f"a {COLOURS[i % 4]} box of {value:.2f} kg" for i, value in enumerate(values)]
    plates = [f"{'ABC'[i % 3]}{i:03}" for i in range(60)]
    return pd.DataFrame({"weight": values, "caption": captions, "plate": plates})


def test_a_text_column_becomes_a_sentence_where_one_says_so(table):
    schema = infer_schema(table[["weight", "caption"]], target="caption", kinds={"caption": "sentence"})
    kind = schema["caption"]
    assert isinstance(kind, Sentence) and "box" in kind.vocabulary and list(schema.inputs) == ["sensors"]
    # Whatever stands in the column, and other words of its letters, can be written.
    for text in (*table["caption"], "a bored gnu"):
        assert 1 not in kind.ids_of(text), text
    assert kind.text_of(kind.encode_target("a red box of 1.50 kg", "")) == "a red box of 1. 50 kg"


def test_and_a_transcript(table):
    schema = infer_schema(table[["weight", "plate"]], target="plate", kinds={"plate": "transcript"})
    kind = schema["plate"]
    assert isinstance(kind, Transcript) and kind.alphabet == tuple("0123456789ABC") and kind.steps >= 5
    assert kind.text_of(kind.encode_target("A007", "")) == "A007"


@pytest.mark.parametrize(("column", "kind"), [("caption", "sentence"), ("plate", "transcript")])
def test_inspect_proposes_it_for_free_texts(table, column, kind):
    found = inspect_table(table[["weight", column]], target=column)
    said = [finding.message for finding in found.findings if finding.level == "error"]
    assert any(f"--kind {column}={kind}" in message for message in said)


def test_the_model_writes_from_what_was_fused_and_is_taught_by_the_column(table):
    schema = infer_schema(table[["weight", "caption"]], target="caption", kinds={"caption": "sentence"})
    model = mmzoo.build_multimodal_model(schema, size="nano", seed=0)
    assert list(model.schema.inputs) == ["sensors", "caption_so_far"] and list(model.schema.given) == ["sensors"]
    kind = model.schema["caption"]
    assert isinstance(model.schema["caption_so_far"], SoFar) and kind.so_far == "caption_so_far"
    assert kind.text_of(kind.reference(mmzoo.predict(model, sensors={"weight": 2.0})["caption"])) is not None
    targets = {"caption": np.stack([kind.encode_target(text, "") for text in table["caption"]])}
    inputs = {"sensors": table[["weight"]].to_numpy(np.float32)}
    batch, encoded, _ = next(Batches((inputs, targets), model.schema, "train", batch_size=60).epoch(0))
    np.testing.assert_array_equal(batch["caption_so_far"], encoded["caption"])
    assert mmzoo.Schema.from_json(model.schema.to_json()) == model.schema


def test_beginnings_are_added_once_and_names_must_be_free():
    sensors = Sensors((Number("weight"),))
    plain = Schema("s", {"sensors": sensors}, {"price": Value()})
    assert with_beginnings(plain) == plain
    kind = Sentence(("[PAD]", "[UNK]", "[END]", "a"), 4)
    once = with_beginnings(Schema("s", {"sensors": sensors}, {"said": kind}))
    assert with_beginnings(once) == once and list(once.inputs) == ["sensors", "said_so_far"]
    with pytest.raises(ValueError, match="the name 'said_so_far', of the input for its beginning, is taken"):
        with_beginnings(Schema("s", {"said_so_far": sensors}, {"said": kind}))


def test_a_column_may_be_called_like_a_model():
    names = ["caption", "road_sign"]
    table = ["data.csv", "--target", "caption", "--kind", "caption=sentence"]
    for words in (table, [*table[1:], "data.csv"]):
        assert split_off(words, names) == (None, words)
    for words in (
        ["caption", "--out", "RUN"],
        ["--out", "RUN", "caption"],
        ["--out=RUN", "caption"],
        ["--arms", "caption"],
    ):
        assert split_off(words, names)[0] == "caption"
