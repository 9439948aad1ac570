"""Features of frozen encoders: the cache on disk, views, and that what learns behind them becomes the whole model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from mmzoo.data.feature_cache import FeatureCache, keys_of
from mmzoo.data.views import views_of
from mmzoo.schema import Image, Label, Schema, Text

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(1, 256, (6, 8, 8, 3)).astype(np.uint8)


class Encoder:
    """Gives two sums of each picture, and counts how many it was given."""

    def __init__(self):
        self.read = 0

    def __call__(self, arrays):
        self.read += len(arrays)
        flat = arrays.reshape(len(arrays), -1).astype(np.float32)
        return np.stack([flat.sum(axis=1), flat[:, 0]], axis=1)


# The cache -----------------------------------------------------------------------------------------------------------


def test_features_are_made_once_and_found_by_what_they_were_made_of(tmp_path):
    encoder = Encoder()
    cache = FeatureCache(tmp_path, "net-1")
    expected = Encoder()(PICTURES)
    np.testing.assert_array_equal(cache.get(PICTURES, encoder, every=4), expected)
    assert encoder.read == 6 and len(list(cache.path.glob("*.npz"))) == 2
    # Another process, in another order, with one twice.
    again = FeatureCache(tmp_path, "net-1")
    order = [3, 0, 3, 5]
    np.testing.assert_array_equal(again.get(PICTURES[order], encoder), expected[order])
    assert encoder.read == 6 and again.missing(PICTURES) == 0 and len(again) == 6


def test_a_changed_picture_another_size_and_another_encoder_are_other_features(tmp_path):
    encoder, cache = Encoder(), FeatureCache(tmp_path, "net-1")
    cache.get(PICTURES, encoder)
    changed = PICTURES.copy()
    changed[2, 0, 0, 0] ^= 1
    assert cache.missing(changed) == 1
    assert cache.missing(PICTURES.reshape(6, 4, 16, 3)) == 6 and cache.missing(PICTURES.astype(np.int32)) == 6
    assert FeatureCache(tmp_path, "net-2").missing(PICTURES) == 6
    assert len(set(keys_of(PICTURES))) == 6 and keys_of(PICTURES) == keys_of(PICTURES.copy())


def test_damaged_files_of_features_are_made_anew(tmp_path):
    encoder, cache = Encoder(), FeatureCache(tmp_path, "net-1")
    cache.get(PICTURES, encoder, every=3)
    cut, other = sorted(cache.path.glob("*.npz"))
    cut.write_bytes(cut.read_bytes()[:-40])
    (cache.path / ".part-killed").write_bytes(b"half")
    again = FeatureCache(tmp_path, "net-1")
    assert again.missing(PICTURES) == 3
    np.testing.assert_array_equal(again.get(PICTURES, encoder), Encoder()(PICTURES))
    with np.load(other) as held:
        keys = held["keys"]
    np.savez(other, keys=keys, features=np.full((3, 2), np.nan))
    assert FeatureCache(tmp_path, "net-1").missing(PICTURES) == 3


def test_views_are_the_picture_and_a_mirrored_nearer_one():
    ramp = np.broadcast_to(np.arange(10, 110, 10, dtype=np.uint8)[None, :, None], (10, 10, 3))
    plain, near = views_of(np.stack([ramp, np.zeros_like(ramp)]))
    np.testing.assert_array_equal(plain[0], ramp)
    assert near.shape == plain.shape and near.dtype == np.uint8 and not near[1].any()
    row = near[0, 5, :, 0].astype(int)
    assert (np.diff(row) <= 0).all() and row[0] > row[-1] and 19 <= row.min() and row.max() <= 91
    assert views_of(plain[..., :1])[1].shape == (2, 10, 10, 1)


# Learning behind a frozen encoder ------------------------------------------------------------------------------------

hub_presets = pytest.importorskip("hub_presets")


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """The folder of a tiny image encoder."""
    import keras

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("preset") / "net"
    hub_presets.write_image_preset(folder)
    return folder


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A table of noisy photos, bright or dark, with a number that tells nothing."""
    folder = tmp_path_factory.mktemp("table")
    rng, rows = np.random.default_rng(1), []
    for i in range(80):
        bright = i % 2
        pixels = rng.integers(0, 120, (24, 24, 3)) + 120 * bright
        Pillow.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
        rows.append({"photo": f"{i}.png", "size": round(float(rng.uniform(1, 9)), 3), "kind": ("night", "day")[bright]})
    pd.DataFrame(rows).to_csv(folder / "table.csv", index=False)
    return folder / "table.csv"


@pytest.fixture(scope="module")
def run(table, preset, tmp_path_factory):
    """A training behind the frozen encoder, not to be changed: (result, what was said)."""
    from mmzoo.recipes.own_data import TableRecipe, train

    said = []
    recipe = TableRecipe(size="nano", fusion="concat", image=str(preset), epochs=3)
    result = train(
        table, "kind", tmp_path_factory.mktemp("run") / "out", recipe=recipe, arms=False, baseline=False, export=False,
        progress=False, say=said.append,
    )  # fmt: skip
    return result, said


def test_the_whole_model_gives_what_was_learnt_on_features(run):
    result, _ = run
    model = result.model
    assert model.schema.inputs["photo"].shape == (hub_presets.SIZE, hub_presets.SIZE, 3)
    features = list((result.out / "features").glob("folder-*/*.npz"))
    assert features
    # The figure on the test rows was measured on features, the report's with the whole model.
    from_features = result.arms[(result.arms.arm == "all inputs") & (result.arms.metric == "accuracy")].value.item()
    whole = json.loads((result.out / "evaluation" / "metrics.json").read_text())
    assert f"{from_features}"[:6] in json.dumps(whole)
    history = pd.read_csv(result.out / "training" / "seed0" / "all_inputs" / "history.csv")
    assert len(history) == 3 and history.loss.iloc[-1] < history.loss.iloc[0]


def test_a_learner_is_the_model_behind_its_encoder(preset, table):
    from mmzoo.models.multimodal import build_multimodal_model
    from mmzoo.models.parts.frozen import features_of, frozen_encoders, take_over
    from mmzoo.schema import Image, Label, Number, Schema, Sensors, Vector

    sensors = Sensors((Number("size", minimum=0, maximum=9),))
    schema = Schema("own", {"photo": Image(16, 16), "place": sensors}, {"kind": Label(("a", "b"))})
    keywords = {"size": "nano", "fusion": "concat", "image": str(preset)}
    model = build_multimodal_model(schema, seed=1, **keywords)
    encoders = frozen_encoders(model)
    assert list(encoders) == ["photo"]
    seen = schema.with_inputs(photo=Vector(encoders["photo"].output_shape[-1]))
    learner = build_multimodal_model(seen, seed=2, **keywords)
    photos = RNG.integers(0, 256, (5, 16, 16, 3)).astype(np.uint8)
    photos[3] = 0
    place = np.array([[1.0], [np.nan], [3.0], [np.nan], [5.0]], np.float32)
    features = features_of(encoders["photo"], photos)
    assert not features[3].any() and features[0].any()
    take_over(model, learner)
    expected = np.asarray(learner({"photo": features, "place": place})["kind"])
    np.testing.assert_allclose(np.asarray(model({"photo": photos, "place": place})["kind"]), expected, atol=1e-5)
    for other in ({"finetune": "full"}, {"fusion": "transformer"}):
        assert frozen_encoders(build_multimodal_model(schema, **{**keywords, **other})) == {}
    with pytest.raises(ValueError, match="no layer 'place"):
        take_over(model, build_multimodal_model(seen.keeping(["photo"]), **keywords))


# What "auto" decides -------------------------------------------------------------------------------------------------


def auto(table, out, encoder, **changes):
    from mmzoo.recipes.own_data import TableRecipe, train

    said = []
    recipe = TableRecipe(
        size="nano", fusion="concat", encoders={"image": str(encoder), "text": "minilm"}, epochs=2, **changes
    )
    result = train(
        table, "kind", out, recipe=recipe, arms=False, baseline=False, export=False, progress=False, say=said.append
    )
    return result, json.loads((out / "choice.json").read_text()), said


def test_auto_tries_both_for_the_same_time_and_says_so(table, preset, tmp_path):
    result, choices, said = auto(table, tmp_path / "out", preset)
    image = next(choice for choice in choices if choice["kind"] == "image")
    assert image["inputs"] == ["photo"] and [one["option"] for one in image["tried"]] == [str(preset), "separable"]
    best = max(image["tried"], key=lambda one: one["value"])
    assert image["chosen"] in (best["option"], "separable")
    assert all(one["bytes"] > 10_000 and one["milliseconds"] > 0 for one in image["tried"])
    line = next(line for line in result.summary if line.startswith("photo: --image"))
    assert "validation rows" in line and "MB and" in line and "separable" in line
    # Called again, it goes on with what was decided.
    again = []
    assert auto(table, tmp_path / "out", preset)[1] == choices and not any("Trying" in str(line) for line in again)


def test_auto_without_the_encoder_names_it_and_how_to_get_it(table, tmp_path, monkeypatch):
    from mmzoo.pretrained import ENCODERS

    monkeypatch.setattr("importlib.util.find_spec", lambda name, find=__import__("importlib.util").util.find_spec: (
        None if name in {one.module for one in ENCODERS.values()} else find(name)
    ))  # fmt: skip
    result, choices, _ = auto(table, tmp_path / "out", "efficientnet_lite0")
    image = next(choice for choice in choices if choice["kind"] == "image")
    assert image["chosen"] == "separable" and not image["tried"]
    assert any("look like photos" in line and "pip install 'mmzoo[pretrained]'" in line for line in result.summary)


def test_every_arm_and_every_fold_of_a_recipe_sees_features_of_its_own(monkeypatch, tmp_path):
    """Each arm has its own encoders, and data of another fold may lie where those of the last one lay."""
    from types import SimpleNamespace

    from mmzoo import presets
    from mmzoo.recipes.running import frozen

    made = []

    def with_features(data, encoders, caches, say):
        made.append((data.fold, tuple(encoders)))
        return SimpleNamespace(schema=made[-1])

    monkeypatch.setattr(presets, "is_here", lambda preset: True)
    monkeypatch.setattr(presets, "identity_of", lambda preset: preset)
    monkeypatch.setattr(frozen, "frozen_encoders", lambda model: dict.fromkeys(model.schema.inputs))
    monkeypatch.setattr(frozen, "with_features", with_features)
    models = SimpleNamespace(presets=lambda: {"image": "i", "text": "t"}, learner=lambda schema, seed: schema)
    learner = frozen.frozen_learner(models, tmp_path, print)
    inputs = {"photo": Image(4, 4), "note": Text(4)}
    outputs = {"kind": Label(("a", "b"))}
    both, alone = (SimpleNamespace(schema=Schema("s", dict(list(inputs.items())[:n]), outputs)) for n in (2, 1))
    for fold in (0, 1):
        data = SimpleNamespace(fold=fold)
        for model, names in ((alone, ("photo",)), (both, ("photo", "note")), (alone, ("photo",))):
            assert learner(model, data, None, 0)[0] == (fold, names)
        del data
    assert len(made) == 4, "once for each arm's encoders and each fold"
