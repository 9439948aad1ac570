"""The examples in docstrings run."""

from __future__ import annotations

import doctest
import importlib
import pathlib

import pytest

import mmzoo

ROOT = pathlib.Path(mmzoo.__file__).parent
MODULES = sorted(
    ".".join(("mmzoo", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    for file in ROOT.rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    module = importlib.import_module(name)
    found = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.attempted or "doctest: +SKIP" in pathlib.Path(module.__file__).read_text(encoding="utf-8")
    assert found.failed == 0
