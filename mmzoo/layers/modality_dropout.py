"""Hides whole inputs at random while training, and stands in for those that are missing."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class ModalityDropout(keras.layers.Layer):
    """Puts a learned "absent" vector wherever an input is missing, and hides inputs at random while training.

    Hiding (ModDrop; Neverova et al., "ModDrop: adaptive multi-modal gesture recognition", TPAMI 2016) is drawn per
    sample and input; the last input that a sample has is never hidden.

    Args:
        rates: input name -> probability of hiding it, 0 <= rate < 1. Its order is the order of the draws.
        seed: seed of the draws.

    Call arguments:
        vectors: {name: float (B, D)}, all of one width D.
        present: {name: bool (B, 1)}.

    Returns:
        (vectors, present) after hiding; a vector that is not present is the input's absent vector.

    Raises:
        ValueError: a rate outside 0 <= rate < 1, or vectors of different widths.
    """

    # An absent vector that stands in for an input's would force one 8-bit scale on both.
    keeps_float = True

    def __init__(self, rates, seed=None, **kwargs):
        super().__init__(**kwargs)
        for name, rate in rates.items():
            if not 0.0 <= rate < 1.0:
                raise ValueError(f"the dropout rate of input {name!r}: expected 0 <= rate < 1, got {rate!r}")
        self.rates = dict(rates)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, vectors_shape, present_shape=None):
        widths = {name: vectors_shape[name][-1] for name in self.rates}
        if len(set(widths.values())) != 1:
            raise ValueError(f"all branches must give vectors of one width; got {widths}")
        self.absent = {
            name: self.add_weight(shape=(width,), initializer="zeros", name=f"absent_{name}")
            for name, width in widths.items()
        }

    def call(self, vectors, present, training=False):
        if training:
            present = self._hide(present)
        return {
            name: ops.where(present[name], vectors[name], ops.cast(self.absent[name], vectors[name].dtype))
            for name in self.rates
        }, dict(present)

    def _hide(self, present):
        names = list(self.rates)
        given = ops.concatenate([present[name] for name in names], axis=1)
        draws = keras.random.uniform(ops.shape(given), seed=self.seed_generator)
        # Among the inputs that a sample has, the one with the highest draw always stays.
        draws = ops.where(given, draws, -1.0)
        last = draws >= ops.max(draws, axis=1, keepdims=True)
        kept = ops.logical_and(given, ops.logical_or(last, draws >= ops.convert_to_tensor(list(self.rates.values()))))
        return {name: kept[:, i : i + 1] for i, name in enumerate(names)}

    def compute_output_spec(self, vectors, present, training=False):
        return (
            {name: keras.KerasTensor(vectors[name].shape, vectors[name].dtype) for name in self.rates},
            {name: keras.KerasTensor(present[name].shape, "bool") for name in self.rates},
        )

    def get_config(self):
        return {**super().get_config(), "rates": self.rates, "seed": self.seed}
