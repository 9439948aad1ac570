"""Names that come from a table's columns, and the ASCII names that Keras, TensorFlow and LiteRT know them by.

What a person called a column stays as it is in the schema and wherever a person reads. In a graph a name has to begin
with a letter and go on with letters, digits and _ alone; and graphs don't tell `Temp` from `temp`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Place = TypeVar("Place", bound=Hashable)

# Names of layers and files are made of it: more is more than a file's name can hold.
LONGEST_NAME = 100
_GOOD = re.compile(rf"[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_NAME - 1}}}")
# Letters and signs that don't fall apart into ASCII and something above it.
_WRITTEN = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D",
     "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ł": "l", "Ł": "L", "ı": "i", "µ": "u", "μ": "u", "%": " percent "}
)  # fmt: skip


def identifier(column: str) -> str:
    """Letters, digits and _ of a column's name: how schemas of earlier versions called its input or output.

    >>> identifier("Product name (EN)")
    'Product_name_EN'
    """
    name = re.sub(r"\W+", "_", str(column)).strip("_") or "column"
    return f"_{name}" if name[0].isdigit() else name


def is_good(name: str) -> bool:
    """Whether a graph takes a name as it is."""
    return _GOOD.fullmatch(name) is not None


def ascii_name(name: str) -> str:
    """A name that a graph takes; one that is good already stays as it is.

    >>> [ascii_name(name) for name in ("oil temp", "CO₂", "Qualität", "1st", "x+", "温度", "Temp")]
    ['oil_temp', 'CO2', 'Qualitat', 'n1st', 'x', 'name', 'Temp']
    """
    if is_good(name):
        return name
    # Of a letter with an accent the letter stays.
    letters = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name.translate(_WRITTEN))
        if not unicodedata.combining(letter)
    )
    found = re.sub(r"[^A-Za-z0-9]+", "_", letters).strip("_")
    if found[:1].isdigit():
        found = f"n{found}"
    return found[:LONGEST_NAME].rstrip("_") or "name"


def ascii_names(names: Iterable[str], kept: Mapping[str, str] | None = None) -> dict[str, str]:
    """An ASCII name for each of several names, unique without regard to case; see `unique_names`.

    Args:
        names: the names; one that stands there twice counts once.
        kept: names that have theirs already.

    >>> ascii_names(["pm2.5", "pm2_5", "Temp", "temp"])
    {'pm2.5': 'pm2_5_2', 'pm2_5': 'pm2_5', 'Temp': 'Temp', 'temp': 'temp_2'}
    """
    return unique_names({name: name for name in names}, kept)


def unique_names(wanted: Mapping[Place, str], kept: Mapping[Place, str] | None = None) -> dict[Place, str]:
    """An ASCII name for each of several places, unique without regard to case.

    Names that are good already have their turn first and stay as they are; one that would be the same as another gets a
    number.

    Args:
        wanted: place -> what to call it.
        kept: places that have a name already.

    Returns:
        Place -> ASCII name, in the order of `wanted`.
    """
    found = {place: name for place, name in (kept or {}).items() if place in wanted}
    taken = {name.lower() for name in found.values()}
    open_places = [place for place in wanted if place not in found]
    for place in sorted(open_places, key=lambda place: not is_good(wanted[place])):
        base = free = ascii_name(wanted[place])
        number = 1
        while free.lower() in taken:
            number += 1
            end = f"_{number}"
            free = base[: LONGEST_NAME - len(end)] + end
        found[place] = free
        taken.add(free.lower())
    return {place: found[place] for place in wanted}
