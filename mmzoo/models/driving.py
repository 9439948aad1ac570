"""Driving: camera, motion, place and road condition to steering, throttle and brake."""

from __future__ import annotations

import dataclasses
import functools
import pathlib
from collections.abc import Callable, Mapping, Sequence

from mmzoo.branches import image_branch, pilotnet_branch, plain_cnn_branch, sensor_branch, series_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.models.driving_schema import driving_schema
from mmzoo.models.finish import finish
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.seeding import seeded


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    filters: tuple[int, ...]
    dense: tuple[int, ...]
    units: int
    sensor_units: int
    max_parameters: int


SIZES = {
    "nano": _Size(32, (12, 18, 24, 32, 32), (50,), 16, 16, 100_000),
    "small": _Size(64, (24, 36, 48, 64, 64), (100, 50), 32, 32, 280_000),
}


@register("driving")
@seeded
def build_driving_model(
    *,
    variant: str = "modern",
    size: str = "small",
    backbone: str = "pilotnet",
    fusion: str | Callable = "concat",
    inputs: Sequence[str] | None = None,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.1,
    dropout: float = 0.2,
    learned_loss_weights: bool = True,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that drives: what a driver would do now, from the camera and what is known besides.

    Any input may be missing. Inputs (B samples):
        image: uint8 (B, 80, 160, 3), the front camera, 0..255; missing: all zeros.
        history: float32 (B, 20, 3), the steps before the picture, the newest last: speed (mph), steering (-1 left to 1
            right), throttle (0..1); missing: NaN, step by step.
        location: float32 (B, 20, 3), where the car was at these steps, seen from where it is: x ahead and y to the left
            (m), heading to the left (deg); missing: NaN, step by step.
        road_condition: float32 (B, 4): surface, weather, light (indices), visibility (m); missing: NaN.
    Outputs:
        steering, throttle: float32 (B, 1), in the same units. brake: float32 (B, 2), probabilities of "no" and "yes".

    Args:
        variant: "modern", GRUs beside the backbone; or "classic", a CNN beside LSTM(64) over the series and Dense(64)
            over the road condition, concatenated. The textbook's listing joins the CNN's map (B, H, W, C) with the
            LSTM's sequence (B, T, D), tensors of four and three axes that no layer can join: here the map is averaged
            over its places first, and the LSTM gives its last state.
        size: "nano" or "small"; of the classic "nano" is a quarter as wide.
        backbone: modern: "pilotnet" (Bojarski et al. 2016), or one that `image_branch` knows.
        fusion: see `mmzoo.fusion`.
        inputs: names of some inputs, for a model of these alone; None: all.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits of the brake.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the heads and inside PilotNet.
        learned_loss_weights: learn how much each output counts in the loss (Kendall et al. 2018).
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size, backbone, fusion or input, or weights of another architecture.

    >>> model = build_driving_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'steering': (None, 1), 'throttle': (None, 1), 'brake': (None, 2)}
    """
    if variant not in ("modern", "classic"):
        raise ValueError(f"variant: expected 'modern' or 'classic', got {variant!r}")
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    config, classic = SIZES[size], variant == "classic"
    units = {"small": 64, "nano": 16}[size] if classic else config.units
    common = {"width": units if classic else config.width, "tokens": wants_tokens(fusion)}

    schema = driving_schema().only(inputs)
    series = functools.partial(series_branch, cell="lstm" if classic else "gru", units=units, **common)
    if classic:
        camera = functools.partial(plain_cnn_branch, filters=(units // 2, units), units=None, **common)
    elif backbone == "pilotnet":
        camera = functools.partial(
            pilotnet_branch, filters=config.filters, units=config.dense, dropout=dropout, seed=seed, **common
        )
    else:
        camera = functools.partial(image_branch, size=size, backbone=backbone, **common)
    branches = {
        "image": lambda pixels, _, name: camera(pixels, name=name),
        "history": series,
        "location": series,
        "road_condition": functools.partial(sensor_branch, units=units if classic else config.sensor_units, **common),
    }
    tensors = keras_inputs(schema)
    features = {name: branches[name](tensor, schema[name], name=name) for name, tensor in tensors.items()}
    outputs = fuse(
        features, schema, fusion, dropout=dropout, classifier_activation=classifier_activation,
        task_weights=learned_loss_weights, modality_dropout=modality_dropout, seed=seed,
    )  # fmt: skip
    return finish(tensors, outputs, schema, weights, size)
