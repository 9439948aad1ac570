"""`Picture`: targets, files, judges; mixtures of noise and picture, the steps, the data and the model that draws."""

import csv
import json
import os
import pathlib

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image as Pillow
from PIL import ImageDraw

import mmzoo
from mmzoo.data.noising import Noising
from mmzoo.data.sets import captioned
from mmzoo.edge.__main__ import _written
from mmzoo.layers import Flow
from mmzoo.models.schemas.text_to_image import text_to_image_schema
from mmzoo.recipes.zoo import text_to_image as recipe
from mmzoo.schema import Noise, Picture, Schema
from mmzoo.tasks import task_for
from mmzoo.tasks.judges import shapes

SCHEMA = text_to_image_schema(image_size=(16, 16), words=50, judge="shapes")
KIND = SCHEMA["picture"]
TASK = task_for(KIND)


def drawn(shape, colour, size=16, box=(3, 4, 11, 13)):
    picture = Pillow.new("RGB", (8 * size, 8 * size), (245, 235, 240))
    left, top, right, bottom = (8 * side for side in box)
    draw = ImageDraw.Draw(picture)
    if shape == "triangle":
        draw.polygon([(left, bottom), ((left + right) / 2, top), (right, bottom)], colour)
    else:
        {"circle": draw.ellipse, "rectangle": draw.rectangle}[shape]((left, top, right, bottom), colour)
    return picture.resize((size, size), Pillow.Resampling.BOX)


def test_targets_are_pictures_and_what_is_given_becomes_one():
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA and KIND.shape == (16, 16, 3)
    target = KIND.encode_target(drawn("circle", "red"), "row 2")
    assert target.dtype == np.uint8 and KIND.has_target(target[None]).all()
    assert not KIND.has_target(KIND.encode_target("", "row 2")[None]).any()
    np.testing.assert_array_equal(np.asarray(KIND.decode(target / 255.0)), target)
    assert KIND.decode(np.full((16, 16, 3), 1.7)).getpixel((0, 0)) == (255, 255, 255)
    assert Picture(4, 4, 1).decode(np.zeros((4, 4, 1))).mode == "L"
    np.testing.assert_allclose(TASK.encode_targets(KIND, target[None], "train"), target[None] / 255, atol=1e-6)
    with pytest.raises(ValueError, match=r"train: expected pictures uint8 \(N, 16, 16, 3\), got float32"):
        TASK.encode_targets(KIND, target[None].astype(np.float32), "train")
    with pytest.raises(FileNotFoundError, match="row 2: none.png: no such file"):
        KIND.encode_target("none.png", "row 2")
    with pytest.raises(ValueError, match="channels: expected 1 or 3, got 4"):
        Picture(4, 4, 4)


@pytest.mark.parametrize("size", [16, 32])
@pytest.mark.parametrize("shape", ["circle", "rectangle", "triangle"])
@pytest.mark.parametrize("colour", ["teal", "yellow", "brown"])
def test_the_judge_sees_shape_and_colour(size, shape, colour):
    box = tuple(side * size // 16 for side in (3, 4, 11, 13))
    assert shapes(np.asarray(drawn(shape, colour, size, box))[None]) == [f"{colour} {shape}"]


def test_figures_are_pixels_and_what_the_judge_says():
    assert shapes(np.full((1, 16, 16, 3), 240, np.uint8)) == ["nothing"]
    targets = np.stack([np.asarray(drawn(shape, "blue")) for shape in ("circle", "triangle")])
    moved = np.stack([np.asarray(drawn(shape, "blue", box=(5, 5, 14, 14))) for shape in ("circle", "rectangle")])
    found = TASK.measure(KIND, targets, TASK.reduce(KIND, moved / np.float32(255)))
    assert found["judged_right"] == 0.5 and 0 < found["pixel_error"] < 0.3
    assert TASK.measure(KIND, targets, targets) == {"judged_right": 1.0, "pixel_error": 0.0}
    assert set(TASK.measure(Picture(16, 16), targets, moved)) == {"pixel_error"}
    assert TASK.prediction_cells(KIND, targets[0], moved[1])[:2] == ("blue circle", "blue rectangle")
    assert "mean picture" in TASK.trivial(KIND, targets, targets)


def test_a_prediction_is_written_to_a_file_and_never_over_another(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prediction = {"picture": drawn("circle", "red")}
    assert [_written(prediction, SCHEMA)["picture"] for _ in range(2)] == ["picture.png", "picture_2.png"]
    np.testing.assert_array_equal(Pillow.open("picture_2.png"), prediction["picture"])
    assert KIND.in_words(prediction["picture"]) == ["a picture of 16 x 16 pixels"]
    assert KIND.cells(np.zeros(KIND.shape)) == ("(a picture of 16 x 16 pixels)",)


# Training -------------------------------------------------------------------------------------------------------------


def test_mixtures_lie_between_noise_and_picture():
    pictures = np.zeros((400, 4, 4, 3), np.uint8)
    pictures[:] = 255
    inputs = {"text": tf.ones((400, 5), tf.int32)}
    mixed, targets = Noising(hidden=0.25)(inputs, {"picture": tf.constant(pictures)}, tf.constant([3, 4]))
    noise = mixed["noise"].numpy()
    # Of a white picture the mean says how far on the way it is, the deviation how much noise is left.
    way, left = noise.mean(axis=(1, 2, 3)), noise.std(axis=(1, 2, 3))
    assert 0.4 < way.mean() < 0.6 and np.corrcoef(way, left)[0, 1] < -0.8 and targets["picture"].shape == (400, 4, 4, 3)
    assert 0.15 < 1 - (mixed["text"].numpy() > 0).all(axis=1).mean() < 0.35
    again, _ = Noising(hidden=0.25)(inputs, {"picture": tf.constant(pictures)}, tf.constant([3, 4]))
    np.testing.assert_array_equal(noise, again["noise"])


def network(value):
    """Says the same picture, whatever it is given."""
    x, wanted = keras.Input((2, 2, 3)), keras.Input((1,))
    picture = keras.layers.Dense(3, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(value))(x)
    return keras.Model([x, wanted], picture)


@pytest.mark.parametrize("steps", [1, 4])
def test_the_steps_end_at_what_the_network_says(steps):
    noise, wanted = np.random.default_rng(0).standard_normal((2, 2, 2, 3)).astype(np.float32), np.zeros((2, 1))
    flow = Flow(network(0.5), steps)
    np.testing.assert_allclose(flow(noise, wanted), 0.75, atol=1e-6)
    np.testing.assert_allclose(Flow(network(3.0), steps)(noise, wanted), 1.0, atol=1e-6)
    np.testing.assert_allclose(Flow(network(3.0), steps)(noise, wanted, training=True), 2.0, atol=1e-6)
    again = Flow.from_config(flow.get_config())
    assert again.steps == steps and len(again.weights) == 2
    with pytest.raises(ValueError, match=r"steps: expected 1\.\.10, got 11"):
        Flow(network(0.0), 11)


# Data -----------------------------------------------------------------------------------------------------------------


def test_captions_are_put_together_from_questions(tmp_path):
    (tmp_path / "images").mkdir()
    asked = [
        ("what shape is present?", "circle"), ("what color is the circle?", "red"), ("is there a blue shape?", "no"),
    ]  # fmt: skip
    rows = [(f"images/{i}.png", *pair) for i in range(30) for pair in asked]
    # Of the last drawing nobody tells the colour.
    rows = rows[:-2] + [("images/29.png", "is there not a red shape?", "yes")]
    for i in range(30):
        drawn("circle", "red").save(tmp_path / f"images/{i}.png")
    with open(tmp_path / "metadata.csv", "w", newline="") as file:
        csv.writer(file).writerows([("image", "question", "answer"), *rows])
    parts = [captioned.load_easy_vqa_drawings(tmp_path, split, schema=SCHEMA) for split in ("train", "validation")]
    assert sum(map(len, parts)) == 29 and not set(parts[0].ids) & set(parts[1].ids)
    assert parts[0].raw["text"][0] == "red circle" and "left out: 1 of 30 drawings" in parts[0].note
    assert "noise" not in parts[0].inputs and parts[0].targets["picture"].shape[1:] == (16, 16, 3)
    found = recipe.mean_picture(parts[0], parts[1], SCHEMA) | {"x": recipe.nearest_caption(parts[0], parts[1], SCHEMA)}
    np.testing.assert_array_equal(found["picture"], found["x"]["picture"])


@pytest.mark.parametrize("name", ["easy_vqa", "openmoji"])
def test_real_pictures_are_read_and_the_judge_agrees_with_their_captions(name):
    root = os.environ.get("MMZOO_DATA")
    if not root or not (pathlib.Path(root) / name).is_dir():
        pytest.skip(f"needs MMZOO_DATA=<directory with {name}/>")
    schema = text_to_image_schema(image_size=(32, 32))
    found = recipe.RECIPE.data[name](pathlib.Path(root) / name, "validation", schema=schema, limit=200)
    assert len(found) == 200 and found.targets["picture"].std() > 20
    if name == "easy_vqa":
        assert (
            np.mean([a == b for a, b in zip(shapes(found.targets["picture"]), found.raw["text"], strict=True)]) > 0.98
        )


# The model ------------------------------------------------------------------------------------------------------------


def test_it_learns_the_colour_that_is_asked_for_and_writes_it_down(tmp_path):
    model = mmzoo.build_model("text_to_image", size="nano", image_size=(8, 8), steps=3, seed=0)
    kind, texts = model.schema["picture"], ["a red one", "a blue one"] * 64
    pictures = np.zeros((128, 8, 8, 3), np.uint8)
    pictures[::2, ..., 0] = pictures[1::2, ..., 2] = 220
    inputs = {"text": np.stack([model.schema["text"].encode(text, "text") for text in texts])}
    from mmzoo.data.pipeline import from_arrays

    def data(epoch):
        return from_arrays(
            inputs, {"picture": pictures}, batch_size=32, shuffle=True, seed=epoch, augmentation=Noising()
        )

    mmzoo.fit(model, data, epochs=20, learning_rate=1e-2, seed=0, verbose=0)
    found = mmzoo.evaluate(model, (inputs, {"picture": pictures}), out=tmp_path)
    assert found.metrics["picture"]["pixel_error"] < 0.02 < TASK.measure(
        kind, pictures, np.repeat(pictures.mean(axis=0)[None].astype(np.uint8), 128, axis=0)
    )["pixel_error"]  # fmt: skip
    said = [mmzoo.predict(model, text="a blue one", seed=seed)["picture"] for seed in (0, 0, 1)]
    assert said[0] == said[1] != said[2] and np.asarray(said[0])[..., 2].mean() > 150
    assert "Pictures that nobody picked" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "metrics.json").read_text())["picture"]["samples"] == 128


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match="image_size: expected multiples of 4"):
        mmzoo.build_model("text_to_image", image_size=(30, 32))
    with pytest.raises(ValueError, match=r"size: expected one of \['nano', 'small'\]"):
        mmzoo.build_model("text_to_image", size="huge")
    assert Noise((4, 4, 3)).is_drawn
