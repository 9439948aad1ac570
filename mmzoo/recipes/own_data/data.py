"""A table of own data, split and encoded: what `mmzoo.recipes.own_data` trains and measures on."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import types
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from mmzoo.data.fingerprints import fingerprint_of
from mmzoo.data.tables.frames import lacks_value, with_missing
from mmzoo.recipes.own_data.splits import Splits
from mmzoo.recipes.recipe import Training
from mmzoo.schema import Image, Schema, Text

OTHER = "(other)"
MASK = "___"
# Decoded pictures and sounds that are kept in memory, bytes; a larger table is for `mmzoo prepare`.
MOST_BYTES = 4_000_000_000


@dataclasses.dataclass(frozen=True, eq=False)
class TableData(Splits):
    """The three splits of a table.

    Attributes:
        schema: inputs and outputs; its texts are read as the recipe wants.
        frames: split -> rows of the table.
        encoded: split -> (inputs, targets), each name -> array (N, ...).
        texts: split -> text input -> the raw strings.
        matches: column -> (input, index of the field or None), as `mmzoo.schema.columns.encode_row` takes it.
        root, allow_outside_root: where the files of the table are.
        presets: text input -> keras-hub preset that reads it.
        notes: what was done to the table, in words.
    """

    schema: Schema
    frames: Mapping[str, pd.DataFrame]
    encoded: Mapping[str, tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]
    texts: Mapping[str, Mapping[str, list[str]]]
    matches: Mapping[str, tuple[str, int | None]]
    root: pathlib.Path
    allow_outside_root: bool
    presets: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def arrays(self, split: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """(inputs, targets) of a split, each name -> array (N, ...)."""
        return self.encoded[split]

    def count(self, split: str) -> int:
        """Number of samples of a split."""
        return len(self.arrays(split)[1][next(iter(self.schema.predicted))])

    def fingerprint(self, part: str) -> str:
        """Which rows a split has, what stands in them, and what was read of the files that they name."""
        frame = self.frames[part]
        # Not astype(str): strings of pandas can't hold the names of files that are no UTF-8.
        cells = {str(name): np.array([str(cell) for cell in frame[name].tolist()], object) for name in frame.columns}
        return fingerprint_of({"": frame.index.to_numpy()}, cells, *self.arrays(part))

    def batches(self, names: Iterable[str], *, training: Training, seed: int) -> Callable:
        """What `mmzoo.fit` trains on: a function of the epoch, shuffled and, where there are pictures, augmented."""
        from mmzoo.data.augmentation import PHOTOS
        from mmzoo.data.pipeline import from_arrays

        inputs, targets = self.part("train", names)
        has_pictures = any(isinstance(self.schema.inputs[name], Image) for name in inputs)
        count = self.count("train")
        size = min(training.batch_size, max(2, count // 4))

        def epoch_data(epoch):
            return from_arrays(
                inputs,
                targets,
                batch_size=size,
                shuffle=True,
                drop_remainder=True,
                seed=10_007 * seed + epoch,
                augmentation=PHOTOS if has_pictures else None,
            )

        return epoch_data

    def for_baseline(self, split: str):
        """(sensors, texts, targets) of a split, as `mmzoo.evaluation.baseline` takes them."""
        inputs, targets = self.arrays(split)
        sensors = {name: inputs[name] for name, kind in self.schema.inputs.items() if kind.fields}
        return sensors, self.texts[split], targets


def load_table(
    frames: Mapping[str, pd.DataFrame],
    schema: Schema,
    *,
    columns: Mapping[str, str | None] | None = None,
    root: str | os.PathLike,
    text: str | Mapping[str, str] | None,
    buckets: int,
    on_error: str = "raise",
    allow_outside_root: bool = False,
    notes: Sequence[str] = (),
) -> TableData:
    """Encodes the splits of a table.

    Args:
        frames: split -> rows.
        schema: inputs and outputs.
        columns: input or output -> column, where the names differ; see `read_manifest`.
        root: paths in the table are relative to it.
        text: how texts are read; see `build_multimodal_model`. A vocabulary of word pieces comes from the training
            rows alone.
        buckets: number of ids that n-grams are hashed into.
        on_error: "raise", or "skip" to leave out bad rows.
        allow_outside_root: read files outside of `root` too.
        notes: what was done to the table before.

    Raises:
        ValueError, FileNotFoundError: bad cells; see `read_manifest`. Or more data than memory should hold.
    """
    from mmzoo.data.tables.manifest import read_manifest
    from mmzoo.data.tables.table import choose_columns
    from mmzoo.data.tables.vocabulary import fitted, wordpiece_text
    from mmzoo.models.parts.text_choice import with_texts

    names = [name for name, modality in schema.inputs.items() if isinstance(modality, Text)]
    chosen = choose_columns(schema, list(frames["train"].columns), columns, "table", targets=True)
    texts = {
        split: {
            name: cells.astype(str).where(~lacks_value(cells), "").tolist()
            for name, cells in ((name, frame[chosen[name, None]]) for name in names)
        }
        for split, frame in frames.items()
    }
    wanted = text if isinstance(text, Mapping) else dict.fromkeys(names, text)
    pieces = {
        name: wordpiece_text(texts["train"][name])
        for name in names
        if wanted.get(name) == "wordpiece" and schema.inputs[name].tokenizer != "wordpiece"
    }
    schema, presets = with_texts(schema.with_inputs(**pieces), text, buckets=buckets)
    # As long as the training texts are: pieces are longer than bytes, and attention costs by the square.
    schema = schema.with_inputs(**{name: fitted(schema.inputs[name], texts["train"][name]) for name in presets})
    size = sum(len(frame) for frame in frames.values()) * sum(
        int(np.prod(modality.shape)) * np.dtype(modality.dtype).itemsize for modality in schema.inputs.values()
    )
    if size > MOST_BYTES:
        raise ValueError(
            f"the table takes {size / 1e9:.1f} GB in memory, at most {MOST_BYTES / 1e9:.0f} GB are held there: write "
            "it to disk once with `mmzoo prepare` and train on that folder, or make the pictures smaller in the schema"
        )
    manifests = {
        split: read_manifest(
            frame, schema, columns=columns, root=root, on_error=on_error, allow_outside_root=allow_outside_root
        )
        for split, frame in frames.items()
    }
    encoded = {split: manifest.arrays(on_error) for split, manifest in manifests.items()}
    skipped = {split: {problem.row for problem in manifest.skipped} for split, manifest in manifests.items()}
    if any(skipped.values()):
        notes = (*notes, f"{sum(map(len, skipped.values()))} rows with bad cells or files left out")
        kept = {split: ~frame.index.isin(list(skipped[split])) for split, frame in frames.items()}
        frames = {split: frame[kept[split]] for split, frame in frames.items()}
        texts = {
            split: {name: list(np.array(values, object)[kept[split]]) for name, values in found.items()}
            for split, found in texts.items()
        }
    matches = {column: place for place, column in chosen.items() if column is not None and place[0] in schema.inputs}
    return TableData(
        schema, frames, encoded, texts, matches, pathlib.Path(root), allow_outside_root, presets, tuple(notes)
    )


def without_targets_missing(
    frame: pd.DataFrame,
    targets: Sequence[str],
    unlabelled: Sequence[str] = (),
    classes: Mapping[str, Sequence[str]] = types.MappingProxyType({}),
) -> tuple[pd.DataFrame, list[str]]:
    """(the rows that have a target, a note on those that have none; of several targets a row may lack some).

    Args:
        frame: the table.
        targets: its columns.
        unlabelled: words in them that stand for "not known yet"; those cells become empty.
        classes: target -> its classes, none of which means that there is none.
    """
    frame, notes, empty = with_missing(frame, unlabelled, targets), [], pd.Series(True, index=frame.index)
    lacking = {target: lacks_value(frame[target], classes.get(target, ())) for target in targets}
    for lacks in lacking.values():
        empty &= lacks
    if targets and empty.any():
        notes.append(f"{int(empty.sum())} of {len(frame)} rows without a target left out")
    for target, lacks in lacking.items():
        count = int((lacks & ~empty).sum()) if targets else 0
        if count:
            notes.append(f"{count} rows lack the target {target!r} and count for the others")
    return (frame[~empty] if targets and empty.any() else frame), notes


def pooled(
    frame: pd.DataFrame, target: str, fewest: int, classes: Sequence[str] = ()
) -> tuple[pd.DataFrame, list[str]]:
    """(the table with rare classes of a target as one class `OTHER`, a note).

    Args:
        frame: the table.
        target: its column.
        fewest: classes with fewer rows are rare.
        classes: names none of which means that there is no target.
    """
    cells = frame[target].astype(str).where(~lacks_value(frame[target], classes), "")
    counts = cells[cells != ""].value_counts()
    rare = counts[counts < fewest]
    if rare.empty:
        return frame, []
    return _with(frame, {target: cells.where(~cells.isin(rare.index), OTHER)}), [
        f"{len(rare)} classes of {target!r} with fewer than {fewest} rows are one, {OTHER!r} ({int(rare.sum())} rows)"
    ]


def masked(frame: pd.DataFrame, columns: Sequence[str], words: Sequence[str]) -> tuple[pd.DataFrame, list[str]]:
    """(the table with words in its texts masked, a note).

    Args:
        frame: the table.
        columns: the columns of texts.
        words: regular expressions, matched anywhere and without regard to case; each match with the letters and digits
            around it becomes `MASK`.

    Raises:
        ValueError: no regular expression.
    """
    if not words:
        return frame, []
    try:
        pattern = re.compile(rf"\w*(?:{'|'.join(words)})\w*", re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"mask: {'|'.join(words)!r} is no regular expression ({error})") from error
    changed = {
        column: frame[column].fillna("").astype(str).map(lambda text: pattern.sub(MASK, text)) for column in columns
    }
    return _with(frame, changed), [f"words masked in {', '.join(columns)}: {', '.join(words)}"]


def _with(frame, columns):
    """The table with some columns changed; `assign` could not have one called "self"."""
    frame = frame.copy()
    for column, cells in columns.items():
        frame[column] = cells
    return frame
