"""Pictures."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np

from mmzoo.encoding import encode_image
from mmzoo.schema.checks import check_sizes
from mmzoo.schema.inputs.modality import Modality, refuse
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class Image(Modality):
    """A picture: uint8 (height, width, channels), 0..255; missing is all zeros.

    Raw: a path, encoded bytes, a `PIL.Image.Image` or a uint8 array (H, W, C) or (H, W); b"" and "" are missing.
    """

    height: int
    width: int
    channels: int = 3

    dtype: ClassVar[str] = "uint8"
    option: ClassVar[str] = "image"
    is_file: ClassVar[bool] = True
    is_large: ClassVar[bool] = True
    extents: ClassVar[tuple[str, ...]] = ("height", "width")

    def __post_init__(self):
        if self.channels not in (1, 3):
            raise ValueError(f"channels: expected 1 or 3, got {self.channels!r}")
        check_sizes(height=self.height, width=self.width)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    def encode_value(self, value, place):
        return encode_image(self, value, place)

    def check(self, arrays, place):
        if np.issubdtype(arrays.dtype, np.floating):
            refuse(arrays, ~np.isfinite(arrays), f"{place}: expected finite numbers")
        else:
            refuse(arrays, (arrays < 0) | (arrays > 255), f"{place}: expected 0..255")

    def random(self, count, rng):
        return rng.integers(0, 256, (count, *self.shape)).astype(self.dtype)

    def extreme(self, side):
        # Of zeros alone it would be missing.
        return np.full(self.shape, (1, 255)[side], self.dtype)

    def golden(self, rng, number):
        # A coloured slope with a bright disc: no two pixels' neighbourhoods alike, so swapped axes or channels show.
        y, x = np.mgrid[: self.height, : self.width] / max(self.height, self.width)
        disc = (x - rng.uniform(0.3, 0.7)) ** 2 + (y - rng.uniform(0.3, 0.7)) ** 2 < 0.06
        planes = [np.where(disc, rng.uniform(0.5, 1), a * x + (1 - a) * y) for a in rng.uniform(0, 1, self.channels)]
        return (np.stack(planes, -1) * 255).astype(np.uint8)

    def golden_extreme(self, side):
        return self.extreme(side)

    def plain(self, value):
        return None

    def raw_columns(self, name):
        return {name: ("string", ())}

    def contract(self):
        colours = "grey" if self.channels == 1 else "RGB"
        return (
            f"{colours} pixels 0..255, turned as EXIF says, scaled to {self.height} rows x {self.width} "
            "columns with antialias (Pillow's BILINEAR); missing: all 0"
        )

    def picture(self, array):
        return array if array.any() else None
