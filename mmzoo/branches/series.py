"""Series branch: fields over time through the sensors' encoder and a GRU or LSTM, masked."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.features import Features
from mmzoo.layers import SensorEncoder
from mmzoo.schema import Series

_CELLS = {"gru": layers.GRU, "lstm": layers.LSTM}


def series_branch(
    values,
    series: Series,
    *,
    cell: str = "gru",
    units: int = 32,
    width: int = 64,
    return_tokens: bool = False,
    name: str = "series",
) -> Features:
    """Reads fields over time with a recurrent network; steps without any field are skipped.

    Args:
        values: float32 (B, T, F) in the fields' own units, the newest step last, NaN where missing.
        series: the schema's description of the fields.
        cell: "gru" (Cho et al. 2014) or "lstm" (Hochreiter & Schmidhuber 1997).
        units: units of the cell.
        width: width of the features.
        return_tokens: give one token a step, for fusions that look at steps; costs time and memory on the device. The
            vector is the same.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features with T tokens, or one where `return_tokens` is False; present if any field of any step is.

    Raises:
        ValueError: an unknown cell.
    """
    if cell not in _CELLS:
        raise ValueError(f"cell: expected one of {sorted(_CELLS)}, got {cell!r}")
    mask = ops.any(ops.logical_not(ops.isnan(values)), axis=2)
    present = ops.any(mask, axis=1, keepdims=True)
    x = SensorEncoder(series.fields, name=f"{name}_encoder")(values)
    # The cuDNN kernels refuse rows that are masked as a whole, which a missing series is, and switch XLA off on GPUs.
    recurrent = _CELLS[cell](units, return_sequences=return_tokens, use_cudnn=False, name=f"{name}_{cell}")
    states = recurrent(x, mask=mask)
    if not return_tokens:
        vector = layers.Dense(width, name=f"{name}_vector")(states)
        return Features(ops.expand_dims(vector, 1), present, vector, present)
    # Skipped steps repeat the state before, so the last one is that of the newest step that is given.
    vector = layers.Dense(width, name=f"{name}_vector")(states[:, -1])
    # `where` hands on no mask: the one that Keras hangs on the states must not leave the branch.
    states = ops.where(ops.expand_dims(mask, 2), states, 0.0)
    return Features(layers.Dense(width, name=f"{name}_tokens")(states), mask, vector, present)
