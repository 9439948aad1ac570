"""Text branch over a pretrained transformer of keras-hub."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.layers import HubBackbone, MaskedMean
from mmzoo.layers.hub_backbone import BACKBONE, POOLED
from mmzoo.presets import load_backbone

_TAKEN = ("token_ids", "padding_mask", "segment_ids")


def hub_text_branch(
    ids,
    preset,
    *,
    finetune: str = "frozen",
    lora_rank: int = 4,
    width: int = 64,
    load_weights: bool = True,
    vocabulary_size: int | None = None,
    tokens: bool = False,
    name: str = "text",
) -> Features:
    """Reads a text with a transformer of keras-hub, such as BERT (Devlin et al. 2019).

    The vector is the mean over the text's tokens, the marks at its ends included: without training on sentences it says
    more than the token [CLS] (Reimers & Gurevych, "Sentence-BERT", 2019).

    Args:
        ids: int32 (B, T) of the preset's own vocabulary, see `mmzoo.presets.text_for_preset`; 0 = padding, at the end;
            all zeros is missing.
        preset: a folder or a name, see `mmzoo.presets.resolve_preset`.
        finetune: "frozen", "lora" or "full", see `mmzoo.layers.HubBackbone`.
        lora_rank: rank of the LoRA factors.
        width: width of the features.
        load_weights: False: the preset's layout with fresh weights.
        vocabulary_size: number of ids that the texts may hold, to be compared with what the preset knows.
        tokens: give one token a step.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.

    Raises:
        mmzoo.presets.PresetError: there is no such folder, and the preset can't be downloaded.
        ValueError: the preset is no encoder of texts, its texts are shorter than T, or it knows fewer ids.
    """
    network = load_backbone(preset, load_weights=load_weights)
    inputs = list(network.input) if isinstance(network.input, dict) else []
    if not {"token_ids", "padding_mask"} <= set(inputs) <= set(_TAKEN):
        raise ValueError(
            f"preset {str(preset)!r}: its {type(network).__name__} takes {inputs or 'one array'}; expected a text "
            f"encoder that takes {_TAKEN[0]} and {_TAKEN[1]} (BERT, DistilBERT, ELECTRA)"
        )
    known = getattr(getattr(network, "token_embedding", None), "input_dim", None)
    if vocabulary_size is not None and known is not None and vocabulary_size > known:
        raise ValueError(
            f"preset {str(preset)!r}: knows {known:,} ids, the vocabulary of the input {name!r} has "
            f"{vocabulary_size:,}; take the vocabulary that belongs to its weights, see mmzoo.presets.text_for_preset"
        )
    longest = getattr(network, "max_sequence_length", None)
    if longest is not None and ids.shape[1] > longest:
        raise ValueError(
            f"preset {str(preset)!r}: reads at most {longest} steps, the input {name!r} has {ids.shape[1]}"
        )
    mask = ops.not_equal(ids, 0)
    present = ops.any(mask, axis=1, keepdims=True)
    # The first step is always looked at: attention over nothing, which a missing text would be, is not a number.
    first = ops.equal(ops.arange(ids.shape[1]), 0)
    given = {
        "token_ids": ids,
        "padding_mask": ops.cast(ops.logical_or(mask, first), "int32"),
        "segment_ids": ops.zeros_like(ids),
    }
    backbone = HubBackbone(network, finetune=finetune, lora_rank=lora_rank, name=f"{name}{BACKBONE}")
    read = backbone({key: given[key] for key in inputs})
    project = layers.Dense(width, name=f"{name}_vector")
    vector = project(MaskedMean(name=f"{name}{POOLED}")(read, mask)) * ops.cast(present, read.dtype)
    return Features(project(read), mask, vector, present) if tokens else Features(None, None, vector, present)
