"""From cepstral coefficients back to the smooth spectrum that they describe."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.layers.log_mel_spectrogram import standardised


@keras.saving.register_keras_serializable(package="mmzoo")
class SpectrumOfCepstra(keras.layers.Layer):
    """Mel-frequency cepstral coefficients as the log-mel bands they came from, without their detail.

    Coefficients are a cosine transform of log-mel bands (Davis & Mermelstein, 1980); the transform back is a product
    with a fixed matrix. So one network hears sounds and coefficients alike, and what a convolution knows of a band it
    knows of the next one, which it does not of a coefficient and the next. Each coefficient's mean over the utterance
    is taken away first, as it is the microphone's and the speaker's; then as `LogMelSpectrogram` standardises.

    Input: float32 (B, frames, coefficients), the first the energy; NaN where there is none, which is padding.
    Output: float32 (B, frames, bands); the mask, bool (B, frames), False in the padding; present, bool (B, 1), False
    where there is nothing but padding.

    Args:
        bands: of the output.
    """

    keeps_float = True

    def __init__(self, bands=40, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(autocast=False, **kwargs)
        self.bands = bands

    def call(self, coefficients):
        known = ops.logical_not(ops.isnan(coefficients))
        mask = ops.all(known, axis=2)
        weights = ops.expand_dims(ops.cast(mask, "float32"), 2)
        x = ops.where(known, coefficients, 0.0) * weights
        x = x - ops.sum(x, axis=1, keepdims=True) / ops.maximum(ops.sum(weights, axis=1, keepdims=True), 1.0)
        order = np.arange(coefficients.shape[2])[:, None]
        places = (np.arange(self.bands)[None] + 0.5) / self.bands
        waves = np.cos(np.pi * order * places).astype(np.float32)
        # The energy is a mean over the bands and would weigh twice what it does in them.
        waves[0] /= 2
        return standardised(ops.matmul(x, waves), mask), mask, ops.any(mask, axis=1, keepdims=True)

    def compute_output_spec(self, coefficients):
        batch, frames = coefficients.shape[:2]
        return (
            keras.KerasTensor((batch, frames, self.bands), "float32"),
            keras.KerasTensor((batch, frames), "bool"),
            keras.KerasTensor((batch, 1), "bool"),
        )

    def get_config(self):
        return {**super().get_config(), "bands": self.bands}
