"""Cat or dog: a photo and its description."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from mmzoo.branches import plain_cnn_branch, resnet_branch, text_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.schema import Image, Label, Schema, Text


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    filters: tuple[int, ...]
    embedding: int
    text_units: int
    max_parameters: int
    words: int = 4_000


SIZES = {
    "nano": _Size(64, (16, 32, 64, 128), 8, 16, 800_000),
    "small": _Size(128, (32, 64, 128, 256), 16, 32, 3_000_000),
    "base": _Size(192, (48, 96, 192, 384), 16, 64, 7_000_000),
}
CLASSIC_SIZES = {
    "nano": _Size(16, (4,), 8, 8, 480_000, words=10_000),
    "small": _Size(128, (32,), 64, 64, 23_500_000, words=10_000),
}


@register("cat_dog")
@seeded
def build_cat_dog_model(
    *,
    variant: str = "modern",
    size: str = "small",
    image_size: tuple[int, int] | None = None,
    fusion: str | Callable | None = None,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.25,
    dropout: float = 0.2,
    drop_path: float = 0.1,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that tells cats from dogs by a photo and a description, either of which may be missing.

    Inputs (B samples):
        image: uint8 (B, H, W, 3), the photo, 0..255; missing: all zeros.
        description: int32 (B, 24), its words in lower case, hashed into 1..3,999 (classic: 1..9,999), so that no
            vocabulary need travel along; where there is room behind them, also its pairs of words; 0 = padding.
    Output:
        animal: float32 (B, 2), probabilities of "cat" and "dog".

    Args:
        variant: "modern", a small ResNet and a two-directional GRU; or "classic", the article's network: Conv(32),
            pooling, Flatten, Dense(128) beside Embedding(10,000, 64) and a two-directional GRU(64), joined before the
            output layer: 23 million parameters, nearly all of them behind Flatten.
        size: "nano", "small" or "base"; classic: "small" is the article's, "nano" an eighth as wide.
        image_size: (height, width) in pixels; None: (96, 96), classic (150, 150).
        fusion: see `mmzoo.fusion`; None: "late", classic "concat".
        weights: None, a .keras file, a .weights.h5 file or a bundle; none come with mmzoo (the photos' licence).
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for both or by input name.
        dropout: dropout rate before the head.
        drop_path: modern: how often the last block of the ResNet is skipped while training, see `resnet_branch`.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size or fusion, or weights of another architecture.

    >>> model = build_cat_dog_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'animal': (None, 2)}
    """
    sizes = {"modern": SIZES, "classic": CLASSIC_SIZES}
    if variant not in sizes:
        raise ValueError(f"variant: expected one of {list(sizes)}, got {variant!r}")
    if size not in sizes[variant]:
        raise ValueError(f"size: expected one of {list(sizes[variant])} for variant {variant!r}, got {size!r}")
    config, modern = sizes[variant][size], variant == "modern"
    fusion = fusion or ("late" if modern else "concat")
    common = {"width": config.width, "tokens": wants_tokens(fusion)}
    words = {"vocabulary_size": config.words, "units": config.text_units, "embedding": config.embedding}

    image = Image(*(image_size or ((96, 96) if modern else (150, 150))))
    description = Text(24, tokenizer="ngrams", buckets=config.words - 1, lowercase=True)
    schema = Schema("cat_dog", {"image": image, "description": description}, {"animal": Label(("cat", "dog"))})
    inputs = keras_inputs(schema)
    pixels, ids = inputs["image"], inputs["description"]
    if modern:
        photo = resnet_branch(pixels, filters=config.filters, drop_path=drop_path, seed=seed, **common)
    else:
        photo = plain_cnn_branch(pixels, filters=config.filters, units=config.width, **common)
    text = text_branch(ids, cell="gru", bidirectional=True, name="description", **words, **common)
    outputs = fuse(
        {"image": photo, "description": text},
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        modality_dropout=modality_dropout,
        seed=seed,
    )
    return finish(inputs, outputs, schema, weights, size)
