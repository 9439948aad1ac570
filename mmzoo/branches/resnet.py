"""Photo branch: a residual network of dense 3x3 convolutions."""

from __future__ import annotations

from collections.abc import Sequence

from keras import layers

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.places import picture_features, picture_is_present
from mmzoo.branches.parts.residual import normalised
from mmzoo.layers import ImageStandardization


def resnet_branch(
    pixels,
    *,
    filters: Sequence[int] = (32, 64, 128, 256),
    blocks: int = 2,
    drop_path: float = 0.1,
    width: int = 64,
    tokens: bool = False,
    seed: int | None = None,
    name: str = "image",
) -> Features:
    """Reads a photo with a small ResNet (He et al., CVPR 2016), for pictures of some 64 to 160 pixels.

    A stem of stride 2, then stages of basic blocks, each stage but the first at half the size of the one before; the
    shortcuts pool before their 1x1 convolution, so that no pixel is passed over (He et al., "Bag of tricks", 2019).

    Args:
        pixels: uint8 (B, H, W, C), 0..255; all zeros is missing.
        filters: channels of each stage.
        blocks: basic blocks a stage.
        drop_path: how often the last block is skipped while training, the others less in proportion (stochastic depth;
            Huang et al., ECCV 2016).
        width: width of the features.
        tokens: give one token a place of the last feature map.
        seed: seed of the skipping.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.
    """
    x = ImageStandardization(limit=5.0, name=f"{name}_standardization")(pixels)
    x = layers.Conv2D(filters[0], 3, strides=2, padding="same", use_bias=False, name=f"{name}_stem")(x)
    x = normalised(x, f"{name}_stem")
    count = len(filters) * blocks
    for number in range(count):
        stage, place = divmod(number, blocks)
        stride = 2 if stage and not place else 1
        drop = drop_path * (number + 1) / count
        x = _block(x, filters[stage], stride, drop, seed, f"{name}_stage{stage + 1}_block{place + 1}")
    summary = layers.GlobalAveragePooling2D(name=f"{name}_pool")(x)
    return picture_features(x, summary, picture_is_present(pixels), width=width, tokens=tokens, name=name)


def _block(x, filters, stride, drop, seed, name):
    shortcut = x
    x = _convolution(x, filters, stride, f"{name}_a")
    x = layers.ReLU(name=f"{name}_a_relu")(x)
    x = _convolution(x, filters, 1, f"{name}_b")
    if drop:
        x = layers.Dropout(drop, noise_shape=(None, 1, 1, 1), seed=seed, name=f"{name}_drop")(x)
    if stride > 1:
        shortcut = layers.AveragePooling2D(stride, padding="same", name=f"{name}_shortcut_pool")(shortcut)
    if shortcut.shape[-1] != filters:
        shortcut = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_shortcut")(shortcut)
        shortcut = layers.BatchNormalization(name=f"{name}_shortcut_norm")(shortcut)
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.ReLU(name=f"{name}_relu")(x)


def _convolution(x, filters, stride, name):
    x = layers.Conv2D(filters, 3, strides=stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    return layers.BatchNormalization(name=f"{name}_norm")(x)
