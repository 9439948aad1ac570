"""Layers that stand in for Keras' own in a static int8 file: equal in what they compute, written for 8-bit kernels.

LiteRT's fast kernels (XNNPACK) take runs of neighbouring operators that they know; every operator in between that they
don't know breaks the run and is computed by slow reference code. Figures below: `road_sign` in the size small, one
thread, of 250 us in all before.
"""

from __future__ import annotations

import keras
from keras import layers, ops


@keras.saving.register_keras_serializable(package="mmzoo")
class PoolingByConvolution(layers.AveragePooling2D):
    """Average pooling as a depthwise convolution with equal, constant weights: 40 us less for three poolings.

    XNNPACK has no average pooling in 8 bits. It is the plain layer where windows reach over the edge (they count fewer
    pixels there), with channels first, and with two strides: TensorFlow has such depthwise convolutions in oneDNN only,
    which is off by default on processors without AVX-512.
    """

    def call(self, inputs):
        plain = self.data_format != "channels_last" or self.strides[0] != self.strides[1]
        if plain or not self._windows_fit(inputs.shape[1:3]):
            return super().call(inputs)
        height, width = self.pool_size
        kernel = ops.full((height, width, inputs.shape[-1], 1), 1 / (height * width), inputs.dtype)
        return ops.depthwise_conv(inputs, kernel, self.strides, "valid", self.data_format)

    def _windows_fit(self, sizes):
        if self.padding == "valid":
            return True
        return all(
            size is not None and (-(-size // stride) - 1) * stride + window <= size
            for size, window, stride in zip(sizes, self.pool_size, self.strides, strict=True)
        )


class _Unrolled:
    """What Keras unrolls, with masked steps left as they are: nobody looks at them.

    Where they are to be zeros (`Bidirectional` that gives all steps), Keras 3.15 reverses the steps of a layer that
    reads backwards but not their mask, and so zeroes other steps than the masked ones.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        self.unroll, self.zero_output_for_mask = True, False
        return super().inner_loop(sequences, initial_state, mask, training)


@keras.saving.register_keras_serializable(package="mmzoo")
class UnrolledLSTM(_Unrolled, layers.LSTM):
    """An LSTM without a loop."""


@keras.saving.register_keras_serializable(package="mmzoo")
class UnrolledSimpleRNN(_Unrolled, layers.SimpleRNN):
    """A plain recurrence without a loop."""


@keras.saving.register_keras_serializable(package="mmzoo")
class UnrolledGRU(_Unrolled, layers.GRU):
    """A GRU without a loop, of few operators a step: 12 us less for 32 steps.

    Against Keras' unrolled layer: the inputs of all steps are projected at once, outside; both gates go through one
    addition and one sigmoid; the update is h + u * (candidate - h) with u = 1 - z from negated weights; and a masked
    step multiplies u by 0 instead of selecting the old state, which XNNPACK can't do. Other activations than the
    sigmoid at the gates, and `reset_after=False`, are unrolled as Keras does it.
    """

    def inner_loop(self, sequences, initial_state, mask, training=False):
        cell = self.cell
        if not cell.reset_after or cell.recurrent_activation is not keras.activations.sigmoid:
            return super().inner_loop(sequences, initial_state, mask, training)
        units, bias = cell.units, cell.bias if cell.use_bias else ops.zeros((2, 3 * cell.units), sequences.dtype)
        # Keras keeps the gates in the order z, r, candidate; sigmoid(-x) = 1 - sigmoid(x).
        sign = ops.concatenate([-ops.ones((units,), sequences.dtype), ops.ones((units,), sequences.dtype)])
        gates, candidate = slice(None, 2 * units), slice(2 * units, None)
        gate_kernel, candidate_kernel = cell.recurrent_kernel[:, gates] * sign, cell.recurrent_kernel[:, candidate]
        # Unstacked at once: a slice a step is a kind of operator that breaks the run.
        gate_inputs = ops.unstack(
            ops.matmul(sequences, cell.kernel[:, gates] * sign) + (bias[0, gates] + bias[1, gates]) * sign, axis=1
        )
        candidate_inputs = ops.unstack(ops.matmul(sequences, cell.kernel[:, candidate]) + bias[0, candidate], axis=1)
        given = None if mask is None else ops.unstack(ops.expand_dims(ops.cast(mask, sequences.dtype), -1), axis=1)

        steps = range(sequences.shape[1])
        state, states = initial_state[0], []
        for step in reversed(steps) if self.go_backwards else steps:
            update, reset = ops.split(ops.sigmoid(gate_inputs[step] + ops.matmul(state, gate_kernel)), 2, axis=1)
            if given is not None:
                update = update * given[step]
            recurrent = ops.matmul(state, candidate_kernel) + bias[1, candidate]
            state = state + update * (cell.activation(candidate_inputs[step] + reset * recurrent) - state)
            states.append(state)
        outputs = ops.stack(states if self.return_sequences else states[-1:], axis=1)
        return state, outputs, [state]
