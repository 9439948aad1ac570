"""Own data: a branch for every input of a schema and a head for every output."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from mmzoo.branches import BranchSettings, branch_of
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.beginnings import beginnings, with_beginnings
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.schema import Schema


@dataclasses.dataclass(frozen=True)
class _Size:
    ngram_buckets: int
    width: int
    text_units: int
    embedding: int
    bidirectional: bool
    ngram_embedding: int
    sensor_units: int
    series_units: int


SIZES = {
    "nano": _Size(8_000, 32, 12, 8, False, 8, 16, 16),
    "small": _Size(64_000, 64, 32, 16, False, 16, 32, 32),
    "base": _Size(64_000, 128, 64, 32, True, 32, 64, 64),
}


@seeded
def build_multimodal_model(
    schema: Schema,
    *,
    size: str = "small",
    fusion: str | Callable = "attention",
    text: str | pathlib.Path | Mapping[str, str | pathlib.Path] | None = None,
    image: str | pathlib.Path = "separable",
    audio: str = "spectrogram",
    finetune: str = "frozen",
    text_cell: str = "gru",
    series_cell: str = "gru",
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    modality_dropout: float | Mapping[str, float] = 0.25,
    dropout: float = 0.2,
    learned_loss_weights: bool = True,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model for own data: one branch an input, one head an output, any input may be missing.

    Inputs and outputs are those of the schema, which `mmzoo.infer_schema` makes from a table: `Image`, `Text`,
    `Sensors`, `Audio` and `Series` in; `Label` (probabilities, float32 (B, classes)), `MultiLabel` (one probability
    each), `Value` (float32 (B, 1), in its own unit), `Transcript` and `Sentence` out; a sentence gets an input for what
    stands there so far. Encode data with `model.schema`: `text` changes it. Keras
    has its own names for columns such as "oil temp", see `SchemaModel`.

    Args:
        schema: describes the data.
        size: "nano", "small" or "base": width of all branches. An image branch ("separable") takes at most 45,000,
            230,000 or 870,000 parameters, hashed n-grams 64,000, 1,024,000 or 2,048,000.
        fusion: "attention", "concat", "late", "product", "sum", "transformer", or a function; see `mmzoo.fusion`.
        text: how texts are read, for all or by input: "bytes" (GRU over UTF-8 bytes), "ngrams" (averaged embeddings of
            words and pairs of words), "wordpiece" (GRU over word pieces; the schema must hold the vocabulary, see
            `mmzoo.data.tables.vocabulary.wordpiece_text`), "glove" (GRU over pretrained word vectors), or a keras-hub
            backbone: the directory of a preset, its name, or "bert", "distilbert", ... None, and inputs left out: as
            the schema says.
        image: how pictures are read: "separable", "vgg", the name of a function in keras.applications, or a keras-hub
            backbone: the directory of a preset, its name, or "mobilenet", "resnet", ...
        audio: how sounds are heard: "spectrogram" (a CNN from scratch), or "speech_embedding" (16 kHz; see
            `mmzoo.pretrained`).
        finetune: of pretrained encoders: "frozen", "lora" (Hu et al. 2022) or "full". Word vectors learn with "full"
            only.
        text_cell: "gru", "lstm" or "rnn".
        series_cell: the same, for series.
        weights: None, or the path of a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the heads.
        learned_loss_weights: with several outputs, learn how much each counts in the loss (Kendall et al. 2018).
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        TypeError: an input of a kind that has no branch, see `mmzoo.branches.register_branch`.
        ValueError: an unknown size, fusion, text, image or finetune, an input that its branch can't read, or
            weights of another architecture; the message names the input.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> from mmzoo.schema import Category, Image, Label, Number, Sensors, Text, Value
    >>> schema = Schema(
    ...     "products",
    ...     {"photo": Image(32, 32), "title": Text(32), "sensors": Sensors((Number("weight", "kg", 0, 50),))},
    ...     {"category": Label(("book", "lamp", "towel")), "price": Value("EUR", scale="log")},
    ... )
    >>> model = build_multimodal_model(schema, size="nano", text="ngrams")
    >>> {name: output.shape for name, output in model.output.items()}
    {'category': (None, 3), 'price': (None, 1)}
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    config = SIZES[size]
    schema, presets = with_texts(schema, text, buckets=config.ngram_buckets)
    settings = BranchSettings(
        width=config.width,
        size=size,
        image=image,
        audio=audio,
        presets=schema.to_tensors(presets),
        finetune=finetune,
        text_cell=text_cell,
        text_units=config.text_units,
        embedding=config.embedding,
        bidirectional=config.bidirectional,
        ngram_embedding=config.ngram_embedding,
        sensor_units=config.sensor_units,
        series_cell=series_cell,
        series_units=config.series_units,
        tokens=wants_tokens(fusion),
        seed=seed,
    )

    schema = with_beginnings(schema)
    inputs = keras_inputs(schema)
    features = {
        name: branch_of(inputs[name], kind, name, settings) for name, kind in schema.inputs.items() if not kind.teacher
    }
    outputs = fuse(
        features,
        schema,
        fusion,
        dropout=dropout,
        classifier_activation=classifier_activation,
        task_weights=learned_loss_weights and len(schema.predicted) > 1,
        modality_dropout=modality_dropout,
        seed=seed,
        begun=beginnings(inputs, schema),
    )
    return finish(inputs, outputs, schema, weights, size)
