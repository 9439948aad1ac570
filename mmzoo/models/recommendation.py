"""Recommendation: what a user has had, who she is and when it is, to what she will want next."""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Callable, Mapping, Sequence

from keras import layers

from mmzoo.branches import history_branch, item_embedding, sensor_branch
from mmzoo.fusion import fuse, wants_tokens
from mmzoo.models.parts.finish import finish
from mmzoo.models.parts.rates import rates_of
from mmzoo.models.parts.seeding import seeded
from mmzoo.models.registry import register
from mmzoo.models.schema_model import SchemaModel, keras_inputs
from mmzoo.models.schemas.recommendation import CONTEXT, ITEMS, USER, recommendation_schema
from mmzoo.schema import Sensors

READERS = {"gru4rec": "gru", "sasrec": "attention"}


@dataclasses.dataclass(frozen=True)
class _Size:
    length: int
    embedding: int
    width: int
    blocks: int
    max_parameters: int


# Of 100 items; each further one has `embedding` numbers more.
SIZES = {
    "nano": _Size(12, 24, 32, 1, 30_000),
    "small": _Size(32, 64, 64, 2, 120_000),
}


@register("recommendation")
@seeded
def build_recommendation_model(
    *,
    variant: str = "gru4rec",
    size: str = "small",
    items: Sequence[str] = ITEMS,
    length: int | None = None,
    user: Sensors | None = USER,
    context: Sensors | None = CONTEXT,
    fusion: str | Callable = "sum",
    weights: str | pathlib.Path | None = None,
    modality_dropout: float | Mapping[str, float] = 0.1,
    dropout: float = 0.2,
    item_dropout: float = 0.2,
    seed: int | None = None,
) -> SchemaModel:
    """Builds a model that ranks all items by how well they would come next.

    The vectors of the items that a user has had are those by which items are ranked (tied, as in both papers): one
    table, `keras.layers.ReversibleEmbedding`. A new user, whose history is missing, gets what fits all else.

    Inputs (B samples), any of which may be missing:
        history: int32 (B, T), 1 + the place in `items` of what the user has had, the newest last; 0 = padding in front.
        user: float32 (B, 3): age (years), gender, occupation (indices); missing: NaN.
        context: float32 (B, 2): time of day (degrees, 15 an hour), weekday (index); missing: NaN.
    Output:
        item: float32 (B, items), scores; higher is better. What the user has had is left out where it is decoded.

    Args:
        variant: "gru4rec", a GRU over the items (Hidasi et al., "Session-based recommendations with recurrent neural
            networks", ICLR 2016); or "sasrec", causal self-attention (Kang & McAuley, "Self-attentive sequential
            recommendation", ICDM 2018). Both learn by softmax over all items, where the papers drew a few.
        size: "nano" or "small".
        items: names of all that can be recommended.
        length: T; None: 32, nano 12.
        user, context: what is known of the user and of the moment; None: nothing.
        fusion: see `mmzoo.fusion`.
        weights: None, the name of weights that come with mmzoo, a .keras file, a .weights.h5 file or a bundle.
        modality_dropout: probability of hiding an input while training, one for all or by input name.
        dropout: dropout rate before the head.
        item_dropout: dropout rate of the items' vectors, and inside the attention.
        seed: seed of the initial weights and of what is random in training, without touching the global seed.

    Returns:
        A `keras.Model` (`SchemaModel`, uncompiled) with a `schema`.

    Raises:
        ValueError: an unknown variant, size or fusion, items that are no names, or weights of another architecture.

    >>> model = build_recommendation_model(size="nano", items=("tea", "coffee", "milk"))
    >>> model.output["item"].shape
    (None, 3)
    """
    if variant not in READERS:
        raise ValueError(f"variant: expected one of {list(READERS)}, got {variant!r}")
    if size not in SIZES:
        raise ValueError(f"size: expected one of {list(SIZES)}, got {size!r}")
    config = SIZES[size]
    schema = recommendation_schema(items, length=length or config.length, user=user, context=context)
    inputs = keras_inputs(schema)
    common = {"width": config.width, "tokens": wants_tokens(fusion)}

    embedding = item_embedding(schema["history"], config.embedding)
    features = {
        "history": history_branch(
            inputs["history"],
            schema["history"],
            reader=READERS[variant],
            items=embedding,
            blocks=config.blocks,
            dropout=item_dropout,
            seed=seed,
            **common,
        )
    }
    for name in schema.of_kind(Sensors):
        features[name] = sensor_branch(inputs[name], schema[name], units=config.width // 2, name=name, **common)

    def head(vector, name):
        wanted = layers.Dense(config.embedding, name=f"{name}_wanted")(vector)
        # The first is the padding's.
        return embedding(wanted, reverse=True)[:, 1:]

    outputs = fuse(
        features,
        schema,
        fusion,
        dropout=dropout,
        modality_dropout=rates_of(modality_dropout, features),
        heads={"item": head},
        seed=seed,
    )
    return finish(inputs, outputs, schema, weights, size)
