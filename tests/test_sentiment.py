"""The sentiment model: tweets and voices in made folders, what is never fed, absent targets, the variants."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from zoo_harness import wav

import mmzoo
from mmzoo.data.sets import emodb, mvsa_single
from mmzoo.data.sets.emodb import SPEAKERS, load_emodb
from mmzoo.data.sets.mvsa_single import load_mvsa_single
from mmzoo.data.sets.tweets_and_voices import load_tweets_and_voices
from mmzoo.models.schemas.sentiment import EMOTIONS, SENTIMENTS, sentiment_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.zoo.sentiment import linear, spectra

WHOLE = sentiment_schema(image_size=(8, 8))
TWEETS = sentiment_schema(("text", "image"), ("sentiment",), image_size=(8, 8))
VOICES = sentiment_schema(("text", "voice"), ("emotion", "sentiment"))
WORDS = {"negative": "awful rain", "neutral": "some news", "positive": "lovely sun"}


@pytest.fixture(scope="module")
def tweets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mvsa")
    Pillow.new("RGB", (8, 8), (90, 60, 50)).save(folder / "a.png")
    lines = ["guid," + ",".join(mvsa_single.COLUMNS)]
    for number in range(30):
        label = SENTIMENTS[number % 3]
        lines.append(f"{number},a.png,{WORDS[label]} today #{number},{label},{'val' if number % 5 == 4 else 'train'}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def voices(tmp_path_factory):
    """Every speaker says the same sentence at three pitches, one an emotion; the table tells more than may be fed."""
    folder = tmp_path_factory.mktemp("emodb")
    lines = [",".join(emodb.COLUMNS) + ",recognised_pct,natural_pct,version"]
    time = np.arange(8_000) / 16_000
    for number, (emotion, sentiment) in enumerate(
        (("anger", "negative"), ("happiness", "positive"), ("neutral", "neutral"))
    ):
        (folder / f"{emotion}.wav").write_bytes(wav(0.5 * np.sin(2 * np.pi * (300 + 900 * number) * time), 16_000))
        for speaker in SPEAKERS:
            lines.append(f"{emotion}.wav,{emotion},{sentiment},{speaker},Der Lappen.,97,88,a")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_tweets_keep_their_split_and_have_no_emotion(tweets):
    train, held_out = (load_mvsa_single(tweets, split, schema=WHOLE) for split in ("train", "validation"))
    assert len(train) == 24 and len(held_out) == 6
    assert set(train.targets["sentiment"]) == {0, 1, 2} and (train.targets["emotion"] == -1).all()
    assert not train.inputs["voice"].any() and train.inputs["image"].any()


def test_a_speaker_is_held_out_as_a_whole_and_ratings_are_not_fed(voices):
    train, held_out = (load_emodb(voices, split, schema=VOICES, fold=3) for split in ("train", "validation"))
    assert set(held_out.groups) == {SPEAKERS[3]} and SPEAKERS[3] not in train.groups
    assert len(held_out) == 3 and len(train) == 21
    assert list(train.inputs) == ["text", "voice"] and list(train.raw) == ["text"]
    emotions = [EMOTIONS[number] for number in held_out.targets["emotion"]]
    assert emotions == ["anger", "happiness", "neutral"]
    assert held_out.targets["sentiment"].tolist() == [0, 2, 1]
    assert len(np.unique(train.inputs["text"], axis=0)) == 1, "the sentence tells nothing"


def test_a_voice_of_silence_is_counted_as_missing(voices, tmp_path):
    (tmp_path / "anger.wav").write_bytes(wav(np.zeros(8_000), 16_000))
    header, row = (voices / "metadata.csv").read_text(encoding="utf-8").splitlines()[:2]
    (tmp_path / "metadata.csv").write_text(f"{header}\n{row}\n", encoding="utf-8")
    assert load_emodb(tmp_path, "all", schema=VOICES).note.endswith("; voice missing in 1 of 1 rows")


def test_both_sets_in_one(tweets, voices, tmp_path):
    for name, folder in (("mvsa_single_4000", tweets), ("emodb", voices)):
        (tmp_path / name).symlink_to(folder)
    train, held_out = (load_tweets_and_voices(tmp_path, part, schema=WHOLE, fold=3) for part in ("train", "validation"))
    assert len(train) == 24 + 21 and len(held_out) == 6 + 3 and SPEAKERS[3] not in train.groups
    tweet = np.arange(len(train)) < 24
    np.testing.assert_array_equal(train.inputs["image"].any(axis=(1, 2, 3)), tweet)
    np.testing.assert_array_equal(train.inputs["voice"].any(axis=1), ~tweet)
    np.testing.assert_array_equal(train.targets["emotion"] == -1, tweet)
    assert (train.targets["sentiment"] >= 0).all() and len(train.raw["text"]) == len(train)
    found = linear(train, held_out, WHOLE)
    assert (found["emotion"].argmax(axis=1)[6:] == held_out.targets["emotion"][6:]).all()
    assert len(load_tweets_and_voices(tmp_path, "all", schema=WHOLE, limit=5)) == 5


def test_rows_that_cannot_be_used_are_named(tweets, voices, tmp_path):
    (tmp_path / "metadata.csv").write_text("image,text,label,suggested_split\na.png,x,glad,train\n", encoding="utf-8")
    with pytest.raises(ValueError, match="row 2: expected a label of .* got 'glad'"):
        load_mvsa_single(tmp_path, "all", schema=TWEETS)
    with pytest.raises(ValueError, match="no row of split 'validation'; suggested_split says 'val' nowhere"):
        load_mvsa_single(tmp_path, "validation", schema=TWEETS)
    (tmp_path / "metadata.csv").write_text(f"{','.join(emodb.COLUMNS)}\na.wav,anger,negative,13,x\n", encoding="utf-8")
    with pytest.raises(ValueError, match="fold 0 is speaker 03"):
        load_emodb(tmp_path, "validation", schema=VOICES)
    with pytest.raises(ValueError, match=r"outputs: expected some of \['sentiment', 'emotion'\], got \['mood'\]"):
        sentiment_schema(outputs=("mood",))


def test_the_sceptic_reads_words_and_listens_to_the_spectrum(tweets, voices):
    samples = load_mvsa_single(tweets, "all", schema=TWEETS)
    found = linear(samples, samples, TWEETS)["sentiment"]
    assert (found.argmax(axis=1) == samples.targets["sentiment"]).all()
    samples = load_emodb(voices, "all", schema=VOICES)
    found = linear(samples, samples, VOICES)
    assert list(found) == ["emotion", "sentiment"] and found["emotion"].shape == (24, 7)
    assert (found["emotion"].argmax(axis=1) == samples.targets["emotion"]).all()
    assert np.isfinite(spectra(np.zeros((2, 2_000), np.float32))).all(), "silence has a spectrum too"


def test_the_classic_reads_with_bert(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="the article's model reads texts with BERT"):
        mmzoo.build_sentiment_model(variant="classic")
    presets = pytest.importorskip("hub_presets")
    # The tiny BERT reads 16 steps.
    monkeypatch.setattr("mmzoo.models.schemas.sentiment.TEXT_STEPS", 12)
    presets.write_text_preset(tmp_path / "bert", "bert")
    model = mmzoo.build_sentiment_model(
        variant="classic", size="nano", inputs=("text", "image"), outputs=("sentiment",), text=tmp_path / "bert"
    )
    assert {"text_backbone", "fusion_concat"} <= {layer.name for layer in model.layers}
    assert model.get_layer("text_backbone").finetune == "full"


def test_each_data_set_has_its_inputs_and_outputs():
    recipe = get_recipe("sentiment")
    tweets, voices = (recipe.training_for("small", data) for data in ("mvsa_single", "emodb"))
    assert tweets.builder == {"inputs": ("text", "image"), "outputs": ("sentiment",)}
    assert voices.builder == {"inputs": ("text", "voice"), "outputs": ("emotion", "sentiment")}
    for keywords in ({"variant": "other"}, {"size": "huge"}, {"finetune": "half"}):
        with pytest.raises(ValueError, match="expected (one of|'modern')"):
            mmzoo.build_sentiment_model(**keywords)
