"""Golden vectors: what each encoder gave for a drawn picture, a sentence or a made-up sound when it was taken in."""

from __future__ import annotations

import functools
import pathlib

import numpy as np

FILE = pathlib.Path(__file__).with_name("golden.npz")
# Of the largest value: float16 in the file and other processors' sums differ by less, another network by far more.
TOLERANCE = 5e-3
SENTENCE = "A short walk along the river, and then a coffee at the café."
SECONDS, RATE = 1.5, 16_000


def drawn_picture() -> np.ndarray:
    """uint8 (224, 224, 3): a sky that gets paler, a lawn with stripes, a red house with a window."""
    rows, columns = np.mgrid[0:224, 0:224]
    picture = np.stack([90 + rows // 2, 140 + rows // 3, np.full_like(rows, 235)], axis=-1)
    lawn = rows >= 150
    picture[lawn] = np.stack([40 + columns % 16, 130 + (columns + rows) % 24, 50 + rows % 8], axis=-1)[lawn]
    picture[90:175, 60:150] = (170, 45, 40)
    picture[110:140, 85:115] = (245, 235, 160)
    return picture.astype(np.uint8)


def made_sound() -> np.ndarray:
    """float32 (24000,): a rising tone at 16 kHz that swells four times."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    return (0.5 * np.sin(2 * np.pi * (200 + 400 * time) * time) * np.abs(np.sin(2 * np.pi * 1.3 * time))).astype("f4")


@functools.cache
def golden_vectors() -> dict[str, np.ndarray]:
    """Encoder -> its features of the golden input, float32."""
    with np.load(FILE) as file:
        return {name: file[name].astype(np.float32) for name in file.files}


def golden_input(kind: str):
    """What the golden vectors of a kind of encoder ("image", "text", "audio") are the features of."""
    return {"image": drawn_picture, "text": lambda: SENTENCE, "audio": made_sound}[kind]()


def deviation(name: str, features: np.ndarray) -> float:
    """How far features are from the golden ones, over the largest of these.

    Args:
        name: the encoder.
        features: float, of its golden input.
    """
    golden = golden_vectors()[name]
    features = np.asarray(features, np.float32)
    if features.shape != golden.shape:
        return float("inf")
    return float(np.abs(features - golden).max() / np.abs(golden).max())
