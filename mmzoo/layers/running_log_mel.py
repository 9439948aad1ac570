"""A log-mel spectrogram that is made piece by piece and gives what it gives for the whole."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

from mmzoo.layers.log_mel_spectrogram import FLAT, LIMIT, LogMelSpectrogram

# Frames of 10 ms after which a frame counts a third of what it did: the level follows a speaker, not a syllable.
FORGETTING = 300.0
# What the level is taken to be before anything was heard, and how many frames that counts: as of speech 40 dB below
# full scale. A stream would else begin with the noise of its first frame blown up.
LEVEL, DEVIATION, FRAMES = 7.0, 3.0, 50.0
# Numbers that are kept of the level: frames heard, the sum of their values, and of their squares.
KEPT = 3


@keras.saving.register_keras_serializable(package="mmzoo")
class RunningLogMel(LogMelSpectrogram):
    """The bands of `LogMelSpectrogram`, standardised by what was heard until then and not by the whole.

    Mean and deviation are those of the frame and the ones before, older ones counting less and less (`FORGETTING`),
    with a fixed start (`LEVEL`). Silence has a fixed floor, see `mmzoo.layers.log_mel_spectrogram.FLOOR`. So a sound
    in pieces gives what it gives as a whole, up to rounding, and nothing of it depends on what is yet to come.

    Call arguments:
        samples: float32 (B, samples), -1..1, a whole number of 10 ms.
        before: float32 (B, 15 ms of samples), the end of the piece before; zeros at the start.
        level: float32 (B, 3), what is kept of the level; zeros at the start.

    Returns:
        float32 (B, frames, bands), clipped to +-5, a frame every 10 ms; then what `before` and `level` are next.

    Raises:
        ValueError: pieces that are no whole number of 10 ms; or see `LogMelSpectrogram`.
    """

    @property
    def overlap(self) -> int:
        """Samples that the first frame of a piece shares with the piece before."""
        return self.window - self.hop

    def call(self, samples, before, level):
        samples = ops.concatenate([ops.cast(before, "float32"), ops.cast(samples, "float32")], axis=1)
        x = self._log_mel(self._framed(samples))
        x, level = self._levelled(x, ops.cast(level, "float32"))
        return x, samples[:, -self.overlap :], level

    def _levelled(self, x, level):
        count = x.shape[1]
        left = np.exp(-np.arange(1, count + 1, dtype=np.float64) / FORGETTING).astype(np.float32)[:, None]
        mean = ops.mean(x, axis=2, keepdims=True)
        kept = ops.concatenate([ops.ones_like(mean), mean, ops.mean(ops.square(x), axis=2, keepdims=True)], axis=2)
        # Each sum is the one before times a factor, plus the frame: as one cumulative sum instead of a loop.
        sums = (ops.cumsum(kept * (1 / left), axis=1) + ops.expand_dims(level, 1)) * left
        frames = sums[:, :, :1] + FRAMES
        mean = (sums[:, :, 1:2] + FRAMES * LEVEL) / frames
        square = (sums[:, :, 2:] + FRAMES * (LEVEL**2 + DEVIATION**2)) / frames
        deviation = ops.sqrt(ops.maximum(square - ops.square(mean), 0.0))
        return ops.clip((x - mean) / (deviation + FLAT), -LIMIT, LIMIT), sums[:, -1]

    def compute_output_spec(self, samples, before, level):
        batch, frames = samples.shape[0], samples.shape[1] / self.hop
        if not math.isclose(frames, round(frames)):
            raise ValueError(
                f"expected pieces of a whole number of {self.hop} samples (10 ms), got one of {samples.shape[1]}"
            )
        return (
            keras.KerasTensor((batch, round(frames), self.bands), "float32"),
            keras.KerasTensor((batch, self.overlap), "float32"),
            keras.KerasTensor((batch, KEPT), "float32"),
        )
