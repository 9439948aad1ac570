"""Films."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.encoding.films import encode_film
from mmzoo.schema.checks import check_number, check_sizes
from mmzoo.schema.inputs.image import Image
from mmzoo.schema.inputs.modality import Modality
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Video(Modality):
    """A film: uint8 (frames, height, width, channels), frames evenly spaced in time; missing is all zeros.

    Each picture is scaled as a whole, whatever its shape. A frame of zeros alone, as of a dark camera, is missing.

    Raw: the path of a film (with PyAV), of an animation (GIF, WebP) or of a folder of pictures; bytes of a file; a list
    of pictures; or an array uint8 (n, H, W, C). See `mmzoo.encoding.films`.

    Attributes:
        frames: number of frames.
        height, width: of each, in pixels.
        channels: 1 or 3.
        seconds: the window that the frames are spread over, from the film's start; None: the whole film.
    """

    frames: int
    height: int
    width: int
    channels: int = 3
    seconds: float | None = None

    dtype: ClassVar[str] = "uint8"
    option: ClassVar[str] = "video"
    is_file: ClassVar[bool] = True
    is_large: ClassVar[bool] = True
    extents: ClassVar[tuple[str, ...]] = ("frames", "height", "width")

    def __post_init__(self):
        check_sizes(frames=self.frames)
        object.__setattr__(self, "_frame", Image(self.height, self.width, self.channels))
        if self.seconds is not None and check_number(self.seconds, "seconds") <= 0:
            raise ValueError(f"seconds: expected more than 0, or None for the whole film, got {self.seconds!r}")

    @property
    def frame(self) -> Image:
        """What one frame is."""
        return self._frame

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, *self.frame.shape

    @property
    def steps_in_turn(self) -> int:
        return self.frames

    def encode_value(self, value, place):
        return encode_film(self, value, place)

    def check(self, arrays, place):
        self.frame.check(arrays, place)

    def random(self, count, rng):
        return rng.integers(0, 256, (count, *self.shape)).astype(self.dtype)

    def extreme(self, side):
        return np.repeat(self.frame.extreme(side)[None], self.frames, axis=0)

    def full(self, arrays, rng):
        given = arrays[rng.permutation(len(arrays))[: self.frames]].reshape(-1, *self.frame.shape)
        given = given[self.frame.present(given)]
        return given[np.arange(self.frames) % len(given)] if len(given) else self.random(1, rng)[0]

    def golden(self, rng, number):
        # A disc that moves: the order of the frames shows.
        still = self.frame.golden(rng, number)
        return np.stack([np.roll(still, step, axis=1) for step in range(self.frames)])

    def golden_thinned(self, value):
        # Every second frame dark.
        return value * (np.arange(len(value)) % 2 == 0)[:, None, None, None].astype(value.dtype)

    def golden_extreme(self, side):
        return self.extreme(side)

    def golden_cut(self):
        return np.concatenate([self.golden(np.random.default_rng(0), 0)] * 2)

    def plain(self, value):
        return None

    def contract(self):
        window = "the whole film" if self.seconds is None else f"its first {self.seconds:g} s"
        colours = "grey" if self.channels == 1 else "RGB"
        return (
            f"{self.frames} pictures, {colours} 0..255, each the one shown in the middle of one of {self.frames} equal "
            f"parts of {window} (behind the end the last one), scaled as a whole to {self.height} rows x {self.width} "
            "columns; missing: all 0, frame by frame"
        )

    def picture(self, array):
        """The first, the middle and the last frame side by side."""
        if not array.any():
            return None
        return np.concatenate(list(array[sorted({0, self.frames // 2, self.frames - 1})]), axis=1)
