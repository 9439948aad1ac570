"""What all tests share: a quiet TensorFlow, a small model with random weights, samples for it, the real data."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import pathlib
import shutil
import sys
import tempfile

# Before anything imports TensorFlow or Keras. The tests are for the CPU and the TensorFlow backend; those of another
# backend start a process of their own.
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
# Two processes for two cores: more threads would only wait for one another.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# As the command line sets it: a training here and one in a process of its own must give the same numbers.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Each process of the tests, of the notebooks and of what they start would compile TensorFlow and Keras anew, for ten
# seconds, where an environment forbids Python to keep what it compiled.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# JAX compiles every operator it meets, to run it once: what one process of the tests compiled serves the others.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="mmzoo-jax-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

import numpy as np  # noqa: E402
import pytest  # noqa: E402

# What the converter's own process does, see the end of mmzoo/exporting/static_int8.py.
CONVERT = """
import pathlib, sys
from mmzoo.exporting import static_int8
folder, path = map(pathlib.Path, sys.argv[1:])
path.write_bytes(static_int8._convert(folder))
"""


@pytest.fixture(autouse=True, scope="module")
def seeded_module():
    """For the fixtures of a module: the same first weights and samples in every run, see `seeded`."""
    import keras

    keras.utils.set_random_seed(0)


@pytest.fixture(autouse=True)
def seeded(seeded_module, monkeypatch):
    """A test that fails with one draw of the first weights in a thousand would fail some day on some machine."""
    import keras

    # Python's seed, NumPy's and Keras', from which all weights and samples come. TensorFlow's own is set once a module:
    # setting it throws away all that is made ready to run, a third of a second for each graph that tests share.
    with monkeypatch.context() as patch:
        patch.setattr("tensorflow.random.set_seed", lambda seed: None)
        keras.utils.set_random_seed(0)


@pytest.fixture(scope="session")
def nano():
    """A road-sign model for all tests, not to be changed. Every input has its say, as it would after a training."""
    from zoo_harness import stir

    import mmzoo

    return stir(mmzoo.build_road_sign_model(size="nano", seed=0))


@pytest.fixture(scope="session")
def samples(nano) -> dict[str, np.ndarray]:
    """Twelve samples for `nano`, nothing missing: input name -> array (12, ...)."""
    from mmzoo.exporting.probes import random_samples

    return random_samples(nano.schema, 12, seed=0)


@pytest.fixture(scope="session")
def nano_file(nano, tmp_path_factory) -> pathlib.Path:
    """`nano` as a .keras file."""
    path = tmp_path_factory.mktemp("weights") / "nano.keras"
    nano.save(path)
    return path


@pytest.fixture(scope="session")
def another(tmp_path_factory):
    """Makes a process of its own, `another("jax")`, with mmzoo on a backend, or with `mmzoo=False` in a folder where it
    can't be imported; see tests/elsewhere.py.
    """
    from elsewhere import Elsewhere, Nursery, on_backend

    here = os.pathsep.join(str(pathlib.Path(path).resolve()) for path in (pathlib.Path(__file__).parent, *sys.path))
    folder, made = tmp_path_factory.mktemp("elsewhere"), {}

    def begin(backend="tensorflow", *, mmzoo=True):
        if backend not in made:
            made[backend] = Nursery(backend, folder)
        known = {name: value for name, value in on_backend(backend).items() if name != "PYTHONPATH"}
        return Elsewhere(made[backend], {**known, **({"PYTHONPATH": here} if mmzoo else {})}, folder)

    yield begin
    for nursery in made.values():
        nursery.close()


@pytest.fixture(scope="session")
def elsewhere(another):
    """Processes for many questions, one after another: "tensorflow", "jax" and "torch" with mmzoo on a backend, "plain"
    where mmzoo can't be imported, "converter" that converts to int8.
    """
    backends = {name: another(name) for name in ("tensorflow", "jax", "torch")}
    return {**backends, "plain": another(mmzoo=False), "converter": another()}


@pytest.fixture(autouse=True, scope="session")
def one_converter(elsewhere):
    """All exports convert their int8 files in one process; test_exporting.py and the notebooks start their own."""
    from mmzoo.exporting import bundle

    class Converter(contextlib.AbstractContextManager):
        """Stands in for `mmzoo.exporting.static_int8.StaticInt8`."""

        def __init__(self, folder):
            self._result = pathlib.Path(folder, "converted.tflite").resolve()
            self._job = elsewhere["converter"].begin(CONVERT, folder, self._result)

        def __exit__(self, *error):
            return None

        def write(self, path):
            self._job.finish()
            shutil.move(self._result, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bundle, "StaticInt8", Converter)
        yield


@pytest.fixture(scope="session")
def zoo(tmp_path_factory, request, elsewhere):
    """Every model of the zoo, built, trained, saved and exported once, each when first asked for."""
    from zoo_harness import Zoo

    base = tmp_path_factory.getbasetemp()
    # One process of several has a folder of its own in that of the run.
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    asked = request.config.getoption("markexpr")
    return Zoo(base / "zoo", everything="export" in asked and "not export" not in asked, elsewhere=elsewhere)


@pytest.fixture(scope="session")
def nano_bundle(zoo):
    """The `Bundle` of `nano`, exported once for all processes of the tests; not to be changed."""
    return zoo.bundle("road_sign")


# The groups that take longest, the longest first: at the end of a run no process has nothing left to do for long.
LONGEST = (
    "test_multimodal.py",
    "test_training.py",
    "test_cli.py",
    "02_your_own_data.ipynb",
    "test_running.py",
    "test_own_data.py",
    "01_road_signs.ipynb",
    "zoo, fresh processes",
    "test_audio.py",
    "test_exporting.py",
    "test_features.py",
    "03_from_the_articles.ipynb",
    "zoo, road_sign",
    "test_bench.py",
    "zoo, driving",
    "zoo, speech",
    "test_recipes.py",
    "test_hub.py",
)


def group_of(nodeid: str) -> str:
    """What shares fixtures runs in one process: the tests of a file, in test_zoo.py those of a model."""
    file, _, test = nodeid.partition("::")
    name = file.rsplit("/", 1)[-1]
    if name != "test_zoo.py":
        return name
    if "fresh_process" in test or "jax" in test:
        return "zoo, fresh processes"
    # Its first parameter is the model, "road_sign", or a case, "road_sign-nano".
    asked = test.partition("[")[2].rstrip("]")
    return f"zoo, {asked.partition('-')[0] or 'all'}"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The longest groups first."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(group_of(item.nodeid), len(place)))


def pytest_collection_finish():
    """Half a million imported objects stay: each full collection would walk them, for half a second."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Hands whole groups to the processes, or each of them would make the fixtures of every file.

    Not `--dist loadgroup`: it writes the group into pytest's own `_nodeid`, which pytest 9.1 and later don't read.
    """
    from xdist.scheduler import LoadScopeScheduling

    class Groups(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return group_of(nodeid)

    return Groups(config, log)
