"""What was asked of a run, and how that makes a model compiled."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import keras

from mmzoo.training.learner import learner_of
from mmzoo.training.objectives import losses_for, metrics_for
from mmzoo.training.optimizer import adamw, warm_up_and_cosine


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """The settings of a run: the arguments of `mmzoo.fit` that its result depends on, with what "auto" came to."""

    epochs: int
    steps_per_epoch: int
    learning_rate: float
    weight_decay: float
    warmup_epochs: float
    label_smoothing: float
    class_weight: str | Mapping | None
    ema: float | None
    mixed_precision: str | None
    seed: int | None
    monitor: str | None
    restore_best: bool
    loss: object
    metrics: object
    patience: int | None
    auxiliary: float | None = None
    alignment: float | None = None

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.steps_per_epoch

    def settings(self, model) -> dict:
        """What makes the run what it is, JSON-able, equal for equal arguments in another process."""
        return {
            **{field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)},
            # Without the layers' names: Keras numbers nameless layers through the process.
            "model": [[v.name, list(v.shape)] for v in model.weights],
            "schema": model.schema.to_dict(),
        }

    def learner_for(self, core):
        """What a model is trained as, see `learner_of`: the model itself, or one that `core` becomes a part of."""
        return learner_of(core, auxiliary=self.auxiliary, alignment=self.alignment, loss=self.loss)

    @property
    def has_learner(self) -> bool:
        """Whether a model is trained as something more than itself."""
        return self.auxiliary is not None or self.alignment is not None

    def optimizer_for(self, model):
        """AdamW for a model, built: a state can be loaded into it."""
        warmup_steps = int(min(self.warmup_epochs * self.steps_per_epoch, self.steps / 5))
        schedule = warm_up_and_cosine(self.learning_rate, steps=self.steps, warmup_steps=warmup_steps)
        optimizer = adamw(model, schedule, weight_decay=self.weight_decay, ema=self.ema)
        if self.mixed_precision == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        optimizer.build(model.trainable_variables)
        return optimizer

    def compile(self, model, optimizer, jit: bool) -> None:
        """Compiles a model with the losses and metrics that were given, and those that the schema says for the rest."""
        model.compile(
            optimizer,
            loss=losses_for(model, self.loss),
            **metrics_for(model, self.metrics),
            jit_compile=jit,
            auto_scale_loss=False,
        )

    def compiled_copy(self, model, jit: bool):
        """A copy to train and throw away."""
        copy = self.learner_for(copy_of(model))
        self.compile(copy, self.optimizer_for(copy), jit)
        return copy


def copy_of(model):
    """The same model with the same weights, not compiled."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def _plain(value):
    """A JSON-able stand-in for an argument, equal for equal arguments in another process."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if hasattr(value, "get_config"):
        return [type(value).__name__, str(value.get_config())]
    return getattr(value, "__qualname__", None) or str(value)
