"""The encoder of `mmzoo.audio_encoding` as TensorFlow operations, for graphs that take raw files.

Core TensorFlow only. The samples come out as from `Schema.encode` to within 1e-6.
"""

from __future__ import annotations

import math

import tensorflow as tf

from mmzoo import audio_encoding
from mmzoo import schema as schema_lib


def decode_audio(contents, audio: schema_lib.Audio, name: str = "audio"):
    """One WAV file to the model's samples: mono, resampled, cut or filled up with zeros.

    Reads WAV files of 16-bit PCM; other formats are for `Schema.encode`, which has soundfile.

    Args:
        contents: string (), the bytes of the file; empty means missing.
        audio: the schema's description of the input.
        name: the input's name, for error messages.

    Returns:
        float32 (samples,), -1..1; all zeros where missing.

    Raises:
        tf.errors.InvalidArgumentError: when run on another format, a broken file, one without samples, more than 64
            channels, or a sample rate over 64 times higher or lower than the schema's.
    """
    with tf.name_scope(name):
        samples = tf.cond(
            tf.equal(tf.strings.length(contents), 0),
            lambda: tf.zeros(audio.shape, tf.float32),
            lambda: _decode_present(contents, audio, name),
        )
        return tf.ensure_shape(samples, audio.shape)


def _decode_present(contents, audio, name):
    head = tf.cast(tf.io.decode_raw(tf.strings.substr(contents, 0, 36), tf.uint8, fixed_length=36), tf.int32)

    def holds(place, text):
        return tf.reduce_all(tf.equal(head[place : place + len(text)], list(text)))

    # Where the format stands first, as it mostly does, this says better than the decoder what is wrong with it.
    is_pcm = tf.logical_and(holds(20, b"\1\0"), holds(34, b"\x10\0"))
    known = tf.debugging.Assert(
        tf.reduce_all([holds(0, b"RIFF"), holds(8, b"WAVE"), tf.logical_or(is_pcm, ~holds(12, b"fmt "))]),
        [
            f"{name}: not a sound that TensorFlow reads; expected a WAV file (16-bit PCM), got",
            tf.strings.length(contents),
            "other bytes",
        ],
        name="format",
    )
    with _after(known):
        frames, rate = tf.audio.decode_wav(contents)
    channels, rate = tf.shape(frames)[1], tf.cast(rate, tf.int64)
    low, high = audio.sample_rate / audio_encoding.LARGEST_RATIO, audio.sample_rate * audio_encoding.LARGEST_RATIO
    checks = (
        (tf.size(frames) > 0, [f"{name}: the WAV file holds no samples"], "length"),
        (
            channels <= audio_encoding.MOST_CHANNELS,
            [f"{name}: at most {audio_encoding.MOST_CHANNELS} channels are read, got", channels],
            "channels",
        ),
        (
            tf.logical_and(tf.cast(rate, tf.float64) >= low, tf.cast(rate, tf.float64) <= high),
            [f"{name}: expected a sample rate in {low:g}..{high:g} Hz, got", rate],
            "rate",
        ),
    )
    with _after(*(tf.debugging.Assert(good, message, name=check) for good, message, check in checks)):
        frames = tf.identity(frames)
    sound = tf.cond(
        tf.equal(rate, audio.sample_rate),
        lambda: tf.reduce_mean(frames[: audio.samples], axis=1),
        lambda: _resampled(frames, rate, audio),
    )
    sound = tf.clip_by_value(sound[: audio.samples], -1.0, 1.0)
    return tf.pad(sound, [[0, audio.samples - tf.size(sound)]])


def _after(*assertions):
    # Outside of graphs an assertion has run by now, and is None.
    return tf.control_dependencies([assertion for assertion in assertions if assertion is not None])


# Resampling, line by line as in mmzoo.audio_encoding -----------------------------------------------------------------


def _resampled(frames, rate, audio):
    step, count = _whole_ratio(rate, audio.sample_rate)
    cutoff = audio_encoding.CUTOFF * tf.minimum(tf.constant(1.0, tf.float64), _float(count) / _float(step))
    half = tf.cast(tf.math.ceil(audio_encoding.ZERO_CROSSINGS / cutoff), tf.int64)
    needed = -(-audio.samples * step // count) + half
    sound = tf.reduce_mean(frames[:needed], axis=1)
    length = tf.minimum(-(-tf.size(sound, tf.int64) * count // step), audio.samples)
    times = -(-audio_encoding.SMALLEST_BLOCK // count)
    step, count = times * step, times * count
    weights = _weights(step, count, cutoff, half)
    rows = step + 2 * half
    blocks = -(-length // count)
    sound = tf.pad(sound, [[half, blocks * step + rows]])
    places = tf.range(blocks)[:, None] * step + tf.range(rows)
    return tf.reshape(tf.matmul(tf.gather(sound, places), weights), [-1])[:length]


def _whole_ratio(rate, target):
    def goes_on(rate, target, before, best):
        quotient = rate // tf.maximum(target, 1)
        fits = tf.reduce_min(before + quotient * best) <= audio_encoding.LARGEST_TERM
        return tf.logical_and(target > 0, fits)

    def following(rate, target, before, best):
        quotient = rate // target
        return target, rate - quotient * target, best, before + quotient * best

    start = (rate, tf.constant(target, tf.int64), tf.constant([0, 1], tf.int64), tf.constant([1, 0], tf.int64))
    best = tf.while_loop(goes_on, following, start)[3]
    return best[0], best[1]


def _weights(step, count, cutoff, half):
    instants = _float(tf.range(count)) * (_float(step) / _float(count))
    v = (_float(tf.range(-half, step + half))[:, None] - instants) * cutoff
    w = v / audio_encoding.ZERO_CROSSINGS
    window = 0.42 + 0.5 * tf.cos(math.pi * w) + 0.08 * tf.cos(2 * math.pi * w)
    sinc = tf.where(tf.equal(v, 0.0), tf.ones_like(v), tf.math.divide_no_nan(tf.sin(math.pi * v), math.pi * v))
    weights = sinc * window * _float(tf.abs(w) < 1)
    return tf.cast(weights / tf.reduce_sum(weights, axis=0), tf.float32)


def _float(tensor):
    return tf.cast(tensor, tf.float64)
