"""What every branch returns."""

from __future__ import annotations

import typing


class Features(typing.NamedTuple):
    """One input's features; B samples, N tokens, D wide. D is the same for all branches of a model.

    No tensor carries a mask of Keras' own: what counts is said by `mask` and `present` alone.

    Attributes:
        tokens: float (B, N, D), e.g. places of an image or steps of a text; None where nobody asked for them.
        mask: bool (B, N), False where a token is padding or the input is missing; None without tokens.
        vector: float (B, D), the input as a whole; the same with and without tokens.
        present: bool (B, 1), False where the input is missing.
    """

    tokens: typing.Any
    mask: typing.Any
    vector: typing.Any
    present: typing.Any
