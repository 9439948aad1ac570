"""`mmzoo.export`: from a model to a bundle, the folder that holds all that a device or a server needs."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import json
import logging
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterable, Sequence

import numpy as np

from mmzoo.bundles import write_checksums
from mmzoo.exporting import parity as parity_lib
from mmzoo.exporting.card import minimal_card
from mmzoo.exporting.golden import encode_golden, golden_samples, write_golden
from mmzoo.exporting.litert import LiteRTModel, check_builtin, write_litert
from mmzoo.exporting.probes import calibration_samples, probe_sets, random_samples
from mmzoo.exporting.samples import collect_samples
from mmzoo.exporting.static_int8 import StaticInt8, prepare_static_int8, why_not_int8
from mmzoo.exporting.unrolled import exportable, unrolled
from mmzoo.files import held, part_of, replace_folder, written

MODEL, SAVED_MODEL = "model.keras", "saved_model"
FLOAT32, DYNAMIC_INT8, INT8 = "model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite"


@dataclasses.dataclass(frozen=True)
class Bundle:
    """An exported model.

    Attributes:
        path: the folder.
        files: names of the files and folders in it.
        parity: what parity.json holds: how far each file is from the Keras model.
    """

    path: pathlib.Path
    files: tuple[str, ...]
    parity: dict


def export(
    model,
    path: str | os.PathLike,
    *,
    samples: Iterable | None = None,
    seed: int = 0,
    overwrite: bool = False,
    card: str | None = None,
    parity_samples: int | None = None,
    int8_tolerance: float = parity_lib.INT8_TOLERANCE,
    int8_float_layers: Sequence[str] = (),
    no_int8: str | None = None,
) -> Bundle:
    """Writes a bundle: the model as Keras file, SavedModel and LiteRT files, each proven equal to the model.

    The bundle holds schema.json, model.keras (uncompiled), saved_model/ (takes raw files, strings and numbers),
    model_float32.tflite, model_dynamic_int8.tflite, model_int8.tflite (only with samples, and texts of at most 64
    steps), parity.json, golden.npz and golden.json (inputs with the model's answers), CARD.md and SHA256SUMS, with
    which every file is compared when it is loaded. The LiteRT files hold builtin operators only and take one sample at
    a time, by the names of `Schema.tensor_names`: the schema's own wherever a file can hold them. Nothing is left
    behind where anything goes wrong.

    Args:
        model: a functional Keras model with a `schema`, such as mmzoo's builders make; it is left as it is.
        path: the folder to write.
        samples: real samples for calibration and parity: batches ({input: array (N, ...)}, {output: targets}) or of
            inputs alone, such as a `tf.data.Dataset`. Targets are class ids, one-hot rows or values.
        seed: seed of what is drawn.
        overwrite: replace a bundle that is there already.
        card: text of CARD.md; None writes a minimal one.
        parity_samples: compare on at most so many real samples; None: 2,000 with targets, 512 without.
        int8_tolerance: by how much the task metric of the int8 files may fall on 1,000 samples or more, as a fraction.
        int8_float_layers: names or patterns ("image_block1_*") of layers that stay float32 in model_int8.tflite, beside
            those that always do; for a model that loses too much.
        no_int8: why there shall be no model_int8.tflite, in words that stand in parity.json and CARD.md; None: there
            shall be one.

    Returns:
        The bundle.

    Raises:
        FileExistsError: the folder exists and is not empty, and `overwrite` is False, or it holds no bundle; or another
            process exports to it.
        OSError: the disk is full, or another reason why a file can't be written.
        ParityError: a file differs from the model by more than the bounds in `mmzoo.exporting.parity`.
        RuntimeError: the static int8 converter failed.
        TypeError: the model has no schema.
        ValueError: the samples don't fit the schema, weights are not finite, an operator has no LiteRT builtin, or the
            backend is not TensorFlow.
    """
    given = path = pathlib.Path(path)
    _check_model(model)
    _check_target(path, overwrite)
    inputs, targets = collect_samples(samples, model.schema, limit=parity_samples, seed=seed)
    path = path.absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with held(path, path.with_name(f".{path.name}.lock")):
        _check_target(path, overwrite)
        # On the same disk as the target, so that the bundle appears whole, by renaming.
        folder = pathlib.Path(tempfile.mkdtemp(prefix=part_of(path), dir=path.parent))
        try:
            with _quiet_tensorflow(), written(path):
                record = _write(folder, model, inputs, targets, seed, card, int8_tolerance, int8_float_layers, no_int8)
                write_checksums(folder)
            folder.chmod(0o755)
            replace_folder(folder, path)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    path = given
    return Bundle(path, tuple(sorted(entry.name for entry in path.iterdir())), record)


def _write(folder, model, inputs, targets, seed, card, int8_tolerance, int8_float_layers, no_int8):
    from mmzoo.exporting.serving import write_saved_model

    model = exportable(model)
    schema = model.schema
    no_int8 = no_int8 or why_not_int8(schema, bool(inputs), model)
    with contextlib.ExitStack() as stack:
        child = None
        if no_int8 is None:
            # The child converts while this process writes the other files.
            work = stack.enter_context(tempfile.TemporaryDirectory())
            calibration = calibration_samples(schema, inputs, seed=seed)
            with written(work):
                prepare_static_int8(unrolled(model), calibration, work, keep=int8_float_layers)
            child = stack.enter_context(StaticInt8(work))
        schema.save(folder / "schema.json")
        with written(folder / MODEL):
            model.save(folder / MODEL)
        with written(folder / SAVED_MODEL):
            write_saved_model(model, folder / SAVED_MODEL)
        with written(folder / FLOAT32):
            write_litert(model, folder / FLOAT32, dynamic_int8=folder / DYNAMIC_INT8)
        sets = {"real": inputs} if inputs else {}
        sets |= probe_sets(schema, inputs or random_samples(schema, 16, seed), seed)
        raw = golden_samples(schema, seed)
        sets["golden"] = encode_golden(schema, raw)
        expected = parity_lib.reference(model, sets, targets)
        write_golden(schema, raw, expected.outputs["golden"], folder)
        if child is not None:
            child.write(folder / INT8)
    record = _parity(folder, expected, no_int8, int8_tolerance)
    sizes = {file: _size(folder / file) for file in record["files"]}
    (folder / "parity.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = minimal_card(schema, model.name, sizes, record) if card is None else card
    (folder / "CARD.md").write_text(text, encoding="utf-8")
    return record


def _parity(folder, expected, no_int8, int8_tolerance):
    from mmzoo.models.schema_model import load_model

    schema = expected.schema
    runners = {
        MODEL: lambda: parity_lib.keras_runner(load_model(folder / MODEL)),
        SAVED_MODEL: lambda: _saved_model(folder, schema),
    }
    litert = [FLOAT32, DYNAMIC_INT8] + ([] if no_int8 else [INT8])
    runners |= {file: lambda file=file: LiteRTModel(folder / file, schema) for file in litert}
    files = {}
    for file, load in runners.items():
        operators = {"operators": check_builtin(folder / file)} if file in litert else {}
        figures = parity_lib.compare(
            file, load(), expected, int8=file in (DYNAMIC_INT8, INT8), int8_tolerance=int8_tolerance
        )
        files[file] = {"bytes": _size(folder / file), **operators, **figures}
    return {
        "model": schema.name,
        "versions": {name: _version(name) for name in ("mmzoo", "tensorflow", "keras", "ai-edge-litert", "numpy")},
        "bounds": {
            "float32_max_difference": parity_lib.FLOAT_BOUND,
            "int8_metric_loss": int8_tolerance,
            "int8_metric_from_samples": parity_lib.INT8_FEWEST_FOR_METRIC,
            "int8_mean_difference": parity_lib.INT8_MEAN_BOUND,
            "int8_sure_agreement": parity_lib.INT8_SURE_AGREEMENT,
            "probabilities_sum": parity_lib.SUM_BOUND,
        },
        "main_set": expected.main_set,
        "sets": {name: len(next(iter(arrays.values()))) for name, arrays in expected.sets.items()},
        "left_out": {INT8: no_int8} if no_int8 else {},
        "files": files,
    }


def _saved_model(folder, schema):
    import tensorflow as tf

    from mmzoo.exporting.serving import load_saved_model

    loaded = load_saved_model(folder / SAVED_MODEL)
    serve = loaded.signatures["serve_arrays"]

    def run(arrays):
        # `loaded` must outlive its signature: it holds the variables.
        assert loaded is not None
        outputs = serve(**{name: tf.constant(array) for name, array in schema.to_tensors(arrays).items()})
        return schema.from_tensors({name: value.numpy() for name, value in outputs.items()})

    return run


@contextlib.contextmanager
def _quiet_tensorflow():
    """Without a line "Assets written to" for each temporary folder."""
    import tensorflow as tf

    logger = tf.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _check_model(model):
    import keras

    from mmzoo.schema import Schema

    if not isinstance(getattr(model, "schema", None), Schema):
        raise TypeError(
            "model: expected a model with a schema, as mmzoo's builders and mmzoo.load_model make, "
            f"got {type(model).__name__}"
        )
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"export needs the TensorFlow backend, got {keras.backend.backend()!r}: save the model as .keras, set "
            "KERAS_BACKEND=tensorflow and load it there"
        )
    for variable in model.variables:
        values = np.asarray(variable)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(
                f"weights of {variable.path} hold NaN or infinity; train to finite weights before exporting"
            )


def _check_target(path, overwrite):
    if not path.exists():
        return
    if not path.is_dir():
        raise FileExistsError(f"{path}: is a file; expected the name of a folder to write the bundle to")
    if not any(path.iterdir()):
        return
    if not overwrite:
        raise FileExistsError(f"{path}: exists and is not empty; choose another folder or pass overwrite=True")
    if not (path / "schema.json").is_file():
        raise FileExistsError(
            f"{path}: is no bundle (no schema.json in it), so it is not overwritten; delete it yourself"
        )


def _size(path):
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
