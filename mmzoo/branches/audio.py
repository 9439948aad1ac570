"""Audio branch: log-mel spectrogram in the graph and a small residual separable CNN."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.branches.parts.residual import normalised, residual_block
from mmzoo.layers import LogMelSpectrogram, MaskedMean, SpecAugment
from mmzoo.schema import Audio

# Mel bands, filters of the stem (stride 2), then (filters, stride) of the residual blocks.
SIZES = {
    "nano": (40, 16, ((24, 2), (32, 2), (32, 1))),
    "small": (64, 24, ((48, 2), (96, 2), (96, 1))),
    "base": (64, 32, ((64, 2), (64, 1), (128, 2), (128, 1), (192, 1), (192, 1))),
}


def audio_branch(
    samples,
    audio: Audio | int,
    *,
    size: str = "small",
    width: int = 64,
    augment: bool = True,
    seed: int | None = None,
    tokens: bool = False,
    name: str = "audio",
) -> Features:
    """Hears a sound with a CNN over its log-mel spectrogram.

    Sounds may have any length from one sample on, shorter ones than a frame of 25 ms too. How loud a sound is as a
    whole does not matter, nor do zeros behind its end.

    Args:
        samples: float32 (B, samples), -1..1; all zeros is missing.
        audio: the schema's description of the input, or its sample rate in Hz.
        size: "nano", "small" or "base".
        width: width of the features.
        augment: hide stretches of time and pitch while training, see `mmzoo.layers.SpecAugment`.
        seed: seed of that.
        tokens: give one token every 80 ms.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features, of as many tokens as there are 80 ms.

    Raises:
        ValueError: an unknown size, or a sample rate too low for as many bands, see `mmzoo.layers.LogMelSpectrogram`.
    """
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    bands, stem, blocks = SIZES[size]
    sample_rate = audio.sample_rate if isinstance(audio, Audio) else audio
    x, mask, present = LogMelSpectrogram(sample_rate, bands, name=f"{name}_spectrogram")(samples)
    if augment:
        x = SpecAugment(seed=seed, name=f"{name}_spec_augment")(x)
    x = layers.Reshape((*x.shape[1:], 1), name=f"{name}_picture")(x)
    x = layers.Conv2D(stem, 3, strides=2, padding="same", use_bias=False, name=f"{name}_stem")(x)
    x = normalised(x, f"{name}_stem")
    mask = mask[:, ::2]
    for number, (filters, stride) in enumerate(blocks, start=1):
        x = residual_block(x, filters, stride, f"{name}_block{number}")
        mask = mask[:, ::stride]
    # Bands side by side and not pooled: which pitch it is matters, unlike where in a picture something stands.
    x = layers.Reshape((x.shape[1], x.shape[2] * x.shape[3]), name=f"{name}_frames")(x)
    x = layers.Dense(width, activation="relu", name=f"{name}_dense")(x)
    vector = layers.Dense(width, name=f"{name}_vector")(MaskedMean(name=f"{name}_pool")(x, mask))
    if not tokens:
        return Features(None, None, vector, present)
    return Features(layers.Dense(width, name=f"{name}_tokens")(x), ops.logical_and(mask, present), vector, present)
