"""Reading pictures of words: street signs, handwriting, captchas, number plates, drawn words.

    mmzoo train reader --data captcha_wp4 --data-dir DIR/captcha_wp4 --out RUN
    mmzoo train reader --data drawn_words --out RUN2

A step of `small` takes 0.3 billion products a picture (forward and backward, at 32 x 160 pixels); 0.4 million
parameters. Each data set has an alphabet of its own.

What came of it (small, one seed, two cores): captcha_wp4, 40 epochs in 5 minutes, all 291 of validation right; for
seven epochs nothing but blanks is said, then it learns within three. plates_cn, 80 epochs in 8 minutes: 91.2 % of 170
plates right as a whole. The other sets were not trained to the end yet.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.data.samples.samples import Samples
from mmzoo.data.sets.drawn_words import load_drawn_words
from mmzoo.data.sets.text_lines import (
    ALPHABETS,
    load_captcha_wp4,
    load_handwriting_rx,
    load_plates_cn,
    load_scene_words,
)
from mmzoo.recipes.recipe import Recipe, Training
from mmzoo.recipes.text_baselines import commonest_text, said

AUGMENTATION = {
    "rotation": 4.0,
    "shear": 0.06,
    "scale": 0.08,
    "aspect": 0.12,
    "shift": 0.05,
    "perspective": 0.05,
    "gain": 0.4,
    "darken": 0.0,
    "overexpose": 0.0,
    "contrast": 0.4,
    "colour": 0.0,
    "fading": 0.0,
    "shadow": 0.1,
    "blur": 0.2,
    "low_resolution": 0.1,
    "noise": 8.0,
    "occlusion": 0.05,
}
TRAINING = Training(
    epochs=40,
    batch_size=32,
    learning_rate=1.5e-3,
    weight_decay=0.02,
    warmup_epochs=2.0,
    dropout=0.2,
    augmentation=AUGMENTATION,
)
# Data set -> how many epochs and what size of picture serve it.
EPOCHS = {"drawn_words": 20, "captcha_wp4": 40, "plates_cn": 80, "handwriting_rx": 60, "scene_words": 60}
PICTURES = {"captcha_wp4": (32, 96), "plates_cn": (32, 96)}


def adjust(training: Training, data: str) -> Training:
    """Alphabet, size of the pictures and length of training of a data set, unless the user gave epochs."""
    builder = {**training.builder, "image_size": PICTURES.get(data, (32, 160))}
    if data in ALPHABETS:
        builder["alphabet"] = ALPHABETS[data]
    epochs = EPOCHS[data] if training.epochs == TRAINING.epochs else training.epochs
    return dataclasses.replace(training, builder=builder, epochs=epochs)


def nearest_picture(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline: the text of the training picture that is most alike, by the grey of 16 x 16 places."""
    from sklearn.neighbors import NearestNeighbors

    known, seen = (_places(samples.inputs["image"]) for samples in (train, measured))
    nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(seen, return_distance=False)[:, 0]
    return {"text": said(schema["text"], train.targets["text"][nearest])}


def _places(images):
    count, height, width, _ = images.shape
    rows, columns = (np.linspace(0, size, 17).astype(int)[:-1] for size in (height, width))
    sums = np.add.reduceat(np.add.reduceat(images[..., 0].astype(np.float32), rows, axis=1), columns, axis=2)
    flat = sums.reshape(count, -1)
    flat -= flat.mean(axis=1, keepdims=True)
    return flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)


RECIPE = Recipe(
    name="reader",
    data={
        "drawn_words": load_drawn_words,
        "captcha_wp4": load_captcha_wp4,
        "plates_cn": load_plates_cn,
        "handwriting_rx": load_handwriting_rx,
        "scene_words": load_scene_words,
    },
    training={"nano": TRAINING, "small": TRAINING},
    about="Reads the word or line in a picture, letter by letter.",
    limits="One line a picture, cut out already; it reads the alphabet it was trained on and knows no other letter.",
    arms={},
    baselines={"commonest text": commonest_text, "nearest picture": nearest_picture},
    adjust=adjust,
    shown_figures=("text_accuracy", "text_accuracy_caseless", "character_error_rate"),
)
