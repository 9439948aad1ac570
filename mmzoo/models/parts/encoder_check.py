"""Whether an encoder gives what it gave when it was taken in."""

from __future__ import annotations

import numpy as np

from mmzoo.pretrained.encoder import Encoder
from mmzoo.pretrained.golden import RATE, deviation, golden_input


def deviation_of(encoder: Encoder) -> float:
    """How far an encoder's pooled features of its golden input are from the golden vectors, over their largest value.

    Args:
        encoder: one that is here.

    Raises:
        mmzoo.pretrained.PresetError: it is not here, or its files are others.
    """
    return deviation(encoder.name, _FEATURES[encoder.kind](encoder))


def _of_picture(encoder):
    import keras

    from mmzoo.branches.hub_image import hub_image_branch
    from mmzoo.models.parts.frozen import encoder_part

    picture = golden_input("image")
    pixels = keras.Input(picture.shape, dtype="uint8")
    part = encoder_part(pixels, hub_image_branch(pixels, encoder.name).vector, "image")
    return np.asarray(part.predict_on_batch(picture[None]))[0]


def _of_sentence(encoder):
    if encoder.vectors:
        return _of_words(encoder)
    import keras

    from mmzoo.branches.hub_text import hub_text_branch
    from mmzoo.models.parts.frozen import encoder_part
    from mmzoo.presets import text_for_preset

    text = text_for_preset(encoder.name, 32)
    ids = keras.Input(text.shape, dtype="int32")
    part = encoder_part(ids, hub_text_branch(ids, encoder.name).vector, "text")
    return np.asarray(part.predict_on_batch(text.encode(golden_input("text"), "golden")[None]))[0]


def _of_words(encoder):
    """The mean of the vectors of the sentence's words."""
    from mmzoo.presets import text_for_preset

    _, vectors = encoder.vectors(encoder.check())
    ids = text_for_preset(encoder.name, 32).encode(golden_input("text"), "golden")
    return vectors[ids[ids > 0]].mean(axis=0)


def _of_sound(encoder):
    import keras

    from mmzoo.branches.speech import speech_branch
    from mmzoo.models.parts.frozen import encoder_part

    sound = golden_input("audio")
    samples = keras.Input(sound.shape, dtype="float32")
    part = encoder_part(samples, speech_branch(samples, RATE).vector, "audio")
    return np.asarray(part.predict_on_batch(sound[None]))[0]


_FEATURES = {"image": _of_picture, "text": _of_sentence, "audio": _of_sound}
