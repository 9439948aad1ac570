"""`import mmzoo` is quick and light, and says what there is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

import mmzoo

HEAVY = ("tensorflow", "keras", "tensorflow_datasets", "keras_hub", "jax", "torch", "pandas", "matplotlib")


def _run(code: str) -> dict:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "module", ["mmzoo", "mmzoo.schema", "mmzoo.edge", "mmzoo.edge.runtime", "mmzoo.edge.table", "mmzoo.indexing"]
)
def test_import_pulls_in_nothing_heavy(module):
    loaded = _run(f"import json, sys, {module}; print(json.dumps(list(sys.modules)))")
    assert module in loaded
    assert not [name for name in HEAVY if name in loaded]


def test_import_takes_under_0_2_s():
    code = (
        "import json, time; start = time.perf_counter(); import mmzoo; print(json.dumps(time.perf_counter() - start))"
    )
    # The best of a few: other work on the machine can only make it slower.
    assert min(_run(code) for _ in range(5)) < 0.2


def test_dir_lists_the_public_names():
    names = dir(mmzoo)
    assert {"build_road_sign_model", "build_model", "list_models", "load_model", "Schema", "edge"} <= set(names)
    assert set(mmzoo.__all__) <= set(names)


@pytest.mark.parametrize("name", [name for name in mmzoo.__all__ if name != "__version__"])
def test_every_public_name_loads(name):
    assert callable(getattr(mmzoo, name))
    assert getattr(mmzoo, name).__doc__


def test_every_listed_name_of_edge_loads():
    for name in mmzoo.edge.__all__:
        assert getattr(mmzoo.edge, name) is not None
    assert set(mmzoo.edge.__all__) <= set(dir(mmzoo.edge))


@pytest.mark.parametrize("module", [mmzoo, mmzoo.edge])
def test_unknown_name_is_an_attribute_error(module):
    with pytest.raises(AttributeError, match="no_such_name"):
        module.no_such_name  # noqa: B018
