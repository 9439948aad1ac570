"""Captions of photos.

    mmzoo train caption --data flickr8k --data-dir DIR/flickr8k --out RUN
    mmzoo train caption --data flickr8k --data-dir DIR/flickr8k --image efficientnet_lite0 --out RUN2

Words are learnt from the training captions alone. Figures are over the 1,000 photos of validation with five captions
each, in lower case, cut into words as sacrebleu's "13a" does; the anchors of others are in the tokens of their own
programs, so that they are near these and not the same. "a person" is one of the five captions measured by the other
four, so by one reference fewer than the models.

What came of it: not trained to the end yet.
"""

from __future__ import annotations

import pathlib

from mmzoo.data.samples.samples import Option
from mmzoo.data.sets.flickr8k import captions_to_learn, load_flickr8k
from mmzoo.recipes.recipe import Recipe, Training
from mmzoo.recipes.sentence_baselines import a_person, constant_sentence, nearest_picture

PHOTOS = {
    **dict.fromkeys(("shear", "perspective", "scale", "shift", "darken", "overexpose", "shadow", "occlusion"), 0.0),
    **{"rotation": 3.0, "crop": 0.3, "aspect": 0.1, "mirror": 0.5, "gain": 0.2, "contrast": 0.2, "colour": 0.05},
    **dict.fromkeys(("fading", "blur", "low_resolution", "noise"), 0.0),
}
PIECES, STEPS = 4_000, 24


def training(epochs: int) -> Training:
    """The hyper-parameters of a size."""
    return Training(
        epochs=epochs,
        batch_size=64,
        learning_rate=1.5e-3,
        weight_decay=0.05,
        dropout=0.3,
        augmentation=PHOTOS,
        builder={"steps": STEPS, "language": "en"},
    )


def from_rows(folder: pathlib.Path, data: str, training: Training) -> dict[str, tuple[str, ...]]:
    """The word pieces of the training captions."""
    from mmzoo.data.tables.vocabulary import train_vocabulary
    from mmzoo.schema.outputs.sentence import END

    return {"vocabulary": train_vocabulary(captions_to_learn(folder), PIECES, lowercase=True, reserved=(END,))}


def learner(schema, **keywords):
    """The model without its frozen encoder, see `mmzoo.models.caption.build_caption_learner`."""
    from mmzoo.models.caption import build_caption_learner

    return build_caption_learner(schema, **keywords)


RECIPE = Recipe(
    name="caption",
    data={"flickr8k": load_flickr8k},
    training={"nano": training(24), "small": training(24)},
    about="Says in a sentence what a photo shows.",
    limits="It knows what 6,000 photos of people and dogs show, as people said it in English, and says something of "
    "the kind of any other picture. It does not know when it is wrong.",
    arms={},
    concat=False,
    learner=learner,
    from_rows=from_rows,
    baselines={"constant caption": constant_sentence, "nearest picture": nearest_picture, "a person": a_person},
    builder_options={
        "image": Option(str, "resnet", "How pictures are read: resnet, separable, or a pretrained encoder."),
        "finetune": Option(str, "frozen", "Of pretrained encoders.", ("frozen", "lora", "full")),
    },
    shown_figures=("bleu", "chrf", "cider"),
)
