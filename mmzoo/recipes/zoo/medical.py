"""Medical: a picture, a record and what was measured of a patient to a diagnosis. No medical device.

    mmzoo train medical --data ham10000 --data-dir DIR/ham10000_subset --fold 0 --arms --seeds 3 --out RUN
    mmzoo train medical --data covid_cxr --data-dir DIR/covid_cxr --fold all --arms --out RUN2

HAM10000 has no records, so that input is left out. Three quarters of its lesions are naevi: classes count the same in
the loss, and the figure is the balanced accuracy, by which whoever always says "naevus" has one seventh. Gradient
boosting on age, sex and site, which looks at no picture, has 0.294 (fold 0, 937 lesions).

What came of it: nano on HAM10000, fold 0, one seed, from scratch, a quarter of an hour on two cores: 0.582. On chests a
first try of 30 epochs of five steps with averaged weights was no better than chance (0.32, all folds), where logistic
regression on words and measurements has 0.52; the settings below are longer.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.covid_cxr import CLASSES, PATIENT, load_covid_cxr
from mmzoo.data.sets.ham10000 import load_ham10000
from mmzoo.recipes.recipe import Recipe, Training

OUTPUT = "diagnosis"
# A lesion has no up or down, left or right; its colours mean something.
LESIONS = {
    "rotation": 45.0,
    "mirror": 0.5,
    "crop": 0.4,
    "aspect": 0.1,
    "shear": 0.0,
    "perspective": 0.0,
    "scale": 0.0,
    "shift": 0.0,
    "gain": 0.2,
    "contrast": 0.2,
    "colour": 0.05,
    "fading": 0.0,
    "darken": 0.0,
    "overexpose": 0.0,
    "shadow": 0.0,
    "blur": 0.1,
    "low_resolution": 0.0,
    "noise": 3.0,
    "occlusion": 0.1,
}


# A chest has its heart on one side, and is taken upright.
CHESTS = LESIONS | {"rotation": 8.0, "mirror": 0.0, "crop": 0.25, "colour": 0.0}


def training(epochs: int, **changes) -> Training:
    """The hyper-parameters of a size."""
    return Training(
        epochs=epochs,
        weight_decay=0.05,
        warmup_epochs=2.0,
        class_weight="balanced",
        ema=0.99,
        dropout=0.3,
        modality_dropout=0.15,
        augmentation=LESIONS,
        **changes,
    )


def adjust(settings: Training, data: str) -> Training:
    """HAM10000 has no records; chests have their own diagnoses and measurements, and there are few of them."""
    if data == "ham10000":
        return dataclasses.replace(settings, builder={**settings.builder, "record": False})
    builder = {**settings.builder, "diagnoses": CLASSES, "biomarkers": PATIENT}
    # An epoch is ten steps.
    short = {"epochs": 3 * settings.epochs, "batch_size": 32, "ema": None}
    return dataclasses.replace(
        settings, builder=builder, augmentation=CHESTS, dropout=0.4, modality_dropout=0.2, **short
    )


def trees(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline, which looks at no picture: gradient boosting on what was measured of the patient.

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    trees = HistGradientBoostingClassifier(max_iter=100, class_weight="balanced", random_state=0)
    # A handful of columns: threads would only wait for each other.
    with threadpool_limits(1, user_api="openmp"):
        trees.fit(train.inputs["biomarkers"], train.targets[OUTPUT])
        return _spread(trees.classes_, trees.predict_proba(measured.inputs["biomarkers"]), schema)


def linear(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """Another, where there are records: logistic regression on their words (TF-IDF) and what was measured.

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
    known = [csr_matrix(columns.fit_transform(train.inputs["biomarkers"]))]
    asked = [csr_matrix(columns.transform(measured.inputs["biomarkers"]))]
    if any(train.raw.get("record", ())):
        words = TfidfVectorizer(sublinear_tf=True)
        known.append(words.fit_transform(train.raw["record"]))
        asked.append(words.transform(measured.raw["record"]))
    model = LogisticRegression(max_iter=2_000, class_weight="balanced")
    model.fit(hstack(known).tocsr(), train.targets[OUTPUT])
    return _spread(model.classes_, model.predict_proba(hstack(asked).tocsr()), schema)


def _spread(classes, probabilities, schema):
    found = np.zeros((len(probabilities), *schema[OUTPUT].shape), np.float32)
    found[:, classes] = probabilities
    return {OUTPUT: found}


def commonest(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """Chance: how often each diagnosis is, whoever is asked about."""
    shares = np.bincount(train.targets[OUTPUT], minlength=schema[OUTPUT].shape[0]) / len(train)
    return {OUTPUT: np.tile(shares.astype(np.float32), (len(measured), 1))}


RECIPE = Recipe(
    name="medical",
    data={"ham10000": load_ham10000, "covid_cxr": load_covid_cxr},
    training={"nano": training(30), "small": training(40)},
    about="Names the likeliest diagnosis by a picture, a record's text and what was measured of a patient; any of "
    "them may be missing. No medical device.",
    limits="No medical device: nobody may be treated by what it says. Tested on one collection of pictures of "
    "pigmented skin, taken with a dermatoscope in two clinics and chosen by doctors; not on other cameras or other "
    "skin, nor on lesions of none of the seven kinds, of which it always names one.",
    adjust=adjust,
    controls=("biomarkers",),
    baselines={
        "gradient boosting on the measurements": trees,
        "logistic regression on words and measurements": linear,
        "commonest diagnosis": commonest,
    },
    builder_options={
        "variant": Option(str, "modern", "The network: modern, or the article's.", ("modern", "classic")),
        "image": Option(str, "separable", "How pictures are read: separable, vgg, or a pretrained encoder."),
        "text": Option(str, None, "How records are read: their words, or by a pretrained encoder."),
        "finetune": Option(str, "frozen", "Of pretrained encoders.", ("frozen", "lora", "full")),
    },
    shown_figures=("balanced_accuracy", "macro_f1"),
)
