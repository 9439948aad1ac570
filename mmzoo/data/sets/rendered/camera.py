"""Where the sign stands: random poses as homographies from image pixels to the plane of the sign."""

from __future__ import annotations

import numpy as np

from mmzoo.data.sets.rendered.dice import Dice


def poses(dice: Dice, flat: np.ndarray, image_size: tuple[int, int], pad: int) -> np.ndarray:
    """Random views of a sign of half-width 1 through a pinhole camera, cropped as a detector crops.

    Args:
        dice: Source of the random numbers.
        flat: bool (N,): signs wider than high (triangles), which a tight crop stretches.
        image_size: Height and width of the crop, pixels.
        pad: Extra pixels on each side of the crop.

    Returns:
        float64 (N, 3, 3): takes homogeneous padded-image pixels (x, y, 1) to the sign's plane, x and y in -1..1.
    """
    n = dice.count
    roll = np.radians(dice.normal(0, np.where(dice.chance(0.1), 9.0, 3.5)))
    yaw = np.radians(np.clip(dice.normal(0, 16), -50, 50))
    pitch = np.radians(np.clip(dice.normal(0, 8), -25, 25))
    distance = dice.uniform(2.5, 9.0)
    fill = np.clip(dice.normal(0.79, 0.055), 0.6, 1.0)
    fill = np.where(dice.chance(0.1), dice.uniform(0.5, 0.75), fill)
    stretch = np.exp(dice.normal(0, 0.035))
    # A crop scaled to a fixed size undoes part of the foreshortening, and of a triangle's flatness.
    undo = dice.uniform(0, 1)
    fill = fill * np.where(flat, 1.05, 1.0)
    wide = fill * stretch / np.cos(yaw) ** undo
    high = fill / stretch / np.cos(pitch) ** undo * np.where(flat, 1.0 + 0.08 * dice.uniform(0, 1), 1.0)
    shift_x, shift_y = dice.normal(0, 0.028), dice.normal(0, 0.028)

    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    zero, one = np.zeros(n), np.ones(n)

    def stack(*rows: tuple[np.ndarray, ...]) -> np.ndarray:
        return np.stack([np.stack(row, -1) for row in rows], -2)

    turn_yaw = stack((cy, zero, sy), (zero, one, zero), (-sy, zero, cy))
    turn_pitch = stack((one, zero, zero), (zero, cp, -sp), (zero, sp, cp))
    turn_roll = stack((cr, -sr, zero), (sr, cr, zero), (zero, zero, one))
    turned = turn_roll @ turn_pitch @ turn_yaw
    view = np.concatenate([turned[:, :, :2], np.stack([zero, zero, distance], -1)[..., None]], -1)
    height, width = image_size
    lens = stack(
        (0.5 * wide * width * distance, zero, pad + width * (0.5 + shift_x)),
        (zero, 0.5 * high * height * distance, pad + height * (0.5 + shift_y)),
        (zero, zero, one),
    )
    return np.linalg.inv(lens @ view)


def texture_coefficients(
    pose: np.ndarray, side: int, offset: tuple[float, float] = (0.0, 0.0), scale: float = 1.0
) -> np.ndarray:
    """Coefficients of Pillow's PERSPECTIVE transform for a square texture in the sign's plane.

    Args:
        pose: (..., 3, 3) from `poses`.
        side: Side of the texture, texels.
        offset: The texture's middle in the sign's plane.
        scale: The texture's half-width in the sign's plane.

    Returns:
        float64 (..., 8).
    """
    k = side / 2 / scale
    texels = np.array([[k, 0, side / 2 - k * offset[0]], [0, k, side / 2 - k * offset[1]], [0, 0, 1]])
    matrix = texels @ pose
    flat = matrix.reshape(*matrix.shape[:-2], 9)
    return flat[..., :8] / flat[..., 8:]
