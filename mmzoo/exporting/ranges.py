"""Ranges of feature maps in 8 bits: those with the least squared error, not from the lowest to the highest value.

A feature map holds thousands of values a sample, and the largest of them all is an outlier: 256 steps that reach up to
it are coarse for the rest. A narrower range cuts a few values off and rounds the others more finely; see Nagel et al.,
"A White Paper on Neural Network Quantization" (2021), section 3.1.

What it brought, as the divergence (KL, in thousandths) of the 8-bit file's answers from the float32 model's, each line
with all that stands above it; road_sign with all inputs given, on the validation images:

    |                                                  | nano_gtsrb | small_gtsrb | small_rendered |
    |--------------------------------------------------|------------|-------------|----------------|
    | from the lowest to the highest value             |       0.81 |        0.16 |           1.16 |
    | texts of full length in the calibration (probes) |       0.81 |        0.16 |           0.90 |
    | ranges of the least squared error                |       0.66 |        0.13 |           0.65 |
    | channels on one scale (equalization)             |       0.56 |        0.12 |           0.54 |
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

# Fewer axes have vectors, a batch of one included: there every value counts.
MAP_AXES = 3
# Values of a map that are looked at in each sample, and the bins they are counted in: eight for one of 256 steps.
MOST_VALUES, BINS = 4096, 2048
# Shares of the range that are tried on either side of 0.
SHARES = np.linspace(0.3, 1.0, 29)


def narrowed(calibrated: bytes, samples: dict[str, np.ndarray], seed: int = 0) -> bytes:
    """Gives the feature maps of a calibrated model the ranges of the least squared error.

    Args:
        calibrated: a calibrated LiteRT model: its arithmetic is float, and its tensors know their lowest and highest
            value.
        samples: what it was calibrated on, input name -> array (N, ...).
        seed: of the choice of values that are looked at.

    Returns:
        The model with other ranges.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(calibrated))
    graph = model.subgraphs[0]
    maps = _maps(graph)
    rng = np.random.default_rng(seed)
    sizes = {index: int(np.prod(graph.tensors[index].shape)) for index in maps}
    places = {index: rng.permutation(size)[:MOST_VALUES] for index, size in sizes.items()}
    counts = {index: np.zeros(BINS, np.int64) for index in maps}
    for values in observed(calibrated, samples, list(maps)):
        for index, (low, high) in maps.items():
            bins = (values[index].reshape(-1)[places[index]] - low) * (BINS / (high - low))
            counts[index] += np.bincount(np.clip(bins.astype(np.int64), 0, BINS - 1), minlength=BINS)
    for index, (low, high) in maps.items():
        middles = low + (np.arange(BINS) + 0.5) * ((high - low) / BINS)
        quantization = graph.tensors[index].quantization
        quantization.min, quantization.max = ([limit] for limit in least_error_range(middles, counts[index]))
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def observed(
    calibrated: bytes, samples: dict[str, np.ndarray], indices: Sequence[int]
) -> Iterator[dict[int, np.ndarray]]:
    """Runs a float LiteRT model and looks inside.

    Args:
        calibrated: the model.
        samples: input name -> array (N, ...).
        indices: of the tensors to look at.

    Yields:
        For each sample: index -> values.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=bytes(calibrated), num_threads=1, experimental_preserve_all_tensors=True)
    run = interpreter.get_signature_runner(next(iter(interpreter.get_signature_list())))
    for i in range(len(next(iter(samples.values())))):
        run(**{name: array[i : i + 1] for name, array in samples.items()})
        yield {index: interpreter.get_tensor(index) for index in indices}


def least_error_range(values: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """The range that loses least when values are cut off at its ends and rounded to 256 steps between them.

    Args:
        values: (N,).
        counts: (N,), how often each value is there.

    Returns:
        (low, high) with low <= 0 <= high, as 0 must be one of the steps.
    """
    low, high = min(float(values.min()), 0.0), max(float(values.max()), 0.0)
    lows, highs = (np.unique(limit * SHARES) for limit in (low, high))
    pairs = [(start, end) for start in lows for end in highs if end > start]
    return min(pairs, key=lambda pair: _squared_error(values, counts, *pair), default=(low, high))


def _squared_error(values, counts, low, high):
    step = (high - low) / 255
    rounded = np.round(np.clip(values, low, high) / step) * step
    return float(counts @ np.square(rounded - values))


def _maps(graph):
    """Index -> (lowest, highest value) of each feature map that an operator makes and the calibration has seen."""
    made = {index for operator in graph.operators for index in operator.outputs}
    found = {}
    for index in sorted(made):
        tensor = graph.tensors[index]
        quantization = tensor.quantization
        if len(tensor.shape) < MAP_AXES or quantization is None or quantization.min is None:
            continue
        low, high = float(quantization.min[0]), float(quantization.max[0])
        if low < high:
            found[index] = (low, high)
    return found
