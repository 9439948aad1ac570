"""The front end and the network of Google's speech embedding, as two layers."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

FINETUNE = ("frozen", "full")
# At 16 kHz: a window of 25 ms in a spectrum of 32 ms, every 10 ms; pieces that both are multiples of.
_WINDOW, _SPECTRUM, _HOP, _PIECE = 400, 512, 160, 32
# What the network looks at in one step, frames, and by how many it goes on.
SEEN, STEP = 76, 8
_FULL_SCALE, _LEAST, _RANGE = 32_767.0, 1e-10, 80.0


@keras.saving.register_keras_serializable(package="mmzoo")
class SpeechMel(layers.Layer):
    """Mel bands in decibels, at most 80 under the loudest, scaled as the network was trained on.

    Input: float32 (B, samples), -1..1, at 16 kHz. Output: float32 (B, frames, bands); the mask, bool (B, steps), of the
    network's steps that hold sound; present, bool (B, 1).

    Args:
        bands: weight of each bin of the spectrum in each band, (257, bands).
    """

    # Powers span too many orders of magnitude for 8 bits.
    keeps_float = True

    def __init__(self, bands, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.bands = np.asarray(bands, np.float32)
        hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
        side = (_SPECTRUM - _WINDOW) // 2
        self._window = (np.pad(hann, (side, _SPECTRUM - _WINDOW - side)) * _FULL_SCALE).astype(np.float32)
        self._bins, self._weights = _gathered(self.bands)

    @staticmethod
    def frames(samples: int) -> int:
        """The frames that cover so many samples: as many as whole steps of the network take, at least one step's."""
        least = max(0, -(-(samples - _SPECTRUM) // _HOP)) + 1
        return SEEN + max(0, -(-(least - SEEN) // STEP)) * STEP

    def call(self, samples):
        count = self.frames(samples.shape[1])
        pieces = (count - 1) * (_HOP // _PIECE) + _SPECTRUM // _PIECE
        x = ops.pad(ops.cast(samples, "float32"), [[0, 0], [0, max(0, pieces * _PIECE - samples.shape[1])]])
        x = ops.reshape(x[:, : pieces * _PIECE], (-1, pieces, _PIECE))
        stride = _HOP // _PIECE
        parts = [x[:, start : start + stride * (count - 1) + 1 : stride] for start in range(_SPECTRUM // _PIECE)]
        frames = ops.concatenate(parts, axis=2)
        sounds = ops.any(ops.not_equal(frames, 0.0), axis=2)
        steps = (count - SEEN) // STEP + 1
        # A step holds sound where its last frames do; the first always does, where there is any.
        ends = [SEEN + STEP * step for step in range(steps)]
        new = ops.stack([ops.any(sounds[:, end - STEP : end], axis=1) for end in ends], axis=1)
        present = ops.any(sounds, axis=1, keepdims=True)
        first = ops.equal(ops.arange(steps), 0)
        mask = ops.logical_and(ops.logical_or(new, first), present)
        real, imaginary = ops.rfft(frames * self._window, fft_length=_SPECTRUM)
        power = ops.square(real) + ops.square(imaginary)
        # Gathered and summed, since the converter would keep a matrix in 8 bits.
        bins = ops.reshape(ops.take(power, self._bins.reshape(-1), axis=2), (-1, count, *self._bins.shape))
        decibels = ops.log(ops.maximum(ops.sum(bins * self._weights, axis=3), _LEAST)) * (10 / np.log(10.0).item())
        loudest = ops.max(decibels, axis=(1, 2), keepdims=True)
        return ops.maximum(decibels, loudest - _RANGE) / 10 + 2, mask, present

    def compute_output_spec(self, samples):
        batch, count = samples.shape[0], self.frames(samples.shape[1])
        return (
            keras.KerasTensor((batch, count, self.bands.shape[1]), "float32"),
            keras.KerasTensor((batch, (count - SEEN) // STEP + 1), "bool"),
            keras.KerasTensor((batch, 1), "bool"),
        )

    def get_config(self):
        return {**super().get_config(), "bands": self.bands.tolist()}


def _gathered(bands):
    """The bins that have a weight in each band, int32 (bands, most), and these weights, float32."""
    rows = bands.T
    most = max(np.count_nonzero(row) for row in rows)
    spans = [np.flatnonzero(row) for row in rows]
    most = max(most, *(int(span[-1] - span[0]) + 1 for span in spans if len(span)))
    first = np.minimum([span[0] if len(span) else 0 for span in spans], rows.shape[1] - most)
    bins = first[:, None] + np.arange(most)
    return bins.astype(np.int32), np.take_along_axis(rows, bins, axis=1).astype(np.float32)


@keras.saving.register_keras_serializable(package="mmzoo")
class SpeechNetwork(layers.Layer):
    """The twenty convolutions, run once over all of a sound instead of once a step.

    Input: float32 (B, frames, bands). Output: float32 (B, steps, features).

    Args:
        layout: kernel, filters and pooling behind it, or None, of each convolution.
        finetune: "frozen", or "full": everything learns.

    Raises:
        ValueError: another `finetune`.
    """

    def __init__(self, layout, finetune: str = "frozen", **kwargs):
        super().__init__(**kwargs)
        if finetune not in FINETUNE:
            raise ValueError(f"finetune: expected one of {list(FINETUNE)} for a sound, got {finetune!r}")
        self.layout = [[list(kernel), filters, pool and list(pool)] for kernel, filters, pool in layout]
        self.finetune = finetune
        self._convolutions = [
            # Of (1, 3) along the bands nothing is lost at the ends; along time nothing is made up.
            layers.Conv2D(filters, kernel, padding="same" if kernel[0] == 1 else "valid", name=f"conv{number}")
            for number, (kernel, filters, _) in enumerate(self.layout, start=1)
        ]
        self.trainable = finetune == "full"

    @property
    def rate_factor(self) -> float:
        """The fraction of the learning rate of fresh layers that the weights should learn at."""
        return 0.01

    def build(self, shape):
        shape = (shape[0], shape[1], shape[2] + 2, 1)
        for convolution, (_, _, pool) in zip(self._convolutions, self.layout, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if pool:
                shape = (shape[0], shape[1] // pool[0], shape[2] // pool[1], shape[3])
        self._end = shape
        self.built = True

    def call(self, bands):
        x = ops.pad(bands, [[0, 0], [0, 0], [1, 1]])[..., None]
        last = len(self.layout) - 1
        for number, (convolution, (_, _, pool)) in enumerate(zip(self._convolutions, self.layout, strict=True)):
            x = convolution(x)
            if number < last:
                x = ops.maximum(ops.leaky_relu(x, 0.2), -0.4)
            if pool:
                x = ops.max_pool(x, pool, pool)
        return ops.squeeze(x, 2)

    def compute_output_shape(self, shape):
        return (shape[0], (shape[1] - SEEN) // STEP + 1, self.layout[-1][1])

    def get_config(self):
        return {**super().get_config(), "layout": self.layout, "finetune": self.finetune}
