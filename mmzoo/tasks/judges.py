"""Who says what is to be seen in a picture that a model made: judges that learn nothing and stay the same.

A judge says the same of the picture that was asked for, so what is measured is whether both show the same.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "black": (0, 0, 0),
    "gray": (128, 128, 128),
    "teal": (0, 128, 128),
    "brown": (165, 42, 42),
    "yellow": (255, 255, 0),
}
SHAPES = ("rectangle", "circle", "triangle")
# A triangle's centre lies at two thirds of its height, others' at half; a circle fills pi / 4 of its box.
_LOW, _FILLED = 7 / 12, (1 + np.pi / 4) / 2
# Colours that lie further apart than this, of 442, are not the same; fewer pixels are no shape.
_APART, _FEWEST, _RIM = 60.0, 6, 0.1


def shapes(pictures: np.ndarray) -> list[str]:
    """What easy-VQA draws: one shape of one colour on a light ground ("blue rectangle"); "nothing" where there is none.

    The colour is the nearest of eight to the shape's middle one; what shape it is tell how low its centre lies and how
    much of its box it fills. Of 2,435 of easy-VQA's drawings it is right in all at 64 x 64 pixels, and in 99.5 % at
    32 x 32.

    Args:
        pictures: uint8 (N, H, W, 3).
    """
    return [_shape(np.asarray(picture, np.float32)) for picture in pictures]


def _shape(pixels):
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(edge, axis=0)
    # Pixels on the rim are a mixture: the nearer half belongs to the shape.
    away = np.linalg.norm(pixels - ground, axis=-1)
    solid = away > _APART
    if solid.sum() < _FEWEST:
        return "nothing"
    colour = np.median(pixels[away >= np.quantile(away[solid], 0.5)], axis=0)
    share = np.clip(((pixels - ground) @ (colour - ground)) / max(float(((colour - ground) ** 2).sum()), 1.0), 0.0, 1.0)
    named = min(COLOURS, key=lambda name: float(np.linalg.norm(colour - COLOURS[name])))
    share = np.where(share > _RIM, share, 0.0)
    heights, widths = share.max(axis=1), share.max(axis=0)
    # Where its box begins and ends; a row that is covered in part counts in part.
    given = np.flatnonzero(heights)
    top, bottom = given[0] + 1 - heights[given[0]], given[-1] + heights[given[-1]]
    centre = (share.sum(axis=1) * (np.arange(len(share)) + 0.5)).sum() / share.sum()
    if (centre - top) / max(bottom - top, 1.0) > _LOW:
        return f"{named} triangle"
    filled = share.sum() / max(float(heights.sum() * widths.sum()), 1.0)
    return f"{named} {'rectangle' if filled > _FILLED else 'circle'}"


JUDGES: dict[str, Callable[[np.ndarray], list[str]]] = {"shapes": shapes}
