"""The 43 signs of GTSRB and some more, drawn: plates, borders, colours, the figures of `pictograms` and `glyphs`.

Shapes and colours follow the German catalogue of traffic signs (VzKat, Anlagen 1-3 StVO); figures are simplified.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from mmzoo.data.sets.rendered import pictograms
from mmzoo.data.sets.rendered.canvas import Canvas, Color, Point, arc_points, mirrored
from mmzoo.data.sets.rendered.glyphs import draw_text

NUM_SIGNS = 43
# Signs that GTSRB lacks, numbered on from its 43: for showing how a model learns new ones.
EXTRA_SIGNS = (
    "Speed limit (10km/h)",
    "Speed limit (40km/h)",
    "Speed limit (90km/h)",
    "Speed limit (110km/h)",
    "Speed limit (130km/h)",
    "No stopping",
    "No parking",
)
NUM_DRAWN = NUM_SIGNS + len(EXTRA_SIGNS)
SPEEDS = {
    **{0: "20", 1: "30", 2: "50", 3: "60", 4: "70", 5: "80", 7: "100", 8: "120"},
    **{43: "10", 44: "40", 45: "90", 46: "110", 47: "130"},
}
_NO_STOPPING, _NO_PARKING = 48, 49
TRIANGLES = frozenset({11, *range(18, 32)})


@dataclass(frozen=True)
class SignStyle:
    """How one maker at one time paints the signs: all colours are sRGB, 0..255.

    Attributes:
        border: Factor on the width of red borders.
        stroke: Factor on the line width of figures and numerals.
        solid_arrows: Filled arrow heads on blue signs instead of open ones.
        bend_heads: Arrow heads on the figures of bends.
        curved_six: The 6 has a curved stem instead of a straight one.
        glyph_width: Factor on the width of numerals and letters.
        edge: Width of the light outer rim, sign units (the sign is 100 wide).
        red, blue, yellow, black, white, gray: Paints; gray is that of the figures of "end of" signs.
    """

    border: float = 1.0
    stroke: float = 1.0
    solid_arrows: bool = False
    bend_heads: bool = True
    curved_six: bool = False
    glyph_width: float = 1.0
    edge: float = 1.6
    red: Color = (182, 22, 34)
    blue: Color = (8, 60, 158)
    yellow: Color = (246, 168, 16)
    black: Color = (14, 14, 18)
    white: Color = (238, 238, 234)
    gray: Color = (84, 84, 86)


STYLES = (
    SignStyle(),
    SignStyle(1.12, 1.12, True, True, True, 1.04, 1.0, (172, 20, 40), (14, 58, 140), (226, 150, 24)),
    SignStyle(
        0.9, 0.92, False, False, False, 0.94, 2.2, (204, 36, 30), (6, 80, 176), (250, 186, 40), gray=(60, 60, 64)
    ),
    SignStyle(
        1.02, 1.22, True, False, True, 1.0, 0.6, (160, 24, 28), (22, 64, 150), (232, 158, 6), white=(214, 218, 222)
    ),
    SignStyle(0.96, 1.05, False, True, False, 1.08, 1.4, (212, 52, 46), (14, 68, 146), (240, 176, 50), (34, 34, 38)),
    SignStyle(
        1.08, 0.98, True, True, True, 0.97, 2.6, (182, 30, 52), (2, 54, 166), (236, 160, 40), gray=(112, 112, 114)
    ),
)


def draw_sign(class_id: int, size: int = 96, *, style: SignStyle = STYLES[0]) -> Image.Image:
    """Draws one clean sign, seen from the front.

    Args:
        class_id: GTSRB class, 0..42 in the official order, or from 43 on one of `EXTRA_SIGNS`.
        size: Side of the picture, pixels.
        style: Paint and line widths.

    Returns:
        RGBA picture of `size` x `size`; transparent outside the sign, which touches the margins to within 1 %.

    Raises:
        ValueError: `class_id` is no such sign or `size` is below 8.
    """
    if class_id not in range(NUM_DRAWN):
        raise ValueError(f"class_id is {class_id!r}, expected a sign from 0 to {NUM_DRAWN - 1}")
    if size < 8:
        raise ValueError(f"size is {size!r} pixels, expected at least 8")
    canvas = Canvas(size)
    class_id = int(class_id)
    if class_id in SPEEDS:
        _prohibition(canvas, style)
        _speed(canvas, SPEEDS[class_id], style, style.black)
    elif class_id in (6, 32, 41, 42):
        _end_sign(canvas, class_id, style)
    elif class_id in (9, 10, 15, 16):
        _prohibition(canvas, style)
        _prohibited(canvas, class_id, style)
    elif class_id in TRIANGLES:
        _triangle(canvas, style)
        _warning(canvas, class_id, style)
    elif class_id in (_NO_STOPPING, _NO_PARKING):
        _restriction(canvas, style, crossed=class_id == _NO_STOPPING)
    elif class_id >= 33:
        _plain_disc(canvas, style.blue, style)
        _mandatory(canvas, class_id, style)
    elif class_id == 12:
        _priority_road(canvas, style)
    elif class_id == 13:
        _triangle(canvas, style, upside_down=True)
    elif class_id == 14:
        _stop(canvas, style)
    else:
        _plain_disc(canvas, style.red, style)
        canvas.box(13, 41.5, 87, 58.5, style.white)
    return canvas.finish()


def _plain_disc(c: Canvas, color: Color, style: SignStyle) -> None:
    c.disc(50, 50, 49, style.white)
    c.disc(50, 50, 49 - style.edge, color)


def _prohibition(c: Canvas, style: SignStyle) -> None:
    _plain_disc(c, style.red, style)
    c.disc(50, 50, 49 - 11.2 * style.border, style.white)


def _triangle(c: Canvas, style: SignStyle, upside_down: bool = False) -> None:
    # Corners lie at twice the inradius from the centroid; `grow` rounds them.
    for inradius, grow, color in (
        (28.2, 4.0, style.white),
        (28.2 - style.edge * 0.8, 3.6, style.red),
        (28.2 - (9.0 if upside_down else 8.4) * style.border, 1.2, style.white),
    ):
        reach = 2 * (inradius - grow)
        points = [
            (50 + reach * math.cos(math.radians(a)), 64 + reach * math.sin(math.radians(a))) for a in (-90, 30, 150)
        ]
        if upside_down:
            points = [(x, 100 - y) for x, y in points]
        c.polygon(points, color, grow=grow)


def _stop(c: Canvas, style: SignStyle) -> None:
    for radius, color in ((50.5, style.white), (47.6 - style.edge * 0.5, style.red)):
        c.polygon(arc_points(50, 50, radius, radius, 22.5, 382.5, 8), color)
    draw_text(c, "STOP", (50, 50), 37, 17.5 * style.glyph_width, 5.0 * style.stroke**0.5, style.white)


def _priority_road(c: Canvas, style: SignStyle) -> None:
    for reach, grow, color in (
        (45, 3, style.black),
        (44.2, 3, style.white),
        (27.5, 1, style.black),
        (26.5, 1, style.yellow),
    ):
        c.polygon([(50 - reach, 50), (50, 50 - reach), (50 + reach, 50), (50, 50 + reach)], color, grow=grow)


def _speed(c: Canvas, text: str, style: SignStyle, color: Color) -> None:
    width, stroke = (24.5, 5.4) if len(text) == 2 else (19.0, 4.8)
    height = 41 if len(text) == 2 else 38
    draw_text(c, text, (50, 50), height, width * style.glyph_width, stroke * style.stroke**0.7, color, style.curved_six)


def _end_sign(c: Canvas, class_id: int, style: SignStyle) -> None:
    c.disc(50, 50, 49, style.gray)
    c.disc(50, 50, 48, style.white)
    c.disc(50, 50, 45.4, style.gray)
    c.disc(50, 50, 44.8, style.white)
    if class_id == 6:
        draw_text(c, "80", (50, 50), 46, 28 * style.glyph_width, 6.4 * style.stroke, style.gray)
    elif class_id == 41:
        pictograms.car(c, 34.5, 51, 30, style.gray, style.white)
        pictograms.car(c, 65.5, 51, 30, style.gray, style.white)
    elif class_id == 42:
        pictograms.lorry_from_behind(c, 34, 47, 29, style.gray)
        pictograms.car(c, 66, 56, 28, style.gray, style.white)
    for k in range(-2, 3):  # five thin bars from the lower left to the upper right
        offset = k * 4.7
        half = math.sqrt(44.8**2 - offset**2)
        middle = (50 + offset * math.sqrt(0.5), 50 + offset * math.sqrt(0.5))
        d = half * math.sqrt(0.5)
        ends = [(middle[0] - d, middle[1] + d), (middle[0] + d, middle[1] - d)]
        c.stroke(ends, 2.2 * style.stroke, style.black, round_ends=False)


def _prohibited(c: Canvas, class_id: int, style: SignStyle) -> None:
    if class_id == 9:
        pictograms.car(c, 34.5, 51, 29, style.red, style.white)
        pictograms.car(c, 65.5, 51, 29, style.black, style.white)
    elif class_id == 10:
        pictograms.lorry_from_behind(c, 35.5, 47, 25, style.red)
        pictograms.car(c, 65, 56, 26, style.black, style.white)
    elif class_id == 16:
        pictograms.lorry(c, style.black, style.white)


def _restriction(c: Canvas, style: SignStyle, crossed: bool) -> None:
    _plain_disc(c, style.red, style)
    inner = 49 - 9.6 * style.border
    c.disc(50, 50, inner, style.blue)
    reach = inner * math.sqrt(0.5)
    for side in (1, -1) if crossed else (1,):
        ends = [(50 - side * reach, 50 - reach), (50 + side * reach, 50 + reach)]
        c.stroke(ends, 8.6 * style.border, style.red, round_ends=False)


def _warning(c: Canvas, class_id: int, style: SignStyle) -> None:
    k, ink = style.stroke, style.black
    if class_id in (19, 20):
        pictograms.curve(c, k, ink, left=class_id == 19, head=style.bend_heads)
    elif class_id == 23:
        pictograms.skidding_car(c, k, ink, style.white)
    elif class_id == 26:
        for y, color in ((44, style.red), (57.5, style.yellow), (71, (0, 132, 100))):
            c.disc(50, y, 5.9 * k**0.5, color)
    else:
        figures = {
            11: pictograms.crossing,
            18: pictograms.exclamation,
            21: pictograms.double_curve,
            22: pictograms.bumps,
            24: pictograms.narrows_right,
            25: pictograms.worker,
            27: pictograms.walker,
            28: pictograms.children,
            29: pictograms.bicycle,
            30: pictograms.snowflake,
            31: pictograms.deer,
        }
        figures[class_id](c, k, ink)


def _arrow(c: Canvas, path: list[Point], style: SignStyle, width: float, head: float, mirror: bool = False) -> None:
    """An arrow along `path`; its direction is that of the last leg."""
    path = mirrored(path) if mirror else path
    (x0, y0), (x1, y1) = path[-2:]
    angle = math.atan2(y1 - y0, x1 - x0)
    width *= style.stroke**0.5
    reach = head * 0.8 if style.solid_arrows else width
    neck = (x1 - reach * math.cos(angle), y1 - reach * math.sin(angle))
    c.stroke([*path[:-1], neck], width, style.white, round_ends=False)
    c.arrow_head(path[-1], math.degrees(angle), head, width, style.white, style.solid_arrows)


def _mandatory(c: Canvas, class_id: int, style: SignStyle) -> None:
    if class_id in (33, 34):
        path = [(37, 82), (37, 56), *arc_points(53, 54, 16, 16, 180, 270, 8), (58, 38), (82, 38)]
        _arrow(c, path, style, 9.5, 20, mirror=class_id == 34)
    elif class_id == 35:
        _arrow(c, [(50, 88), (50, 12)], style, 10.5, 25)
    elif class_id in (36, 37):
        mirror = class_id == 37
        _arrow(c, [(40, 89), (40, 12)], style, 8.5, 19, mirror)
        _arrow(c, [(40, 76), (42, 64), (49, 58.5), (86, 58.5)], style, 8.5, 18, mirror)
    elif class_id in (38, 39):
        _arrow(c, [(23, 25), (78, 77)], style, 10.5, 25, mirror=class_id == 39)
    else:
        for start in (-30, 90, 210):  # three arrows, counter-clockwise
            ring = arc_points(50, 50, 30, 30, start + 52, start - 34, 16)
            c.stroke(ring[:-3], 7.2 * style.stroke**0.5, style.white, round_ends=False)
            (x0, y0), (x1, y1) = ring[-4], ring[-2]
            c.arrow_head(ring[-1], math.degrees(math.atan2(y1 - y0, x1 - x0)), 15, 6.6, style.white, style.solid_arrows)
