"""Photos of cats and dogs (Kaggle "Dogs vs. Cats") with descriptions that this module invents.

A folder holds metadata.csv (path, label_name: "cat" or "dog") and the photos. A fifth of the photos, those whose name
has a certain hash, is for validation: 805 of the 4,000 that the split was made for. More rows move none of them.

**The descriptions are simulated**, drawn from the photo's label, never from its pixels, and every card or table that
uses them says so. One is drawn from the file's name and the seed alone:

1. In 40 % of the rows there is none.
2. It has up to four parts (a coat, a doing, a place, a detail), each left out in some rows.
3. What stands in a part has a weight for each label: an animal on a shelf is more often a cat, one on a lead more often
   a dog, but either may be anywhere. A tenth of the parts is drawn without looking at the label.
4. No description names an animal, a breed or a sound.

What they are worth was computed by Bayes' rule with the very weights they are drawn by, which no classifier can beat:
of the 805 rows of validation 71.7 % (seeds 0 to 4: 70.4 to 72.7 %; of those with a description 85, of those without
half).
"""

from __future__ import annotations

import hashlib
import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, hashed_part, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Schema

CLASSES = ("cat", "dog")
NOTE = "photos real, descriptions simulated from the label"

# Of five, the remainder that is for validation.
_VALIDATION = 4
# The same picture twice, found among all pairs by their brightness at 16 x 16 places (correlation over 0.93, mirrored
# ones too: none): both lie on the side of the first.
_SAME_PICTURE = {"dog.180.jpg": "dog.74.jpg", "dog.1273.jpg": "dog.980.jpg"}

_ABSENT = 0.40
_BLIND = 0.10
# Part -> (share of the descriptions that have it, {phrase: (weight for a cat, weight for a dog)}).
_PARTS: dict[str, tuple[float, dict[str, tuple[float, float]]]] = {
    "coat": (
        0.75,
        {
            "grey": (2.9, 0.8),
            "striped": (3.7, 0.5),
            "orange": (2.8, 0.6),
            "black": (1.5, 1.5),
            "white": (1.5, 1.5),
            "black and white": (1.7, 1.3),
            "brown": (0.7, 2.8),
            "golden": (0.4, 3.5),
            "spotted": (0.8, 2.0),
            "long-haired": (1.5, 1.5),
            "fluffy": (2.0, 1.3),
            "wet": (0.5, 2.9),
        },
    ),
    "doing": (
        0.90,
        {
            "asleep": (2.8, 1.3),
            "curled up": (4.2, 0.6),
            "stretched out": (2.1, 1.6),
            "sitting": (1.9, 2.0),
            "looking into the camera": (1.6, 2.1),
            "looking out of the window": (3.3, 0.7),
            "running": (0.5, 3.9),
            "hiding": (3.9, 0.5),
            "waiting for dinner": (1.4, 2.2),
            "playing": (1.6, 2.1),
            "digging": (0.3, 3.2),
            "climbing": (4.3, 0.4),
            "lying down": (1.7, 2.1),
            "rolling over": (1.2, 2.0),
            "jumping": (1.1, 2.2),
        },
    ),
    "place": (
        0.85,
        {
            "on the sofa": (2.1, 1.7),
            "on a windowsill": (4.8, 0.3),
            "in a box": (4.3, 0.4),
            "on a shelf": (5.0, 0.2),
            "in the garden": (1.1, 2.8),
            "on the beach": (0.2, 4.5),
            "in the snow": (0.5, 3.1),
            "in a cage": (1.5, 1.1),
            "in the car": (0.6, 3.3),
            "on the kitchen floor": (1.7, 2.1),
            "in the grass": (0.8, 3.0),
            "under the table": (1.8, 1.7),
            "by the door": (1.4, 2.2),
            "on a blanket": (2.1, 1.6),
        },
    ),
    "detail": (
        0.75,
        {
            "with a ball": (0.5, 3.5),
            "with a piece of string": (3.7, 0.4),
            "on a lead": (0.2, 4.5),
            "with a red collar": (1.0, 2.4),
            "with green eyes": (3.5, 0.5),
            "with its tongue out": (0.3, 3.7),
            "with a toy": (1.7, 1.8),
            "in the evening light": (1.5, 1.5),
            "with a small bell": (2.6, 0.7),
            "next to a child": (1.2, 2.0),
            "in a basket": (2.3, 1.2),
            "with a stick": (0.3, 3.7),
        },
    ),
}
_OPENINGS = ("the {coat} one {rest}", "our {coat} friend {rest}", "{coat}, {rest}", "the little {coat} one, {rest}")


@data_set(
    about="photos of cats and dogs, longest side 128",
    layout=f"{FILE} (path, label_name: {' or '.join(CLASSES)}) and the photos",
    licence="none stated; from a Kaggle competition",
    weights_may_ship=False,
)
def load_cats_dogs(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Photos, descriptions (simulated, see the module) and labels of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `image` and `description` are encoded, those that it has.
        fold: None, there is one split.
        seed: of the descriptions.
        limit: at most so many rows, the classes in turn.

    Returns:
        Samples in the order of the table; the target `animal` is int32 (N,), 0 for a cat and 1 for a dog.

    Raises:
        FileNotFoundError: the table or a photo is missing.
        ValueError: another label, or a broken photo; the message names file and row.
    """
    table = read_metadata(data_dir, ("path", "label_name"))
    classes_of(table, "label_name", CLASSES, data_dir)
    if split != ALL:
        held_out = np.array([is_validation(path) for path in table["path"]])
        table = table[~held_out if split == TRAIN else held_out]
    if limit is not None:
        # The first of each class, then the second of each, and so on.
        order = table.groupby("label_name").cumcount().argsort(kind="stable")[:limit]
        table = table.iloc[np.sort(order)]
    paths = table["path"].tolist()
    labels = classes_of(table, "label_name", CLASSES, data_dir)
    texts = [describe(path, label, seed) for path, label in zip(paths, labels, strict=True)]
    inputs = encoded(schema, {"image": paths, "description": texts}, table, data_dir)
    raw = {name: values for name, values in (("description", texts),) if name in inputs}
    return Samples(inputs, {"animal": labels}, NOTE, ids=paths, raw=raw)


def is_validation(path: str) -> bool:
    """Whether a photo is held out, by a hash of its file's name, so that further rows move none.

    Args:
        path: of the photo, in any folder.
    """
    name = path.rsplit("/", 1)[-1]
    name = _SAME_PICTURE.get(name, name)
    return hashed_part(f"cats_dogs/{name}", 5) == _VALIDATION


def describe(path: str, label: int, seed: int = 0) -> str:
    """The description of a photo, "" where it has none; see the module for how it is drawn.

    Args:
        path: of the photo; only the file's name counts.
        label: 0 for a cat, 1 for a dog.
        seed: another seed, another description.
    """
    name = path.rsplit("/", 1)[-1]
    rng = np.random.default_rng(int(hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()[:16], 16))
    if rng.random() < _ABSENT:
        return ""
    found = {}
    for part, (share, phrases) in _PARTS.items():
        if rng.random() < share:
            found[part] = str(rng.choice(list(phrases), p=_chances(phrases)[label]))
    rest = " ".join(phrase for part, phrase in found.items() if part != "coat")
    text = _OPENINGS[rng.integers(len(_OPENINGS))].format(coat=found.get("coat", ""), rest=rest)
    return " ".join(text.replace(" ,", ",").strip(" ,").split())


def _chances(phrases: dict[str, tuple[float, float]]) -> np.ndarray:
    """How likely each phrase is for either label, float (2, phrases)."""
    weights = np.array(list(phrases.values())).T
    of_label = weights / weights.sum(axis=1, keepdims=True)
    return (1 - _BLIND) * of_label + _BLIND * of_label.mean(axis=0)
