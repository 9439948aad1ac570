"""Pictures with a caption each, for a model that makes pictures: easy-VQA's drawings, OpenMoji.

easy_vqa   drawings of one coloured shape, 64 x 64 (Victor Zhou, 2019, MIT); the caption, "blue rectangle", is put
           together from what is asked of a drawing and answered; drawings of which that does not tell both are left
           out and counted
openmoji   emojis, 64 x 64, with their names (CC BY-SA 4.0, openmoji.org); one of a caption
"""

from __future__ import annotations

import pathlib

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, findings, hashed_part, read_metadata, refuse_empty
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.data.sets.easy_vqa import COLUMNS, is_validation
from mmzoo.schema import Schema

COLOURS = ("red", "green", "blue", "black", "gray", "teal", "brown", "yellow")
SHAPES = ("circle", "rectangle", "triangle")
_PEOPLE = {"man", "woman", "person", "men", "women", "people", "boy", "girl", "child", "older", "old"}


@data_set(
    about="easy-VQA's drawings of one coloured shape, and what they show",
    layout=f"{FILE} ({', '.join(COLUMNS)}) and the drawings",
    licence="MIT (github.com/vzhou842/easy-VQA)",
    weights_may_ship=True,
    group="drawing",
)
def load_easy_vqa_drawings(data_dir, split, *, schema: Schema, fold=None, seed=0, limit=None) -> Samples:
    """Drawings and captions of a split; see the module."""
    table = read_metadata(data_dir, COLUMNS)
    captions = _captions(table)
    named = [path for path, caption in captions.items() if caption]
    note = "pictures and captions simulated: drawn by a program, captions put together from its questions"
    if len(named) < len(captions):
        note += f"; left out: {len(captions) - len(named):,} of {len(captions):,} drawings whose colour or shape no "
        note += "answer tells"
    if split != ALL:
        named = [path for path in named if is_validation(path) != (split == TRAIN)]
    table = table.drop_duplicates("image").set_index("image", drop=False).loc[named]
    return _read(data_dir, schema, named, [captions[path] for path in named], table, note, limit)


def _captions(table) -> dict[str, str]:
    """Drawing -> "blue rectangle", or "" where that is not told."""
    found: dict[str, tuple[set, set]] = {}
    for path, question, answer in table[list(COLUMNS)].itertuples(index=False):
        colours, shapes = found.setdefault(path, (set(), set()))
        words = {*question.lower().rstrip("?").split()}
        if answer == "yes" and not words & {"not", "no"}:
            known = words
        elif answer in SHAPES:
            known = {answer, *(words & {*COLOURS})}
        elif answer in COLOURS:
            known = {answer, *(words & {*SHAPES})}
        else:
            continue
        colours |= known & {*COLOURS}
        shapes |= known & {*SHAPES}
    return {
        path: f"{min(colours)} {min(shapes)}" if len(colours) == len(shapes) == 1 else ""
        for path, (colours, shapes) in found.items()
    }


@data_set(
    about="OpenMoji, emojis and their names",
    layout=f"{FILE} (path, caption) and the pictures",
    licence="CC BY-SA 4.0 (openmoji.org)",
    weights_may_ship=True,
    weights_licence="CC BY-SA 4.0",
    group="caption",
)
def load_openmoji(data_dir, split, *, schema: Schema, fold=None, seed=0, limit=None) -> Samples:
    """Emojis and captions of a split: an eighth for validation, by a hash of the caption without words for persons."""
    table = read_metadata(data_dir, ("path", "caption"))
    refuse_empty(table, "caption", data_dir)
    if split != ALL:
        held_out = np.array([hashed_part(f"openmoji/{_without_people(c)}", 8) == 0 for c in table["caption"]], bool)
        table = table[~held_out if split == TRAIN else held_out]
    note = "pictures drawn by people, captions real, nothing simulated"
    return _read(data_dir, schema, table["path"].tolist(), table["caption"].tolist(), table, note, limit)


def _without_people(caption):
    return " ".join(word for word in caption.lower().split() if word.strip(",:") not in _PEOPLE)


def _read(data_dir: pathlib.Path, schema: Schema, paths, captions, table, note, limit) -> Samples:
    if limit is not None and limit < len(paths):
        chosen = np.arange(limit) * len(paths) // limit
        paths, captions, table = [paths[i] for i in chosen], [captions[i] for i in chosen], table.iloc[chosen]
    ((name, kind),) = schema.predicted.items()
    columns = {"text": captions}
    inputs = encoded(schema.keeping(["text"]), columns, table, data_dir)
    targets = [kind.encode_target(data_dir / path, f"{data_dir / FILE}: {path}") for path in paths]
    note += findings(schema, columns, inputs)
    pictures = np.stack(targets) if targets else np.empty((0, *kind.shape), np.uint8)
    return Samples(inputs, {name: pictures}, note, ids=paths, groups=np.array(paths), raw=columns)
