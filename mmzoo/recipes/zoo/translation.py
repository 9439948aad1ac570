"""Translations: captions of photos from English to German, everyday sentences from English to Chinese.

    mmzoo train translation --data tatoeba_en_zh --data-dir DIR/tatoeba_en_zh --out RUN
    mmzoo train translation --data multi30k --data-dir DIR/multi30k --out RUN2
    mmzoo train translation --data multi30k --data-dir DIR/multi30k --photo --photos DIR/flickr8k --shuffle photo \\
        --out RUN3
    mmzoo train translation --data multi30k --data-dir DIR/multi30k --page --arms --out RUN4

`--photo` adds the photo of a sentence where Flickr8k has it (a fifth of the rows), `--shuffle photo` the same with the
photos dealt out anew: whether they help at all. `--page` adds a picture of the text, drawn with Pillow in six faces;
with `--arms` one model has the text alone and one the picture alone, which says what reading costs.

Words are learnt from the training rows alone. German is cut into words as sacrebleu's "13a" does, and case counts;
Chinese into characters ("zh"), all translations of a sentence are references, simplified and traditional characters
are different ones.

What came of it (small, tatoeba_en_zh, one seed, 24 minutes on two busy cores, 2,612 sentences of which neither side was
trained on): BLEU 14.1, chrF 13.9; the translation of the nearest sentence has 13.1 and 12.7. The loss no longer falls,
nor does that of the training rows (2.54 and 2.56): it is too small or kept too tight. multi30k is not trained yet.
"""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any

from mmzoo.data.samples.samples import Option
from mmzoo.data.sets.translations import load_multi30k, load_tatoeba_en_zh, multi30k_to_learn, tatoeba_to_learn
from mmzoo.recipes.recipe import Recipe, Training
from mmzoo.recipes.sentence_baselines import copying, nearest_sentence

# Data set -> what of the builder serves it. The one whose weights ship is narrow, so that they are small.
BUILDERS = {
    "multi30k": {"language": "de", "source_steps": 28, "steps": 32},
    "tatoeba_en_zh": {
        **{"language": "zh", "lowercase": True, "source_steps": 20, "steps": 28},
        **{"width": 64, "embedding": 48, "encoder_units": 48, "units": 96},
    },
}
# (word pieces of the text, word pieces or signs of the translation).
PIECES = {"multi30k": (4_000, 5_000), "tatoeba_en_zh": (1_500, 2_400)}
EPOCHS = {"multi30k": 16, "tatoeba_en_zh": 30}
TRAINING = Training(
    epochs=16, batch_size=128, learning_rate=2e-3, weight_decay=0.05, warmup_epochs=1.0, dropout=0.3, augmentation=None
)
NANO = {"width": 24, "embedding": 16, "encoder_units": 16, "units": 24}
DROPOUT = {"multi30k": 0.3, "tatoeba_en_zh": 0.15}


def adjust(training: Training, data: str) -> Training:
    """Language, sizes and length of training of a data set, unless the user gave epochs."""
    return dataclasses.replace(
        training,
        builder={**BUILDERS[data], **training.builder},
        dropout=DROPOUT[data],
        epochs=EPOCHS[data] if training.epochs == TRAINING.epochs else training.epochs,
    )


def from_rows(folder: pathlib.Path, data: str, training: Training) -> dict[str, Any]:
    """The word pieces of the training rows, of both languages."""
    from mmzoo.data.tables.vocabulary import frequent_words, train_vocabulary
    from mmzoo.schema.outputs.sentence import END

    read, written = PIECES[data]
    lowercase = training.builder.get("lowercase", False)
    texts, translations = (multi30k_to_learn if data == "multi30k" else tatoeba_to_learn)(folder)
    # An ideograph is a word by itself, and nothing to put together.
    make = frequent_words if training.builder["language"] == "zh" else train_vocabulary
    return {
        "source": train_vocabulary(texts, read, lowercase=lowercase, reserved=(END,)),
        "target": make(translations, written, lowercase=lowercase, reserved=(END,)),
    }


RECIPE = Recipe(
    name="translation",
    data={"tatoeba_en_zh": load_tatoeba_en_zh, "multi30k": load_multi30k},
    training={"nano": dataclasses.replace(TRAINING, builder=NANO), "small": TRAINING},
    about="Translates a sentence, from English to Chinese or German.",
    limits="It knows short everyday sentences, or captions of photos, and no others: what it does not know it replaces "
    "by something likely, fluently and without a warning. It is no translator for anything that matters.",
    concat=False,
    adjust=adjust,
    from_rows=from_rows,
    baselines={"copying": copying, "nearest sentence": nearest_sentence},
    builder_options={
        "photo": Option(bool, False, "Also take a photo of what the text speaks of."),
        "page": Option(bool, False, "Also take a picture of the text, drawn."),
    },
    shown_figures=("bleu", "chrf"),
)
