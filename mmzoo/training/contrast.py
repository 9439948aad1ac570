"""Vectors of two inputs of the same row near each other, those of different rows far apart: the loss, row by row."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.tasks.losses import clip_loss, siglip_loss


def contrastive_losses(one, other, both, *, scale, bias=None):
    """The contrastive loss of each row of a batch, the batch's other rows being what it is told from.

    Without a bias that of CLIP, with one that of SigLIP; see `mmzoo.tasks.losses`.

    Args:
        one, other: float (B, D), of any length; they are scaled to 1.
        both: bool (B, 1), whether the row has both inputs; other rows count neither as rows nor as partners.
        scale: what similarities are multiplied by, the inverse of the temperature.
        bias: what is added to them, or None.

    Returns:
        float32 (B,), 0 for rows that lack one.
    """
    one, other = (ops.cast(ops.normalize(ops.cast(x, "float32"), axis=-1), "float32") for x in (one, other))
    given = ops.reshape(ops.cast(both, "bool"), (-1,))
    row = ops.cumsum(ops.ones_like(ops.cast(given, "int32")))
    numbers = ops.where(given, row, -ops.ones_like(row))
    losses = clip_loss(one, other, scale, numbers) if bias is None else siglip_loss(one, other, scale, bias, numbers)
    return ops.where(given, losses, ops.zeros_like(losses))


@keras.saving.register_keras_serializable(package="mmzoo")
class ContrastiveError(keras.layers.Layer):
    """`contrastive_losses` with a learned temperature, as an output that is its own loss.

    Args:
        loss: "clip" (temperature 0.07 at first, never below 0.01) or "siglip" (0.1, and a bias, -10 at first, as most
            pairs are wrong ones).

    Call arguments:
        one, other: float (B, D).
        both: bool (B, 1).

    Returns:
        float32 (B, 1).
    """

    def __init__(self, loss: str = "clip", **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.loss = loss

    def build(self, one_shape, other_shape=None, both_shape=None):
        def learned(name, value):
            return self.add_weight(name=name, shape=(), initializer=keras.initializers.Constant(value))

        sigmoid = self.loss == "siglip"
        self.log_scale = learned("log_scale", 2.302585 if sigmoid else 2.659260)
        self.bias = learned("bias", -10.0) if sigmoid else None

    def call(self, one, other, both):
        scale = ops.exp(ops.minimum(ops.convert_to_tensor(self.log_scale), 4.605170))
        bias = None if self.bias is None else ops.convert_to_tensor(self.bias)
        return contrastive_losses(one, other, both, scale=scale, bias=bias)[:, None]

    def compute_output_spec(self, one, other, both):
        return keras.KerasTensor((one.shape[0], 1), "float32")

    def get_config(self):
        return {**super().get_config(), "loss": self.loss}
