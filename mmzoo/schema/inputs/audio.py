"""Sounds."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.encoding import encode_audio
from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Audio(Modality):
    """A sound, mono: float32 (samples,), -1..1; missing is all zeros, and a sound of zeros alone is the same.

    Raw: a path, encoded bytes, an array (n,) or (n, channels) of floats -1..1 or int16 at the schema's sample rate, or
    a tuple (array, sample rate); b"" and "" are missing, and so is silence (zeros alone).

    Attributes:
        samples: number of samples; longer sounds are cut at the end, shorter ones filled up with zeros.
        sample_rate: samples a second that every sound is resampled to, Hz.
    """

    samples: int
    sample_rate: int

    option: ClassVar[str] = "audio"
    is_file: ClassVar[bool] = True
    is_large: ClassVar[bool] = True
    extents: ClassVar[tuple[str, ...]] = ("samples",)

    def __post_init__(self):
        check_sizes(samples=self.samples, sample_rate=self.sample_rate)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.samples,)

    def encode_value(self, value, place):
        return encode_audio(self, value, place)

    def check(self, arrays, place):
        refuse(arrays, ~(np.abs(arrays) <= 1), f"{place}: expected samples in -1..1")

    def random(self, count, rng):
        return rng.uniform(-1.0, 1.0, (count, *self.shape)).astype(self.dtype)

    def extreme(self, side):
        return np.full(self.shape, (-1.0, 1.0)[side], self.dtype)

    def golden(self, rng, number):
        # A tone that rises, for a second at most, in steps that 16 bits hold exactly and that files can pack.
        count = min(self.samples, self.sample_rate)
        low, high = np.sort(rng.uniform(0.01, 0.4, 2))
        phase = np.cumsum(np.linspace(low, high, count)) * np.pi
        return (np.round(rng.uniform(30, 120) * np.sin(phase)) / 128).astype(np.float32)

    def golden_extreme(self, side):
        return np.full(self.shape, (-1.0, 1.0 - 2.0**-15)[side], np.float32)

    def plain(self, value):
        return None

    def raw_columns(self, name):
        return {name: ("string", ())}

    def contract(self):
        return (
            f"samples -1..1 of the first {self.samples / self.sample_rate:g} s, the mean of its channels, at "
            f"{self.sample_rate:,} Hz (resampled as in `mmzoo/encoding/sounds.py`), then 0; missing: all 0"
        )

    def picture(self, array, height: int = 96, width: int = 96):
        """The sound's curve, dark on white, from the lowest to the highest sample of a column."""
        if not array.any():
            return None
        columns = np.array_split(array / np.abs(array).max(), min(width, len(array)))
        low, high = (np.array([extreme(column) for column in columns]) for extreme in (np.min, np.max))
        levels, half = np.linspace(1, -1, height)[:, None], 1 / height
        return np.where((levels >= low - half) & (levels <= high + half), 60, 255).astype(np.uint8)[..., None]
