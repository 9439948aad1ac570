"""The command that stands in the record of a run."""

from __future__ import annotations

import os
import pathlib
import shlex
import sys


def recorded_command() -> str:
    """What was typed, with paths cut to placeholders: the record must not name this machine's folders."""
    words, hide = ["mmzoo"], {"--out": "RUN", "--data-dir": "DIR"}
    for before, word in zip(["", *sys.argv[1:]], sys.argv[1:], strict=False):
        flag, equals, value = word.partition("=")
        if before in hide:
            word = hide[before]
        elif equals and flag in hide:
            word = f"{flag}={hide[flag]}"
        elif equals and flag.startswith("--") and os.sep in value:
            word = f"{flag}={pathlib.PurePath(value).name}"
        elif os.sep in word:
            word = pathlib.PurePath(word).name
        words.append(word)
    return shlex.join(words)
