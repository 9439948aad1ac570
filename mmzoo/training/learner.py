"""What a model is trained as where its branches have a loss of their own beside the model's.

A joined model may learn by the input that is easiest to learn by heart and leave the others without an error to learn
from (Wang, Tran & Feiszli, "What makes training multi-modal classification networks hard?", CVPR 2020). Against it each
branch gets a head of its own, which is thrown away afterwards, or the vectors of a row are held together.
"""

from __future__ import annotations

import itertools

import keras
from keras import layers, ops

from mmzoo.fusion.ends import branch_ends
from mmzoo.layers import TaskUncertainty
from mmzoo.models.schema_model import SchemaModel
from mmzoo.tasks import task_for
from mmzoo.training.contrast import contrastive_losses
from mmzoo.training.objectives import plain_losses_for

# Of the alignment: fixed, as a learned one would make the vectors longer or shorter instead of turning them.
_TEMPERATURE = 0.1


class Learner(SchemaModel):
    """A model and more: it gives the model's outputs and what its branches say, and its loss counts both.

    Made by `learner_of`. The further losses count in training only: the loss of the validation rows, and all metrics,
    are the model's own.

    Attributes:
        auxiliary: weight of what each input says alone; None: nothing.
        alignment: weight of the contrast between the vectors of every two inputs; None: nothing.
    """

    @property
    def core(self) -> SchemaModel:
        """The model, whose layers are the learner's."""
        return self._core()

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        total = super().compute_loss(x, y, self._own(y_pred), sample_weight, training)
        if not training:
            return total
        more = y_pred["branches"]
        if self.auxiliary is not None:
            total = total + self.auxiliary * self._said_alone(more, y, sample_weight)
        if self.alignment is not None:
            total = total + self.alignment * _apart(more)
        return total

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, self._own(y_pred), sample_weight)

    def _own(self, predicted):
        return {name: predicted[name] for name in self.core.output}

    def _said_alone(self, more, targets, weights):
        total = 0.0
        for (output, name), logits in more["logits"].items():
            given = ops.cast(more["present"][name], "float32")[:, 0]
            predicted = ops.cast(logits, "float32")
            for layer in self._endings()[output]:
                predicted = layer(predicted)
            counted = given if weights is None else given * weights[output]
            total = total + self._losses_alone()[output](targets[output], predicted, sample_weight=counted)
        return total


def learner_of(core, *, auxiliary: float | None = None, alignment: float | None = None, loss=None):
    """What a model is trained as; the model itself where neither is asked for.

    Args:
        core: the model; its layers become the learner's as well, so give a copy.
        auxiliary: how much each input's own prediction of every output counts in the loss beside the model's. A head
            of its own reads the vector of its branch, and is no part of the model. A row that lacks the input is left
            out.
        alignment: how much it counts that the vectors of two inputs of a row are nearer each other than those of other
            rows of the batch, for every two inputs.
        loss: of `mmzoo.fit`.

    Returns:
        A `Learner`, not compiled.

    Raises:
        ValueError: the model's outputs were not made by `mmzoo.fusion.fuse`, or there is one input to align.
    """
    if auxiliary is None and alignment is None:
        return core
    ends = core.schema.to_tensors(branch_ends(core))
    if alignment is not None and len(ends) < 2:
        raise ValueError(f"alignment: needs two inputs, the model has {list(ends)}")
    outputs = core.schema.to_tensors(core.schema.predicted)
    tensors, taught = core.schema.tensor_names, core.schema.inputs.items()
    begun = {tensors[kind.teacher]: {"begun": core.input[tensors[name]]} for name, kind in taught if kind.teacher}
    more = {
        "vectors": {name: end.vector for name, end in ends.items()},
        "present": {name: end.present for name, end in ends.items()},
        "logits": {
            (output, name): task_for(kind).head(kind, end.vector, f"auxiliary_{output}_{name}", **begun.get(output, {}))
            for output, kind in (outputs.items() if auxiliary is not None else ())
            for name, end in ends.items()
        },
    }
    learner = Learner(core.input, {**core.output, "branches": more}, name=core.name)
    endings = {name: _ending(core.output[name]) for name in outputs}
    losses = {name: _as_loss(one) for name, one in plain_losses_for(core, loss).items()}
    learner.schema, learner.auxiliary, learner.alignment = core.schema, auxiliary, alignment
    # By these Keras tells which loss is for which output.
    learner.output_names = core.output_names
    # In functions, or Keras would count the layers twice.
    learner._core, learner._endings, learner._losses_alone = lambda: core, lambda: endings, lambda: losses
    return learner


def _apart(more):
    total = 0.0
    for one, other in itertools.combinations(more["vectors"], 2):
        both = ops.logical_and(more["present"][one], more["present"][other])
        losses = contrastive_losses(more["vectors"][one], more["vectors"][other], both, scale=1 / _TEMPERATURE)
        total = total + ops.sum(losses) / ops.maximum(ops.sum(ops.cast(both, "float32")), 1.0)
    return total


def _ending(output) -> list:
    """The layers between an output's logits and the output, in order; not the weight of its loss."""
    found, tensor = [], output
    while True:
        layer = tensor._keras_history.operation
        if not (isinstance(layer, layers.Activation) or getattr(layer, "is_for_output", False)):
            return [layer for layer in found if not isinstance(layer, TaskUncertainty)]
        found.insert(0, layer)
        tensor = layer._inbound_nodes[0].input_tensors[0]


def _as_loss(loss):
    loss = keras.losses.get(loss)
    return loss if isinstance(loss, keras.losses.Loss) else _Each(loss)


class _Each(keras.losses.Loss):
    """A function of (targets, predictions) as a loss."""

    def __init__(self, function):
        super().__init__()
        self._function = function

    def call(self, y_true, y_pred):
        return self._function(y_true, y_pred)
