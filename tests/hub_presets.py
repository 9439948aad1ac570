"""Tiny presets of keras-hub that tests write; whoever imports this is skipped where keras-hub is not installed."""

from __future__ import annotations

import numpy as np
import pytest

keras_hub = pytest.importorskip("keras_hub")

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "stop", "give", "way", "##s", *(f"w{i}" for i in range(51)))
# Height and width of the pictures.
SIZE = 16


def write_text_preset(folder, family, **changes):
    """A text preset of 2 layers, 16 wide, with a vocabulary of 60 pieces; the embedding has room for more."""
    layout = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "intermediate_dim": 32, "max_sequence_length": 16}
    backbone, tokenizer, extra = {
        "bert": (keras_hub.models.BertBackbone, keras_hub.models.BertTokenizer, {"vocabulary_size": 256}),
        "distil_bert": (
            *(keras_hub.models.DistilBertBackbone, keras_hub.models.DistilBertTokenizer),
            {"vocabulary_size": 256},
        ),
        "electra": (
            *(keras_hub.models.ElectraBackbone, keras_hub.models.ElectraTokenizer),
            {"vocab_size": 256, "embedding_dim": 8},
        ),
    }[family]
    lively(backbone(**layout, **extra)).save_to_preset(folder)
    tokenizer(**{"vocabulary": list(WORDS), "lowercase": True, **changes}).save_to_preset(folder)


def write_image_preset(folder):
    """A MobileNet of two blocks, with a scaling of its own for each channel."""
    network = keras_hub.models.MobileNetBackbone(
        stackwise_expansion=[[16, 24]],
        stackwise_num_blocks=[2],
        stackwise_num_filters=[[8, 8]],
        stackwise_kernel_size=[[3, 3]],
        stackwise_num_strides=[[2, 1]],
        stackwise_se_ratio=[[None, 0.25]],
        stackwise_activation=[["relu", "hard_swish"]],
        stackwise_padding=[[1, 1]],
        output_num_filters=16,
        depthwise_filters=16,
        depthwise_stride=1,
        depthwise_residual=True,
        last_layer_filter=16,
        input_num_filters=16,
    )
    lively(network).save_to_preset(folder)
    keras_hub.layers.MobileNetImageConverter(
        image_size=(SIZE, SIZE), scale=[1 / 50, 1 / 60, 1 / 70], offset=[-2.5, -2.0, -1.5]
    ).save_to_preset(folder)


def lively(network):
    """Weights that differ from what a fresh layer has, in every variable."""
    rng = np.random.default_rng(0)
    for variable in network.variables:
        draws = rng.uniform(0.5, 1.5, variable.shape)
        if "variance" in variable.name or variable.name in ("gamma", "scale"):
            variable.assign(draws)
        elif "seed" not in variable.path:
            variable.assign(variable + 0.1 * (draws - 1))
    return network
