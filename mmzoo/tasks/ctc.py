"""The loss of a `Transcript`: connectionist temporal classification."""

from __future__ import annotations

import keras
from keras import ops

from mmzoo.schema.outputs.transcript import BLANK

# A probability of 0 has no logarithm.
_LEAST = 1e-7


@keras.saving.register_keras_serializable(package="mmzoo")
class CTC(keras.losses.Loss):
    """Minus the log likelihood of a text, summed over all ways to say it step by step (Graves et al., ICML 2006).

    `keras.losses.CTC` wants logarithms and is wrong without a word for a softmax; this one is told what it gets.

    Args:
        from_logits: whether the model gives logits.

    Call arguments:
        y_true: (B, steps), numbers of letters from 1, 0 behind the last.
        y_pred: float (B, steps, 1 + letters), the blank first.
    """

    def __init__(self, from_logits: bool = False, name: str = "ctc", **kwargs):
        super().__init__(name=name, **kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_pred = ops.cast(y_pred, "float32")
        # ctc_loss takes the softmax of what it is given, which leaves logarithms of probabilities as they are.
        scores = y_pred if self.from_logits else ops.log(ops.maximum(y_pred, _LEAST))
        letters = ops.cast(y_true, "int32")
        lengths = ops.sum(ops.cast(letters > BLANK, "int32"), axis=-1)
        steps = ops.full_like(lengths, y_pred.shape[1])
        return ops.ctc_loss(letters, scores, lengths, steps, mask_index=BLANK)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}
