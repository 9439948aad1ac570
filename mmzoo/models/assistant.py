"""Assistant: a picture and a question about it to an answer."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from mmzoo.branches import BranchSettings, branch_of, ngrams_branch, plain_cnn_branch, resnet_branch, text_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.assistant import ANSWERS, assistant_schema
from mmzoo.schema import Sensors


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    units: int
    embedding: int
    max_parameters: int
    filters: tuple[int, ...]
    words: int = 5_000


SIZES = {
    "nano": _Size(32, 16, 16, 50_000, filters=(8, 16, 32), words=1_000),
    "small": _Size(64, 32, 32, 420_000, filters=(16, 32, 64)),
}
CLASSIC_SIZES = {
    "nano": _Size(16, 16, 16, 400_000, filters=(8, 8), words=1_000),
    "small": _Size(128, 128, 128, 26_000_000, filters=(64, 64)),
}


@register("assistant")
@seeded
def build_assistant_model(
    *,
    variant: str = "modern",
    size: str = "small",
    answers: Sequence[str] = ANSWERS,
    user: Sensors | None = None,
    image_size: tuple[int, int] | None = None,
    image: str | pathlib.Path = "resnet",
    text: str | pathlib.Path | None = None,
    finetune: str = "frozen",
    fusion: str | Callable | None = None,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.1,
    dropout: float = 0.1,
    word_dropout: float = 0.0,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that answers a question about a picture; either may be missing, then it answers the likeliest.

    Inputs (B samples):
        image: uint8 (B, H, W, 3), the picture, 0..255; missing: all zeros.
        question: int32 (B, 24), its words in lower case, hashed into 1..4,999 (nano: 1..999), so that no vocabulary
            need travel along; where there is room behind them, also its pairs of words; 0 = padding. With `text` as
            that says.
        user: float32 (B, fields), what is known of who asks, only where `user` describes it; missing: NaN.
    Output:
        answer: float32 (B, answers), the probability of each.

    Args:
        variant: "modern", a small ResNet and the sum of the question's words and pairs of words, multiplied; or
            "classic", the article's network: two convolutions of 64 filters over 224 x 224 pixels, Flatten and
            Dense(128) beside Embedding(5,000, 128) and LSTM(128), joined. The article feeds one array to both inputs,
            so as printed it learns nothing of the other.
        size: "nano" or "small"; of the classic "small" is the article's, "nano" an eighth as wide.
        answers: those that it chooses from.
        user: fields that describe who asks; None: there is no such input.
        image_size: (height, width) in pixels; None: (64, 64), classic (224, 224).
        image: modern: how the picture is read: "resnet" (three residual blocks), or see `mmzoo.build_multimodal_model`.
            Plain convolutions without normalisation did not begin to learn in three epochs of easy_vqa (66 %, as
            without a picture), while these were at 86 %.
        text: modern: how the question is read, see there; None: as the variant says.
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        fusion: see `mmzoo.fusion`; None: "product", classic "concat".
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the head.
        word_dropout: modern: probability that a word or pair of the question is left out while training. Where one word
            turns the answer round ("not"), none should be.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size, fusion or finetune, an image or text that can't be read so, or weights of
            another architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_assistant_model(size="nano")
    >>> {name: output.shape for name, output in model.output.items()}
    {'answer': (None, 13)}
    """
    sizes = {"modern": SIZES, "classic": CLASSIC_SIZES}
    if variant not in sizes:
        raise ValueError(f"variant: expected one of {list(sizes)}, got {variant!r}")
    if size not in sizes[variant]:
        raise ValueError(f"size: expected one of {list(sizes[variant])} for variant {variant!r}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    config, classic = sizes[variant][size], variant == "classic"
    if classic and (image, text) != ("resnet", None):
        raise ValueError("image, text: only for variant 'modern'; the article's network has its own")
    fusion = fusion or ("concat" if classic else "product")
    image_size = image_size or ((224, 224) if classic else (64, 64))

    schema = assistant_schema(answers, image_size=image_size, words=config.words, user=user)
    schema, presets = with_texts(schema, None if text is None else {"question": text}, buckets=config.words - 1)
    settings = BranchSettings(
        width=config.width, size=size, image=image, presets=presets, finetune=finetune, tokens=wants_tokens(fusion),
        sensor_units=config.units, seed=seed,
    )  # fmt: skip
    common = {"width": config.width, "tokens": settings.tokens}
    inputs = keras_inputs(schema)
    features = {}
    if classic:
        features["image"] = plain_cnn_branch(inputs["image"], filters=config.filters, units=config.width, **common)
    elif image == "resnet":
        features["image"] = resnet_branch(
            inputs["image"], filters=config.filters, blocks=1, drop_path=0.0, seed=seed, **common
        )
    else:
        features["image"] = branch_of(inputs["image"], schema["image"], "image", settings)
    words = {"embedding": config.embedding, "name": "question", **common}
    if classic:
        features["question"] = text_branch(
            inputs["question"], vocabulary_size=config.words, cell="lstm", units=config.units, **words
        )
    elif text is None:
        features["question"] = ngrams_branch(
            inputs["question"], schema["question"], dropout=word_dropout, seed=seed, **words
        )
    else:
        features["question"] = branch_of(inputs["question"], schema["question"], "question", settings)
    if user is not None:
        features["user"] = branch_of(inputs["user"], user, "user", settings)
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
