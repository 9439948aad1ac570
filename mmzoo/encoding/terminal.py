"""Texts from elsewhere on a terminal: what would move its cursor, rename its window or worse is shown, not obeyed."""

from __future__ import annotations

import re
import sys

# Controls but for tab and line feed, marks that turn the direction of writing, and halves of characters.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def shown(text: str) -> str:
    r"""A text whose control characters are written out.

    >>> print(shown("oil\x1b[2Jtemp"), shown("Qualität"))
    oil\x1b[2Jtemp Qualität
    """
    return _OBEYED.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def any_text_prints() -> None:
    """Lets `print` write whatever a name holds: what the terminal's encoding lacks is written out as well."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
