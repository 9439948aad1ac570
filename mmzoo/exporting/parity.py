"""Proof that a written file gives what the Keras model gives: every file is loaded again, run and compared.

The bounds, and why:

- float32 (model.keras, SavedModel, LiteRT): at most 1e-5 on every set of inputs. What is left is the order of sums.
  Logits and values are measured by their size. Probabilities are measured as they are; one that is further off passes
  if its logarithm is not, measured by the size of the largest: the same bound on what stands before the softmax. Where
  logits are large, float32 itself moves probabilities by more than 1e-5 (an assistant that was sure of its answers had
  one of 3,850 off by 1.5e-5).
- int8 with at least 1,000 real samples and targets: the task metric may fall by 0.3 points (`INT8_TOLERANCE`).
- int8 with fewer: on the real samples (without them: random ones) a difference of at most 0.05 on average, and the same
  class in 95 % of the samples where Keras' best class leads by 0.5 or more (`mmzoo.tasks.label.SURE`). A model that is
  unsure, as an untrained one is of everything, may change its mind; one that is sure may not.
- all files, all sets: finite, and probabilities that sum to 1 where Keras' do.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from mmzoo.exporting.litert import input_specs
from mmzoo.schema import Output, Schema
from mmzoo.tasks import task_for
from mmzoo.tasks.task import with_targets

Arrays = dict[str, np.ndarray]

FLOAT_BOUND = 1e-5
INT8_TOLERANCE = 0.003
INT8_FEWEST_FOR_METRIC = 1000
INT8_MEAN_BOUND = 0.05
INT8_SURE_AGREEMENT = 0.95
SUM_BOUND = 1e-3


class ParityError(ValueError):
    """A written file differs from the Keras model by more than the bound; the message has file, inputs and figures."""


@dataclasses.dataclass(frozen=True)
class Reference:
    """What the Keras model gives.

    Attributes:
        schema: the model's schema.
        sets: set name -> input name -> array (N, ...).
        outputs: set name -> output name -> float32 (N, *shape).
        targets: output name -> array (N, ...), for the set "real"; may be empty.
    """

    schema: Schema
    sets: dict[str, Arrays]
    outputs: dict[str, Arrays]
    targets: Arrays

    @property
    def main_set(self) -> str:
        """The set that stands for what the model will meet."""
        return "real" if "real" in self.sets else "random"


def reference(model, sets: dict[str, Arrays], targets: Arrays | None = None) -> Reference:
    """Runs the Keras model on all sets.

    Args:
        model: a `SchemaModel`.
        sets: set name -> input name -> array (N, ...).
        targets: targets of the set "real".

    Raises:
        ParityError: the Keras model itself gives NaN or infinity; the message has the set and the sample.
    """
    outputs = run_on_sets(keras_runner(model), sets)
    for set_name, arrays in outputs.items():
        for output, values in arrays.items():
            rows = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
            if rows.size:
                raise ParityError(
                    f"the Keras model itself: output {output!r} is not finite on {rows.size} of {len(values)} inputs "
                    f"of the set {set_name!r}, first on number {rows[0]}; train it to finite weights before exporting"
                )
    return Reference(model.schema, sets, outputs, dict(targets or {}))


def keras_runner(model) -> Callable[[Arrays], Arrays]:
    """A function from a batch of arrays to the model's outputs by name, in inference mode."""
    import tensorflow as tf

    schema = model.schema
    function = tf.function(
        lambda inputs: model(inputs, training=False), input_signature=[input_specs(schema, batch=None)]
    )

    def run(arrays):
        tensors = schema.to_tensors(arrays)
        parts = [function({n: tf.constant(a[i : i + 256]) for n, a in tensors.items()}) for i in _starts(arrays, 256)]
        return schema.from_tensors({n: np.concatenate([part[n].numpy() for part in parts]) for n in parts[0]})

    return run


def run_on_sets(run: Callable[[Arrays], Arrays], sets: dict[str, Arrays]) -> dict[str, Arrays]:
    """Set name -> output name -> array."""
    return {name: run(arrays) for name, arrays in sets.items()}


def compare(
    file: str,
    run: Callable[[Arrays], Arrays],
    expected: Reference,
    *,
    int8: bool = False,
    int8_tolerance: float = INT8_TOLERANCE,
) -> dict:
    """Compares a file with the Keras model on every set.

    Args:
        file: the file's name, for the message.
        run: runs the file on a batch: input name -> array (N, ...) to output name -> array (N, *shape).
        expected: what the Keras model gives.
        int8: judge by the bounds of 8-bit files.
        int8_tolerance: by how much the task metric of an 8-bit file may fall, as a fraction.

    Returns:
        {"sets": {set: {output: figures}}, "metrics": {output: figures}}, ready for JSON.

    Raises:
        ParityError: a bound is broken.
    """
    found = run_on_sets(run, expected.sets)
    sets: dict[str, dict] = {}
    for set_name, arrays in found.items():
        sets[set_name] = {}
        for output, kind in expected.schema.outputs.items():
            wanted, values = expected.outputs[set_name][output], np.asarray(arrays[output], np.float32)
            place = f"{file}: output {output!r} on the set {set_name!r} ({len(wanted)} inputs)"
            if values.shape != wanted.shape:
                raise ParityError(f"{place}: shape {values.shape}, the Keras model gives {wanted.shape}")
            figures = difference(kind, wanted, values, _scale(kind, expected, output))
            if kind.is_predicted:
                wanted, values = task_for(kind).compared(kind, wanted, values)
            sets[set_name][output] = figures
            _check_sound(place, figures)
            if not int8 and figures["max_difference"] > FLOAT_BOUND:
                if _has_shares(kind) and _are_probabilities(wanted, values):
                    figures["logit_difference"] = _logit_difference(wanted, values)
                    if figures["logit_difference"] <= FLOAT_BOUND:
                        continue
                raise ParityError(
                    f"{place}: differs from the Keras model by {figures['max_difference']:.3g}, "
                    f"at most {FLOAT_BOUND:g} is allowed (mean {figures['mean_difference']:.3g})"
                )
    metrics = {
        output: _metric_figures(kind, found["real"][output], expected, output)
        for output, kind in expected.schema.predicted.items()
        if output in expected.targets and kind.has_target(expected.targets[output]).any()
    }
    if int8:
        for output in expected.schema.outputs:
            _check_int8(file, output, sets[expected.main_set][output], metrics.get(output), expected, int8_tolerance)
    return {"sets": sets, "metrics": metrics}


def difference(kind: Output, wanted: np.ndarray, values: np.ndarray, scale: float) -> dict:
    """Figures of how far `values` are from `wanted`, both (N, *shape).

    Returns:
        inputs: N. finite: all values are. max_difference, mean_difference: of the samples' largest difference, divided
        by `scale`. Then what the output's task adds, see `Task.parity`: argmax_agreement, sure, sure_agreement and
        sum_error for classes.
    """
    finite = bool(np.isfinite(values).all())
    compared = task_for(kind).compared(kind, wanted, values) if kind.is_predicted and finite else (wanted, values)
    each = np.abs(compared[1].astype(np.float64) - compared[0]).reshape(len(wanted), -1).max(axis=1) / scale
    figures = {
        "inputs": len(wanted),
        "finite": finite,
        "max_difference": float(each.max()) if finite else None,
        "mean_difference": float(each.mean()) if finite else None,
    }
    return figures | (dict(task_for(kind).parity(kind, wanted, values)) if finite and kind.is_predicted else {})


def _has_shares(kind):
    return bool(kind.classes) or (kind.is_predicted and task_for(kind).spreads_probability)


def _are_probabilities(wanted, values):
    return all(bool(((part >= 0) & (part <= 1 + SUM_BOUND)).all()) for part in (wanted, values))


def _logit_difference(wanted, values):
    """How far the logarithms of probabilities that are off are from one another, over the size of the largest."""
    off = np.abs(values.astype(np.float64) - wanted) > FLOAT_BOUND
    logits, found = (np.log(np.maximum(part, np.finfo(np.float32).tiny)) for part in (wanted, values))
    return float(np.abs(logits - found)[off].max() / max(1.0, float(np.abs(logits).max())))


def _metric_figures(kind, values, expected, output):
    """The task metric of the samples with a target: of the Keras model, of the file, and what the file loses."""
    task, wanted = task_for(kind), expected.outputs["real"][output]
    targets, wanted, values = with_targets(kind, expected.targets[output], wanted, values)
    figure = task.parity_figure
    of_keras, of_file = (task.measure_file(kind, targets, each, wanted) for each in (wanted, values))
    # An error grows relative to the output's scale, a share falls as it is.
    scale = _scale(kind, expected, output) if figure.has_unit else 1.0
    loss = figure.loss(of_file, of_keras) / scale
    return {"metric": figure.name, "inputs": len(wanted), "keras": of_keras, "file": of_file, "loss": loss}


def _check_sound(place, figures):
    if not figures["finite"]:
        raise ParityError(f"{place}: NaN or infinity, the Keras model is finite")
    if figures.get("sum_error", 0.0) > SUM_BOUND:
        raise ParityError(f"{place}: the probabilities' sum is off 1 by {figures['sum_error']:.3g}")


def _check_int8(file, output, figures, metrics, expected, tolerance):
    place = f"{file}: output {output!r} on the set {expected.main_set!r} ({figures['inputs']} inputs)"
    if metrics is not None and metrics["inputs"] >= INT8_FEWEST_FOR_METRIC:
        if metrics["loss"] > tolerance:
            raise ParityError(
                f"{place}: {metrics['metric']} {metrics['file']:.4f}, the Keras model has {metrics['keras']:.4f}; "
                f"a loss of at most {tolerance:g} is allowed. More typical samples or int8_float_layers= may help"
            )
        return
    # Of pictures the mean of all pixels counts, not the one that is furthest off.
    mean = figures.get("pixel_difference", figures["mean_difference"])
    if mean > INT8_MEAN_BOUND:
        raise ParityError(
            f"{place}: differs from the Keras model by {mean:.3g} on average, at most "
            f"{INT8_MEAN_BOUND:g} is allowed (max {figures['max_difference']:.3g})"
        )
    agreement = figures.get("sure_agreement")
    if agreement is not None and agreement < INT8_SURE_AGREEMENT:
        raise ParityError(
            f"{place}: another class than the Keras model's in {1 - agreement:.1%} of the samples where that is sure; "
            f"at most {1 - INT8_SURE_AGREEMENT:.0%} is allowed"
        )


def _scale(kind, expected, output):
    """What differences are divided by: 1 for probabilities, the size of what the model gives for logits and values."""
    largest = max(float(np.abs(arrays[output]).max()) for arrays in expected.outputs.values())
    return task_for(kind).scale(kind, largest) if kind.is_predicted else max(1.0, largest)


def _starts(arrays, batch):
    return range(0, len(next(iter(arrays.values()))), batch)
