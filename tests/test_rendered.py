"""The drawn road signs, those beyond GTSRB too: every class distinct, every picture reproducible, drawn fast."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from mmzoo.data.sets.rendered import STYLES, contact_sheet, draw_sign, render_signs, sign_stream
from mmzoo.data.sets.rendered.canvas import Canvas
from mmzoo.data.sets.rendered.glyphs import draw_text
from mmzoo.data.sets.rendered.signs import NUM_DRAWN

ALL = np.arange(NUM_DRAWN)


def _on_gray(picture: Image.Image) -> np.ndarray:
    ground = Image.new("RGBA", picture.size, (128, 128, 128, 255))
    return np.asarray(Image.alpha_composite(ground, picture).convert("RGB"), np.float32)


@pytest.mark.parametrize("style", STYLES)
def test_every_class_is_drawn_and_differs_from_every_other(style):
    drawn = np.stack([_on_gray(draw_sign(c, 32, style=style)) for c in ALL])
    assert (np.abs(drawn - 128).max(-1) > 24).mean((1, 2)).min() > 0.3, "a sign covers too little of its picture"
    flat = drawn.reshape(NUM_DRAWN, -1)
    distance = np.abs(flat[:, None] - flat[None]).mean(-1) + 1e3 * np.eye(NUM_DRAWN)
    closest = np.unravel_index(distance.argmin(), distance.shape)
    assert distance.min() > 1.5, f"classes {closest} look alike"


def test_clean_signs_have_their_colours():
    def paint(class_id, x, y):
        return np.asarray(draw_sign(class_id, 100))[y, x].astype(int)

    red, blue, yellow, white = paint(14, 50, 10), paint(35, 20, 50), paint(12, 50, 50), paint(15, 50, 50)
    assert red[0] > 2 * max(red[1], red[2])
    assert blue[2] > 2 * max(blue[0], blue[1])
    assert min(yellow[0], yellow[1]) > 2 * yellow[2]
    assert white.min() > 200
    assert paint(13, 50, 95)[3] == 0 and paint(18, 5, 10)[3] == 0, "outside a triangle the picture is transparent"


def test_the_six_has_two_forms_and_the_other_digits_one():
    for text, differ in (("60", True), ("80", False), ("120", False)):
        straight, curved = Canvas(64), Canvas(64)
        for canvas, form in ((straight, False), (curved, True)):
            draw_text(canvas, text, (50, 50), 41, 24, 5, (0, 0, 0), form)
        assert (straight.finish().tobytes() != curved.finish().tobytes()) == differ, text


def test_left_signs_mirror_right_signs():
    for left, right in ((19, 20), (34, 33), (37, 36), (39, 38)):
        mirrored = _on_gray(draw_sign(right, 64))[:, ::-1]
        assert np.abs(_on_gray(draw_sign(left, 64)) - mirrored).mean() < 3
        assert np.abs(_on_gray(draw_sign(left, 64)) - mirrored[:, ::-1]).mean() > 6


def test_same_seed_same_images_other_seed_other_images():
    first = render_signs(ALL, seed=3)
    assert first.shape == (NUM_DRAWN, 32, 32, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, render_signs(ALL, seed=3))
    other = render_signs(ALL, seed=4)
    assert (np.abs(first.astype(int) - other).mean((1, 2, 3)) > 1).mean() > 0.9
    repeated = render_signs([14] * 20, seed=3)
    assert len(np.unique(repeated.reshape(20, -1), axis=0)) == 20


def test_a_new_process_draws_the_same():
    code = (
        "import sys; from mmzoo.data.sets.rendered import render_signs;"
        "sys.stdout.buffer.write(render_signs([5, 13], seed=9).tobytes())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert other == render_signs([5, 13], seed=9).tobytes()


def test_pieces_equal_the_whole():
    labels = np.random.default_rng(0).integers(0, 43, 300)
    whole = render_signs(labels, seed=11, start=5)
    for cuts in ([1, 2, 130, 131, 259], [128, 256], [77, 200]):
        pieces = [
            render_signs(part, seed=11, start=5 + low)
            for low, part in zip([0, *cuts], np.split(labels, cuts), strict=True)
        ]
        np.testing.assert_array_equal(whole, np.concatenate(pieces))
    reordered = labels.copy()
    reordered[1:] = reordered[1:][::-1]
    np.testing.assert_array_equal(render_signs(reordered, seed=11, start=5)[0], whole[0])


@pytest.mark.parametrize("size", [(48, 40), (16, 23)])
def test_other_image_sizes(size):
    images = render_signs(ALL[:12], image_size=size, seed=1)
    assert images.shape == (12, *size, 3)
    assert images.std((1, 2, 3)).min() > 0.5


def test_scenes_vary_in_light_and_stay_visible():
    images = render_signs(np.repeat(ALL, 12), seed=2).astype(np.float32)
    level, contrast = images.mean((1, 2, 3)), images.std((1, 2, 3))
    assert np.percentile(level, 5) < 40 and np.percentile(level, 95) > 130
    assert (contrast > 4).mean() > 0.97


def test_the_sign_can_be_found_in_its_scene():
    """Averaged over many scenes of a class, all that remains is the sign: it must be nearest its own clean drawing."""
    # A sign fills about four fifths of its scene.
    clean = np.stack([np.pad(_on_gray(draw_sign(c, 26)), ((3, 3), (3, 3), (0, 0))) for c in ALL])
    clean = clean[:, 7:25, 7:25].reshape(NUM_DRAWN, -1)
    scenes = render_signs(np.repeat(ALL, 60), seed=6).astype(np.float32)[:, 7:25, 7:25].reshape(NUM_DRAWN, 60, -1)
    scenes -= scenes.mean(-1, keepdims=True)
    means = (scenes / (scenes.std(-1, keepdims=True) + 4)).mean(1)

    def unit(rows):
        rows = rows - rows.mean(0)  # what all classes share says nothing
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    nearest = (unit(means) @ unit(clean).T).argmax(1)
    assert (nearest == ALL).mean() > 0.9


def test_labels_are_checked():
    with pytest.raises(ValueError, match=r"labels\[1\] is 50"):
        render_signs([0, 50])
    with pytest.raises(ValueError, match=r"labels\[0\] is -1"):
        render_signs([-1])
    with pytest.raises(ValueError, match="float64"):
        render_signs([0.5])
    with pytest.raises(ValueError, match="class_id is 99"):
        draw_sign(99)
    with pytest.raises(ValueError, match="image_size"):
        render_signs([0], image_size=(8, 32))
    with pytest.raises(ValueError, match="start is -2"):
        render_signs([0], start=-2)
    assert render_signs([]).shape == (0, 32, 32, 3)


def test_stream_is_balanced_and_shuffled():
    images, labels = sign_stream(100, seed=1, num_classes=10)
    assert images.shape == (100, 32, 32, 3)
    assert np.bincount(labels).tolist() == [10] * 10
    assert not np.array_equal(labels, np.arange(100) % 10)
    np.testing.assert_array_equal(images, render_signs(labels, seed=1))
    with pytest.raises(ValueError, match="num_classes is 51"):
        sign_stream(10, num_classes=51)


def test_contact_sheet():
    sheet = contact_sheet(render_signs(ALL[:5]), columns=3, scale=2)
    assert sheet.size == (3 * 66, 2 * 66)
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet(np.zeros((0, 32, 32, 3), np.uint8))


def test_a_thousand_images_a_second_on_one_core():
    labels = np.arange(1000) % 43
    render_signs(labels)  # textures and banks
    seconds = []
    for repetition in range(4):
        began = time.process_time()
        render_signs(labels, seed=repetition)
        seconds.append(time.process_time() - began)
    assert len(labels) / min(seconds) >= 1000


def test_command_measures_and_draws(tmp_path):
    sheet = tmp_path / "sheet.png"
    command = [sys.executable, "-m", "mmzoo.data.sets.rendered", "--count", "86", "--out", str(sheet)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "images/s" in done.stdout
    assert Image.open(sheet).width == 2 * 66


def test_needs_neither_tensorflow_nor_keras():
    code = "import sys, mmzoo.data.sets.rendered.scene; print([m for m in ('tensorflow', 'keras') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
