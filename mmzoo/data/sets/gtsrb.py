"""The German Traffic Sign Recognition Benchmark (GTSRB) as a TFDS builder, and a loader into memory.

Stallkamp, Schlipsing, Salmen, Igel: "Man vs. computer: Benchmarking machine learning algorithms for traffic sign
recognition", Neural Networks 32 (2012). 43 classes; the training part has 30 frames of each physical sign (a track).
The official site asks for a citation; see https://benchmark.ini.rub.de.

    data = load_gtsrb("train", directory="path/to/archives")      # numpy arrays, folds by track
    tfds.load("gtsrb", builder_kwargs={"directory": "path/to/archives"}, split="validation")
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

from mmzoo.data.sets import gtsrb_archive as archive
from mmzoo.models.schemas.road_sign import GTSRB_CLASSES

NUM_FOLDS = 5
URL = "https://sid.erda.dk/public/archives/daaeac0d7ce1152aea9b61d9f1e19370"
# Tracks of two classes never share a number: class * TRACKS_PER_CLASS + track.
TRACKS_PER_CLASS = 100_000

_CITATION = """@article{Stallkamp2012,
  title={Man vs. computer: Benchmarking machine learning algorithms for traffic sign recognition},
  author={J. Stallkamp and M. Schlipsing and J. Salmen and C. Igel},
  journal={Neural Networks}, volume={32}, pages={323--332}, year={2012}}"""
_ARCHIVES = {"training": (archive.TRAINING_IMAGES,), "test": (archive.TEST_IMAGES, archive.TEST_LABELS)}
_PART = {"train": "training", "validation": "training", "test": "test"}


@dataclasses.dataclass(kw_only=True)
class GtsrbConfig(tfds.core.BuilderConfig):
    """What makes one prepared copy differ from another; its name carries all of it.

    Attributes:
        part: "training" (TFDS splits train and validation) or "test" (TFDS split test).
        image_size: (height, width) in pixels.
    """

    part: str
    image_size: tuple[int, int]


class Gtsrb(tfds.core.GeneratorBasedBuilder):
    """GTSRB from the official archives: downloaded, or from a local directory, zipped or unpacked.

    The training part and the test part are prepared apart, so each needs only its own archives. The prepared copy's
    config is named by part, image size and the archives' fingerprint, so another archive is prepared anew and the same
    one never again. The splits `train` and `validation` are fold 0 of `validation_tracks`: the frames of a physical
    sign are on one side.

    Args:
        part: "training" or "test".
        directory: where the archives are, see `gtsrb_archive.find_source`; None downloads them from the official site.
        image_size: (height, width) of the stored images in pixels.
        data_dir: where the prepared data goes; TFDS' default is `~/tensorflow_datasets`.
        **kwargs: `version`, `file_format` of `tfds.core.GeneratorBasedBuilder`.

    Raises:
        FileNotFoundError: an archive that the part needs is missing.
        ValueError: unknown part, impossible size, or a broken zip file.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "The official archives, split by track."}
    # TFDS 4.9.10 looks here for a checksums.tsv, of which there is none, and needs importlib_resources for it, which it
    # installs on Python < 3.9 only.
    code_path = None

    def __init__(
        self,
        *,
        part: str = "training",
        directory: str | os.PathLike | None = None,
        image_size: tuple[int, int] = (32, 32),
        data_dir: str | os.PathLike | None = None,
        **kwargs,
    ):
        if part not in _ARCHIVES:
            raise ValueError(f"part must be one of {list(_ARCHIVES)}, got {part!r}")
        image_size = tuple(int(side) for side in image_size)
        if len(image_size) != 2 or min(image_size) < 1:
            raise ValueError(f"image_size must be (height, width) in pixels, got {image_size}")
        sources, key = None, "official"
        if directory is not None:
            sources = {name: archive.find_source(directory, name) for name in _ARCHIVES[part]}
            fingerprints = "".join(source.fingerprint() for source in sources.values())
            key = hashlib.sha256(fingerprints.encode()).hexdigest()[:16]
        self._sources = sources
        self._config = GtsrbConfig(
            name=f"{part}_{image_size[0]}x{image_size[1]}_{key}", part=part, image_size=image_size
        )
        super().__init__(data_dir=data_dir, **kwargs)
        # TFDS pickles a builder as the arguments of its constructor.
        self._original_state = dict(part=part, directory=directory, image_size=image_size, data_dir=data_dir, **kwargs)

    def get_default_builder_config(self) -> GtsrbConfig:
        """The configuration that the arguments made; TFDS' way for a builder whose configurations are no fixed list."""
        return self._config

    def _info(self) -> tfds.core.DatasetInfo:
        return tfds.core.DatasetInfo(
            builder=self,
            description="German traffic signs, 43 classes; train and validation split by physical sign (track).",
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(*self.builder_config.image_size, 3), encoding_format="png"),
                    "label": tfds.features.ClassLabel(names=GTSRB_CLASSES),
                    "track": np.int32,  # training: within its class; test: the csv row from 0
                    "frame": np.int32,
                    "filename": tfds.features.Text(),
                    "width": np.int32,  # the original's, where the csv gives it, else -1
                    "height": np.int32,
                }
            ),
            supervised_keys=("image", "label"),
            homepage="https://benchmark.ini.rub.de",
            citation=_CITATION,
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        names = _ARCHIVES[self.builder_config.part]
        sources = self._sources
        if sources is None:
            paths = dl_manager.download({name: f"{URL}/{name}.zip" for name in names})
            sources = {name: archive.ZipSource(path) for name, path in paths.items()}
        if self.builder_config.part == "test":
            rows = archive.read_test_rows(*(sources[name] for name in names))
            return {"test": self._generate_examples(sources[names[0]], rows)}
        images = sources[names[0]]
        rows = archive.read_training_rows(images)
        held_out = is_validation([row.label for row in rows], [row.track for row in rows], fold=0)
        parts = {"train": ~held_out, "validation": held_out}
        return {
            split: self._generate_examples(images, [row for row, chosen in zip(rows, mask, strict=True) if chosen])
            for split, mask in parts.items()
        }

    def _generate_examples(self, images: archive.Source, rows: list[archive.SignRow]) -> Iterator[tuple[str, dict]]:
        for row in rows:
            yield (
                row.name,
                {
                    "image": _png(archive.read_image(images, row, self.builder_config.image_size)),
                    "label": row.label,
                    "track": row.track,
                    "frame": row.frame,
                    "filename": row.name,
                    "width": row.width,
                    "height": row.height,
                },
            )


@dataclasses.dataclass(frozen=True)
class GtsrbSplit:
    """One split in memory, in the order of class, track and frame (test: of the csv).

    Attributes:
        images: uint8 (N, H, W, 3).
        labels: int32 (N,), 0..42.
        tracks: int32 (N,), one number for each physical sign: class * 100000 + track; test: the csv row from 0.
        names: the files' names, "<class folder>/<file>" in the training part.
    """

    images: np.ndarray
    labels: np.ndarray
    tracks: np.ndarray
    names: list[str]

    def __len__(self) -> int:
        return len(self.labels)


def validation_tracks(label: int, tracks: Iterable[int], fold: int) -> set[int]:
    """The tracks of one class that a fold holds out for validation.

    The tracks are ranked by sha256 of "gtsrb/<label>/<track>" (five digits each), so that neither neighbours on a road
    stay together nor a library's random generator matters. Fold k holds out the ranks with rank % 5 == k; of a class
    with fewer than five tracks the one of rank k % (number of tracks). A class with one single track has it in every
    fold's validation.

    Args:
        label: the class.
        tracks: numbers of all its tracks, in any order.
        fold: 0..4.

    Returns:
        The held-out track numbers; at least one where there is any track.
    """
    if fold not in range(NUM_FOLDS):
        raise ValueError(f"fold must be 0..{NUM_FOLDS - 1}, got {fold!r}")
    ranked = sorted(
        set(tracks), key=lambda track: hashlib.sha256(f"gtsrb/{label:05d}/{track:05d}".encode()).hexdigest()
    )
    if 0 < len(ranked) < NUM_FOLDS:
        return {ranked[fold % len(ranked)]}
    return set(ranked[fold::NUM_FOLDS])


def is_validation(labels: Iterable[int], tracks: Iterable[int], fold: int) -> np.ndarray:
    """Marks the images that a fold holds out.

    Args:
        labels: int (N,), classes of the whole training part.
        tracks: int (N,), track numbers within the class.
        fold: 0..4.

    Returns:
        bool (N,), True for validation.
    """
    labels, tracks = np.asarray(labels, np.int64), np.asarray(tracks, np.int64)
    mask = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        of_class = labels == label
        held_out = validation_tracks(int(label), tracks[of_class].tolist(), fold)
        mask[of_class] = np.isin(tracks[of_class], list(held_out))
    return mask


def load_gtsrb(
    split: str,
    *,
    directory: str | os.PathLike | None = None,
    fold: int | None = 0,
    image_size: tuple[int, int] = (32, 32),
    prepared_dir: str | os.PathLike | None = None,
    limit: int | None = None,
) -> GtsrbSplit:
    """Loads one split into memory.

    The first call for an archive prepares it with `Gtsrb`; later ones read the prepared copy.

    Args:
        split: "train", "validation" (both need the training archive only) or "test" (needs the two test archives only).
        directory: where the official archives are, zipped or unpacked; None downloads them.
        fold: 0..4, which of the five splits by track; None: "train" has all tracks and there is no "validation".
            "test" takes no notice of it.
        image_size: (height, width) in pixels.
        prepared_dir: where prepared data is kept; default `~/tensorflow_datasets`.
        limit: at most so many images, spread evenly over the split.

    Returns:
        The split.

    Raises:
        FileNotFoundError: an archive, or a file that a csv row names, is missing.
        ValueError: unknown split, fold or limit; a broken archive, csv row or image. The message names it.
    """
    if split not in _PART:
        raise ValueError(f"split must be one of {list(_PART)}, got {split!r}")
    if fold is None and split == "validation":
        raise ValueError("fold None trains on all tracks: no validation split is left; name a fold")
    if fold is not None and fold not in range(NUM_FOLDS):
        raise ValueError(f"fold must be None or 0..{NUM_FOLDS - 1}, got {fold!r}")
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1 or None, got {limit}")
    arguments = dict(part=_PART[split], directory=directory, image_size=image_size, data_dir=prepared_dir)
    builder = Gtsrb(**arguments)
    try:
        builder.download_and_prepare()
    except OSError:
        # Another process may have finished the same copy meanwhile: TFDS then fails to move ours to its place.
        if not Path(builder.data_dir).is_dir():
            raise
        builder = Gtsrb(**arguments)
    stored = _read(builder, "test" if split == "test" else "train+validation")
    labels, tracks = stored["label"].astype(np.int32), stored["track"]
    if split == "test":
        chosen = np.argsort(tracks)
    else:
        chosen = np.lexsort((stored["frame"], tracks, labels))
        if fold is not None:
            held_out = is_validation(labels, tracks, fold)[chosen]
            chosen = chosen[held_out if split == "validation" else ~held_out]
        tracks = labels * TRACKS_PER_CLASS + tracks
    if limit is not None and limit < len(chosen):
        chosen = chosen[np.arange(limit) * len(chosen) // limit]
    names = [stored["filename"][i].decode() for i in chosen]
    return GtsrbSplit(stored["image"][chosen], labels[chosen], tracks[chosen].astype(np.int32), names)


def _png(pixels: np.ndarray) -> bytes:
    """Lossless, by Pillow: given an array, TFDS starts a TensorFlow op for each image, which is slower."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _read(builder: Gtsrb, split: str) -> dict[str, np.ndarray]:
    batches = list(tfds.as_numpy(builder.as_dataset(split=split, batch_size=1024)))
    if not batches:
        raise ValueError(f"{builder.data_dir}: no images in {split}; the archives hold none")
    return {key: np.concatenate([batch[key] for batch in batches]) for key in batches[0]}
