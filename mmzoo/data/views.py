"""A few views of a picture, for encoders whose features are computed once."""

from __future__ import annotations

import numpy as np
from PIL import Image as Pillow

# What a view keeps of width and height.
_KEPT = 0.8


def views_of(pictures: np.ndarray) -> list[np.ndarray]:
    """The pictures as they are; then mirrored, and seen from nearer.

    Args:
        pictures: uint8 (N, H, W, C); one that is missing (all zeros) stays so.

    Returns:
        As many arrays as there are views, each uint8 (N, H, W, C).
    """
    return [pictures, np.stack([_nearer(picture[:, ::-1]) for picture in pictures]) if len(pictures) else pictures]


def _nearer(picture):
    height, width, channels = picture.shape
    top, left = round(height * (1 - _KEPT) / 2), round(width * (1 - _KEPT) / 2)
    box = (left, top, width - left, height - top)
    grey = channels == 1
    image = Pillow.fromarray(np.ascontiguousarray(picture[..., 0] if grey else picture))
    seen = np.asarray(image.resize((width, height), Pillow.Resampling.BILINEAR, box=box))
    return seen[..., None] if grey else seen
