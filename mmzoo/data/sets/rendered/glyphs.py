"""Narrow sign lettering in the manner of DIN 1451: the digits, and S, T, O, P, as strokes of constant width."""

from __future__ import annotations

from mmzoo.data.sets.rendered.canvas import Canvas, Color, Point, arc_points


def _glyph(char: str, w: float, h: float, curved: bool) -> list[list[Point]]:
    """Centre lines of one glyph in a box of `w` x `h`, origin at the top left."""
    r = w / 2
    if char in "0O":
        loop = arc_points(r, r, r, r, 180, 360) + arc_points(r, h - r, r, r, 0, 180)
        return [[*loop, loop[0]]]
    if char == "1":
        return [[(w * 0.1, h * 0.24), (w * 0.62, 0), (w * 0.62, h)]]
    if char == "2":
        return [arc_points(r, r, r, r, 190, 385) + [(0, h), (w, h)]]
    if char == "3":
        top, low = h * 0.23, h * 0.27
        upper = arc_points(r, top, r * 0.94, top, 200, 450)
        return [upper, arc_points(r, h - low, r, low, 270, 520)]
    if char == "4":
        return [[(w * 0.55, 0), (0, h * 0.7), (w, h * 0.7)], [(w * 0.72, h * 0.42), (w * 0.72, h)]]
    if char == "5":
        low = h * 0.30
        bowl = arc_points(r, h - low, r, low, 225, 510)
        return [[(w * 0.94, 0), (w * 0.12, 0), (w * 0.06, h * 0.5)], bowl]
    if char == "6":
        low = h * 0.29
        bowl = arc_points(r, h - low, r, low, 0, 360)
        if curved:
            return [bowl, [*reversed(arc_points(r, r, r, r, 180, 335)), (0, h - low)]]
        return [bowl, [(w * 0.8, 0), (w * 0.35, h * 0.27), (w * 0.06, h * 0.58), (0, h - low)]]
    if char == "7":
        return [[(0, 0), (w, 0), (w * 0.34, h)]]
    if char == "8":
        top, low = h * 0.225, h * 0.275
        return [arc_points(r, top, r * 0.9, top, 0, 360), arc_points(r, h - low, r, low, 0, 360)]
    if char == "9":
        return [[(w - x, h - y) for x, y in line] for line in _glyph("6", w, h, curved)]
    if char == "S":
        top, low = h * 0.25, h * 0.25
        return [arc_points(r, top, r, top, 340, 90) + arc_points(r, h - low, r, low, 270, 520)]
    if char == "T":
        return [[(0, 0), (w, 0)], [(r, 0), (r, h)]]
    if char == "P":
        ry = h * 0.27
        return [[(0, h), (0, 0), (r, 0), *arc_points(w - r, ry, r, ry, 270, 450), (0, 2 * ry)]]
    raise ValueError(f"no glyph for {char!r}: have the digits and the letters S, T, O, P")


def draw_text(
    canvas: Canvas,
    text: str,
    center: Point,
    height: float,
    width: float,
    stroke: float,
    color: Color,
    curved: bool = False,
) -> None:
    """Draws `text` centred on a point.

    Args:
        canvas: Where to draw.
        text: Digits or letters of STOP.
        center: Middle of the text, sign coordinates.
        height: Outer height of the glyphs.
        width: Outer width of one glyph (a 1 takes about half).
        stroke: Line width.
        color: Fill colour.
        curved: The 6 and the 9 have a curved stem, which makes them look like an 8 from afar, not a straight one.

    Raises:
        ValueError: A character has no glyph.
    """
    gap = stroke * 0.75
    widths = [width * 0.62 if c == "1" else width for c in text]
    x = center[0] - (sum(widths) + gap * (len(text) - 1)) / 2
    top = center[1] - height / 2
    for char, outer in zip(text, widths, strict=True):
        for line in _glyph(char, outer - stroke, height - stroke, curved):
            points = [(x + stroke / 2 + px, top + stroke / 2 + py) for px, py in line]
            canvas.stroke(points, stroke, color, round_ends=True)
        x += outer + gap
