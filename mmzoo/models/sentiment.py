"""Sentiment: a text, a picture and a voice to a sentiment and an emotion."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from mmzoo.branches import BranchSettings, branch_of, ngrams_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.sentiment import INPUTS, OUTPUTS, sentiment_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    embedding: int
    words: int
    max_parameters: int


SIZES = {
    "nano": _Size(32, 8, 4_000, 120_000),
    "small": _Size(64, 16, 10_000, 640_000),
}


@register("sentiment")
@seeded
def build_sentiment_model(
    *,
    variant: str = "modern",
    size: str = "small",
    inputs: Sequence[str] = INPUTS,
    outputs: Sequence[str] = OUTPUTS,
    image_size: tuple[int, int] = (96, 96),
    image: str | pathlib.Path = "separable",
    text: str | pathlib.Path | None = None,
    finetune: str | None = None,
    fusion: str | Callable | None = None,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.2,
    dropout: float = 0.4,
    word_dropout: float = 0.3,
    learned_loss_weights: bool = False,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that tells the sentiment and the emotion of what is written, shown and said.

    Inputs (B samples), those that are asked for, any of which may be missing:
        text: int32 (B, 48), its words in lower case and behind them its pairs of words, hashed into 1..9,999 (nano:
            1..3,999); 0 = padding. With `text` as that says.
        image: uint8 (B, H, W, 3), the picture, 0..255; missing: all zeros.
        voice: float32 (B, 32000), two seconds at 16 kHz, -1..1; missing, or silence: all zeros.
    Outputs, those that are asked for; a sample without a target of one teaches the other alone:
        sentiment: float32 (B, 3), probabilities of "negative", "neutral" and "positive".
        emotion: float32 (B, 7), probabilities of "anger", "boredom", "disgust", "fear", "happiness", "neutral" and
            "sadness".

    Args:
        variant: "modern"; or "classic", the article's: a BERT of keras-hub (`text`, which must be given) and an image
            encoder, both trained as a whole, concatenated before one dense layer; a voice has a branch beside them.
        size: "nano" or "small", of what is not pretrained.
        inputs: those that it has.
        outputs: those that it has.
        image_size: (height, width) in pixels.
        image: how the picture is read, see `mmzoo.build_multimodal_model`.
        text: how the text is read, see there; None: the sum of its words and pairs of words.
        finetune: of keras-hub backbones: "frozen", "lora" or "full"; None: "frozen", classic "full".
        fusion: see `mmzoo.fusion`; None: "attention", classic "concat".
        weights: None, a .keras file, a .weights.h5 file or a bundle; none come with mmzoo (the data's licences).
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the heads.
        word_dropout: probability that a word or pair of words is left out while training.
        learned_loss_weights: learn how much each output counts in the loss (Kendall et al. 2018).
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size, input, output, fusion or finetune, an image or text that can't be read so,
            a classic model without its BERT, or weights of another architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_sentiment_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'sentiment': (None, 3), 'emotion': (None, 7)}
    """
    if variant not in ("modern", "classic"):
        raise ValueError(f"variant: expected 'modern' or 'classic', got {variant!r}")
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    config, classic = SIZES[size], variant == "classic"
    if classic and "text" in inputs and text is None:
        raise ValueError("text: the article's model reads texts with BERT; give a keras-hub preset, its folder or name")
    finetune = finetune or ("full" if classic else "frozen")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    fusion = fusion or ("concat" if classic else "attention")

    schema = sentiment_schema(inputs, outputs, image_size=image_size, words=config.words)
    schema, presets = with_texts(schema, text, buckets=config.words - 1)
    settings = BranchSettings(
        width=config.width,
        size=size,
        image=image,
        presets=presets,
        finetune=finetune,
        tokens=wants_tokens(fusion),
        seed=seed,
    )
    tensors, features = keras_inputs(schema), {}
    for name, kind in schema.inputs.items():
        if name == "text" and text is None:
            features[name] = ngrams_branch(
                tensors[name],
                kind,
                embedding=config.embedding,
                width=config.width,
                dropout=word_dropout,
                tokens=settings.tokens,
                name=name,
                seed=seed,
            )
        else:
            features[name] = branch_of(tensors[name], kind, name, settings)
    predictions = fuse(
        features,
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        task_weights=learned_loss_weights and len(schema.outputs) > 1,
        modality_dropout=modality_dropout,
        seed=seed,
    )
    return finish(tensors, predictions, schema, weights, size)
