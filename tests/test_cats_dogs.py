"""The photos of cats and dogs: the split, the simulated descriptions, the folder's faults; the model's variants."""

from __future__ import annotations

import os
import pathlib
import re

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.sets.cats_dogs import _PARTS, CLASSES, NOTE, describe, is_validation, load_cats_dogs

ROWS = 60


@pytest.fixture(scope="module")
def schema():
    return mmzoo.build_cat_dog_model(size="nano", image_size=(32, 32)).schema


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Drawn pictures in the layout of the photos: what is a cat is dark."""
    folder = tmp_path_factory.mktemp("cats_dogs")
    (folder / "images").mkdir()
    lines = ["path,label_name"]
    for number in range(ROWS):
        label = CLASSES[number % 2]
        path = f"images/{label}.{number}.png"
        Pillow.new("RGB", (40, 30), (60 + 100 * (number % 2),) * 3).save(folder / path)
        lines.append(f"{path},{label}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_the_splits_make_up_all_and_share_nothing(folder, schema):
    train, validation, everything = (
        load_cats_dogs(folder, split, schema=schema) for split in ("train", "validation", "all")
    )
    assert set(train.ids) | set(validation.ids) == set(everything.ids) and len(everything) == ROWS
    assert not set(train.ids) & set(validation.ids)
    assert 4 <= len(validation) <= 24
    assert "simulated" in train.note == NOTE
    assert everything.inputs["image"].shape == (ROWS, 32, 32, 3) and everything.inputs["image"].dtype == np.uint8
    np.testing.assert_array_equal(everything.targets["animal"], np.arange(ROWS) % 2)
    np.testing.assert_array_equal(everything.inputs["image"][:, 0, 0, 0] > 100, np.arange(ROWS) % 2 == 1)


def test_a_photo_stays_on_its_side_whatever_rows_and_folders_there_are():
    assert [is_validation(f"{folder}/cat.{i}.jpg") for i in range(50) for folder in ("a", "b/c")] == [
        is_validation(f"cat.{i}.jpg") for i in range(50) for _ in range(2)
    ]
    assert is_validation("dog.180.jpg") == is_validation("dog.74.jpg"), "one picture, saved twice"


def test_a_description_depends_on_the_name_the_label_and_the_seed_alone():
    texts = [describe(f"some/where/cat.{i}.jpg", 0, seed=3) for i in range(40)]
    assert texts == [describe(f"cat.{i}.jpg", 0, seed=3) for i in range(40)]
    assert texts != [describe(f"cat.{i}.jpg", 0, seed=4) for i in range(40)]
    assert texts != [describe(f"cat.{i}.jpg", 1, seed=3) for i in range(40)]


def test_descriptions_name_no_animal_breed_or_sound_and_are_often_absent():
    texts = [describe(f"{i}.jpg", label) for i in range(2000) for label in (0, 1)]
    forbidden = "cat|cats|dog|dogs|kitten|puppy|pup|hound|terrier|poodle|retriever|siamese|persian|bark|barks|barking|"
    forbidden += "meow|miaow|purr|purrs|purring|growl|growling|woof|hiss|tabby|kitty|feline|canine|animal|paw"
    assert not [text for text in texts if re.search(rf"\b({forbidden})\b", text)]
    assert 0.37 < np.mean([not text for text in texts]) < 0.43
    assert max(len(text.split()) for text in texts) <= 24, "the model reads them whole"
    assert all(text == text.strip(" ,") and "  " not in text for text in texts)


def test_descriptions_say_something_and_not_all():
    """Word by word, as learnt from some and measured on others: two thirds to three quarters of all rows."""
    labels = np.arange(4000) % 2
    texts = [set(re.findall(r"\w+", describe(f"{i}.jpg", label))) for i, label in enumerate(labels)]
    words = sorted(set.union(*texts))
    counts = np.array([[word in text for word in words] for text in texts], float)
    known = counts[:2000]
    rates = np.stack([(known[labels[:2000] == label].sum(axis=0) + 1) / 1000 for label in (0, 1)])
    score = counts[2000:] @ np.log(rates[1] / rates[0])
    right = np.where(score == 0, 0.5, (score > 0) == (labels[2000:] == 1)).mean()
    assert 0.65 < right < 0.75
    assert all(0 < weight for _, phrases in _PARTS.values() for pair in phrases.values() for weight in pair)


def test_a_limit_takes_the_classes_in_turn(folder, schema):
    samples = load_cats_dogs(folder, "all", schema=schema, limit=10)
    assert len(samples) == 10 and samples.targets["animal"].sum() == 5


def test_faults_name_file_and_row(folder, schema, tmp_path):
    def read(text):
        (tmp_path / "metadata.csv").write_text(text, encoding="utf-8")
        return load_cats_dogs(tmp_path, "all", schema=schema)

    with pytest.raises(ValueError, match=r"metadata.csv: row 3: expected a label_name .* got 'cow'"):
        read("path,label_name\na.png,cat\nb.png,cow\n")
    with pytest.raises(ValueError, match="no column 'label_name'"):
        read("path,label\na.png,cat\n")
    with pytest.raises(FileNotFoundError, match=r"row 2.*a.png"):
        read("path,label_name\na.png,cat\n")
    with pytest.raises(FileNotFoundError, match="metadata.csv"):
        load_cats_dogs(folder / "images", "all", schema=schema)


def test_the_classic_is_the_articles(schema):
    model = mmzoo.build_cat_dog_model(variant="classic")
    assert model.input["image"].shape == (None, 150, 150, 3)
    shapes = {layer.name: [tuple(w.shape) for w in layer.get_weights()] for layer in model.layers}
    assert shapes["image_conv1"][0] == (3, 3, 3, 32) and shapes["image_dense"][0][1] == 128
    assert shapes["description_embedding"][0] == (10_000, 64)
    assert 22e6 < model.count_params() < 24e6
    for variant, size in (("modern", "large"), ("classic", "base"), ("other", "small")):
        with pytest.raises(ValueError, match="expected one of"):
            mmzoo.build_cat_dog_model(variant=variant, size=size)


def test_the_real_folder_has_3_195_photos_to_train_on(schema):
    root = os.environ.get("MMZOO_DATA")
    if not root:
        pytest.skip("needs MMZOO_DATA=<directory with cats_dogs/metadata.csv>")
    data = pathlib.Path(root) / "cats_dogs"
    train = load_cats_dogs(data, "train", schema=schema, limit=20)
    assert len(train) == 20 and train.targets["animal"].sum() == 10
    names = [line.split(",")[0] for line in (data / "metadata.csv").read_text().splitlines()[1:]]
    held_out = [is_validation(name) for name in names]
    assert len(held_out) == 4000 and sum(held_out) == 805
