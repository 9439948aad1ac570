"""A picture out of noise, step by step, by a network that says what the picture is."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="mmzoo")
class Flow(keras.layers.Layer):
    """Goes from noise to a picture in a few straight steps (flow matching; Lipman et al., ICLR 2023; Liu et al., ICLR
    2023).

    Between noise n and picture p lies x = (1 - t) n + t p. The network is given x and what is asked for, and says p;
    how far x is from noise it sees for itself (Sun et al., "Is noise conditioning necessary for denoising generative
    models?", ICML 2025). A step goes on from t towards what it says. While training there is one step: the noise input
    then holds the mixture, see `mmzoo.data.noising.Noising`, and the network's word is the output.

    The steps follow each other in the graph, with one copy of the weights.

    Args:
        network: Keras model of [x float (B, H, W, C), wanted float (B, D)] to float (B, H, W, C), both -1..1.
        steps: how many, at most 10.

    Call arguments:
        noise: float (B, H, W, C), standard normal.
        wanted: float (B, D).

    Returns:
        float (B, H, W, C), 0..1; while training not cut off there.
    """

    keeps_float = True
    is_for_output = True

    def __init__(self, network, steps=8, **kwargs):
        super().__init__(**kwargs)
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= 10:
            raise ValueError(f"steps: expected 1..10, got {steps!r}")
        self.network, self.steps = network, steps
        self.built = True

    def call(self, noise, wanted, training=None):
        if training:
            return (self.network([noise, wanted], training=True) + 1.0) / 2.0
        x = noise
        for step in range(self.steps):
            picture = ops.clip(self.network([x, wanted], training=False), -1.0, 1.0)
            # From t the rest of the way is 1 - t, a step of it 1 / steps: the last one ends at the picture.
            x = x + (picture - x) / (self.steps - step)
        return (x + 1.0) / 2.0

    def compute_output_spec(self, noise, wanted, training=None):
        return keras.KerasTensor(noise.shape, noise.dtype)

    def get_config(self):
        return {
            **super().get_config(),
            "network": keras.saving.serialize_keras_object(self.network),
            "steps": self.steps,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls(keras.saving.deserialize_keras_object(config.pop("network")), **config)
