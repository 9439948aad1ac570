"""Writes a small archive in GTSRB's official layout, for the tests of whatever reads it."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

TRAINING_ZIP = "GTSRB_Final_Training_Images.zip"
TEST_ZIP = "GTSRB_Final_Test_Images.zip"
TEST_GT_ZIP = "GTSRB_Final_Test_GT.zip"
_HEADER = "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"
_FORMATS = {"ppm": "PPM", "png": "PNG", "jpg": "JPEG"}


@dataclasses.dataclass(frozen=True)
class WrittenArchive:
    """What was written.

    Attributes:
        directory: where the three archives are.
        training: {"<class folder>/<file>": uint8 (H, W, 3)} of the training part, as the written files decode.
        test: {"<file>": (class, uint8 (H, W, 3))} of the test part, likewise, in the csv's order.
    """

    directory: Path
    training: dict[str, np.ndarray]
    test: dict[str, tuple[int, np.ndarray]]


def write_gtsrb_archive(
    directory: Path,
    *,
    classes: Iterable[int] = range(43),
    tracks: int = 5,
    frames: int = 2,
    test_images: int = 43,
    extension: str = "ppm",
    image_size: tuple[int, int] | None = (32, 32),
    unpacked: bool = False,
    seed: int = 0,
) -> WrittenArchive:
    """Writes the training and the test archives.

    Each class has a colour of its own, with noise on it, so that a model can learn something.

    Args:
        directory: made if need be.
        classes: which of the 43 classes.
        tracks: physical signs of each class.
        frames: images of each sign.
        test_images: number of test images; their classes take turns.
        extension: "ppm", "png" or "jpg".
        image_size: (height, width) in pixels; None: every image has another size, as the official ones have.
        unpacked: write folders instead of zip files.
        seed: of the noise.

    Returns:
        The pictures that were written, to compare with.
    """
    rng = np.random.default_rng(seed)
    classes = list(classes)

    def draw(label: int) -> np.ndarray:
        size = image_size or tuple(rng.integers(20, 60, 2))
        colour = np.array([label * 37 % 200, label * 91 % 200, label * 53 % 200])
        return np.clip(colour + rng.integers(20, 50, (*size, 3)), 0, 255).astype(np.uint8)

    files: dict[str, dict[str, bytes]] = {TRAINING_ZIP: {}, TEST_ZIP: {}, TEST_GT_ZIP: {}}
    training, test = {}, {}
    for label in classes:
        folder, rows = f"{label:05d}", [_HEADER]
        for track in range(tracks):
            for frame in range(frames):
                name, pixels = f"{track:05d}_{frame:05d}.{extension}", draw(label)
                data, training[f"{folder}/{name}"] = _encode(pixels, extension)
                files[TRAINING_ZIP][f"GTSRB/Final_Training/Images/{folder}/{name}"] = data
                rows.append(_row(name, pixels, label))
        files[TRAINING_ZIP][f"GTSRB/Final_Training/Images/{folder}/GT-{folder}.csv"] = _text(rows)
    rows = [_HEADER]
    for number in range(test_images):
        label = classes[number % len(classes)]
        name, pixels = f"{number:05d}.{extension}", draw(label)
        data, decoded = _encode(pixels, extension)
        test[name] = label, decoded
        files[TEST_ZIP][f"GTSRB/Final_Test/Images/{name}"] = data
        rows.append(_row(name, pixels, label))
    # The official test archive also carries a csv without the classes.
    files[TEST_ZIP]["GTSRB/Final_Test/Images/GT-final_test.test.csv"] = _text(row.rpartition(";")[0] for row in rows)
    files[TEST_GT_ZIP]["GT-final_test.csv"] = _text(rows)
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for archive, members in files.items():
        if unpacked:
            for name, data in members.items():
                (directory / name).parent.mkdir(parents=True, exist_ok=True)
                (directory / name).write_bytes(data)
        else:
            write_zip(directory / archive, members)
    return WrittenArchive(directory, training, test)


def write_zip(path: Path, members: dict[str, bytes]) -> None:
    """Writes (or writes anew) a zip file."""
    with zipfile.ZipFile(path, "w") as file:
        for name, data in members.items():
            file.writestr(name, data)


def read_zip(path: Path) -> dict[str, bytes]:
    """All members of a zip file, to change one and `write_zip` them again."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def _encode(pixels: np.ndarray, extension: str) -> tuple[bytes, np.ndarray]:
    stream = io.BytesIO()
    options = {"quality": 95, "subsampling": 0} if extension == "jpg" else {}
    Image.fromarray(pixels).save(stream, _FORMATS[extension], **options)
    return stream.getvalue(), np.asarray(Image.open(stream))


def _row(name: str, pixels: np.ndarray, label: int) -> str:
    height, width = pixels.shape[:2]
    return f"{name};{width};{height};5;5;{width - 6};{height - 6};{label}"


def _text(rows: Iterable[str]) -> bytes:
    return "".join(f"{row}\r\n" for row in rows).encode()
