"""The recurrent layers that branches of texts and series read with, by name."""

from __future__ import annotations

from keras import initializers, layers


def recurrent_layer(cell: str, units: int, *, states: bool, name: str):
    """A recurrent layer that reads from the first step to the last.

    Args:
        cell: "gru" (Cho et al. 2014), "lstm" (Hochreiter & Schmidhuber 1997) or "rnn", the plain recurrence
            h = relu(W x + U h + b), whose U begins as the identity so that nothing is forgotten at first (Le, Jaitly &
            Hinton, "A simple way to initialize recurrent networks of rectified linear units", 2015). Its state has no
            bound, so it is for short inputs.
        units: of its state.
        states: also give every step, and the last states behind them; else the last state alone.
        name: of the layer.

    Raises:
        ValueError: an unknown cell.
    """
    common = {"return_sequences": states, "return_state": states, "name": name}
    if cell == "rnn":
        return layers.SimpleRNN(units, activation="relu", recurrent_initializer=initializers.Identity(), **common)
    gated = {"gru": layers.GRU, "lstm": layers.LSTM}
    if cell not in gated:
        raise ValueError(f"cell: expected one of {sorted([*gated, 'rnn'])}, got {cell!r}")
    # The cuDNN kernels refuse rows that are masked as a whole, which a missing input is, and switch XLA off on GPUs.
    return gated[cell](units, use_cudnn=False, **common)
