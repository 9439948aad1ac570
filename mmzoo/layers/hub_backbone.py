"""A backbone of keras-hub as one layer, frozen, with LoRA factors, or trained as a whole."""

from __future__ import annotations

import functools

import keras
from keras import layers, ops

FINETUNE = ("frozen", "lora", "full")
# What the layers of a branch are called, behind the input's name: the backbone, and the mean of all that it reads.
BACKBONE, POOLED = "_backbone", "_pooled"
# Of the rate that suits fresh layers (3e-3 in `mmzoo.fit`): BERT as a whole is tuned at 2e-5 to 5e-5 (Devlin et al.
# 2019), LoRA factors at ten times that (Schulman et al., "LoRA without regret", 2025).
_RATE_FACTORS = {"frozen": 1.0, "lora": 0.1, "full": 0.01}


@keras.saving.register_keras_serializable(package="mmzoo")
class HubBackbone(layers.Layer):
    """Runs a `keras_hub.models.Backbone`, and says which of its weights learn.

    A `.keras` file holds all of it, so the preset's folder is needed no more; loading imports keras-hub only where the
    file names this layer. Unlike Keras' own files, which merge LoRA factors into the kernels and load both factors as
    zeros (from where no gradient flows), this one's keep kernels and factors apart, as they were.

    It gives what the backbone gives; of several outputs that at each step of a text, "sequence_output".

    Args:
        backbone: the `keras_hub.models.Backbone`; the layer changes which of its weights are trainable.
        finetune: "frozen": nothing learns, and the backbone runs in inference mode also while the rest trains (no
            dropout, BatchNorm statistics as they are). "lora": pairs of low-rank factors beside kernels learn (Hu et
            al., "LoRA", ICLR 2022), in attention those of queries and values, in a network without attention those of
            all convolutions and dense layers. "full": everything learns.
        lora_rank: rank of the factors.

    Raises:
        ValueError: an unknown `finetune`, a rank below 1, or a backbone without a layer that takes factors.
    """

    def __init__(self, backbone, finetune: str = "frozen", lora_rank: int = 4, **kwargs):
        super().__init__(**kwargs)
        if finetune not in FINETUNE:
            raise ValueError(f"finetune: expected one of {list(FINETUNE)}, got {finetune!r}")
        if isinstance(lora_rank, bool) or not isinstance(lora_rank, int) or lora_rank < 1:
            raise ValueError(f"lora_rank: expected a whole number of at least 1, got {lora_rank!r}")
        self.backbone, self.finetune, self.lora_rank = backbone, finetune, lora_rank
        if finetune == "lora":
            _enable_lora(backbone, lora_rank)
        else:
            backbone.trainable = finetune == "full"
        for part in backbone._flatten_layers():
            if part.name == "pooled_dense":
                # A transformer's summary of the whole text; nothing here reads it, so there is nothing to learn from.
                part.trainable = False
        self.built = True

    def call(self, inputs, training=None):
        outputs = self.backbone(inputs, training=False if self.finetune == "frozen" else training)
        return outputs["sequence_output"] if isinstance(outputs, dict) else outputs

    @property
    def rate_factor(self) -> float:
        """The fraction of the learning rate of fresh layers that the trainable weights should learn at."""
        return _RATE_FACTORS[self.finetune]

    @property
    def attends(self) -> bool:
        """Whether the backbone is a transformer."""
        return any("Attention" in type(part).__name__ for part in self.backbone._flatten_layers())

    def merged_weights(self) -> list:
        """The weights of the same layer without LoRA: factors multiplied out and added to their kernels."""
        merged = {id(part._kernel): part for part in self.backbone._flatten_layers() if _has_factors(part)}
        return [
            ops.convert_to_numpy(merged[id(variable)].kernel if id(variable) in merged else variable)
            for variable in self.backbone.weights
            if not variable.name.startswith("lora_kernel")
        ]

    def get_config(self):
        return {
            **super().get_config(),
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "finetune": self.finetune,
            "lora_rank": self.lora_rank,
        }

    @classmethod
    def from_config(cls, config):
        # Registers the backbone's class; here, so that only files that hold one pull it in.
        import keras_hub

        config = dict(config)
        backbone = keras.saving.deserialize_keras_object(config.pop("backbone"))
        if not isinstance(backbone, keras_hub.models.Backbone):
            raise ValueError(f"backbone: expected one of keras-hub, got a {type(backbone).__name__}")
        return cls(backbone, **config)


def _enable_lora(backbone, rank):
    takers = [part for part in backbone._flatten_layers(include_self=False) if _takes_factors(part)]
    attention = set(backbone.default_lora_layer_names())
    names = {part.name for part in takers if part.name in attention} or {part.name for part in takers}
    if not names:
        raise ValueError(
            f"finetune='lora': {type(backbone).__name__} has no layer that takes LoRA factors; use 'frozen' or 'full'"
        )
    backbone.enable_lora(rank, target_layer_names=sorted(names))
    for part in backbone._flatten_layers(include_self=False):
        if _has_factors(part):
            if part.bias is not None:
                # Keras lets the biases of these layers learn; LoRA is about the factors alone.
                part.bias.trainable = False
            # The plain methods keep the weights apart in a file, which those of the class merge.
            part.save_own_variables = functools.partial(layers.Layer.save_own_variables, part)
            part.load_own_variables = functools.partial(layers.Layer.load_own_variables, part)


def _takes_factors(part):
    # An embedding takes factors too, but a vocabulary is no projection.
    return hasattr(part, "enable_lora") and part.weights and not isinstance(part, layers.Embedding)


def _has_factors(part):
    return getattr(part, "lora_enabled", False)
