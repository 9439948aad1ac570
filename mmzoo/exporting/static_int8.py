"""Static int8: weights and activations in 8 bits, calibrated on real samples, converted in a child process.

The child (`python -m mmzoo.exporting.static_int8 FOLDER PARENT`) exists because the converter is native code that can
crash: the user's session must outlive that.
"""

from __future__ import annotations

import contextlib
import ctypes
import fnmatch
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence

import numpy as np

from mmzoo.schema import Schema

# Unrolled, a longer text or series would make a file of mostly operators.
LONGEST_TEXT = 64

# Layers of Keras whose arithmetic stays in float32, as raw units and spectra must; mmzoo's own say so themselves, by
# the attribute `keeps_float`.
FLOAT_KINDS = ("MelSpectrogram", "Normalization", "STFTSpectrogram")

# Linux' prctl: the signal that a process gets when its parent ends.
_DIE_WITH_PARENT = 1

_MODEL, _SAMPLES, _SETTINGS, _RESULT = "saved_model", "calibration.npz", "settings.json", "model_int8.tflite"

_INPUT = "input_"


def why_not_int8(schema: Schema, has_samples: bool, model=None) -> str | None:
    """The reason why a model gets no static int8 file, or None where it gets one.

    Args:
        schema: the model's schema.
        has_samples: whether there are samples to calibrate it on.
        model: the `SchemaModel`; None looks at the schema alone.
    """
    if not has_samples:
        return "no samples were given to calibrate it on"
    for layer in () if model is None else model.layers:
        # Measured on 4 layers of width 128 with decided attention: probabilities off by 0.10 on average, bounds allow
        # 0.05 (dynamic int8: 0.005); with that layer in float32 0.01, at three times the bytes of dynamic int8.
        # Of the recommendation model's self-attention over 32 items: scores off by 0.06.
        if getattr(layer, "attends", False) or type(layer).__name__ == "MultiHeadAttention":
            return (
                f"layer {layer.name!r} is a transformer: attention in 8 bits loses too much, and with it in float32 "
                "the file would be larger than the one with dynamic int8"
            )
    for name, modality in schema.inputs.items():
        steps = modality.steps_in_turn
        if steps > LONGEST_TEXT:
            return f"input {name!r} has {steps} steps, and static int8 unrolls at most {LONGEST_TEXT}"
    for name, output in schema.predicted.items():
        if output.feeds_itself:
            return f"output {name!r} is written from the model's own words, in a loop that static int8 can't hold"
        if output.no_int8:
            return f"output {name!r}: {output.no_int8}"
        if output.steps_in_turn > LONGEST_TEXT:
            steps = output.steps_in_turn
            return f"output {name!r} has {steps} steps, and static int8 unrolls at most {LONGEST_TEXT}"
    return None


def float_layers(model, patterns: Sequence[str] = ()) -> list[str]:
    """Names of the layers that stay in float32: those that say so, what reads some of them, and the heads.

    Args:
        model: a `SchemaModel`.
        patterns: more names, or patterns of names such as "image_block1_*".

    Raises:
        ValueError: a pattern fits no layer; the message lists the layers there are.
    """
    # Not for the child, which needs nothing of Keras.
    from mmzoo.layers.graph import readers_of

    layers = list(model._flatten_layers(include_self=False))
    names = [layer.name for layer in layers]
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"int8_float_layers: {pattern!r} fits no layer; the layers are {names}")
    readers = {
        id(reader) for layer in layers if getattr(layer, "readers_keep_float", False) for reader in readers_of(layer)
    }
    return [
        layer.name
        for layer in layers
        if getattr(layer, "keeps_float", False)
        or id(layer) in readers
        # A logit beyond the calibrated range would be cut off, and with it the certainty of the surest answers. What is
        # called as the output makes it, and is float without being asked.
        or getattr(layer, "output_name", layer.name) != layer.name
        or type(layer).__name__ in FLOAT_KINDS
        or any(fnmatch.fnmatch(layer.name, pattern) for pattern in patterns)
    ]


def prepare_static_int8(
    model, calibration: dict[str, np.ndarray], folder: str | pathlib.Path, *, keep: Sequence[str] = ()
) -> None:
    """Writes what the child process needs.

    Args:
        model: an unrolled `SchemaModel`, see `unrolled`.
        calibration: input name -> array (N, ...), see `calibration_samples`.
        folder: an empty folder.
        keep: more layers that stay float, see `float_layers`.

    Raises:
        ValueError: see `float_layers`.
    """
    from mmzoo.exporting.litert import write_one_sample

    folder = pathlib.Path(folder)
    settings = {"float_layers": float_layers(model, keep)}
    (folder / _SETTINGS).write_text(json.dumps(settings), encoding="utf-8")
    write_one_sample(model, folder / _MODEL)
    tensors = model.schema.to_tensors(calibration)
    # With something before it, since NumPy keeps "file" for itself.
    np.savez(folder / _SAMPLES, **{f"{_INPUT}{name}": array for name, array in tensors.items()})


class StaticInt8:
    """Converts what `prepare_static_int8` wrote, in a child process, which ends with this one however that ends.

    A context manager; whoever leaves it early ends the child.

    Args:
        folder: the folder of `prepare_static_int8`.
    """

    def __init__(self, folder: str | pathlib.Path):
        import mmzoo

        self._folder = pathlib.Path(folder)
        # The child must find this very mmzoo, also where a notebook found it through sys.path.
        root = str(pathlib.Path(mmzoo.__file__).resolve().parent.parent)
        paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
        environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        # Whoever has a GPU needs it for other things; the converter works on the CPU.
        environment["CUDA_VISIBLE_DEVICES"] = "-1"
        self._said = tempfile.TemporaryFile()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "mmzoo.exporting.static_int8", str(folder), str(os.getpid())],
            env=environment,
            # Nothing is written to it: it closes when this process ends, see `_end_with_parent`.
            stdin=subprocess.PIPE,
            stdout=self._said,
            stderr=subprocess.STDOUT,
        )

    def __enter__(self) -> StaticInt8:
        return self

    def __exit__(self, *error) -> None:
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._child.stdin.close()
        self._said.close()

    def write(self, path: str | pathlib.Path) -> None:
        """Waits for the child and writes what it made.

        Args:
            path: the .tflite file to write.

        Raises:
            RuntimeError: the child failed or crashed; the message has the end of what it said.
        """
        status, result = self._child.wait(), self._folder / _RESULT
        if status != 0 or not result.is_file():
            ended = f"was killed by signal {-status}" if status < 0 else f"ended {status}"
            self._said.seek(0)
            said = self._said.read().decode("utf-8", "replace")[-2000:].strip()
            raise RuntimeError(f"static int8: the converter's process {ended}; the last it said:\n{said}")
        pathlib.Path(path).write_bytes(result.read_bytes())


def _end_with_parent(parent: int) -> None:
    """Ends this process as soon as its parent is gone, by whatever end."""

    def wait():
        # Not sys.stdin's own read, whose lock Python wants back when it ends.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        # The thread waits while the converter, which is native code, holds Python; Linux does not.
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _convert(folder: pathlib.Path) -> bytes:
    settings = json.loads((folder / _SETTINGS).read_text(encoding="utf-8"))
    with np.load(folder / _SAMPLES) as arrays:
        samples = {key.removeprefix(_INPUT): arrays[key] for key in arrays.files}
    count = len(next(iter(samples.values())))

    import tensorflow as tf

    from mmzoo.exporting.compact import compact
    from mmzoo.exporting.equalization import equalized
    from mmzoo.exporting.litert import converter
    from mmzoo.exporting.ranges import narrowed

    def dataset():
        for i in range(count):
            yield {name: array[i : i + 1] for name, array in samples.items()}

    convert = converter(folder / _MODEL, [tf.lite.Optimize.DEFAULT])
    convert.representative_dataset = dataset
    debugger = tf.lite.experimental.QuantizationDebugger(converter=convert, debug_dataset=dataset)
    calibrated, float_nodes = keep_float(debugger.calibrated_model, settings["float_layers"])
    debugger.calibrated_model = narrowed(equalized(calibrated, samples), samples)
    debugger.options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=float_nodes)
    return compact(debugger.get_nondebug_quantized_model())


def keep_float(calibrated: bytes, layers: list[str]) -> tuple[bytes, list[str]]:
    """Takes the calibration off everything that is to stay float.

    The denylist alone does not do it: the converter still rounds the inputs of a denylisted operator to 8 bits where it
    has seen their range, and a rounded NaN is a number.

    Args:
        calibrated: a calibrated LiteRT model.
        layers: names of the layers whose operators stay float.

    Returns:
        The model without the ranges of float inputs and of what passes between float operators, and the names of the
        operators' outputs for the converter's denylist.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(calibrated))
    graph = model.subgraphs[0]
    names = [(tensor.name or b"").decode() for tensor in graph.tensors]
    outputs = set(graph.outputs.tolist())
    # The operators that make the outputs (softmax) are float as well: 8 bits are coarse for a probability.
    is_float = [
        any(index in outputs or _belongs(names[index], layers) for index in operator.outputs)
        for operator in graph.operators
    ]
    read_by_quantized = {
        index
        for operator, stays in zip(graph.operators, is_float, strict=True)
        if not stays
        for index in operator.inputs
    }
    made_by_float = {
        index for operator, stays in zip(graph.operators, is_float, strict=True) if stays for index in operator.outputs
    }
    read_by_float = {
        index for operator, stays in zip(graph.operators, is_float, strict=True) if stays for index in operator.inputs
    }
    for index in made_by_float - read_by_quantized | set(graph.inputs.tolist()) & read_by_float | outputs:
        if graph.tensors[index].quantization is not None:
            graph.tensors[index].quantization.min = graph.tensors[index].quantization.max = None
    float_nodes = sorted(names[index] for index in made_by_float)
    return flatbuffer_utils.convert_object_to_bytearray(model), float_nodes


def _belongs(name: str, layers: list[str]) -> bool:
    # "road_sign_1/location_encoder_1/Sin": Keras' graph puts a number behind each layer's name.
    scopes = {scope for part in name.split(";") for scope in part.split("/")[:-1]}
    return any(re.fullmatch(re.escape(layer) + r"(_\d+)?", scope) for layer in layers for scope in scopes)


if __name__ == "__main__":
    # Where they are installed, TensorFlow and Keras import them: two seconds more, for nothing that is needed here.
    sys.modules.update(dict.fromkeys(("jax", "sklearn")))
    _end_with_parent(int(sys.argv[2]))
    target = pathlib.Path(sys.argv[1])
    (target / _RESULT).write_bytes(_convert(target))
