"""Google's speech embedding (Lin et al., "Training keyword spotters with limited and synthesized speech data", 2020): a
small convolutional network over mel bands, trained on speech, whose features tell words and sounds apart.
"""

from __future__ import annotations

import functools
import pathlib

import numpy as np

from mmzoo.pretrained.encoder import Encoder, PresetError

_NETWORK, _FRONT = "models/embedding_model.tflite", "models/melspectrogram.tflite"
RATE = 16_000
# Kernel, filters, and the pooling behind it, of the twenty convolutions.
LAYOUT = (
    ((3, 3), 24, None),
    *(((1, 3), 24, None), ((3, 1), 24, (2, 2))),
    *(((1, 3), 48, None), ((3, 1), 48, None), ((1, 3), 48, None), ((3, 1), 48, (1, 2))),
    *(((1, 3), 72, None), ((3, 1), 72, None), ((1, 3), 72, None), ((3, 1), 72, (2, 2))),
    *(((1, 3), 96, None), ((3, 1), 96, None), ((1, 3), 96, None), ((3, 1), 96, (1, 2))),
    *(((1, 3), 96, None), ((3, 1), 96, None), ((1, 3), 96, None), ((3, 1), 96, (2, 2))),
    ((3, 1), 96, None),
)
BANDS, BINS = 32, 257


@functools.cache
def mel_bands(folder: pathlib.Path) -> np.ndarray:
    """float32 (257, 32): the weight of each bin of the spectrum in each band."""
    found = [a for _, a in _constants(folder / _FRONT) if a.shape == (BINS, BANDS)]
    if len(found) != 1:
        raise PresetError(f"{folder / _FRONT}: expected one matrix of mel bands {(BINS, BANDS)}, found {len(found)}")
    return found[0]


def weights_of(folder: pathlib.Path) -> list[np.ndarray]:
    """Kernel (h, w, in, out) and bias of each convolution in turn, float32."""
    arrays, found = dict(_constants(folder / _NETWORK)), []
    for kernel, bias in _convolutions(folder / _NETWORK):
        # LiteRT has the filters first.
        found += [np.transpose(arrays[kernel], (1, 2, 3, 0)), arrays[bias]]
    shapes = [array.shape[:2] for array in found[::2]]
    if shapes != [kernel for kernel, _, _ in LAYOUT]:
        raise PresetError(f"{folder / _NETWORK}: its convolutions are {shapes}")
    return found


def _interpreter(path):
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    # Without XNNPACK, which packs the weights away.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(str(path), experimental_op_resolver_type=plain)
    if path.name == pathlib.Path(_FRONT).name:
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], [1, RATE])
    interpreter.allocate_tensors()
    return interpreter


def _constants(path):
    interpreter = _interpreter(path)
    for detail in interpreter.get_tensor_details():
        try:
            yield detail["index"], interpreter.get_tensor(detail["index"])
        except ValueError:
            # Of what is computed there is nothing to read.
            continue


def _convolutions(path):
    interpreter = _interpreter(path)
    return [op["inputs"][1:3] for op in interpreter._get_ops_details() if op["op_name"] == "CONV_2D"]


SPEECH_EMBEDDING = Encoder(
    name="speech_embedding",
    kind="audio",
    about="Google's speech embedding for sounds of 16 kHz, trained on speech to tell words apart",
    package="pyopen-wakeword",
    module="pyopen_wakeword",
    # Its wake words are CC BY-NC-SA, and are not read.
    files={
        _NETWORK: "c0aea21eb84a4ce90a08c870da41b7a7173b45269e6a3207c71d67c40f3a59d8",
        _FRONT: "96fa0adccb6e8cf95cb14465409a1a2898ee4a96a85bb9ed3c7eb0e68bf163e8",
    },
    licence="Apache-2.0",
    install="pip install 'mmzoo[pretrained]'",
    width=96,
)
