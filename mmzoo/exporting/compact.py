"""Smaller LiteRT files: equal constants stored once, names of inner tensors dropped."""

from __future__ import annotations


def compact(content: bytes) -> bytes:
    """Rewrites a LiteRT file without what no runtime reads.

    In an unrolled network the names of the inner tensors ("road_sign_1/text_gru_1/gru_cell_17/...") take more room than
    the weights. Names of the graph's inputs and outputs and the signature stay, and so do all values.

    Args:
        content: a LiteRT flatbuffer.

    Returns:
        An equivalent, smaller flatbuffer.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.description = None
    for graph in model.subgraphs:
        named = {*graph.inputs, *graph.outputs}
        for index, tensor in enumerate(graph.tensors):
            if index not in named:
                tensor.name = None
    _share_buffers(model)
    return flatbuffer_utils.convert_object_to_bytearray(model)


def _share_buffers(model):
    place: dict[bytes, int] = {}
    moved: list[int] = []
    kept = []
    for buffer in model.buffers:
        data = b"" if buffer.data is None else bytes(buffer.data)
        if data not in place:
            place[data] = len(kept)
            kept.append(buffer)
        moved.append(place[data])
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            tensor.buffer = moved[tensor.buffer]
    for entry in model.metadata or []:
        entry.buffer = moved[entry.buffer]
    model.buffers = kept
