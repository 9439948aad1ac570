"""The data of the surveillance model, and what its recipe does with it."""

import numpy as np
import pytest
from PIL import Image as Pillow
from zoo_harness import wav

from mmzoo.data.sets.fight_surv import load_fight_surv
from mmzoo.data.sets.surveillance_reels import load_surveillance_reels
from mmzoo.data.sets.urbansound_safety import load_urbansound_safety
from mmzoo.models.schemas.surveillance import HEARD, SEEN, surveillance_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.zoo.surveillance import linear, motion

SCHEMA = surveillance_schema(events=SEEN, frames=3, image_size=(8, 8))


def write_clip(path, fight, seed):
    rng = np.random.default_rng(seed)
    still = rng.integers(60, 200, (16, 24, 3)).astype(np.uint8)
    first, *rest = (
        Pillow.fromarray(np.roll(still, number * (6 if fight else 0), axis=1)) for number in range(5)
    )  # fmt: skip
    first.save(path, save_all=True, append_images=rest, duration=400)


@pytest.fixture
def clips(tmp_path):
    lines = ["path,audio,label,source,fold,width,has_audio"]
    for number in range(8):
        fight = number % 2
        write_clip(tmp_path / f"{number}.gif", fight, number)
        lines.append(f"{number}.gif,{'a.wav' if number == 3 else ''},{'fight' if fight else 'no_fight'},s{number // 2},"
                     f"{1 + number // 2},128,1")  # fmt: skip
    tone = np.sin(np.arange(8_000) / 4).astype(np.float32)
    (tmp_path / "a.wav").write_bytes(wav(tone, 16_000))
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    return tmp_path


def test_a_fold_of_clips_is_held_out_with_its_sources(clips):
    train = load_fight_surv(clips, "train", schema=SCHEMA, fold=1)
    held_back = load_fight_surv(clips, "validation", schema=SCHEMA, fold=1)
    assert held_back.ids == ["2.gif", "3.gif"] and len(train) == 6
    assert not set(train.groups) & set(held_back.groups)
    assert held_back.targets["event"].tolist() == [0, 1] and held_back.targets["alarm"].tolist() == [0, 1]
    assert held_back.inputs["video"].shape == (2, 3, 8, 8, 3)
    assert held_back.inputs["sound"].any(axis=1).tolist() == [False, True]
    assert "sound missing in 1 of 2 rows" in held_back.note
    assert len(load_fight_surv(clips, "all", schema=SCHEMA)) == 8
    (clips / "5.gif").unlink()
    with pytest.raises(FileNotFoundError, match=r"row 7: .*5\.gif: no such file"):
        load_fight_surv(clips, "all", schema=SCHEMA)


def test_the_baseline_of_clips_sees_what_moves(clips):
    train, held_back = (load_fight_surv(clips, split, schema=SCHEMA) for split in ("train", "validation"))
    found = linear(train, held_back, SCHEMA)
    assert found["event"].argmax(axis=1).tolist() == [0, 1] and found["alarm"].shape == (2, 2)
    assert motion(np.zeros((1, 3, 8, 8, 3), np.uint8)).tolist() == [[0.0] * 8]


def test_sounds_are_events_of_which_some_are_an_alarm(tmp_path):
    lines = ["path,label,us8k_fold,freesound_id"]
    for number, label in enumerate(HEARD):
        lines.append(f"a.wav,{label},{1 + number % 2},{number}")
    (tmp_path / "a.wav").write_bytes(wav(np.sin(np.arange(800) / 4).astype(np.float32), 16_000))
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    schema = surveillance_schema(("sound",), HEARD)
    found = load_urbansound_safety(tmp_path, "all", schema=schema)
    assert found.targets["event"].tolist() == [0, 1, 2, 3, 4, 5] and found.targets["alarm"].tolist() == [
        1,
        0,
        0,
        1,
        1,
        0,
    ]
    assert len(load_urbansound_safety(tmp_path, "validation", schema=schema, fold=1)) == 3
    (tmp_path / "metadata.csv").write_text("\n".join([*lines, "a.wav,drum,1,9"]))
    with pytest.raises(ValueError, match=r"row 8: expected an event of \['car_horn'"):
        load_urbansound_safety(tmp_path, "all", schema=schema)


def test_each_data_set_has_its_inputs_and_events():
    recipe = get_recipe("surveillance")
    for data, inputs in (("fight_surv", ("video", "sound")), ("urbansound_safety", ("sound",))):
        assert recipe.training_for("small", data).builder["inputs"] == inputs


def test_clips_and_sounds_that_are_played_together_are_apart_by_both(clips, tmp_path_factory):
    root = tmp_path_factory.mktemp("all")
    clips.rename(root / "fight_surv")
    sounds = ["path,label,us8k_fold,freesound_id", "a.wav,siren,1,1", "b.wav,street_music,2,2"]
    (root / "urbansound_safety").mkdir()
    for name in ("a.wav", "b.wav"):
        (root / "urbansound_safety" / name).write_bytes((root / "fight_surv" / "a.wav").read_bytes())
    (root / "urbansound_safety" / "metadata.csv").write_text("\n".join(sounds))
    reels = root / "surveillance_reels"
    reels.mkdir()
    lines = ["reel,position,video,sound,kind"]
    for number, sound in enumerate(("", "a.wav", "b.wav", "a.wav", "a.wav", "b.wav")):
        where = f"../urbansound_safety/{sound}" if sound else ""
        lines.append(f"r0,{number},../fight_surv/{number}.gif,{where},x")
    (reels / "metadata.csv").write_text("\n".join(lines))
    schema = surveillance_schema(frames=3, image_size=(8, 8))
    held_back = load_surveillance_reels(reels, "validation", schema=schema, fold=0)
    train = load_surveillance_reels(reels, "train", schema=schema, fold=0)
    # Clips 0 and 1 are held out; 1 with a sound that is trained on is left out, and so are 2 and 5.
    assert held_back.ids == ["r0/0"] and train.ids == ["r0/3", "r0/4"]
    assert "3 of 6 segments mix both sides and are left out" in train.note
    assert [schema["event"].classes[number] for number in train.targets["event"]] == ["fight", "siren"]
    (reels / "metadata.csv").write_text("\n".join([*lines, "r0,6,../fight_surv/77.gif,,x"]))
    with pytest.raises(ValueError, match="row 8, column 'video': '../fight_surv/77.gif' is not in the table"):
        load_surveillance_reels(reels, "all", schema=schema)
