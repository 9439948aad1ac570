"""`mmzoo.fit`: sound defaults over Keras' own compile and fit."""

from __future__ import annotations

import contextlib
import importlib.util
import math
import pathlib
import sys
from collections.abc import Mapping, Sequence

import keras
import numpy as np

from mmzoo.training.acceleration import choose_jit, choose_precision, computing_in
from mmzoo.training.adaptation import adapt_from
from mmzoo.training.averaging import Averaging
from mmzoo.training.batches import Batches, plain_error
from mmzoo.training.epochs import EpochEnd
from mmzoo.training.feed import Feed
from mmzoo.training.identity import DataIdentity
from mmzoo.training.objectives import class_weights_for, default_monitor, figure_watched, is_over, make_trackers
from mmzoo.training.plan import Plan, copy_of
from mmzoo.training.resume import RunFolder, RunState
from mmzoo.training.statistics import statistics_of_the_end


def fit(
    model,
    train,
    validation=None,
    *,
    epochs: int = 10,
    batch_size: int = 128,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.02,
    warmup_epochs: float = 1.0,
    label_smoothing: float = 0.0,
    class_weight: str | Mapping | None = None,
    ema: float | None = None,
    jit_compile: bool | str = "auto",
    mixed_precision: str | None = "auto",
    out: str | pathlib.Path | None = None,
    resume: bool = True,
    restore_best: bool = True,
    patience: int | None = None,
    seed: int | None = None,
    monitor: str | None = None,
    adapt: bool = True,
    tensorboard: bool = False,
    verbose: str | int = "auto",
    callbacks: Sequence = (),
    steps_per_epoch: int | None = None,
    loss=None,
    metrics=None,
    auxiliary: float | None = None,
    alignment: float | None = None,
) -> keras.callbacks.History:
    """Trains a model: one `compile` and one `fit` of Keras, with AdamW, warm-up and cosine decay.

    Afterwards the model holds the best weights by validation (without validation: the last), and stays compiled.

    Args:
        model: a model with a `schema`, as mmzoo's builders make.
        train: batches `(inputs, targets)` or `(inputs, targets, weights)`, dicts by name: as a `tf.data.Dataset` or
            another iterable; or one such tuple of whole arrays; or a function `train(epoch) -> ` one of these, epochs
            counted from 0. Only the function (and arrays with a seed) let a resumed run see the order that an
            uninterrupted one sees. Targets: class numbers or one-hot rows for a `Label`, rows of 0 and 1 for a
            `MultiLabel`, numbers for a `Value`. A sample may lack a target: -1 or a row of zeros for a `Label`, NaN for
            the others; it counts for the other outputs. Weights: one array for all outputs, or by output.
        validation: the same, or None.
        epochs: epochs of the whole run, those before an interruption included.
        batch_size: for arrays; a data set comes in batches.
        learning_rate: the highest, after the warm-up.
        weight_decay: decay of AdamW; biases, normalisations and embeddings are left out.
        warmup_epochs: length of the linear rise; at most a fifth of the training.
        label_smoothing: share taken from the right class and spread over all, in training only.
        class_weight: None; "balanced" or "sqrt", from the training data's own counts (a pass over it); or
            {output: {class name or number: weight}}. For `Label` outputs, in training only.
        ema: None, or the momentum (0.999) of an average of the weights that is validated, saved and left in the model
            in their place. BatchNorm statistics are estimated anew for it from training batches.
        jit_compile: XLA: True, False or "auto": on with a GPU or TPU; on a CPU, where the training is long enough and
            has no seed, a few steps of a copy are timed each way. With a seed on a CPU "auto" means off, since a
            choice by the clock is not repeatable.
        mixed_precision: "auto" (on a GPU or TPU that has it), "mixed_bfloat16", "mixed_float16", or None. It holds
            while training; the weights are float32 all along, and so is the model afterwards.
        out: folder for history.csv, best.keras (uncompiled) and the state of the run, all replaced whole after
            each epoch. A run killed at any moment goes on from its last whole epoch when called again.
        resume: False starts anew in `out`, over what is there.
        restore_best: False leaves the last weights in the model.
        patience: stop after so many epochs without a better figure (early stopping); None: never. The schedule is that
            of all `epochs`. Needs validation data.
        seed: makes a run repeatable, to the last digit on one CPU: it sets the global seeds
            (`keras.utils.set_random_seed`), the random states inside the model, and the order of arrays. The initial
            weights are the builder's and the order of a data set is its own.
        monitor: what decides which epoch is best: a loss ("val_loss") or a figure of the outputs' tasks by its name
            ("val_accuracy", "val_price_mae"); of several outputs Keras' figures begin with the output's name in
            `schema.tensor_names`. None: the validation accuracy for a single `Label`, else the validation loss.
        adapt: set the sensors' normalisation, and the scale of a `Value`, from the training data where it still is the
            schema's default.
        tensorboard: write out/tensorboard; needs the package tensorboard.
        verbose: as in Keras: 0 silent, 1 progress bar, 2 a line an epoch; "auto": 1 on a terminal, else 2.
        callbacks: Keras callbacks. Their own state is not resumed. With `ema` they see the averaged weights at the end
            of an epoch with validation.
        steps_per_epoch: batches an epoch; needed for endless data only.
        loss: a Keras loss, or {output: loss}; None: cross-entropy, for a `Value` the squared error over the variance of
            its targets (of their logarithms where its scale is "log"). Labels arrive as one-hot rows. With several
            outputs that hold a `TaskUncertainty` each loss is weighed by it.
        metrics: list, or {output: list}; None: accuracy, for a `Value` the mean absolute error. Instances of
            `keras.metrics.Metric` leave out samples of weight 0, such as those without a target.
        auxiliary: None, or how much (0.3) it counts in the loss, while training, what each input's branch says of each
            output alone, by a head of its own that is thrown away afterwards: so that no input drowns the others.
        alignment: None, or how much (0.1) it counts, while training, that the vectors of two inputs of a row are nearer
            each other than those of the batch's other rows. Both need a model whose outputs `mmzoo.fusion.fuse` made;
            meanwhile callbacks see a copy of it.

    Returns:
        `keras.callbacks.History` of the whole run, epochs before an interruption included: `history` maps each figure
        and "learning_rate" to its values, `epoch` counts from 0.

    Raises:
        ValueError: an argument out of range, data that don't fit the schema (the message names the input or output), or
            an `out` that holds a run with other settings or on other data; the message names what differs.
        FileExistsError: another process trains in `out`; the message names it.
        OSError: a file in `out` can't be written; the message names it.
        ImportError: `tensorboard` without that package.
        FloatingPointError: the loss is NaN or infinite; the message says when.
    """
    _check(
        model, validation, epochs=epochs, learning_rate=learning_rate, label_smoothing=label_smoothing, ema=ema,
        patience=patience, monitor=monitor, tensorboard=tensorboard, out=out, auxiliary=auxiliary, alignment=alignment,
    )  # fmt: skip
    if verbose == "auto":
        verbose = 1 if sys.stdout.isatty() else 2
    say = print if verbose else (lambda *_: None)
    if seed is not None:
        # Before the data is looked at, and in a resumed run as well: the order and the augmentation of a tf.data
        # pipeline depend on the global seed beside their own.
        keras.utils.set_random_seed(seed)

    batches = Batches(
        train, model.schema, "train", batch_size=batch_size, steps=steps_per_epoch, label_smoothing=label_smoothing,
        shuffle_seed=np.random.SeedSequence().entropy if seed is None else seed,
    )  # fmt: skip
    held_out = None if validation is None else Batches(validation, model.schema, "validation", batch_size=batch_size)
    data = DataIdentity([batches] if held_out is None else [batches, held_out], say)
    plan = Plan(
        epochs=int(epochs),
        steps_per_epoch=batches.steps,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        warmup_epochs=warmup_epochs,
        label_smoothing=label_smoothing,
        class_weight=class_weight,
        ema=ema,
        mixed_precision=choose_precision(mixed_precision),
        seed=seed,
        monitor=monitor or (default_monitor(model.schema) if held_out else None),
        restore_best=restore_best,
        loss=loss,
        metrics=metrics,
        patience=patience if patience is None else int(patience),
        auxiliary=auxiliary,
        alignment=alignment,
    )
    folder = RunFolder(out, plan.settings(model), data) if out is not None else None
    with contextlib.nullcontext() if folder is None else folder:
        if folder and not resume:
            folder.forget()
        return _begun_or_resumed(
            model, batches, held_out, plan, folder, jit_compile=jit_compile, adapt=adapt, tensorboard=tensorboard,
            callbacks=callbacks, verbose=verbose, say=say,
        )  # fmt: skip


def _begun_or_resumed(
    model, batches, held_out, plan, folder, *, jit_compile, adapt, tensorboard, callbacks, verbose, say
) -> keras.callbacks.History:
    """The whole training, from where the folder says it is."""
    epochs = plan.epochs
    # What is trained may be more than the model; that is a copy, which leaves no trace in the model's own graph.
    core = copy_of(model) if plan.has_learner else model
    learner = plan.learner_for(core)
    optimizer = plan.optimizer_for(learner)
    state = folder.load(core, learner, optimizer) if folder else None
    if state and state.finished:
        say(f"{folder.path}: finished already, after epoch {len(state.rows)} of {epochs}; nothing to train")
        plan.compile(learner, optimizer, state.jit_compile)
        return _done(model, core, plan, state)

    if plan.class_weight is not None:
        batches.class_weights = class_weights_for(model.schema, plan.class_weight, batches.class_counts)
    twin = copy_of(model) if folder else None
    if state:
        say(f"{folder.path}: resuming after epoch {len(state.rows)} of {epochs}")
        if state.best_weights:
            # One of a later epoch may lie there, written just before the kill.
            twin.set_weights(state.best_weights)
            folder.save_best(twin)
    else:
        state = _new_state(core, learner, batches, plan, jit_compile=jit_compile, adapt=adapt, say=say)
    if plan.mixed_precision:
        say(f"mixed precision: {plan.mixed_precision}")
    if tensorboard:
        callbacks = [*callbacks, keras.callbacks.TensorBoard(str(folder.path / "tensorboard"))]
    with computing_in(learner, plan.mixed_precision), statistics_of_the_end(learner, plan.steps):
        plan.compile(learner, optimizer, state.jit_compile)
        averaging = Averaging(learner, batches) if plan.ema is not None else None
        keeper = EpochEnd(state, plan, core=core, averaging=averaging, folder=folder, twin=twin)
        if len(state.rows) < epochs and not is_over(state.rows, plan.monitor, plan.patience):
            _train(learner, batches, held_out, keeper, callbacks, verbose)
        if state.best_weights and plan.restore_best:
            core.set_weights(state.best_weights)
        elif averaging:
            averaging.finish(max(len(state.rows) - 1, 0))
    state.finished = True
    if folder:
        folder.save(state, core, learner, optimizer)
    return _done(model, core, plan, state)


def _done(model, core, plan, state):
    """The history; the model holds what its copy has learnt, and is compiled."""
    if core is not model:
        model.set_weights(core.get_weights())
        plan.compile(model, plan.optimizer_for(model), state.jit_compile)
    return _history(model, state.rows)


def _new_state(model, learner, batches, plan, *, jit_compile, adapt, say) -> RunState:
    """The state before the first epoch: what is decided once and holds for the run, however often it is resumed."""
    state = RunState()
    adapted = adapt_from(model, batches) if adapt else []
    if adapted:
        say(f"adapted to the training data: {', '.join(adapted)}")
    state.jit_compile, why = choose_jit(
        jit_compile,
        compiled_copy=lambda jit: plan.compiled_copy(model, jit),
        batches=batches,
        steps=plan.steps,
        seed=plan.seed,
    )
    say(why)
    if plan.seed is not None:
        _seed(learner, plan.seed)
    return state


def _train(model, batches, held_out, keeper, callbacks, verbose):
    """Keras' `fit`, from the epoch after the last whole one."""
    with Feed(batches) as feed, contextlib.nullcontext() if held_out is None else Feed(held_out) as checks:
        keeper.watch(feed)
        try:
            data = feed.for_keras()
            if keras.backend.backend() == "tensorflow":
                make_trackers(model, data.element_spec)
            model.fit(
                data,
                validation_data=None if checks is None else checks.for_keras(),
                initial_epoch=len(keeper.state.rows),
                epochs=keeper.plan.epochs,
                steps_per_epoch=feed.steps_per_epoch,
                shuffle=False,
                callbacks=[*callbacks, keeper],
                verbose=verbose,
            )
        except Exception as error:
            for source in (feed, checks):
                if source is not None and source.error:
                    # tf.data gives its own error with a traceback in its text; this is the one with the message.
                    raise source.error from None
            if plain_error(error) is not error:
                raise plain_error(error) from None
            raise


def _check(
    model, validation, *, epochs, learning_rate, label_smoothing, ema, patience, monitor, tensorboard, out, auxiliary,
    alignment,
):  # fmt: skip
    if not hasattr(model, "schema"):
        raise ValueError(
            f"model: expected one with a schema, as mmzoo's builders make, got a {type(model).__name__}; train others "
            "with their own compile and fit"
        )
    if not isinstance(epochs, int | np.integer) or epochs < 1:
        raise ValueError(f"epochs: expected a whole number >= 1, got {epochs!r}")
    if not learning_rate > 0:
        raise ValueError(f"learning_rate: expected a number > 0, got {learning_rate!r}")
    if not 0 <= label_smoothing < 1:
        raise ValueError(f"label_smoothing: expected 0 <= smoothing < 1, got {label_smoothing!r}")
    if ema is not None and not 0 < ema < 1:
        raise ValueError(f"ema: expected None or a momentum between 0 and 1, such as 0.999, got {ema!r}")
    for name, weight in (("auxiliary", auxiliary), ("alignment", alignment)):
        if weight is not None and not 0 < weight < math.inf:
            raise ValueError(f"{name}: expected None or a weight above 0, such as 0.3, got {weight!r}")
    if patience is not None and (not isinstance(patience, int | np.integer) or patience < 1):
        raise ValueError(f"patience: expected None or a whole number >= 1, got {patience!r}")
    if patience is not None and validation is None:
        raise ValueError("patience: needs validation data, to see whether an epoch was better")
    if monitor and validation is None and monitor.startswith("val_"):
        raise ValueError(f"monitor: {monitor!r} needs validation data")
    if monitor:
        figure_watched(monitor)
    if tensorboard and out is None:
        raise ValueError("tensorboard: needs a folder; give out=")
    if tensorboard and importlib.util.find_spec("tensorboard") is None:
        raise ImportError("tensorboard: the package is not installed; pip install tensorboard")


def _seed(model, seed):
    keras.utils.set_random_seed(seed)
    states = [v for v in model.non_trainable_variables if "seed_generator_state" in v.path]
    for index, variable in enumerate(states):
        # Layers that draw in step must not draw the same numbers.
        drawn = int(np.random.SeedSequence((seed, index)).generate_state(1)[0])
        variable.assign(np.array([drawn, 0], np.uint32))


def _history(model, rows):
    history = keras.callbacks.History()
    history.set_model(model)
    history.epoch = [row["epoch"] - 1 for row in rows]
    names = [name for name in rows[0] if name not in ("epoch", "seconds", "samples_per_second")] if rows else []
    history.history = {name: [row[name] for row in rows] for name in names}
    return history
