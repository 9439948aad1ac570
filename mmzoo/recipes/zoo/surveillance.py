"""Surveillance: what a camera sees and a microphone hears to an event and an alarm.

    mmzoo train surveillance --data fight_surv --data-dir DIR/fight_surv --fold all --arms --seeds 3 --out RUN
    mmzoo train surveillance --data-dir DIR/fight_surv --fold all --image efficientnet_lite0 --out RUN2
    mmzoo train surveillance --data urbansound_safety --data-dir DIR/urbansound_safety --fold all --seeds 3 --out RUN3
    mmzoo train surveillance --data surveillance_reels --data-dir DIR/surveillance_reels --arms --out RUN4

Clips need PyAV (`pip install 'mmzoo[video]'`). What a sceptic tries first: of clips logistic regression on how much
moves (69 % over five folds), of sounds the same on their spectrum (65 % of six). The
model itself is not measured yet: three epochs of one fold gave 56 %.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.fight_surv import load_fight_surv
from mmzoo.data.sets.surveillance_reels import load_surveillance_reels
from mmzoo.data.sets.urbansound_safety import load_urbansound_safety
from mmzoo.models.schemas.surveillance import EVENTS, HEARD, SEEN
from mmzoo.recipes.recipe import EpochContext, Recipe, Training
from mmzoo.recipes.zoo.sentiment import spectra

# What each data set has: inputs, events.
PARTS = {
    "fight_surv": (("video", "sound"), SEEN),
    "urbansound_safety": (("sound",), HEARD),
    "surveillance_reels": (("video", "sound"), EVENTS),
}
TRAINING = Training(
    epochs=30, batch_size=16, learning_rate=1.5e-3, weight_decay=0.05, dropout=0.4, modality_dropout=0.2, ema=0.98,
    label_smoothing=0.05,
)  # fmt: skip


def adjust(settings: Training, data: str) -> Training:
    """Inputs and events that the data has."""
    inputs, events = PARTS[data]
    if data == "surveillance_reels":
        # The same clips and sounds in many segments.
        settings = dataclasses.replace(settings, epochs=max(1, settings.epochs // 3))
    return dataclasses.replace(settings, builder={**settings.builder, "inputs": inputs, "events": events})


def augment(context: EpochContext) -> list:
    """Clips in a mirror; sounds earlier or later, louder or softer, with noise. Their speed stays: it is a siren's."""
    from mmzoo.data.mirroring import Mirroring
    from mmzoo.data.sound_augmentation import SoundAugmentation

    return [Mirroring(images=("video",)), SoundAugmentation(speed=0.05, noise=-15.0)]


def linear(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline: logistic regression on how much moves and on what the sound's spectrum is on average.

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known, asked = (_statistics(samples) for samples in (train, measured))
    found = {}
    for name, kind in schema.outputs.items():
        model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2_000, C=0.1))
        model.fit(known, train.targets[name])
        found[name] = np.zeros((len(measured), *kind.shape), np.float32)
        found[name][:, model.classes_] = model.predict_proba(asked)
    return found


def _statistics(samples):
    parts = {"video": motion, "sound": spectra}
    return np.concatenate([parts[name](array) for name, array in samples.inputs.items()], axis=1)


def motion(films: np.ndarray) -> np.ndarray:
    """How much moves in films, uint8 (N, F, H, W, C): float64 (N, 8), of the mean differences between frames and of the
    share of places that change the mean, deviation, median and largest.
    """
    rows = []
    for film in films:
        change = np.abs(np.diff(film.astype(np.float32).mean(axis=-1), axis=0))
        curves = (change.mean(axis=(1, 2)), (change > 20).mean(axis=(1, 2)))
        rows.append([f(curve) for curve in curves for f in (np.mean, np.std, np.median, np.max)])
    return np.array(rows, np.float64)


RECIPE = Recipe(
    name="surveillance",
    data={
        "fight_surv": load_fight_surv,
        "urbansound_safety": load_urbansound_safety,
        "surveillance_reels": load_surveillance_reels,
    },
    training={"nano": TRAINING, "small": TRAINING},
    about="Watches and listens for two seconds: what happens, and whether someone should look. Either may be missing.",
    limits="It knows 44 videos of fights from the web and 146 recordings of sounds, no camera of yours: expect many "
    "false alarms in another place. Sound hardly tells a fight here. It must not decide on anything about a person; "
    "someone has to look.",
    adjust=adjust,
    augment=augment,
    concat=False,
    baselines={"logistic regression": linear},
    builder_options={
        "image": Option(str, "separable", "How frames are read: separable, vgg, or a pretrained encoder."),
        "finetune": Option(str, "frozen", "Of pretrained encoders.", ("frozen", "lora", "full")),
    },
    shown_figures=("accuracy", "balanced_accuracy", "macro_f1", "average_precision"),
)
