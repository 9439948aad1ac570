"""Sounds to the samples of an `Audio` input, with NumPy; soundfile is imported once there is a file to read.

Another sampling rate is reached by band-limited interpolation (Smith & Gossett, "A flexible sampling-rate conversion
method", ICASSP 1984). With the rates' ratio as whole numbers, `step` samples in give `count` samples out:

    output[m] = sum over i of input[i] * h(i - m * step / count)
    h(u) = sinc(v) * blackman(v / 32),  v = u * 0.9 * min(1, count / step),  0 for |v| >= 32

where sinc(v) = sin(pi v) / (pi v), blackman(w) = 0.42 + 0.5 cos(pi w) + 0.08 cos(2 pi w), the input is 0 before its
beginning and behind its end, and the weights of each output are divided by their sum. Frequencies up to 0.8 of the
lower of both rates' halves pass, those above it are 74 dB down or more, so that nothing aliases.
`mmzoo.exporting.raw.audio_ops` has the same arithmetic as TensorFlow operations.
"""

from __future__ import annotations

import contextlib
import functools
import io
import math
import os
from typing import Any

import numpy as np

# Of the formats that soundfile reads, those that people keep sounds in.
FORMATS = ("AIFF", "FLAC", "MP3", "OGG", "WAV", "WAVEX")
# How files of these end, in lower case.
SUFFIXES = (".aif", ".aifc", ".aiff", ".flac", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wave")

# What is beyond is a damaged header or an array with its axes swapped.
MOST_CHANNELS = 64
LARGEST_RATIO = 64

# A little above 1 is loud music in floating-point numbers and is clipped; far above are numbers on another scale.
LOUDEST = 8.0

ZERO_CROSSINGS = 32
CUTOFF = 0.9
# The smaller of the two whole numbers that stand for the rates' ratio. All usual rates have their exact ratio within.
LARGEST_TERM = 512
# Samples that one product of matrices makes at least, since products of small ones are slow.
SMALLEST_BLOCK = 64

# From here on a WAV file's length is what programs write that did not know it when they began.
LENGTH_UNKNOWN = 0x7FFFF000

# Frames that are read at once, so that many channels don't fill the memory.
_BLOCK = 1 << 16


def encode_audio(audio, value: Any, place: str) -> np.ndarray:
    """One sound to the model's samples: mono, resampled, cut or filled up with zeros, clipped to -1..1.

    Of a file only as much is read as the model hears. A sound of zeros alone is the same as a missing one.

    Args:
        audio: the `Audio` of the schema.
        value: a path, encoded bytes (of the `FORMATS`), an array (n,) or (n, channels) at the schema's sample rate, or
            a tuple (array, sample rate in Hz). Arrays are float, -1..1, or int16. An empty path and empty bytes mean
            "missing"; an empty file is an error.
        place: the input's name, for error messages.

    Returns:
        float32 (samples,), -1..1.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a sound, one that is cut off or holds no samples, NaN, infinity or numbers beyond +-8, more than
            64 channels, or a sample rate over 64 times higher or lower than the schema's.
        TypeError: another kind of value.
        ImportError: a file or bytes, and soundfile is not installed.
    """
    if isinstance(value, (bytes, bytearray, memoryview, str)) and len(value) == 0:
        return np.zeros(audio.shape, audio.dtype)
    if isinstance(value, (str, os.PathLike, bytes, bytearray, memoryview)):
        sound, rate = _read(value, audio, place)
    else:
        sound, rate = _array(value, audio, place)
        sound = _checked(_mono(sound[: samples_needed(audio, rate)]), rate, place)
    sound = np.clip(resample(sound, rate, audio.sample_rate)[: audio.samples], -1.0, 1.0)
    return np.pad(sound, (0, audio.samples - len(sound))).astype(audio.dtype, copy=False)


def _checked(sound, rate, place):
    if not np.isfinite(sound).all():
        raise ValueError(f"{place}: NaN or infinity among the samples, first at {_first(~np.isfinite(sound), rate)}")
    if np.abs(sound).max() > LOUDEST:
        raise ValueError(
            f"{place}: samples up to {np.abs(sound).max():g}; expected -1..1 (numbers of 16 bits are divided by 32768)"
        )
    return sound


def _first(bad, rate):
    return f"{np.flatnonzero(bad)[0] / rate:.3f} s"


def _mono(frames):
    return frames.mean(axis=1, dtype=np.float32) if frames.ndim == 2 else frames.astype(np.float32, copy=False)


def _check_rate(rate, audio, place):
    if not audio.sample_rate / LARGEST_RATIO <= rate <= audio.sample_rate * LARGEST_RATIO:
        raise ValueError(
            f"{place}: a sample rate of {rate} Hz; expected at most {LARGEST_RATIO} times more or less than the "
            f"model's {audio.sample_rate} Hz"
        )


# Arrays --------------------------------------------------------------------------------------------------------------


def _array(value, audio, place):
    wanted = "expected a path, bytes, an array (n,) or (n, channels), or a tuple (array, sample rate)"
    rate = audio.sample_rate
    if isinstance(value, tuple) and len(value) == 2:
        value, rate = value
        if isinstance(rate, (bool, np.bool_)) or not isinstance(rate, (int, np.integer)):
            raise TypeError(f"{place}: expected the sample rate as a whole number of Hz, got {rate!r:.80}")
        rate = int(rate)
        _check_rate(rate, audio, place)
    if not isinstance(value, np.ndarray):
        raise TypeError(f"{place}: {wanted}, got {type(value).__name__}: {value!r:.80}")
    if value.ndim not in (1, 2) or value.size == 0 or not (value.dtype == np.int16 or value.dtype.kind == "f"):
        raise ValueError(
            f"{place}: expected a non-empty array of floats (-1..1) or int16, (n,) or (n, channels), "
            f"got {value.dtype} of shape {value.shape}"
        )
    if value.ndim == 2 and value.shape[1] > MOST_CHANNELS:
        raise ValueError(
            f"{place}: {value.shape[1]} channels, expected at most {MOST_CHANNELS}; the axes are (samples, channels)"
        )
    return value / np.float32(32768) if value.dtype == np.int16 else value, rate


# Files ---------------------------------------------------------------------------------------------------------------


class _Bytes(io.BytesIO):
    """A file in memory that can be left where it is by a seek to before its beginning, as broken headers ask for."""

    def seek(self, offset, whence=os.SEEK_SET):
        try:
            return super().seek(offset, whence)
        except (ValueError, OverflowError):
            return self.tell()


@contextlib.contextmanager
def open_sound(value, place: str):
    """A sound whose header was read and found good, as a `soundfile.SoundFile`; the errors of `encode_audio`.

    Nothing is as large as the header says until so much was read.

    Args:
        value: a path or bytes.
        place: as of `encode_audio`.
    """
    if isinstance(value, (str, os.PathLike)):
        place = f"{place}: {os.fspath(value)!s:.4096}"
        if not os.path.isfile(value):
            raise FileNotFoundError(f"{place}: no such file")
        with open(value, "rb") as file:
            _check_length(file, place)
        source = os.fspath(value)
    else:
        place = f"{place}: {len(value)} bytes"
        source = _Bytes(value)
        _check_length(source, place)
    soundfile = _soundfile(place)
    try:
        sound = soundfile.SoundFile(source)
    except _errors(soundfile) as error:
        raise ValueError(f"{place}: not a sound; expected one of {', '.join(FORMATS)} ({error})") from error
    with sound:
        if sound.format not in FORMATS:
            raise ValueError(f"{place}: a sound in {sound.format}; save it in one of {', '.join(FORMATS)}")
        if sound.channels > MOST_CHANNELS:
            raise ValueError(f"{place}: {sound.channels} channels; at most {MOST_CHANNELS} are read")
        yield sound, place


def _read(value, audio, place):
    """The beginning of a sound, mono float32 (n,), as long as the model needs it, and its sample rate."""
    with open_sound(value, place) as (sound, place):
        _check_rate(sound.samplerate, audio, place)
        wanted = min(sound.frames, samples_needed(audio, sound.samplerate))
        # Many channels are read in parts, so that they don't fill the memory.
        size = max(1, _BLOCK // sound.channels)
        parts, count = [np.zeros(0, np.float32)], 0
        while count < wanted:
            try:
                frames = sound.read(min(size, wanted - count), dtype="float32", always_2d=True)
            except _errors(_soundfile(place)) as error:
                raise ValueError(f"{place}: the sound can't be decoded ({error})") from error
            if not len(frames):
                raise ValueError(f"{place}: cut off: {count} samples can be read of the {sound.frames} announced")
            parts.append(_mono(frames))
            count += len(frames)
        if not count:
            raise ValueError(f"{place}: holds no samples")
        return _checked(np.concatenate(parts), sound.samplerate, place), sound.samplerate


def _errors(soundfile):
    """What soundfile raises on broken files; a TypeError where it takes a file for one without a header."""
    return (soundfile.SoundFileError, RuntimeError, OSError, TypeError, ValueError, OverflowError, MemoryError)


def _soundfile(place):
    try:
        import soundfile
    except (ImportError, OSError) as error:
        # OSError: the package is there, the C library that it wraps is not.
        raise ImportError(
            f"{place}: sound files are read with soundfile, which can't be imported ({error}): pip install soundfile"
        ) from error
    return soundfile


def _check_length(file, place):
    """Refuses an empty file, and a WAV or AIFF shorter than it says, of which libsndfile takes what is there."""
    end = file.seek(0, os.SEEK_END)
    if not end:
        raise ValueError(f"{place}: an empty file, not a sound")
    file.seek(0)
    order = {b"RIFF": "little", b"RIFX": "big", b"FORM": "big"}.get(file.read(12)[:4])
    while order and len(head := file.read(8)) == 8:
        size, start = int.from_bytes(head[4:], order), file.tell()
        if head[:4] in (b"data", b"SSND"):
            if start + size > end and size < LENGTH_UNKNOWN:
                raise ValueError(f"{place}: cut off: {end - start} bytes of sound are there, {size} are announced")
            break
        # Chunks begin at even places.
        file.seek(size + size % 2, os.SEEK_CUR)
    file.seek(0)


# Resampling ----------------------------------------------------------------------------------------------------------


def samples_needed(audio, rate: int) -> int:
    """So many samples at a rate in Hz decide what the model hears."""
    if rate == audio.sample_rate:
        return audio.samples
    step, count = whole_ratio(rate, audio.sample_rate)
    return -(-audio.samples * step // count) + _half_width(step, count)


def resample(sound: np.ndarray, rate: int, target: int) -> np.ndarray:
    """A sound at another rate.

    Args:
        sound: float32 (n,).
        rate: its rate, Hz.
        target: the rate wanted, Hz.

    Returns:
        float32 (ceil(n * count / step),), with `count` and `step` of `whole_ratio`; the first samples are simultaneous.
    """
    if rate == target:
        return sound
    step, count = whole_ratio(rate, target)
    length = -(-len(sound) * count // step)
    weights, step = _weights(step, count)
    rows, count = weights.shape
    blocks = -(-length // count)
    half = (rows - step) // 2
    padded = np.zeros((blocks - 1) * step + rows, np.float32)
    padded[half : half + len(sound)] = sound[: len(padded) - half]
    windows = np.lib.stride_tricks.sliding_window_view(padded, rows)[::step]
    return (windows @ weights).reshape(-1)[:length]


def whole_ratio(rate: int, target: int) -> tuple[int, int]:
    """(step, count): `step` samples at one rate last as long as `count` at the other.

    Exact for all usual rates; for odd ones the last fraction, of the continued fraction, of which one number is at most
    512: 0.1 % off at worst.

    >>> whole_ratio(44_100, 16_000)
    (441, 160)
    """
    before, best = (0, 1), (1, 0)
    while target:
        quotient = rate // target
        following = before[0] + quotient * best[0], before[1] + quotient * best[1]
        if min(following) > LARGEST_TERM:
            break
        before, best = best, following
        rate, target = target, rate - quotient * target
    return best


def _half_width(step, count):
    """How many samples before and behind an instant have a say in it."""
    return math.ceil(ZERO_CROSSINGS / (CUTOFF * min(1.0, count / step)))


@functools.lru_cache(maxsize=8)
def _weights(step, count):
    """The matrix that makes a block of samples: float32 (step + 2 * half width, count), and step; both are multiples of
    the given ones."""
    half = _half_width(step, count)
    times = -(-SMALLEST_BLOCK // count)
    step, count = times * step, times * count
    instants = np.arange(count) * (step / count)
    v = (np.arange(-half, step + half)[:, None] - instants) * (CUTOFF * min(1.0, count / step))
    w = v / ZERO_CROSSINGS
    weights = np.sinc(v) * (0.42 + 0.5 * np.cos(np.pi * w) + 0.08 * np.cos(2 * np.pi * w)) * (np.abs(w) < 1)
    weights = (weights / weights.sum(axis=0)).astype(np.float32)
    weights.setflags(write=False)
    return weights, step
