"""The schema of the speech model: a sound, or cepstral coefficients of one, to the text that is said."""

from __future__ import annotations

import string
from collections.abc import Sequence

from mmzoo.schema import Audio, Number, Schema, Series, State, Transcript

ALPHABET = string.ascii_lowercase + "' "
# What it hears: the name of its input.
SOUND, COEFFICIENTS = "sound", "coefficients"
# Both kinds of input have 100 frames a second; four of them make one step of the text.
FRAMES_A_SECOND = 100
FRAMES_A_STEP = 4
STEPS_A_SECOND = FRAMES_A_SECOND // FRAMES_A_STEP
# As of the Sphinx recogniser: the energy, then twelve numbers about the spectrum's form.
CEPSTRA = (Number("c0", "", -60, 60), *(Number(f"c{i}", "", -30, 30) for i in range(1, 13)))


def speech_schema(
    *, hears: str, alphabet: Sequence[str], seconds: float, sample_rate: int, states: dict[str, tuple[int, ...]]
) -> Schema:
    """The schema of the model.

    Args:
        hears: "sound" or "coefficients".
        alphabet: the letters, in lower case.
        seconds: length of what is heard at once, a multiple of 0.04.
        sample_rate: of a sound, Hz, a multiple of 200.
        states: what a streaming model remembers: name -> shape.

    Raises:
        ValueError: one of them is otherwise.
    """
    if hears not in (SOUND, COEFFICIENTS):
        raise ValueError(f"hears: expected {SOUND!r} or {COEFFICIENTS!r}, got {hears!r}")
    steps = round(seconds * STEPS_A_SECOND)
    if steps < 1 or abs(steps - seconds * STEPS_A_SECOND) > 1e-6:
        raise ValueError(f"seconds: expected a multiple of {1 / STEPS_A_SECOND:g}, got {seconds!r}")
    if sample_rate % 200:
        raise ValueError(f"sample_rate: expected a multiple of 200 Hz, so that 5 ms are whole, got {sample_rate!r}")
    heard = (
        Audio(round(seconds * sample_rate), sample_rate) if hears == SOUND else Series(FRAMES_A_STEP * steps, CEPSTRA)
    )
    kept = {name: State(shape) for name, shape in states.items()}
    text = Transcript(tuple(dict.fromkeys("".join(alphabet).lower())), steps, lowercase=True)
    return Schema("speech", {hears: heard, **kept}, {"text": text, **kept})
