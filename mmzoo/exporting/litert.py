"""LiteRT (TFLite) files: writing them with builtin operators only, looking into them, running them by name."""

from __future__ import annotations

import pathlib
import tempfile

import numpy as np

SIGNATURE = "serving_default"


def write_litert(model, path: str | pathlib.Path, *, dynamic_int8: str | pathlib.Path | None = None) -> None:
    """Converts a model to a LiteRT file of batch 1 with inputs and outputs by their `Schema.tensor_names`.

    Args:
        model: an uncompiled float32 `SchemaModel`, see `exportable`.
        path: the file to write, ending in .tflite.
        dynamic_int8: a second file, with the weights in 8 bits; activations stay float32 between the operators.

    Raises:
        ValueError: the converter refuses an operator; or see `check_builtin`.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import ConverterError

    with tempfile.TemporaryDirectory() as folder:
        write_one_sample(model, folder)
        for file, optimizations in ((path, []), (dynamic_int8, [tf.lite.Optimize.DEFAULT])):
            if file is None:
                continue
            try:
                pathlib.Path(file).write_bytes(converter(folder, optimizations).convert())
            except ConverterError as error:
                message = f"{file}: the model holds an operator that LiteRT has no builtin for: {error}"
                raise ValueError(message) from error
            check_builtin(file)


def write_one_sample(model, folder: str | pathlib.Path) -> None:
    """Writes the SavedModel that `converter` reads.

    Only a static batch lets a recurrent layer stay a loop of builtin operators. `model.export(format="litert")` makes
    such a SavedModel too, with a function for every layer: that takes four times as long for the same file.

    Args:
        model: an uncompiled float32 `SchemaModel`.
        folder: the folder to write.
    """
    import tensorflow as tf

    @tf.function(input_signature=[input_specs(model.schema)], autograph=False)
    def serve(inputs):
        return model(inputs, training=False)

    module = tf.Module()
    # The function holds the variables; what a SavedModel stores is what hangs on the module.
    module.model_variables = [variable.value for variable in model.variables]
    tf.saved_model.save(module, str(folder), signatures={SIGNATURE: serve.get_concrete_function()})


def converter(folder: str | pathlib.Path, optimizations):
    """The `tf.lite.TFLiteConverter` of a SavedModel by `write_one_sample`.

    Args:
        folder: the SavedModel.
        optimizations: a list of `tf.lite.Optimize`.
    """
    import tensorflow as tf

    made = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    made.optimizations = optimizations
    # Keras' default also allows TensorFlow's own operators, which plain LiteRT lacks: the file would not run.
    made.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    made.experimental_enable_resource_variables = True
    return made


def input_specs(schema, batch: int | None = 1) -> dict:
    """`tf.TensorSpec` of every input, by its name in the graph (`Schema.tensor_names`)."""
    import tensorflow as tf

    return {
        name: tf.TensorSpec((batch, *modality.shape), modality.dtype, name=name)
        for name, modality in schema.to_tensors(schema.inputs).items()
    }


def check_builtin(path: str | pathlib.Path) -> int:
    """Makes sure that a LiteRT file runs on plain LiteRT.

    Args:
        path: the file.

    Returns:
        Number of operators in the file, over all its subgraphs.

    Raises:
        ValueError: the file holds a Select-TF (Flex) or custom operator; the message names them.
    """
    from tensorflow.lite.python import schema_py_generated as schema_fb
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(pathlib.Path(path).read_bytes()))
    custom = [
        (code.customCode or b"?").decode()
        for code in model.operatorCodes
        if max(code.builtinCode, code.deprecatedBuiltinCode) == schema_fb.BuiltinOperator.CUSTOM or code.customCode
    ]
    if custom:
        raise ValueError(
            f"{path}: holds operators that plain LiteRT lacks: {sorted(custom)}; builtin operators only are allowed, "
            "so replace the layers they come from"
        )
    return sum(len(graph.operators) for graph in model.subgraphs)


class LiteRTModel:
    """A LiteRT file, run sample by sample with inputs and outputs by name.

    Args:
        path: the file.
        schema: the model's schema; the file's signature must have its names, shapes and dtypes.

    Raises:
        ValueError: the signature is another one; the message names the first difference.
    """

    def __init__(self, path: str | pathlib.Path, schema):
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(str(path), num_threads=1)
        signatures = self._interpreter.get_signature_list()
        if SIGNATURE not in signatures:
            raise ValueError(f"{path}: no signature {SIGNATURE!r}; it has {sorted(signatures)}")
        self._runner = self._interpreter.get_signature_runner(SIGNATURE)
        self._schema = schema
        details = self._runner.get_input_details()
        expected = {name: ((1, *m.shape), m.dtype) for name, m in schema.to_tensors(schema.inputs).items()}
        found = {name: (tuple(d["shape"].tolist()), np.dtype(d["dtype"]).name) for name, d in details.items()}
        if found != expected:
            raise ValueError(f"{path}: its inputs are {found}; expected {expected}")
        outputs, wanted = sorted(self._runner.get_output_details()), sorted(schema.to_tensors(schema.outputs))
        if outputs != wanted:
            raise ValueError(f"{path}: its outputs are {outputs}; expected {wanted}")

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a batch.

        Args:
            inputs: input name -> array (N, ...) of the schema's dtype.

        Returns:
            Output name -> float32 (N, *shape).
        """
        count = len(next(iter(inputs.values())))
        rows = {name: [] for name in self._schema.outputs}
        tensors = self._schema.to_tensors(inputs)
        for i in range(count):
            result = self._schema.from_tensors(self._runner(**{n: array[i : i + 1] for n, array in tensors.items()}))
            for name in self._schema.outputs:
                rows[name].append(result[name][0])
        return {name: np.stack(values).astype(np.float32) for name, values in rows.items()}
