"""Answering a question out of a text."""

from __future__ import annotations

import dataclasses
import pathlib

from keras import layers, ops

from mmzoo.branches import BranchSettings, branch_of
from mmzoo.layers import StepSoftmax
from mmzoo.layers.hub_backbone import FINETUNE
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.parts.text_choice import with_texts
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.answer import QUESTION_STEPS, answer_schema


@dataclasses.dataclass(frozen=True)
class _Size:
    words: int
    embedding: int
    units: int
    max_parameters: int


SIZES = {
    "nano": _Size(2_000, 16, 16, 60_000),
    "small": _Size(4_000, 32, 48, 300_000),
}


@register("answer")
@seeded
def build_answer_model(
    *,
    size: str = "small",
    steps: int = 256,
    longest: int = 40,
    text: str | pathlib.Path | None = None,
    finetune: str = "frozen",
    weights: str | pathlib.Path | None = None,
    dropout: float = 0.3,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that answers a question with a part of a text, much as DrQA's reader does (Chen, Fisch, Weston &
    Bordes, "Reading Wikipedia to answer open-domain questions", ACL 2017).

    Of each word of the text it knows whether it stands in the question, and by attention what of the question is like
    it; a two-directional GRU reads on from there, and looks at the question, read by another, once more. Then two
    products with the question's vector say where the answer begins and where it ends.

    Inputs (B samples):
        question: int32 (B, 32), its words in lower case, hashed into 1..60,000, so that no vocabulary need travel
            along; of Chinese, its characters; 0 = padding; missing: all zeros. With `text` as that says.
        context: int32 (B, 256), the text that the answer stands in, likewise.
    Output:
        answer: float32 (B, 256, 2), for each word how likely the answer begins, and how likely it ends there; see
            `mmzoo.schema.Span`.

    Args:
        size: "nano" or "small".
        steps: words that are read of the text; a longer one is cut, and what stands beyond is not found.
        longest: words that an answer has at most.
        text: how both texts are read: None, by their words alone; or "glove", "minilm", or a keras-hub preset, see
            `mmzoo.build_multimodal_model`.
        finetune: of keras-hub backbones: "frozen", "lora" or "full".
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        dropout: dropout rate of the words and before the output.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size or finetune, a text that can't be read so, or weights of another architecture.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.

    >>> model = build_answer_model(size="nano")
    >>> model.output["answer"].shape
    (None, 256, 2)
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if finetune not in FINETUNE:
        raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
    config = SIZES[size]
    schema = answer_schema(steps=steps, longest=longest)
    chosen = None if text is None else {"question": text, "context": text}
    schema, presets = with_texts(schema, chosen, buckets=config.words)
    inputs = keras_inputs(schema)
    question, context = inputs["question"], inputs["context"]
    asked, written = ops.not_equal(question, 0), ops.not_equal(context, 0)

    if presets:
        settings = BranchSettings(
            width=2 * config.embedding, size=size, presets=presets, finetune=finetune, tokens=True,
            text_units=config.units, embedding=config.embedding, seed=seed,
        )  # fmt: skip
        words = {name: branch_of(inputs[name], schema[name], name, settings).tokens for name in schema.inputs}
    else:
        # Ids tell words apart, and several words share a row of the table: the one is free, the other is not.
        table = layers.Embedding(config.words + 1, config.embedding, name="words")
        words = {name: table(_rows(inputs[name], config.words)) for name in schema.inputs}
    words = {name: layers.Dropout(dropout, seed=seed, name=f"{name}_dropout")(x) for name, x in words.items()}

    # Which words of the text stand in the question as they are, and what of the question is like them.
    same = ops.logical_and(ops.equal(ops.expand_dims(context, 2), ops.expand_dims(question, 1)), asked[:, None])
    stands = ops.cast(ops.any(same, axis=2, keepdims=True), "float32")
    like = _attended(words["context"], words["question"], asked, config.units, "alike")
    x = layers.Concatenate(name="context_seen")([words["context"], like, stands, stands * words["context"]])
    x = _read(x, written, config.units, "context")
    read = _read(words["question"], asked, config.units, "question")
    looked = _attended(x, read, asked, config.units, "looked")
    x = layers.Concatenate(name="context_asked")([x, looked, x * looked, stands])
    x = layers.Dense(2 * config.units, activation="relu", name="context_vectors")(x)
    x = layers.Dropout(dropout, seed=seed, name="answer_dropout")(x)
    # Once more along the text: where the answer ends depends on where it begins.
    x = _read(x, written, config.units, "answer")

    weights_of_words = StepSoftmax(name="question_weights")(layers.Dense(1, name="question_scores")(read), asked)
    vector = ops.sum(weights_of_words * read, axis=1)
    scores = [
        ops.sum(x * layers.Dense(2 * config.units, name=f"head_{side}")(vector)[:, None], axis=-1, keepdims=True)
        for side in ("begin", "end")
    ]
    output = StepSoftmax(name="head_answer")(ops.concatenate(scores, axis=-1), written)
    return finish(inputs, {"answer": output}, schema, weights, size)


def _rows(ids, count):
    """The row of each id in a table of `count` words; 0 stays padding."""
    return ops.where(ops.equal(ids, 0), 0, ops.mod(ids, count) + 1)


def _read(x, mask, units, name):
    """A text read in both directions: float (B, T, 2 units)."""
    # cuDNN's kernels refuse rows that are masked as a whole, as a missing text is.
    gru = layers.GRU(units, return_sequences=True, use_cudnn=False, name=f"{name}_gru")
    # The copy leaves Keras' own mask behind.
    return ops.copy(layers.Bidirectional(gru, name=f"{name}_bidirectional")(x, mask=mask))


def _attended(x, others, mask, units, name):
    """For each step of one text what it attends to in another: float (B, T, D of the other)."""
    shared = layers.Dense(units, activation="relu", name=f"{name}_keys")
    keys = others if x.shape[-1] != others.shape[-1] else shared(others)
    queries = shared(x) if keys is not others else layers.Dense(others.shape[-1], name=f"{name}_queries")(x)
    scores = ops.matmul(queries, ops.transpose(keys, (0, 2, 1))) / keys.shape[-1] ** 0.5
    return ops.matmul(StepSoftmax(axis=2, name=f"{name}_weights")(scores, mask), others)


__all__ = ["QUESTION_STEPS", "SIZES", "build_answer_model"]
