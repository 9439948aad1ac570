"""The black figures inside the triangles and rings: vehicles, people, animals, road shapes."""

from __future__ import annotations

import math

from mmzoo.data.sets.rendered.canvas import Canvas, Color, Point, arc_points, mirrored


def car(c: Canvas, x: float, y: float, w: float, color: Color, window: Color) -> None:
    """A car seen from behind, `w` wide, its middle at (x, y)."""
    h = w * 0.5
    c.polygon(
        [
            (x - w * 0.5, y + h * 0.32),
            (x - w * 0.48, y - h * 0.1),
            (x + w * 0.48, y - h * 0.1),
            (x + w * 0.5, y + h * 0.32),
        ],
        color,
    )
    c.polygon(
        [(x - w * 0.38, y), (x - w * 0.27, y - h * 0.55), (x + w * 0.27, y - h * 0.55), (x + w * 0.38, y)],
        color,
    )
    c.polygon(
        [
            (x - w * 0.26, y - h * 0.12),
            (x - w * 0.2, y - h * 0.4),
            (x + w * 0.2, y - h * 0.4),
            (x + w * 0.26, y - h * 0.12),
        ],
        window,
    )
    for side in (-1, 1):
        c.box(x + side * w * 0.38 - w * 0.09, y + h * 0.3, x + side * w * 0.38 + w * 0.09, y + h * 0.58, color)


def lorry_from_behind(c: Canvas, x: float, y: float, w: float, color: Color) -> None:
    """A lorry seen from behind: a tall box on wheels, the box's middle at (x, y)."""
    c.box(x - w / 2, y - w * 0.55, x + w / 2, y + w * 0.42, color)
    c.box(x - w * 0.46, y + w * 0.42, x - w * 0.16, y + w * 0.66, color)
    c.box(x + w * 0.16, y + w * 0.42, x + w * 0.46, y + w * 0.66, color)
    c.box(x - w * 0.5, y + w * 0.48, x + w * 0.5, y + w * 0.55, color)


def lorry(c: Canvas, color: Color, window: Color) -> None:
    """A lorry from the side, driving left."""
    c.box(42, 39, 74, 56, color)
    c.polygon([(27, 59), (27, 52), (31, 50), (33, 43), (41, 43), (41, 59)], color)
    c.polygon([(32.5, 50), (34.2, 45), (38.5, 45), (38.5, 50)], window)
    c.box(27, 56, 74, 59.5, color)
    for x in (34.5, 62, 68.5):
        c.disc(x, 60, 4.1, color)


def crossing(c: Canvas, k: float, color: Color) -> None:
    """Right of way at the next junction: a broad arrow over a thin crossing road."""
    c.polygon(
        [
            (50, 37),
            (58.5, 51),
            (55.5, 51),
            (55.5, 71),
            (58, 79),
            (50, 76),
            (42, 79),
            (44.5, 71),
            (44.5, 51),
            (41.5, 51),
        ],
        color,
    )
    c.stroke([(35, 60.5), (65, 60.5)], 5 * k, color, round_ends=False)


def exclamation(c: Canvas, k: float, color: Color) -> None:
    """The exclamation mark of the general warning."""
    c.polygon([(50 - 3.4 * k, 38), (50 + 3.4 * k, 38), (50 + 1.9 * k, 65), (50 - 1.9 * k, 65)], color, grow=1.0)
    c.disc(50, 73.5, 4.3 * k, color)


def curve(c: Canvas, k: float, color: Color, left: bool, head: bool) -> None:
    """A single bend."""
    path: list[Point] = [(57, 79), (57, 66), *arc_points(47, 66, 10, 11, 0, -80, 8), (40, 53)]
    tip = [(32.5, 52), (42, 45.5), (41, 60.5)]
    if not left:
        path, tip = mirrored(path), mirrored(tip)
    c.stroke(path, 8.2 * k, color, round_ends=False)
    if head:
        c.polygon(tip, color)


def double_curve(c: Canvas, k: float, color: Color) -> None:
    """Two bends, the first to the left."""
    c.stroke([(57, 79), (57, 61.5), (45, 64.5), (45, 50)], 7.6 * k, color, round_ends=False)
    c.polygon([(45 - 6.4 * k, 51), (45, 39.5), (45 + 6.4 * k, 51)], color)


def bumps(c: Canvas, k: float, color: Color) -> None:
    """An uneven road: two humps."""
    c.box(30, 75, 70, 79, color)
    for x in (41, 59):
        c.polygon([*arc_points(x, 76, 9.2, 10.5 * k, 180, 360)], color)


def skidding_car(c: Canvas, k: float, color: Color, window: Color) -> None:
    """A tilted car over two winding tracks."""
    angle = math.radians(12)

    def turned(points: list[Point]) -> list[Point]:
        return [
            (
                50 + (x - 50) * math.cos(angle) - (y - 54) * math.sin(angle),
                54 + (x - 50) * math.sin(angle) + (y - 54) * math.cos(angle),
            )
            for x, y in points
        ]

    c.polygon(turned([(37, 61), (37, 54), (41, 53), (44, 46), (56, 46), (59, 53), (63, 54), (63, 61)]), color)
    c.polygon(turned([(43.5, 53), (45.5, 48.5), (54.5, 48.5), (56.5, 53)]), window)
    c.polygon(turned([(38, 61), (43, 61), (43, 64.5), (38, 64.5)]), color)
    c.polygon(turned([(57, 61), (62, 61), (62, 64.5), (57, 64.5)]), color)
    for x in (38, 54):
        wave = [(x + t * 1.1 + 2.2 * math.sin(t * 1.05), 66 + t * 1.15) for t in range(12)]
        c.stroke(wave, 1.9 * k, color)


def narrows_right(c: Canvas, k: float, color: Color) -> None:
    """A road whose right edge comes in."""
    c.stroke([(41, 79), (41, 44)], 5.4 * k, color, round_ends=False)
    c.stroke([(62, 79), (62, 69), (54.5, 58), (54.5, 44)], 5.4 * k, color, round_ends=False)


def _limbs(c: Canvas, lines: list[list[Point]], width: float, color: Color) -> None:
    for line in lines:
        c.stroke(line, width, color)


def worker(c: Canvas, k: float, color: Color) -> None:
    """A man with a shovel before a heap."""
    c.disc(47, 43.5, 4, color)
    c.polygon([(40, 49), (47, 48.5), (50, 52), (45, 62), (38, 60)], color, grow=1)
    _limbs(c, [[(41, 60), (38, 68), (33, 79)], [(43, 60), (46, 68), (45, 79)]], 4.2 * k, color)
    _limbs(c, [[(47, 51), (52, 58), (49, 62)], [(42, 51), (39, 58), (44, 62)]], 3.2 * k, color)
    _limbs(c, [[(38, 57), (60, 70)]], 2 * k, color)
    c.polygon([(50, 79), (58, 71), (63, 67), (69, 72), (76, 79)], color)


def walker(c: Canvas, k: float, color: Color) -> None:
    """A pedestrian in full stride."""
    c.disc(51, 40, 4, color)
    c.polygon([(47, 46), (54, 46), (54, 61), (47, 61)], color, grow=1)
    _limbs(c, [[(52, 60), (56, 69), (58.5, 79)], [(49, 60), (47, 69), (41, 79)]], 4.4 * k, color)
    _limbs(c, [[(53, 47.5), (58, 54), (61.5, 60)], [(48, 47.5), (43, 53), (40, 60)]], 3.2 * k, color)


def children(c: Canvas, k: float, color: Color) -> None:
    """Two running children, the taller one on the right."""
    c.disc(57.5, 46, 3.9, color)
    c.polygon([(54, 51), (61.5, 51), (61, 63), (54, 63)], color, grow=1)
    _limbs(c, [[(59, 62), (65, 68), (70, 76)], [(56, 62), (56, 70), (51, 79)]], 4 * k, color)
    _limbs(c, [[(61, 52), (67, 57), (71, 54)], [(55, 52), (49, 57), (46, 61)]], 3 * k, color)
    c.disc(37.5, 55, 3.4, color)
    c.polygon([(34, 60), (41, 60), (40, 69), (34, 69)], color, grow=1)
    _limbs(c, [[(39, 69), (44, 73), (42, 79)], [(36, 69), (32, 74), (26, 76)]], 3.4 * k, color)
    _limbs(c, [[(41, 61), (46, 61)], [(34, 61), (28, 65)]], 2.8 * k, color)


def bicycle(c: Canvas, k: float, color: Color) -> None:
    """A bicycle from the side."""
    for x in (37, 63):
        c.ring(x, 69.5, 8.6, 2.5 * k, color)
    frame = [[(37, 69.5), (43, 56), (57, 56), (50, 69.5), (37, 69.5)], [(50, 69.5), (42, 53)], [(63, 69.5), (56, 51)]]
    _limbs(c, [*frame, [(39, 52.5), (45, 52.5)], [(55, 51), (61, 51)]], 2.6 * k, color)


def snowflake(c: Canvas, k: float, color: Color) -> None:
    """A six-armed snow crystal."""
    for arm in range(6):
        a = math.radians(60 * arm + 30)
        tip = (50 + 15.5 * math.cos(a), 62 + 15.5 * math.sin(a))
        c.stroke([(50, 62), tip], 2.8 * k, color)
        node = (50 + 8.5 * math.cos(a), 62 + 8.5 * math.sin(a))
        for side in (-45, 45):
            b = a + math.radians(side)
            c.stroke([node, (node[0] + 6 * math.cos(b), node[1] + 6 * math.sin(b))], 2.4 * k, color)


def deer(c: Canvas, k: float, color: Color) -> None:
    """A deer leaping to the left."""
    c.polygon([(41, 56), (46, 57), (57, 61), (64, 64), (64, 70), (55, 69), (44, 66), (40, 61)], color, grow=1)
    c.polygon([(39, 60), (41, 48), (45, 49), (48, 60)], color, grow=0.6)
    c.polygon([(34, 51.5), (40, 46), (45, 48), (43, 52)], color, grow=0.6)
    _limbs(c, [[(43, 47), (46, 41), (45, 37)], [(46, 42), (50, 39)], [(44, 46), (50, 44)]], 1.9 * k, color)
    _limbs(c, [[(42, 64), (35, 66), (31, 64)], [(44, 66), (38, 71), (33, 70)]], 2.7 * k, color)
    _limbs(c, [[(61, 68), (66, 72), (71, 79)], [(58, 68), (60, 74), (66, 79)], [(64, 64), (67, 62)]], 3 * k, color)
