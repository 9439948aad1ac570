"""Sounds, from the file to the device, on tones that the tests write."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys

import hypothesis
import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
import tensorflow as tf
from hypothesis import strategies as st
from zoo_harness import assert_same, assert_sound, raw_samples, raw_tensors, run, wav

import mmzoo
from mmzoo import edge
from mmzoo.branches import audio_branch, sensor_branch
from mmzoo.data.tables.manifest import manifest_dataset, read_manifest
from mmzoo.edge.__main__ import main as edge_main
from mmzoo.encoding import sounds as audio_encoding
from mmzoo.evaluation import evaluate
from mmzoo.exporting.litert import check_builtin
from mmzoo.exporting.parity import FLOAT_BOUND, INT8_MEAN_BOUND
from mmzoo.exporting.probes import subsets_of_inputs
from mmzoo.exporting.raw.audio_ops import decode_audio
from mmzoo.fusion import fuse
from mmzoo.inspection import inspect_table
from mmzoo.layers import LogMelSpectrogram, MaskedMean, SpecAugment
from mmzoo.models.schema_model import keras_inputs, schema_model
from mmzoo.schema import Audio, Label, Number, Schema, Sensors

AUDIO = Audio(2000, 8000)
SCHEMA = Schema(
    "siren",
    {"audio": AUDIO, "weather": Sensors((Number("temperature", "°C", -40, 60), Number("wind", "km/h", 0, 200)))},
    {"siren": Label(("low", "high"))},
)
LITERT = ("float32", "dynamic_int8", "int8")


def tone(frequency, rate=8000, seconds=0.25, amplitude=0.5, phase=0.0):
    times = np.arange(round(rate * seconds)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * times + phase)).astype(np.float32)


def encoded(samples, rate, kind="WAV", subtype=None):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def encode(value, samples=2000, rate=8000):
    return Audio(samples, rate).encode(value, "audio")


# Resampling ----------------------------------------------------------------------------------------------------------

RATES = [(44_100, 16_000), (48_000, 16_000), (22_050, 16_000), (8_000, 16_000), (11_025, 44_100), (96_000, 8_000)]


def middle(array):
    return array[len(array) // 8 : -len(array) // 8]


@pytest.mark.parametrize(("rate", "target"), RATES)
@pytest.mark.parametrize("share", [0.02, 0.4, 0.8])
def test_resampling_keeps_frequency_and_amplitude(rate, target, share):
    frequency = round(share * min(rate, target) / 2)
    found = audio_encoding.resample(tone(frequency, rate, 1.0), rate, target)
    assert len(found) == target and found.dtype == np.float32
    spectrum = np.abs(np.fft.rfft(found))
    assert spectrum.argmax() == frequency, "one second, so that bins are 1 Hz apart"
    # Not only the same pitch: the same samples, as if it had been recorded at that rate. 1e-4 is -74 dB.
    np.testing.assert_allclose(middle(found), middle(tone(frequency, target, 1.0)), atol=1e-4)


@pytest.mark.parametrize(("rate", "target"), [pair for pair in RATES if pair[0] > pair[1]])
@pytest.mark.parametrize("share", [1.0, 1.02, 1.1, 1.3])
def test_nothing_aliases(rate, target, share):
    found = audio_encoding.resample(tone(share * target / 2, rate, 0.5, phase=1.0), rate, target)
    assert np.abs(middle(found)).max() < 0.5 * 10 ** (-74 / 20)


def test_no_images_above_the_old_half_rate():
    spectrum = np.abs(np.fft.rfft(audio_encoding.resample(tone(3000, 8000, 1.0), 8000, 32_000) * np.hanning(32_000)))
    assert spectrum[4000:].max() < spectrum[3000] * 10 ** (-74 / 20)


def test_ratio_of_rates():
    ratio = audio_encoding.whole_ratio
    assert [ratio(44_100, 16_000), ratio(48_000, 16_000), ratio(8000, 44_100)] == [(441, 160), (3, 1), (80, 441)]
    usual = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
    for rate in usual:
        for target in usual:
            step, count = ratio(rate, target)
            assert step * target == count * rate
    rng = np.random.default_rng(0)
    for rate in rng.integers(1000, 100_000, 300):
        step, count = ratio(int(rate), 16_000)
        assert min(step, count) <= 512 and abs(step / count / (rate / 16_000) - 1) < 1e-3


def test_resampling_needs_no_more_than_it_says():
    """So that the rest of a long file need not be read."""
    for rate, target in (*RATES, (44_099, 16_000)):
        sound = np.random.default_rng(0).uniform(-1, 1, rate).astype(np.float32)
        audio = Audio(target // 10, target)
        whole = audio_encoding.resample(sound, rate, target)[: audio.samples]
        needed = audio_encoding.samples_needed(audio, rate)
        np.testing.assert_allclose(
            audio_encoding.resample(sound[:needed], rate, target)[: audio.samples], whole, atol=1e-6
        )
        less = audio_encoding.resample(sound[: needed * 9 // 10], rate, target)[: audio.samples]
        assert len(less) < audio.samples or np.abs(less - whole).max() > 1e-6


def test_it_keeps_a_constant_and_takes_a_single_sample():
    np.testing.assert_allclose(
        middle(audio_encoding.resample(np.full(900, 0.25, np.float32), 44_100, 16_000)), 0.25, atol=1e-6
    )
    assert audio_encoding.resample(np.ones(1, np.float32), 8000, 44_100).shape == (6,)


# The encoder ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "subtype", "error"),
    [("WAV", "PCM_16", 4e-5), ("WAV", "PCM_24", 1e-6), ("WAV", "FLOAT", 0), ("WAVEX", "PCM_16", 4e-5),
     ("FLAC", None, 2e-5), ("AIFF", None, 4e-5), ("OGG", "VORBIS", 0.03), ("MP3", None, 0.1)],
)  # fmt: skip
def test_all_formats_and_ways_to_give_a_sound(tmp_path, kind, subtype, error):
    expected = tone(440)
    content = encoded(expected, 8000, kind, subtype)
    (tmp_path / "Ton 1.bin").write_bytes(content)
    from_bytes = encode(content)
    assert from_bytes.dtype == np.float32 and np.abs(from_bytes - expected).max() <= error
    for value in (tmp_path / "Ton 1.bin", str(tmp_path / "Ton 1.bin"), bytearray(content), memoryview(content)):
        np.testing.assert_array_equal(encode(value), from_bytes)


def test_arrays():
    sound = tone(440)
    np.testing.assert_array_equal(encode(sound), sound)
    np.testing.assert_array_equal(encode(sound.astype(np.float64)), sound)
    np.testing.assert_array_equal(encode((sound, 8000)), sound)
    np.testing.assert_allclose(encode(np.round(sound * 32768).astype(np.int16)), sound, atol=2e-5)
    np.testing.assert_allclose(encode((tone(440, 44_100, 0.3), np.int64(44_100)))[100:], sound[100:], atol=1e-4)
    two = np.stack([sound, tone(1000)], axis=1)
    np.testing.assert_allclose(encode(two), two.mean(axis=1), atol=1e-7)
    np.testing.assert_allclose(encode(encoded(two, 8000, subtype="FLOAT")), two.mean(axis=1), atol=1e-7)


def test_cut_filled_up_and_clipped():
    sound = tone(440)
    assert encode(sound, 500).tolist() == sound[:500].tolist()
    longer = encode(sound, 3000)
    assert longer[:2000].tolist() == sound.tolist() and not longer[2000:].any()
    assert encode(np.float32([0.5, 3.0, -7.5]), 4).tolist() == [0.5, 1.0, -1.0, 0.0]
    assert encode(np.int16([-32768, 32767]), 2).tolist() == [-1.0, 32767 / 32768]


def test_missing_and_silence():
    for value in (None, "", b"", np.zeros(10, np.float32), np.zeros(10, np.int16)):
        array = encode(value)
        assert not array.any() and array.shape == (2000,) and array.dtype == np.float32


def broken():
    content = encoded(tone(440), 8000)
    nan = tone(440)
    nan[800] = np.nan
    forged = bytearray(encoded(tone(440), 8000, "FLAC"))
    # The 36 bits of the number of samples.
    forged[21] |= 0x0F
    forged[22:26] = b"\xff" * 4
    return {
        "FLAC that announces 2^36 samples: ": bytes(forged),
        "AU: a sound in AU; save it in one of AIFF": encoded(tone(440), 8000, "AU"),
        "not a sound; expected one of AIFF, FLAC, MP3, OGG, WAV, WAVEX": b"no sound at all" * 20,
        "No 'data' chunk": content[:30],
        "cut off: 1000 bytes of sound are there, 4000 are announced": content[: 44 + 1000],
        "AIFF: cut off": encoded(tone(440), 8000, "AIFF")[:-1000],
        "FLAC: lost sync": encoded(tone(440), 8000, "FLAC")[:-300],
        "MP3: cut off": encoded(tone(440), 8000, "MP3")[:-300],
        "holds no samples": encoded(tone(440)[:0], 8000),
        "NaN or infinity among the samples, first at 0.100 s": encoded(nan, 8000, subtype="FLOAT"),
        "samples up to 16384": encoded(tone(440) * 32768, 8000, subtype="FLOAT"),
        "a sound in CAF; save it in one of AIFF, FLAC": encoded(tone(440), 8000, "CAF"),
        "70 channels; at most 64": encoded(np.zeros((9, 70)), 8000),
        "a sample rate of 100 Hz; expected at most 64 times": encoded(tone(4, 100), 100),
        "a sample rate of 600000 Hz": content[:24] + (600_000).to_bytes(4, "little") + content[28:],
    }


@pytest.mark.parametrize("message", broken())
def test_bad_files_are_named(tmp_path, message):
    content = broken()[message]
    wanted = re.sub(r"^(AIFF|AU|FLAC|MP3|FLAC that announces 2\^36 samples): ", "", message)
    with pytest.raises(ValueError, match=f"^audio: {len(content)} bytes: .*{wanted}"):
        encode(content)
    (tmp_path / "x.wav").write_bytes(content)
    with pytest.raises(ValueError, match=f"^audio: .*x.wav: .*{wanted}"):
        encode(tmp_path / "x.wav")


# The model's rate is that of the files, up to 16 kHz, and 600 kHz are not 64 times as much.
@pytest.mark.parametrize("message", [message for message in broken() if "600000" not in message])
def test_inspection_refuses_what_training_refuses(tmp_path, message):
    """One reader: whatever the encoder says of a file, the inspection says, and without filling the memory."""
    for number in range(20):
        soundfile.write(tmp_path / f"{number}.wav", tone(440 + number), 8000)
    (tmp_path / "x.wav").write_bytes(broken()[message])
    names = [f"{number}.wav" for number in range(20)] + ["x.wav"]
    frame = pd.DataFrame({"sound": names, "y": ["a", "b", "a"] * 7})
    (finding,) = inspect_table(frame, "y", root=tmp_path).of_level("error")
    assert finding.column == "sound" and finding.rows == (20,) and "1 sound can't be read" in finding.message
    good = inspect_table(frame[:20].replace({"0.wav": " 0.wav "}), "y", root=tmp_path)
    assert not good.of_level("error")
    assert len(read_manifest(frame[:20].replace({"0.wav": " 0.wav "}), good.schema, root=tmp_path).arrays()[1]["y"])


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("gone.wav", FileNotFoundError, "audio: gone.wav: no such file"),
        (np.zeros((2, 2000)), ValueError, r"2000 channels, expected at most 64; the axes are \(samples, channels\)"),
        (np.zeros(0, np.float32), ValueError, r"non-empty array of floats.*float32 of shape \(0,\)"),
        (np.zeros(5, np.int32), ValueError, "int32"),
        (np.array([0.0, np.inf]), ValueError, "NaN or infinity among the samples"),
        ((tone(440), 8000.0), TypeError, "sample rate as a whole number of Hz, got 8000.0"),
        ((tone(440), 0), ValueError, "sample rate of 0 Hz"),
        ([0.0, 1.0], TypeError, "expected a path, bytes, an array .* got list"),
    ],
)
def test_bad_values(value, kind, message):
    with pytest.raises(kind, match=message):
        encode(value)


def test_an_empty_file_and_one_without_a_header(tmp_path):
    for name, content in (("empty.wav", b""), ("noise.raw", bytes(range(256)))):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=f"audio: .*{name}: .*not a sound"):
            encode(tmp_path / name)


def test_without_soundfile(monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match="audio: .*pip install soundfile"):
        encode(encoded_before)
    np.testing.assert_array_equal(encode(tone(440)), tone(440)), "arrays need no soundfile"


encoded_before = encoded(tone(440), 8000)


def test_of_a_long_file_only_the_beginning_is_read(tmp_path):
    """In a process of its own: ten minutes of 16 channels, 10 GB as floats if it were hours and read as a whole."""
    path = tmp_path / "long.wav"
    with soundfile.SoundFile(path, "w", 48_000, 16, "PCM_16") as file:
        file.write(np.tile(tone(440, 48_000, 1.0)[:, None], (1, 16)))
    with path.open("r+b") as file:
        # A hole in the file: the disk holds one second.
        file.truncate(44 + 600 * 48_000 * 32)
        file.seek(4)
        file.write((36 + 600 * 48_000 * 32).to_bytes(4, "little"))
        file.seek(40)
        file.write((600 * 48_000 * 32).to_bytes(4, "little"))
    script = """
import resource, sys
import numpy as np, soundfile
from mmzoo import encoding
from mmzoo.schema import Audio
assert soundfile.info(sys.argv[1]).duration == 600
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
array = Audio(4000, 8000).encode(sys.argv[1], "audio")
assert abs(np.abs(np.fft.rfft(array)).argmax() - 220) <= 1
assert "PIL" not in sys.modules and "tensorflow" not in sys.modules
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run([sys.executable, "-c", script, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 30_000, "kilobytes"


# The same in TensorFlow ----------------------------------------------------------------------------------------------


def graph_of(audio):
    return tf.function(lambda contents: decode_audio(contents, audio), input_signature=[tf.TensorSpec((), tf.string)])


@pytest.fixture(scope="module")
def graph():
    return graph_of(AUDIO)


@pytest.mark.parametrize("rate", [8000, 11_025, 16_000, 22_050, 44_100, 48_000, 44_099, 192_000, 8001, 6000, 300])
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_both_encoders_are_equal(graph, rate, channels):
    rng = np.random.default_rng(rate)
    for seconds in (0.6, 0.1, 1.5 / rate):
        content = wav(rng.uniform(-1, 1, (max(1, round(rate * seconds)), channels)), rate)
        expected = encode(content)
        assert expected.any()
        np.testing.assert_allclose(graph(content), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\xff no sound",
            "audio: not a sound that TensorFlow reads; expected a WAV file of 16-bit PCM.*10.*other",
        ),
        (encoded(tone(440), 8000, "FLAC"), "audio: not a sound that TensorFlow reads; expected a WAV file of 16-bit"),
        (encoded(tone(440), 8000)[:40], "audio: not a sound that TensorFlow reads"),
        (encoded(tone(440), 8000, subtype="PCM_24"), "audio: .*16-bit PCM, got.*one of kind.*1.*24.*bits"),
        (encoded(tone(440), 8000, subtype="FLOAT"), "audio: .*16-bit PCM, got.*one of kind.*3.*32.*bits"),
        (encoded(tone(440), 8000)[:-10], "audio: cut off.*3990.*bytes of sound are there,.*4000.*are announced"),
        (encoded(tone(440)[:0], 8000), "audio: the WAV file holds no samples"),
        (encoded(tone(4, 100), 100), "audio: expected a sample rate in 125..512000 Hz, got.*100"),
        (encoded(np.zeros((9, 70)), 8000), "audio: expected 1..64 channels, got.*70"),
    ],
)
def test_the_graph_names_bad_files(graph, content, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=f"(?s){message}"):
        graph(content)


def test_the_graph_takes_empty_bytes_for_missing(graph):
    assert not graph(b"").numpy().any()


def test_wav_files_as_programs_write_them(graph):
    content = encoded(tone(440), 8000)
    expected = encode(content)
    junk = b"LIST\x05\0\0\0abcde\0"
    files = {
        "a chunk before the format": content[:12] + junk + content[12:],
        "one before the samples": content[:36] + junk + content[36:],
        "one behind them": content + junk,
        "written into a pipe": content[:40] + b"\xff" * 4 + content[44:],
        "extensible": encoded(tone(440), 8000, "WAVEX"),
    }
    for what, file in files.items():
        np.testing.assert_array_equal(encode(file), expected, err_msg=what)
        np.testing.assert_array_equal(graph(file), expected, err_msg=what)


# Whatever is fed to them ---------------------------------------------------------------------------------------------

CASES = int(os.environ.get("MMZOO_FUZZ_CASES", "30"))
fuzz = hypothesis.settings(
    max_examples=CASES, derandomize=True, deadline=None, database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)  # fmt: skip
REFUSED = (ValueError, TypeError, FileNotFoundError)
FUZZED = Audio(300, 8000)
fuzzed_graph = graph_of(FUZZED)


def encoded_or_refused(value):
    try:
        array = FUZZED.encode(value, "audio")
    except REFUSED as error:
        assert str(error).startswith("audio") and len(str(error)) < 1000, str(error)
        return None
    assert array.shape == (300,) and array.dtype == np.float32 and np.abs(array).max() <= 1
    return array


FILES = [
    encoded(np.random.default_rng(rate).uniform(-0.9, 0.9, (400, channels)), rate, kind, subtype)
    for rate in (8000, 11_025, 44_100)
    for channels in (1, 2)
    for kind, subtype in (("WAV", "PCM_16"), ("WAV", "PCM_16"), ("WAV", "PCM_24"), ("WAV", "FLOAT"), ("WAV", "ULAW"),
                          ("FLAC", None), ("OGG", "VORBIS"), ("AIFF", None))
]  # fmt: skip


@st.composite
def damaged_files(draw):
    content = bytearray(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.sampled_from([0, 1, 1, 2, 4]))):
        # Most of what decides stands at the beginning.
        place = draw(st.integers(0, draw(st.sampled_from([16, 48, 128, len(content)]))))
        change = draw(st.sampled_from(["cut", "byte", "insert", "remove", "number"]))
        if change == "cut":
            del content[place:]
        elif change == "byte":
            content[place : place + 1] = draw(st.binary(min_size=1, max_size=1))
        elif change == "insert":
            content[place:place] = draw(st.binary(max_size=8))
        elif change == "remove":
            del content[place : place + draw(st.integers(1, 8))]
        else:
            content[place : place + 4] = draw(
                st.sampled_from([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\0\0\1\0"])
            )
    return bytes(content)


beginnings = st.sampled_from([b"", b"RIFF\xff\0\0\0WAVEfmt \x10\0\0\0", b"fLaC\0\0\0\x22", b"OggS\0\2", b"FORM"])
file_contents = damaged_files() | st.builds(bytes.__add__, beginnings, st.binary(max_size=100))


@fuzz
@hypothesis.given(file_contents)
def test_sound_files(contents):
    python = encoded_or_refused(contents)
    try:
        graph = fuzzed_graph(contents).numpy()
    except tf.errors.InvalidArgumentError:
        return
    assert np.isfinite(graph).all() and np.abs(graph).max() <= 1
    if python is not None:
        np.testing.assert_allclose(graph, python, rtol=0, atol=1e-6)


anything = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(max_size=20)
    | st.lists(st.integers(), max_size=3) | st.tuples(st.integers(), st.integers()) | st.just(object())
)  # fmt: skip
arrays = st.builds(
    lambda shape, dtype, value: np.full(shape, value).astype(dtype),
    st.lists(st.integers(0, 5), max_size=3),
    st.sampled_from(["uint8", "float16", "float32", "float64", "bool", "int16", "int32", "U3", "O", "c16"]),
    st.sampled_from([0, 1, 0.5]),
)


@fuzz
@hypothesis.given(anything | arrays | st.tuples(arrays, anything | st.integers(125, 512_000)))
def test_sounds_of_other_kinds(value):
    encoded_or_refused(value)


@fuzz
@hypothesis.given(st.integers(125, 512_000), st.integers(1, 64_000), st.integers(1, 900))
def test_all_rates(rate, target, count):
    hypothesis.assume(target / 64 <= rate <= target * 64)
    sound = np.random.default_rng(count).uniform(-1, 1, count).astype(np.float32)
    array = Audio(200, target).encode((sound, rate), "audio")
    assert np.isfinite(array).all() and array.shape == (200,)


# Layers and branch ---------------------------------------------------------------------------------------------------


def spectrogram(samples, layer):
    return [np.asarray(part) for part in layer(np.atleast_2d(np.float32(samples)))]


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
def test_a_tone_is_in_its_band(rate):
    layer = LogMelSpectrogram(rate, 40)
    for frequency in (150, 440, 1000, 3500):
        x, mask, present = spectrogram(tone(frequency, rate, 0.5), layer)
        assert x.shape == (1, layer.frames(round(rate * 0.5)), 40) and mask.all() and present.all()
        edges = 700 * np.expm1(np.linspace(0, np.log1p(rate / 2 / 700), 42))
        band = x[0, 5:-5].mean(axis=0).argmax()
        assert edges[band] * 0.9 - 40 < frequency < edges[band + 2] * 1.1 + 40


def test_no_band_is_empty():
    for rate, bands in ((8000, 64), (16_000, 64), (44_100, 64), (2000, 24)):
        layer = LogMelSpectrogram(rate, bands)
        noise = np.random.default_rng(0).uniform(-1, 1, rate)
        assert spectrogram(noise, layer)[0][0].std(axis=0).min() > 0.05


def test_loudness_and_padding_do_not_matter():
    layer, rng = LogMelSpectrogram(8000, 40), np.random.default_rng(0)
    sound = rng.uniform(-1, 1, 1800).astype(np.float32)
    loud, mask, _ = spectrogram(sound, layer)
    np.testing.assert_allclose(spectrogram(sound * 0.1, layer)[0], loud, atol=0.01)
    padded, padded_mask, _ = spectrogram(np.pad(sound, (0, 1500)), layer)
    kept = mask.size
    assert mask.all() and padded_mask.tolist() == [[True] * kept + [False] * (padded_mask.size - kept)]
    np.testing.assert_allclose(padded[0, :kept], loud[0], atol=1e-5)
    assert not padded[0, kept:].any()


def test_neither_one_sample_nor_another_in_the_batch_matters():
    layer = LogMelSpectrogram(8000, 40)
    quiet, loud = tone(500, amplitude=0.01), tone(2000, amplitude=1.0)
    np.testing.assert_allclose(spectrogram([quiet, loud], layer)[0][0], spectrogram(quiet, layer)[0][0], atol=1e-5)
    x, mask, present = spectrogram([0.5], layer)
    assert x.shape == (1, 1, 40) and mask.all() and present.all() and np.isfinite(x).all()
    x, mask, present = spectrogram(np.zeros(2000), layer)
    assert not x.any() and not mask.any() and not present.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((100, 4), "sample_rate: expected at least 200 Hz"),
        ((1000, 64), "bands: expected 2..16"),
        ((8000, 40, 20, 5000), "lowest < highest <= 4000 Hz"),
    ],
)
def test_impossible_spectrograms(arguments, message):
    with pytest.raises(ValueError, match=message):
        LogMelSpectrogram(*arguments)


def test_spec_augment_hides_one_stretch_of_each_and_only_in_training():
    layer, x = SpecAugment(0.5, 0.25, seed=1), np.ones((200, 20, 16), np.float32)
    np.testing.assert_array_equal(layer(x, training=False), x)
    found = np.asarray(layer(x, training=True))
    frames, bands = found.any(axis=2), found.any(axis=1)
    np.testing.assert_array_equal(found, x * frames[:, :, None] * bands[:, None])
    for kept, most in ((frames, 10), (bands, 4)):
        hidden = (~kept).sum(axis=1)
        assert hidden.max() == most and hidden.min() == 0 and len(np.unique(hidden)) == most + 1
        assert (np.abs(np.diff(kept.astype(int), axis=1)).sum(axis=1) <= 2).all(), "one stretch"
    with pytest.raises(ValueError, match="time: expected a share"):
        SpecAugment(1.5)


def test_masked_mean():
    tokens = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
    found = MaskedMean()(tokens, np.array([[True, True, False], [False] * 3]))
    np.testing.assert_allclose(found, [[1.0, 2.0], [0.0, 0.0]])


@pytest.mark.parametrize("size", ["nano", "small", "base"])
def test_branch(size):
    inputs = keras.Input((2500,))
    features = audio_branch(inputs, AUDIO, size=size, width=12, tokens=True, name="horn")
    model = keras.Model(inputs, features._asdict())
    assert all(layer.name.startswith("horn_") for layer in model.layers[1:] if not layer.name.startswith(OPERATIONS))
    sound = np.pad(tone(440), (0, 500))
    one, two, three = (
        {name: np.asarray(value) for name, value in model(np.stack([s, sound])).items()}
        for s in (sound, sound * 0.5, np.zeros(2500, np.float32))
    )
    assert one["vector"].shape == (2, 12) and one["tokens"].shape == (2, 4, 12)
    assert one["mask"][0].tolist() == [True, True, True, False] and not three["mask"][0].any()
    assert one["present"].all() and three["present"].tolist() == [[False], [True]]
    assert all(np.isfinite(value).all() for value in three.values())
    with pytest.raises(ValueError, match="size: expected one of"):
        audio_branch(inputs, 8000, size="huge")


# Keras' own operations, which take no name.
OPERATIONS = ("get_item", "logical_and")


def test_values_that_are_no_sound():
    AUDIO.check(np.array([[-1.0, 1.0]], np.float32), "audio")
    for bad in (1.5, np.nan, -np.inf):
        with pytest.raises(ValueError, match=r"audio: expected samples in -1..1, got .* at \[0, 1\]"):
            AUDIO.check(np.array([[0.0, bad]], np.float32), "audio")


# A model -------------------------------------------------------------------------------------------------------------


def build():
    inputs = keras_inputs(SCHEMA)
    features = {
        "audio": audio_branch(inputs["audio"], AUDIO, size="nano", width=16, seed=0),
        "weather": sensor_branch(inputs["weather"], SCHEMA["weather"], width=16, units=8, name="weather"),
    }
    outputs = fuse(features, SCHEMA, "attention", seed=0)
    return schema_model(inputs, outputs, SCHEMA, name="siren")


def siren(rng, high):
    """A tone in noise, of any loudness, length and phase."""
    sound = tone(rng.uniform(1300, 1900) if high else rng.uniform(400, 800), phase=rng.uniform(0, 6), amplitude=1.0)
    sound = 10 ** rng.uniform(-1.5, -0.3) * (sound + 0.2 * rng.standard_normal(2000))
    sound[rng.integers(700, 2001) :] = 0.0
    return np.clip(sound, -1, 1).astype(np.float32)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 480).astype(np.int32)
    weather = np.where(rng.uniform(size=(480, 2)) < 0.2, np.nan, rng.uniform([-10, 0], [30, 90], (480, 2)))
    inputs = {"audio": np.stack([siren(rng, label) for label in labels]), "weather": weather.astype(np.float32)}
    return inputs, {"siren": labels}


def part(data, rows):
    return tuple({name: array[rows] for name, array in arrays.items()} for arrays in data)


@pytest.fixture(scope="module")
def model(data):
    keras.utils.set_random_seed(0)
    model = build()
    model.compile(keras.optimizers.Adam(0.01), {"siren": "sparse_categorical_crossentropy"})
    model.fit(*part(data, slice(0, 320)), epochs=6, batch_size=32, verbose=0)
    return model


@pytest.fixture(scope="module")
def bundle(model, data, on_jax, tmp_path_factory):
    return mmzoo.export(model, tmp_path_factory.mktemp("audio") / "bundle", samples=[part(data, slice(320, 480))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Sounds of several kinds and rates, and a table of them."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "in").mkdir()
    soundfile.write(folder / "in" / "high.wav", tone(1600, 44_100, 0.4), 44_100)
    soundfile.write(folder / "low ton.flac", np.stack([tone(600, 16_000, 0.2)] * 2, axis=1), 16_000)
    soundfile.write(folder / "high.ogg", tone(1500, 8000, 0.3), 8000)
    rows = [
        ["file", "audio", "weather_temperature", "wind", "siren"],
        ["1", "in/high.wav", "20", "", "high"],
        ["2", "low ton.flac", "", "12.5", "low"],
        ["3", "", "3", "4", "low"],
        ["4", "high.ogg", "", "", "high"],
    ]
    with (folder / "table.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return folder


def test_it_learns_to_tell_tones_apart(model, data):
    inputs, targets = part(data, slice(320, 480))
    found = run(model, inputs)["siren"]
    assert (found.argmax(axis=1) == targets["siren"]).mean() > 0.95
    deaf = run(model, {**inputs, "audio": np.zeros_like(inputs["audio"])})["siren"]
    assert (deaf.argmax(axis=1) == targets["siren"]).mean() < 0.7, "the weather knows nothing of it"


def test_the_bundle_is_proven_equal_and_of_builtin_operators(bundle):
    assert set(bundle.parity["files"]) == {"model.keras", "saved_model", *(f"model_{name}.tflite" for name in LITERT)}
    for file, figures in bundle.parity["files"].items():
        if file.endswith(".tflite"):
            assert check_builtin(bundle.path / file) > 0 and b"Flex" not in (bundle.path / file).read_bytes()
        real = figures["sets"]["real"]["siren"]
        assert real["argmax_agreement"] >= 0.98
        if "int8" not in file:
            assert max(s["siren"]["max_difference"] for s in figures["sets"].values()) <= FLOAT_BOUND
        else:
            assert real["mean_difference"] < 0.02
    golden = json.loads((bundle.path / "golden.json").read_text())
    assert all("audio" not in {**sample["raw"], **sample["inputs"]} for sample in golden["samples"])
    assert np.load(bundle.path / "golden.npz")["input_audio"][1].any()
    card = (bundle.path / "CARD.md").read_text()
    assert "samples -1..1 of the first 0.25 s, the mean of its channels, at 8,000 Hz" in card


@pytest.mark.parametrize("variant", LITERT)
def test_the_device_hears_what_keras_hears(bundle, model, folder, variant):
    device = edge.load(bundle.path, variant=variant)
    raws = [
        {"audio": folder / "in" / "high.wav"},
        {"audio": str(folder / "low ton.flac"), "weather": {"wind": 12.5}},
        {"audio": (folder / "high.ogg").read_bytes()},
        {"audio": (tone(600, 22_050), 22_050)},
        {"weather": {"temperature": 3}},
        {},
    ]
    raws += raw_samples(SCHEMA)
    expected = run(model, SCHEMA.encode_batch(raws))
    found = [device.run(SCHEMA.encode(raw)) for raw in raws]
    found = {"siren": np.stack([row["siren"] for row in found])}
    assert_sound(SCHEMA, found, 1e-3)
    if variant == "float32":
        assert_same(SCHEMA, expected, found, FLOAT_BOUND)
    assert np.abs(found["siren"] - expected["siren"]).max(axis=1).mean() < INT8_MEAN_BOUND
    answers = [next(iter(device.predict(**raw)["siren"])) for raw in raws[:4]]
    assert answers == ["high", "low", "high", "low"]


def test_every_subset_of_missing_inputs(model, data):
    inputs = part(data, slice(0, 1))[0]
    found = []
    for hidden in subsets_of_inputs(SCHEMA):
        outputs = run(model, {n: SCHEMA.missing()[n][None] if n in hidden else a for n, a in inputs.items()})
        assert_sound(SCHEMA, outputs)
        found.append(outputs["siren"][0, 0])
    assert len(np.unique(np.round(found, 6))) == 4


def test_the_saved_model_takes_the_bytes_of_wav_files(bundle, model):
    loaded = tf.saved_model.load(str(bundle.path / "saved_model"))
    serve = loaded.signatures["serve"]
    raws = raw_samples(SCHEMA)
    expected = run(model, SCHEMA.encode_batch(raws))
    assert_same(SCHEMA, expected, {"siren": serve(**raw_tensors(SCHEMA, raws))["siren"].numpy()}, FLOAT_BOUND)
    contents = [wav(tone(1600, 44_100), 44_100), wav(np.stack([tone(600, 11_025)] * 2, axis=1), 11_025), b""]
    nothing = tf.constant([np.nan] * 3)
    found = serve(audio=tf.constant(contents), weather_temperature=nothing, weather_wind=nothing)["siren"].numpy()
    expected = run(model, SCHEMA.encode_batch([{"audio": content} for content in contents]))["siren"]
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert found[:2].argmax(axis=1).tolist() == [1, 0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="audio: not a sound that TensorFlow reads"):
        serve(audio=tf.constant([b"x"]), weather_temperature=nothing[:1], weather_wind=nothing[:1])


def test_command_line(bundle, folder, capsys):
    command = [str(bundle.path), "--json", "--top", "1"]
    assert edge_main([*command, "--audio", str(folder / "in" / "high.wav"), "--set", "weather.wind=3"]) == 0
    assert list(json.loads(capsys.readouterr().out)["siren"]) == ["high"]
    assert edge_main([*command, "--set", f"audio={folder / 'low ton.flac'}"]) == 0
    assert list(json.loads(capsys.readouterr().out)["siren"]) == ["low"]
    assert edge_main([*command, "--audio", str(folder / "table.csv")]) == 1
    assert "audio: " in (error := capsys.readouterr().err) and "table.csv: not a sound" in error
    assert edge_main([*command, "--image", "x.png"]) == 1
    assert "the model's image inputs are []" in capsys.readouterr().err


def test_a_table_on_the_device(bundle, folder, tmp_path):
    assert edge.predict_csv(edge.load(bundle.path), folder / "table.csv", tmp_path / "out.csv") == 4
    with (tmp_path / "out.csv").open(encoding="utf-8") as file:
        found = [row["predicted_siren"] for row in csv.DictReader(file)]
    assert [found[0], found[1], found[3]] == ["high", "low", "high"]
    (tmp_path / "bad.csv").write_text("audio\ngone.wav\n")
    with pytest.raises(FileNotFoundError, match="bad.csv, row 2, column 'audio': .*gone.wav: no such file"):
        edge.predict_csv(edge.load(bundle.path), tmp_path / "bad.csv", tmp_path / "out2.csv")


@pytest.mark.parametrize("cache", [False, True, "file"])
def test_a_table_to_train_on(folder, tmp_path, cache):
    cache = str(tmp_path / "cache") if cache == "file" else cache
    batches = list(manifest_dataset(folder / "table.csv", SCHEMA, batch_size=3, cache=cache))
    assert batches[0][0]["audio"].shape == (3, 2000) and batches[0][0]["audio"].dtype == tf.float32
    raws = [{"audio": folder / name} if name else {} for name in ("in/high.wav", "low ton.flac", "", "high.ogg")]
    audio = np.concatenate([batch[0]["audio"] for batch in batches])
    np.testing.assert_array_equal(audio, SCHEMA.encode_batch(raws)["audio"])
    assert np.concatenate([batch[1]["siren"] for batch in batches]).tolist() == [1, 0, 0, 1]


def test_broken_sounds_in_a_table(folder):
    (folder / "broken.wav").write_bytes((folder / "in" / "high.wav").read_bytes()[:9000])
    frame = pd.DataFrame({"audio": ["high.ogg", "broken.wav"], "siren": ["high", "low"]}, index=["a", "b"])
    columns = {"weather": None}
    dataset = manifest_dataset(frame, SCHEMA, root=folder, columns=columns)
    with pytest.raises(tf.errors.InvalidArgumentError, match="DataFrame, row b, audio: .*broken.wav: cut off"):
        list(dataset)
    manifest = read_manifest(frame, SCHEMA, root=folder, columns=columns)
    batches = list(manifest_dataset(manifest, on_error="skip"))
    assert len(batches[0][0]["audio"]) == 1 and [problem.row for problem in manifest.skipped] == ["b"]
    with pytest.raises(FileNotFoundError, match="row b, column 'audio': no such file: .*gone.wav"):
        read_manifest(frame.replace("broken.wav", "gone.wav"), SCHEMA, root=folder, columns=columns)


def test_the_report_shows_curves(model, data, tmp_path):
    evaluate(model, part(data, slice(320, 360)), out=tmp_path, missing_inputs=False)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") >= 3, "the confusion matrix and a sound of each class"


JAX = """
import sys
import mmzoo, numpy as np, keras
from mmzoo.layers import SpecAugment
assert keras.backend.backend() == "jax"
folder = sys.argv[1]
model = mmzoo.load_model(folder + "/model.keras")
np.save(folder + "/siren.npy", model.predict_on_batch(dict(np.load(folder + "/inputs.npz")))["siren"])
np.save(folder + "/hidden.npy", SpecAugment(seed=0)(np.ones((50, 10, 10)), training=True))
"""


@pytest.fixture(scope="module")
def on_jax(model, data, elsewhere, tmp_path_factory):
    """A folder, and the job of the process on JAX, which runs alongside the export."""
    folder = tmp_path_factory.mktemp("jax")
    inputs = part(data, slice(0, 16))[0]
    inputs["audio"] = np.where(np.arange(16)[:, None] < 3, np.float32(0), inputs["audio"])
    model.save(folder / "model.keras")
    np.savez(folder / "inputs.npz", **inputs)
    return folder, elsewhere["jax"].begin(JAX, folder)


def test_jax_gives_the_same(model, on_jax):
    folder, job = on_jax
    job.finish()
    found, expected = np.load(folder / "siren.npy"), run(model, dict(np.load(folder / "inputs.npz")))["siren"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert 0 < (np.load(folder / "hidden.npy") == 0).mean() < 0.5
