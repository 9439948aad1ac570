"""Writing down what is said in a sound."""

from __future__ import annotations

import dataclasses
import math
import pathlib
from collections.abc import Sequence

from keras import layers, ops

from mmzoo.branches.parts.residual import normalised
from mmzoo.layers import LogMelSpectrogram, RunningLogMel, SpecAugment, SpectrumOfCepstra
from mmzoo.layers.running_log_mel import KEPT
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.speech import ALPHABET, COEFFICIENTS, SOUND, speech_schema
from mmzoo.schema import Schema

VARIANTS = ("whole", "streaming")
# Of the convolutions, in time and in pitch: together four frames become one step.
STRIDES = ((2, 2), (2, 2), (1, 2))
# The longest stretch of time that training hides, in seconds: about a letter's.
HIDDEN = 0.12
# Added to the blank's logit where there is no sound: nothing is said there.
SILENCE = 30.0


@dataclasses.dataclass(frozen=True)
class _Size:
    bands: int
    filters: tuple[int, int, int]
    width: int
    units: tuple[int, ...]
    max_parameters: int


SIZES = {
    "nano": _Size(40, (16, 24, 32), 64, (48,), 90_000),
    "small": _Size(40, (32, 48, 64), 128, (128, 128), 800_000),
}


@register("speech")
@seeded
def build_speech_model(
    *,
    size: str = "small",
    variant: str = "whole",
    hears: str = SOUND,
    alphabet: str | Sequence[str] = ALPHABET,
    seconds: float = 2.4,
    sample_rate: int = 8_000,
    weights: str | pathlib.Path | None = None,
    classifier_activation: str | None = "softmax",
    dropout: float = 0.2,
    augment: bool = True,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that writes down what is said, letter by letter, as Deep Speech 2 does (Amodei et al., ICML 2016).

    Convolutions over the log-mel bands make one step of every 40 ms; recurrent layers read the steps, and at each one
    the model says which letter comes there, or none. It learns from texts that don't say when (CTC).

    Inputs (B samples):
        sound: float32 (B, seconds * sample_rate), -1..1, how loud it is as a whole does not matter; missing: zeros.
        coefficients: float32 (B, 100 * seconds, 13), the sound's cepstral coefficients at 100 frames a second, the
            utterance's end last; missing: NaN. Instead of `sound`, where `hears` says so.
        Of "streaming": its states, zeros at the start.
    Outputs:
        text: float32 (B, 25 * seconds, 1 + letters), at each step how likely each letter is, the first place is none;
            see `mmzoo.schema.Transcript`.
        Of "streaming": its states, for the next call.

    Args:
        size: "nano" or "small".
        variant: "whole": utterances as a whole, read in both directions. "streaming": causal, with what it remembers
            as inputs and outputs, so that a sound in pieces of any length gives what it gives as a whole; weights fit
            whatever the length (`EdgeModel.stream()` keeps the states).
        hears: "sound", or "coefficients" for 13 cepstral coefficients a frame ("whole" alone).
        alphabet: the letters that it knows, read in lower case; by default those of English, apostrophe and blank.
        seconds: length of what is heard at once, a multiple of 0.04. A text takes a step (0.04 s) a letter and one more
            between two that are the same.
        sample_rate: of the sound, Hz, a multiple of 200.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        classifier_activation: "softmax", or None for logits.
        dropout: dropout rate before and behind each recurrent layer.
        augment: hide stretches of time and pitch while training, see `mmzoo.layers.SpecAugment`.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown size or variant, a length or rate that doesn't divide, coefficients in a stream, or
            weights of another architecture.

    >>> model = build_speech_model(size="nano", seconds=1.0)
    >>> model.input["sound"].shape, model.output["text"].shape
    ((None, 8000), (None, 25, 29))
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    if variant not in VARIANTS:
        raise ValueError(f"variant: expected one of {list(VARIANTS)}, got {variant!r}")
    if variant == "streaming" and hears == COEFFICIENTS:
        raise ValueError("variant: 'streaming' hears a sound; coefficients are normalised over a whole utterance")
    config = SIZES[size]
    schema = speech_schema(
        hears=hears,
        alphabet=alphabet,
        seconds=seconds,
        sample_rate=sample_rate,
        states=_states(config, sample_rate) if variant == "streaming" else {},
    )
    inputs = keras_inputs(schema)
    kept: dict = {}
    if variant == "streaming":
        front = RunningLogMel(sample_rate, config.bands, name="sound_spectrogram")
        x, kept["heard"], kept["level"] = front(inputs[SOUND], inputs["heard"], inputs["level"])
        present = None
    elif hears == SOUND:
        x, _, present = LogMelSpectrogram(sample_rate, config.bands, name="sound_spectrogram")(inputs[SOUND])
    else:
        x, _, present = SpectrumOfCepstra(config.bands, name="sound_spectrogram")(inputs[COEFFICIENTS])
    if augment:
        share = min(1.0, HIDDEN / seconds)
        for number in (1, 2):
            given = None if seed is None else seed + number
            x = SpecAugment(share, 0.2, seed=given, name=f"sound_spec_augment{number}")(x)
    x = layers.Reshape((*x.shape[1:], 1), name="sound_picture")(x)
    for number, (filters, stride) in enumerate(zip(config.filters, STRIDES, strict=True), start=1):
        name = f"sound_conv{number}"
        x, after = _before(x, inputs.get(f"frames{number}"), stride[0], name)
        if after is not None:
            kept[f"frames{number}"] = after
        x = layers.Conv2D(filters, 3, strides=stride, use_bias=False, name=name)(x)
        x = normalised(x, name)
    # Bands side by side and not pooled: which pitch it is matters.
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name="sound_steps")(x)
    x = layers.Dense(config.width, activation="relu", name="sound_vectors")(x)
    x = layers.Dropout(dropout, seed=seed, name="sound_dropout")(x)
    for number, units in enumerate(config.units, start=1):
        name = f"text_gru{number}"
        if variant == "streaming":
            gru = layers.GRU(2 * units, return_sequences=True, return_state=True, use_cudnn=False, name=name)
            x, kept[f"memory{number}"] = gru(x, initial_state=inputs[f"memory{number}"])
        else:
            gru = layers.GRU(units, return_sequences=True, use_cudnn=False, name=name)
            x = layers.Bidirectional(gru, name=f"text_bidirectional{number}")(x)
        x = layers.Dropout(dropout, seed=seed, name=f"text_dropout{number}")(x)
    scores = _scores(x, present, schema, classifier_activation)
    states = {
        name: layers.Activation("linear", dtype="float32", name=f"{name}_next")(state) for name, state in kept.items()
    }
    return finish(inputs, {"text": scores, **states}, schema, weights, size)


def _states(config: _Size, sample_rate: int) -> dict[str, tuple[int, ...]]:
    """What a stream remembers: name -> shape, in the order in which it is used."""
    states: dict[str, tuple[int, ...]] = {
        # 15 ms, which the first frame shares with the piece before.
        "heard": (3 * sample_rate // 200,),
        "level": (KEPT,),
    }
    bands, channels = config.bands, 1
    for number, (filters, stride) in enumerate(zip(config.filters, STRIDES, strict=True), start=1):
        states[f"frames{number}"] = (3 - stride[0], bands, channels)
        bands, channels = math.ceil(bands / stride[1]), filters
    return states | {f"memory{number}": (2 * units,) for number, units in enumerate(config.units, start=1)}


def _before(x, before, stride: int, name: str):
    """(x with what a convolution of 3 needs around it, what of x the next call needs): in a stream the end of the
    piece before, else zeros on both sides; bands have zeros on both sides."""
    if before is None:
        return layers.ZeroPadding2D(1, name=f"{name}_around")(x), None
    x = layers.Concatenate(axis=1, name=f"{name}_before")([before, x])
    return layers.ZeroPadding2D(((0, 0), (1, 1)), name=f"{name}_around")(x), x[:, stride - 3 :]


def _scores(x, present, schema: Schema, activation: str | None):
    """The head; where there is no sound at all, nothing is said."""
    places = schema["text"].shape[-1]
    x = layers.Dense(places, name="head_text")(x)
    if present is not None:
        blank = ops.expand_dims(SILENCE * ops.cast(ops.logical_not(present), x.dtype), 2)
        x = x + ops.pad(blank, [[0, 0], [0, 0], [0, places - 1]])
    return layers.Activation(activation or "linear", dtype="float32", name="text_scores")(x)
