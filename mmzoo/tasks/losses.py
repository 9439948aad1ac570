"""Losses: of values on the head's own scale, weighed by a learned uncertainty, of texts read off or written step by
step, of vectors that belong together, and of parts of a text.

All but those of texts and spans look into the model. In a compiled model's `.keras` file they hold the figures of the
layers they look into, so that the model, loaded again, evaluates as before. There they are no more the model's own:
`mmzoo.fit` compiles anew.

They keep their layer in a function: a file holds its weights once, with the model, and Keras would look for them here.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from mmzoo.layers import PairedVectors, TaskUncertainty, ValueScaling
from mmzoo.schema.outputs.sentence import FIRST
from mmzoo.schema.outputs.transcript import BLANK

# A probability of 0 has no logarithm.
_LEAST = 1e-7
# That of a step is bounded, see `mmzoo.layers.StepSoftmax`, and never less than this.
_LEAST_STEP = 1e-30


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


@keras.saving.register_keras_serializable(package="mmzoo")
class StepCrossEntropy(keras.losses.Loss):
    """The mean cross-entropy of a sentence's steps, those left out that hold padding or a word that nobody knows.

    Args:
        from_logits: whether the model gives logits.

    Call arguments:
        y_true: (B, T), places in the vocabulary.
        y_pred: float (B, T, V).
    """

    def __init__(self, from_logits: bool = False, name: str = "step_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)
        self.from_logits = from_logits

    def call(self, y_true, y_pred):
        y_pred, places = ops.cast(y_pred, "float32"), ops.cast(y_true, "int32")
        scores = ops.log_softmax(y_pred, axis=-1) if self.from_logits else ops.log(ops.maximum(y_pred, _LEAST))
        right = ops.squeeze(ops.take_along_axis(scores, ops.expand_dims(places, -1), axis=-1), -1)
        counts = ops.cast(places >= FIRST, "float32")
        return -ops.sum(right * counts, axis=-1) / ops.maximum(ops.sum(counts, axis=-1), 1.0)

    def get_config(self):
        return {**super().get_config(), "from_logits": self.from_logits}


def clip_loss(first, second, scale, numbers=None):
    """The in-batch loss of CLIP: of all in the batch, find what belongs to each (Radford et al., ICML 2021, figure 3).

    Args:
        first, second: unit vectors, float (B, D).
        scale: one over the temperature.
        numbers: int (B,), rows of one number belong together and share the probability, and a row of less than 0
            belongs to none and is nobody's wrong answer; None: row i of one belongs to row i of the other.

    Returns:
        float (B,): the mean of both directions' cross-entropy.
    """
    belongs, counts = _belonging(first, numbers)
    scores = scale * ops.matmul(first, ops.transpose(second))
    scores = ops.where(counts, scores, ops.full_like(scores, -1e9))
    share = belongs / ops.maximum(ops.sum(belongs, axis=1, keepdims=True), 1.0)
    there = -ops.sum(share * ops.log_softmax(scores, axis=1), axis=1)
    back = -ops.sum(share * ops.log_softmax(ops.transpose(scores), axis=1), axis=1)
    return (there + back) / 2


def siglip_loss(first, second, scale, bias, numbers=None):
    """The in-batch loss of SigLIP: of each of one and each of the other, whether they belong together (Zhai et al.,
    "Sigmoid loss for language image pre-training", ICCV 2023).

    Args:
        first, second, scale, numbers: see `clip_loss`.
        bias: added to the similarities; -10 at first, as nearly all pairs don't belong together.

    Returns:
        float (B,): the sum over the batch's second ones.
    """
    belongs, counts = _belonging(first, numbers)
    scores = scale * ops.matmul(first, ops.transpose(second)) + bias
    each = ops.softplus(ops.where(belongs > 0, -scores, scores))
    return ops.sum(ops.where(counts, each, ops.zeros_like(each)), axis=1)


def _belonging(vectors, numbers):
    """(float (B, B): 1 where a row and a column belong together, bool (B, B): which say anything at all)."""
    size = ops.shape(vectors)[0]
    if numbers is None:
        return ops.eye(size), ops.ones((size, size), "bool")
    numbers = ops.reshape(ops.cast(numbers, "int32"), (-1,))
    given = numbers >= 0
    belongs = ops.logical_and(numbers[:, None] == numbers[None, :], given[:, None])
    # A row without a target compares with itself alone, which costs and teaches nothing.
    alone = ops.logical_and(ops.cast(ops.eye(size), "bool"), ops.logical_not(given)[:, None])
    counts = ops.logical_or(ops.logical_and(given[:, None], given[None, :]), alone)
    return ops.cast(ops.logical_or(belongs, alone), "float32"), counts


@keras.saving.register_keras_serializable(package="mmzoo")
class Contrastive(keras.losses.Loss):
    """The in-batch loss of a `Pair`, CLIP's or SigLIP's as its layer says.

    Args:
        vectors: the output's `PairedVectors`, which holds the temperature.

    Call arguments:
        y_true: int (B,), what belongs together, see `clip_loss`.
        y_pred: float (B, 2, D), unit vectors.
    """

    def __init__(self, vectors, name="contrastive", **kwargs):
        super().__init__(name=name, **kwargs)
        self._vectors = lambda: vectors

    def call(self, y_true, y_pred):
        vectors, y_pred = self._vectors(), ops.cast(y_pred, "float32")
        first, second = y_pred[:, 0], y_pred[:, 1]
        if vectors.loss == "siglip":
            return siglip_loss(first, second, vectors.scale, ops.cast(vectors.bias, "float32"), y_true)
        return clip_loss(first, second, vectors.scale, y_true)

    def get_config(self):
        vectors = self._vectors()
        weights = [float(value) for value in vectors.get_weights()]
        return {**super().get_config(), "vectors": vectors.get_config(), "weights": weights}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        vectors, weights = PairedVectors.from_config(config.pop("vectors")), config.pop("weights")
        vectors.build(None)
        vectors.set_weights([np.float32(value) for value in weights])
        return cls(vectors, **config)


@keras.saving.register_keras_serializable(package="mmzoo")
class SpanCrossEntropy(keras.losses.Loss):
    """Minus the log of the probability of the right first step and of the right last one.

    Call arguments:
        y_true: int (B, 2), first and last step; -1 teaches nothing.
        y_pred: float (B, T, 2), probabilities; each column sums to 1.
    """

    def __init__(self, name="span_cross_entropy", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        logs = ops.log(ops.maximum(ops.cast(y_pred, "float32"), _LEAST_STEP))
        # Of -1 a row of zeros.
        right = ops.one_hot(ops.cast(y_true, "int32"), y_pred.shape[1], axis=1)
        return -ops.sum(right * logs, axis=(1, 2))


@keras.saving.register_keras_serializable(package="mmzoo")
class PixelError(keras.losses.Loss):
    """Squared error of all pixels of a picture, one number a sample.

    Call arguments:
        y_true, y_pred: float (B, H, W, C), 0..1.
    """

    def __init__(self, name="pixel_error", **kwargs):
        super().__init__(name=name, **kwargs)

    def call(self, y_true, y_pred):
        return ops.mean(ops.square(ops.cast(y_pred, "float32") - ops.cast(y_true, "float32")), axis=(1, 2, 3))
