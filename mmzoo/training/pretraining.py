"""Branches that learn from rows without labels before the model is trained: by contrast, or by filling in gaps.

Both train with `mmzoo.fit`: what they train is a model whose one output is its own loss. Its head is thrown away, and
the branches' weights are put into the model. What came of it: docs/pretraining.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import keras
import numpy as np
from keras import layers, ops

from mmzoo.fusion.ends import branch_ends, copy_branches
from mmzoo.layers import SensorEncoder
from mmzoo.models.parts.seeding import initial_weights_seed
from mmzoo.models.schema_model import schema_model
from mmzoo.schema import Schema, Text, Value
from mmzoo.training.contrast import ContrastiveError
from mmzoo.training.fitting import fit
from mmzoo.training.masking import FieldError, StepError, can_be_masked, with_fields_hidden, with_steps_hidden
from mmzoo.training.plan import copy_of

LOSSES = ("clip", "siglip")
_ERROR, _GIVEN = "pretraining_error", "{}, nothing hidden"


def pretrain_contrastive(
    model,
    train,
    validation=None,
    *,
    inputs: Sequence[str] = ("image", "text"),
    loss: str = "clip",
    width: int = 64,
    seed: int | None = None,
    **fitting,
) -> keras.callbacks.History:
    """Lets two branches learn to tell which of a batch's rows belong together.

    The towers are the model's own branches up to their vectors, each with a projection of its own behind it, which is
    thrown away. No label is looked at.

    Args:
        model: a model whose outputs `mmzoo.fusion.fuse` made, as those of all builders. Afterwards its branches hold
            what they have learnt; fusion and heads are as they were.
        train: as `mmzoo.fit` takes it, or dicts of input arrays alone in the same forms. Rows that lack one of the two
            inputs are left out. The larger the batch, the more there is to tell apart.
        validation: the same; with it the epoch with the least error is kept.
        inputs: any two.
        loss: "clip" (Radford et al., "Learning transferable visual models from natural language supervision", ICML
            2021) or "siglip" (Zhai et al., "Sigmoid loss for language image pre-training", ICCV 2023), which is said to
            do with smaller batches. The temperature, and the bias of SigLIP, are learned.
        width: of the projections.
        seed: see `mmzoo.fit`; also of the projections.
        fitting: further keywords of `mmzoo.fit`: epochs, batch_size, learning_rate, out ...

    Returns:
        The history; "loss" is the contrastive loss.

    Raises:
        ValueError: an unknown loss or input, fewer than two rows that have both, or see `mmzoo.fit`.
    """
    if loss not in LOSSES:
        raise ValueError(f"loss: expected one of {list(LOSSES)}, got {loss!r}")
    if len(inputs) != 2 or inputs[0] == inputs[1]:
        raise ValueError(f"inputs: expected two, got {list(inputs)}")
    copy = copy_of(model)
    ends = [_end_of(copy, name) for name in inputs]
    with initial_weights_seed(seed):
        one, other = (
            layers.Dense(width, use_bias=False, name=f"{name}_contrast_projection")(end.vector)
            for name, end in zip(map(copy.schema.tensor_names.get, inputs), ends, strict=True)
        )
        both = ops.logical_and(ends[0].present, ends[1].present)
        error = ContrastiveError(loss, name=_ERROR)(one, other, both)
    kinds = {name: copy.schema.inputs[name] for name in inputs}

    def having_both(arrays, rng):
        chosen = {name: _array(arrays, name) for name in inputs}
        given = np.logical_and(*(kinds[name].present(array) for name, array in chosen.items()))
        return chosen if given.all() else {name: array[given] for name, array in chosen.items()}

    learner = _learner(copy, {name: _tensor(copy, name) for name in inputs}, kinds, error)
    history = _fit(learner, train, validation, having_both, seed, fitting)
    copy_branches(copy, model, inputs)
    return history


def pretrain_masked(
    model, train, validation=None, *, input: str, share: float = 0.15, seed: int | None = None, **fitting
) -> keras.callbacks.History:
    """Lets a branch learn to fill in what is hidden from it (Devlin et al., "BERT", NAACL 2019).

    Of a text steps are hidden, to be filled in with an id; of a row of sensors fields, with a number, an angle or a
    category; of a series whole steps. A head that is thrown away reads the hidden step's token (a row's: all tokens)
    and the vector of the whole. No label is looked at.

    Args:
        model: a model whose fusion takes tokens, such as "transformer", so that its branches give some. Afterwards its
            branch holds what it has learnt; for a model of another fusion, build its twin with fusion="transformer",
            and take over what that has learnt by `mmzoo.fusion.copy_branches(twin, model, [input])`.
        train, validation: see `pretrain_contrastive`.
        input: a text, a series, or a row of sensors.
        share: how much of each row is hidden.
        seed: see `mmzoo.fit`; also of the head, and of what is hidden.
        fitting: further keywords of `mmzoo.fit`.

    Returns:
        The history; "loss" is the mean error of what was hidden.

    Raises:
        ValueError: an unknown input, one that has neither steps nor fields, a branch that gives no tokens, or see
            `mmzoo.fit`.
    """
    if not 0 < share < 1:
        raise ValueError(f"share: expected 0 < share < 1, got {share!r}")
    copy = copy_of(model)
    end, kind = _end_of(copy, input), copy.schema.inputs[input]
    if not can_be_masked(kind):
        raise ValueError(f"input {input!r}: {type(kind).__name__} has neither steps nor fields to hide")
    if end.tokens is None:
        raise ValueError(
            f"input {input!r}: its branch gives no tokens; build the model with a fusion that takes them "
            "(fusion='transformer'), and take over its branch with mmzoo.fusion.copy_branches"
        )
    whole = _GIVEN.format(input)
    kinds = {input: kind, whole: kind}
    names = Schema(copy.name, kinds, {_ERROR: Value()}, {input: copy.schema.tensor_names[input]}).tensor_names
    given, hidden = keras.Input(kind.shape, dtype=kind.dtype, name=names[whole]), _tensor(copy, input)
    with initial_weights_seed(seed):
        if isinstance(kind, Text):
            error = StepError(kind.vocabulary_size, name=_ERROR)(end.tokens, end.vector, hidden, given)
        else:
            encoder = SensorEncoder(kind.fields, name=f"{names[whole]}_encoder")
            error = FieldError(kind.fields, encoder.features_of_fields(), name=_ERROR)(
                end.tokens, end.vector, hidden, given, encoder(given)
            )

    def partly_hidden(arrays, rng):
        array = _array(arrays, input)
        array = array[kind.present(array)]
        found = with_steps_hidden(array, kind, share, rng) if isinstance(kind, Text) else (
            with_fields_hidden(array, share, rng)
        )  # fmt: skip
        return {input: found, whole: array}

    learner = _learner(copy, {input: hidden, whole: given}, kinds, error)
    history = _fit(learner, train, validation, partly_hidden, seed, fitting)
    copy_branches(copy, model, [input])
    return history


@keras.saving.register_keras_serializable(package="mmzoo")
class ItsOwnLoss(keras.losses.Loss):
    """The output itself."""

    def call(self, y_true, y_pred):
        return ops.mean(y_pred, axis=-1)


def _end_of(model, name):
    ends = branch_ends(model)
    if name not in ends:
        raise ValueError(f"no branch for input {name!r}; there are {list(ends)}")
    return ends[name]


def _tensor(model, name):
    return model.input[model.schema.tensor_names[name]]


def _learner(copy, tensors, kinds, error):
    names = {name: copy.schema.tensor_names[name] for name in kinds if name in copy.schema.inputs}
    schema = Schema(copy.schema.name, kinds, {_ERROR: Value()}, names)
    return schema_model(tensors, {_ERROR: error}, schema, name=copy.name)


def _fit(learner, train, validation, make, seed, fitting):
    drawn = 0 if seed is None else seed
    return fit(
        learner,
        _unlabelled(train, make, "train", lambda epoch: (drawn, epoch)),
        None if validation is None else _unlabelled(validation, make, "validation", lambda epoch: (drawn, 0, 1)),
        loss=ItsOwnLoss(),
        metrics=[],
        seed=seed,
        **fitting,
    )


def _unlabelled(data, make: Callable, what: str, seed_of: Callable) -> Callable:
    """A function of the epoch that gives rows of inputs as they are learnt from, with a target that nobody looks at."""

    def made(batch, rng):
        arrays = batch if isinstance(batch, Mapping) else batch[0]
        inputs = make(arrays, rng)
        count = len(next(iter(inputs.values())))
        return inputs, {_ERROR: np.zeros(count, np.float32)}

    def epoch_data(epoch):
        given = data(epoch) if callable(data) else data
        rng = np.random.default_rng(seed_of(epoch))
        if isinstance(given, Mapping | tuple):
            rows = made(given, rng)
            if len(rows[1][_ERROR]) < 2:
                raise ValueError(f"{what}: {len(rows[1][_ERROR])} rows have what is learnt from; expected two at least")
            return rows
        batches = given.as_numpy_iterator() if hasattr(given, "as_numpy_iterator") else iter(given)
        rows = (made(batch, rng) for batch in batches)
        return (batch for batch in rows if len(batch[1][_ERROR]) > 1)

    return epoch_data


def _array(arrays, name):
    if name not in arrays:
        raise ValueError(f"input {name!r} is not in the data; it holds {list(arrays)}")
    return np.asarray(arrays[name])
