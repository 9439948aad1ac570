"""Losses: of values on the head's own scale, weighed by a learned uncertainty, and of texts read off step by step.

The first two look into the model. In a compiled model's `.keras` file they hold the figures of the layers they look
into, so that the model, loaded again, evaluates as before. There they are no more the model's own: `mmzoo.fit` compiles
anew.

They keep their layer in a function: a file holds its weights once, with the model, and Keras would look for them here.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.layers import TaskUncertainty, ValueScaling
from mmzoo.schema.outputs.transcript import BLANK

# A probability of 0 has no logarithm.
_LEAST = 1e-7


@keras.saving.register_keras_serializable(package="mmzoo")
class ScaledSquaredError(keras.losses.Loss):
    """Squared error on the scale of a `ValueScaling`, so that a price in rupees weighs no more than one in euros.

    Args:
        scaling: the output's layer.

    Call arguments:
        y_true, y_pred: float (B, 1), in the value's own unit.
    """

    def __init__(self, scaling, name="scaled_squared_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self._scaling = lambda: scaling

    def call(self, y_true, y_pred):
        scaling = self._scaling()
        difference = scaling.normalised(y_pred) - scaling.normalised(y_true)
        return ops.mean(ops.square(difference), axis=-1)

    def get_config(self):
        scaling = self._scaling()
        statistics = [float(value) for value in scaling.get_weights()]
        return {**super().get_config(), "scaling": scaling.get_config(), "statistics": statistics}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        scaling, statistics = ValueScaling.from_config(config.pop("scaling")), config.pop("statistics")
        scaling.build((None, 1))
        scaling.set_weights([np.float32(value) for value in statistics])
        return cls(scaling, **config)


@keras.saving.register_keras_serializable(package="mmzoo")
class UncertaintyWeighted(keras.losses.Loss):
    """A loss weighed by the output's learned log variance s: exp(-s) * loss + s / 2, for a `Value` half the first term.

    Weights of the samples weigh both terms, so that s tells what is uncertain whatever the weights' scale.

    Source: Kendall, Gal & Cipolla, "Multi-task learning using uncertainty to weigh losses", CVPR 2018, equations 7, 10.

    Args:
        loss: the loss, a `keras.losses.Loss` or a function of `(y_true, y_pred)` that gives one number a sample.
        uncertainty: the output's `TaskUncertainty` layer.
        factor: 1 for classes, 1/2 for values.
    """

    def __init__(self, loss, uncertainty, factor=1.0, name="uncertainty_weighted", **kwargs):
        super().__init__(name=name, **{"reduction": getattr(loss, "reduction", "sum_over_batch_size"), **kwargs})
        self.loss, self.factor = loss, factor
        self._uncertainty = lambda: uncertainty

    def call(self, y_true, y_pred):
        log_variance = ops.cast(self._uncertainty().log_variance, "float32")
        # Of a Loss the figures of the samples, before it reduces them.
        each = self.loss.call if isinstance(self.loss, keras.losses.Loss) else self.loss
        return self.factor * ops.exp(-log_variance) * each(y_true, y_pred) + log_variance / 2

    def get_config(self):
        return {
            **super().get_config(),
            "loss": keras.saving.serialize_keras_object(self.loss),
            "log_variance": float(ops.convert_to_numpy(self._uncertainty().log_variance)),
            "factor": self.factor,
        }

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        loss, log_variance = keras.saving.deserialize_keras_object(config.pop("loss")), config.pop("log_variance")
        uncertainty = TaskUncertainty()
        uncertainty.build((None, 1))
        uncertainty.log_variance.assign(log_variance)
        return cls(loss, uncertainty, **config)


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
