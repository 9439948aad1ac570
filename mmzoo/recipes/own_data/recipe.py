"""Hyper-parameters of a training on own data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

from mmzoo.recipes.recipe import Training
from mmzoo.recipes.running.arms import Arm


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

    def training_for(self, rows: int) -> Training:
        """The hyper-parameters for so many training rows."""
        epochs = self.epochs_for(rows)
        return Training(
            epochs=epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            label_smoothing=self.label_smoothing,
            class_weight=self.class_weight,
            patience=max(3, round(self.patience * epochs)),
            restore_best=True,
            dropout=self.dropout,
            modality_dropout=self.modality_dropout,
        )

    def build(self, data, arm: Arm, seed: int):
        """A fresh model of an arm's inputs.

        Args:
            data: the `TableData`.
            arm: which inputs, and what else is other than here.
            seed: of the initial weights.
        """
        from mmzoo.models.multimodal import build_multimodal_model

        schema = dataclasses.replace(data.schema, inputs={name: data.schema.inputs[name] for name in arm.inputs})
        keywords = {"fusion": self.fusion, **arm.builder}
        return build_multimodal_model(
            schema,
            size=self.size,
            text={name: preset for name, preset in data.presets.items() if name in arm.inputs} or None,
            image=self.image,
            finetune=self.finetune,
            modality_dropout=self.modality_dropout,
            dropout=self.dropout,
            seed=seed,
            **keywords,
        )
