"""Road signs ready for the model: images of GTSRB or drawn ones, with simulated context, as encoded arrays."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from mmzoo import encoding
from mmzoo.data.samples.samples import Samples, data_set
from mmzoo.data.sets.rendered import sign_stream
from mmzoo.data.sets.road_context import GTSRB_FREQUENCIES, simulate_context
from mmzoo.schema import Category, Schema

# What the first line of every card and table says of the data.
NOTES = {
    "gtsrb": "images real, context simulated",
    "rendered": "images drawn, context simulated",
}
SPLITS = ("train", "validation", "test")
RENDERED_COUNTS = {"train": 12_900, "validation": 2_150, "test": 4_300}

# The contexts of the three splits must not share their draws, nor one training epoch another's.
_CONTEXT_SEEDS = {"train": 1_000, "validation": 1, "test": 2}


@dataclasses.dataclass(frozen=True)
class RoadSigns:
    """One split.

    Attributes:
        images: uint8 (N, H, W, 3).
        labels: int32 (N,), ids of the 43 classes of GTSRB.
        split: "train", "validation" or "test".
        note: what is real and what is simulated.
    """

    images: np.ndarray
    labels: np.ndarray
    split: str
    note: str

    def inputs(self, schema: Schema, epoch: int = 0) -> dict[str, np.ndarray]:
        """The model's inputs, with a fresh draw of the context for each epoch.

        Args:
            schema: of the road-sign model.
            epoch: number of the draw.

        Returns:
            Input name -> array (N, ...).
        """
        context = simulate_context(self.labels, seed=_CONTEXT_SEEDS[self.split] + epoch)
        return {"image": self.images, **encode_context(schema, context)}

    def with_drawn(self, count: int, seed: int) -> RoadSigns:
        """These and as many drawn signs, of all classes alike.

        Args:
            count: how many to draw; 0 gives the same signs.
            seed: of the drawings.
        """
        if not count:
            return self
        images, labels = sign_stream(
            count, seed=seed, num_classes=len(GTSRB_FREQUENCIES), image_size=self.images.shape[1:3]
        )
        return dataclasses.replace(
            self,
            images=np.concatenate([self.images, images]),
            labels=np.concatenate([self.labels, labels], dtype=np.int32),
        )

    def few(self, per_class: int, seed: int) -> RoadSigns:
        """At most so many pictures of each class, chosen at random.

        Args:
            per_class: pictures of each class; 0 gives none.
            seed: of the choice; a larger `per_class` with the same seed adds to the smaller one's pictures.
        """
        order = np.random.default_rng(seed).permutation(len(self.labels))
        chosen = [order[self.labels[order] == label][:per_class] for label in np.unique(self.labels)]
        chosen = np.sort(np.concatenate(chosen))
        return dataclasses.replace(self, images=self.images[chosen], labels=self.labels[chosen])

    @property
    def targets(self) -> dict[str, np.ndarray]:
        return {"sign": self.labels}


def load_road_signs(
    data: str,
    split: str,
    *,
    data_dir: str | os.PathLike | None = None,
    fold: int | None = 0,
    image_size: tuple[int, int] = (32, 32),
    limit: int | None = None,
    num_classes: int = len(GTSRB_FREQUENCIES),
    seed: int = 0,
) -> RoadSigns:
    """Loads a split of one of the two sources.

    Args:
        data: "gtsrb" (see `mmzoo.data.sets.gtsrb`) or "rendered" (drawn on the spot, balanced classes).
        split: "train", "validation" or "test".
        data_dir: gtsrb: where the official archives are; None downloads them.
        fold: gtsrb: which of the five splits by track; None: "train" has all tracks.
        image_size: (height, width) in pixels.
        limit: at most so many images.
        num_classes: rendered: the first so many signs; from 43 on those that GTSRB lacks.
        seed: rendered: of the drawings.

    Returns:
        The split.

    Raises:
        ValueError: an unknown source or split.
        FileNotFoundError: an archive is missing.
    """
    if data not in NOTES:
        raise ValueError(f"data: expected one of {list(NOTES)}, got {data!r}")
    if split not in SPLITS:
        raise ValueError(f"split: expected one of {list(SPLITS)}, got {split!r}")
    if data == "gtsrb":
        from mmzoo.data.sets.gtsrb import load_gtsrb

        loaded = load_gtsrb(split, directory=data_dir, fold=fold, image_size=image_size, limit=limit)
        return RoadSigns(loaded.images, loaded.labels, split, NOTES[data])
    images, labels = sign_stream(
        min(limit or RENDERED_COUNTS[split], RENDERED_COUNTS[split]),
        seed=len(SPLITS) * seed + SPLITS.index(split),
        num_classes=num_classes,
        image_size=image_size,
    )
    return RoadSigns(images, np.asarray(labels, np.int32), split, NOTES[data])


def encode_context(schema: Schema, context: dict) -> dict[str, np.ndarray]:
    """`Schema.encode_batch` for whole columns of trusted values, as `simulate_context` gives them.

    Args:
        schema: of the road-sign model.
        context: "text": N strings; each sensor input: {field: N values}.

    Returns:
        Input name -> array (N, ...).
    """
    arrays = {"text": np.stack([encoding.encode_text(schema["text"], text, "text") for text in context["text"]])}
    for name in ("location", "road_condition"):
        columns = [_column(field, context[name][field.name]) for field in schema[name].fields]
        arrays[name] = np.stack(columns, axis=1).astype(np.float32)
    return arrays


def _column(field, values):
    if not isinstance(field, Category):
        return values
    index = {"": np.nan, **{category: float(i) for i, category in enumerate(field.categories)}}
    names, inverse = np.unique(np.asarray(values, str), return_inverse=True)
    return np.asarray([index[name] for name in names])[inverse]


def _samples(signs: RoadSigns, schema: Schema, ids: Sequence[str], groups: np.ndarray | None = None) -> Samples:
    inputs = {name: array for name, array in signs.inputs(schema).items() if name in schema.inputs}
    return Samples(inputs, signs.targets, signs.note, ids, groups)


@data_set(
    about="German traffic signs, 43 classes",
    layout="the official GTSRB archives, zipped or unpacked",
    licence='German Traffic Sign Recognition Benchmark (J. Stallkamp, M. Schlipsing, J. Salmen, C. Igel: "Man vs. '
    'computer: Benchmarking machine learning algorithms for traffic sign recognition", Neural Networks 32, 2012); free '
    "download from the official site, cite the paper.",
    weights_may_ship=True,
    folds=5,
    group="physical sign",
    splits=("train", "validation", "all", "test"),
    split_notes={"test": "official test, used for no choice"},
    needs_folder=False,
)
def gtsrb_signs(data_dir, split, *, schema, fold, seed, limit) -> Samples:
    """The official training part, split by track ("all": the whole of it), or the official test.

    Args:
        data_dir: where the official archives are; None downloads them.
        split, schema, fold, limit: see `DataSet`.
        seed: not used: the context is the same for every one.
    """
    from mmzoo.data.sets.gtsrb import load_gtsrb

    whole = split == "all"
    loaded = load_gtsrb(
        "train" if whole else split, directory=data_dir, fold=None if whole else fold,
        image_size=schema["image"].shape[:2], limit=limit,
    )  # fmt: skip
    signs = RoadSigns(loaded.images, loaded.labels, "train" if whole else split, NOTES["gtsrb"])
    return _samples(signs, schema, loaded.names, loaded.tracks)


@data_set(
    about="road signs drawn on the spot, balanced classes",
    layout="",
    licence="images drawn by mmzoo itself.",
    weights_may_ship=True,
    splits=SPLITS,
    needs_folder=False,
)
def rendered_signs(data_dir, split, *, schema, fold, seed, limit) -> Samples:
    """Drawn signs.

    Args:
        data_dir, fold: not used.
        split, schema, limit: see `DataSet`.
        seed: of the drawings.
    """
    signs = load_road_signs("rendered", split, seed=seed, limit=limit, image_size=schema["image"].shape[:2])
    return _samples(signs, schema, [f"drawn, {split}, seed {seed}, number {i}" for i in range(len(signs.labels))])
