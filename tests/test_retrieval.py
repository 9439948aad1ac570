"""Retrieval: Flickr8k in a drawn folder, the sceptic's baseline, the model's variants, frozen encoders, a whole run."""

from __future__ import annotations

import dataclasses
import os
import pathlib

import keras
import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.feature_cache import FeatureCache
from mmzoo.data.samples.samples import Samples
from mmzoo.data.sets.flickr8k import NOTE, captions_to_learn, load_flickr8k
from mmzoo.layers import PairedVectors
from mmzoo.models.parts.frozen import take_over
from mmzoo.models.retrieval import build_retrieval_learner
from mmzoo.models.schemas.retrieval import retrieval_schema
from mmzoo.models.schemas.writing import MARKS, caption_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.running import sources
from mmzoo.recipes.running.evaluating import evaluate
from mmzoo.recipes.running.frozen import with_features
from mmzoo.recipes.running.training import train
from mmzoo.recipes.zoo.retrieval import colours_and_words
from mmzoo.schema import Vector
from mmzoo.tasks import task_for

COLOURS = {"red": (220, 20, 20), "green": (20, 220, 20), "blue": (20, 20, 220), "yellow": (220, 220, 20)}
SCHEMA = retrieval_schema(image_size=(16, 16), words=2_000, width=8)


def draw(folder, count, split=None):
    """Photos of one colour beside grey, with five captions that say it, one of them empty in every third row."""
    (folder / "images").mkdir(parents=True)
    header = ",".join(["path", *(f"caption_{i}" for i in range(5)), *(["split"] if split else [])])
    lines = [header]
    for number in range(count):
        name, colour = list(COLOURS.items())[number % 4]
        picture = np.full((20, 20, 3), 128, np.uint8)
        picture[:, : 8 + number % 5] = colour
        Pillow.fromarray(picture).save(folder / "images" / f"{number:03}.png")
        captions = [
            f"a {name} wall",
            f"{name} paint on a house",
            f"the wall is {name}",
            f"{name} and grey",
            f"all {name}",
        ]
        captions[3] = "" if number % 3 == 0 else captions[3]
        lines.append(",".join([f"images/{number:03}.png", *captions, *([split(number)] if split else [])]))
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return draw(tmp_path_factory.mktemp("flickr8k"), 60, lambda number: "val" if number % 5 == 0 else "train")


# The data -------------------------------------------------------------------------------------------------------------


def test_a_row_is_a_photo_in_training_and_a_caption_elsewhere(photos):
    learnt, held_out = (load_flickr8k(photos, split, schema=SCHEMA) for split in ("train", "validation"))
    assert len(learnt) == 48 and learnt.views["text"].shape == (48, 5, 32) and learnt.note == NOTE
    np.testing.assert_array_equal(learnt.views["text"][:, 0], learnt.inputs["text"])
    # Of 12 photos 4 have four captions; what belongs together has the number of its row in the table.
    assert len(held_out) == 12 * 5 - 4 and len(np.unique(held_out.targets["pair"])) == 12
    assert not set(learnt.ids) & set(held_out.ids) and learnt.targets["pair"][0] == 3
    assert len(load_flickr8k(photos, "train", schema=SCHEMA, limit=7)) == 7


def test_a_photo_with_fewer_captions_has_some_twice(photos):
    learnt = load_flickr8k(photos, "train", schema=SCHEMA)
    row = learnt.ids.index("images/003.png")
    assert len(learnt.raw["captions"][row]) == 4
    np.testing.assert_array_equal(learnt.views["text"][row, 4], learnt.views["text"][row, 0])
    assert (learnt.views["text"].any(axis=2)).all()


def test_each_epoch_sees_one_of_the_captions(photos):
    learnt = load_flickr8k(photos, "train", schema=SCHEMA)
    one, two = (learnt.drawn(np.random.default_rng((0, epoch)))["text"] for epoch in (0, 1))
    assert one.shape == (48, 32) and (one != two).any()
    for row in range(48):
        assert any((one[row] == view).all() for view in learnt.views["text"][row])
    again = learnt.take(np.arange(3))
    assert (
        again.views["text"].shape[0] == 3 and again.fingerprint() != dataclasses.replace(again, views={}).fingerprint()
    )
    shuffled = learnt.shuffled("text", 0)
    np.testing.assert_array_equal(shuffled.views["text"][:, 0], shuffled.inputs["text"])
    with pytest.raises(ValueError, match="columns of different length"):
        Samples(learnt.inputs, learnt.targets, "", ids=learnt.ids, views={"text": learnt.views["text"][:5]})


def test_to_a_model_that_writes_a_row_is_a_photo_with_all_its_captions(photos):
    words = (*MARKS, "a", *COLOURS, "wall", "paint", "on", "house", "the", "is", "and", "grey", "all")
    schema = caption_schema(image_size=(16, 16), vocabulary=words, steps=4)
    learnt, held_out, all_rows = (load_flickr8k(photos, s, schema=schema) for s in ("train", "validation", "all"))
    assert list(learnt.inputs) == ["image"] and learnt.views["caption"].shape == (48, 5, 4)
    assert learnt.note.startswith(NOTE + "; caption longer than the model writes in ")
    # Whole, with their ends, to measure by; a photo of four captions has an empty fifth.
    assert held_out.targets["caption"].shape == (12, 5, 6) and not held_out.views and held_out.note == NOTE
    assert held_out.targets["caption"].any(axis=2).sum() == 12 * 5 - 4
    assert all_rows.targets["caption"].shape == (60, 5, 6) and all_rows.views["caption"].shape == (60, 5, 4)
    assert len(captions_to_learn(photos)) == 48 * 5 - 16


def test_a_folder_kept_apart_needs_no_split(tmp_path):
    folder = draw(tmp_path / "test", 10)
    assert len(load_flickr8k(folder, "all", schema=SCHEMA)) == 10 * 5 - 4
    with pytest.raises(ValueError, match="no column 'split', so its rows are read as split 'all' only"):
        load_flickr8k(folder, "validation", schema=SCHEMA)
    text = (folder / "metadata.csv").read_text()
    (folder / "metadata.csv").write_text(text + "images/000.png,,,,,\n")
    with pytest.raises(ValueError, match=r"metadata.csv: row 12: none of \['caption_0', .* holds a caption"):
        load_flickr8k(folder, "all", schema=SCHEMA)


@pytest.mark.skipif(not os.environ.get("MMZOO_DATA"), reason="needs the real data in MMZOO_DATA")
def test_the_official_split():
    folder = pathlib.Path(os.environ["MMZOO_DATA"]) / "flickr8k"
    found = load_flickr8k(folder, "validation", schema=SCHEMA, limit=20)
    assert len(found) == 100 and found.note == NOTE
    assert load_flickr8k(folder, "train", schema=SCHEMA, limit=8).views["text"].shape == (8, 5, 32)


def test_the_sceptic_finds_colours_by_words(photos):
    learnt, held_out = (load_flickr8k(photos, split, schema=SCHEMA) for split in ("train", "validation"))
    found = colours_and_words(learnt, held_out, SCHEMA)["pair"]
    kind = SCHEMA["pair"]
    # Three photos of each colour: one of them comes first.
    assert task_for(kind).measure(kind, held_out.targets["pair"], found)["first_recall_5"] == 1.0


# The model ------------------------------------------------------------------------------------------------------------


def test_what_the_builder_is_told():
    model = mmzoo.build_retrieval_model(size="nano", width=16, loss="siglip", image_size=(16, 16))
    assert model.output["pair"].shape == (None, 2, 16)
    assert [layer.loss for layer in model.layers if isinstance(layer, PairedVectors)] == ["siglip"]
    for arguments, message in (
        ({"size": "huge"}, r"size: expected one of \['nano', 'small'\]"),
        ({"loss": "triplet"}, r"loss: expected one of \['clip', 'siglip'\]"),
        ({"finetune": "half"}, "finetune: expected one of"),
    ):
        with pytest.raises(ValueError, match=message):
            mmzoo.build_retrieval_model(**arguments)


def test_what_learns_behind_frozen_encoders_is_taken_over(photos, tmp_path):
    """Made-up encoders: a picture's mean colours, a text's first ids."""
    schema = SCHEMA.with_inputs(image=Vector(3), text=Vector(2))
    keywords = {"size": "nano", "image": "efficientnet_lite0", "text": "minilm"}
    learner, model = (build_retrieval_learner(schema, seed=seed, **keywords) for seed in (0, 1))
    take_over(model, learner)
    rows = {"image": np.random.default_rng(0).normal(size=(4, 3)), "text": np.ones((4, 2))}
    rows = {name: array.astype(np.float32) for name, array in rows.items()}
    np.testing.assert_allclose(model(rows)["pair"], learner(rows)["pair"], atol=1e-6)
    # One tower's encoder only: the other reads on.
    half = build_retrieval_learner(SCHEMA.with_inputs(image=Vector(3)), size="nano", image="efficientnet_lite0")
    assert half.input["text"].shape == (None, 32) and half.input["image"].shape == (None, 3)

    pixels, ids = keras.Input((16, 16, 3)), keras.Input((32,))
    encoders = {
        "image": keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(pixels)),
        "text": keras.Model(ids, keras.layers.Identity()(ids)[:, :2]),
    }
    parts = {part: load_flickr8k(photos, split, schema=SCHEMA) for part, split in
             (("train", "train"), ("validation", "validation"))}  # fmt: skip
    data = sources.SampleData(SCHEMA, {**parts, "test": parts["validation"]}, get_recipe("retrieval"), "flickr8k", {})
    caches = {name: FeatureCache(tmp_path, name) for name in encoders}
    seen = with_features(data, encoders, caches, print)
    assert seen.schema.inputs == {"image": Vector(3), "text": Vector(2)}
    assert seen.parts["test"] is seen.parts["validation"]
    train_part = seen.parts["train"]
    # A picture and its mirror image; the five captions.
    assert train_part.views["image"].shape == (48, 2, 3) and train_part.views["text"].shape == (48, 5, 2)
    np.testing.assert_allclose(
        train_part.inputs["image"][0], parts["train"].inputs["image"][0].mean(axis=(0, 1)), rtol=1e-5
    )
    assert not seen.parts["test"].views and len(caches["text"]) > 0


# A run ----------------------------------------------------------------------------------------------------------------


def test_a_run_and_its_weights_on_another_folder(photos, tmp_path):
    recipe, said = get_recipe("retrieval"), []
    recipe = dataclasses.replace(
        recipe, training={"nano": dataclasses.replace(recipe.training["nano"], batch_size=16, augmentation=None)}
    )
    record = train(
        recipe, tmp_path / "run", size="nano", data_dir=photos, epochs=2, arms=True, export_bundle=False,
        jit_compile=False, verbose=0, say=said.append,
    )  # fmt: skip
    assert set(record.table.arm) == {"all inputs", "colours and words"}
    assert (
        "first_recall_10" in set(record.table.metric) and not (tmp_path / "run/evaluation/missing_inputs.csv").exists()
    )
    model = mmzoo.load_model(next((tmp_path / "run" / "training").rglob("best.keras")))
    other = draw(tmp_path / "test", 8)
    record, result = evaluate(recipe, tmp_path / "out", model=model, data_dir=other, split="all", say=said.append)
    assert record.samples == 37 and result.missing_inputs is None and record.note == NOTE
    assert 0 <= result.metrics["pair"]["first_recall_1"] <= 1


def test_a_run_of_captions_learns_its_words_from_the_training_rows(photos, tmp_path):
    record = train(
        get_recipe("caption"), tmp_path / "run", size="nano", data_dir=photos, epochs=1, export_bundle=False, verbose=0,
        say=lambda line: None,
    )  # fmt: skip
    arms = {(figure["arm"], figure["metric"]) for figure in record.figures}
    wanted = {"all inputs", "constant caption", "nearest picture"}
    assert {(arm, metric) for arm in wanted for metric in ("bleu", "chrf", "cider", "cut_short")} <= arms
    model = mmzoo.load_model(next((tmp_path / "run" / "training").rglob("best.keras")))
    kind = model.schema["caption"]
    assert {"wall", "house", "red"} <= set(kind.vocabulary) and kind.language == "en" and kind.lowercase
    assert isinstance(mmzoo.predict(model, image=photos / "images" / "000.png")["caption"], str)
