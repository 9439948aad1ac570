"""The schema of the surveillance model, without Keras: its data and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Audio, Label, Schema, Video

# What the picture tells, what the sound tells; "nothing" is a clip in which nobody fights.
SEEN = ("nothing", "fight")
HEARD = ("car_horn", "children_playing", "engine_idling", "gun_shot", "siren", "street_music")
EVENTS = (*SEEN, *HEARD)
ALARMS = ("fight", "gun_shot", "siren", "car_horn")
INPUTS = ("video", "sound")
# Of both inputs: one window, whatever the clip's own length and rate.
SECONDS, SAMPLE_RATE = 2.0, 16_000


def surveillance_schema(
    inputs: Sequence[str] = INPUTS,
    events: Sequence[str] = EVENTS,
    *,
    frames: int = 16,
    image_size: tuple[int, int] = (64, 64),
    seconds: float = SECONDS,
) -> Schema:
    """Inputs and outputs of `build_surveillance_model`.

    Args:
        inputs: those that it has, of "video" and "sound".
        events: those that it tells apart.
        frames: of the window.
        image_size: (height, width) of a frame in pixels.
        seconds: the window's length.

    Raises:
        ValueError: an input that there isn't.
    """
    known = {
        "video": Video(frames, *image_size, seconds=seconds),
        "sound": Audio(round(seconds * SAMPLE_RATE), SAMPLE_RATE),
    }
    unknown = [name for name in inputs if name not in known]
    if unknown or not inputs:
        raise ValueError(f"inputs: expected some of {list(known)}, got {list(inputs)}")
    outputs = {"event": Label(tuple(events)), "alarm": Label(("no", "yes"))}
    return Schema("surveillance", {name: known[name] for name in inputs}, outputs)
