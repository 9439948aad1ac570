"""What a user has had, by name, to the numbers of a tensor."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from mmzoo.encoding.missing import is_empty_cell
from mmzoo.encoding.spelling import as_word, find_name, names_by_spelling

# Between the items of one cell, or one word of a command line.
SEPARATOR = "|"

_log = logging.getLogger(__name__)


def encode_history(history, value: Any, place: str) -> np.ndarray:
    """Names of items to their numbers, of more than fit the newest; fewer are padded in front.

    Items that the schema does not know are left out, and a warning counts them and names the first.

    Args:
        history: the `History` of the schema.
        value: see `item_names`.
        place: the input's name, for messages.

    Returns:
        int32 (length,), 1 + the place of each item in `history.items`, the newest last, 0 = padding.

    Raises:
        TypeError: neither a list nor a text, or an item that is no name.
    """
    names = item_names(value, place)
    known = [number for number in (_number_of(history.items, name) for name in names) if number is not None]
    if len(known) < len(names):
        unknown = [name for name in names if _number_of(history.items, name) is None]
        _log.warning("%s: %d of %d items are not known and left out, first %.80r", place, len(unknown), len(names),
                     unknown[0])  # fmt: skip
    array = history.missing()
    newest = known[-history.length :]
    if newest:
        array[-len(newest) :] = newest
    return array


def item_names(value: Any, place: str) -> list[str]:
    """The items of a raw history, the newest last.

    Args:
        value: a list of names (numbers and dates count as their text), or a text "a|b|c"; None, "" and [] are none.
        place: for messages.

    Raises:
        TypeError: anything else, or an item that is no name; the message says which.
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(SEPARATOR) if part.strip()]
    if value is None:
        return []
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise TypeError(
            f"{place}: expected a list of items, the newest last, or a text such as 'a{SEPARATOR}b', got "
            f"{type(value).__name__}: {value!r:.80}"
        )
    names = []
    for number, item in enumerate(value):
        if is_empty_cell(item):
            continue
        word = as_word(item)
        if word is None:
            raise TypeError(
                f"{place}, item {number}: expected its name, got {type(item).__name__}: {item!r:.80}"
            )  # fmt: skip
        names.append(word)
    return names


def _number_of(items, name):
    """1 + the place of an item; None where there is none of that name."""
    place = names_by_spelling(items).exact.get(name)
    place = find_name(items, name) if place is None else place
    return None if place is None else 1 + place
