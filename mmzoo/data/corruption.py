"""Pictures as a failing camera gives them, for measuring what a model does then.

Unlike `mmzoo.data.augmentation` these are few, strong and always the same, so that figures can be compared; NumPy only.
After Hendrycks & Dietterich, "Benchmarking neural network robustness to common corruptions and perturbations" (ICLR
2019).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np


def darkened(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """A tenth of the light, and the noise of a sensor that is turned up: sigma of 4 grey levels.

    Args:
        images: uint8 (N, H, W, C); one that is all zeros is missing and stays so.
        seed: of the noise.

    Returns:
        uint8 (N, H, W, C).
    """
    noise = np.random.default_rng(seed).normal(0, 4, images.shape)
    return _kept_missing(images, 0.1 * images + noise)


def blurred(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Motion blur: the mean along a horizontal line of a quarter of the width. Arguments as for `darkened`."""
    width = images.shape[2]
    reach = max(1, round(width / 8))
    padded = np.pad(images.astype(np.float32), ((0, 0), (0, 0), (reach, reach), (0, 0)), "edge")
    moved = [padded[:, :, start : start + width] for start in range(2 * reach + 1)]
    return _kept_missing(images, sum(moved) / len(moved))


def occluded(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """A grey square over a third of the picture, anywhere in it. Arguments as for `darkened`."""
    count, height, width = images.shape[:3]
    random = np.random.default_rng(seed)
    side_y, side_x = round(height * 3**-0.5), round(width * 3**-0.5)
    changed = images.copy()
    for image, top, left, grey in zip(
        changed,
        random.integers(0, height - side_y + 1, count),
        random.integers(0, width - side_x + 1, count),
        random.integers(0, 256, count),
        strict=True,
    ):
        image[top : top + side_y, left : left + side_x] = grey
    return _kept_missing(images, changed)


def _kept_missing(images, changed):
    given = images.any(axis=(1, 2, 3), keepdims=True)
    return np.where(given, np.clip(np.round(changed), 0, 255), 0).astype(np.uint8)


# What the camera does -> function of images.
CAMERA_FAILURES: Mapping[str, Callable[..., np.ndarray]] = {
    "darkened": darkened,
    "blurred": blurred,
    "occluded": occluded,
}
