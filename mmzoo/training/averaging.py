"""The average of the weights over the training steps, with BatchNorm statistics that belong to it.

The optimizer keeps the average (`use_ema`), but BatchNorm's moving statistics are those of the weights in training and
ruin the averaged ones. So wherever the average is used, the statistics are estimated anew from training batches, as in
Izmailov et al., "Averaging weights leads to wider optima and better generalization" (2018).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

# Batches that the statistics are estimated from.
STATISTICS_BATCHES = 50


class Averaging:
    """Puts the averaged weights into a model and takes them out again.

    Args:
        model: compiled with an optimizer with `use_ema`.
        batches: `Batches` of the training data.
    """

    def __init__(self, model, batches):
        self._model, self._batches = model, batches
        self._forward = None
        self._kept = None

    @property
    def active(self) -> bool:
        """Whether the model holds the average now."""
        return self._kept is not None

    def swap_in(self, epoch: int) -> None:
        """Averaged weights into the model, statistics estimated from the epoch's first batches."""
        self._kept = [ops.convert_to_numpy(v) for v in self._model.variables]
        self.finish(epoch)

    def swap_out(self) -> None:
        """The weights in training, with their statistics and random states, back into the model."""
        for variable, value in zip(self._model.variables, self._kept, strict=True):
            variable.assign(value)
        self._kept = None

    def finish(self, epoch: int) -> None:
        """As `swap_in`, for good."""
        optimizer = getattr(self._model.optimizer, "inner_optimizer", self._model.optimizer)
        averages = optimizer._model_variables_moving_average
        for variable, average in zip(optimizer._trainable_variables, averages, strict=True):
            if average is not None:
                variable.assign(ops.convert_to_numpy(average))
        self._forward = self._forward or training_forward(self._model)
        count = min(STATISTICS_BATCHES, self._batches.steps)
        estimate_statistics(self._model, (inputs for inputs, *_ in self._batches.peek(count, epoch)), self._forward)


def estimate_statistics(model, inputs, forward=None) -> None:
    """Sets mean and variance of every trainable BatchNormalization layer to their average over batches.

    Dropout and hidden inputs are on, as they are when the moving statistics are taken in training.

    Args:
        model: the model.
        inputs: iterable of dicts of input arrays.
        forward: result of `training_forward(model)`, to save tracing it again.
    """
    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if not layers:
        return
    forward = forward or training_forward(model)
    momenta = [layer.momentum for layer in layers]
    sums = [[0.0, 0.0] for _ in layers]
    total = 0
    try:
        for layer in layers:
            # Without momentum the moving statistics after a step are the batch's own.
            layer.momentum = 0.0
        for batch in inputs:
            forward(batch)
            rows = len(next(iter(batch.values())))
            total += rows
            for entry, layer in zip(sums, layers, strict=True):
                entry[0] += rows * ops.convert_to_numpy(layer.moving_mean).astype(np.float64)
                entry[1] += rows * ops.convert_to_numpy(layer.moving_variance).astype(np.float64)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    for (mean, variance), layer in zip(sums, layers, strict=True):
        if total:
            layer.moving_mean.assign(mean / total)
            layer.moving_variance.assign(variance / total)


def training_forward(model):
    """A compiled forward pass in training mode that updates the model's state and nothing else."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        return tf.function(lambda inputs: model(inputs, training=True), reduce_retracing=True)
    if backend == "jax":
        import jax

        stateless = jax.jit(lambda t, n, inputs: model.stateless_call(t, n, inputs, training=True)[1])

        def forward(inputs):
            state = stateless(
                [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables], inputs
            )
            for variable, value in zip(model.non_trainable_variables, state, strict=True):
                variable.assign(value)

        return forward
    return lambda inputs: model({name: ops.convert_to_tensor(x) for name, x in inputs.items()}, training=True)
