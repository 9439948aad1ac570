"""Making a picture of what a text asks for."""

from __future__ import annotations

import dataclasses
import pathlib

import keras
from keras import layers

from mmzoo.branches import ngrams_branch
from mmzoo.layers import Flow
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.text_to_image import text_to_image_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    filters: tuple[int, int, int]
    words: int
    embedding: int
    width: int
    max_parameters: int


SIZES = {
    "nano": _Size((8, 12, 16), 500, 16, 24, 60_000),
    "small": _Size((24, 40, 56), 2_000, 24, 64, 330_000),
}


@register("text_to_image")
@seeded
def build_text_to_image_model(
    *,
    size: str = "small",
    image_size: tuple[int, int] = (32, 32),
    steps: int = 8,
    judge: str = "",
    weights: str | pathlib.Path | None = None,
    dropout: float = 0.0,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that makes a picture of what a text asks for, out of noise, in a few steps: flow matching with a
    small U-Net (Ho, Jain & Abbeel, NeurIPS 2020; Lipman et al., ICLR 2023); see `mmzoo.layers.Flow`.

    Inputs (B samples):
        text: int32 (B, 24), its words in lower case, hashed into 1..1,999 (nano: 1..499), and its pairs of words where
            there is room; 0 = padding; missing: all zeros, it then makes any picture.
        noise: float32 (B, H, W, 3), standard normal numbers; other ones give another picture. Drawn where it is left
            out. While training it holds mixtures of noise and picture, see `mmzoo.data.noising.Noising`.
    Output:
        picture: float32 (B, H, W, 3), 0..1.

    Args:
        size: "nano" or "small".
        image_size: (height, width) in pixels, multiples of 4.
        steps: from noise to picture, at most 10.
        judge: who says in evaluations what is to be seen, see `mmzoo.tasks.judges`; "": nobody.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        dropout: dropout rate of the text's vector.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size, an image size that doesn't divide, or weights of another architecture.

    >>> model = build_text_to_image_model(size="nano")
    >>> model.output["picture"].shape
    (None, 32, 32, 3)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if any(side % 4 for side in image_size):
        raise ValueError(f"image_size: expected multiples of 4 pixels, got {tuple(image_size)}")
    config = SIZES[size]
    schema = text_to_image_schema(image_size=image_size, words=config.words, judge=judge)
    inputs = keras_inputs(schema)
    text = ngrams_branch(
        inputs["text"], schema["text"], embedding=config.embedding, width=config.width, dropout=0.0, seed=seed
    )
    wanted = layers.Activation("gelu", name="text_gelu")(text.vector)
    wanted = layers.Dropout(dropout, seed=seed, name="text_dropout")(wanted)
    network = _unet(schema["noise"].shape, config)
    picture = Flow(network, steps, name="head_picture")(inputs["noise"], wanted)
    return finish(inputs, {"picture": picture}, schema, weights, size)


def _unet(shape, config):
    """What is noisy and what is asked for, to the picture."""
    noisy = keras.Input(shape, name="noisy")
    wanted = keras.Input((config.width,), name="wanted")
    first, second, third = config.filters
    high = _block(layers.Conv2D(first, 3, padding="same", name="stem")(noisy), wanted, first, "high")
    middle = _block(layers.AveragePooling2D(2, name="middle_pool")(high), wanted, second, "middle")
    low = _block(layers.AveragePooling2D(2, name="low_pool")(middle), wanted, third, "low")
    # Where a shape lies is decided as a whole: each place hears of the mean of all.
    low = _block(low, wanted, third, "low2")
    x = layers.Concatenate(name="up_middle")([layers.UpSampling2D(name="low_up")(low), middle])
    x = _block(x, wanted, second, "middle2")
    x = layers.Concatenate(name="up_high")([layers.UpSampling2D(name="middle_up")(x), high])
    x = _block(x, wanted, first, "high2")
    picture = layers.Conv2D(shape[-1], 3, padding="same", name="pixels")(x)
    return keras.Model([noisy, wanted], picture, name="unet")


def _block(x, wanted, filters, name):
    """Two convolutions beside a shortcut, told by scale and shift what is asked for and what there is as a whole."""
    shortcut = x if x.shape[-1] == filters else layers.Conv2D(filters, 1, name=f"{name}_shortcut")(x)
    whole = layers.GlobalAveragePooling2D(name=f"{name}_whole")(x)
    told = layers.Concatenate(name=f"{name}_told")([wanted, whole])
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv1")(x)
    # Of a plane that is all alike, as an empty noise input makes, a smaller epsilon would blow up what sums differ by.
    x = layers.GroupNormalization(4, epsilon=0.1, name=f"{name}_norm")(x)
    scale = layers.Dense(filters, kernel_initializer="zeros", name=f"{name}_scale")(told)
    shift = layers.Dense(filters, name=f"{name}_shift")(told)
    x = x * (1.0 + layers.Reshape((1, 1, filters), name=f"{name}_scales")(scale))
    x = x + layers.Reshape((1, 1, filters), name=f"{name}_shifts")(shift)
    x = layers.Activation("silu", name=f"{name}_silu")(x)
    x = layers.Conv2D(filters, 3, padding="same", name=f"{name}_conv2")(x)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.Activation("silu", name=f"{name}_out")(x)
