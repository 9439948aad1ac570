"""The inputs that give outputs their beginning, for models that know no more than a schema."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from mmzoo.schema import Schema

_SO_FAR = "_so_far"


def with_beginnings(schema: Schema) -> Schema:
    """The schema with an input for the beginning of every output that is written; there may be one already.

    Args:
        schema: the schema.

    Raises:
        ValueError: the name of such an input is taken.
    """
    inputs, outputs = dict(schema.inputs), dict(schema.predicted)
    for name, kind in schema.predicted.items():
        if not kind.feeds_itself or kind.so_far in inputs:
            continue
        so_far = kind.so_far or f"{name}{_SO_FAR}"
        if so_far in inputs or so_far in outputs:
            raise ValueError(
                f"output {name!r}: the name {so_far!r}, of the input for its beginning, is taken; rename it"
            )
        outputs[name] = dataclasses.replace(kind, so_far=so_far)
        inputs[so_far] = outputs[name].beginning(name)
    return dataclasses.replace(schema, inputs=inputs).with_outputs(outputs)


def beginnings(inputs: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """Output -> the tensor of the input that gives its beginning."""
    return {kind.teacher: inputs[name] for name, kind in schema.inputs.items() if kind.teacher and name in inputs}
