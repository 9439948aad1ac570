"""Translation: a sentence, or a picture of it, in another language."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Sequence

from mmzoo.branches import resnet_branch, text_branch
from mmzoo.branches.line import line_branch
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.writing import written
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.writing import SPELLING, translation_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    width: int
    embedding: int
    encoder_units: int
    units: int
    line: tuple[int, int, int, int]
    photo: tuple[int, ...]
    max_parameters: int


SIZES = {
    "nano": _Size(24, 16, 16, 24, (4, 8, 8, 16), (8, 16), 30_000),
    "small": _Size(192, 128, 128, 256, (16, 32, 64, 64), (32, 64, 128), 2_000_000),
}


@register("translation")
@seeded
def build_translation_model(
    *,
    size: str = "small",
    source: Sequence[str] = SPELLING,
    target: Sequence[str] = SPELLING,
    source_steps: int = 32,
    steps: int = 32,
    lowercase: bool = False,
    language: str = "",
    photo: bool = False,
    page: bool = False,
    width: int | None = None,
    embedding: int | None = None,
    encoder_units: int | None = None,
    units: int | None = None,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    dropout: float = 0.3,
    word_dropout: float = 0.1,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that translates, as Bahdanau, Cho & Bengio (ICLR 2015) do.

    A two-directional GRU reads the text; a GRU writes the translation, and looks at each step at the words of the text
    that matter for it. Beside the text, or in its place, it may have a picture of the text, and a photo of what the
    text speaks of: their columns and places are looked at in the same way.

    Inputs (B samples):
        text: int32 (B, source_steps), its word pieces, 0 = padding; missing: zeros.
        page: with `page`: uint8 (B, 32, 480, 1), a picture of the text in one line, in grey; missing: zeros.
        photo: with `photo`: uint8 (B, 64, 64, 3), 0..255; missing: zeros.
        translation_so_far: int32 (B, T), word pieces of what stands there already; missing: zeros, and the model goes
            on from its own words. `mmzoo.fit` fills in the whole translation by itself.
    Output:
        translation: float32 (B, T, V), at each step how likely each word piece is, see `mmzoo.schema.Sentence`.

    Args:
        size: "nano" or "small".
        source, target: word pieces of the text and of the translation, "[PAD]", "[UNK]" and "[END]" first, see
            `mmzoo.data.tables.vocabulary`; by default the lower-case letters of English.
        source_steps, steps: word pieces that are read at most, and written at most, the end among them.
        lowercase: read and write in lower case.
        language: of the translation, such as "de"; it says how BLEU cuts it into words.
        photo: also take a photo of what the text speaks of.
        page: also take a picture of the text.
        width: of the features of text and pictures; None: 192, nano 24.
        embedding: width of a word; None: 128, nano 16.
        encoder_units: of the GRU that reads, per direction; None: 128, nano 16.
        units: of the GRU that writes; None: 256, nano 24.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        dropout: dropout rate of what was read and of the words that are written.
        word_dropout: how often a word before is hidden while training.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size, a vocabulary without its marks, or weights of another architecture.

    >>> model = build_translation_model(size="nano", steps=16)
    >>> model.output["translation"].shape
    (None, 16, 107)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    given = {"width": width, "embedding": embedding, "encoder_units": encoder_units, "units": units}
    config = dataclasses.replace(SIZES[size], **{name: value for name, value in given.items() if value is not None})
    schema = translation_schema(
        source=source, target=target, source_steps=source_steps, steps=steps, lowercase=lowercase, language=language,
        photo=photo, page=page,
    )  # fmt: skip
    inputs = keras_inputs(schema)
    features = {
        "text": text_branch(
            inputs["text"], vocabulary_size=len(source), width=config.width, units=config.encoder_units,
            embedding=config.embedding, bidirectional=True, tokens=True,
        )
    }  # fmt: skip
    if page:
        features["page"] = line_branch(
            inputs["page"], filters=config.line, width=config.width, units=config.encoder_units, name="page"
        )
    if photo:
        features["photo"] = resnet_branch(
            inputs["photo"], filters=config.photo, blocks=1, drop_path=0.0, width=config.width, tokens=True, seed=seed,
            name="photo",
        )  # fmt: skip
    translation = written(
        features, inputs, schema, "translation", units=config.units, embedding=config.embedding,
        activation=classifier_activation, dropout=dropout, word_dropout=word_dropout, seed=seed,
    )  # fmt: skip
    return finish(inputs, {"translation": translation}, schema, weights, size)
