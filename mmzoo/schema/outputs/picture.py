"""`Picture`: a picture that a model makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from mmzoo.encoding import encode_image
from mmzoo.encoding.missing import is_missing
from mmzoo.schema.checks import check_sizes
from mmzoo.schema.json_tree import where_set
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output, rows_of


@register_kind
@dataclasses.dataclass(frozen=True)
class Picture(Output):
    """A picture: float32 (height, width, channels), 0..1.

    Targets are pictures as an `Image` takes them, uint8 (N, height, width, channels); without a target: all zeros.

    Attributes:
        height: in pixels.
        width: in pixels.
        channels: 3 (RGB) or 1 (grey).
        judge: who says what is to be seen in it, see `mmzoo.tasks.judges`; "": nobody, pixels alone count.
    """

    height: int
    width: int
    channels: int = 3
    judge: str = where_set("")

    target_word = "picture"
    extents = ("height", "width", "judge")
    no_int8: ClassVar[str] = "a picture is made in steps that each go on from the one before: what 8 bits lose adds up"

    def __post_init__(self):
        if self.channels not in (1, 3):
            raise ValueError(f"channels: expected 1 or 3, got {self.channels!r}")
        check_sizes(height=self.height, width=self.width)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.height, self.width, self.channels

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """A path, encoded bytes, a `PIL.Image.Image` or an array, to uint8 (height, width, channels)."""
        if is_missing(value) or isinstance(value, str) and not value.strip():
            return self.missing_target()
        return encode_image(self, value, place)

    def missing_target(self) -> np.ndarray:
        return np.zeros(self.shape, np.uint8)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        return (rows_of(targets) != 0).any(axis=1)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return rng.integers(1, 256, (count, *self.shape)).astype(np.uint8)

    def pixels(self, row: np.ndarray) -> np.ndarray:
        """What the model gives as pixels: float 0..1 to uint8 0..255, of any shape."""
        return np.round(np.clip(np.asarray(row, np.float32), 0.0, 1.0) * 255.0).astype(np.uint8)

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> Any:
        """The `PIL.Image.Image`."""
        from PIL import Image

        pixels = self.pixels(row)
        return Image.fromarray(pixels[..., 0] if self.channels == 1 else pixels)

    def in_words(self, decoded: Any) -> list[str]:
        return [f"a picture of {decoded.width} x {decoded.height} pixels"]

    def write(self, decoded: Any, stem: str) -> str:
        """A PNG file, which is never written over another: <stem>.png, or <stem>_2.png and so on."""
        import pathlib

        for number in range(1, 10_000):
            path = pathlib.Path(f"{stem}.png" if number == 1 else f"{stem}_{number}.png")
            try:
                with open(path, "xb") as file:
                    decoded.save(file, "PNG")
            except FileExistsError:
                continue
            return str(path)
        raise FileExistsError(f"{stem}.png: there are 10,000 of that name; move some away")

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """That a cell holds none: a picture is predicted alone, and written to a file."""
        return (f"(a picture of {self.width} x {self.height} pixels)",)

    def contract(self) -> str:
        colours = "RGB" if self.channels == 3 else "grey"
        return f"the picture, {colours}, row by row from the top, 0..1: cut off there, times 255, rounded"
