"""The optimizer: AdamW with a linear warm-up and a cosine decay to zero."""

from __future__ import annotations

import keras

from mmzoo.layers import HubBackbone


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


def adamw(model, schedule, *, weight_decay: float, ema: float | None = None):
    """AdamW (Loshchilov & Hutter 2019) that leaves biases, normalisations and embeddings out of the decay.

    Args:
        model: its trainable variables are looked at. Those of a `HubBackbone` learn at the fraction of the rate that
            suits them, see `HubBackbone.rate_factor`, and pretrained ones don't decay: the decay would pull them to
            zero, away from what they know (Li et al., "Explicit inductive bias for transfer learning", 2018).
        schedule: the learning rate.
        weight_decay: the decay of all other weights.
        ema: momentum of the average of the weights; None: no average.
    """
    average = {} if ema is None else {"use_ema": True, "ema_momentum": float(ema)}
    kind = keras.optimizers.AdamW
    backbones = [layer for layer in model.layers if isinstance(layer, HubBackbone) and layer.trainable_variables]
    if backbones:
        kind = DiscriminativeAdamW
    optimizer = kind(schedule, weight_decay=weight_decay, **average)
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
class DiscriminativeAdamW(keras.optimizers.AdamW):
    """AdamW with a lower rate for some variables (Howard & Ruder, "ULMFiT", 2018).

    Like the variables left out of the decay, the slower ones are not part of its configuration.
    """

    def slow_down(self, variables, factor: float) -> None:
        """Lets variables learn at `factor` times the rate; before the first step."""
        self._factors = {**getattr(self, "_factors", {}), **{self._var_key(v): factor for v in variables}}

    def update_step(self, gradient, variable, learning_rate):
        factor = getattr(self, "_factors", {}).get(self._var_key(variable), 1.0)
        super().update_step(gradient, variable, learning_rate * factor)


def current_learning_rate(optimizer) -> float:
    """The rate of the next step."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    return float(keras.ops.convert_to_numpy(inner.learning_rate))
