"""How large the pictures of a schema are read: as the encoder that reads them was trained."""

from __future__ import annotations

import pathlib

from mmzoo.branches.table import is_image_preset
from mmzoo.presets import PresetError, image_size_for_preset
from mmzoo.schema import Image, Schema


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
