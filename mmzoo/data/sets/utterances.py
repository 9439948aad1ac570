"""What sets of utterances have in common: a row is a sound, or what was measured of one, and the text that is said."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.samples.metadata import FILE, encoded, findings
from mmzoo.data.samples.samples import TRAIN, Samples
from mmzoo.models.schemas.speech import STEPS_A_SECOND
from mmzoo.schema import Schema, Transcript

if TYPE_CHECKING:
    import pandas as pd

TEXT = "text"
# So many rows are named, of those that something is said about.
_NAMED = 3


def read_utterances(
    table: pd.DataFrame,
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    raw: Mapping[str, Sequence],
    seconds: Callable[[int], float],
    ids: Sequence[str],
    groups: Sequence[str] | None,
    note: str,
    limit: int | None = None,
) -> Samples:
    """The samples of a split, and a note that says what is wrong with which rows.

    A text with letters that the model lacks, or of more than its steps can hold, can be no target: such a row is left
    out. Of training rows also those whose text is longer than can be said in the sound (a step a letter, and one more
    between two that are the same), and those that are cut, as their text says more than is heard. Rows to be measured
    on stay, whatever they are.

    Args:
        table: its rows, with the column `text`; the index are rows as a spreadsheet numbers them.
        data_dir: the folder.
        split: "train", "validation" or "all".
        schema: of a model with the output `text`, a `Transcript`.
        raw: input -> raw values, one a row, see `mmzoo.data.samples.metadata.encoded`.
        seconds: how long the sound of a row is, by its place in the table.
        ids: what each row is.
        groups: who speaks in each row; None: nobody says so.
        note: what is real.
        limit: at most so many rows, evenly spread.

    Raises:
        ValueError: the model hears something else, a row without a text, no row at all, or not one whose text the model
            could write; the message names file and row.
    """
    place = data_dir / FILE
    kind = schema[TEXT] if TEXT in schema.outputs else None
    if not isinstance(kind, Transcript) or not any(name in raw for name in schema.given):
        raise ValueError(
            f"{place}: holds {' and '.join(raw)} with a text; the model takes {list(schema.given)} and gives "
            f"{list(schema.predicted)}"
        )
    if table.empty:
        raise ValueError(f"{place}: no row for split {split!r}")
    empty = table.index[table[TEXT].str.strip() == ""]
    if len(empty):
        raise ValueError(f"{place}: row {empty[0]}: the text is empty")
    places = np.arange(len(table))
    if limit is not None and limit < len(table):
        places = places[np.arange(limit) * len(table) // limit]
    texts = table[TEXT].to_numpy(object)[places]
    rows = table.index.to_numpy()[places]
    lengths = np.array([seconds(place) for place in places])
    room = kind.steps / STEPS_A_SECOND
    unknown = np.array([kind.unknown_letters(text) for text in texts], object)
    needed = np.array([kind.steps_needed(text) for text in texts])
    left_out = {
        f"letters outside the alphabet ({''.join(dict.fromkeys(''.join(unknown)))})": unknown != "",
        f"a text that needs more than the model's {kind.steps} steps": needed > kind.steps,
    }
    known = {
        "a text longer than can be said in the sound": needed > np.ceil(lengths / room * kind.steps - 1e-6),
        f"more than the {room:g} s that are heard": lengths > room + 1e-3,
    }
    if split == TRAIN:
        left_out, known = left_out | known, {}
    keep = ~np.any(list(left_out.values()), axis=0)
    if not keep.any():
        raise ValueError(f"{place}: none of {len(texts)} texts can be learnt or judged: {_said(left_out, rows)}")
    if any(rule.any() for rule in left_out.values()):
        note += f"; left out: {_said(left_out, rows)}"
    if any(rule[keep].any() for rule in known.values()):
        note += f"; taken as they are: {_said({name: rule & keep for name, rule in known.items()}, rows)}"
    places = places[keep]
    table = table.iloc[places]
    raw = {name: [values[i] for i in places] for name, values in raw.items()}
    inputs = {name: array for name, array in encoded(schema, raw, table, data_dir).items() if name in raw}
    note += findings(schema, raw, inputs)
    targets = [
        kind.encode_target(text, f"{place}: row {row}") for text, row in zip(texts[keep], rows[keep], strict=True)
    ]
    return Samples(
        inputs,
        {TEXT: np.stack(targets)},
        note,
        ids=[ids[i] for i in places],
        groups=None if groups is None else np.asarray(groups)[places],
    )


def _said(rules, rows):
    """How many rows each rule has, and which are the first."""
    parts = []
    for name, rule in rules.items():
        if rule.any():
            first = ", ".join(map(str, rows[rule][:_NAMED]))
            more = ", ..." if rule.sum() > _NAMED else ""
            parts.append(f"{int(rule.sum()):,} with {name}: row{'s' if rule.sum() > 1 else ''} {first}{more}")
    return "; ".join(parts)
