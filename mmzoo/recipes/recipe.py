"""`Recipe`: a builder, its data sets, and how each size is trained. The machine is `mmzoo.recipes.running`.

A recipe is one file in mmzoo/recipes/zoo/ with a `RECIPE` of the file's name; its docstring records what was run, on
what, how long, and what came of it. It imports neither TensorFlow nor Keras until one of its functions is called, so
that `mmzoo train NAME -h` answers at once.
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmzoo.data.samples.samples import DataSet, Option, Samples
from mmzoo.schema import Schema

if TYPE_CHECKING:
    from mmzoo.recipes.running.recording.record import RunRecord

Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """Hyper-parameters of a training; a recipe that has more of its own derives a class from it.

    Attributes:
        epochs: passes over the training rows.
        batch_size: samples a step.
        learning_rate: peak of the schedule (AdamW; warm-up, then cosine decay).
        weight_decay: of AdamW.
        warmup_epochs: length of the warm-up.
        label_smoothing: share of the target spread over all classes.
        class_weight: None, "sqrt" or "balanced": rare classes count more.
        ema: momentum of the average of the weights, or None.
        patience: epochs without a better figure before training stops, or None.
        restore_best: take the best epoch's weights instead of the last one's.
        choosing: with `patience` or `restore_best`: the share of the training rows (whole groups) that is set apart to
            choose by, as the rows that are measured on are used for no choice.
        dropout: dropout rate before the heads; None: the builder's own.
        modality_dropout: how often each input is hidden, one rate or by name; None: the builder's own.
        augmentation: keywords of `mmzoo.data.augmentation.ImageAugmentation` for the pictures; None: as they are.
        auxiliary: how much it counts, while training, what each input says alone, see `mmzoo.fit`; None: nothing.
        alignment: the same of the contrast between the vectors of a row's inputs.
        stages: None: trained as a whole; else further keywords of `mmzoo.training.fit_stagewise`, {} for its own: each
            branch alone for `epochs` (or {"epochs": {input: epochs}}), then the fusion, then all. Arms of one input are
            trained as a whole in any case.
        builder: more keywords of the builder that belong to the size.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.0
    class_weight: str | None = None
    ema: float | None = None
    patience: int | None = None
    restore_best: bool = False
    choosing: float = 0.1
    dropout: float | None = None
    modality_dropout: float | Mapping[str, float] | None = None
    augmentation: Mapping[str, float] | None = None
    auxiliary: float | None = None
    alignment: float | None = None
    stages: Mapping[str, Any] | None = None
    builder: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def chooses(self) -> bool:
        """Whether the epoch that is kept is chosen by a figure."""
        return self.restore_best or self.patience is not None

    def for_builder(self, inputs: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Keywords of the builder, for a model of some inputs; None: of all."""
        keywords = dict(self.builder)
        if self.dropout is not None:
            keywords["dropout"] = self.dropout
        if isinstance(self.modality_dropout, Mapping):
            rates = self.modality_dropout.items()
            keywords["modality_dropout"] = {name: rate for name, rate in rates if inputs is None or name in inputs}
        elif self.modality_dropout is not None:
            keywords["modality_dropout"] = self.modality_dropout
        return keywords

    def for_fit(self, inputs: tuple[str, ...] | None = None) -> dict[str, Any]:
        """Keywords of `mmzoo.fit`, for a model of some inputs; None: of all."""
        names = ("epochs", "learning_rate", "weight_decay", "warmup_epochs", "label_smoothing", "class_weight", "ema")
        # Of one input there is nothing to balance.
        joining = ("auxiliary", "alignment") if inputs is None or len(inputs) > 1 else ()
        return {name: getattr(self, name) for name in (*names, "patience", "restore_best", *joining)}

    def for_stages(self, inputs: tuple[str, ...]) -> dict[str, Any] | None:
        """Keywords of `fit_stagewise` beside those of `mmzoo.fit`, for a model of some inputs; None: as a whole."""
        if self.stages is None or len(inputs) < 2:
            return None
        keywords = dict(self.stages)
        if isinstance(keywords.get("epochs"), Mapping):
            keywords["epochs"] = {name: number for name, number in keywords["epochs"].items() if name in inputs}
        return keywords


@dataclasses.dataclass(frozen=True)
class EpochContext:
    """What `Recipe.epoch_data` is told of the training it makes batches for.

    Attributes:
        schema: of the model of all inputs.
        inputs: names of those that the model has; an arm has some of them only.
        samples: the training rows, with all inputs.
        training: hyper-parameters.
        data: name of the data set.
        seed: of everything random.
        options: the recipe's own options.
    """

    schema: Schema
    inputs: tuple[str, ...]
    samples: Samples
    training: Training
    data: str
    seed: int
    options: Mapping[str, Any]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model of the zoo is made.

    Attributes:
        name: of the model; its builder is registered by it.
        data: name of a data set -> the data set; the first is the one meant where none is named.
        training: size -> hyper-parameters.
        about: what the model does, a sentence or two for its card.
        limits: what it doesn't do, for its card.
        arms: name -> inputs of the models that are trained beside the one of all inputs; None: each input alone.
        concat: whether plain concatenation stands beside the arms; not of a model that joins nothing.
        controls: inputs that might be decoration, or several that tell the same: with the arms, a model is trained with
            them shuffled between samples.
        baselines: name -> function (training samples, measured samples, schema) -> {output: predictions (N, *shape)}:
            what a sceptic would try first, on the same rows; None where it makes no sense on them.
        builder_options: keywords of the builder that the user may give.
        options: what else the user may give, for the hooks below.
        build: the builder; None: the registered one. It takes `size`, `weights`, `seed`, the builder options, and what
            a `Training` has for it; how an arm comes to have some inputs only, see `mmzoo.fusion.arm`.
        learner: hook (schema, size=, seed=, keywords of the builder) -> the model without its frozen encoders, for a
            schema that has a `Vector` of features in place of what these read; they are then computed once a row. None:
            the whole model runs in every epoch.
        adjust: hook (hyper-parameters, name of the data set) -> hyper-parameters as that data wants them.
        from_rows: hook (folder of the data, name of the data set, hyper-parameters) -> keywords of the builder that
            rest on the data, such as the words of their captions, of training rows alone, or the items there are.
        epoch_data: hook (`EpochContext`) -> function of the epoch that gives its batches, as `mmzoo.fit` takes it;
            None: shuffled, changed as `augment` says. What an arm has no input for is left out of the batches.
        augment: hook (`EpochContext`) -> random changes of the batches, see `mmzoo.data.pipeline.from_arrays`; None:
            of the pictures, as the training's `augmentation` says.
        watch: hook (schema, inputs, targets) -> (inputs, targets) that training watches; None: all there is.
        failures: name -> what a failing sensor makes of a picture input, for the missing-input table.
        card_sections: hook (record of the run) -> paragraphs for the card, behind its figures.
        bare: hook (model, size) -> a Keras model of the same layers without mmzoo around them, for `mmzoo bench`.
        shown: arm in results.csv -> what it is called in the README's table; None: all inputs, the other arms and the
            baselines.
        shown_figures: metrics that stand in the README's table; None: those that each kind of output has for it.
    """

    name: str
    data: Mapping[str, DataSet]
    training: Mapping[str, Training]
    about: str
    limits: str
    arms: Mapping[str, tuple[str, ...]] | None = None
    concat: bool = True
    controls: tuple[str | tuple[str, ...], ...] = ()
    baselines: Mapping[str, Callable[[Samples, Samples, Schema], Mapping[str, np.ndarray] | None]] = dataclasses.field(
        default_factory=dict
    )
    builder_options: Mapping[str, Option] = dataclasses.field(default_factory=dict)
    options: Mapping[str, Option] = dataclasses.field(default_factory=dict)
    build: Callable | None = None
    learner: Callable[..., Any] | None = None
    adjust: Callable[[Training, str], Training] | None = None
    from_rows: Callable[[pathlib.Path, str, Training], Mapping[str, Any]] | None = None
    epoch_data: Callable[[EpochContext], Callable[[int], Any]] | None = None
    augment: Callable[[EpochContext], Sequence[Callable]] | None = None
    watch: Callable[[Schema, Arrays, Arrays], tuple[Arrays, Arrays]] | None = None
    failures: Mapping[str, Callable] = dataclasses.field(default_factory=dict)
    card_sections: Callable[[RunRecord], list[str]] | None = None
    bare: Callable[[Any, str], Any] | None = None
    shown: Mapping[str, str] | None = None
    shown_figures: tuple[str, ...] | None = None

    def builder(self) -> Callable:
        """The builder."""
        from mmzoo.models.registry import get_builder

        return self.build or get_builder(self.name)

    def data_set(self, name: str | None) -> tuple[str, DataSet]:
        """(name, data set); None is the first.

        Raises:
            ValueError: there is no such data set; the message lists those there are.
        """
        name = next(iter(self.data)) if name is None else name
        if name not in self.data:
            raise ValueError(f"data: expected one of {list(self.data)}, got {name!r}")
        return name, self.data[name]

    def training_for(self, size: str, data: str, epochs: int | None = None) -> Training:
        """The hyper-parameters of a size as they are used on some data.

        Args:
            size: of the model.
            data: name of the data set.
            epochs: instead of the recipe's.

        Raises:
            ValueError: an unknown size; the message lists those there are.
        """
        if size not in self.training:
            raise ValueError(f"size: expected one of {list(self.training)}, got {size!r}")
        training = self.training[size]
        if epochs is not None:
            training = dataclasses.replace(training, epochs=epochs)
        return training if self.adjust is None else self.adjust(training, data)

    @property
    def default_size(self) -> str:
        """The size meant where none is named: "small", or the first."""
        return "small" if "small" in self.training else next(iter(self.training))
