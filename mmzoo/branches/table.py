"""Which branch reads which kind of input, for builders that know no more of a model than its schema."""

from __future__ import annotations

import dataclasses
import inspect
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from mmzoo.branches.audio import audio_branch
from mmzoo.branches.history import history_branch
from mmzoo.branches.hub_image import hub_image_branch
from mmzoo.branches.hub_text import hub_text_branch
from mmzoo.branches.image import image_branch
from mmzoo.branches.ngrams import ngrams_branch
from mmzoo.branches.parts.features import Features
from mmzoo.branches.sensors import sensor_branch
from mmzoo.branches.series import series_branch
from mmzoo.branches.speech import speech_branch
from mmzoo.branches.text import text_branch
from mmzoo.branches.vector import vector_branch
from mmzoo.branches.video import video_branch
from mmzoo.presets import PresetError, packaged
from mmzoo.schema import Audio, History, Image, KindTable, Modality, Sensors, Series, Text, Vector, Video

# Backbones of `image_branch` that are no network of keras.applications.
_OWN_BACKBONES = ("separable", "vgg")


@dataclasses.dataclass(frozen=True)
class BranchSettings:
    """What a builder tells every branch; each takes what concerns it.

    Attributes:
        width: of the features, the same for all branches of a model.
        size: "nano", "small" or "base".
        image: see `image_branch`; or the name or folder of a keras-hub backbone.
        audio: "spectrogram", see `audio_branch`, or "speech_embedding", see `speech_branch`.
        presets: name of the input's tensor -> the keras-hub backbone that reads that text, or the word vectors.
        finetune: of keras-hub backbones; of word vectors "full" lets them learn, else they are held still.
        text_cell, text_units, embedding, bidirectional: see `text_branch`.
        ngram_embedding: see `ngrams_branch`.
        sensor_units: see `sensor_branch`.
        series_cell, series_units: see `series_branch`.
        tokens: whether the fusion takes tokens, see `mmzoo.fusion.wants_tokens`.
        seed: of what is random in training.
    """

    width: int = 64
    size: str = "small"
    image: str | pathlib.Path = "separable"
    audio: str = "spectrogram"
    presets: Mapping[str, str | pathlib.Path] = dataclasses.field(default_factory=dict)
    finetune: str = "frozen"
    text_cell: str = "gru"
    text_units: int = 32
    embedding: int = 16
    bidirectional: bool = False
    ngram_embedding: int = 16
    sensor_units: int = 32
    series_cell: str = "gru"
    series_units: int = 32
    tokens: bool = False
    seed: int | None = None


# (input tensor, modality, its name, which those of layers begin with, settings) -> Features
Branch = Callable[[Any, Modality, str, BranchSettings], Features]

_BRANCHES: KindTable[Branch] = KindTable("branch")


def register_branch(kind: type[Modality], branch: Branch) -> None:
    """Makes `branch` read all inputs of `kind`."""
    _BRANCHES.register(kind, branch)


def branch_of(tensor: Any, modality: Modality, name: str, settings: BranchSettings) -> Features:
    """The features of an input, by the branch of its kind.

    Args:
        tensor: of `keras_inputs`.
        modality: the schema's description of it.
        name: the input's name, for messages.
        settings: what the builder was told.

    Raises:
        TypeError: its kind has no branch; the message names it and those that have one.
        ValueError: it can't be read as asked for; the message names the input.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.
    """
    branch = _BRANCHES.answer(modality, f"input {name!r}")
    try:
        return branch(tensor, modality, tensor.name, settings)
    except PresetError as error:
        raise PresetError(f"input {name!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"input {name!r}: {error}") from error


def is_image_preset(backbone: str | pathlib.Path) -> bool:
    """Whether a picture is read by a network of keras-hub, and not by one of ours or of keras.applications."""
    import keras

    # keras.applications also holds modules, some with the short names of presets: "mobilenet", "resnet".
    own = backbone in _OWN_BACKBONES or inspect.isfunction(getattr(keras.applications, str(backbone), None))
    return not own


def _common(name, settings):
    return {"width": settings.width, "tokens": settings.tokens, "name": name}


def _image(pixels, image, name, settings):
    backbone = settings.image
    if not is_image_preset(backbone):
        return image_branch(pixels, size=settings.size, backbone=backbone, **_common(name, settings))
    return hub_image_branch(pixels, backbone, finetune=settings.finetune, **_common(name, settings))


def _text(ids, text, name, settings):
    common = _common(name, settings)
    recurrent = {
        "cell": settings.text_cell,
        "units": settings.text_units,
        "bidirectional": settings.bidirectional,
        **common,
    }
    encoder = packaged(settings.presets[name]) if name in settings.presets else None
    if encoder is not None and encoder.vectors:
        words, vectors = encoder.vectors(encoder.check())
        if text.vocabulary != words:
            raise ValueError(f"its vocabulary is not that of {encoder.name!r}; see mmzoo.presets.text_for_preset")
        return text_branch(
            ids,
            vocabulary_size=len(words),
            embedding=encoder.width,
            vectors=vectors,
            learn_vectors=settings.finetune == "full",
            **recurrent,
        )
    if name in settings.presets:
        size = text.vocabulary_size
        return hub_text_branch(
            ids, settings.presets[name], finetune=settings.finetune, vocabulary_size=size, **common
        )  # fmt: skip
    if text.tokenizer == "ngrams":
        return ngrams_branch(ids, text, embedding=settings.ngram_embedding, seed=settings.seed, **common)
    return text_branch(ids, vocabulary_size=text.vocabulary_size, embedding=settings.embedding, **recurrent)


def _sensors(values, sensors, name, settings):
    return sensor_branch(values, sensors, units=settings.sensor_units, **_common(name, settings))


def _audio(samples, audio, name, settings):
    if settings.audio == "speech_embedding":
        return speech_branch(samples, audio, finetune=settings.finetune, **_common(name, settings))
    if settings.audio != "spectrogram":
        raise ValueError(f"audio: expected 'spectrogram' or 'speech_embedding', got {settings.audio!r}")
    return audio_branch(samples, audio, size=settings.size, seed=settings.seed, **_common(name, settings))


def _series(values, series, name, settings):
    return series_branch(
        values,
        series,
        cell=settings.series_cell,
        units=settings.series_units,
        **_common(name, settings),
    )


def _history(ids, history, name, settings):
    return history_branch(ids, history, seed=settings.seed, **_common(name, settings))


def _video(frames, video, name, settings):
    read = None
    if is_image_preset(settings.image):

        def read(pixels, **common):
            return hub_image_branch(pixels, settings.image, finetune=settings.finetune, **common)

    return video_branch(frames, read=read, size=settings.size, seed=settings.seed, **_common(name, settings))


def _vector(values, vector, name, settings):
    return vector_branch(values, **_common(name, settings))


for _kind, _branch in (
    (Image, _image),
    (Text, _text),
    (Sensors, _sensors),
    (Audio, _audio),
    (Series, _series),
    (History, _history),
    (Vector, _vector),
    (Video, _video),
):
    register_branch(_kind, _branch)
