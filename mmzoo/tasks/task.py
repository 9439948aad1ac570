"""`Task`, the class that every kind of output has one of."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmzoo.schema import Output
from mmzoo.tasks.figure import Figure


class Task(abc.ABC):
    """What a kind of output means. Stateless; everything it needs to know of one output is in the output itself.

    What is measured and shown gets the model's output as `reduce` leaves it, and leaves samples without a target out.

    Attributes:
        figures: all metrics of the kind, the headline first; `measure` gives those that make sense for the output.
        loss_factor: of the loss under learned weights, see `mmzoo.tasks.losses.UncertaintyWeighted`: 1 for a log
            likelihood, 1/2 for a squared error.
        monitor: what decides which epoch is the best where the output is all there is to predict.
        weighs_classes: its targets are one-hot rows, so that `class_weight` may weigh its classes.
        spreads_probability: its output, where it gives probabilities, spreads 1 over the last axis, as its kind's
            `classes` do where it has them.
        picture_file: the file name, <picture_file>_<output>.png, that an evaluation writes its picture to; "": none.
        no_head: why nothing leads from a fused vector to the output, so that its model makes it itself; "": something
            does.
    """

    figures: tuple[Figure, ...]
    loss_factor: float = 1.0
    monitor: str = "val_loss"
    weighs_classes: bool = False
    spreads_probability: bool = False
    picture_file: str = ""
    no_head: str = ""

    @property
    def headline(self) -> Figure:
        """The figure that a table of many cases shows."""
        return self.figures[0]

    # Making ----------------------------------------------------------------------------------------------------------

    def head(self, output: Output, features: Any, name: str, *, dropout: float = 0.0) -> Any:
        """New layers from the fused vector, float (B, D), to the logits, float (B, *output.shape).

        Of a kind that is given its beginning (`Modality.teacher`) it also takes `begun`, the tensor of that input.

        Args:
            output: its description.
            features: the vector, dropout applied already.
            name: of the layers, or what their names begin with.
            dropout: for heads with layers of their own.

        Raises:
            NotImplementedError: the output isn't made of a fused vector, see `no_head`.
        """
        if self.no_head:
            raise NotImplementedError(f"a {type(output).__name__} has no head behind a fusion: {self.no_head}")
        import math

        from keras import layers

        logits = layers.Dense(math.prod(output.shape), name=name)(features)
        return logits if len(output.shape) == 1 else layers.Reshape(output.shape, name=f"{name}_shape")(logits)

    def activation(self, output: Output, name: str, classifier_activation: str | None) -> Any:
        """What turns logits into the output, applied once after the fusion: a name of Keras', or a layer.

        Args:
            output: its description.
            name: of the output.
            classifier_activation: what the builder was told for classes; None: logits.
        """
        return "linear"

    # Training --------------------------------------------------------------------------------------------------------

    @abc.abstractmethod
    def loss(self, model: Any, name: str, output: Output) -> Any:
        """The default Keras loss of an output of a model."""

    @abc.abstractmethod
    def fit_metrics(self, model: Any, name: str, output: Output) -> list:
        """The default Keras metrics while training."""

    @abc.abstractmethod
    def encode_targets(
        self, output: Output, targets: np.ndarray, place: str, label_smoothing: float = 0.0
    ) -> np.ndarray:
        """A batch of targets, checked, as the loss takes them: float32 (N, *shape). Rows without a target hold
        anything finite; their weight is 0.

        Raises:
            ValueError: targets that don't fit; the message begins with the place.
        """

    def taught(self, output: Output, targets: Any, said: Any, share: float) -> Any:
        """Targets with a share of what a teacher says mixed in; the targets alone where the kind has no such thing.

        Args:
            output: its description.
            targets: tensor (B, ...), as the data has them.
            said: the teacher's output, tensor (B, *shape).
            share: the teacher's share, 0..1.
        """
        return targets

    # Measuring -------------------------------------------------------------------------------------------------------

    def reduce(self, output: Output, predicted: np.ndarray) -> np.ndarray:
        """What is kept of a batch of predictions, (N, *shape) to (N, ...): of large ones only what `measure` needs."""
        return predicted

    @abc.abstractmethod
    def measure(self, output: Output, targets: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
        """Name -> value of those of `figures` that make sense for the output.

        Args:
            output: its description.
            targets: (N, ...), as the data has them.
            predicted: the model's output, float (N, *shape), as `reduce` leaves it.

        Raises:
            ValueError: no sample has a target.
        """

    def interval(self, output: Output, value: float, samples: int) -> tuple[float, float] | None:
        """95 % interval of the headline figure, as if samples were independent; None where there is no formula."""
        return None

    def trivial(self, output: Output, known: np.ndarray, targets: np.ndarray) -> str:
        """How good an answer is that looks at no input, in words; "" where there is no such thing.

        Args:
            output: its description.
            known: targets of the training data.
            targets: those to be judged on.
        """
        return ""

    def fit_baseline(
        self, output: Output, targets: np.ndarray, features: Any, make: Callable
    ) -> Callable[[Any], np.ndarray] | None:
        """Fits scikit-learn's answer to the same question; None where there is none.

        Args:
            output: its description.
            targets: all of them present.
            features: matrix (N, F).
            make: function `(is_regression) -> estimator`, not fitted.

        Returns:
            A function from features to predictions, (N, *shape).
        """
        return None

    # Showing ---------------------------------------------------------------------------------------------------------

    def report(self, output: Output, name: str, evaluation: Any) -> dict[str, Any]:
        """The output's section of report.html, as plain values; see `mmzoo.evaluation.report`."""
        return {}

    def picture(self, output: Output, targets: np.ndarray, predicted: np.ndarray, note: str) -> bytes | None:
        """A PNG that shows how good it is; None where there is none."""
        return None

    def tables(self, output: Output, targets: np.ndarray, predicted: np.ndarray) -> Mapping[str, Any]:
        """`pandas.DataFrame`s that an evaluation writes, each to <key>_<output>.csv."""
        return {}

    def prediction_cells(self, output: Output, target: np.ndarray, row: np.ndarray) -> tuple[Any, Any, Any]:
        """The cells "true", "predicted" and "score" of one sample in predictions.csv; "" where it has no target."""
        has_target = output.has_target(np.asarray(target)[None])[0]
        return np.asarray(target).tolist() if has_target else "", np.asarray(row).tolist(), ""

    def advice(self, output: Output, targets: np.ndarray, predicted: np.ndarray) -> str:
        """What to do next, from where the model is at its worst; "" where there is nothing to say."""
        return ""

    # Proving ---------------------------------------------------------------------------------------------------------

    def compared(self, output: Output, wanted: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What of a file's output is compared with the Keras model's, both (N, *shape): all of it, unless the kind goes
        on from choices of its own."""
        return wanted, values

    def parity(self, output: Output, wanted: np.ndarray, values: np.ndarray) -> Mapping[str, float | None]:
        """Figures of a written file beside those of all kinds; both (N, *shape), finite.

        Known names: argmax_agreement (share of equal answers), sure and sure_agreement (share of the samples where the
        Keras model is sure, and of equal answers among them), sum_error (how far probabilities are from a sum of 1),
        cosine (the least one of a vector and the Keras model's), pixel_difference (the mean one of all pixels, which
        8-bit files are then judged by).
        """
        return {}

    @property
    def parity_figure(self) -> Figure:
        """The figure that an 8-bit file may lose a little of: the headline."""
        return self.headline

    def measure_file(self, output: Output, targets: np.ndarray, values: np.ndarray, wanted: np.ndarray) -> float:
        """`parity_figure` of a file.

        Args:
            output: its description.
            targets: (N, ...), all of them present.
            values: what the file gives, (N, *shape).
            wanted: what the Keras model gives.
        """
        return self.measure(output, targets, self.reduce(output, values))[self.parity_figure.name]

    def scale(self, output: Output, largest: float) -> float:
        """What differences between a file and the Keras model are divided by.

        Args:
            output: its description.
            largest: the largest absolute value that the Keras model gives.
        """
        return max(1.0, largest)

    def same(self, output: Output, found: np.ndarray, expected: np.ndarray) -> bool:
        """Whether two rows of the model, (*shape), are the same answer."""
        return output.cells(found)[0] == output.cells(expected)[0]

    def golden_expected(self, output: Output, expected: np.ndarray) -> np.ndarray:
        """What golden vectors keep of the model's answers (N, *shape)."""
        return expected


def with_targets(output: Output, targets: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """The targets, and arrays of the same samples, of those samples only that have a target.

    Raises:
        ValueError: none has.
    """
    targets = np.asarray(targets)
    rows = output.has_target(targets)
    if not rows.any():
        raise ValueError(f"none of {len(targets)} samples has a target of this {type(output).__name__}")
    return targets[rows], *(np.asarray(array)[rows] for array in arrays)


def gives_logits(model: Any, output: str) -> bool:
    """Whether an output of a Keras model is linear, that is logits for a classifier."""
    import keras

    activation = getattr(model.output[model.schema.tensor_names[output]]._keras_history.operation, "activation", None)
    return activation is None or activation is keras.activations.linear
