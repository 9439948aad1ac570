"""What a model that makes pictures out of noise learns from: mixtures of a picture and noise."""

from __future__ import annotations

import dataclasses

import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Noising:
    """Puts into the noise input a mixture of noise and the target picture, at random somewhere between the two.

    Attributes:
        picture: the output, whose targets are uint8 (B, H, W, C).
        noise: the input.
        early: how much sooner than later on the way mixtures are drawn: 1, evenly; less, nearer to the noise.
        hidden: share of the samples in which the other inputs are hidden, so that a picture is made without them too.
    """

    picture: str = "picture"
    noise: str = "noise"
    early: float = 1.0
    hidden: float = 0.05

    def __call__(self, inputs, targets, seed):
        inputs = dict(inputs)
        picture = tf.cast(targets[self.picture], tf.float32) / 127.5 - 1.0
        count = tf.shape(picture)[0]
        drawn = tf.random.stateless_normal(tf.shape(picture), seed)
        way = tf.random.stateless_uniform((count, 1, 1, 1), seed + [1, 0]) ** (1.0 / self.early)
        shown = tf.random.stateless_uniform((count,), seed + [2, 0]) >= self.hidden
        for name, tensor in inputs.items():
            kept = tf.reshape(shown, [-1] + [1] * (len(tensor.shape) - 1))
            inputs[name] = tf.where(kept, tensor, tf.zeros_like(tensor))
        inputs[self.noise] = (1.0 - way) * drawn + way * picture
        return inputs, targets
