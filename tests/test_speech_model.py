"""The speech model: streams that give what the whole gives, its data sets, what augmentation does, bad rows."""

from __future__ import annotations

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from zoo_harness import run, stir, wav

from mmzoo import edge
from mmzoo.bundles import write_checksums
from mmzoo.data.samples.samples import Samples
from mmzoo.data.sets import an4_mfcc, spoken
from mmzoo.data.sound_augmentation import SoundAugmentation
from mmzoo.exporting.litert import write_litert
from mmzoo.exporting.parity import FLOAT_BOUND
from mmzoo.exporting.static_int8 import why_not_int8
from mmzoo.exporting.unrolled import exportable
from mmzoo.layers import LogMelSpectrogram, RunningLogMel, SpectrumOfCepstra
from mmzoo.layers.log_mel_spectrogram import LIMIT
from mmzoo.layers.running_log_mel import DEVIATION, FORGETTING, FRAMES, LEVEL
from mmzoo.models.schemas.speech import speech_schema
from mmzoo.models.speech import build_speech_model
from mmzoo.recipes.zoo import speech as recipe
from mmzoo.schema import Schema, State, Transcript, Value

RATE, SECONDS = 4_000, 3
SETTINGS = {"size": "nano", "sample_rate": RATE, "alphabet": "abc", "variant": "streaming"}
SCHEMA = speech_schema(hears="sound", alphabet="abcdefgh ", seconds=1.0, sample_rate=RATE, states={})


def made_sound(seconds=SECONDS, seed=0):
    """A tone that rises and falls, with pauses and noise."""
    rng, t = np.random.default_rng(seed), np.arange(seconds * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * (200 + 150 * t) * t) * (np.sin(5 * t) > -0.3)
    return (tone + 0.003 * rng.standard_normal(len(t))).astype(np.float32)


# Streams -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole():
    """The streaming model of a sound as long as can be: what pieces must give."""
    keras.utils.set_random_seed(0)
    model = stir(build_speech_model(**SETTINGS, seconds=SECONDS, seed=0), scale=0.4)
    # Else the blank or one letter is said throughout.
    rows = run(model, _inputs(model, made_sound()))["text"][0]
    head = model.get_layer("head_text")
    kernel, bias = head.get_weights()
    head.set_weights([kernel * 6, bias - 6 * np.log(rows + 1e-6).mean(axis=0)])
    return model


@pytest.fixture(scope="module")
def second(whole):
    """The same weights, fed a second at a time."""
    model = build_speech_model(**SETTINGS, seconds=1.0, seed=1)
    model.set_weights(whole.get_weights())
    return model


def _inputs(model, sound):
    kinds = model.schema.inputs
    return {name: sound[None] if name == "sound" else kind.missing()[None] for name, kind in kinds.items()}


def test_fed_second_by_second_it_gives_what_it_gives_for_the_whole(whole, second):
    expected = run(whole, _inputs(whole, made_sound()))
    inputs, pieces = _inputs(second, made_sound()[:RATE]), []
    for piece in np.split(made_sound(), SECONDS):
        outputs = run(second, {**inputs, "sound": piece[None]})
        pieces.append(outputs.pop("text"))
        inputs = {**inputs, **outputs}
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), expected["text"], atol=FLOAT_BOUND)
    for name, state in inputs.items():
        if name != "sound":
            scale = max(1.0, np.abs(expected[name]).max())
            np.testing.assert_allclose(state / scale, expected[name] / scale, atol=FLOAT_BOUND, err_msg=name)
    # What is yet to come has no say in what was said.
    changed = made_sound()
    changed[2 * RATE :] = 0
    rows = run(whole, _inputs(whole, changed))["text"]
    np.testing.assert_allclose(rows[:, :50], expected["text"][:, :50], atol=1e-6)
    assert np.abs(rows[:, 50:] - expected["text"][:, 50:]).max() > 0.01


def test_the_device_hears_a_stream_as_keras_hears_the_whole(whole, second, tmp_path):
    second.schema.save(tmp_path / "schema.json")
    write_litert(exportable(second), tmp_path / "model_float32.tflite")
    write_checksums(tmp_path)
    assert b"Flex" not in (tmp_path / "model_float32.tflite").read_bytes()
    expected = run(whole, _inputs(whole, made_sound()))["text"][0]
    text = whole.schema["text"].decode(expected)
    device = edge.load(tmp_path)
    stream = device.stream()
    said = [stream.predict(sound=piece)["text"] for piece in np.split(made_sound(), SECONDS)]
    assert "".join(said) == text and len(set(text)) > 1 and all(said)
    # Gone on from what was kept, the stream says the same.
    stream.reset()
    assert stream.predict(sound=made_sound()[:RATE])["text"] == said[0]
    again = device.stream(stream.state)
    assert [again.predict(sound=piece)["text"] for piece in np.split(made_sound(), SECONDS)[1:]] == said[1:]
    # A call by itself begins anew.
    assert device.predict(sound=made_sound()[:RATE])["text"] == said[0]


def test_a_letter_that_is_held_into_the_next_call_is_said_once():
    kind = Transcript(("a", "b"), 4)
    rows = np.eye(3, dtype=np.float32)
    first, second, third = rows[[0, 1, 0, 1]], rows[[1, 1, 2, 2]], rows[[2, 0, 2, 0]]
    said, before = [], None
    for row in (first, second, third):
        said.append(kind.decode_on(row, before))
        before = kind.ending(row)
    assert said == ["aa", "b", "b"] and kind.decode(np.concatenate([first, second, third])) == "aabb"
    assert kind.decode(second) == "ab" and int(before) == 0
    assert kind.continues and not Value().continues


def test_weights_fit_a_model_of_another_length_head_and_all(whole, tmp_path):
    whole.save(tmp_path / "whole.keras")
    model = build_speech_model(**SETTINGS, seconds=0.4, weights=tmp_path / "whole.keras", seed=5)
    for new, old in zip(model.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
    other = build_speech_model(**{**SETTINGS, "alphabet": "abd"}, seconds=0.4, weights=tmp_path / "whole.keras", seed=5)
    assert np.abs(other.get_layer("head_text").get_weights()[0] - whole.get_layer("head_text").get_weights()[0]).max()


def test_the_running_level_is_that_of_a_loop():
    layer, sound = RunningLogMel(RATE, 20), made_sound(1)
    x, before, level = (np.asarray(v) for v in layer(sound[None], np.zeros((1, 60)), np.zeros((1, 3))))
    assert x.shape == (1, 100, 20) and np.array_equal(before[0], sound[-60:])
    frames = np.asarray(layer._log_mel(layer._framed(np.pad(sound, (60, 0))[None])))[0].astype(np.float64)
    sums, left = np.zeros(3), np.exp(-1 / FORGETTING)
    for number, frame in enumerate(frames):
        sums = sums * left + [1, frame.mean(), np.square(frame).mean()]
        count = sums[0] + FRAMES
        mean = (sums[1] + FRAMES * LEVEL) / count
        deviation = np.sqrt((sums[2] + FRAMES * (LEVEL**2 + DEVIATION**2)) / count - mean**2)
        expected = np.clip((frame - mean) / (deviation + 0.5), -LIMIT, LIMIT)
        np.testing.assert_allclose(x[0, number], expected, atol=1e-4)
    np.testing.assert_allclose(level[0], sums, rtol=1e-5)
    with pytest.raises(ValueError, match=r"a whole number of 40 samples \(10 ms\), got one of 4001"):
        layer.compute_output_spec(*(keras.KerasTensor((None, n)) for n in (4_001, 60, 3)))


# The whole -----------------------------------------------------------------------------------------------------------


def test_silence_says_nothing_and_coefficients_are_padded_in_front():
    model = stir(build_speech_model(size="nano", seconds=0.4, seed=0), scale=0.5)
    rows = run(model, {"sound": np.zeros((1, 3_200), np.float32)})["text"]
    assert model.schema["text"].decode(rows[0]) == ""
    short = np.zeros((1, 3_200), np.float32)
    short[0, :3] = 0.1
    assert np.isfinite(run(model, {"sound": short})["text"]).all()
    model = stir(build_speech_model(size="nano", hears="coefficients", seconds=0.4, seed=0), scale=0.5)
    rows = run(model, {"coefficients": np.full((1, 40, 13), np.nan, np.float32)})["text"]
    assert model.schema["text"].decode(rows[0]) == ""
    rows = np.random.default_rng(0).normal(size=(30, 13))
    bands, mask, present = SpectrumOfCepstra(20)(model.schema["coefficients"].encode(rows, "")[None])
    bands, mask = np.asarray(bands), np.asarray(mask)
    assert mask[0].sum() == 30 and mask[0, 10:].all() and not bands[0, :10].any() and np.asarray(present).all()
    # Whose voice and microphone it is stands in the means, which are taken away.
    louder = model.schema["coefficients"].encode(rows + np.arange(13) / 10, "")[None]
    np.testing.assert_allclose(np.asarray(SpectrumOfCepstra(20)(louder)[0]), bands, atol=1e-5)


def test_log_mel_bands_of_both_front_ends_are_the_same_but_for_the_level():
    sound = made_sound(1)
    whole = np.asarray(LogMelSpectrogram(RATE, 20)(sound[None])[0])[0, 20:90]
    running = np.asarray(RunningLogMel(RATE, 20)(sound[None], np.zeros((1, 60)), np.zeros((1, 3)))[0])[0]
    # A frame of the stream ends where one of the whole does 15 ms later.
    correlations = [np.corrcoef(whole.ravel(), running[20 + k : 90 + k].ravel())[0, 1] for k in range(3)]
    assert max(correlations) > 0.9


def test_what_the_builder_refuses():
    for settings, message in (
        ({"size": "huge"}, "size: expected one of"),
        ({"variant": "fast"}, "variant: expected one of"),
        ({"hears": "noise"}, "hears: expected 'sound' or 'coefficients'"),
        ({"seconds": 1.01}, "seconds: expected a multiple of 0.04"),
        ({"sample_rate": 11_025}, "sample_rate: expected a multiple of 200 Hz"),
        ({"variant": "streaming", "hears": "coefficients"}, "'streaming' hears a sound"),
    ):
        with pytest.raises(ValueError, match=message):
            build_speech_model(**settings)


def test_long_texts_get_no_static_int8_and_states_no_meaning():
    schema = speech_schema(hears="sound", alphabet="ab", seconds=4.0, sample_rate=RATE, states={"m": (3,)})
    assert "output 'text' has 100 steps, and static int8 unrolls at most 64" in why_not_int8(schema, True)
    assert why_not_int8(SCHEMA, True) is None and Schema.from_json(schema.to_json()) == schema
    assert (
        schema["text"].meaning()
        == speech_schema(hears="sound", alphabet="ab", seconds=1.0, sample_rate=RATE, states={})["text"].meaning()
    )
    assert State((3,)).meaning() != State((4,)).meaning()


# Augmentation --------------------------------------------------------------------------------------------------------


def test_sounds_change_and_missing_ones_do_not():
    sounds = np.zeros((64, RATE), np.float32)
    sounds[:60, :1_500] = made_sound(1)[:1_500]
    targets = {"text": np.full((64, 25), 3, np.int32)}
    policy = SoundAugmentation(silence=0.3)
    seed = tf.constant([3, 4])
    inputs, changed = policy({"sound": tf.constant(sounds)}, {k: tf.constant(v) for k, v in targets.items()}, seed)
    found, texts = inputs["sound"].numpy(), changed["text"].numpy()
    again, _ = policy({"sound": tf.constant(sounds)}, targets, seed)
    np.testing.assert_array_equal(again["sound"], found)
    assert np.abs(found).max() <= 1 and not found[60:].any() and (found[:60] != sounds[:60]).any(axis=1).all()
    silent = (texts == 0).all(axis=1)
    assert 8 < silent.sum() < 30 and not silent[60:].any() and (texts[~silent] == 3).all()
    # The noise alone is quieter than what was said.
    assert np.abs(found[:60][silent[:60]]).std() < np.abs(found[:60][~silent[:60]]).std()
    ends = RATE - np.argmax(found[:60, ::-1] != 0, axis=1)
    assert ends.min() >= 1_500 / 1.15 - 2 and ends.max() <= RATE and len(np.unique(ends)) > 20
    still, _ = SoundAugmentation(0, 0, 0, None)({"sound": tf.constant(sounds)}, targets, seed)
    np.testing.assert_allclose(still["sound"], sounds, atol=1e-6)


def test_coefficients_are_stretched_from_their_end():
    rows = np.full((8, 60, 13), np.nan, np.float32)
    rows[:7, 20:] = np.linspace(0, 1, 40)[:, None]
    changed, _ = SoundAugmentation(noise=None, speed=0.3)({"coefficients": tf.constant(rows)}, {}, tf.constant([1, 2]))
    found = changed["coefficients"].numpy()
    counts = (~np.isnan(found).any(axis=2)).sum(axis=1)
    assert np.isnan(found[7]).all() and len(set(counts[:7].tolist())) > 3 and counts.max() <= 60
    for row, count in zip(found[:7], counts[:7], strict=True):
        assert row[-1] == pytest.approx(1.0) and np.isnan(row[:-count]).all() and row[-count, 0] < 0.05


# Data ----------------------------------------------------------------------------------------------------------------


def _folder(path, rows):
    path.mkdir()
    for number, row in enumerate(rows):
        row["path"] = f"{number}.wav"
        (path / row["path"]).write_bytes(wav(made_sound(2)[: int(row.pop("samples", 3_000))], RATE))
    pd.DataFrame(rows).to_csv(path / "metadata.csv", index=False)
    return path


def test_digits_are_split_by_recording_or_by_speaker(tmp_path):
    who = [("george", 4), ("george", 9), ("george", 10), ("theo", 12), ("theo", 5), ("theo", 30)]
    folder = _folder(tmp_path / "fsdd", [{"text": "abc", "speaker": name, "index": i} for name, i in who])

    def names(split, **options):
        return spoken.load_fsdd(folder, split, schema=SCHEMA, **options).ids

    assert names("validation") == ["0.wav", "1.wav", "4.wav"] and names("train") == ["2.wav", "3.wav", "5.wav"]
    assert names("validation", speaker="theo") == ["3.wav", "4.wav", "5.wav"] == names("all")[3:]
    by_speaker = spoken.load_fsdd_speakers(folder, "train", schema=SCHEMA, fold=4)
    assert by_speaker.ids == names("train", speaker="theo") and set(by_speaker.groups) == {"george"}
    assert names("all", limit=2) == ["0.wav", "3.wav"]
    with pytest.raises(ValueError, match=r"no row of speaker 'ann'; there are \['george', 'theo'\]"):
        names("train", speaker="ann")


def test_people_are_on_one_side_and_unsure_texts_are_not_trained_on(tmp_path):
    rows = [{"text": "a b", "speaker": f"s{i % 12}", "text_score": 0.2 if i == 3 else 0.9} for i in range(36)]
    folder = _folder(tmp_path / "coffee", rows)
    parts = [
        [spoken.load_coffee_intents(folder, split, schema=SCHEMA, fold=fold) for split in ("train", "validation")]
        for fold in range(5)
        if any(spoken.hashed_part(f"coffee_intents/s{i}", 5) == fold for i in range(12))
    ]
    held_out = [name for _, validation in parts for name in validation.ids]
    assert sorted(held_out) == sorted(f"{i}.wav" for i in range(36))
    for train, validation in parts:
        assert not set(train.groups) & set(validation.groups) and "3.wav" not in train.ids
        assert "3.wav" in validation.ids or "1 whose text the machine was not sure of not trained on" in train.note
    # What is kept apart is not split, and need not say who speaks.
    pd.DataFrame(rows)[["path", "text"]].to_csv(folder / "metadata.csv", index=False)
    assert len(spoken.load_coffee_intents(folder, "all", schema=SCHEMA)) == 36
    with pytest.raises(ValueError, match="no column 'speaker'"):
        spoken.load_coffee_intents(folder, "train", schema=SCHEMA)


def test_what_cannot_be_learnt_is_named_and_rows_to_judge_stay(tmp_path):
    rows = [
        {"text": "abc", "speaker": "x", "index": 20},
        {"text": "Xab1", "speaker": "x", "index": 20},
        {"text": "abcdefgh", "speaker": "x", "index": 20, "samples": 400},
        {"text": "abcdefgh" * 4, "speaker": "x", "index": 20},
        {"text": "bad", "speaker": "x", "index": 20, "samples": 2 * RATE},
        {"text": "h", "speaker": "x", "index": 20, "samples": 1},
    ]
    folder = _folder(tmp_path / "bad", rows)
    train = spoken.load_fsdd(folder, "train", schema=SCHEMA)
    assert train.ids == ["0.wav", "5.wav"] and train.note == (
        "sounds and texts real, nothing simulated; left out: 1 with letters outside the alphabet (x1): row 3; "
        "1 with a text that needs more than the model's 25 steps: row 5; 2 with a text longer than can be said in the "
        "sound: rows 4, 5; 1 with more than the 1 s that are heard: row 6"
    )
    every = spoken.load_fsdd(folder, "all", schema=SCHEMA)
    assert every.ids == ["0.wav", "2.wav", "4.wav", "5.wav"]
    assert "taken as they are: 1 with a text longer than can be said in the sound: row 4" in every.note
    table = pd.read_csv(folder / "metadata.csv")
    table.assign(text="").to_csv(folder / "metadata.csv", index=False)
    with pytest.raises(ValueError, match=r"metadata\.csv: row 2: the text is empty"):
        spoken.load_fsdd(folder, "all", schema=SCHEMA)
    table.assign(text="xyz").to_csv(folder / "metadata.csv", index=False)
    with pytest.raises(ValueError, match=r"none of 6 texts can be learnt or judged: 6 with letters outside"):
        spoken.load_fsdd(folder, "all", schema=SCHEMA)
    other = speech_schema(hears="coefficients", alphabet="abc", seconds=1.0, sample_rate=RATE, states={})
    with pytest.raises(ValueError, match=r"holds sound with a text; the model takes \['coefficients'\]"):
        spoken.load_fsdd(folder, "all", schema=other)


def test_coefficients_come_by_name(tmp_path):
    schema = speech_schema(hears="coefficients", alphabet="abc", seconds=0.4, sample_rate=RATE, states={})
    arrays = {f"u{i}": np.full((20 + i, 13), i, np.float16) for i in range(3)}
    np.savez(tmp_path / "features.npz", **arrays)
    pd.DataFrame({"utt_id": list(arrays), "text": "ABC"}).to_csv(tmp_path / "metadata.csv", index=False)
    samples = an4_mfcc.load_an4_mfcc(tmp_path, "all", schema=schema)
    assert (
        np.isnan(samples.inputs["coefficients"][1, :19]).all() and (samples.inputs["coefficients"][1, 19:] == 1).all()
    )
    assert schema["text"].text_of(samples.targets["text"][0]) == "abc" and samples.groups is None
    pd.DataFrame({"utt_id": ["u0", "u9"], "text": "a"}).to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(ValueError, match=r"metadata\.csv: row 3: features\.npz has nothing of 'u9'"):
        an4_mfcc.load_an4_mfcc(tmp_path, "all", schema=schema)
    np.savez(tmp_path / "features.npz", u0=np.zeros((5, 12)), u9=np.zeros((5, 12)))
    with pytest.raises(ValueError, match=r"'u0': expected numbers \(frames, 13\), got float64 \(5, 12\)"):
        an4_mfcc.load_an4_mfcc(tmp_path, "all", schema=schema)
    (tmp_path / "features.npz").write_bytes(b"PK\3\4 no more")
    with pytest.raises(ValueError, match="not a file of arrays"):
        an4_mfcc.load_an4_mfcc(tmp_path, "all", schema=schema)


def test_a_sceptic_knows_tones_apart_without_time():
    t = np.arange(RATE) / RATE
    sounds = np.stack([np.sin(2 * np.pi * (300 + 900 * (i % 2)) * t) * (0.2 + 0.01 * i) for i in range(12)])
    targets = np.stack([SCHEMA["text"].encode_target("ab"[i % 2], "") for i in range(12)])
    samples = Samples({"sound": sounds.astype(np.float32)}, {"text": targets}, "", ids=[str(i) for i in range(12)])
    train, measured = samples.take(np.arange(8)), samples.take(np.arange(8, 12))
    for baseline in (recipe.nearest_sound, recipe.logistic_regression):
        found = baseline(train, measured, SCHEMA)["text"]
        assert [SCHEMA["text"].decode(row) for row in found] == ["a", "b", "a", "b"]
    assert recipe.logistic_regression(train.take(np.arange(0, 8, 2)), measured, SCHEMA) is None
