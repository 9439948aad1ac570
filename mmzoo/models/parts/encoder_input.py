"""Pictures and sounds of a schema as the encoders that read them were trained: their size, and their sample rate."""

from __future__ import annotations

import pathlib

from mmzoo.branches.table import is_image_preset
from mmzoo.presets import PresetError, image_size_for_preset
from mmzoo.pretrained.speech_embedding import RATE
from mmzoo.schema import Audio, Image, Schema


def as_trained(schema: Schema, image: str | pathlib.Path, audio: str) -> Schema:
    """The schema as `with_image_sizes` has it, and with sounds at the sample rate that a pretrained encoder hears.

    Args:
        schema: the schema.
        image, audio: see `mmzoo.models.multimodal.build_multimodal_model`.
    """
    schema = with_image_sizes(schema, image)
    if audio != "speech_embedding":
        return schema
    sounds = {name: schema.inputs[name] for name in schema.of_kind(Audio)}
    return schema.with_inputs(
        **{name: Audio(round(one.samples * RATE / one.sample_rate), RATE) for name, one in sounds.items()}
    )


def with_image_sizes(schema: Schema, backbone: str | pathlib.Path) -> Schema:
    """The schema with its pictures at the size that a preset was trained on; as it is with other backbones.

    Args:
        schema: the schema.
        backbone: see `mmzoo.models.multimodal.build_multimodal_model`.

    Raises:
        mmzoo.presets.PresetError: no such preset.
    """
    images = schema.of_kind(Image)
    if not images or not is_image_preset(backbone):
        return schema
    try:
        height, width = image_size_for_preset(backbone)
    except PresetError:
        raise
    except ValueError:
        # It takes any size.
        return schema
    return schema.with_inputs(**{name: Image(height, width, schema.inputs[name].channels) for name in images})
