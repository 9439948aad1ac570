"""The examples in the docstrings run as they stand."""

from __future__ import annotations

import doctest
import importlib

import pytest

import mmzoo
from mmzoo.models.registry import get_builder

BUILDERS = sorted({get_builder(name).__module__ for name in mmzoo.list_models()})
MODULES = [*BUILDERS, "mmzoo.schema", "mmzoo.models.registry", "mmzoo.prediction", "mmzoo.edge.paths"]
MODULES += [f"mmzoo.inspection.{name}" for name in ("decision", "inspection", "inspector", "names", "ranges")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0 and result.failed == 0
