"""`Video`: films, animations, folders and lists of pictures to frames evenly spaced in time, and what is refused."""

import importlib.util
import sys

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.encoding.films import middles
from mmzoo.schema import Label, Schema, Video
from mmzoo.schema.columns import raw_sample

VIDEO = Video(4, 8, 12)
# Grey levels that survive compression and scaling.
LEVELS = [40, 80, 120, 160, 200, 240]
needs_pyav = pytest.mark.skipif(importlib.util.find_spec("av") is None, reason="needs PyAV: pip install 'mmzoo[video]'")


def pictures(levels=LEVELS, size=(24, 16)):
    return [Pillow.new("RGB", size, (level,) * 3) for level in levels]


def levels_of(film):
    return np.round(film.reshape(len(film), -1).mean(axis=1)).tolist()


def save_animation(path, durations, levels=LEVELS):
    first, *rest = pictures(levels)
    first.save(path, save_all=True, append_images=rest, duration=durations, lossless=True)
    return path


def save_film(path, levels, rate=10, times=None, size=(48, 32), sound=False):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 4_000_000
        stream.codec_context.gop_size = 5
        for number, level in enumerate(levels):
            pixels = np.broadcast_to(np.asarray(level, np.uint8), (size[1], size[0], 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            frame.pts = number if times is None else times[number]
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


# Pictures and animations ----------------------------------------------------------------------------------------------


def test_frames_are_in_the_middle_of_equal_parts():
    assert middles(4, 2.0).tolist() == [0.25, 0.75, 1.25, 1.75]
    # Of six pictures, the ones in the middle of quarters.
    assert levels_of(VIDEO.encode(pictures(), "video")) == [40, 120, 160, 240]
    assert levels_of(VIDEO.encode(np.stack([np.asarray(p) for p in pictures()]), "video")) == [40, 120, 160, 240]
    assert levels_of(VIDEO.encode(pictures([90]), "video")) == [90] * 4
    for missing in (None, "", b"", []):
        assert not VIDEO.encode(missing, "video").any()


def test_a_folder_is_read_in_the_order_of_its_names(tmp_path):
    for number, picture in enumerate(pictures()):
        picture.save(tmp_path / f"{number:03d}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    assert levels_of(VIDEO.encode(tmp_path, "video")) == [40, 120, 160, 240]
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="empty: the folder holds no picture"):
        VIDEO.encode(str(tmp_path / "empty"), "video")


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_an_animation_is_read_by_time_and_not_by_number(tmp_path, suffix):
    # 2 s, of which the third picture is shown for 1.5.
    path = save_animation(tmp_path / f"a.{suffix}", [100, 100, 1500, 100, 100, 100])
    assert levels_of(VIDEO.encode(path, "video")) == [120, 120, 120, 160]
    window = Video(4, 8, 12, seconds=0.4)
    assert levels_of(window.encode(path.read_bytes(), "video")) == [40, 80, 120, 120]
    # Behind its end the last picture stays.
    assert levels_of(Video(2, 8, 12, seconds=40.0).encode(path, "video")) == [240, 240]


def test_what_is_no_film_is_refused(tmp_path):
    animation = save_animation(tmp_path / "a.gif", 100).read_bytes()
    for value, kind, error in (
        (tmp_path / "none.mp4", FileNotFoundError, "none.mp4: no such file or folder"),
        (5, TypeError, "video: expected a path, bytes, a list of pictures"),
        (animation[: len(animation) // 2], ValueError, r"the picture at 0\.\d0 s \(number \d\) can't be decoded"),
        (["no.png"], FileNotFoundError, "video, picture 0: no.png: no such file"),
    ):
        with pytest.raises(kind, match=error):
            VIDEO.encode(value, "video")
    with pytest.raises(ValueError, match="seconds: expected more than 0"):
        Video(4, 8, 12, seconds=0)


def test_without_pyav_the_error_says_what_to_do(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"\0\0\0\x18ftypmp42")
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"a.mp4: films need the package PyAV; pip install 'mmzoo\[video\]'"):
        VIDEO.encode(tmp_path / "a.mp4", "video")


# Films ----------------------------------------------------------------------------------------------------------------


@needs_pyav
def test_a_film_is_read_by_time_at_any_rate(tmp_path):
    even = save_film(tmp_path / "even.mp4", [40] * 10 + [120] * 10 + [200] * 10 + [240] * 10)
    found = levels_of(VIDEO.encode(even, "video"))
    assert np.abs(np.subtract(found, [40, 120, 200, 240])).max() <= 4
    assert levels_of(VIDEO.encode(even.read_bytes(), "video")) == found
    # An uneven rate: the first picture is shown for 3 of 4 s.
    uneven = save_film(tmp_path / "uneven.mp4", [40, 120, 200, 240, 240], times=[0, 30, 33, 36, 39])
    assert np.abs(np.subtract(levels_of(VIDEO.encode(uneven, "video")), [40, 40, 40, 200])).max() <= 4
    # Far into a long film, by a jump.
    long = save_film(tmp_path / "long.mp4", [40] * 300 + [200] * 100)
    assert np.abs(np.subtract(levels_of(VIDEO.encode(long, "video")), [40, 40, 40, 200])).max() <= 4


@needs_pyav
def test_a_short_film_holds_its_last_picture(tmp_path):
    path = save_film(tmp_path / "short.mp4", [40] * 5 + [200] * 5)
    found = levels_of(Video(4, 8, 12, seconds=4.0).encode(path, "video"))
    assert np.abs(np.subtract(found, [200] * 4)).max() <= 4
    assert VIDEO.encode(save_film(tmp_path / "one.mp4", [90]), "video").shape == (4, 8, 12, 3)


@needs_pyav
def test_a_film_without_pictures_and_a_broken_one_are_refused(tmp_path):
    import av

    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.rate, frame.pts = 16_000, 0
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with pytest.raises(ValueError, match="sound.mp4: holds no picture, sound alone"):
        VIDEO.encode(path, "video")
    (tmp_path / "text.mp4").write_text("no film at all " * 50)
    with pytest.raises(ValueError, match="text.mp4: not a film that can be read"):
        VIDEO.encode(tmp_path / "text.mp4", "video")
    noise = np.random.default_rng(0).integers(0, 256, (20, 64, 96, 3))
    whole = save_film(tmp_path / "whole.mp4", list(noise), size=(96, 64)).read_bytes()
    place = whole.index(b"mdat") + len(whole) // 2
    damaged = whole[:place] + bytes(5_000) + whole[place + 5_000 :]
    with pytest.raises(ValueError, match=r"the picture .*\d\.\d\d s (is damaged|can't be decoded)"):
        Video(40, 8, 12).encode(damaged, "video")


# The kind and its branch ----------------------------------------------------------------------------------------------


def test_it_goes_through_json_and_a_command_line(tmp_path):
    schema = Schema("s", {"video": Video(4, 8, 12, 1, 2.0)}, {"y": Label(("a", "b"))})
    assert Schema.from_json(schema.to_json()) == schema
    path = save_animation(tmp_path / "a.gif", 100)
    assert schema.encode(raw_sample(schema, video=str(path)))["video"].shape == (4, 8, 12, 1)


def test_the_order_of_frames_and_motion_count_and_dark_frames_do_not():
    model = mmzoo.build_surveillance_model(size="nano", seed=0)
    rng = np.random.default_rng(0)
    film = rng.integers(1, 256, (1, *model.schema["video"].shape)).astype(np.uint8)
    sound = np.zeros((1, *model.schema["sound"].shape), np.float32)

    def event(video):
        return np.asarray(model({"video": video, "sound": sound}, training=False)["event"])

    assert not np.allclose(event(film), event(film[:, ::-1].copy()), atol=1e-6)
    still = event(np.repeat(film[:, :1], film.shape[1], axis=1))
    assert not np.allclose(event(film), still, atol=1e-6)
    assert np.isfinite(event(np.zeros_like(film))).all()
