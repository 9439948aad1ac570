"""Losses, metrics and the figure to watch, from what the schema says about the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from mmzoo.layers import TaskUncertainty
from mmzoo.layers.graph import output_layer
from mmzoo.schema import Schema
from mmzoo.tasks import Figure, figure_of, task_for
from mmzoo.tasks.losses import UncertaintyWeighted
from mmzoo.training.counted import Counted

_LOSS = Figure("loss", is_share=False, lower_is_better=True)


def losses_for(model, loss=None) -> dict:
    """The loss of each output, by Keras' names; by default its task's: cross-entropy for classes, squared error for
    values.

    Where the model holds a `TaskUncertainty` for an output, its loss is weighed by that.

    Args:
        model: the model; whether an output is logits is read from it.
        loss: a loss for all outputs, or a dict by output name; outputs left out of it keep the default. Targets of a
            Label reach it as one-hot rows.

    Raises:
        ValueError: the dict names an output that isn't there.
    """
    losses = plain_losses_for(model, loss)
    for name, kind in model.schema.predicted.items():
        uncertainty = output_layer(model, name, TaskUncertainty)
        if uncertainty is not None:
            tensor = model.schema.tensor_names[name]
            plain = keras.losses.get(losses[tensor])
            losses[tensor] = UncertaintyWeighted(plain, uncertainty, task_for(kind).loss_factor)
    return losses


def plain_losses_for(model, loss=None) -> dict:
    """`losses_for` as they are, without a learned weight."""
    outputs = model.schema.predicted
    given = _by_output(loss, outputs, "loss")
    losses = {name: given.get(name) or task_for(kind).loss(model, name, kind) for name, kind in outputs.items()}
    return model.schema.to_tensors(losses)


def metrics_for(model, metrics=None) -> dict:
    """The metrics while training, by default those of each output's task: accuracy for classes, mean error for values.

    Args:
        model: the model.
        metrics: a list for all outputs, or a dict by output name; outputs left out of it keep the default.

    Returns:
        The arguments `metrics` and `weighted_metrics` of Keras' compile, by its names of the outputs. A metric that is
        a `keras.metrics.Metric` leaves out the samples of weight 0, such as those without a target, and counts all
        others the same; a name or a function, which Keras makes a metric of itself, counts all.

    Raises:
        ValueError: the dict names an output that isn't there.
    """
    outputs = model.schema.predicted
    given = _by_output(metrics, outputs, "metrics")
    found = {
        name: _as_list(given[name]) if name in given else task_for(kind).fit_metrics(model, name, kind)
        for name, kind in outputs.items()
    }
    found = model.schema.to_tensors(found)
    counted = {name: [Counted(m) for m in own if isinstance(m, keras.metrics.Metric)] for name, own in found.items()}
    others = {name: [m for m in own if not isinstance(m, keras.metrics.Metric)] for name, own in found.items()}
    return {"metrics": others if any(others.values()) else None, "weighted_metrics": counted}


def make_trackers(model, element_spec) -> None:
    """Makes the variables in which losses and metrics add up, and leaves them as at the start.

    Keras makes them while it traces the first step of a training. TensorFlow then traces that step once more, with all
    variables there: of a small model's first step that was nearly half the time.

    Args:
        model: compiled, on the TensorFlow backend; other backends make them ahead by themselves.
        element_spec: `tf.TensorSpec` of what it is trained on, (inputs, targets, weights).
    """
    if model.losses:
        # Of a layer's own; they may belong to a graph that is gone.
        return
    _, targets, weights = keras.tree.map_structure(lambda spec: _one_row(spec.shape, spec.dtype.name), element_spec)
    found = keras.tree.map_structure(lambda tensor: _one_row(tensor.shape, tensor.dtype), model.output)
    model.compute_loss(None, targets, found, weights)
    model.compute_metrics(None, targets, found, weights)
    model.reset_metrics()


def _one_row(shape, dtype):
    return keras.ops.zeros([size or 1 for size in shape], dtype)


def _by_output(given, outputs, what):
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        return {name: given for name in outputs}
    unknown = [name for name in given if name not in outputs]
    if unknown:
        raise ValueError(f"{what}: no output {unknown[0]!r}; the outputs are {list(outputs)}")
    return dict(given)


def _as_list(metrics):
    return list(metrics) if isinstance(metrics, Sequence) and not isinstance(metrics, str) else [metrics]


def class_weights_for(schema: Schema, class_weight, counts) -> dict[str, np.ndarray]:
    """Output name -> weight of each class, float (classes,).

    Args:
        schema: the model's.
        class_weight: "balanced" (all classes weigh the same in sum), "sqrt" (the square root of that), or
            {output: {class name or number: weight}}, where classes left out weigh 1.
        counts: function without arguments that gives output name -> samples of each class.

    Returns:
        Weights whose mean over the samples is 1 for "balanced" and "sqrt"; as given otherwise.

    Raises:
        ValueError: an unknown rule, output or class.
    """
    labels = {name: kind for name, kind in schema.predicted.items() if task_for(kind).weighs_classes}
    if isinstance(class_weight, Mapping):
        return {name: _explicit_weights(labels, name, weights) for name, weights in class_weight.items()}
    powers = {"balanced": 1.0, "sqrt": 0.5}
    if class_weight not in powers:
        raise ValueError(f"class_weight: expected None, 'balanced', 'sqrt' or a dict, got {class_weight!r}")
    if not labels:
        raise ValueError(
            f"class_weight={class_weight!r}: the schema has no output whose classes have weights, such as a Label"
        )
    tables = {}
    for name, count in counts().items():
        # A class without samples has no weight to speak of.
        table = (1.0 / np.maximum(count, 1.0)) ** powers[class_weight]
        tables[name] = table * count.sum() / (table * count).sum()
    return tables


def _explicit_weights(labels, name, weights):
    if name not in labels or not isinstance(weights, Mapping):
        raise ValueError(
            f"class_weight: expected {{output: {{class: weight}}}} with outputs among {list(labels)}, got {name!r}"
        )
    classes = labels[name].classes
    table = np.ones(len(classes))
    for key, weight in weights.items():
        index = classes.index(key) if key in classes else key
        if not isinstance(index, int | np.integer) or not 0 <= index < len(classes):
            raise ValueError(f"class_weight: output {name!r} has no class {key!r}")
        table[index] = weight
    return table


def default_monitor(schema: Schema) -> str:
    """What its task says where one output is all there is to predict, such as the accuracy; else the loss."""
    kinds = list(schema.predicted.values())
    return task_for(kinds[0]).monitor if len(kinds) == 1 else "val_loss"


def figure_watched(monitor: str) -> Figure:
    """What is known of the figure to watch: the loss, or a task's figure by its name, as in "val_sign_accuracy".

    Raises:
        ValueError: neither, so that nobody knows whether higher is better.
    """
    if f"_{monitor}".endswith("_loss"):
        return _LOSS
    try:
        return figure_of(monitor)
    except ValueError as error:
        raise ValueError(
            f"monitor: expected a loss or a figure by its name; {error}; give a metric of your own the name of the "
            "figure that it is, as in keras.metrics.AUC(name='auroc')"
        ) from error


def is_better(monitor: str, value: float, best: float | None) -> bool:
    """Whether a figure beats the best so far; one that isn't finite never does."""
    if not np.isfinite(value):
        return False
    if best is None:
        return True
    return figure_watched(monitor).is_better(value, best)


def is_over(rows: Sequence[Mapping[str, float]], monitor: str | None, patience: int | None) -> bool:
    """Whether the last `patience` epochs brought nothing better than those before.

    Args:
        rows: figures of each epoch so far.
        monitor: the figure watched.
        patience: None: never over.
    """
    if patience is None or monitor is None:
        return False
    best, since = None, 0
    for row in rows:
        better = is_better(monitor, row[monitor], best)
        best, since = (row[monitor], 0) if better else (best, since + 1)
    return since >= patience
