"""The one model class there is: a functional Keras model that carries its schema."""

from __future__ import annotations

import dataclasses
import pathlib

import keras
from keras.src.models.functional import Functional

from mmzoo import fusion, layers  # noqa: F401 - registers the custom layers that a saved model may hold
from mmzoo.bundles import find_bundle, verify
from mmzoo.fusion.arm import chosen
from mmzoo.layers.graph import layers_between, mark_old_heads
from mmzoo.models.model_file import load_keras_file
from mmzoo.schema import Schema


@keras.saving.register_keras_serializable(package="mmzoo")
class SchemaModel(Functional):
    """A functional `keras.Model` with a `schema` that survives `.keras` files.

    Keras takes and gives arrays by the names of `schema.tensor_names`, which differ from the schema's own only where
    Keras would not take those ("oil temp", "CO₂"): `model.predict(schema.to_tensors(arrays))`, and back by
    `schema.from_tensors`. `mmzoo.fit`, `mmzoo.evaluate`, `mmzoo.predict` and the edge take the schema's own names.

    Made by `schema_model`; it has no `__init__` of its own, or Keras would not reload it as a functional model.

    Its file says which layers are for one output alone, see `mmzoo.layers.graph`; those of layers of Keras' own can't.

    Attributes:
        schema: the `Schema` of its inputs and outputs.
    """

    schema: Schema

    def get_config(self):
        marked = {layer.name: layer.output_name for layer in self.layers if hasattr(layer, "output_name")}
        return {**super().get_config(), "schema": self.schema.to_dict(), "output_names": marked}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        # Files of mmzoo 0.1 don't say.
        schema, marked = Schema.from_dict(config.pop("schema")), config.pop("output_names", {})
        model = super().from_config(config, custom_objects=custom_objects)
        for name, output in marked.items():
            model.get_layer(name).output_name = output
        return _with_schema(model, schema)


def schema_model(inputs: dict, outputs: dict, schema: Schema, name: str) -> SchemaModel:
    """A `SchemaModel` from the tensors of a functional graph.

    Args:
        inputs: input name -> tensor of `keras_inputs`.
        outputs: output name -> tensor.
        schema: describes them.
        name: the model's name.

    Returns:
        The model, whose `input` and `output` go by the schema's `tensor_names`. A layer inside that is called like one
        of them, or like another layer, gets a number behind its name.

    Raises:
        ValueError: outputs are missing.
    """
    # Of an arm, see `mmzoo.fusion.arm`: what users don't give as data, such as states, stays.
    arm = chosen(schema.given)
    kinds = {name: kind for name, kind in schema.inputs.items() if name in arm or not kind.is_given}
    inputs, schema = {name: inputs[name] for name in kinds}, dataclasses.replace(schema, inputs=kinds)
    if set(outputs) != set(schema.outputs):
        raise ValueError(f"schema {schema.name!r}: expected the outputs {list(schema.outputs)}, got {list(outputs)}")
    outputs = {output: outputs[output] for output in schema.outputs}
    _rename_others(inputs, outputs)
    model = SchemaModel(schema.to_tensors(inputs), schema.to_tensors(outputs), name=name)
    return _with_schema(model, schema)


def _rename_others(inputs, outputs):
    """Gives layers a name of their own that are called like an input, an output or another layer.

    A table may have a column "text" and a column "text_vector", and the branch of the one a layer of that name.
    """
    ends = [tensor._keras_history.operation for tensor in (*inputs.values(), *outputs.values())]
    taken = {end.name for end in ends}
    for layer in sorted(layers_between(inputs.values(), outputs.values()), key=lambda layer: layer.name):
        if any(layer is end for end in ends):
            continue
        number, free = 1, layer.name
        while free in taken:
            number += 1
            free = f"{layer.name}_{number}"
        layer.name = free
        taken.add(free)


def _with_schema(model, schema):
    model.schema = schema
    marked = {getattr(layer, "output_name", None) for layer in model.layers}
    mark_old_heads({name: tensor for name, tensor in model.output.items() if name not in marked})
    return model


def keras_inputs(schema: Schema) -> dict:
    """One `keras.Input` for each input of the schema, by the schema's name; it is called as in `tensor_names`."""
    return {
        name: keras.Input(modality.shape, dtype=modality.dtype, name=schema.tensor_names[name])
        for name, modality in schema.inputs.items()
    }


def load_model(path: str | pathlib.Path) -> SchemaModel:
    """Loads a model with its schema from a `.keras` file or a bundle; runs no code that the file may carry.

    Args:
        path: the file, a bundle's folder, or the name of a bundle that comes with mmzoo ("road_sign_small_gtsrb").

    Returns:
        The model, not compiled unless the file holds a compiled one.

    Raises:
        FileNotFoundError: there is no such file, or no model.keras or SHA256SUMS in the bundle.
        ValueError: the file holds a Keras model without a schema or with a layer that runs code, is damaged, or is not
            the one that the bundle's SHA256SUMS lists.
    """
    path = find_bundle(path)
    file = path / "model.keras" if path.is_dir() else path
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such model file; expected a .keras file or a bundle with a model.keras")
    if path.is_dir():
        verify(path, [file.name])
    model = load_keras_file(file)
    if not isinstance(model, SchemaModel):
        raise ValueError(
            f"{file}: holds a {type(model).__name__} without a schema; mmzoo's builders make models with one"
        )
    return model
