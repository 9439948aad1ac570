"""Series branch: fields over time through the sensors' encoder and a recurrent network, masked."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.recurrent import recurrent_layer
from mmzoo.layers import SensorEncoder
from mmzoo.schema import Series


def series_branch(
    values,
    series: Series,
    *,
    cell: str = "gru",
    units: int = 32,
    width: int = 64,
    tokens: bool = False,
    name: str = "series",
) -> Features:
    """Reads fields over time with a recurrent network; steps without any field are skipped.

    Args:
        values: float32 (B, T, F) in the fields' own units, the newest step last, NaN where missing.
        series: the schema's description of the fields.
        cell: "gru", "lstm" or "rnn", see `mmzoo.branches.parts.recurrent`.
        units: units of the cell.
        width: width of the features.
        tokens: give one token a step, for fusions that look at steps; costs time and memory on the device. The vector
            is the same.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features, with T tokens where asked for; present if any field of any step is.

    Raises:
        ValueError: an unknown cell.
    """
    mask = ops.any(ops.logical_not(ops.isnan(values)), axis=2)
    present = ops.any(mask, axis=1, keepdims=True)
    x = SensorEncoder(series.fields, name=f"{name}_encoder")(values)
    recurrent = recurrent_layer(cell, units, states=tokens, name=f"{name}_{cell}")
    read = recurrent(x, mask=mask)
    last = read[1] if tokens else read
    vector = layers.Dense(width, name=f"{name}_vector")(last)
    if not tokens:
        return Features(None, None, vector, present)
    # The copy leaves behind the mask that the recurrent layer hangs on its steps.
    steps = layers.Dense(width, name=f"{name}_tokens")(ops.copy(read[0]))
    return Features(steps, mask, vector, present)
