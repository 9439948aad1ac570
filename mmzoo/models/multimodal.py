"""Own data: a branch for every input of a schema and a head for every output."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping

from mmzoo.branches import BranchSettings, branch_for
from mmzoo.fusion import activations_for, fuse, heads_for
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.pretrained import load_weights
from mmzoo.models.schema_model import SchemaModel, keras_inputs, schema_model
from mmzoo.models.seeding import initial_weights_seed
from mmzoo.models.text_choice import with_texts
from mmzoo.presets import PresetError
from mmzoo.schema import Schema


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    text_units: int
    embedding: int
    bidirectional: bool
    ngram_embedding: int
    ngram_buckets: int
    sensor_units: int
    series_units: int


SIZES = {
    "nano": _Size(32, 12, 8, False, 8, 8_000, 16, 16),
    "small": _Size(64, 32, 16, False, 16, 64_000, 32, 32),
    "base": _Size(128, 64, 32, True, 32, 64_000, 64, 64),
}


def build_multimodal_model(
    schema: Schema,
    *,
    size: str = "small",
    fusion: str | Callable = "attention",
    text: str | pathlib.Path | Mapping[str, str | pathlib.Path] | None = None,
    image: str | pathlib.Path = "separable",
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
    each) and `Value` (float32 (B, 1), in its own unit) out. Encode data with `model.schema`: `text` changes it.

    Args:
        schema: describes the data.
        size: "nano", "small" or "base": width of all branches. An image branch ("separable") takes at most 45,000,
            230,000 or 870,000 parameters, hashed n-grams 64,000, 1,024,000 or 2,048,000.
        fusion: "attention", "concat", "sum", or a function; see `mmzoo.fusion`.
        text: how texts are read, for all or by input: "bytes" (GRU over UTF-8 bytes), "ngrams" (averaged embeddings of
            words and pairs of words), "wordpiece" (GRU over word pieces; the schema must hold the vocabulary, see
            `mmzoo.data.tables.vocabulary.wordpiece_text`), or a keras-hub backbone: the directory of a preset, its
            name, or "bert", "distilbert", ... None, and inputs left out: as the schema says.
        image: how pictures are read: "separable", "vgg", the name of a function in keras.applications, or a keras-hub
            backbone: the directory of a preset, its name, or "mobilenet", "resnet", ...
        finetune: of keras-hub backbones: "frozen", "lora" (Hu et al. 2022) or "full".
        text_cell: "gru" or "lstm".
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
        ValueError: an unknown size, fusion, text, image or finetune, an input that its branch can't read, names that
            collide, or weights of another architecture; the message names the input.
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
        finetune=finetune,
        text_cell=text_cell,
        text_units=config.text_units,
        embedding=config.embedding,
        bidirectional=config.bidirectional,
        ngram_embedding=config.ngram_embedding,
        sensor_units=config.sensor_units,
        series_cell=series_cell,
        series_units=config.series_units,
        seed=seed,
    )

    with initial_weights_seed(seed):
        inputs = keras_inputs(schema)
        features = {
            name: _features(name, modality, inputs[name], dataclasses.replace(settings, preset=presets.get(name)))
            for name, modality in schema.inputs.items()
        }
        outputs = fuse(
            features,
            fusion,
            head=heads_for(schema, dropout=dropout, seed=seed),
            activations=activations_for(schema, classifier_activation),
            task_weights=learned_loss_weights and len(schema.outputs) > 1,
            modality_dropout=modality_dropout,
            seed=seed,
        )
        try:
            # Keras takes no slash in a name.
            model = schema_model(inputs, outputs, schema, name=schema.name.replace("/", "_"))
        except ValueError as error:
            raise ValueError(
                f"schema {schema.name!r}: an input or output has the name of a layer ({error}); call it something else"
            ) from error
    return load_weights(model, weights, size=size)


def _features(name, modality, tensor, settings):
    """The branch's features; what it can't read is said with the input's name."""
    branch = branch_for(modality, f"input {name!r}")
    try:
        return branch(tensor, modality, name, settings)
    except PresetError as error:
        raise PresetError(f"input {name!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"input {name!r}: {error}") from error
