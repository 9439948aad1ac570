"""Retrieval: pictures and texts in one space, so that each is found by the other.

    mmzoo train retrieval --data flickr8k --data-dir DIR/flickr8k --out RUN
    mmzoo train retrieval --data flickr8k --data-dir DIR/flickr8k --image efficientnet_lite0 --text minilm --out RUN2

The figures called "first" are of pictures found by a text (image retrieval), "second" of texts found by a picture (text
retrieval, any of its five captions); all over the 1,000 photos of validation with their 5,000 captions.

There are no arms of one input alone, no plain concatenation and no table of missing inputs: the towers are independent,
so the vector of one input is the same with and without the other, and with one of the two alone there is nothing to
find. What a sceptic tries first is ridge regression from the colours of 8 x 8 places to the words of the captions.

What came of it: not trained to the end yet.
"""

from __future__ import annotations

import numpy as np

from mmzoo.data.samples.samples import Option, Samples
from mmzoo.data.sets.flickr8k import load_flickr8k
from mmzoo.recipes.picture_baselines import places
from mmzoo.recipes.recipe import Recipe, Training

PHOTOS = {
    **dict.fromkeys(("shear", "perspective", "scale", "shift", "darken", "overexpose", "shadow", "occlusion"), 0.0),
    **{"rotation": 5.0, "crop": 0.4, "aspect": 0.1, "mirror": 0.5, "gain": 0.2, "contrast": 0.2, "colour": 0.05},
    **dict.fromkeys(("fading", "blur", "low_resolution", "noise"), 0.0),
}
COMPONENTS = 100


def training(epochs: int, **changes) -> Training:
    """The hyper-parameters of a size."""
    return Training(
        epochs=epochs,
        batch_size=128,
        learning_rate=1e-3,
        weight_decay=0.05,
        dropout=0.2,
        augmentation=PHOTOS,
        **changes,
    )


def colours_and_words(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """A sceptic's baseline, without a network: ridge regression from the colours of 8 x 8 places of a picture to the
    words of its captions (TF-IDF, reduced to 100 components).

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    (name,) = schema.outputs
    image, text = schema[name].of
    together = [" ".join(own) for own in train.raw["captions"]]
    terms = TfidfVectorizer(sublinear_tf=True, stop_words="english")
    counted = terms.fit_transform(together)
    reduction = TruncatedSVD(min(COMPONENTS, min(counted.shape) - 1), random_state=0)
    wanted = reduction.fit_transform(counted)
    colours = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 5)))
    found = colours.fit(places(train.inputs[image]), wanted).predict(places(measured.inputs[image]))
    middle = wanted.mean(axis=0)
    sides = [found - middle, reduction.transform(terms.transform(measured.raw[text])) - middle]
    lengths = [np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9) for side in sides]
    return {name: np.stack([s / n for s, n in zip(sides, lengths, strict=True)], axis=1).astype(np.float32)}


def learner(schema, **keywords):
    """The model without its frozen encoders, see `mmzoo.models.retrieval.build_retrieval_learner`."""
    from mmzoo.models.retrieval import build_retrieval_learner

    return build_retrieval_learner(schema, **keywords)


RECIPE = Recipe(
    name="retrieval",
    data={"flickr8k": load_flickr8k},
    training={"nano": training(30), "small": training(30)},
    about="Puts pictures and texts into one space: a picture is found by what is said of it, and a text by a picture.",
    limits="It knows what 6,000 photos of people and dogs show, as five people each said it in English; what is like "
    "nothing among them it finds by colours and surroundings at best. It ranks, and can't say that nothing fits. "
    "No arms and no table of missing inputs: its towers are independent, and with one input there is nothing to find.",
    arms={},
    concat=False,
    learner=learner,
    baselines={"colours and words": colours_and_words},
    builder_options={
        "image": Option(str, "resnet", "How pictures are read: resnet, separable, or a pretrained encoder."),
        "text": Option(str, None, "How texts are read: a GRU over their words, or by a pretrained encoder."),
        "finetune": Option(str, "frozen", "Of pretrained encoders.", ("frozen", "lora", "full")),
        "loss": Option(str, "clip", "What draws pairs together.", ("clip", "siglip")),
    },
    shown_figures=("first_recall_1", "first_recall_5", "first_recall_10", "second_recall_10", "first_median_rank"),
)
