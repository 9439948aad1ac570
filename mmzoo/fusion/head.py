"""Heads: from a fused vector to the logits of each output."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

from keras import layers

from mmzoo.schema import Output
from mmzoo.tasks import task_for


class Head:
    """The head factory that a fusion is given: `head(vector, name="") -> {output: logits}`.

    Each call makes new layers, so a fusion that calls it once an input gives each call that input's name.

    Args:
        outputs: those that are predicted, by name.
        dropout: dropout rate before the layers of each output.
        seed: seed of the dropout.
        begun: output -> the tensor of what stands there so far, for outputs that are given their beginning.
        own: output -> function (vector, name of its layers) -> logits, in place of its task's.

    Attributes:
        calls: what it was given and what it gave: [(vector, {output: logits})].
    """

    def __init__(
        self,
        outputs: Mapping[str, Output],
        *,
        dropout: float,
        seed: int | None,
        begun: Mapping[str, Any] = types.MappingProxyType({}),
        own: Mapping[str, Callable] | None = None,
    ):
        self._own = dict(own or {})
        self._outputs, self._dropout, self._seed = outputs, dropout, seed
        self._begun = {name: {"begun": tensor} for name, tensor in begun.items()}
        self.calls: list[tuple] = []

    def __call__(self, vector, name: str = "") -> dict:
        suffix = f"_{name}" if name else ""
        x = vector
        if self._dropout:
            x = layers.Dropout(self._dropout, seed=self._seed, name=f"head_dropout{suffix}")(x)
        logits = {
            key: self._own[key](x, f"head_{key}{suffix}")
            if key in self._own
            else task_for(output).head(
                output, x, f"head_{key}{suffix}", dropout=self._dropout, **self._begun.get(key, {})
            )
            for key, output in self._outputs.items()
        }
        self.calls.append((vector, logits))
        return logits
