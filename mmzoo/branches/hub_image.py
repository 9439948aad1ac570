"""Image branch over a pretrained network of keras-hub."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.layers import HubBackbone
from mmzoo.layers.hub_backbone import BACKBONE, POOLED
from mmzoo.presets import load_backbone, load_image_converter


def hub_image_branch(
    pixels,
    preset,
    *,
    finetune: str = "frozen",
    lora_rank: int = 4,
    width: int = 64,
    load_weights: bool = True,
    tokens: bool = False,
    name: str = "image",
) -> Features:
    """Reads a picture with a network of keras-hub, such as ResNet, MobileNet, EfficientNet or ViT.

    The preset's own scaling and normalisation are part of the graph.

    Args:
        pixels: uint8 (B, H, W, C), 0..255; all zeros is missing. Networks without attention take any size, those with
            (ViT) their own only, see `mmzoo.presets.image_size_for_preset`. One channel stands in for three.
        preset: a folder or a name, see `mmzoo.presets.resolve_preset`.
        finetune: "frozen", "lora" or "full", see `mmzoo.layers.HubBackbone`.
        lora_rank: rank of the LoRA factors.
        width: width of the features.
        load_weights: False: the preset's layout with fresh weights.
        tokens: give one token a place of the last feature map, or a patch.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.

    Raises:
        mmzoo.presets.PresetError: there is no such folder, and the preset can't be downloaded; or it has no
            image_converter.json.
        ValueError: the preset is no network for pictures, or for others than these.
    """
    network = load_backbone(preset, load_weights=load_weights)
    shape = network.input_shape
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise ValueError(f"preset {str(preset)!r}: its {type(network).__name__} takes {shape}; expected pictures")
    present = ops.any(ops.not_equal(pixels, 0), axis=(1, 2, 3))
    present = ops.expand_dims(present, 1)
    if pixels.shape[-1] == 1 and shape[-1] == 3:
        pixels = ops.repeat(pixels, 3, axis=-1)
    network = _fitted(network, tuple(pixels.shape[1:]), preset)
    x = _scaled(pixels, load_image_converter(preset), preset, name)
    read = HubBackbone(network, finetune=finetune, lora_rank=lora_rank, name=f"{name}{BACKBONE}")(x)
    if len(getattr(read, "shape", ())) == 4:
        read = layers.Reshape((-1, read.shape[-1]), name=f"{name}_places")(read)
    if len(getattr(read, "shape", ())) != 3:
        raise ValueError(f"preset {str(preset)!r}: its {type(network).__name__} gives no feature map but {read}")
    pooled = layers.GlobalAveragePooling1D(name=f"{name}{POOLED}")(read)
    vector = layers.Dense(width, name=f"{name}_vector")(pooled)
    if not tokens:
        return Features(None, None, vector, present)
    places = layers.Dense(width, name=f"{name}_tokens")(read)
    return Features(places, ops.repeat(present, places.shape[1], 1), vector, present)


def _scaled(pixels, converter, preset, name):
    import keras_hub

    plain = keras_hub.layers.ImageConverter
    if any(getattr(type(converter), part) is not getattr(plain, part) for part in ("call", "_call_python")):
        raise ValueError(
            f"preset {str(preset)!r}: its {type(converter).__name__} does more than scale the pixels; presets of "
            "ResNet, MobileNet, EfficientNet, DenseNet and ViT are known to work"
        )
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    return layers.Rescaling(scale, offset, name=f"{name}_scaling")(pixels)


def _fitted(network, shape, preset):
    """The same network for pictures of this shape."""
    own = network.input_shape[1:]
    if all(size in (None, given) for size, given in zip(own, shape, strict=True)):
        return network
    config = network.get_config()
    key = next((key for key in ("image_shape", "input_shape") if key in config), None)
    try:
        if key is None:
            raise ValueError("its size is fixed")
        fitted = type(network).from_config({**config, key: shape})
        fitted.set_weights(network.get_weights())
    except ValueError as error:
        raise ValueError(
            f"preset {str(preset)!r}: its {type(network).__name__} takes pictures of {own} (height, width, channels), "
            f"the input has {shape} ({error!s:.200}); resize to that, see mmzoo.presets.image_size_for_preset"
        ) from error
    return fitted
