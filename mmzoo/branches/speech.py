"""Audio branch over Google's speech embedding."""

from __future__ import annotations

from keras import layers, ops

from mmzoo.branches.parts.features import Features
from mmzoo.layers import MaskedMean, SpeechMel, SpeechNetwork
from mmzoo.layers.hub_backbone import BACKBONE, POOLED
from mmzoo.pretrained.speech_embedding import LAYOUT, RATE, SPEECH_EMBEDDING, mel_bands, weights_of
from mmzoo.schema import Audio


def speech_branch(
    samples,
    audio: Audio | int,
    *,
    finetune: str = "frozen",
    width: int = 64,
    tokens: bool = False,
    name: str = "audio",
) -> Features:
    """Hears a sound with a network that was trained on speech.

    Args:
        samples: float32 (B, samples), -1..1; all zeros is missing.
        audio: the schema's description of the input, or its sample rate in Hz: 16,000.
        finetune: "frozen" or "full".
        width: width of the features.
        tokens: give one token every 80 ms, each of the 0.76 s before.
        name: the input's name; prefix of the layers' names.

    Returns:
        Features.

    Raises:
        mmzoo.presets.PresetError: its package is not installed.
        ValueError: another sample rate, or `finetune`.
    """
    sample_rate = audio.sample_rate if isinstance(audio, Audio) else audio
    if sample_rate != RATE:
        raise ValueError(f"'speech_embedding' hears {RATE:,} samples a second, the input has {sample_rate:,}")
    folder = SPEECH_EMBEDDING.check()
    bands, mask, present = SpeechMel(mel_bands(folder), name=f"{name}_mel")(samples)
    network = SpeechNetwork(LAYOUT, finetune, name=f"{name}{BACKBONE}")
    heard = network(bands)
    network.set_weights(weights_of(folder))
    project = layers.Dense(width, name=f"{name}_vector")
    vector = project(MaskedMean(name=f"{name}{POOLED}")(heard, mask)) * ops.cast(present, heard.dtype)
    return Features(project(heard), mask, vector, present) if tokens else Features(None, None, vector, present)
