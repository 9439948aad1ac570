"""Hides stretches of time and of pitch while training."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class SpecAugment(keras.layers.Layer):
    """Sets one stretch of frames and one of bands to 0, drawn anew for each sample; only while training.

    SpecAugment without time warping (Park et al., "SpecAugment: a simple data augmentation method for automatic speech
    recognition", Interspeech 2019). The stretches' lengths are drawn evenly from 0 to the given shares.

    Input: float (B, frames, bands), standardised, so that 0 is the mean. Output: the same.

    Args:
        time: largest share of the frames that is hidden, 0..1.
        frequency: largest share of the bands that is hidden, 0..1.
        seed: seed of the draws.

    Raises:
        ValueError: a share outside 0..1.
    """

    def __init__(self, time=0.2, frequency=0.15, seed=None, **kwargs):
        super().__init__(**kwargs)
        for name, share in (("time", time), ("frequency", frequency)):
            if not 0 <= share <= 1:
                raise ValueError(f"{name}: expected a share in 0..1, got {share!r}")
        self.time, self.frequency, self.seed = time, frequency, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=False):
        if not training:
            return x
        frames, bands = self._kept(x, 1, self.time), self._kept(x, 2, self.frequency)
        return x * ops.expand_dims(frames, 2) * ops.expand_dims(bands, 1)

    def _kept(self, x, axis, share):
        """(B, places of the axis): 0 in the stretch that is hidden, else 1."""
        places = x.shape[axis]
        length, start = ops.split(keras.random.uniform((ops.shape(x)[0], 2), seed=self.seed_generator), 2, axis=1)
        length = ops.floor(length * (share * places + 1.0))
        start = ops.floor(start * (places - length + 1.0))
        numbers = ops.arange(places, dtype="float32")
        hidden = ops.logical_and(numbers >= start, numbers < start + length)
        return ops.cast(ops.logical_not(hidden), x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "time": self.time, "frequency": self.frequency, "seed": self.seed}
