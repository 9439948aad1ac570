"""One sample at a time, the same weights in every runtime there is."""

from __future__ import annotations

import importlib.util
import pathlib
import tempfile
from collections.abc import Callable

import numpy as np

from mmzoo.bench.figures import Figure, ratio
from mmzoo.edge.runtime import VARIANTS, load
from mmzoo.evaluation.latency import interleaved

SECTION, FILES = "prediction of one sample", "files"
THREADS = (1, 2)
# Beyond this the ONNX model is another one.
ONNX_BOUND = 1e-4


def prediction_figures(model, bundle: pathlib.Path, raw: dict, *, rounds: int, onnx: bool = True) -> list[Figure]:
    """Times the LiteRT files of a bundle beside the same weights in Keras, TensorFlow and ONNX Runtime.

    Args:
        model: the bundle's model.
        bundle: a folder with .tflite files.
        raw: a sample, as `Schema.encode` takes it; pictures by their paths.
        rounds: rounds of measurements; in each, every runtime has its turn.
        onnx: also convert to ONNX, which takes up to half a minute.

    Returns:
        The latencies (ms, arrays in, arrays out, without the encoding of raw inputs unless the name says so), the sizes
        of the files (KB), and ratios.
    """
    sample = model.schema.encode(raw)
    calls: dict[str, Callable] = {}
    for variant in VARIANTS:
        file = bundle / f"model_{variant}.tflite"
        for threads in THREADS if file.is_file() else ():
            calls[_litert(variant, threads)] = _invoke(file, sample, threads)
        if file.is_file():
            edge = load(bundle, variant=variant)
            calls[f"mmzoo.edge {variant}, 1 thread"] = lambda edge=edge: edge.run(sample)
    left_out = []
    with tempfile.TemporaryDirectory() as folder:
        if onnx:
            try:
                calls |= _onnx_calls(model, sample)
            except _NoOnnx as reason:
                left_out = [Figure(SECTION, "ONNX Runtime", None, "ms", note=str(reason))]
        else:
            left_out = [Figure(SECTION, "ONNX Runtime", None, "ms", note="left out by --quick")]
        calls |= _tensorflow_calls(model, sample, raw, pathlib.Path(folder))
        times = interleaved(calls, rounds=rounds)
    figures = [_latency(name, np.concatenate(turns)) for name, turns in times.items()]
    sizes = [
        Figure(FILES, file.name, file.stat().st_size / 1000, "KB") for file in sorted(bundle.glob("model_*.tflite"))
    ]
    return figures + left_out + sizes + _ratios(times)


def _latency(name, ms):
    note = "as above, from arrays to arrays in Python" if name.startswith("mmzoo.edge") else _NOTES.get(name, "")
    return Figure(SECTION, name, float(np.median(ms)), "ms", p95=float(np.percentile(ms, 95)), note=note)


def _ratios(times):
    figures = []
    turns = {name: [float(np.median(ms)) for ms in values] for name, values in times.items()}
    float32, int8 = (_litert(variant, 1) for variant in ("float32", "int8"))
    if int8 in turns:
        figures.append(ratio(float32, turns[float32], int8, turns[int8], note="wanted: >= 1.8"))
    medians = {name: np.median(values) for name, values in turns.items() if not name.startswith("LiteRT")}
    edge = min((name for name in medians if name.startswith("mmzoo.edge")), key=medians.get)
    other = min((name for name in medians if not name.startswith("mmzoo.edge")), key=medians.get)
    figures.append(ratio(other, turns[other], edge, turns[edge], note="the fastest of each; wanted: > 1"))
    return figures


def _litert(variant, threads):
    return _named(f"LiteRT {variant}", threads)


def _named(runtime, threads):
    return f"{runtime}, {threads} thread" + ("s" if threads > 1 else "")


def _invoke(file, sample, threads):
    """The interpreter alone, its inputs set."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(file), num_threads=threads)
    interpreter.allocate_tensors()
    for name, details in interpreter.get_signature_runner().get_input_details().items():
        interpreter.set_tensor(details["index"], sample[name][np.newaxis])
    return interpreter.invoke


_SERVE = "SavedModel, serve"
_NOTES = {_SERVE: "takes the bytes of a file, strings and numbers: with decoding"}


def _tensorflow_calls(model, sample, raw, folder):
    import tensorflow as tf

    from mmzoo.exporting.litert import input_specs
    from mmzoo.exporting.serving import load_saved_model, write_saved_model

    batch = {name: array[np.newaxis] for name, array in sample.items()}
    tensors = {name: tf.constant(array) for name, array in batch.items()}
    function = tf.function(lambda x: model(x, training=False), input_signature=[input_specs(model.schema)])
    loaded = load_saved_model(write_saved_model(model, folder / "saved_model"))
    arrays, serve = loaded.signatures["serve_arrays"], loaded.signatures["serve"]
    raw_tensors = _raw_tensors(model.schema, raw, sample)

    def numpy(outputs):
        return {name: value.numpy() for name, value in outputs.items()}

    return {
        "SavedModel, serve_arrays": lambda loaded=loaded: numpy(arrays(**tensors)),
        _SERVE: lambda loaded=loaded: numpy(serve(**raw_tensors)),
        "tf.function": lambda: numpy(function(tensors)),
        "model.predict": lambda: model.predict(batch, verbose=0),
    }


def _raw_tensors(schema, raw, sample):
    """The raw sample as the SavedModel takes it; what has no decoder in TensorFlow, as its array."""
    import tensorflow as tf

    from mmzoo.exporting.serving import raw_signature

    tensors = {}
    for name, spec in raw_signature(schema).items():
        value = raw.get(name)
        for sensors in (key for key in raw if name.startswith(f"{key}_")):
            value = raw[sensors].get(name.removeprefix(f"{sensors}_"))
        if isinstance(value, pathlib.Path):
            value = value.read_bytes()
        if name in schema.inputs and spec.dtype != tf.string:
            value = sample[name]
        if value is None:
            value = "" if spec.dtype == tf.string else np.nan
        tensors[name] = tf.constant([value], spec.dtype)
    return tensors


class _NoOnnx(Exception):
    """Why there is no latency of ONNX Runtime."""


def _onnx_calls(model, sample):
    missing = [package for package in ("tf2onnx", "onnxruntime") if importlib.util.find_spec(package) is None]
    if missing:
        raise _NoOnnx(f"{' and '.join(missing)} not installed: pip install 'mmzoo[bench]'")
    import onnxruntime

    try:
        content = _to_onnx(model)
    except Exception as error:  # Whatever the converter stumbles over, the other runtimes are still of interest.
        raise _NoOnnx(f"tf2onnx can't convert the model: {type(error).__name__}: {error}"[:200]) from error
    calls = {}
    batch = {name: array[np.newaxis] for name, array in sample.items()}
    wanted = {name: np.asarray(value) for name, value in model(batch, training=False).items()}
    for threads in THREADS:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        for output, value in zip(session.get_outputs(), session.run(None, batch), strict=True):
            difference = float(np.abs(value - wanted[output.name]).max())
            if difference > ONNX_BOUND:
                raise _NoOnnx(f"output {output.name!r} of the converted model differs from Keras' by {difference:.2g}")
        calls[_named("ONNX Runtime", threads)] = lambda session=session: session.run(None, batch)
    return calls


def _to_onnx(model) -> bytes:
    import tensorflow as tf
    import tf2onnx

    from mmzoo.exporting.litert import input_specs

    signature = [input_specs(model.schema)]
    function = tf.function(lambda inputs: model(inputs, training=False), input_signature=signature)
    converted, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=17)
    return converted.SerializeToString()
