"""All pretrained encoders, by name."""

from __future__ import annotations

import pathlib

from mmzoo.pretrained.efficientnet_lite0 import EFFICIENTNET_LITE0
from mmzoo.pretrained.encoder import Encoder
from mmzoo.pretrained.glove import GLOVE
from mmzoo.pretrained.minilm import MINILM
from mmzoo.pretrained.speech_embedding import SPEECH_EMBEDDING

ENCODERS: dict[str, Encoder] = {
    encoder.name: encoder for encoder in (EFFICIENTNET_LITE0, MINILM, GLOVE, SPEECH_EMBEDDING)
}


def encoder_named(name: str | pathlib.Path) -> Encoder | None:
    """The encoder of a name; None where it is the name of something else, or a folder of that name lies here."""
    return None if pathlib.Path(name).is_dir() else ENCODERS.get(str(name))


def encoders_of(kind: str) -> list[Encoder]:
    """The encoders of a kind of input ("image", "text", "audio"), the one to try first in front."""
    return [encoder for encoder in ENCODERS.values() if encoder.kind == kind]
