"""Films to the pixels of a `Video` input: animations and folders of pictures with Pillow, all else with PyAV.

Frames are chosen by time, never by number, so that a film of 60 frames a second, or of an uneven rate, gives the same
as one of 25: the window (from the start, or the whole film) is cut into as many equal parts as the model sees frames,
and of each part the picture is taken that is shown in its middle. Where a film ends before, its last picture stays.

PyAV is the one package for MP4 and the like: it brings FFmpeg's libraries along, gives each picture with its time, its
turn and whether it is damaged, and jumps to a time, so that of a film of two hours only what is looked at is decoded.
"""

from __future__ import annotations

import io
import os
from typing import Any

import numpy as np

from mmzoo.encoding.pictures import encode_image, most_pixels, picture_suffixes, to_pixels

# What Pillow reads as several pictures with times.
ANIMATIONS = ("GIF", "WEBP")
# Pictures of an animation or a folder at most, and pixels of an animation: Pillow decodes them all.
MOST_PICTURES, MOST_ANIMATED_PIXELS = 20_000, 4_000_000_000
# Further ahead than this a film is jumped into rather than decoded up to there, s.
_JUMP = 2.0
_DECODE_ERRORS = (OSError, SyntaxError, ValueError, EOFError, IndexError, TypeError, RuntimeError)
_DEFAULT_SHOWN = 0.1  # s, of a GIF that does not say


def encode_film(video, value: Any, place: str) -> np.ndarray:
    """A film to frames that are evenly spaced in time, each scaled as a whole.

    Args:
        video: the `Video` of the schema.
        value: the path of a film, an animation (GIF, WebP) or a folder of pictures, which are taken in the order of
            their names; bytes of a film or an animation; a list of pictures as `encode_image` takes them; or an array
            uint8 (n, H, W, C). Folders, lists and arrays have no times: they fill the window evenly. "", b"" and [] are
            missing.
        place: the input's name, for messages.

    Returns:
        uint8 (frames, height, width, channels).

    Raises:
        FileNotFoundError: there is no such file, or the folder holds no picture.
        ValueError: sound alone, a damaged picture (the message says at which time), or too large a film.
        TypeError: another kind of value.
        ImportError: a film, and PyAV is not installed.
    """
    if isinstance(value, (str, bytes, bytearray, memoryview, list, tuple)) and len(value) == 0:
        return np.zeros(video.shape, np.uint8)
    if isinstance(value, (str, os.PathLike)):
        path, place = os.fspath(value), f"{place}: {os.fspath(value)!s:.4096}"
        if os.path.isdir(path):
            return _pictures(video, _in_folder(path, place), place)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"{place}: no such file or folder")
        with open(path, "rb") as file:
            return _file(video, file, place)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _file(video, io.BytesIO(value), f"{place}: {len(value)} bytes")
    if isinstance(value, np.ndarray) and value.ndim == 4:
        return _pictures(video, list(value), place)
    if isinstance(value, (list, tuple)):
        return _pictures(video, value, place)
    raise TypeError(
        f"{place}: expected a path, bytes, a list of pictures or a uint8 array (n, H, W, C), got "
        f"{type(value).__name__}: {value!r:.80}"
    )


def middles(count: int, seconds: float) -> np.ndarray:
    """The times in the middle of so many equal parts, s."""
    return (np.arange(count) + 0.5) * seconds / count


# Pictures without times ----------------------------------------------------------------------------------------------


def _in_folder(path, place):
    names = sorted(name for name in os.listdir(path) if name.lower().endswith(picture_suffixes()))
    if not names:
        raise FileNotFoundError(f"{place}: the folder holds no picture; expected files such as 0001.jpg")
    return [os.path.join(path, name) for name in names]


def _pictures(video, pictures, place):
    if len(pictures) > MOST_PICTURES:
        raise ValueError(f"{place}: {len(pictures):,} pictures; expected at most {MOST_PICTURES:,}")
    chosen = middles(video.frames, len(pictures)).astype(int)
    encoded = {i: encode_image(video.frame, pictures[i], f"{place}, picture {i}") for i in dict.fromkeys(chosen)}
    return np.stack([encoded[i] for i in chosen])


# Files ---------------------------------------------------------------------------------------------------------------


def _file(video, file, place):
    start = file.read(16)
    file.seek(0)
    if start[:4] == b"GIF8" or (start[:4] == b"RIFF" and start[8:12] == b"WEBP"):
        return _animation(video, file, place)
    return _film(video, file, place)


def _animation(video, file, place):
    from PIL import Image

    try:
        picture = Image.open(file, formats=ANIMATIONS)
        count = getattr(picture, "n_frames", 1)
    except _DECODE_ERRORS as error:
        raise ValueError(f"{place}: not an animation that can be read ({error})") from error
    pixels = picture.width * picture.height
    if pixels > most_pixels(picture.format) or count > MOST_PICTURES or pixels * count > MOST_ANIMATED_PIXELS:
        raise ValueError(
            f"{place}: {count:,} pictures of {picture.width} x {picture.height} pixels are too many for an animation, "
            "which is decoded as a whole; save it as MP4"
        )
    starts, end = [], 0.0
    for number in range(count):
        _show(picture, number, end, place)
        starts.append(end)
        end += (picture.info.get("duration") or 1000 * _DEFAULT_SHOWN) / 1000
    times = middles(video.frames, video.seconds or end)
    chosen = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    encoded = {}
    for number in dict.fromkeys(int(i) for i in chosen):
        _show(picture, number, starts[number], place)
        encoded[number] = to_pixels(video.frame, picture.convert("RGB"), place)
    return np.stack([encoded[int(number)] for number in chosen])


def _show(picture, number, time, place):
    try:
        picture.seek(number)
        picture.load()
    except _DECODE_ERRORS as error:
        raise ValueError(
            f"{place}: the picture at {time:.2f} s (number {number}) can't be decoded ({error})"
        ) from error


def _film(video, file, place):
    try:
        import av
    except ImportError as error:
        raise ImportError(
            f"{place}: films need the package PyAV; pip install 'mmzoo[video]'. Without it: GIF, WebP, or a folder of "
            "pictures"
        ) from error
    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(file) as container:
            if not container.streams.video:
                what = "sound alone" if container.streams.audio else "nothing that is shown"
                raise ValueError(f"{place}: holds no picture, {what}")
            return _Reader(container, place).frames(video)
    except av.FFmpegError as error:
        raise ValueError(f"{place}: not a film that can be read ({error.strerror or error})") from error


class _Reader:
    """Pictures of a film by time, decoded in one pass with jumps.

    Args:
        container: of PyAV, open.
        place: for messages.
    """

    def __init__(self, container, place):
        self._container, self._place = container, place
        self._stream = container.streams.video[0]
        self._stream.thread_type = "AUTO"
        self._base = float(self._stream.time_base)
        self._start = (self._stream.start_time or 0) * self._base
        size = self._stream.codec_context
        if size.width * size.height > most_pixels(None):
            raise ValueError(f"{place}: {size.width} x {size.height} pixels; at most {most_pixels(None):,} are read")
        self._decoded, self._now, self._next, self._ended = None, None, None, False

    def frames(self, video) -> np.ndarray:
        """The pixels of a `Video`."""
        times = middles(video.frames, video.seconds or self._duration())
        shown: dict[Any, np.ndarray] = {}
        found = []
        for time in times:
            frame = self._at(float(time))
            if frame.pts not in shown:
                shown = {frame.pts: self._pixels(frame, video)}
            found.append(shown[frame.pts])
        return np.stack(found)

    def _duration(self):
        import av

        if self._stream.duration:
            return float(self._stream.duration * self._base)
        if self._container.duration:
            return self._container.duration / av.time_base
        raise ValueError(f"{self._place}: does not say how long it is; save it as MP4, or give the Video its seconds")

    def _at(self, time):
        """The picture that is shown at a time; behind the end the last one."""
        ahead = time - (self._time(self._next) if self._next is not None else 0.0)
        if not self._ended and (self._decoded is None or ahead > _JUMP):
            self._jump(time)
        while self._next is not None and self._time(self._next) <= time:
            self._now = self._next
            self._advance(time)
        frame = self._now or self._next
        if frame is None:
            raise ValueError(f"{self._place}: holds no picture at {time:.2f} s")
        if frame.is_corrupt:
            raise ValueError(f"{self._place}: the picture at {self._time(frame):.2f} s is damaged")
        return frame

    def _jump(self, time):
        if time > _JUMP:
            self._container.seek(int((time + self._start) / self._base), stream=self._stream, backward=True)
        self._decoded = self._container.decode(self._stream)
        self._advance(time)

    def _advance(self, time):
        import av

        try:
            self._next = next(self._decoded, None)
        except av.FFmpegError as error:
            last = time if self._now is None else self._time(self._now)
            raise ValueError(
                f"{self._place}: the picture behind {last:.2f} s can't be decoded ({error.strerror or error})"
            ) from error
        self._ended = self._next is None

    def _time(self, frame):
        return 0.0 if frame.pts is None else frame.pts * self._base - self._start

    def _pixels(self, frame, video):
        """Scaled before it is turned, so that a large picture is never held twice."""
        turns = round((getattr(frame, "rotation", 0) or 0) / 90) % 4
        height, width = (video.width, video.height) if turns % 2 else (video.height, video.width)
        kind = "gray" if video.channels == 1 else "rgb24"
        small = frame.reformat(width=width, height=height, format=kind, interpolation="AREA").to_ndarray()
        return np.rot90(small.reshape(height, width, video.channels), turns)
