"""Surveillance: what a camera sees and a microphone hears to an event and an alarm."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from mmzoo.branches import audio_branch, hub_image_branch, video_branch
from mmzoo.branches.table import is_image_preset
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.rates import rates_of
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.surveillance import EVENTS, INPUTS, surveillance_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    frames: int
    pixels: int
    width: int
    units: int
    max_parameters: int


SIZES = {
    "nano": _Size(8, 32, 32, 16, 90_000),
    "small": _Size(12, 64, 64, 32, 400_000),
}


@register("surveillance")
@seeded
def build_surveillance_model(
    *,
    size: str = "small",
    inputs: Sequence[str] = INPUTS,
    events: Sequence[str] = EVENTS,
    frames: int | None = None,
    image_size: tuple[int, int] | None = None,
    image: str | pathlib.Path = "separable",
    finetune: str = "frozen",
    motion: bool = True,
    fusion: str | Callable = "attention",
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.2,
    dropout: float = 0.3,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that watches and listens for two seconds: what happens, and whether someone should look.

    Inputs (B samples), those that are asked for, any of which may be missing:
        video: uint8 (B, N, H, W, 3), N frames evenly spaced over two seconds, 0..255; missing, or dark: all zeros.
        sound: float32 (B, 32000), two seconds at 16 kHz, -1..1; missing, or silence: all zeros.
    Outputs:
        event: float32 (B, events), probabilities, by default of "nothing", "fight", "car_horn", "children_playing",
            "engine_idling", "gun_shot", "siren" and "street_music".
        alarm: float32 (B, 2), probabilities of "no" and "yes".

    Args:
        size: "nano" or "small", of what is not pretrained.
        inputs: those that it has.
        events: those that it tells apart.
        frames: N; None: 12, nano 8.
        image_size: (height, width) of a frame in pixels; None: (64, 64), nano (32, 32), with a pretrained encoder
            (96, 96).
        image: how each frame is read, see `mmzoo.build_multimodal_model`.
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        motion: whether the differences between frames are read apart, see `mmzoo.branches.video_branch`.
        fusion: see `mmzoo.fusion`.
        weights: None, a .keras file, a .weights.h5 file or a bundle; none come with mmzoo (the data's licences).
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate of the frames' features and before the heads.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size, input, fusion or finetune, a frame that can't be read so, or weights of another
            architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_surveillance_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'event': (None, 8), 'alarm': (None, 2)}
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    config, pretrained = SIZES[size], is_image_preset(image)
    image_size = image_size or ((96, 96) if pretrained else (config.pixels, config.pixels))
    schema = surveillance_schema(inputs, events, frames=frames or config.frames, image_size=image_size)
    tensors, features = keras_inputs(schema), {}
    common = {"size": size, "width": config.width, "tokens": wants_tokens(fusion), "seed": seed}

    def encoder(pixels, **keywords):
        return hub_image_branch(pixels, image, finetune=finetune, **keywords)

    if "video" in schema.inputs:
        features["video"] = video_branch(
            tensors["video"],
            read=encoder if pretrained else None,
            motion=motion,
            units=config.units,
            dropout=dropout,
            **common,
        )
    if "sound" in schema.inputs:
        features["sound"] = audio_branch(tensors["sound"], schema["sound"], name="sound", **common)
    outputs = fuse(
        {name: features[name] for name in schema.inputs},
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        modality_dropout=rates_of(modality_dropout, features),
        seed=seed,
    )
    return finish(tensors, outputs, schema, weights, size)
