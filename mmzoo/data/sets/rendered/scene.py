"""Random road scenes around drawn signs: an endless, seeded supply of labelled pictures, without a download."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw

from mmzoo.data.sets.rendered import banks, photograph
from mmzoo.data.sets.rendered.camera import poses, texture_coefficients
from mmzoo.data.sets.rendered.dice import Dice
from mmzoo.data.sets.rendered.signs import NUM_DRAWN, NUM_SIGNS, STYLES, TRIANGLES, draw_sign

_CHUNK = 128  # images whose light and lens are computed together; no image depends on it
_NEIGHBOURS = (13, 12, 14, 9, 17, 1, 2, 18, 25, 35, 38, 40, 15, 41)
_PLATES = 6
_PANELS = 3


def _premultiplied(picture: Image.Image) -> Image.Image:
    """RGB times alpha, and alpha, as four plain bands: as RGBA, Pillow would multiply once more in each transform."""
    rgba = np.asarray(picture, np.float32)
    rgba = np.concatenate([rgba[..., :3] * (rgba[..., 3:] / 255.0), rgba[..., 3:]], -1)
    return Image.frombytes("RGBX", picture.size, (rgba + 0.5).astype(np.uint8).tobytes())


@lru_cache(maxsize=4096)
def _sign_texture(class_id: int, style: int, side: int) -> Image.Image:
    drawn = draw_sign(class_id, max(side, 48), style=STYLES[style])
    return _premultiplied(drawn if drawn.width == side else drawn.resize((side, side), Image.Resampling.BOX))


@lru_cache(maxsize=64)
def _board_texture(kind: int, side: int) -> Image.Image:
    """Plates under signs (kind < _PLATES) and panels behind them."""
    rng = np.random.default_rng([7, kind])
    size = side * 4
    image = Image.new("RGBA", (size, size))
    pen = ImageDraw.Draw(image)
    shade = int(rng.integers(190, 245))
    if kind >= _PLATES:
        tint = ((shade, shade, shade), (130, 134, 138), (235, 200, 60))[kind - _PLATES]
        pen.rectangle((2, 2, size - 3, size - 3), fill=(*tint, 255))
        return _premultiplied(image.reduce(4))
    half = rng.uniform(0.2, 0.42) * size
    box = (2, size / 2 - half, size - 3, size / 2 + half)
    pen.rectangle(box, fill=(shade, shade, shade, 255), outline=(15, 15, 15, 255), width=max(1, size // 40))
    for row in range(int(rng.integers(1, 3))):  # something like writing
        y, x = size / 2 - half * 0.5 + row * half * 0.8, size * 0.12
        while x < size * 0.82:
            w = rng.uniform(0.03, 0.09) * size
            pen.rectangle((x, y, x + w, y + half * 0.45), fill=(20, 20, 20, 255))
            x += w + 0.03 * size
    return _premultiplied(image.reduce(4))


def _companion(kind: int, pick: float, pose: np.ndarray, side: int, size: tuple[int, int]) -> np.ndarray:
    """A second sign, a plate or a panel on the same pole: uint8 (H, W, 4), premultiplied.

    Args:
        kind: 1 below the sign, 2 above it, 3 around it.
        pick: Which one, 0..1.
        pose: (3, 3) of the main sign.
        side: Side of the texture, texels.
        size: Width and height of the picture, pixels.
    """
    rest = (pick * 997) % 1.0
    scale = 1.0
    if kind == 3:
        texture = _board_texture(_PLATES + int(pick * _PANELS), side)
        offset, scale = (0.0, 0.0), 1.05 + 0.35 * rest
    elif kind == 1 and pick < 0.5:
        texture = _board_texture(int(pick * 2 * _PLATES), side)
        offset = (0.0, 1.45 + 0.3 * rest)
    else:
        texture = _sign_texture(_NEIGHBOURS[int(rest * len(_NEIGHBOURS))], int(pick * 997) % len(STYLES), side)
        offset = (0.0, (1.85 + 0.35 * pick) * (1 if kind == 1 else -1))
    coefficients = texture_coefficients(pose, side, offset, scale).tolist()
    return np.asarray(texture.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR))


def _checked_labels(labels: Sequence[int] | np.ndarray) -> np.ndarray:
    array = np.asarray(labels)
    if array.size == 0:
        array = array.astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise ValueError(f"labels have shape {array.shape} and dtype {array.dtype}, expected one integer an image")
    bad = np.flatnonzero((array < 0) | (array >= NUM_DRAWN))
    if bad.size:
        raise ValueError(f"labels[{bad[0]}] is {array[bad[0]]}, expected a sign from 0 to {NUM_DRAWN - 1}")
    return array.astype(np.int64)


def render_signs(
    labels: Sequence[int] | np.ndarray, *, image_size: tuple[int, int] = (32, 32), seed: int = 0, start: int = 0
) -> np.ndarray:
    """Renders one random road scene a label, cropped around the sign as in GTSRB.

    Image i depends on `seed`, `start + i`, its label and the size only, so a long series may be made in pieces.

    Args:
        labels: (N,) GTSRB classes, 0..42.
        image_size: Height and width, pixels, at least 16 each.
        seed: Any integer; another seed gives other scenes.
        start: Index of the first image in the series, not negative.

    Returns:
        uint8 (N, H, W, 3), RGB.

    Raises:
        ValueError: A label is no GTSRB class (it is named), or `image_size` or `start` is out of range.
    """
    labels = _checked_labels(labels)
    height, width = (int(v) for v in image_size)
    if min(height, width) < 16:
        raise ValueError(f"image_size is {tuple(image_size)!r}, expected height and width of at least 16 pixels")
    if start < 0:
        raise ValueError(f"start is {start!r}, expected an index of at least 0")
    images = np.empty((len(labels), height, width, 3), np.uint8)
    for low in range(0, len(labels), _CHUNK):
        part = labels[low : low + _CHUNK]
        images[low : low + len(part)] = _render_chunk(part, (height, width), Dice(seed, start + low, len(part)))
    return images


def _render_chunk(labels: np.ndarray, image_size: tuple[int, int], dice: Dice) -> np.ndarray:
    height, width = image_size
    longest = max(image_size)
    pad = max(4, longest // 8)
    tall, broad = height + 2 * pad, width + 2 * pad
    bank_side = (longest + 2 * pad) * 5 // 2
    n = len(labels)

    pose = poses(dice, np.isin(labels, list(TRIANGLES | {13})), image_size, pad)
    style = dice.integers(len(STYLES))
    # Coarse textures give soft signs, fine ones the hard stairs of a picture scaled down without antialiasing.
    sides = np.array([longest, longest * 3 // 2, longest * 3])[np.searchsorted([0.3, 0.75], dice.uniform())]
    kind = np.searchsorted([0.60, 0.85, 0.95], dice.uniform(), side="right")
    pick = dice.uniform()
    sticker = dice.chance(0.05)
    sticker_x, sticker_y = dice.uniform(0.15, 0.75), dice.uniform(0.15, 0.75)
    sticker_shade = dice.uniform(0, 255)
    pole, pole_shade, pole_width = dice.chance(0.5), dice.uniform(30, 190), dice.uniform(0.03, 0.1)
    pole_shift = dice.normal(0.5, 0.02)
    places = [dice.uniform() for _ in range(12)]

    bank, soft, twigs = banks.backgrounds(bank_side), banks.blotches(bank_side), banks.branches(bank_side)
    drops, grain = banks.rain(bank_side), banks.sensor_noise(bank_side)
    which = (places[0] * len(bank)).astype(int).tolist()
    top = (places[1] * (bank_side - tall)).astype(int).tolist()
    left = (places[2] * (bank_side - broad)).astype(int).tolist()
    flip = (places[3] < 0.5).tolist()
    dirt_pick = (places[4] * len(soft)).astype(int).tolist()
    shadow_pick = (places[5] * len(soft)).astype(int).tolist()
    rain_pick = (places[6] * len(drops)).astype(int).tolist()
    grain_y = (places[7] * (grain.shape[1] - height)).astype(int).tolist()
    grain_x = (places[8] * (grain.shape[2] - width)).astype(int).tolist()
    twig_pick = np.where(places[9] < 0.1, (places[10] * len(twigs)).astype(int), -1).tolist()
    post_left = pad + (width * (pole_shift - pole_width / 2)).astype(int)
    post_right = np.maximum(post_left + 1, pad + (width * (pole_shift + pole_width / 2)).astype(int))
    post_top = np.where(places[11] < 0.3, 0, tall // 2)

    sign = np.empty((n, 4, tall, broad), np.float32)
    background = np.empty((n, 3, tall, broad), np.float32)
    dirt = np.empty((n, tall, broad), np.float32)
    shadow, streaks = np.empty_like(dirt), np.empty_like(dirt)
    noise = np.empty((n, 3, height, width), np.float32)
    coefficients = np.empty((n, 8))
    for side in np.unique(sides):
        coefficients[sides == side] = texture_coefficients(pose[sides == side], int(side))
    coefficients = coefficients.tolist()
    size = (broad, tall)
    for i, (label, side) in enumerate(zip(labels.tolist(), sides.tolist(), strict=True)):
        texture = _sign_texture(label, int(style[i]), side)
        if sticker[i]:
            texture = texture.copy()
            x, y = int(sticker_x[i] * side), int(sticker_y[i] * side)
            reach = max(2, side // 8)
            texture.paste((int(sticker_shade[i]),) * 3 + (255,), (x, y, x + reach, y + reach * 2 // 3))
        layer = np.asarray(
            texture.transform(size, Image.Transform.PERSPECTIVE, coefficients[i], Image.Resampling.BILINEAR)
        ).transpose(2, 0, 1)
        sign[i] = layer
        if kind[i]:
            second = _companion(int(kind[i]), float(pick[i]), pose[i], longest * 3 // 2, size).transpose(2, 0, 1)
            sign[i] += second * (1 - layer[3:] / np.float32(255))
        rows, columns = slice(top[i], top[i] + tall), slice(left[i], left[i] + broad)
        scenery = bank[which[i], :, rows, columns]
        background[i] = scenery[:, :, ::-1] if flip[i] else scenery
        if pole[i]:
            background[i, :, post_top[i] :, post_left[i] : post_right[i]] = pole_shade[i]
        dirt[i] = soft[dirt_pick[i], rows, columns]
        shadow[i] = soft[shadow_pick[i], rows, columns]
        streaks[i] = drops[rain_pick[i], rows, columns]
        noise[i] = grain[:, grain_y[i] : grain_y[i] + height, grain_x[i] : grain_x[i] + width]
    sign *= np.float32(1 / 255)
    background *= np.float32(1 / 255)
    photograph.age_paint(dice, sign, dirt)
    for i, k in enumerate(twig_pick):
        if k >= 0:
            twig = twigs[k, :, top[i] : top[i] + tall, left[i] : left[i] + broad]
            sign[i] *= 1 - twig[3:]
            sign[i] += twig
    radiance = photograph.illuminate(dice, sign, background, shadow)
    photograph.weather(dice, radiance, streaks)
    radiance = photograph.focus(dice, radiance)[:, :, pad : pad + height, pad : pad + width]
    return photograph.expose(dice, radiance, noise).transpose(0, 2, 3, 1)


def sign_stream(
    count: int, *, seed: int = 0, num_classes: int = NUM_SIGNS, image_size: tuple[int, int] = (32, 32)
) -> tuple[np.ndarray, np.ndarray]:
    """Renders a shuffled series in which all classes are equally frequent, to within one image.

    Args:
        count: Number of images.
        seed: Any non-negative integer.
        num_classes: The first so many of GTSRB's 43 classes and the `EXTRA_SIGNS` behind them.
        image_size: Height and width, pixels.

    Returns:
        Images uint8 (count, H, W, 3) and labels int64 (count,).

    Raises:
        ValueError: `count` is negative or `num_classes` out of range.
    """
    if count < 0:
        raise ValueError(f"count is {count!r}, expected at least 0")
    if not 1 <= num_classes <= NUM_DRAWN:
        raise ValueError(f"num_classes is {num_classes!r}, expected 1 to {NUM_DRAWN}, all signs that can be drawn")
    labels = np.random.default_rng(seed).permutation(np.arange(count, dtype=np.int64) % num_classes)
    return render_signs(labels, image_size=image_size, seed=seed), labels


def contact_sheet(images: np.ndarray, columns: int = 16, scale: int = 3) -> Image.Image:
    """Lays pictures out in rows.

    Args:
        images: uint8 (N, H, W, 3).
        columns: Pictures in a row.
        scale: Enlargement of each.

    Returns:
        RGB picture.

    Raises:
        ValueError: `images` is empty or has another shape.
    """
    images = np.asarray(images)
    if images.ndim != 4 or images.shape[-1] != 3 or not len(images):
        raise ValueError(f"images have shape {images.shape}, expected (N, H, W, 3) with at least one image")
    height, width = images.shape[1] * scale, images.shape[2] * scale
    rows = -(-len(images) // columns)
    sheet = Image.new("RGB", (columns * (width + 2), rows * (height + 2)))
    for k, image in enumerate(images):
        picture = Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC)
        sheet.paste(picture, (k % columns * (width + 2), k // columns * (height + 2)))
    return sheet
