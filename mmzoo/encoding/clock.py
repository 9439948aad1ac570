"""Times of day, as a clock shows them."""

from __future__ import annotations

import datetime
import re

# "14:05", "14:05:30.5", "14h05", "2 pm", "2:05 p.m."
_CLOCK = re.compile(r"T?(\d{1,2})(?:[:h](\d{2})(?::(\d{2})(?:[.,]\d{1,9})?)?)?\s*(?:([ap])\.?m\.?)?", re.ASCII | re.I)
_HOURS = re.compile(r"[+-]?\d{1,4}:\d{2}(:\d{2}([.,]\d+)?)?", re.ASCII)
DEGREES_OF_DAY = 360.0 / 86_400


def read_clock(text: str) -> float | None:
    """A time of day as degrees of it, 15 an hour; None where the text is no such time.

    >>> read_clock("06:00"), read_clock("6:00 PM"), read_clock("12.50")
    (90.0, 270.0, None)
    """
    text = text.strip()
    found = _CLOCK.fullmatch(text)
    if not found or not (found.group(2) or found.group(4)):
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    half = (found.group(4) or "").lower()
    if half and not 1 <= hour <= 12:
        return None
    if half:
        hour = hour % 12 + 12 * (half == "p")
    if hour > 24 or minute > 59 or second > 59 or (hour == 24 and (minute or second)):
        return None
    return ((hour % 24) * 3600 + minute * 60 + second) * DEGREES_OF_DAY


def looks_like_clock(text: str) -> bool:
    """Whether a text is written like a time of day or a length of time: "14:05", "36:15:00", "2 pm"."""
    return bool(_HOURS.fullmatch(text.strip())) or read_clock(text) is not None


def encode_clock(value, place: str) -> float:
    """A time of day, a text or of the module datetime, as degrees of the day.

    Raises:
        ValueError: a text that is no time of day.
        TypeError: another kind of value.
    """
    if isinstance(value, str):
        degrees = read_clock(value)
        if degrees is None:
            raise ValueError(f"{place}: expected a time of day such as 14:05, got {value!r:.80}")
        return degrees
    if isinstance(value, datetime.datetime):
        value = value.time()
    if not isinstance(value, datetime.time):
        raise TypeError(f"{place}: expected a time of day such as '14:05', got {type(value).__name__}: {value!r:.80}")
    return (value.hour * 3600 + value.minute * 60 + value.second) * DEGREES_OF_DAY
