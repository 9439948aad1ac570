"""Driving: camera, motion, place and road condition to steering, throttle and brake."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from mmzoo.branches import image_branch, pilotnet_branch, plain_cnn_branch, sensor_branch, series_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.driving import driving_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    filters: tuple[int, ...]
    dense: tuple[int, ...]
    units: int
    classic_units: int
    max_parameters: int


SIZES = {
    "nano": _Size(32, (12, 18, 24, 32, 32), (50,), 16, 16, 70_000),
    "small": _Size(64, (24, 36, 48, 64, 64), (100, 50), 32, 64, 260_000),
}


@register("driving")
@seeded
def build_driving_model(
    *,
    variant: str = "modern",
    size: str = "small",
    backbone: str = "pilotnet",
    fusion: str | Callable = "concat",
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.1,
    dropout: float = 0.2,
    learned_loss_weights: bool = True,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that drives: what a driver would do now, from the camera and what is known besides.

    Inputs (B samples), any of which may be missing:
        image: uint8 (B, 80, 160, 3), the front camera, 0..255; missing: zeros.
        history: float32 (B, 20, 3), the steps before the picture, the newest last: speed (mph), steering (-1 left to 1
            right), throttle (0..1); missing: NaN, step by step.
        location: float32 (B, 20, 3), where the car was at these steps, seen from where it is: x ahead and y to the left
            (m), heading to the left (deg); missing: NaN, step by step.
        road_condition: float32 (B, 4): surface, weather, light (indices), visibility (m); missing: NaN.
    Outputs:
        steering, throttle: float32 (B, 1), in the same units. brake: float32 (B, 2), probabilities of "no" and "yes".

    Args:
        variant: "modern", GRUs beside the backbone; or "classic", the article's CNN beside LSTM(64) and Dense(64),
            concatenated. Its listing can't run, as no layer joins a map (B, H, W, C) with a sequence (B, T, D): here
            the map is averaged over its places first, and the LSTM gives its last state.
        size: "nano" or "small"; of the classic "nano" is a quarter as wide.
        backbone: modern: "pilotnet" (Bojarski et al. 2016), or one that `image_branch` knows.
        fusion: see `mmzoo.fusion`.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits of the brake.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the heads and inside PilotNet.
        learned_loss_weights: learn how much each output counts in the loss (Kendall et al. 2018).
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size, backbone or fusion, or weights of another architecture.

    >>> model = build_driving_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'steering': (None, 1), 'throttle': (None, 1), 'brake': (None, 2)}
    """
    if variant not in ("modern", "classic"):
        raise ValueError(f"variant: expected 'modern' or 'classic', got {variant!r}")
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    config, classic = SIZES[size], variant == "classic"
    units = config.classic_units if classic else config.units
    common = {"width": units if classic else config.width, "tokens": wants_tokens(fusion)}
    series = {"cell": "lstm" if classic else "gru", "units": units, **common}

    schema = driving_schema()
    inputs = keras_inputs(schema)
    pixels, history, location, road = (inputs[name] for name in schema.inputs)
    if classic:
        camera = plain_cnn_branch(pixels, filters=(units // 2, units), units=None, **common)
    elif backbone == "pilotnet":
        network = {"filters": config.filters, "units": config.dense, "dropout": dropout, "seed": seed}
        camera = pilotnet_branch(pixels, **network, **common)
    else:
        camera = image_branch(pixels, size=size, backbone=backbone, **common)
    features = {
        "image": camera,
        "history": series_branch(history, schema["history"], name="history", **series),
        "location": series_branch(location, schema["location"], name="location", **series),
        "road_condition": sensor_branch(road, schema["road_condition"], units=units, name="road_condition", **common),
    }
    outputs = fuse(
        features,
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        task_weights=learned_loss_weights,
        modality_dropout=modality_dropout,
        seed=seed,
    )
    return finish(inputs, outputs, schema, weights, size)
