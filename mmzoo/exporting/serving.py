"""The SavedModel: takes encoded files, strings and named numbers in batches, and loads with plain TensorFlow.

But for texts in word pieces: their SavedModel loads only after `import tensorflow_text`, see `load_saved_model`.
"""

from __future__ import annotations

import pathlib

import keras
import tensorflow as tf

from mmzoo.exporting.litert import input_specs
from mmzoo.exporting.raw.decoders import decode
from mmzoo.exporting.raw.text_ops import import_tensorflow_text, needs_tensorflow_text
from mmzoo.models.schema_model import SchemaModel
from mmzoo.schema import Schema


def raw_signature(schema: Schema) -> dict[str, tf.TensorSpec]:
    """The names and types of what the signature `serve` takes, for N samples.

    Image: string (N,), the bytes of a file (JPEG, PNG or BMP). Audio: string (N,), the bytes of a WAV file (16-bit PCM,
    any usual sample rate, mono or more channels). Text: string (N,). Sensors: `<input>_<field>` for
    each field, string (N,) for a `Category`, else float32 (N,), or float64 (N,) where the field has an origin, which is
    subtracted in the graph; dates as days since 1970-01-01. Missing are "" and NaN.
    Other inputs come as the model's own arrays. Names that TensorFlow would not take are those of `Schema.raw_names`.

    Args:
        schema: the model's schema.
    """
    return {
        raw: tf.TensorSpec((None, *shape), dtype, raw)
        for raw, (dtype, shape) in (
            (schema.raw_names[name, column], spec)
            for name, modality in schema.inputs.items()
            for column, spec in modality.raw_columns(name).items()
        )
    }


def encode_raw(schema: Schema, raw: dict) -> dict:
    """What `serve` takes to the model's arrays, in graph.

    Args:
        schema: the model's schema.
        raw: tensors as in `raw_signature`.

    Returns:
        Input name -> tensor (N, ...) of the modality's shape and dtype.
    """
    encoded = {}
    for name, modality in schema.inputs.items():
        columns = {column: raw[schema.raw_names[name, column]] for column in modality.raw_columns(name)}
        encoded[name] = decode(modality, columns, name)
    return encoded


def _checked(tensors, signature):
    """The tensors, once their shapes are found right: a loaded SavedModel does not look at them by itself."""
    tensors = {
        name: tf.ensure_shape(tensor, signature[name].shape, name=f"shape_of_{name}")
        for name, tensor in tensors.items()
    }
    counts = tf.stack([tf.shape(tensor)[0] for tensor in tensors.values()])
    # Else one sample would be taken for all others.
    wanted = f"expected as many samples of each of {list(tensors)}, got"
    same = tf.debugging.Assert(tf.reduce_all(tf.equal(counts, counts[0])), [wanted, counts], summarize=len(tensors))
    with tf.control_dependencies([same]):
        return {name: tf.identity(tensor) for name, tensor in tensors.items()}


def write_saved_model(model: SchemaModel, path: str | pathlib.Path) -> pathlib.Path:
    """Writes a SavedModel with the signatures `serve` (also `serving_default`) and `serve_arrays`.

    `serve` takes what `raw_signature` says; `serve_arrays` takes the model's own arrays. Both take any number N of
    samples and return the outputs. Inputs and outputs go by their `Schema.tensor_names`. Bad input raises
    `tf.errors.InvalidArgumentError` when they run. It loads with plain TensorFlow; where a text comes in word pieces,
    only after `import tensorflow_text`.

    Args:
        model: a model with a schema, on the TensorFlow backend.
        path: the folder to write.

    Returns:
        The folder.

    Raises:
        ImportError: a text comes in word pieces, and keras-hub or tensorflow-text is not installed.
        ValueError: the Keras backend is not TensorFlow.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"a SavedModel needs the TensorFlow backend, got {keras.backend.backend()!r}: save the model as .keras, "
            "set KERAS_BACKEND=tensorflow and load it there"
        )
    schema, path = model.schema, pathlib.Path(path)
    if needs_tensorflow_text(schema):
        # Here, since an error inside of a graph would become another one.
        import_tensorflow_text()
    arrays, raw = input_specs(schema, batch=None), raw_signature(schema)

    # Nothing in here is for AutoGraph to rewrite.
    @tf.function(input_signature=[arrays], autograph=False)
    def predict(inputs):
        # oneDNN's convolutions, which TensorFlow takes on some CPUs, fail on no samples: then a blank one runs.
        count = tf.shape(next(iter(inputs.values())))[0]
        blank = tf.cast(tf.equal(count, 0), tf.int32)
        ends = {name: [[0, blank], *[[0, 0]] * (array.shape.rank - 1)] for name, array in inputs.items()}
        filled = {name: tf.pad(array, ends[name]) for name, array in inputs.items()}
        return {name: output[:count] for name, output in model(filled, training=False).items()}

    # One dict, not keywords: Python keeps some words, such as "class", for itself.
    @tf.function(input_signature=[raw], autograph=False)
    def serve(inputs):
        return predict(schema.to_tensors(encode_raw(schema, _checked(inputs, raw))))

    @tf.function(input_signature=[arrays], autograph=False)
    def serve_arrays(inputs):
        return predict(_checked(inputs, arrays))

    module = tf.Module()
    # The functions hold the variables; what a SavedModel stores is what hangs on the module.
    module.model_variables = [variable.value for variable in model.variables]
    signatures = {
        "serve": serve.get_concrete_function(),
        "serve_arrays": serve_arrays.get_concrete_function(),
    }
    tf.saved_model.save(module, str(path), signatures={**signatures, "serving_default": signatures["serve"]})
    return path


def load_saved_model(path: str | pathlib.Path):
    """`tf.saved_model.load`, which imports tensorflow-text first where texts come in word pieces.

    Args:
        path: the folder that `write_saved_model` wrote.

    Returns:
        What `tf.saved_model.load` returns; keep it as long as you use its signatures.

    Raises:
        ImportError: it needs tensorflow-text, which is not installed.
        OSError: there is no SavedModel.
        ValueError: it is damaged.
    """
    try:
        return tf.saved_model.load(str(path))
    except (RuntimeError, tf.errors.NotFoundError) as error:
        # "Op type not registered 'FastWordpieceTokenizeWithOffsets'"
        if "WordpieceTokenize" not in str(error):
            raise ValueError(f"{path}: not a SavedModel that can be loaded ({error!s:.400})") from error
        import_tensorflow_text()
        return tf.saved_model.load(str(path))
    except OSError:
        raise
    except Exception as error:
        # A damaged one makes TensorFlow raise anything: its own kinds, protobuf's, KeyError.
        reason = f"{type(error).__name__}: {error!s:.400}"
        raise ValueError(f"{path}: not a SavedModel that can be loaded ({reason})") from error
