"""Captions: a sentence about a picture."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from mmzoo.branches import BranchSettings, branch_of, resnet_branch
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.writing import written
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.writing import SPELLING, caption_schema
from mmzoo.schema import Image, Schema


@dataclasses.dataclass(frozen=True)
class _Size:
    image_size: tuple[int, int]
    filters: tuple[int, ...]
    width: int
    embedding: int
    units: int
    max_parameters: int


SIZES = {
    "nano": _Size((32, 32), (8, 16, 32), 24, 16, 24, 40_000),
    "small": _Size((64, 64), (32, 64, 128, 192), 192, 128, 256, 2_000_000),
}


@register("caption")
@seeded
def build_caption_model(
    *,
    size: str = "small",
    vocabulary: Sequence[str] = SPELLING,
    steps: int = 24,
    language: str = "",
    image_size: tuple[int, int] | None = None,
    image: str | pathlib.Path = "resnet",
    finetune: str = "frozen",
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    dropout: float = 0.3,
    word_dropout: float = 0.1,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that says in a sentence what a picture shows, as "Show, attend and tell" does (Xu et al., 2015).

    A ResNet makes a vector of every place of the picture. A GRU writes: at each step it sees the word before, looks at
    the places that matter for it, and says how likely each word is to come next.

    Inputs (B samples):
        image: uint8 (B, H, W, 3), the picture, 0..255; missing: all zeros, then it says what is often said.
        caption_so_far: int32 (B, T), word pieces of what stands there already; missing: zeros, and the model goes on
            from its own words. `mmzoo.fit` fills in the whole caption by itself.
    Output:
        caption: float32 (B, T, V), at each step how likely each word piece is, see `mmzoo.schema.Sentence`.

    Args:
        size: "nano" or "small".
        vocabulary: word pieces, "[PAD]", "[UNK]" and "[END]" first, see `mmzoo.data.tables.vocabulary`; by default the
            letters of English, which any word can be spelled with.
        steps: T, word pieces of a caption at most, its end among them.
        language: of the captions, such as "en"; it says how BLEU cuts them into words.
        image_size: (height, width) in pixels; None: (64, 64), nano (32, 32), with a pretrained encoder (128, 128).
        image: how the picture is read: "resnet", or see `mmzoo.build_multimodal_model`; of a pretrained encoder the
            features of the picture as a whole are taken.
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        dropout: dropout rate of the picture's features and of the words.
        word_dropout: how often a word before is hidden while training.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size or finetune, a vocabulary without its marks, or weights of another architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_caption_model(size="nano", steps=8)
    >>> model.output["caption"].shape
    (None, 8, 107)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    image_size = image_size or (SIZES[size].image_size if image == "resnet" else (128, 128))
    schema = caption_schema(image_size=image_size, vocabulary=vocabulary, steps=steps, language=language)
    return _writer(
        schema, size=size, image=image, finetune=finetune, weights=weights, dropout=dropout, seed=seed,
        word_dropout=word_dropout, activation=classifier_activation,
    )  # fmt: skip


@seeded
def build_caption_learner(
    schema: Schema,
    *,
    size: str = "small",
    image: str | pathlib.Path = "resnet",
    classifier_activation: str | None = "softmax",
    dropout: float = 0.3,
    word_dropout: float = 0.1,
    seed: int | None = None,
    **others,
) -> SchemaModel:
    """The model without its frozen encoder: what `build_caption_model` writes with.

    Args:
        schema: of that model, with a `Vector` in place of the picture.
        size, image, classifier_activation, dropout, word_dropout, seed: see there.
        **others: what is for the encoder, or stands in the schema.
    """
    return _writer(
        schema, size=size, image=image, finetune="frozen", weights=None, dropout=dropout, seed=seed,
        word_dropout=word_dropout, activation=classifier_activation,
    )  # fmt: skip


def _writer(schema, *, size, image, finetune, weights, dropout, word_dropout, activation, seed):
    config, kind = SIZES[size], schema["image"]
    inputs = keras_inputs(schema)
    if image == "resnet" and isinstance(kind, Image):
        features = resnet_branch(
            inputs["image"], filters=config.filters, blocks=1, drop_path=0.0, width=config.width, tokens=True, seed=seed
        )
    else:
        settings = BranchSettings(width=config.width, size=size, image=image, finetune=finetune, seed=seed)
        features = branch_of(inputs["image"], kind, "image", settings)
    caption = written(
        {"image": features}, inputs, schema, "caption", units=config.units, embedding=config.embedding,
        activation=activation, dropout=dropout, word_dropout=word_dropout, seed=seed,
    )  # fmt: skip
    return finish(inputs, {"caption": caption}, schema, weights, size)
