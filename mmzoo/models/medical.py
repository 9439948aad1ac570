"""Medical: a picture, a record and what was measured of a patient to a diagnosis. No medical device."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from mmzoo.branches import BranchSettings, branch_of, plain_cnn_branch, text_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.medical import DIAGNOSES, PATIENT, medical_schema
from mmzoo.schema import Sensors


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    units: int
    embedding: int
    max_parameters: int
    filters: tuple[int, ...] = ()
    words: int = 8_000


SIZES = {
    "nano": _Size(32, 16, 8, 70_000, words=2_000),
    "small": _Size(64, 32, 16, 360_000),
}
CLASSIC_SIZES = {
    "nano": _Size(16, 8, 8, 200_000, filters=(4, 8), words=2_000),
    "small": _Size(128, 64, 64, 5_500_000, filters=(32, 64)),
}


@register("medical")
@seeded
def build_medical_model(
    *,
    variant: str = "modern",
    size: str = "small",
    diagnoses: Sequence[str] = DIAGNOSES,
    biomarkers: Sensors = PATIENT,
    record: bool = True,
    image_size: tuple[int, int] = (96, 96),
    image: str | pathlib.Path = "separable",
    text: str | pathlib.Path | None = None,
    cell: str = "gru",
    finetune: str = "frozen",
    fusion: str | Callable = "attention",
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.15,
    dropout: float = 0.3,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that names the likeliest diagnosis by a picture, a record's text and what was measured.

    No medical device: it was tested on one collection of pictures, and nobody may be treated by what it says.

    Inputs (B samples), any of which may be missing:
        image: uint8 (B, H, W, 3), the picture, 0..255; missing: all zeros.
        record: int32 (B, 64), its words in lower case, hashed into 1..7,999 (nano: 1..1,999), so that no vocabulary
            need travel along; where there is room behind them, also its pairs of words; 0 = padding. With `text` as
            that says; without `record` there is no such input.
        biomarkers: float32 (B, fields), as `biomarkers` describes them, each in its own unit; missing: NaN, field by
            field. A value outside its declared range, as in another unit, is refused.
    Output:
        diagnosis: float32 (B, diagnoses), the probability of each.

    Args:
        variant: "modern", a separable CNN; or "classic", the article's: two convolutions, Flatten and Dense(128).
            Both beside a GRU and a dense layer, joined by attention over the inputs.
        size: "nano" or "small"; of the classic "small" is the article's, "nano" an eighth as wide.
        diagnoses: those that it chooses from.
        biomarkers: fields with their units and ranges.
        record: whether there is a text.
        image_size: (height, width) in pixels.
        image: modern: how the picture is read, see `mmzoo.build_multimodal_model`.
        text: how the record is read, see there; None: a recurrent network over its hashed words.
        cell: of that network: "gru", "lstm" or "rnn".
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        fusion: see `mmzoo.fusion`.
        weights: None, a .keras file, a .weights.h5 file or a bundle; none come with mmzoo (the pictures' licence).
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the head.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size, cell, fusion or finetune, an image or text that can't be read so, or
            weights of another architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_medical_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'diagnosis': (None, 7)}
    """
    sizes = {"modern": SIZES, "classic": CLASSIC_SIZES}
    if variant not in sizes:
        raise ValueError(f"variant: expected one of {list(sizes)}, got {variant!r}")
    if size not in sizes[variant]:
        raise ValueError(f"size: expected one of {list(sizes[variant])} for variant {variant!r}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    config, classic = sizes[variant][size], variant == "classic"
    if classic and image != "separable":
        raise ValueError("image: only for variant 'modern'; the article's network has its own")
    if text is not None and not record:
        raise ValueError("text: there is no record to be read; leave text out, or record=False")

    schema = medical_schema(diagnoses, biomarkers=biomarkers, record=record, image_size=image_size, words=config.words)
    schema, presets = with_texts(schema, None if text is None else {"record": text}, buckets=config.words - 1)
    settings = BranchSettings(
        width=config.width,
        size=size,
        image=image,
        presets=presets,
        finetune=finetune,
        sensor_units=config.units,
        tokens=wants_tokens(fusion),
        seed=seed,
    )
    common = {"width": config.width, "tokens": settings.tokens}
    inputs = keras_inputs(schema)
    features = {}
    if classic:
        features["image"] = plain_cnn_branch(inputs["image"], filters=config.filters, units=config.width, **common)
    else:
        features["image"] = branch_of(inputs["image"], schema["image"], "image", settings)
    if record and text is None:
        features["record"] = text_branch(
            inputs["record"],
            vocabulary_size=config.words,
            cell=cell,
            units=config.units,
            embedding=config.embedding,
            name="record",
            **common,
        )
    elif record:
        features["record"] = branch_of(inputs["record"], schema["record"], "record", settings)
    features["biomarkers"] = branch_of(inputs["biomarkers"], biomarkers, "biomarkers", settings)
    outputs = fuse(
        features,
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        modality_dropout=modality_dropout,
        seed=seed,
    )
    return finish(inputs, outputs, schema, weights, size)
