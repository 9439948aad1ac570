"""Reading the text in a picture of one word or line."""

from __future__ import annotations

import dataclasses
import pathlib
import string
from collections.abc import Sequence

from keras import layers

from mmzoo.branches.line import PIXELS_A_STEP, check_line, line_steps
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.schema import Image, Schema, Transcript

# What stands on an English keyboard, the blank included.
ALPHABET = string.ascii_letters + string.digits + string.punctuation + " "


@dataclasses.dataclass(frozen=True)
class _Size:
    filters: tuple[int, int, int, int]
    width: int
    units: int
    max_parameters: int


SIZES = {
    "nano": _Size((8, 16, 24, 32), 32, 24, 60_000),
    "small": _Size((32, 64, 128, 128), 128, 96, 800_000),
}


@register("reader")
@seeded
def build_reader_model(
    *,
    size: str = "small",
    alphabet: str | Sequence[str] = ALPHABET,
    lowercase: bool = False,
    image_size: tuple[int, int] = (32, 160),
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    dropout: float = 0.2,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that reads a picture of a word or a line, as a CRNN (Shi, Bai & Yao, TPAMI 2017) does.

    Convolutions make a map of the picture with one column for every four of its pixels; a two-directional GRU reads
    the columns from left to right, and at each one the model says which letter stands there, or none.

    Input (B samples):
        image: uint8 (B, H, W, 1), the picture in grey, 0..255, whatever its size was scaled to H x W; missing: zeros.
    Output:
        text: float32 (B, W / 4, 1 + letters), at each step how likely each letter is, the first place is none; see
            `mmzoo.schema.Transcript`.

    Args:
        size: "nano" or "small".
        alphabet: the letters that it knows; by default what stands on an English keyboard.
        lowercase: read everything in lower case; the alphabet then has no capitals.
        image_size: (height, width) in pixels, the height a multiple of 16, the width one of 4. A text takes a step a
            letter and one more between two that are the same, so the width bounds its length.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        dropout: dropout rate before and behind the GRU.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size, an image size that doesn't divide, or weights of another architecture.

    >>> model = build_reader_model(size="nano", alphabet="0123456789", image_size=(32, 64))
    >>> model.output["text"].shape
    (None, 16, 11)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    check_line(image_size)
    config = SIZES[size]
    if lowercase:
        alphabet = tuple(dict.fromkeys("".join(alphabet).lower()))
    height, width = image_size
    text = Transcript(tuple(alphabet), width // PIXELS_A_STEP, lowercase=lowercase)
    schema = Schema("reader", {"image": Image(height, width, 1)}, {"text": text})
    inputs = keras_inputs(schema)

    x = line_steps(inputs["image"], filters=config.filters, width=config.width)
    x = layers.Dropout(dropout, seed=seed, name="image_dropout")(x)
    gru = layers.GRU(config.units, return_sequences=True, use_cudnn=False, name="text_gru")
    x = layers.Bidirectional(gru, name="text_bidirectional")(x)
    x = layers.Dropout(dropout, seed=seed, name="text_dropout")(x)
    scores = layers.Dense(text.shape[-1], activation=classifier_activation, name="head_text")(x)
    return finish(inputs, {"text": scores}, schema, weights, size)
