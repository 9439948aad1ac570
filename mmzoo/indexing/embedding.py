"""Vectors of single inputs, by a bundle's LiteRT file or a Keras model."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from mmzoo.schema import Pair, Schema

# Samples a step of a Keras model; a LiteRT file takes them one by one.
BATCH = 64


class Embedder:
    """What turns a picture, a text or whatever else a model compares into a vector.

    Args:
        model: a bundle's folder or name, an `mmzoo.edge.EdgeModel`, or a Keras model with a schema.

    Attributes:
        schema: of the model.
        pair: its output.
        identity: sha256 of what vectors depend on: of the LiteRT file and schema, or of a Keras model's weights and
            schema. A Keras model and its own bundle go by different ones, since their last digits differ.
        bundle: the bundle's folder, where it was named.

    Raises:
        TypeError: no model.
        ValueError: the model compares nothing; the message names its outputs. And what `mmzoo.edge.load` raises.
    """

    def __init__(self, model: Any):
        self.bundle: str | None = None
        if isinstance(model, str | os.PathLike):
            from mmzoo.bundles import find_bundle
            from mmzoo.edge.runtime import load

            self.bundle = str(find_bundle(model).resolve())
            model = load(model)
        if not isinstance(getattr(model, "schema", None), Schema):
            raise TypeError(f"model: expected a bundle, an EdgeModel or a Keras model with a schema, got {model!r:.80}")
        self.schema, self._model = model.schema, model
        pairs = [name for name, kind in self.schema.predicted.items() if isinstance(kind, Pair)]
        if len(pairs) != 1:
            outputs = {name: type(kind).__name__ for name, kind in self.schema.outputs.items()}
            raise ValueError(f"model {self.schema.name!r}: an index takes a model with one Pair, it gives {outputs}")
        self._output = pairs[0]
        self.pair: Pair = self.schema[self._output]
        self._is_keras = hasattr(model, "predict_on_batch")
        self.identity = _of_weights(model) if self._is_keras else model.digest

    def encode(self, name: str, value: Any, place: str) -> np.ndarray:
        """A raw value as the model takes it.

        Raises:
            ValueError, TypeError, FileNotFoundError: it can't be encoded, or there is nothing in it, as in a black
                picture or an empty text; the message begins with the place.
        """
        kind = self.schema.inputs[name]
        array = kind.encode(value, place)
        if not kind.present(array[None])[0]:
            raise ValueError(f"{place}: there is nothing in it: it counts as a missing {name}")
        return array

    def vectors(self, name: str, arrays: Iterable[np.ndarray]) -> np.ndarray:
        """The vectors of values of one input, the others missing.

        Args:
            name: of the input, one of the pair's.
            arrays: of `encode`.

        Returns:
            float32 (N, width), unit vectors.
        """
        side, arrays = self.pair.side(name), list(arrays)
        if not arrays:
            return np.empty((0, self.pair.width), np.float32)
        if not self._is_keras:
            missing = self.schema.missing()
            rows = [self._model.run({**missing, name: array})[self._output][side] for array in arrays]
            return np.stack(rows).astype(np.float32)
        parts = [self._batch(name, arrays[start : start + BATCH]) for start in range(0, len(arrays), BATCH)]
        return np.concatenate(parts)[:, side]

    def _batch(self, name, arrays):
        # Always whole batches, or the graph would be traced anew.
        filled = np.resize(np.stack(arrays), (BATCH, *arrays[0].shape))
        missing = self.schema.missing()
        batch = {other: np.repeat(array[None], BATCH, axis=0) for other, array in missing.items()}
        found = self._model.predict_on_batch(self.schema.to_tensors({**batch, name: filled}))
        return np.asarray(self.schema.from_tensors(found)[self._output], np.float32)[: len(arrays)]


def _of_weights(model):
    digest = hashlib.sha256(model.schema.to_json().encode())
    for weights in model.get_weights():
        digest.update(f"\0{weights.dtype} {weights.shape}\0".encode())
        digest.update(np.ascontiguousarray(weights).reshape(-1).view(np.uint8))
    return digest.hexdigest()
