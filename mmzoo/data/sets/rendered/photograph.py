"""Light, weather, lens and sensor: from a sign layer and a background to the photograph, for many images at once.

All arrays are channel-first float32. Colours are 0..1 for paint, and reach 255 (clipped) for the photograph.
"""

from __future__ import annotations

import numpy as np

from mmzoo.data.sets.rendered.dice import Dice


def _col(values: np.ndarray) -> np.ndarray:
    """(N,) as float32 (N, 1, 1, 1)."""
    return values.astype(np.float32)[:, None, None, None]


def _grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column coordinates in -1..1, float32 (1, 1, H, 1) and (1, 1, 1, W)."""
    y = np.linspace(-1, 1, height, dtype=np.float32)[None, None, :, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, None, None, :]
    return y, x


def age_paint(dice: Dice, sign: np.ndarray, dirt: np.ndarray) -> None:
    """Fades colours and lays dirt on the sign, in place.

    Args:
        dice: Source of the random numbers.
        sign: (N, 4, H, W), RGB multiplied by alpha, then alpha.
        dirt: (N, H, W), 0..1.
    """
    rgb, alpha = sign[:, :3], sign[:, 3:]
    gray = rgb.mean(axis=1, keepdims=True)
    rgb[...] = gray + (rgb - gray) * _col(dice.uniform(0.6, 1.1))
    fade = np.where(dice.chance(0.12), dice.uniform(0.1, 0.5), 0.0)
    rgb += _col(fade) * (alpha * np.float32(0.72) - rgb)
    amount = np.where(dice.chance(0.15), dice.uniform(0.1, 0.7), 0.0)
    cover = _col(amount) * dirt[:, None]
    rgb *= 1 - cover
    rgb += cover * alpha * _col(dice.uniform(0.02, 0.35))


def illuminate(dice: Dice, sign: np.ndarray, background: np.ndarray, shadow: np.ndarray) -> np.ndarray:
    """Lights sign and background apart from one another and puts the one before the other.

    Signs are often in the shade before a burnt-out sky, or, at night, lit by the headlights before black.

    Args:
        dice: Source of the random numbers.
        sign: (N, 4, H, W), RGB multiplied by alpha, then alpha.
        background: (N, 3, H, W), 0..1.
        shadow: (N, H, W), 0..1: where a shadow may fall on the sign.

    Returns:
        (N, 3, H, W), radiance; 255 is the sensor's limit, and is exceeded.
    """
    y, x = _grid(*sign.shape[2:])
    white = np.exp(np.clip(dice.normal(np.log(120.0), 0.74), np.log(14), np.log(520)))
    behind = white * np.exp(dice.normal(-0.12, 0.5))
    backlit = dice.chance(0.15)
    white = np.where(backlit, dice.uniform(22, 110), white)
    behind = np.where(backlit, dice.uniform(180, 420), behind)
    night = dice.chance(0.08)
    white = np.where(night, dice.uniform(25, 260), white)
    behind = np.where(night, dice.uniform(3, 40), behind)

    light = 1 + _col(dice.normal(0, 0.14)) * x + _col(dice.normal(0, 0.14)) * y
    light = light * (1 - _col(np.where(dice.chance(0.18), dice.uniform(0.2, 0.75), 0.0)) * shadow[:, None])
    # Warm or blue light; the whole picture shares most of it.
    warmth, tint = dice.normal(0, 0.10), dice.normal(0, 0.04)
    cast = np.exp(np.stack([warmth + tint, -tint, -warmth + tint], -1)).astype(np.float32)[:, :, None, None]
    own = dice.normal(0, 0.05)
    own_cast = np.exp(np.stack([own, 0 * own, -own], -1)).astype(np.float32)[:, :, None, None]

    alpha = sign[:, 3:]
    lit = sign[:, :3] * (light * _col(white / 0.93))
    sheen = np.where(dice.chance(0.12), dice.uniform(0.05, 0.45), 0.0) * white  # light mirrored by the plate
    spot_x, spot_y = dice.uniform(-0.8, 0.8), dice.uniform(-0.8, 0.8)
    spread = dice.uniform(0.25, 1.2)
    glow = np.exp(-((x - _col(spot_x)) ** 2 + (y - _col(spot_y)) ** 2) / _col(spread**2))
    lit += alpha * glow * _col(sheen)
    radiance = background * _col(behind) * (1 - alpha)
    radiance += lit * own_cast
    radiance *= cast
    return radiance


def weather(dice: Dice, radiance: np.ndarray, streaks: np.ndarray) -> None:
    """Adds rain or snow, fog and glare, in place.

    Args:
        dice: Source of the random numbers.
        radiance: (N, 3, H, W).
        streaks: (N, H, W), 0..1.
    """
    y, x = _grid(*radiance.shape[2:])
    wet = np.where(dice.chance(0.05), dice.uniform(25, 120), 0.0)
    radiance += _col(wet) * streaks[:, None]
    dense = np.where(dice.chance(0.22), dice.uniform(0.05, 0.7) ** 1.5, 0.0)
    veil = dice.uniform(8, 170)
    tone = np.exp(np.stack([dice.normal(0, 0.08), dice.normal(0, 0.02), dice.normal(0, 0.08)], -1))
    level = veil[:, None] * tone
    radiance += _col(dense) * (level.astype(np.float32)[:, :, None, None] - radiance)
    glare = np.where(dice.chance(0.06), dice.uniform(40, 280), 0.0)
    spot_x, spot_y, spread = dice.uniform(-1.2, 1.2), dice.uniform(-1.2, 1.2), dice.uniform(0.2, 1.0)
    radiance += _col(glare) * np.exp(-((x - _col(spot_x)) ** 2 + (y - _col(spot_y)) ** 2) / _col(spread**2))


def focus(dice: Dice, radiance: np.ndarray) -> np.ndarray:
    """Blurs by defocus, movement and too few pixels, sharpens as cameras do, and shifts red against blue.

    All of it is one product in the frequency domain, whatever the kernels.

    Args:
        dice: Source of the random numbers.
        radiance: (N, 3, H, W); its margins wrap around and should be cropped afterwards.

    Returns:
        (N, 3, H, W).
    """
    height, width = radiance.shape[2:]
    unit = min(height, width) / 40.0  # blur grows with the picture, as the signs' own pixels are few
    fy = np.fft.fftfreq(height).astype(np.float32)[None, :, None]
    fx = np.fft.rfftfreq(width).astype(np.float32)[None, None, :]

    def cube(values: np.ndarray) -> np.ndarray:
        return values.astype(np.float32)[:, None, None]

    sigma = unit * np.clip(np.exp(dice.normal(np.log(0.6), 0.5)), 0.2, 2.0)
    oblong = np.exp(dice.normal(0, 0.15))
    transfer = np.exp(-19.74 * cube((sigma * oblong) ** 2) * fx**2) * np.exp(
        -19.74 * cube((sigma / oblong) ** 2) * fy**2
    )
    length = unit * np.where(dice.chance(0.22), dice.uniform(1.0, 6.0), 0.0)
    # Cars and their cameras move mostly along the horizon.
    angle = np.where(dice.chance(0.5), dice.normal(0, 0.25), dice.uniform(0, np.pi))
    transfer *= np.sinc(cube(length * np.cos(angle)) * fx + cube(length * np.sin(angle)) * fy)
    crisp = np.where(dice.chance(0.4), dice.uniform(0.2, 1.3), 0.0)
    transfer *= 1 + cube(crisp) * (1 - np.exp(-19.74 * np.float32((1.1 * unit) ** 2) * (fx**2 + fy**2)))
    fringe = unit * np.where(dice.chance(0.1), 0.4, 0.12)
    shift_x, shift_y = fringe * dice.normal(), fringe * dice.normal()
    turn = np.exp(-2j * np.pi * cube(shift_x) * fx).astype(np.complex64) * np.exp(
        -2j * np.pi * cube(shift_y) * fy
    ).astype(np.complex64)

    spectrum = np.fft.rfft2(radiance)
    spectrum *= transfer[:, None]
    spectrum[:, 0] *= turn
    spectrum[:, 2] *= turn.conj()
    return np.fft.irfft2(spectrum, s=(height, width)).astype(np.float32, copy=False)


def expose(dice: Dice, radiance: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Adds the sensor's noise and offset, and clips.

    Args:
        dice: Source of the random numbers.
        radiance: (N, 3, H, W).
        noise: (N, 3, H, W), unit Gaussian.

    Returns:
        uint8 (N, 3, H, W).
    """
    read = np.exp(dice.normal(np.log(1.2), 0.6))
    shot = np.where(dice.chance(0.2), dice.uniform(0.0, 0.07), 0.01)
    black = dice.uniform(0, 14)
    picture = radiance + _col(black)
    picture += noise * (_col(read) + _col(shot) * np.clip(radiance, 0, 255))
    return np.clip(picture + 0.5, 0, 255).astype(np.uint8)
