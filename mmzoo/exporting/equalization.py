"""Channels of a feature map on one scale: cross-layer equalization, for less error in 8 bits at no cost on the device.

A feature map has one 8-bit scale for all its channels, and the loudest of them makes it coarse for the others. Where
one convolution alone reads what another one made, a channel can be made smaller in the first and larger again in the
second, and the network computes what it did before; see Nagel et al., "Data-Free Quantization Through Weight
Equalization and Bias Correction" (ICCV 2019). Weights have a scale a channel, so they hardly suffer: in `road_sign` the
error of 8-bit weights is a thirtieth of that of 8-bit feature maps, more than half of which comes from the maps between
a depthwise convolution and the pointwise one behind it.
"""

from __future__ import annotations

import numpy as np

from mmzoo.exporting.ranges import observed

# A channel that is all but silent is not blown up to more than this.
MOST = 64.0


def equalized(calibrated: bytes, samples: dict[str, np.ndarray]) -> bytes:
    """Scales channels between neighbouring convolutions.

    Args:
        calibrated: a calibrated LiteRT model: its arithmetic is float, and the tensors that are to be in 8 bits have a
            range.
        samples: what it was calibrated on, input name -> array (N, ...).

    Returns:
        A model that computes the same, up to rounding in float32, with new weights and ranges.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(calibrated))
    graph = model.subgraphs[0]
    pairs = _pairs(model, graph)
    channels = {index: graph.tensors[index].shape[-1] for index in pairs}
    # Each channel's largest value, on average over the samples: the largest of all is an outlier.
    loudness = {index: np.zeros(count) for index, count in channels.items()}
    lows = {index: np.full(count, np.inf) for index, count in channels.items()}
    highs = {index: np.full(count, -np.inf) for index, count in channels.items()}
    for values in observed(calibrated, samples, list(pairs)):
        for index, array in values.items():
            array = array.reshape(-1, channels[index])
            low, high = array.min(axis=0), array.max(axis=0)
            loudness[index] += np.maximum(-low, high)
            lows[index], highs[index] = np.minimum(lows[index], low), np.maximum(highs[index], high)
    for index, (maker, reader) in pairs.items():
        if not loudness[index].any():
            continue
        loud = np.maximum(loudness[index], loudness[index].max() / MOST)
        scale = _scale(loud, None if _is(model, reader, "DEPTHWISE_CONV_2D") else _weights(model, graph, reader))
        _multiply(model, graph, maker.inputs[1], _spread(model, maker, scale))
        _multiply(model, graph, maker.inputs[2], scale)
        _multiply(model, graph, reader.inputs[1], 1 / scale)
        quantization = graph.tensors[index].quantization
        quantization.min = [float((lows[index] * scale).min())]
        quantization.max = [float((highs[index] * scale).max())]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def _scale(loud, kernel):
    """What each channel is multiplied by.

    A depthwise kernel (None) has a scale a channel, so all channels may become equally loud; before another kernel
    (out, height, width, in) they go half-way, so that its weights don't become too unequal instead.
    """
    scale = 1 / loud
    if kernel is not None:
        largest = np.abs(kernel).max(axis=(0, 1, 2))
        scale = np.sqrt(np.maximum(largest, largest.max() / MOST) * scale)
    return scale / np.exp(np.log(scale).mean())


def _pairs(model, graph):
    """Index of a feature map in 8 bits -> the convolution that makes it and the one that alone reads it."""
    from tensorflow.lite.python import schema_py_generated as schema_fb

    linear = (schema_fb.ActivationFunctionType.NONE, schema_fb.ActivationFunctionType.RELU)
    readers: dict[int, list] = {}
    for operator in graph.operators:
        for index in operator.inputs:
            readers.setdefault(int(index), []).append(operator)

    def own(index, may_be_zero=False):
        """Whether these constants are one operator's alone and can be changed."""
        values = _constant(model, graph, index)
        return values is not None and (len(readers[int(index)]) == 1 or (may_be_zero and not values.any()))

    found = {}
    for maker in graph.operators:
        if not _is_convolution(model, maker) or maker.builtinOptions.fusedActivationFunction not in linear:
            continue
        index = int(maker.outputs[0])
        quantization = graph.tensors[index].quantization
        if index in graph.outputs or len(readers.get(index, ())) != 1 or quantization is None:
            continue
        (reader,) = readers[index]
        if quantization.min is None or not _is_convolution(model, reader) or reader.inputs[0] != index:
            continue
        if not (own(maker.inputs[1]) and own(maker.inputs[2], may_be_zero=True) and own(reader.inputs[1])):
            continue
        # With groups or several outputs a channel, the last axis of the kernel is not that of the channels.
        if _weights(model, graph, reader).shape[-1] == graph.tensors[index].shape[-1]:
            found[index] = maker, reader
    return found


def _is(model, operator, name):
    from tensorflow.lite.python import schema_py_generated as schema_fb

    code = model.operatorCodes[operator.opcodeIndex]
    return max(code.builtinCode, code.deprecatedBuiltinCode) == getattr(schema_fb.BuiltinOperator, name)


def _is_convolution(model, operator):
    kinds = ("CONV_2D", "DEPTHWISE_CONV_2D")
    return any(_is(model, operator, kind) for kind in kinds) and len(operator.inputs) == 3


def _weights(model, graph, operator):
    return _constant(model, graph, operator.inputs[1])


def _spread(model, operator, scale):
    """The scale of each output as its kernel is laid out: (1, height, width, out) or (out, height, width, in)."""
    return scale if _is(model, operator, "DEPTHWISE_CONV_2D") else scale[:, np.newaxis, np.newaxis, np.newaxis]


def _constant(model, graph, index):
    if index < 0:
        return None
    tensor = graph.tensors[index]
    data = model.buffers[tensor.buffer].data
    return None if data is None else np.frombuffer(bytes(data), np.float32).reshape(tensor.shape)


def _multiply(model, graph, index, factors):
    from tensorflow.lite.python import schema_py_generated as schema_fb

    values = np.ascontiguousarray(_constant(model, graph, index) * factors, np.float32)
    # A buffer of its own: equal constants may share one.
    buffer = schema_fb.BufferT()
    buffer.data = np.frombuffer(values.tobytes(), np.uint8)
    model.buffers.append(buffer)
    graph.tensors[index].buffer = len(model.buffers) - 1
