"""From a sound's samples to what its pitches do over time, with a mask of the part that is sound at all."""

from __future__ import annotations

import math

import keras
import numpy as np
from keras import ops

# Added to the power of each band, where a full-scale tone has 1: 80 dB below it all is silence. Below that a pure tone
# has nothing but rounding errors, which every runtime makes in its own way.
FLOOR = 1e-8
# Added to the standard deviation, in natural logarithms: a sound flatter than this is left flat.
FLAT = 0.5
LIMIT = 5.0
# Steps a bin is divided into where its share of each band is summed up.
_STEPS = 16


@keras.saving.register_keras_serializable(package="mmzoo")
class LogMelSpectrogram(keras.layers.Layer):
    """Log-mel spectrogram of each sound, standardised to zero mean and unit deviation over its own frames, in float32.

    Frames of 25 ms every 10 ms, each without its mean and under a Hann window, power spectrum, triangular bands on the
    mel scale (Stevens, Volkmann & Newman 1937; the formula of HTK), logarithm. The sound ends with its last sample that
    is not 0: what lies behind is padding, is left out of the statistics, and is 0 in the output.
    `keras.layers.MelSpectrogram` was not taken: it compares each value with the loudest of the whole batch and takes no
    sounds shorter than a frame.

    Input: float32 (B, samples), -1..1. Output: float32 (B, frames, bands), clipped to +-5; the mask, bool (B, frames),
    False in the padding; present, bool (B, 1), False where all samples are 0.

    Args:
        sample_rate: of the input, Hz.
        bands: number of mel bands.
        lowest: lower end of the lowest band, Hz.
        highest: upper end of the highest band, Hz; None: half the sample rate.

    Raises:
        ValueError: a sample rate under 200 Hz, fewer than two bands or more than the spectrum has bins, or ends of the
            bands out of range.
    """

    # Powers span too many orders of magnitude for 8 bits.
    keeps_float = True

    def __init__(self, sample_rate, bands=64, lowest=20.0, highest=None, **kwargs):
        # Powers span ten orders of magnitude, whatever the global policy.
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        if sample_rate < 200:
            raise ValueError(f"sample_rate: expected at least 200 Hz, got {sample_rate!r}")
        self.sample_rate, self.bands, self.lowest, self.highest = sample_rate, bands, lowest, highest
        # Multiples of one number, so that frames are put together from pieces of 5 ms.
        self.piece = round(0.005 * sample_rate)
        self.window, self.hop = 5 * self.piece, 2 * self.piece
        # A power of two, as LiteRT wants it.
        self.fft_length = 2 ** math.ceil(math.log2(self.window))
        if not 2 <= bands <= self.fft_length // 2:
            raise ValueError(
                f"bands: expected 2..{self.fft_length // 2}, as many as the spectrum of 25 ms at {sample_rate} Hz has "
                f"bins, got {bands!r}"
            )
        nyquist = sample_rate / 2
        if not 0 <= lowest < (nyquist if highest is None else highest) <= nyquist:
            raise ValueError(
                f"lowest, highest: expected 0 <= lowest < highest <= {nyquist:g} Hz, got {lowest!r} and {highest!r}"
            )
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(self.window) / self.window)
        # So that a full-scale tone has a power of 1.
        self._window = (hann * 2 / hann.sum()).astype(np.float32)
        self._bins, self._weights = _gathered(_mel_bands(self))

    def call(self, samples):
        frames = self._framed(ops.cast(samples, "float32"))
        mask, present = self._mask(ops.not_equal(frames, 0.0))
        return standardised(self._log_mel(frames), mask), mask, present

    def frames(self, samples):
        """The number of frames that cover so many samples."""
        return 1 + max(0, math.ceil((samples - self.window) / self.hop))

    def _framed(self, samples):
        count = self.frames(samples.shape[1])
        pieces = 2 * count + 3
        samples = ops.pad(samples, [[0, 0], [0, pieces * self.piece - samples.shape[1]]])
        pieces = ops.reshape(samples, (-1, pieces, self.piece))
        return ops.concatenate([pieces[:, start : start + 2 * count - 1 : 2] for start in range(5)], axis=2)

    def _mask(self, sounds):
        # A frame with less than 15 ms of the sound's end would count as a quiet one, but the first counts always.
        numbers = ops.arange(sounds.shape[1], dtype="int32")
        reached = ops.any(sounds[:, :, 3 * self.piece :], axis=2)
        last = ops.max(ops.where(reached, numbers, 0), axis=1, keepdims=True)
        present = ops.any(sounds, axis=(1, 2))[:, None]
        return ops.logical_and(ops.less_equal(numbers, last), present), present

    def _log_mel(self, frames):
        # A microphone's offset would leak into every band.
        frames = frames - ops.mean(frames, axis=2, keepdims=True)
        real, imaginary = ops.rfft(frames * self._window, fft_length=self.fft_length)
        power = ops.square(real) + ops.square(imaginary)
        # Silence is 0: sums of logarithms far below it would lose digits.
        return ops.log(self._mel(power) * (1 / FLOOR) + 1.0)

    def _mel(self, power):
        # Each band's bins times their weights, and not a product of matrices: the converter would keep the matrix in 8
        # bits and round the powers to 8 bits for it, of which a quiet band would be nothing but 0.
        bins = ops.take(power, self._bins.reshape(-1), axis=2)
        bins = ops.reshape(bins, (-1, power.shape[1], *self._bins.shape))
        return ops.sum(bins * self._weights, axis=3)

    def compute_output_spec(self, samples):
        batch, frames = samples.shape[0], self.frames(samples.shape[1])
        return (
            keras.KerasTensor((batch, frames, self.bands), "float32"),
            keras.KerasTensor((batch, frames), "bool"),
            keras.KerasTensor((batch, 1), "bool"),
        )

    def get_config(self):
        own = {name: getattr(self, name) for name in ("sample_rate", "bands", "lowest", "highest")}
        return {**super().get_config(), **own}


def standardised(x, mask):
    """Bands over time with zero mean and unit deviation over all that is sound, clipped to +-5; 0 in the padding.

    Args:
        x: float (B, frames, bands).
        mask: bool (B, frames), False in the padding.
    """
    weights = ops.expand_dims(ops.cast(mask, "float32"), 2)
    count = ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0) * x.shape[2]
    mean = ops.sum(x * weights, axis=(1, 2), keepdims=True) / count
    x = (x - mean) * weights
    deviation = ops.sqrt(ops.sum(ops.square(x), axis=(1, 2), keepdims=True) / count)
    return ops.clip(x / (deviation + FLAT), -LIMIT, LIMIT)


def _mel_bands(layer):
    """float64 (bands, bins): each bin's mean weight in each band, so that a band narrower than a bin is not empty."""
    width = layer.sample_rate / layer.fft_length
    bins = layer.fft_length // 2 + 1
    frequencies = (np.arange(bins * _STEPS) + 0.5) / _STEPS * width - width / 2
    highest = layer.sample_rate / 2 if layer.highest is None else layer.highest
    edges = np.linspace(_mel(layer.lowest), _mel(highest), layer.bands + 2)
    position = _mel(np.maximum(frequencies, 0.0))
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((position - low) / (centre - low), (high - position) / (high - centre))
    return np.maximum(triangles, 0.0).reshape(layer.bands, bins, _STEPS).mean(axis=2)


def _mel(frequency):
    return 1127.0 * np.log1p(np.asarray(frequency) / 700.0)


def _gathered(bands):
    """The bins that have a weight in each band, int32 (bands, most), and these weights, float32."""
    most = max(np.count_nonzero(row) for row in bands)
    first = np.minimum([np.flatnonzero(row)[0] for row in bands], bands.shape[1] - most)
    bins = first[:, None] + np.arange(most)
    return bins.astype(np.int32), np.take_along_axis(bands, bins, axis=1).astype(np.float32)
