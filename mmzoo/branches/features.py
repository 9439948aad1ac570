"""What every branch returns."""

from __future__ import annotations

import typing


class Features(typing.NamedTuple):
    """One input's features; B samples, N tokens, D wide. D is the same for all branches of a model.

    Attributes:
        tokens: float (B, N, D), e.g. places of an image or steps of a text.
        mask: bool (B, N), False where a token is padding or the input is missing.
        vector: float (B, D), the input as a whole.
        present: bool (B, 1), False where the input is missing.
    """

    tokens: typing.Any
    mask: typing.Any
    vector: typing.Any
    present: typing.Any
