"""Late: a head for each input, and the mean of what those that are there say."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.fusion.registry import register_fusion


@keras.saving.register_keras_serializable(package="mmzoo")
class PresentMean(keras.layers.Layer):
    """Mean over the inputs that are present; over all of them where none is.

    Call arguments:
        values: {name: float (B, ...)}, all of one shape.
        present: {name: bool (B, 1)}.

    Returns:
        float (B, ...).
    """

    keeps_float = True

    def call(self, values, present):
        names = list(values)
        stacked = ops.stack([values[name] for name in names], axis=1)
        given = ops.cast(ops.concatenate([present[name] for name in names], axis=1), stacked.dtype)
        # What is said of a missing input is what its learned absent vector stands for, so it is a sound answer too.
        given = given + (1.0 - ops.max(given, axis=1, keepdims=True))
        weights = given / ops.sum(given, axis=1, keepdims=True)
        return ops.sum(stacked * ops.reshape(weights, (-1, len(names), *[1] * (len(stacked.shape) - 2))), axis=1)

    def compute_output_spec(self, values, present):
        first = next(iter(values.values()))
        return keras.KerasTensor(first.shape, first.dtype)


@register_fusion("late")
def late_fusion(features, head):
    """Averages the logits of the inputs that are present (Kittler et al., "On combining classifiers", TPAMI 1998).

    Each input answers on its own, so `model.get_layer("head_<output>_<input>")` tells what each of them said. What only
    two inputs together could tell is out of reach.

    Args:
        features: {input: Features}.
        head: factory of the head; called once an input.

    Returns:
        {output: logits}.
    """
    each = {name: head(f.vector, name) for name, f in features.items()}
    present = {name: f.present for name, f in features.items()}
    return {
        output: PresentMean(name=f"fusion_{output}")({name: logits[output] for name, logits in each.items()}, present)
        for output in next(iter(each.values()))
    }
