"""The assistant: easy-VQA and DAQUAR in drawn folders, the sceptic's baseline, the model's variants."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.sets import daquar, easy_vqa
from mmzoo.data.sets.daquar import load_daquar
from mmzoo.data.sets.easy_vqa import load_easy_vqa
from mmzoo.models.schemas.assistant import ANSWERS, assistant_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.zoo.assistant import commonest_answer
from mmzoo.schema import Category, Image, Number, Sensors

PICTURES = 60
SCHEMA = assistant_schema(image_size=(16, 16))
ROOMS = assistant_schema(daquar.ANSWERS, image_size=(16, 16))


@pytest.fixture(scope="module")
def drawings(tmp_path_factory):
    """60 drawings of one colour; to each two questions, of which the first has the same answer nearly always."""
    folder = tmp_path_factory.mktemp("easy_vqa")
    (folder / "images").mkdir()
    lines = [",".join(easy_vqa.COLUMNS)]
    for number in range(PICTURES):
        path, red = f"images/{number:04}.png", number % 2 == 0
        Pillow.new("RGB", (64, 64), (200, 0, 0) if red else (0, 0, 200)).save(folder / path)
        lines.append(f"{path},is there not a circle?,{'no' if number == 7 else 'yes'}")
        lines.append(f"{path},what color is the shape?,{'red' if red else 'blue'}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_a_drawing_stays_on_one_side_with_all_that_is_asked_about_it(drawings):
    train, held_out, everything = (
        load_easy_vqa(drawings, split, schema=SCHEMA) for split in ("train", "validation", "all")
    )
    assert set(train.ids) | set(held_out.ids) == set(everything.ids) and len(everything) == 2 * PICTURES
    assert not set(train.groups) & set(held_out.groups) and 4 <= len(held_out) <= 30
    assert easy_vqa.is_validation("a/0001.png") == easy_vqa.is_validation("0001.png")
    assert train.note == easy_vqa.NOTE and "simulated" in train.note
    picture, answer = everything.inputs["image"], everything.targets["answer"]
    assert picture.shape == (2 * PICTURES, 16, 16, 3) and picture.dtype == np.uint8 and answer.dtype == np.int32
    np.testing.assert_array_equal(picture[1::2, 0, 0, 0] == 200, answer[1::2] == ANSWERS.index("red"))
    assert len(load_easy_vqa(drawings, "all", schema=SCHEMA, limit=7)) == 7


def test_the_107_questions_have_ids_of_their_own(drawings):
    """Hashed, no two words of easy-VQA fall together in either size."""
    words = "what is the shape color does image contain a not there in no present rectangle circle triangle black blue"
    words = (words + " brown gray green red teal yellow").split()
    for buckets in (1_000, 5_000):
        question = assistant_schema(words=buckets)["question"]
        assert len({int(question.encode(word, "question")[0]) for word in words}) == len(words)


def test_rows_that_cannot_be_used_are_named(tmp_path):
    Pillow.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def read(rows, load=load_easy_vqa, schema=SCHEMA, columns="image,question,answer"):
        (tmp_path / "metadata.csv").write_text(f"{columns}\n{rows}\n", encoding="utf-8")
        return load(tmp_path, "all", schema=schema)

    with pytest.raises(ValueError, match="row 3: the question is empty"):
        read("a.png,what?,yes\na.png, ,no")
    with pytest.raises(ValueError, match="row 2: expected an answer of .*, got 'maybe'"):
        read("a.png,what?,maybe")
    with pytest.raises(FileNotFoundError, match=r"row 2.*b.png"):
        read("b.png,what?,yes")
    with pytest.raises(ValueError, match="none of the 283 answers that the model knows"):
        read("a.png,what?,nothing of the kind", load_daquar, ROOMS, "path,question,answer")


def test_questions_longer_than_the_model_reads_are_counted(tmp_path):
    Pillow.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "a.png")
    Pillow.new("RGB", (8, 8)).save(tmp_path / "black.png")
    rows = ["image,question,answer", f"a.png,{'what ' * 24},yes", f"a.png,{'what ' * 25},yes", "black.png,what?,no"]
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    note = load_easy_vqa(tmp_path, "all", schema=SCHEMA).note
    assert note == (f"{easy_vqa.NOTE}; image missing in 1 of 3 rows; question longer than is read, and cut, in 1 of 3")


def test_answers_that_the_model_cannot_give_are_left_out_and_counted(tmp_path):
    Pillow.new("RGB", (8, 8), (9, 9, 9)).save(tmp_path / "room.png")
    rows = ["path,question,answer", "room.png,what is on the desk ?,lamp", 'room.png,what is there ?,"lamp, bed"']
    rows += ["room.png,what is on the desk ?,lamp", "room.png,what is it ?,unheard_of"]
    (tmp_path / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    samples = load_daquar(tmp_path, "all", schema=ROOMS)
    assert samples.note.endswith("2 of 4 questions left out, whose answer is none of 283")
    assert samples.targets["answer"].tolist() == [daquar.ANSWERS.index("lamp")] * 2
    assert len(set(samples.ids)) == 2, "two people asked the same"


def test_the_sceptic_answers_without_looking(drawings):
    samples = load_easy_vqa(drawings, "all", schema=SCHEMA)
    found = commonest_answer(samples, samples, SCHEMA)["answer"]
    assert found.shape == (2 * PICTURES, len(ANSWERS))
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert np.mean(found.argmax(axis=1) == samples.targets["answer"]) == (PICTURES - 1 + PICTURES / 2) / (2 * PICTURES)
    other = samples.take(np.arange(1))
    other.raw["question"][0] = "is there not a square?"
    assert ANSWERS[commonest_answer(samples, other, SCHEMA)["answer"][0].argmax()] == "yes", "by its first four words"


def test_the_variants_and_what_is_known_of_the_user():
    model = mmzoo.build_assistant_model(variant="classic", size="nano", image_size=(32, 32))
    assert {"question_lstm", "image_conv2", "image_flat", "fusion_concat"} <= {layer.name for layer in model.layers}
    user = Sensors((Number("age", "years", 0, 120), Category("speaks", ("en", "de"))))
    model = mmzoo.build_assistant_model(size="nano", user=user, answers=("yes", "no"))
    assert list(model.input) == ["image", "question", "user"] and model.output["answer"].shape == (None, 2)
    assert model.schema["image"] == Image(64, 64)
    for keywords in ({"variant": "other"}, {"size": "huge"}, {"finetune": "half"}):
        with pytest.raises(ValueError, match="expected (one of|'modern')"):
            mmzoo.build_assistant_model(**keywords)
    with pytest.raises(ValueError, match="only for variant 'modern'"):
        mmzoo.build_assistant_model(variant="classic", image="separable")


def test_each_data_set_has_its_answers_and_pictures():
    recipe = get_recipe("assistant")
    assert recipe.training_for("small", "easy_vqa").builder == {}
    rooms = recipe.training_for("small", "daquar")
    assert rooms.builder["answers"] == daquar.ANSWERS and rooms.augmentation.get("mirror", 0) == 0


def test_the_real_folders_are_the_ones_that_the_splits_were_made_for():
    root = os.environ.get("MMZOO_DATA")
    if not root:
        pytest.skip("needs MMZOO_DATA=<directory with easy_vqa/ and daquar/>")
    tiny = assistant_schema(daquar.ANSWERS, image_size=(4, 4))
    held_out = load_daquar(pathlib.Path(root) / "daquar", "validation", schema=tiny)
    assert len(held_out) == 1271 and "223 of 1,494 questions left out" in held_out.note
    assert len(set(held_out.groups)) <= 177
    table = (pathlib.Path(root) / "easy_vqa" / "metadata.csv").read_text(encoding="utf-8").splitlines()[1:]
    pictures = {line.split(",")[0] for line in table}
    assert len(pictures) == 4000 and 350 < sum(map(easy_vqa.is_validation, pictures)) < 450
