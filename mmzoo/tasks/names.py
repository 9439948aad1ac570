"""Names of the layers that belong to one output."""

from __future__ import annotations

# Layers whose names start with this belong to the user's classes and are made anew for other ones.
HEAD_PREFIX = "head_"


def value_scaling_name(output: str) -> str:
    """The name of the `ValueScaling` layer of an output."""
    return f"{HEAD_PREFIX}{output}_scaling"


def task_uncertainty_name(output: str) -> str:
    """The name of the `TaskUncertainty` layer of an output."""
    return f"{HEAD_PREFIX}{output}_uncertainty"
