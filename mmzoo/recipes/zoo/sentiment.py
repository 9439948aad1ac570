"""Sentiment: a text, a picture and a voice to a sentiment and an emotion.

    mmzoo train sentiment --data mvsa_single --data-dir DIR/mvsa_single_4000 --arms --seeds 3 --out RUN
    mmzoo train sentiment --data emodb --data-dir DIR/emodb --fold all --arms --out RUN2
    mmzoo train sentiment --data tweets_and_voices --data-dir DIR --fold all --out RUN3      # one model for both

Each data set has some of the inputs and outputs, and the model has those. What a sceptic tries first: on tweets
logistic regression on their words (65.1 % accuracy, macro F1 0.419 on the 378 tweets of validation), on voices the same
on the mean and deviation of their spectrum (43.3 % of the emotions, 65.6 % of the sentiments; each of eight speakers
held out in turn, 418 voices). The model itself is not measured yet.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.emodb import load_emodb
from mmzoo.data.sets.mvsa_single import load_mvsa_single
from mmzoo.data.sets.tweets_and_voices import load_tweets_and_voices
from mmzoo.recipes.recipe import Recipe, Training

PHOTOS = {
    **dict.fromkeys(("shear", "perspective", "scale", "shift", "darken", "overexpose", "shadow", "occlusion"), 0.0),
    **{"rotation": 5.0, "crop": 0.4, "aspect": 0.1, "mirror": 0.5, "gain": 0.3, "contrast": 0.3, "colour": 0.1},
    **{"fading": 0.1, "blur": 0.1, "low_resolution": 0.0, "noise": 4.0},
}
# What each data set has: inputs, outputs.
PARTS = {
    "mvsa_single": (("text", "image"), ("sentiment",)),
    "emodb": (("text", "voice"), ("emotion", "sentiment")),
    "tweets_and_voices": (("text", "image", "voice"), ("sentiment", "emotion")),
}


def training(epochs: int, **changes) -> Training:
    """The hyper-parameters of a size."""
    return Training(epochs=epochs, weight_decay=0.05, dropout=0.4, modality_dropout=0.2, **changes)


def adjust(settings: Training, data: str) -> Training:
    """Inputs and outputs that the data has; a small set of voices needs more epochs, of tweets fewer."""
    inputs, outputs = PARTS[data]
    builder = {**settings.builder, "inputs": inputs, "outputs": outputs}
    if "image" in inputs:
        # Words of 2,900 tweets are learnt by heart in a few epochs: a tenth of them says when to stop.
        stopping = {"patience": 4, "restore_best": True}
        return dataclasses.replace(settings, builder=builder, augmentation=PHOTOS, label_smoothing=0.1, **stopping)
    return dataclasses.replace(settings, builder=builder, epochs=5 * settings.epochs, batch_size=32, ema=0.99)


def linear(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline: logistic regression on the words of tweets (TF-IDF) and, where there are voices, on what
    their spectrum is on average and how much it varies.

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    known, asked = [], []
    # The sentences of voices are the same in every emotion; tweets have pictures.
    if "image" in train.inputs:
        words = TfidfVectorizer(sublinear_tf=True)
        known.append(words.fit_transform(train.raw["text"]))
        asked.append(words.transform(measured.raw["text"]))
    if "voice" in train.inputs:
        scaler = StandardScaler()
        known.append(csr_matrix(scaler.fit_transform(spectra(train.inputs["voice"]))))
        asked.append(csr_matrix(scaler.transform(spectra(measured.inputs["voice"]))))
    known, asked = hstack(known).tocsr(), hstack(asked).tocsr()
    found = {}
    for name, kind in schema.outputs.items():
        labelled = kind.has_target(train.targets[name])
        model = LogisticRegression(max_iter=2_000).fit(known[labelled], train.targets[name][labelled])
        found[name] = np.zeros((len(measured), *kind.shape), np.float32)
        found[name][:, model.classes_] = model.predict_proba(asked)
    return found


def spectra(voices: np.ndarray, frame: int = 512, bands: int = 32) -> np.ndarray:
    """Mean and deviation over time of the logarithm of the energy in each band: float (N, 2 bands).

    Args:
        voices: float (N, samples), zeros behind the end.
        frame: samples of a frame.
        bands: of equal width.
    """
    rows = []
    for voice in voices:
        length = max(int(np.flatnonzero(voice)[-1]) + 1 if voice.any() else 0, frame)
        frames = voice[: length // frame * frame].reshape(-1, frame) * np.hanning(frame)
        energy = np.abs(np.fft.rfft(frames)[:, 1:]) ** 2
        levels = np.log(energy.reshape(len(frames), bands, -1).mean(axis=2) + 1e-6)
        rows.append(np.concatenate([levels.mean(axis=0), levels.std(axis=0)]))
    return np.array(rows)


RECIPE = Recipe(
    name="sentiment",
    data={"mvsa_single": load_mvsa_single, "emodb": load_emodb, "tweets_and_voices": load_tweets_and_voices},
    training={"nano": training(12), "small": training(12)},
    about="Tells the sentiment and the emotion of what is written, shown and said; any of these may be missing.",
    limits="Tweets: in the English and the taste of 2016, with labels that even people disagree on. Voices: eight "
    "actors who play an emotion in German, which is not how people sound who have one.",
    adjust=adjust,
    controls=("text",),
    baselines={"logistic regression": linear},
    builder_options={
        "variant": Option(str, "modern", "The network: modern, or the article's.", ("modern", "classic")),
        "image": Option(str, None, "How pictures are read: separable, vgg, or a pretrained encoder."),
        "text": Option(str, None, "How texts are read: their words, or by a pretrained encoder."),
        "finetune": Option(str, None, "Of pretrained encoders; the classic: full.", ("frozen", "lora", "full")),
    },
    shown_figures=("accuracy", "balanced_accuracy", "macro_f1"),
)
