"""Retrieval: pictures and texts as vectors of one space, so that each is found by the other."""

from __future__ import annotations

import dataclasses
import pathlib

from keras import layers

from mmzoo.branches import BranchSettings, branch_of, resnet_branch, text_branch
from mmzoo.layers import PairedVectors
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.layers.paired_vectors import LOSSES
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.retrieval import retrieval_schema
from mmzoo.schema import Image, Schema, Text


@dataclasses.dataclass(frozen=True)
class _Size:
    image_size: tuple[int, int]
    filters: tuple[int, ...]
    words: int
    embedding: int
    units: int
    features: int
    width: int
    max_parameters: int


SIZES = {
    "nano": _Size((48, 48), (8, 16, 32), 2_000, 16, 24, 48, 32, 80_000),
    "small": _Size((80, 80), (32, 64, 128, 192), 8_000, 64, 128, 256, 128, 2_000_000),
}


@register("retrieval")
@seeded
def build_retrieval_model(
    *,
    size: str = "small",
    image_size: tuple[int, int] | None = None,
    image: str | pathlib.Path = "resnet",
    text: str | pathlib.Path | None = None,
    finetune: str = "frozen",
    width: int | None = None,
    loss: str = "clip",
    weights: str | pathlib.Path | None = None,
    dropout: float = 0.1,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that puts pictures and texts into one space, near each other where they belong together.

    Two towers that know nothing of each other: either input may be missing, and the other's vector is the same. It
    learns from pairs, by telling each from all others of its batch (Radford et al., "CLIP", ICML 2021).

    Inputs (B samples):
        image: uint8 (B, H, W, 3), the picture, 0..255; missing: all zeros.
        text: int32 (B, 32), its words in lower case, hashed into 1..7,999 (nano: 1..1,999), so that no vocabulary need
            travel along; where there is room behind them, also its pairs of words; 0 = padding. With `text` as that
            says.
    Output:
        pair: float32 (B, 2, D), the picture's and the text's unit vector; of a missing input zeros.

    Args:
        size: "nano" or "small".
        image_size: (height, width) in pixels; None: (80, 80), nano (48, 48), with a pretrained encoder (128, 128).
        image: how the picture is read: "resnet", or see `mmzoo.build_multimodal_model`.
        text: how the text is read: None, a two-directional GRU over its words, or see there.
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        width: D; None: 128, nano 32.
        loss: "clip" or "siglip", see `mmzoo.tasks.losses`.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        dropout: dropout rate between a tower's features and its vector.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size, loss or finetune, an image or text that can't be read so, or weights of another
            architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_retrieval_model(size="nano")
    >>> model.output["pair"].shape
    (None, 2, 32)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {list(LOSSES)}, got {loss!r}")
    config = SIZES[size]
    image_size = image_size or (config.image_size if image == "resnet" else (128, 128))
    schema = retrieval_schema(image_size=image_size, words=config.words, width=width or config.width)
    schema, presets = with_texts(schema, None if text is None else {"text": text}, buckets=config.words - 1)
    settings = BranchSettings(
        width=config.features, size=size, image=image, presets=presets, finetune=finetune, seed=seed
    )
    own = ({"image"} if image == "resnet" else set()) | ({"text"} if text is None else set())
    return _two_towers(schema, config, settings, own, size=size, loss=loss, weights=weights, dropout=dropout)


@seeded
def build_retrieval_learner(
    schema: Schema,
    *,
    size: str = "small",
    image: str | pathlib.Path = "resnet",
    text: str | pathlib.Path | None = None,
    loss: str = "clip",
    dropout: float = 0.1,
    seed: int | None = None,
    **others,
) -> SchemaModel:
    """The model without its frozen encoders: the rest of the towers of `build_retrieval_model`.

    Args:
        schema: of that model, with a `Vector` in place of each input that a frozen encoder reads.
        size, image, text, loss, dropout, seed: see there.
        **others: what is for the encoders, or stands in the schema.
    """
    config = SIZES[size]
    own = ({"image"} if image == "resnet" else set()) | ({"text"} if text is None else set())
    own &= {*schema.of_kind(Image), *schema.of_kind(Text)}
    settings = BranchSettings(width=config.features, size=size, seed=seed)
    return _two_towers(schema, config, settings, own, size=size, loss=loss, weights=None, dropout=dropout)


def _two_towers(schema, config, settings, own, *, size, loss, weights, dropout):
    inputs = keras_inputs(schema)
    towers, seed = {}, settings.seed
    for name, kind in schema.inputs.items():
        if name not in own:
            towers[name] = branch_of(inputs[name], kind, name, settings)
        elif name == "image":
            towers[name] = resnet_branch(
                inputs[name], filters=config.filters, blocks=1, drop_path=0.0, width=settings.width, seed=seed
            )
        else:
            towers[name] = text_branch(
                inputs[name], vocabulary_size=kind.vocabulary_size, units=config.units, embedding=config.embedding,
                bidirectional=True, width=settings.width,
            )  # fmt: skip
    pair = schema["pair"]
    vectors = []
    for name in pair.of:
        x = layers.Activation("gelu", name=f"{name}_gelu")(towers[name].vector)
        x = layers.Dropout(dropout, seed=seed, name=f"{name}_dropout")(x)
        # What is straight from the features to the vector learns first, what is bent comes on top of it.
        x = layers.Concatenate(name=f"{name}_both")([towers[name].vector, x])
        vectors.append(layers.Dense(pair.width, name=f"head_{name}")(x))
    presents = [towers[name].present for name in pair.of]
    output = PairedVectors(loss, name="head_pair")([*vectors, *presents])
    return finish(inputs, {"pair": output}, schema, weights, size)
