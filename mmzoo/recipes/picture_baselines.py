"""What baselines of models that look at pictures see of them."""

from __future__ import annotations

import numpy as np

PLACES = 8


def places(images: np.ndarray) -> np.ndarray:
    """Mean colours of 8 x 8 places of pictures, uint8 (N, H, W, C): float32 (N, 64 C)."""
    count, height, width, _ = images.shape
    rows, columns = (np.linspace(0, size, PLACES + 1).astype(int)[:-1] for size in (height, width))
    sums = [
        np.add.reduceat(np.add.reduceat(image.astype(np.float32), rows, axis=0), columns, axis=1) for image in images
    ]
    return np.array(sums, np.float32).reshape(count, -1) * (PLACES * PLACES / (height * width))
