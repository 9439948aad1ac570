"""Which branch reads an input of own data: one table, from the kind of the input to a function."""

from __future__ import annotations

import dataclasses
import inspect
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from mmzoo.branches import (
    Features,
    audio_branch,
    hub_image_branch,
    hub_text_branch,
    image_branch,
    ngrams_branch,
    sensor_branch,
    text_branch,
)
from mmzoo.presets import PresetError
from mmzoo.schema import Audio, Image, Sensors, Text

BACKBONES = ("separable", "vgg")


@dataclasses.dataclass(frozen=True)
class BranchSize:
    """How large the branches of a size are.

    Attributes:
        width: of the features of all of them.
        text_units, embedding, bidirectional: of texts that are read step by step.
        ngram_embedding: width of the embedding of n-grams.
        ngram_buckets: ids that n-grams are hashed into.
        sensor_units: units of the hidden layer of sensors.
    """

    width: int
    text_units: int
    embedding: int
    bidirectional: bool
    ngram_embedding: int
    ngram_buckets: int
    sensor_units: int


@dataclasses.dataclass(frozen=True)
class BranchSettings:
    """What the builder was told, as far as branches care.

    Attributes:
        size: "nano", "small" or "base".
        sizes: what that means.
        tokens: whether the fusion takes tokens.
        image: how pictures are read.
        text_cell: "gru" or "lstm".
        presets: input name -> keras-hub preset of a text.
        finetune: of keras-hub backbones.
        seed: of what is random in training.
    """

    size: str
    sizes: BranchSize
    tokens: bool
    image: str | pathlib.Path
    text_cell: str
    presets: Mapping[str, str | pathlib.Path]
    finetune: str
    seed: int | None


def register_branch(kind: type, branch: Callable) -> None:
    """Makes `branch(tensor, modality, name, settings) -> Features` the branch of inputs of `kind` in own data.

    Args:
        kind: a class of inputs.
        branch: makes layers of the width `settings.sizes.width`, whose names begin with `name`, and tokens
            where `settings.tokens`.
    """
    _BRANCHES[kind] = branch


def branch_of(tensor: Any, modality: Any, name: str, settings: BranchSettings) -> Features:
    """The features of an input.

    Args:
        tensor: the input, of `keras_inputs`.
        modality: its description.
        name: its name.
        settings: what the builder was told.

    Raises:
        ValueError: there is no branch for its kind, or it can't be read as asked for; the message names the input.
        mmzoo.presets.PresetError: a keras-hub preset can't be had.
    """
    branch = next((_BRANCHES[kind] for kind in type(modality).__mro__ if kind in _BRANCHES), None)
    try:
        if branch is None:
            known = sorted(kind.__name__ for kind in _BRANCHES)
            raise ValueError(f"no branch for {type(modality).__name__} here; expected one of {known}")
        return branch(tensor, modality, name, settings)
    except PresetError as error:
        raise PresetError(f"input {name!r}: {error}") from error
    except ValueError as error:
        raise ValueError(f"input {name!r}: {error}") from error


def _image(tensor, modality, name, settings):
    import keras

    common = _common(name, settings)
    # keras.applications also holds modules, some with the short names of presets: "mobilenet", "resnet".
    if settings.image in BACKBONES or inspect.isfunction(getattr(keras.applications, str(settings.image), None)):
        return image_branch(tensor, size=settings.size, backbone=settings.image, **common)
    return hub_image_branch(tensor, settings.image, finetune=settings.finetune, **common)


def _audio(tensor, modality, name, settings):
    return audio_branch(tensor, modality, size=settings.size, seed=settings.seed, **_common(name, settings))


def _sensors(tensor, modality, name, settings):
    return sensor_branch(tensor, modality, units=settings.sizes.sensor_units, **_common(name, settings))


def _text(tensor, modality, name, settings):
    common = _common(name, settings)
    if name in settings.presets:
        return hub_text_branch(tensor, settings.presets[name], finetune=settings.finetune, **common)
    if modality.tokenizer == "ngrams":
        return ngrams_branch(tensor, modality, seed=settings.seed, embedding=settings.sizes.ngram_embedding, **common)
    return text_branch(
        tensor,
        vocabulary_size=modality.vocabulary_size,
        cell=settings.text_cell,
        units=settings.sizes.text_units,
        embedding=settings.sizes.embedding,
        bidirectional=settings.sizes.bidirectional,
        **common,
    )


def _common(name, settings):
    return {"width": settings.sizes.width, "tokens": settings.tokens, "name": name}


_BRANCHES: dict[type, Callable] = {Audio: _audio, Image: _image, Sensors: _sensors, Text: _text}
