"""Writing down what is said: digits, wake words, orders of coffee, names that are spelled.

mmzoo train speech --data fsdd --data-dir DIR/fsdd --size nano --out RUN
mmzoo train speech --data fsdd_speakers --data-dir DIR/fsdd --size nano --fold all --out RUN2
mmzoo train speech --data an4_mfcc --data-dir DIR/an4_mfcc --out RUN3
mmzoo train speech --data coffee_intents --data-dir DIR/coffee_intents --out RUN4

The learning rate decides: at 2e-3 nano wrote 41.3 % of the digits after 40 epochs, at 1e-2 93 % after ten (without
changes of the sounds). XLA takes a third of the time off a step, which is a loop over many small products.

Of 300 digits of validation (the speakers of training), one seed each, small: 95.3 % with much noise and stretches of
time hidden, 94.0 % with less noise, 96.3 % with nothing hidden and a dropout of 0.1, as below, in 20 epochs and 10
minutes on two busy cores; 97.3 % with no change of the sounds at all, in 8 epochs, which was not tried on other voices.
The nearest sound has 96.3 %. The other sets are not trained yet.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.an4_mfcc import load_an4_mfcc
from mmzoo.data.sets.spoken import load_coffee_intents, load_fsdd, load_fsdd_speakers, load_wake_words
from mmzoo.models.schemas.speech import COEFFICIENTS, SOUND
from mmzoo.recipes.recipe import EpochContext, Recipe, Training
from mmzoo.recipes.text_baselines import commonest_text, said

AUGMENTATION = {"speed": 0.1, "shift": 0.5, "gain": 10.0, "noise": -25.0, "silence": 0.01}
TRAINING = Training(
    epochs=40,
    batch_size=16,
    learning_rate=6e-3,
    weight_decay=0.02,
    warmup_epochs=2.0,
    dropout=0.2,
    augmentation=AUGMENTATION,
)
# Data set -> what of the builder serves it, and how long it is trained.
BUILDERS = {
    # Of a digit of 0.4 s what is hidden for 0.12 s can't be guessed.
    **dict.fromkeys(("fsdd", "fsdd_speakers"), {"seconds": 1.2, "augment": False}),
    "wake_words": {"sample_rate": 16_000, "seconds": 2.52},
    "coffee_intents": {"sample_rate": 16_000, "seconds": 10.0},
    "an4_mfcc": {"hears": COEFFICIENTS, "seconds": 7.0},
}
EPOCHS = {"fsdd": 20, "fsdd_speakers": 20, "wake_words": 120, "coffee_intents": 80, "an4_mfcc": 60}
# Of more texts than this a classifier of texts makes no sense.
MOST_TEXTS = 50


def adjust(training: Training, data: str) -> Training:
    """What is heard, and the length of training of a data set, unless the user gave epochs."""
    return dataclasses.replace(
        training,
        builder={**training.builder, **BUILDERS.get(data, {})},
        dropout=0.1 if "fsdd" in data else training.dropout,
        epochs=EPOCHS[data] if training.epochs == TRAINING.epochs else training.epochs,
    )


def augment(context: EpochContext):
    """Other speeds, delays, loudness and noise, drawn anew in each epoch."""
    from mmzoo.data.sound_augmentation import SoundAugmentation

    return [SoundAugmentation(**context.training.augmentation)]


def logistic_regression(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray] | None:
    """A sceptic's baseline, which knows no order in time: logistic regression on the mean and deviation of each band,
    where there are no more than 50 texts to choose from."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    texts, numbers = np.unique(train.targets["text"], axis=0, return_inverse=True)
    if not 2 <= len(texts) <= MOST_TEXTS:
        return None
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    classifier.fit(_averages(train, schema), numbers.ravel())
    return {"text": said(schema["text"], texts[classifier.predict(_averages(measured, schema))])}


def nearest_sound(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline: the text of the training sound whose bands are most alike in mean and deviation."""
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    known, heard = _averages(train, schema), _averages(measured, schema)
    scale = StandardScaler().fit(known)
    nearest = NearestNeighbors(n_neighbors=1).fit(scale.transform(known))
    found = nearest.kneighbors(scale.transform(heard), return_distance=False)[:, 0]
    return {"text": said(schema["text"], train.targets["text"][found])}


def _averages(samples, schema) -> np.ndarray:
    """Mean and deviation over time of 40 log-mel bands, or of the coefficients: float32 (N, numbers)."""
    if COEFFICIENTS in samples.inputs:
        rows = samples.inputs[COEFFICIENTS]
        known = ~np.isnan(rows).all(axis=2)
    else:
        from mmzoo.layers import LogMelSpectrogram

        bands = LogMelSpectrogram(schema[SOUND].sample_rate, 40)
        parts = [bands(samples.inputs[SOUND][start : start + 64])[:2] for start in range(0, len(samples), 64)]
        rows, known = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in (0, 1))
    count = np.maximum(known.sum(axis=1), 1)[:, None]
    rows = np.where(known[..., None], np.nan_to_num(rows), 0.0)
    mean = rows.sum(axis=1) / count
    square = np.square(rows).sum(axis=1) / count
    return np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))], axis=1).astype(np.float32)


RECIPE = Recipe(
    name="speech",
    data={
        "fsdd": load_fsdd,
        "fsdd_speakers": load_fsdd_speakers,
        "wake_words": load_wake_words,
        "coffee_intents": load_coffee_intents,
        "an4_mfcc": load_an4_mfcc,
    },
    training={"nano": dataclasses.replace(TRAINING, learning_rate=1e-2), "small": TRAINING},
    about="Writes down what is said in a sound, letter by letter.",
    limits="It knows the words it was trained on, of the people and microphones there, and writes something like them "
    "where others are said. It knows no language: what it is unsure of it misspells.",
    arms={},
    baselines={
        "commonest text": commonest_text,
        "nearest sound": nearest_sound,
        "logistic regression": logistic_regression,
    },
    builder_options={
        "variant": Option(
            str, "whole", "Utterances as a whole, or piece by piece as they come.", ("whole", "streaming")
        ),
    },
    adjust=adjust,
    augment=augment,
    shown_figures=("text_accuracy", "word_error_rate", "character_error_rate"),
)
