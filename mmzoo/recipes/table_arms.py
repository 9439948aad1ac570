"""The arms of a training on own data: all inputs, each input alone, plain concatenation, and scikit-learn."""

from __future__ import annotations

import dataclasses
import json
import pathlib
from collections.abc import Callable, Mapping

import pandas as pd

from mmzoo.schema import Schema

ALL = "all inputs"
CONCAT = "all inputs, concatenated"
COLUMNS = ("seed", "arm", "output", "metric", "value", "samples", "parameters")


@dataclasses.dataclass(frozen=True)
class TableRecipe:
    """Hyper-parameters of a training on own data.

    Attributes:
        size, fusion, text, image, finetune: see `build_multimodal_model`.
        epochs: passes over the training rows; None: some 1,000 steps, at least 20 and at most 50 epochs.
        batch_size: rows a step.
        learning_rate: peak of the schedule (AdamW; warm-up, then cosine decay).
        weight_decay: of AdamW.
        label_smoothing: share of the target spread over all classes.
        class_weight: None, "sqrt" or "balanced".
        modality_dropout: how often each input is hidden while training.
        dropout: dropout rate before the heads.
        patience: epochs without a better validation figure before training stops, as a share of all epochs.
    """

    size: str = "small"
    fusion: str | Callable = "attention"
    text: str | Mapping[str, str] = "ngrams"
    image: str = "separable"
    finetune: str = "frozen"
    epochs: int | None = None
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    class_weight: str | None = None
    modality_dropout: float = 0.2
    dropout: float = 0.3
    patience: float = 0.35

    def epochs_for(self, rows: int) -> int:
        """Epochs for so many training rows."""
        return self.epochs or min(50, max(20, round(1_000 * self.batch_size / rows)))


def arms_of(schema: Schema, recipe: TableRecipe, alone: bool) -> dict[str, tuple[tuple[str, ...], str | Callable]]:
    """Arm -> (its inputs, its fusion); the first is the model that is exported.

    Args:
        schema: inputs and outputs.
        recipe: hyper-parameters.
        alone: also each input alone and plain concatenation.
    """
    names = tuple(schema.inputs)
    arms = {ALL: (names, recipe.fusion)}
    if alone and len(names) > 1:
        if recipe.fusion != "concat":
            arms[CONCAT] = (names, "concat")
        arms |= {f"{name} alone": ((name,), recipe.fusion) for name in names}
    return arms


def train_arm(data, names, fusion, recipe: TableRecipe, *, seed: int, out: pathlib.Path, callbacks=()):
    """Builds and trains one arm; called again after an interruption, it goes on.

    Args:
        data: the `TableData`.
        names: the arm's inputs.
        fusion: its fusion.
        recipe: hyper-parameters.
        seed: of everything random.
        out: folder of the training.
        callbacks: Keras callbacks.

    Returns:
        The model with the best weights by validation.
    """
    import mmzoo
    from mmzoo.models.multimodal import build_multimodal_model

    schema = Schema(data.schema.name, {name: data.schema.inputs[name] for name in names}, data.schema.outputs)
    model = build_multimodal_model(
        schema,
        size=recipe.size,
        fusion=fusion,
        text={name: preset for name, preset in data.presets.items() if name in names} or None,
        image=recipe.image,
        finetune=recipe.finetune,
        modality_dropout=recipe.modality_dropout,
        dropout=recipe.dropout,
        seed=seed,
    )
    epochs = recipe.epochs_for(data.count("train"))
    mmzoo.fit(
        model,
        data.batches(names, batch_size=recipe.batch_size, seed=seed),
        data.part("validation", names),
        epochs=epochs,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        label_smoothing=recipe.label_smoothing,
        class_weight=recipe.class_weight,
        patience=max(3, round(recipe.patience * epochs)),
        out=out,
        seed=seed,
        verbose=0,
        callbacks=callbacks,
    )
    return model


def measured(model, data, split: str) -> dict[str, dict[str, float]]:
    """Output -> metric -> value of a model on a split."""
    from mmzoo.evaluation import measure_outputs
    from mmzoo.evaluation.arrays import predict_arrays

    inputs, targets = data.part(split, model.schema.inputs)
    predicted = predict_arrays(model, inputs, batch_size=256)
    return measure_outputs(model.schema, targets, predicted)


class ArmsTable:
    """The figures of all arms on the test rows, kept in a CSV file, so that an interrupted run goes on.

    Args:
        path: arms.csv.
        settings: what makes the run what it is; figures of other settings are not taken over.
    """

    def __init__(self, path: pathlib.Path, settings: Mapping):
        self._path, self._about = path, path.with_suffix(".json")
        text = json.dumps(settings, sort_keys=True, default=str)
        if path.is_file() and self._about.is_file() and self._about.read_text(encoding="utf-8") == text:
            self.table = pd.read_csv(path)
        else:
            self.table = pd.DataFrame(columns=list(COLUMNS))
            self._about.write_text(text, encoding="utf-8")

    def holds(self, seed: int, arm: str) -> bool:
        """Whether an arm was measured."""
        return bool(((self.table.seed == seed) & (self.table.arm == arm)).any())

    def add(self, seed: int, arm: str, figures: Mapping[str, Mapping[str, float]], samples: int, parameters) -> None:
        """Puts an arm's figures in: output -> metric -> value."""
        rows = [
            (seed, arm, output, metric, value, samples, parameters)
            for output, metrics in figures.items()
            for metric, value in metrics.items()
        ]
        new = pd.DataFrame(rows, columns=list(COLUMNS))
        self.table = new if self.table.empty else pd.concat([self.table, new], ignore_index=True)
        part = self._path.with_name(f".{self._path.name}.part")
        self.table.to_csv(part, index=False)
        part.replace(self._path)

    def summary(self, output: str, metric: str) -> pd.DataFrame:
        """One row an arm, in order: "mean", "deviation" (over the seeds, NaN for one), "seeds"."""
        rows = self.table[(self.table.output == output) & (self.table.metric == metric)]
        return rows.groupby("arm", sort=False).value.agg(mean="mean", deviation="std", seeds="count")
