"""A supersampled drawing surface in sign coordinates: x to the right, y down, both 0..100."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

Point = tuple[float, float]
Color = tuple[int, int, int]


def arc_points(x: float, y: float, rx: float, ry: float, start: float, end: float, steps: int = 24) -> list[Point]:
    """Points on an ellipse from angle `start` to `end` in degrees (0 = right, 90 = down, as the y axis points down)."""
    angles = (math.radians(start + (end - start) * k / steps) for k in range(steps + 1))
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


def mirrored(points: Sequence[Point]) -> list[Point]:
    """The same points seen in a vertical mirror through the middle of the sign (x = 50)."""
    return [(100.0 - x, y) for x, y in points]


class Canvas:
    """Draws with Pillow at `supersample` times the wanted size; `finish` scales down with antialiasing.

    Args:
        size: Side of the finished square picture, pixels.
        supersample: Linear oversampling factor.
    """

    def __init__(self, size: int, supersample: int = 4):
        self.size = size
        self.scale = size * supersample / 100.0
        self.image = Image.new("RGBA", (size * supersample, size * supersample), (0, 0, 0, 0))
        self.pen = ImageDraw.Draw(self.image)

    def _pixel(self, x: float, y: float) -> Point:
        return x * self.scale, y * self.scale

    def polygon(self, points: Sequence[Point], color: Color, grow: float = 0.0) -> None:
        """Fills a polygon; `grow` widens it on all sides and so rounds its corners."""
        self.pen.polygon([self._pixel(x, y) for x, y in points], fill=color)
        if grow > 0:
            self.stroke([*points, points[0]], 2 * grow, color)

    def disc(self, x: float, y: float, radius: float, color: Color, radius_y: float | None = None) -> None:
        """Fills a circle, or an ellipse when `radius_y` is given."""
        radius_y = radius if radius_y is None else radius_y
        self.pen.ellipse((*self._pixel(x - radius, y - radius_y), *self._pixel(x + radius, y + radius_y)), fill=color)

    def box(self, x0: float, y0: float, x1: float, y1: float, color: Color) -> None:
        """Fills an upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], color)

    def ring(self, x: float, y: float, radius: float, width: float, color: Color) -> None:
        """Draws a circle line of the given width, centred on `radius`."""
        outer = radius + width / 2
        box = (*self._pixel(x - outer, y - outer), *self._pixel(x + outer, y + outer))
        self.pen.ellipse(box, outline=color, width=max(1, round(width * self.scale)))

    def stroke(self, points: Sequence[Point], width: float, color: Color, round_ends: bool = True) -> None:
        """Draws a line of constant width with round joints through all points."""
        half = width / 2
        for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
            length = math.hypot(x1 - x0, y1 - y0)
            if length == 0:
                continue
            nx, ny = -(y1 - y0) / length * half, (x1 - x0) / length * half
            self.polygon([(x0 + nx, y0 + ny), (x1 + nx, y1 + ny), (x1 - nx, y1 - ny), (x0 - nx, y0 - ny)], color)
        for x, y in points if round_ends else points[1:-1]:
            self.disc(x, y, half, color)

    def arrow_head(self, tip: Point, direction: float, length: float, width: float, color: Color, solid: bool) -> None:
        """Draws an arrow's head.

        Args:
            tip: The point of the arrow.
            direction: Where it points, degrees (0 = right, 90 = down).
            length: Length of the head along the arrow.
            width: Line width of an open head.
            color: Fill colour.
            solid: A filled triangle instead of the open, chevron-like head; both are found on German roads.
        """
        back = 145.0 if solid else 138.0
        wing = length / abs(math.cos(math.radians(back)))
        wings = [
            (
                tip[0] + wing * math.cos(math.radians(direction + s)),
                tip[1] + wing * math.sin(math.radians(direction + s)),
            )
            for s in (back, -back)
        ]
        if solid:
            self.polygon([tip, *wings], color)
        else:
            reach = width * 0.6
            inset = (
                tip[0] - reach * math.cos(math.radians(direction)),
                tip[1] - reach * math.sin(math.radians(direction)),
            )
            self.stroke([wings[0], inset, wings[1]], width, color, round_ends=False)

    def finish(self) -> Image.Image:
        """The drawing as an RGBA picture of `size` x `size` pixels, alpha-correctly antialiased."""
        return self.image.resize((self.size, self.size), Image.Resampling.BOX)
