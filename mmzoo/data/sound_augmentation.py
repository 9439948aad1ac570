"""Random changes of sounds, and of cepstral coefficients over time, as tf.data ops over whole batches.

Drawn per sample from stateless random numbers, as in `mmzoo.data.augmentation`.
"""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

from mmzoo.data.augmentation import Draw


@dataclasses.dataclass(frozen=True)
class SoundAugmentation:
    """How far each random change may go; 0 switches one off.

    Attributes:
        speed: largest change of speed, as a fraction (0.2: from 1/1.2 to 1.2 times). The pitch changes with it, so one
            voice becomes many.
        shift: largest delay, as a fraction of the room behind the sound's end.
        gain: largest change of loudness, dB; what gets too loud is clipped, as in a microphone.
        noise: how loud the loudest noise is beside the sound, dB; it is white up to low or high, and goes on for a
            while behind the sound's end. Cepstral coefficients get white noise of a hundredth of their deviation to
            a tenth of it. None: no noise.
        silence: share of the samples of which the noise alone is left, and whose texts are empty.

    Called with `(inputs, targets, seed)` it changes all sounds, float (N, samples), and all coefficients, float
    (N, frames, coefficients), among the inputs; see `mmzoo.data.pipeline.finish`. Missing inputs stay missing.
    """

    speed: float = 0.15
    shift: float = 0.5
    gain: float = 10.0
    noise: float | None = -10.0
    silence: float = 0.0

    def __call__(self, inputs, targets, seed):
        inputs, targets = dict(inputs), dict(targets)
        for name, x in inputs.items():
            draw = Draw(seed, tf.shape(x)[0])
            if x.dtype == tf.float32 and len(x.shape) == 2:
                inputs[name], silent = _changed_sounds(x, draw, self)
                # Targets are numbers of letters, 0 behind the last one.
                if self.silence:
                    targets = {text: tf.where(silent, tf.zeros_like(one), one) for text, one in targets.items()}
            elif x.dtype == tf.float32 and len(x.shape) == 3:
                inputs[name] = _changed_coefficients(x, draw, self)
        return inputs, targets


def _changed_sounds(x, draw, policy):
    """(the sounds, which of them lost what they say: bool (N, 1))."""
    room = x.shape[1]
    places = tf.range(room, dtype=tf.float32)[None]
    length = _length(x)
    # Slower at most until the room is full.
    speed = tf.maximum(_factor(draw, policy.speed), length / room)
    length = length / speed
    start = tf.floor(draw.uniform(0, policy.shift, (1,)) * (room - length))
    loudness = tf.sqrt(tf.reduce_sum(tf.square(x), axis=1, keepdims=True) / tf.maximum(length * speed, 1.0))
    x = _read_at(x, (places - start) * speed)
    silent = tf.logical_and(draw.uniform(0, 1, (1,)) < policy.silence, loudness > 0)
    x = tf.where(silent, 0.0, x)
    if policy.noise is not None:
        level = tf.pow(10.0, draw.uniform(-50.0, policy.noise, (1,)) / 20.0) * loudness
        white = tf.random.stateless_normal((draw.count, room + 1), draw.next_seed())
        tilt = draw.uniform(-0.9, 0.9, (1,))
        noise = (white[:, 1:] + tilt * white[:, :-1]) / tf.sqrt(1 + tilt**2)
        # It ends a quarter of the room behind the sound at the latest.
        end = start + length + draw.uniform(0, 0.25, (1,)) * (room - start - length)
        x += tf.where(places < end, level * noise, 0.0)
    gain = tf.pow(10.0, draw.uniform(-policy.gain, policy.gain, (1,)) / 20.0)
    return tf.clip_by_value(x * gain, -1.0, 1.0), silent


def _changed_coefficients(x, draw, policy):
    given = tf.logical_not(tf.reduce_any(tf.math.is_nan(x), axis=2))
    # They stand at the end, with padding in front, so they are read from their end.
    length = tf.reduce_sum(tf.cast(given, tf.float32), axis=1, keepdims=True)
    rows = tf.reverse(tf.where(given[..., None], x, 0.0), [1])
    room = x.shape[1]
    speed = tf.maximum(_factor(draw, policy.speed), length / room)
    places = tf.range(room, dtype=tf.float32)[None] * speed
    rows = _read_at(rows, places)
    if policy.noise is not None:
        count = tf.maximum(length, 1.0)[..., None]
        deviation = tf.sqrt(tf.reduce_sum(tf.square(rows), axis=1, keepdims=True) / count)
        level = tf.pow(10.0, draw.uniform(-2.0, -1.0, (1, 1)))
        rows += level * deviation * tf.random.stateless_normal(tf.shape(rows), draw.next_seed())
    rows = tf.where((places <= length - 1.0)[..., None], rows, math.nan)
    return tf.reverse(rows, [1])


def _factor(draw, most):
    return tf.exp(draw.uniform(-1, 1, (1,)) * math.log1p(most))


def _length(x):
    """Places up to the last one that is not 0: float (N, 1)."""
    numbers = tf.range(1, x.shape[1] + 1, dtype=tf.float32)[None]
    return tf.reduce_max(tf.where(tf.not_equal(x, 0.0), numbers, 0.0), axis=1, keepdims=True)


def _read_at(x, places):
    """x between its places, by straight lines; 0 outside: (N, room, ...)."""
    room = x.shape[1]
    inside = tf.logical_and(places >= 0, places <= room - 1)
    low = tf.clip_by_value(tf.floor(places), 0.0, room - 1.0)
    share = places - low
    first = tf.cast(low, tf.int32)
    second = tf.minimum(first + 1, room - 1)
    if len(x.shape) == 3:
        inside, share = inside[..., None], share[..., None]
    read = tf.gather(x, first, axis=1, batch_dims=1) * (1 - share) + tf.gather(x, second, axis=1, batch_dims=1) * share
    return tf.where(inside, read, 0.0)
