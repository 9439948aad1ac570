"""Pretrained weights: where they lie and how they get into a model."""

from __future__ import annotations

import pathlib

from mmzoo.bundles import shipped_bundles
from mmzoo.models.schema_model import SchemaModel, load_model
from mmzoo.schema import Schema


def pretrained_path(weights: str | pathlib.Path, model: str, size: str) -> pathlib.Path:
    """The file or bundle behind a `weights` argument.

    Args:
        weights: a name ("gtsrb"), or the path of a .keras file, a .weights.h5 file or a bundle.
        model: the builder's name ("road_sign").
        size: the model's size.

    Raises:
        ValueError: neither a path that exists nor weights that come with mmzoo; the message lists those.
    """
    path = pathlib.Path(weights)
    if path.exists():
        return path
    shipped = {bundle.weights: bundle.path for bundle in shipped_bundles(model) if bundle.size == size}
    if str(weights) not in shipped:
        raise ValueError(
            f"weights: {str(weights)!r} is no file and not among the pretrained weights of {model} {size}: "
            f"{sorted(shipped)}"
        )
    return shipped[str(weights)]


def load_weights(model: SchemaModel, weights, *, size: str) -> SchemaModel:
    """Fills a freshly built model; the head stays fresh where the outputs differ from those trained on.

    Args:
        model: the model.
        weights: None, a name or a path; see `pretrained_path`.
        size: the model's size.

    Returns:
        The model.

    Raises:
        ValueError: the weights belong to other layers than the model has, or to inputs that mean something else (other
            fields, categories or vocabulary); the message names one.
    """
    if weights is None:
        return model
    path = pretrained_path(weights, model.name, size)
    if path.name.endswith(".weights.h5"):
        model.load_weights(path)
        return model
    source = load_model(path)
    _check_meaning(path, source.schema, model.schema)
    fresh_head = _meanings(source.schema) != _meanings(model.schema)
    have = {layer.name: layer for layer in source.layers if layer.weights}
    for layer in model.layers:
        if not layer.weights or (fresh_head and _is_head(layer)):
            continue
        if layer.name not in have:
            raise ValueError(f"weights {path}: no layer {layer.name!r}; built with the same fusion, cell and backbone?")
        old, new = have[layer.name].get_weights(), layer.get_weights()
        if [w.shape for w in old] != [w.shape for w in new]:
            raise ValueError(
                f"weights {path}: layer {layer.name!r} has shapes {[w.shape for w in old]}, "
                f"the model {[w.shape for w in new]}; built with the same size, fusion and classes?"
            )
        layer.set_weights(old)
    needed = {layer.name for layer in model.layers if layer.weights}
    for name, layer in have.items():
        if name not in needed and not (fresh_head and _is_head(layer)):
            raise ValueError(f"weights {path}: the model has no layer {name!r}; built with the same fusion?")
    return model


def _is_head(layer):
    """Whether a layer is for one output alone, so that it is made anew where there are other classes."""
    return getattr(layer, "output_name", None) is not None


def _meanings(schema: Schema):
    """What each output means; how much there is of it is no matter, as weights fit any."""
    return {name: kind.meaning() for name, kind in schema.predicted.items()}


def _check_meaning(path: pathlib.Path, trained: Schema, schema: Schema) -> None:
    """Other categories or columns in another order have the same shapes, and would be read as something else."""
    for name, modality in schema.inputs.items():
        if name not in trained.inputs:
            continue
        old, new = trained.inputs[name].meaning(), modality.meaning()
        for part in {**old, **new}:
            if old.get(part) != new.get(part):
                raise ValueError(
                    f"weights {path}: input {name!r}: {part} is not the one that was trained on; "
                    "build the model from the schema of the weights"
                )
