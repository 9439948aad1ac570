"""Writes a sentence step by step: from the words given so far, or else from its own."""

from __future__ import annotations

import math

import keras
from keras import layers, ops

from mmzoo.schema.outputs.sentence import FIRST

_UNKNOWN = FIRST - 1
# Attention in bounds, so that a masked place has none even where all are masked, and nothing is NaN.
_BOUND, _HIDDEN = 10.0, -24.0


@keras.saving.register_keras_serializable(package="mmzoo")
class WritingCell(layers.Layer):
    """One step: the word before, attention over the memory, a GRU, and what is to be said as a vector.

    Attention before the recurrence, as in Bahdanau, Cho & Bengio, ICLR 2015, by scaled dot products; the output sees
    the word before, the context and the state ("deep output", Pascanu et al., ICLR 2014).

    The memory and what dropout hides don't change from step to step; they are states, since a recurrent layer of Keras
    hands nothing else to its cell.

    Args:
        units: of the GRU.
        embedding: width of a word.
        width: of the memory.
    """

    def __init__(self, units, embedding, width, **kwargs):
        super().__init__(**kwargs)
        self.units, self.embedding, self.width = units, embedding, width
        self.gru = layers.GRUCell(units, name="gru")
        self.query = layers.Dense(width, name="query")
        self.deep = layers.Dense(embedding, activation="tanh", name="deep")
        # (words as vectors (V, E), bias (V,)) of the layer that this is the cell of; None: no choice is made.
        self.words = None

    @property
    def state_size(self):
        return [self.units, self.embedding, self.width, 1, self.embedding, self.embedding]

    @property
    def output_size(self):
        return self.embedding

    def build(self, input_shape):
        self.query.build((None, self.units))
        self.gru.build((None, self.embedding + self.width))
        self.deep.build((None, self.units + self.width + self.embedding))

    def call(self, inputs, states):
        state, own, memory, hidden, kept_before, kept_behind = states
        word, is_given = inputs[:, :-1], inputs[:, -1:]
        word = (is_given * word + (1.0 - is_given) * own) * kept_before
        scores = ops.squeeze(ops.matmul(memory, ops.expand_dims(self.query(state), -1)), -1)
        scores = _BOUND * ops.tanh(scores / (_BOUND * math.sqrt(self.width)))
        # A softmax of numbers in bounds; Keras' own warns where the memory has a single place.
        weights = ops.exp(scores + hidden)
        weights = weights / ops.sum(weights, axis=-1, keepdims=True)
        context = ops.squeeze(ops.matmul(ops.expand_dims(weights, 1), memory), 1)
        state, _ = self.gru(ops.concatenate([word, context], -1), [state])
        said = self.deep(ops.concatenate([state, context, word], -1)) * kept_behind
        if self.words is not None:
            table, bias = self.words
            scores = ops.matmul(said, ops.transpose(table)) + bias
            # Keras' argmax has no form in LiteRT's builtin operators.
            choice = FIRST + ops.top_k(scores[:, FIRST:], 1)[1][:, 0]
            own = ops.take(table, choice, axis=0) * math.sqrt(self.embedding)
        return said, [state, own, memory, hidden, kept_before, kept_behind]

    def get_config(self):
        return {
            **super().get_config(),
            **{"units": self.units, "embedding": self.embedding, "width": self.width},
        }


@keras.saving.register_keras_serializable(package="mmzoo")
class SentenceDecoder(layers.Layer):
    """The scores of a `Sentence`, each step from the words before it: those given, and where none is, its own choice.

    Words that come in and words that go out are the same vectors (Press & Wolf, EACL 2017). While training, all words
    before a step are to be given: one that is not is read as nothing, since it would cost a third more to choose it.

    Args:
        vocabulary_size: number of word pieces.
        embedding: width of a word.
        units: of the GRU.
        width: of the memory.
        dropout: how much of a word is hidden while training, the same parts at all steps (Gal & Ghahramani, 2016).
        word_dropout: how often a given word is read as the unknown one while training (Bowman et al., CoNLL 2016).
        seed: of what is hidden.

    Call arguments:
        inputs: [int (B, T), what is given so far; float (B, N, width), the memory; bool (B, N), which of its places
            count; float (B, D), what the first state is made of].

    Returns:
        float (B, T, vocabulary_size), logits.
    """

    keeps_float = True

    def __init__(
        self, vocabulary_size, embedding=64, units=128, width=64, dropout=0.0, word_dropout=0.0, seed=None, **kwargs
    ):
        super().__init__(**kwargs)
        self.vocabulary_size, self.embedding, self.units, self.width = vocabulary_size, embedding, units, width
        self.dropout, self.word_dropout, self.seed = dropout, word_dropout, seed
        self.cell = WritingCell(units, embedding, width, name="cell")
        self.loop = layers.RNN(self.cell, return_sequences=True, name="loop")
        self.first = layers.Dense(units, activation="tanh", name="first")
        self.generator = keras.random.SeedGenerator(seed)

    def build(self, input_shape):
        near = keras.initializers.RandomNormal(stddev=self.embedding**-0.5)
        shape = (self.vocabulary_size, self.embedding)
        self.table = self.add_weight(name="embeddings", shape=shape, initializer=near)
        self.bias = self.add_weight(name="bias", shape=(self.vocabulary_size,), initializer="zeros")
        self.start = self.add_weight(name="start_bias", shape=(self.embedding,), initializer="zeros")
        self.first.build((None, input_shape[3][-1]))
        self.cell.build((None, self.embedding + 1))

    def call(self, inputs, training=False):
        given, memory, counts, summary = inputs
        rows, steps = ops.shape(given)[0], given.shape[1]
        before = ops.pad(given, [[0, 0], [1, 0]])[:, :steps]
        is_given = ops.cast(before > 0, self.compute_dtype)
        if training and self.word_dropout:
            hides = keras.random.uniform(ops.shape(before), seed=self.generator) < self.word_dropout
            before = ops.where(ops.logical_and(hides, before >= FIRST), _UNKNOWN, before)
        words = ops.take(self.table, before, axis=0) * math.sqrt(self.embedding)
        sequence = ops.concatenate([words, ops.expand_dims(is_given, -1)], -1)
        kept = ops.ones((rows, self.embedding), self.compute_dtype)
        masks = [self._masked(kept, training) for _ in range(2)]
        hidden = (1.0 - ops.cast(counts, self.compute_dtype)) * _HIDDEN
        start = ops.zeros((rows, self.embedding), self.compute_dtype) + ops.cast(self.start, self.compute_dtype)
        table, bias = (ops.cast(part, self.compute_dtype) for part in (self.table, self.bias))
        self.cell.words = None if training else (table, bias)
        said = self.loop(sequence, initial_state=[self.first(summary), start, memory, hidden, *masks])
        self.cell.words = None
        # All steps at once: the gradient of one product, not of as many as there are steps.
        return ops.matmul(said, ops.transpose(table)) + bias

    def _masked(self, kept, training):
        return keras.random.dropout(kept, self.dropout, seed=self.generator) if training and self.dropout else kept

    def compute_output_shape(self, input_shape):
        return (*input_shape[0], self.vocabulary_size)

    def get_config(self):
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "embedding": self.embedding,
            "units": self.units,
            "width": self.width,
            "dropout": self.dropout,
            "word_dropout": self.word_dropout,
            "seed": self.seed,
        }
