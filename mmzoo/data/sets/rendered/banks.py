"""Banks of random textures, made once a process and cut into by every image: backgrounds, masks, branches, noise."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_BACKGROUNDS = 320
_MASKS = 64
_BANK_SEED = 20110731  # banks are the same for all seeds; which part of them an image sees is not


def _fractal(rng: np.random.Generator, side: int, first: int = 3, fade: float = 0.6) -> np.ndarray:
    """Smooth noise of several octaves, float32 (side, side), zero mean, unit deviation."""
    total = np.zeros((side, side), np.float32)
    cells, weight = first, 1.0
    while cells < side:
        grid = Image.fromarray(rng.standard_normal((cells, cells)).astype(np.float32))
        total += weight * np.asarray(grid.resize((side, side), Image.Resampling.BICUBIC))
        cells, weight = cells * 2, weight * fade
    return (total - total.mean()) / (total.std() + 1e-6)


def _blend(low: np.ndarray, high: np.ndarray, amount: np.ndarray) -> np.ndarray:
    """Mixes two colours (or pictures) by a map of 0..1."""
    amount = amount[..., None]
    return low * (1 - amount) + high * amount


def _color(rng: np.random.Generator, *choices: tuple[int, int, int], spread: float = 14) -> np.ndarray:
    return np.clip(np.array(choices[rng.integers(len(choices))]) + rng.normal(0, spread, 3), 0, 255)


def _sky(rng: np.random.Generator, side: int) -> np.ndarray:
    top = _color(rng, (250, 252, 255), (205, 220, 240), (110, 160, 225), (235, 235, 235), (165, 175, 190))
    low = _color(rng, (255, 255, 255), (225, 235, 245), (200, 210, 215))
    ramp = np.linspace(0, 1, side)[:, None] + 0.12 * rng.uniform() * _fractal(rng, side, 2, 0.5)
    return _blend(top, low, np.clip(ramp, 0, 1))


def _foliage(rng: np.random.Generator, side: int) -> np.ndarray:
    dark = _color(rng, (8, 12, 8), (18, 20, 14), (22, 16, 10), (30, 34, 30), spread=5)
    leaf = _color(rng, (70, 95, 40), (95, 110, 60), (130, 110, 60), (170, 125, 50), (120, 95, 75), (90, 90, 85))
    rough = rng.uniform(0.5, 0.95)
    picture = _blend(dark, leaf, np.clip(0.35 + 0.35 * _fractal(rng, side, int(rng.integers(3, 9)), rough), 0, 1))
    if rng.uniform() < 0.5:  # the sky, or sunlit leaves, shine through
        holes = np.clip(1.6 * (_fractal(rng, side, int(rng.integers(4, 14)), rough) - rng.uniform(0.2, 1.6)), 0, 1)
        light = _color(rng, (255, 255, 255), (225, 235, 250), (235, 210, 130))
        picture = _blend(picture, light, holes)
    return picture


def _bare_trees(rng: np.random.Generator, side: int) -> np.ndarray:
    image = Image.fromarray(_sky(rng, side).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(15, 70))):
        x, y = rng.uniform(0, side, 2)
        angle = rng.normal(-math.pi / 2, 0.7)
        tint = tuple(int(v) for v in _color(rng, (30, 26, 24), (60, 52, 48), spread=8))
        width = max(1, int(rng.exponential(side / 60)))
        for _ in range(5):
            nx, ny = x + math.cos(angle) * side * 0.12, y + math.sin(angle) * side * 0.12
            pen.line((x, y, nx, ny), fill=tint, width=width)
            x, y, angle = nx, ny, angle + rng.normal(0, 0.4)
    return np.asarray(image, np.float32)


def _building(rng: np.random.Generator, side: int) -> np.ndarray:
    wall = _color(
        rng, (205, 195, 175), (150, 140, 130), (170, 90, 70), (225, 220, 210), (120, 125, 130), (200, 170, 110)
    )
    image = Image.new("RGB", (side, side), tuple(int(v) for v in wall))
    pen = ImageDraw.Draw(image)
    step_x, step_y = rng.uniform(0.15, 0.6, 2) * side
    glass = _color(rng, (30, 34, 40), (70, 80, 95), (200, 215, 230))
    for column in range(8):
        for row in range(8):
            x, y = column * step_x, row * step_y
            pen.rectangle((x, y, x + step_x * 0.5, y + step_y * 0.6), fill=tuple(int(v) for v in glass))
    if rng.uniform() < 0.6:  # a roof line with sky above it
        sky = tuple(int(v) for v in _color(rng, (255, 255, 255), (190, 210, 235)))
        level, slope = rng.uniform(0.1, 0.6) * side, rng.normal(0, 0.5) * side
        pen.polygon(((0, 0), (side, 0), (side, level + slope / 2), (0, level - slope / 2)), fill=sky)
    turned = image.rotate(rng.normal(0, 5), Image.Resampling.BILINEAR, fillcolor=tuple(int(v) for v in wall))
    return np.asarray(turned, np.float32) + 9 * _fractal(rng, side, 8, 0.9)[..., None]


def _clutter(rng: np.random.Generator, side: int) -> np.ndarray:
    """Vehicles, other signs, lights: patches of any colour."""
    base = _color(rng, (60, 60, 60), (110, 110, 105), (40, 46, 40), (180, 180, 180), spread=25)
    image = Image.new("RGB", (side, side), tuple(int(v) for v in base))
    pen = ImageDraw.Draw(image)
    for _ in range(int(rng.integers(4, 18))):
        tint = tuple(
            int(v)
            for v in _color(
                rng, (180, 30, 35), (20, 70, 150), (240, 240, 240), (20, 20, 20), (235, 180, 40), (120, 120, 120)
            )
        )
        x, y = rng.uniform(-0.2, 1, 2) * side
        w, h = rng.uniform(0.05, 0.6, 2) * side
        (pen.rectangle if rng.uniform() < 0.65 else pen.ellipse)((x, y, x + w, y + h), fill=tint)
    return np.asarray(image, np.float32)


def _road(rng: np.random.Generator, side: int) -> np.ndarray:
    picture = np.array(_foliage(rng, side) if rng.uniform() < 0.6 else _building(rng, side))
    level = int(rng.uniform(0.3, 0.8) * side)
    gray = _color(rng, (105, 105, 108), (70, 72, 76), (150, 148, 145), spread=6)
    picture[level:] = gray + 8 * _fractal(rng, side, 6, 0.9)[level:, :, None]
    return picture


def _skyline(rng: np.random.Generator, side: int) -> np.ndarray:
    level = (
        rng.uniform(0.15, 0.85)
        + 0.1 * _fractal(rng, side, 3, 0.6)[0]
        + 0.3 * rng.normal() * np.linspace(-0.5, 0.5, side)
    )
    below = np.clip((np.linspace(0, 1, side)[:, None] - level[None]) * side / 3, 0, 1)
    return _blend(_sky(rng, side), _foliage(rng, side), below)


@lru_cache(maxsize=4)
def backgrounds(side: int) -> np.ndarray:
    """Scenes behind a sign: uint8 (K, 3, side, side); sky, trees, walls, roads, clutter, half of them out of focus."""
    rng = np.random.default_rng([_BANK_SEED, 1])
    painters = (_sky, _foliage, _foliage, _foliage, _bare_trees, _building, _clutter, _road, _skyline, _skyline)
    bank = np.empty((_BACKGROUNDS, 3, side, side), np.uint8)
    for k in range(_BACKGROUNDS):
        image = Image.fromarray(np.clip(painters[k % len(painters)](rng, side), 0, 255).astype(np.uint8))
        if rng.uniform() < 0.5:
            image = image.filter(ImageFilter.GaussianBlur(rng.exponential(side / 50)))
        bank[k] = np.asarray(image).transpose(2, 0, 1)
    return bank


@lru_cache(maxsize=4)
def blotches(side: int) -> np.ndarray:
    """Soft-edged patches for shadows and dirt: float32 (K, side, side), 0..1."""
    rng = np.random.default_rng([_BANK_SEED, 2])
    bank = np.empty((_MASKS, side, side), np.float32)
    for k in range(_MASKS):
        field = _fractal(rng, side, int(rng.integers(2, 7)), rng.uniform(0.4, 0.9))
        bank[k] = np.clip(0.5 + rng.uniform(0.6, 4.0) * (field - rng.uniform(-0.3, 1.2)), 0, 1)
    return bank


@lru_cache(maxsize=4)
def branches(side: int) -> np.ndarray:
    """Twigs, leaves and wires before a sign: float32 (K, 4, side, side), RGB multiplied by alpha 0..1, then alpha."""
    rng = np.random.default_rng([_BANK_SEED, 3])
    bank = np.empty((_MASKS, 4, side, side), np.float32)
    for k in range(_MASKS):
        image = Image.new("L", (side * 2, side * 2))
        pen = ImageDraw.Draw(image)
        for _ in range(int(rng.integers(1, 6))):
            x, y = rng.uniform(0, 2 * side, 2)
            angle = rng.uniform(0, 2 * math.pi)
            width = int(rng.integers(1, 2 + side // 24))
            leafy = rng.uniform() < 0.6
            for _ in range(12):
                nx, ny = x + math.cos(angle) * side * 0.12, y + math.sin(angle) * side * 0.12
                pen.line((x, y, nx, ny), fill=255, width=width)
                if leafy:
                    r = rng.uniform(0.02, 0.06) * side
                    pen.ellipse((nx - r, ny - r * rng.uniform(0.4, 1), nx + r, ny + r), fill=255)
                x, y, angle = nx, ny, angle + rng.normal(0, 0.35)
        alpha = np.asarray(image.reduce(2), np.float32) / 255.0
        tint = _color(rng, (45, 60, 28), (34, 28, 24), (110, 85, 40), (70, 72, 66), spread=8) / 255.0
        bank[k, :3] = alpha * tint[:, None, None]
        bank[k, 3] = alpha
    return bank


@lru_cache(maxsize=4)
def rain(side: int) -> np.ndarray:
    """Rain or snow streaks: float32 (K, side, side), 0..1."""
    rng = np.random.default_rng([_BANK_SEED, 4])
    bank = np.empty((_MASKS, side, side), np.float32)
    for k in range(_MASKS):
        image = Image.new("L", (side * 2, side * 2))
        pen = ImageDraw.Draw(image)
        lean, length = rng.normal(0, 0.25), rng.uniform(0.02, 0.3) * side
        for _ in range(int(rng.integers(20, 90))):
            x, y = rng.uniform(-20, 2 * side, 2)
            pen.line((x, y, x + lean * length, y + length), fill=int(rng.integers(80, 255)), width=1)
        bank[k] = np.asarray(image.reduce(2), np.float32) / 255.0
    return bank


@lru_cache(maxsize=4)
def sensor_noise(side: int) -> np.ndarray:
    """Unit Gaussian noise, half of it common to the three colours: float32 (3, 8 * side, 8 * side)."""
    rng = np.random.default_rng([_BANK_SEED, 5])
    common = rng.standard_normal((1, 8 * side, 8 * side), dtype=np.float32)
    return np.sqrt(0.5) * (common + rng.standard_normal((3, 8 * side, 8 * side), dtype=np.float32)).astype(np.float32)
