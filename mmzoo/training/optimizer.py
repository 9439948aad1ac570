"""The optimizer: AdamW that spares some weights the decay and lets others learn more slowly, and its learning rate."""

from __future__ import annotations

import keras


def adamw(model, schedule, *, weight_decay: float, ema: float | None = None):
    """`AdamW` that leaves biases, normalisations and embeddings out of the decay.

    Args:
        model: its trainable variables are looked at. Those of a pretrained encoder learn at the fraction of the rate
            that suits them, see `HubBackbone.rate_factor`, and they don't decay: the decay would pull them to zero,
            away from what they know (Li et al., "Explicit inductive bias for transfer learning", 2018).
        schedule: the learning rate.
        weight_decay: the decay of all other weights.
        ema: momentum of the average of the weights; None: no average.
    """
    average = {} if ema is None else {"use_ema": True, "ema_momentum": float(ema)}
    optimizer = AdamW(schedule, weight_decay=weight_decay, **average)
    backbones = [layer for layer in model.layers if hasattr(layer, "rate_factor") and layer.trainable_variables]
    pretrained = {id(v) for layer in backbones if layer.finetune == "full" for v in layer.trainable_variables}
    for layer in backbones:
        optimizer.slow_down(layer.trainable_variables, layer.rate_factor)
    optimizer.exclude_from_weight_decay(
        var_list=[
            # By name too: the bias of a GRU is a matrix.
            v
            for v in model.trainable_variables
            if len(v.shape) < 2 or "bias" in v.name or "embedding" in v.path or id(v) in pretrained
        ]
    )
    return optimizer


@keras.saving.register_keras_serializable(package="mmzoo")
class AdamW(keras.optimizers.AdamW):
    """Keras' AdamW (Loshchilov & Hutter 2019), with a lower rate for some variables, and sooner at the first step.

    A slower variable decays more slowly too (Howard & Ruder, "ULMFiT", 2018). Like the variables left out of the decay,
    the slower ones are not part of its configuration.

    On TensorFlow a variable takes its step in one operator, Adam's own, where Keras writes down some thirty; the same
    but for rounding. Tracing takes most of the time to a small model's first step: that comes after 0.58 (nano) and
    0.55 (small) of the processor time that `keras.optimizers.AdamW` needs, 5 s less; an epoch of 40 steps takes
    0.89 and 1.09 of it, within the noise (`python -m mmzoo.bench.first_step --size nano --size small`, medians of three
    pairs of processes on two busy cores). Embeddings are left to Keras, which on TensorFlow squares the gradients of a
    row that a batch reaches repeatedly before adding them up; with a dense gradient it would add them up first.
    """

    def __init__(self, *arguments, **keywords):
        super().__init__(*arguments, **keywords)
        self._factors = {}

    def slow_down(self, variables, factor: float) -> None:
        """Lets variables learn at `factor` times the rate; before the first step."""
        self._factors = {**self._factors, **{self._var_key(v): factor for v in variables}}

    def apply(self, grads, trainable_variables=None):
        if keras.backend.backend() == "tensorflow":
            import tensorflow as tf

            # Once for all variables.
            step = tf.cast(self.iterations.value, tf.float32) + 1.0
            self._powers = (self.beta_1**step, self.beta_2**step)
        super().apply(grads, trainable_variables)
        self._powers = None

    def _apply_weight_decay(self, variables):
        """With each step, where the rate of the variable is known."""

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = learning_rate * self._factors.get(self._var_key(variable), 1.0)
        if self._use_weight_decay(variable):
            self.assign_sub(variable, variable * (self.weight_decay * learning_rate))
        if not self._takes_one_operator(gradient):
            super().update_step(gradient, variable, learning_rate)
            return
        import tensorflow as tf

        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self._powers[0],
            beta2_power=self._powers[1],
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(gradient, variable.dtype),
        )

    def _takes_one_operator(self, gradient):
        if keras.backend.backend() != "tensorflow" or self.amsgrad:
            return False
        import tensorflow as tf

        # That of an embedding is a `tf.IndexedSlices`.
        return isinstance(gradient, tf.Tensor)


def warm_up_and_cosine(learning_rate: float, *, steps: int, warmup_steps: int):
    """A rate that rises linearly, then falls to 0 along a half cosine (Loshchilov & Hutter, SGDR, 2017).

    Args:
        learning_rate: the highest rate.
        steps: steps of the whole training.
        warmup_steps: steps of the rise.
    """
    if not warmup_steps:
        return keras.optimizers.schedules.CosineDecay(float(learning_rate), steps)
    # Not from 0, or the first step would do nothing; floats, since integers break on TensorFlow.
    return keras.optimizers.schedules.CosineDecay(
        float(learning_rate) / warmup_steps,
        max(steps - warmup_steps, 1),
        alpha=0.0,
        warmup_target=float(learning_rate),
        warmup_steps=warmup_steps,
    )


def current_learning_rate(optimizer) -> float:
    """The rate of the next step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(inner.learning_rate))
