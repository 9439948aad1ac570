"""The encoder of `mmzoo.encoding.sounds` as TensorFlow operations, for graphs that take raw files.

Core TensorFlow only. The samples come out as from `Schema.encode` to within 1e-6.
"""

from __future__ import annotations

import math

import tensorflow as tf

from mmzoo import schema as schema_lib
from mmzoo.encoding import sounds as audio_encoding


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
    start, count, channels, rate = _find_sound(contents, audio, name)
    step, samples = _whole_ratio(rate, audio.sample_rate)
    is_other = tf.not_equal(rate, audio.sample_rate)
    needed = tf.where(is_other, -(-audio.samples * step // samples) + _half_width(step, samples), audio.samples)
    data = tf.strings.substr(contents, start, 2 * channels * tf.minimum(count, needed))
    frames = tf.reshape(tf.io.decode_raw(data, tf.int16), tf.stack([-1, channels]))
    sound = tf.reduce_mean(tf.cast(frames, tf.float32) / 32768, axis=1)
    sound = tf.cond(is_other, lambda: _resampled(sound, step, samples, audio), lambda: sound)
    sound = tf.clip_by_value(sound[: audio.samples], -1.0, 1.0)
    return tf.pad(sound, [[0, audio.samples - tf.size(sound)]])


# WAV files; TensorFlow's decode_wav decodes all of a long file, and some of its errors can't be printed. --------------


def _find_sound(contents, audio, name):
    """Where the samples stand in a file, how many frames they are, of how many channels, at which rate; all int64."""
    length = tf.cast(tf.strings.length(contents), tf.int64)

    def text(place, count=4):
        # A chunk may say that it reaches beyond the file.
        return tf.strings.substr(contents, tf.clip_by_value(place, 0, length), count)

    def number(place, count):
        data = tf.io.decode_raw(text(place, count), tf.uint8, fixed_length=count)
        return tf.reduce_sum(tf.cast(data, tf.int64) * 256 ** tf.range(count, dtype=tf.int64))

    def next_chunk(place, form, data):
        form = tf.where(tf.logical_and(form < 0, tf.equal(text(place), b"fmt ")), place + 8, form)
        data = tf.where(tf.equal(text(place), b"data"), place + 8, data)
        size = number(place + 4, 4)
        # Chunks begin at even places.
        return place + 8 + size + size % 2, form, data

    nowhere = tf.constant(-1, tf.int64)
    _, form, data = tf.while_loop(
        lambda place, form, data: tf.logical_and(data < 0, place + 8 <= length),
        next_chunk,
        (tf.constant(12, tf.int64), nowhere, nowhere),
    )
    is_wav = tf.reduce_all([tf.equal(text(tf.constant(0, tf.int64)), b"RIFF"), form > 0, data > 0, form + 16 <= length])
    is_wav = tf.logical_and(is_wav, tf.equal(text(tf.constant(8, tf.int64)), b"WAVE"))
    expected = f"{name}: not a sound that TensorFlow reads; expected a WAV file of 16-bit PCM, got"
    with _after(tf.debugging.Assert(is_wav, [expected, length, "other bytes"], name="format")):
        form = tf.identity(form)
    kind, channels, rate, bits = number(form, 2), number(form + 2, 2), number(form + 4, 4), number(form + 14, 2)
    # What stands for "the kind is further behind".
    kind = tf.where(tf.equal(kind, 0xFFFE), number(form + 24, 2), kind)
    size, there = number(data - 4, 4), length - data
    whole = tf.logical_or(size <= there, size >= audio_encoding.LENGTH_UNKNOWN)
    count = tf.minimum(size, there) // (2 * tf.maximum(channels, 1))
    low, high = audio.sample_rate / audio_encoding.LARGEST_RATIO, audio.sample_rate * audio_encoding.LARGEST_RATIO
    is_near = tf.logical_and(_float(rate) >= low, _float(rate) <= high)
    checks = (
        (
            tf.logical_and(tf.equal(kind, 1), tf.equal(bits, 16)),
            [expected, "one of kind", kind, "with", bits, "bits"],
            "pcm",
        ),
        (whole, [f"{name}: cut off:", there, "bytes of sound are there,", size, "are announced"], "whole"),
        (
            tf.logical_and(channels > 0, channels <= audio_encoding.MOST_CHANNELS),
            [f"{name}: expected 1..{audio_encoding.MOST_CHANNELS} channels, got", channels],
            "channels",
        ),
        (count > 0, [f"{name}: the WAV file holds no samples"], "length"),
        (is_near, [f"{name}: expected a sample rate in {low:g}..{high:g} Hz, got", rate], "rate"),
    )
    with _after(*(tf.debugging.Assert(good, message, name=check) for good, message, check in checks)):
        return tuple(tf.identity(value) for value in (data, count, channels, rate))


def _after(*assertions):
    # Outside of graphs an assertion has run by now, and is None.
    return tf.control_dependencies([assertion for assertion in assertions if assertion is not None])


# Resampling, line by line as in mmzoo.encoding.sounds -----------------------------------------------------------------


def _resampled(sound, step, count, audio):
    length = tf.minimum(-(-tf.size(sound, tf.int64) * count // step), audio.samples)
    half, times = _half_width(step, count), -(-audio_encoding.SMALLEST_BLOCK // count)
    weights = _weights(times * step, times * count, half)
    step, count = times * step, times * count
    rows = step + 2 * half
    blocks = -(-length // count)
    sound = tf.pad(sound, [[half, blocks * step + rows]])
    places = tf.range(blocks)[:, None] * step + tf.range(rows)
    return tf.reshape(tf.matmul(tf.gather(sound, places), weights), [-1])[:length]


def _cutoff(step, count):
    return audio_encoding.CUTOFF * tf.minimum(tf.constant(1.0, tf.float64), _float(count) / _float(step))


def _half_width(step, count):
    return tf.cast(tf.math.ceil(audio_encoding.ZERO_CROSSINGS / _cutoff(step, count)), tf.int64)


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


def _weights(step, count, half):
    instants = _float(tf.range(count)) * (_float(step) / _float(count))
    v = (_float(tf.range(-half, step + half))[:, None] - instants) * _cutoff(step, count)
    w = v / audio_encoding.ZERO_CROSSINGS
    window = 0.42 + 0.5 * tf.cos(math.pi * w) + 0.08 * tf.cos(2 * math.pi * w)
    sinc = tf.where(tf.equal(v, 0.0), tf.ones_like(v), tf.math.divide_no_nan(tf.sin(math.pi * v), math.pi * v))
    weights = sinc * window * _float(tf.abs(w) < 1)
    return tf.cast(weights / tf.reduce_sum(weights, axis=0), tf.float32)


def _float(tensor):
    return tf.cast(tensor, tf.float64)
