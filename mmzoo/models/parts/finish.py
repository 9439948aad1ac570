"""The last line of a builder: from the tensors to the model, with its weights."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from mmzoo.models.parts.pretrained import load_weights
from mmzoo.models.schema_model import SchemaModel, schema_model
from mmzoo.schema import Schema
from mmzoo.schema.names import ascii_name


def finish(
    inputs: Mapping, outputs: Mapping, schema: Schema, weights: str | pathlib.Path | None, size: str
) -> SchemaModel:
    """Makes the model, called as its schema, and loads its weights.

    Args:
        inputs: input name -> tensor of `keras_inputs`.
        outputs: output name -> tensor, as `mmzoo.fusion.fuse` makes them.
        schema: describes them.
        weights: None, the name of weights that come with mmzoo, or the path of a .keras file, a .weights.h5 file or a
            bundle. Where its outputs are others than the schema's, the heads stay fresh.
        size: the model's size.

    Returns:
        The model, not compiled.

    Raises:
        ValueError: outputs are missing, or the weights are of another architecture.
    """
    model = schema_model(inputs, outputs, schema, name=ascii_name(schema.name))
    return load_weights(model, weights, size=size)
