"""Numbers as people and spreadsheets write them."""

from __future__ import annotations

import re

# Minus signs beside "-": the typographic minus, the en dash, and those of East Asian fonts.
_SIGNS = dict.fromkeys(map(ord, "\u2212\u2013\ufe63\uff0d"), "-")
# How accountants write a negative amount.
_IN_BRACKETS = re.compile(r"\(\s*(\d[\d.,' \u00a0\u202f]*|\.\d+)\s*\)")


def read_number(text: str) -> float:
    """A text as a number: "48.5", "-1e3", also with a typographic minus sign, or in brackets for a negative amount.

    Raises:
        ValueError: it is none. "1_000" is none, as that is more likely a slip than a thousand.

    >>> read_number("\u22120.5"), read_number("(12.5)"), read_number("1e3")
    (-0.5, -12.5, 1000.0)
    """
    text = text.replace("_", "?")
    try:
        return float(text)
    except ValueError:
        return float(with_plain_sign(text))


def with_plain_sign(text: str) -> str:
    """A number's text with "-" where it has another minus sign, or brackets for one."""
    text = text.strip().translate(_SIGNS)
    bracketed = _IN_BRACKETS.fullmatch(text)
    return f"-{bracketed.group(1)}" if bracketed else text
