"""The speech embedding's front end and network: against NumPy, one pass against single steps, and as a LiteRT file."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mmzoo.exporting.litert import LiteRTModel, write_litert
from mmzoo.layers import MaskedMean, SpeechMel, SpeechNetwork
from mmzoo.layers.speech_embedding import SEEN, STEP
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.models.schema_model import keras_inputs, load_model, schema_model
from mmzoo.pretrained import ENCODERS
from mmzoo.pretrained.golden import made_sound
from mmzoo.pretrained.speech_embedding import LAYOUT
from mmzoo.schema import Audio, Label, Schema

RNG = np.random.default_rng(0)
# Triangles over the bins, as mel bands are.
BANDS = np.maximum(0, 1 - np.abs(np.arange(257)[:, None] - np.arange(6, 256, 8)[None, :32]) / 8).astype(np.float32)
SOUND = made_sound()


def numpy_mel(sound):
    count = SpeechMel.frames(len(sound))
    padded = np.pad(sound.astype(np.float64) * 32_767, (0, (count - 1) * 160 + 512 - len(sound)))
    hann = np.pad(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400), (56, 56))
    frames = np.stack([padded[160 * i : 160 * i + 512] * hann for i in range(count)])
    decibels = 10 * np.log10(np.maximum(np.abs(np.fft.rfft(frames)) ** 2 @ BANDS, 1e-10))
    return np.maximum(decibels, decibels.max() - 80) / 10 + 2


def test_the_front_end_is_that_of_numpy_and_knows_where_a_sound_ends():
    half = SOUND.copy()
    half[8_000:] = 0
    bands, mask, present = (np.asarray(x) for x in SpeechMel(BANDS)(np.stack([SOUND, half, np.zeros_like(SOUND)])))
    for row in range(2):
        np.testing.assert_allclose(bands[row], numpy_mel((SOUND, half)[row]), atol=2e-4)
    assert mask.shape == (3, (bands.shape[1] - SEEN) // STEP + 1) and np.isfinite(bands).all()
    assert mask[0].all() and mask[1, 0] and not mask[1, 1:].any() and not mask[2].any()
    assert present[:, 0].tolist() == [True, True, False]


def test_one_pass_gives_what_single_steps_give():
    keras.utils.set_random_seed(0)
    network = SpeechNetwork(LAYOUT)
    bands = RNG.normal(4, 2, (1, SEEN + 3 * STEP, 32)).astype(np.float32)
    whole = np.asarray(network(bands))[0]
    assert whole.shape == (4, 96) and not network.trainable_variables and network.count_params() == 328_224
    for step in range(4):
        single = network(bands[:, STEP * step : STEP * step + SEEN])
        np.testing.assert_allclose(np.asarray(single)[0, 0], whole[step], atol=1e-4)
    with pytest.raises(ValueError, match=r"finetune: expected one of \['frozen', 'full'\] for a sound, got 'lora'"):
        SpeechNetwork(LAYOUT, "lora")


def test_it_becomes_a_litert_file_and_a_keras_file(tmp_path):
    keras.utils.set_random_seed(0)
    schema = Schema("speech", {"sound": Audio(len(SOUND), 16_000)}, {"word": Label(("a", "b"))})
    inputs = keras_inputs(schema)
    bands, mask, _ = SpeechMel(BANDS, name="mel")(inputs["sound"])
    pooled = MaskedMean(name="pool")(SpeechNetwork(LAYOUT, name="network")(bands), mask)
    outputs = {"word": keras.layers.Dense(2, activation="softmax", name="head")(pooled)}
    model = schema_model(inputs, outputs, schema, "speech")
    sounds = np.stack([SOUND, np.zeros_like(SOUND), RNG.uniform(-1, 1, len(SOUND)).astype(np.float32)])
    expected = np.asarray(model({"sound": sounds})["word"])
    write_litert(model, tmp_path / "model.tflite")
    np.testing.assert_allclose(
        LiteRTModel(tmp_path / "model.tflite", schema)({"sound": sounds})["word"], expected, atol=1e-4
    )
    model.save(tmp_path / "model.keras")
    again = load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(np.asarray(again({"sound": sounds})["word"]), expected, atol=1e-6)


@pytest.mark.skipif(not ENCODERS["speech_embedding"].is_here, reason=ENCODERS["speech_embedding"].install)
def test_a_model_hears_by_name_and_the_rate_is_checked():
    schema = Schema("speech", {"sound": Audio(8_000, 8_000)}, {"word": Label(("a", "b"))})
    with pytest.raises(ValueError, match="input 'sound'.*hears 16,000 samples a second, the input has 8,000"):
        build_multimodal_model(schema, audio="speech_embedding")
    model = build_multimodal_model(schema.with_inputs(sound=Audio(len(SOUND), 16_000)), audio="speech_embedding")
    outputs = np.asarray(model({"sound": np.stack([SOUND, np.zeros_like(SOUND)])})["word"])
    assert np.isfinite(outputs).all() and not model.get_layer("sound_backbone").trainable_variables
