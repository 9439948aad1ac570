"""Hidden steps of a text and hidden fields of a row, and how far off a branch is in filling them in."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from mmzoo.schema import Category, Modality, Text
from mmzoo.schema.json_tree import from_tree, to_tree

# A text's piece that stands for a hidden one, where its vocabulary has it.
MASK = "[MASK]"
# Hidden steps a text that are filled in; more would make logits of gigabytes.
MOST_STEPS = 16


def hidden_id(text: Text) -> int:
    """What stands in a text for a hidden step: "[MASK]" where there is such a piece, else padding."""
    return text.vocabulary.index(MASK) if MASK in text.vocabulary else 0


def with_steps_hidden(ids: np.ndarray, text: Text, share: float, rng: np.random.Generator) -> np.ndarray:
    """Texts with some steps hidden, one at least and never the last one that is left.

    Args:
        ids: int32 (N, T), 0 = padding.
        text: the schema's description.
        share: of the steps of each text.
        rng: chooses.
    """
    given = ids != 0
    if text.start:
        given &= ids != text.vocabulary.index(text.start)
    count = given.sum(axis=1)
    wanted = np.minimum(np.clip(np.round(share * count), 1, MOST_STEPS), np.maximum(count - 1, 0))
    return np.where(_drawn(given, wanted, rng), hidden_id(text), ids).astype(ids.dtype)


def with_fields_hidden(values: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """Rows of fields with some fields hidden (of a series whole steps), one at least and never the last one left.

    Args:
        values: float32 (N, F) or (N, T, F), NaN where missing.
        share: of the fields (steps) of each row.
        rng: chooses.
    """
    given = ~np.isnan(values)
    given = given if values.ndim == 2 else given.any(axis=2)
    count = given.sum(axis=1)
    wanted = np.minimum(np.maximum(np.round(share * count), 1), np.maximum(count - 1, 0))
    hidden = _drawn(given, wanted, rng)
    hidden = hidden if values.ndim == 2 else hidden[..., None]
    return np.where(hidden, np.float32(np.nan), values).astype(values.dtype)


def _drawn(given, wanted, rng):
    """bool (N, T): `wanted` (N,) of the places that are given, drawn from each row."""
    draws = np.where(given, rng.random(given.shape), 2.0)
    ranks = np.argsort(np.argsort(draws, axis=1), axis=1)
    return ranks < wanted[:, None]


@keras.saving.register_keras_serializable(package="mmzoo")
class StepError(layers.Layer):
    """Fills in a text's hidden steps, each from its token and the text's vector; gives the cross-entropy.

    Args:
        vocabulary_size: number of ids.

    Call arguments:
        tokens: float (B, T, D), of the text with hidden steps.
        vector: float (B, D), of the same.
        hidden: int (B, T), that text.
        given: int (B, T), the whole one.

    Returns:
        float32 (B, 1), the mean over a text's hidden steps; 0 where none is.
    """

    def __init__(self, vocabulary_size: int, **kwargs):
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size

    def build(self, tokens_shape, vector_shape=None, hidden_shape=None, given_shape=None):
        width = tokens_shape[-1]
        self.mix = layers.Dense(width, activation="relu", name="mix")
        self.mix.build((None, None, 2 * width))
        self.ids = layers.Dense(self.vocabulary_size, name="ids")
        self.ids.build((None, None, width))

    def call(self, tokens, vector, hidden, given):
        steps = min(MOST_STEPS, tokens.shape[1])
        chosen, places = ops.top_k(ops.cast(ops.not_equal(hidden, given), "float32"), steps)
        wanted = ops.take_along_axis(given, places, axis=1)
        picked = ops.take_along_axis(tokens, places[:, :, None], axis=1)
        around = ops.repeat(vector[:, None], steps, axis=1)
        logits = ops.cast(self.ids(self.mix(ops.concatenate([picked, around], axis=-1))), "float32")
        each = chosen * ops.sparse_categorical_crossentropy(wanted, logits, from_logits=True)
        return (ops.sum(each, axis=1) / ops.maximum(ops.sum(chosen, axis=1), 1.0))[:, None]

    def compute_output_spec(self, tokens, vector, hidden, given):
        return keras.KerasTensor((tokens.shape[0], 1), "float32")

    def get_config(self):
        return {**super().get_config(), "vocabulary_size": self.vocabulary_size}


@keras.saving.register_keras_serializable(package="mmzoo")
class FieldError(layers.Layer):
    """Fills in a row's hidden fields from its tokens and its vector; gives the error.

    That is the squared error of the normalised number, of sine and cosine of an angle or a date; of a category the
    cross-entropy.

    Args:
        fields: the schema's fields.
        features: how many features each has, see `SensorEncoder.features_of_fields`.

    Call arguments:
        tokens: float (B, F, D) of a row's fields, or (B, T, D) of a series' steps.
        vector: float (B, D).
        hidden: float (B, F) or (B, T, F), as the branch sees it.
        given: the whole row or series.
        encoded: that one, encoded: float (B, E) or (B, T, E).

    Returns:
        float32 (B, 1), the mean over hidden fields; 0 where none is.
    """

    def __init__(self, fields, features, **kwargs):
        super().__init__(**kwargs)
        self.fields = tuple(from_tree(one, "fields") if isinstance(one, dict) else one for one in fields)
        self.features = tuple(int(count) for count in features)

    def build(self, tokens_shape, vector_shape=None, hidden_shape=None, given_shape=None, encoded_shape=None):
        of_series = len(hidden_shape) == 3
        width = vector_shape[-1]
        wide = 2 * width if of_series else width * (1 + tokens_shape[1])
        self.mix = layers.Dense(width, activation="relu", name="mix")
        self.mix.build((None,) * (len(hidden_shape) - 1) + (wide,))
        self.values = layers.Dense(sum(self.features), name="values")
        self.values.build((None,) * (len(hidden_shape) - 1) + (width,))

    def call(self, tokens, vector, hidden, given, encoded):
        if len(hidden.shape) == 3:
            read = ops.concatenate([tokens, ops.repeat(vector[:, None], tokens.shape[1], axis=1)], axis=-1)
        else:
            read = ops.concatenate([ops.reshape(tokens, (-1, tokens.shape[1] * tokens.shape[2])), vector], axis=-1)
        said = ops.cast(self.values(self.mix(read)), "float32")
        errors, start = [], 0
        for field, count in zip(self.fields, self.features, strict=True):
            # The last feature of a field says whether it is missing.
            guess, truth = said[..., start : start + count - 1], encoded[..., start : start + count - 1]
            if isinstance(field, Category):
                errors.append(-ops.sum(truth * ops.log_softmax(guess, axis=-1), axis=-1))
            else:
                errors.append(ops.mean(ops.square(guess - truth), axis=-1))
            start += count
        was_hidden = ops.cast(ops.logical_and(ops.isnan(hidden), ops.logical_not(ops.isnan(given))), "float32")
        axes = tuple(range(1, len(hidden.shape)))
        total = ops.sum(was_hidden * ops.stack(errors, axis=-1), axis=axes)
        return (total / ops.maximum(ops.sum(was_hidden, axis=axes), 1.0))[:, None]

    def compute_output_spec(self, tokens, vector, hidden, given, encoded):
        return keras.KerasTensor((tokens.shape[0], 1), "float32")

    def get_config(self):
        return {**super().get_config(), "fields": [to_tree(one) for one in self.fields], "features": self.features}


def can_be_masked(kind: Modality) -> bool:
    """Whether steps or fields of an input of a kind can be hidden."""
    return isinstance(kind, Text) or bool(kind.fields)
