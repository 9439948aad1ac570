"""Hyper-parameters of a training on own data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mmzoo.recipes.recipe import Training
from mmzoo.recipes.running.arms import Arm
from mmzoo.schema import Audio, Image, Schema, Text

if TYPE_CHECKING:
    from mmzoo.recipes.own_data.frozen import Features

AUTO = "auto"
# How inputs are read that no pretrained encoder reads.
SCRATCH = {"image": "separable", "text": "ngrams"}
# Steps of a training: of pictures from scratch, of what learns behind frozen encoders, and of all else.
_PHOTO_STEPS, _FEATURE_STEPS, _STEPS = 5_000, 2_500, 1_000
_MOST_EPOCHS = {_PHOTO_STEPS: 120, _FEATURE_STEPS: 80, _STEPS: 50}
# Where pictures are read from scratch, the weights are averaged over about this share of the training.
_AVERAGED = 0.05


@dataclasses.dataclass(frozen=True)
class TableRecipe:
    """Hyper-parameters of a training on own data.

    Attributes:
        size, fusion, finetune: see `build_multimodal_model`.
        text, image: the same, or "auto": a pretrained encoder where that is better, see
            `mmzoo.recipes.own_data.choice`.
        audio: see `build_multimodal_model`.
        encoders: which pretrained encoder "auto" tries for an "image" and a "text".
        epochs: passes over the training rows; None: as many as `steps` needs, at least 20.
        steps: of the optimizer; None: by what learns: pictures from scratch take the most.
        batch_size: rows a step.
        learning_rate: peak of the schedule (AdamW; warm-up, then cosine decay).
        weight_decay: of AdamW.
        label_smoothing: share of the target spread over all classes.
        class_weight: None, "sqrt", "balanced", or "auto": what the inspection proposes for skewed classes.
        ema: momentum of the average of the weights; None: where pictures are read from scratch.
        modality_dropout: how often each input is hidden while training.
        dropout: dropout rate before the heads.
        patience: epochs without a better validation figure before training stops, as a share of all epochs.
    """

    size: str = "small"
    fusion: str | Callable = "attention"
    text: str | Mapping[str, str] = AUTO
    image: str = AUTO
    audio: str = "spectrogram"
    finetune: str = "frozen"
    encoders: Mapping[str, str] = dataclasses.field(
        default_factory=lambda: {"image": "efficientnet_lite0", "text": "minilm"}
    )
    epochs: int | None = None
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    label_smoothing: float = 0.05
    class_weight: str | None = AUTO
    ema: float | None = None
    modality_dropout: float = 0.2
    dropout: float = 0.3
    patience: float = 0.35

    def epochs_for(self, rows: int) -> int:
        """Epochs for so many training rows."""
        steps = self.steps or _STEPS
        return self.epochs or min(_MOST_EPOCHS.get(steps, 200), max(20, round(steps * self.batch_size / rows)))

    def _momentum(self, steps):
        """Of the average of the weights in a training of so many steps; None where there is none."""
        # A few epochs, asked for by the user, are too short to average over.
        if self.steps != _PHOTO_STEPS or self.epochs is not None or steps < 10 / _AVERAGED:
            return None
        return round(1 - 1 / (_AVERAGED * steps), 4)

    def from_scratch_where_auto(self) -> TableRecipe:
        """The recipe with everything from scratch that is still to be decided."""
        return dataclasses.replace(
            self, **{kind: own for kind, own in SCRATCH.items() if isinstance(getattr(self, kind), str)
                     and getattr(self, kind) == AUTO}
        )  # fmt: skip

    def scheduled_for(self, schema: Schema) -> TableRecipe:
        """The recipe with its steps, by what is to learn.

        Args:
            schema: of the data.
        """
        from mmzoo.branches.table import is_image_preset

        pictures = bool(schema.of_kind(Image))
        fresh = pictures and not is_image_preset(self.image)
        encoded = self.finetune == "frozen" and not fresh and (pictures or self.reads_texts_pretrained(schema))
        steps = _PHOTO_STEPS if fresh else _FEATURE_STEPS if encoded else _STEPS
        return dataclasses.replace(self, steps=self.steps or steps)

    def reads_texts_pretrained(self, schema: Schema) -> bool:
        """Whether any text is read by a pretrained encoder."""
        return bool(self._text_encoders(schema))

    def encoders_of(self, schema: Schema) -> tuple[str, ...]:
        """The pretrained encoders that read a schema's inputs; () where all is from scratch."""
        from mmzoo.branches.table import is_image_preset

        found = [self.image] if schema.of_kind(Image) and is_image_preset(self.image) else []
        found += [self.audio] if schema.of_kind(Audio) and self.audio != "spectrogram" else []
        return tuple(dict.fromkeys([*map(str, found), *self._text_encoders(schema)]))

    def _text_encoders(self, schema):
        names = schema.of_kind(Text)
        options = (
            [self.text.get(name) for name in names] if isinstance(self.text, Mapping) else [self.text] * len(names)
        )
        return [str(option) for option in options if option not in (None, "bytes", "ngrams", "wordpiece")]

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
            ema=self.ema or self._momentum(epochs * rows / self.batch_size),
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
            audio=self.audio,
            finetune=self.finetune,
            modality_dropout=self.modality_dropout,
            dropout=self.dropout,
            seed=seed,
            **keywords,
        )

    def learner(self, features: Features) -> Callable:
        """What trains an arm behind frozen encoders; see `mmzoo.recipes.running.arm_runs.Plan`.

        Args:
            features: makes their features, once.
        """
        from mmzoo.presets import identity_of

        def learner(model, data, arm: Arm, seed: int):
            sounds = dict.fromkeys(model.schema.of_kind(Audio), self.audio)
            presets = {**dict.fromkeys(model.schema.of_kind(Image), self.image), **sounds, **data.presets}
            known = {name: identity_of(preset) for name, preset in presets.items()}
            seen = features.seen_by(model, data, known)
            return (model, data) if seen is None else (self.build(seen, arm, seed), seen)

        return learner
