"""Recommendation: what a user has had, who she is and when it is, to what she will want next.

    mmzoo train recommendation --data movielens_100k --data-dir DIR/movielens_100k --arms --seeds 3 --out RUN
    mmzoo train recommendation --data movielens_100k --data-dir DIR/movielens_100k --variant sasrec --seeds 3 --out RUN2
    mmzoo train recommendation --data movielens_small --data-dir DIR/movielens_small --seeds 3 --out RUN3
    mmzoo train recommendation --data interactions --data-dir FOLDER --out RUN4    # user,item,time

All films that a user has not rated are ranked, never a sample of them. The last film of each user but one is measured.

The networks are Keras' own: a GRU or multi-head attention, and `keras.layers.ReversibleEmbedding` for items in and out.
keras-rs 0.4 has nothing that would take their place: its embeddings are for tables that no machine holds, its retrieval
layers and losses for candidates drawn per user, its ranking metrics for lists with a relevance of each item.

What came of it (gru4rec, small, three seeds, 2 minutes each on two busy cores, all films ranked): HR@10 24.1 % on
movielens_100k and 7.2 % on movielens_small; the neighbours of the last ten films have 18.0 and 6.2 %, popularity 7.3
and 3.1 %. What is known of the user and the time adds nothing to the history (the table of missing inputs). One seed of
sasrec, four epochs, had 22.1 % on movielens_100k.
"""

from __future__ import annotations

import dataclasses
import pathlib

from mmzoo.data.samples.samples import Option
from mmzoo.data.sets.movielens import film_names, load_movielens_100k, load_movielens_small
from mmzoo.data.sets.own_interactions import items_of, load_interactions
from mmzoo.recipes.item_baselines import item_neighbours, neighbours_of_the_last, popularity
from mmzoo.recipes.recipe import Recipe, Training

TRAINING = Training(
    epochs=8,
    batch_size=256,
    learning_rate=3e-3,
    weight_decay=0.01,
    dropout=0.3,
    modality_dropout={"history": 0.1, "user": 0.3, "context": 0.3},
)


def adjust(settings: Training, data: str) -> Training:
    """The small set has six times the films for as many ratings, and is learnt by heart sooner."""
    if data == "movielens_small":
        return dataclasses.replace(settings, epochs=max(1, 5 * settings.epochs // 8), dropout=0.4)
    if data == "interactions":
        # Nobody says who the users are.
        return dataclasses.replace(settings, builder={**settings.builder, "user": None})
    return settings


def from_rows(folder: pathlib.Path, data: str, training: Training) -> dict:
    """The items that there are to rank."""
    return {"items": items_of(folder) if data == "interactions" else tuple(film_names(pathlib.Path(folder)).values())}


RECIPE = Recipe(
    name="recommendation",
    data={
        "movielens_100k": load_movielens_100k,
        "movielens_small": load_movielens_small,
        "interactions": load_interactions,
    },
    training={"nano": TRAINING, "small": TRAINING},
    about="Ranks all items by how well they would come next for a user, from what she has had, who she is and when it "
    "is; any of these may be missing, as the history of a new user.",
    limits="It predicts which film comes next, not whether it is liked, from ratings that were typed in sittings, "
    "often several in one second. Items that nobody has had are ranked by chance. It repeats the taste of those in "
    "the data: for others, and for what is fair to those who made the items, it has no eye.",
    adjust=adjust,
    from_rows=from_rows,
    arms={
        "history alone": ("history",),
        "history and context": ("history", "context"),
        "history and user": ("history", "user"),
        "new users": ("user", "context"),
    },
    concat=True,
    baselines={
        "popularity": popularity,
        "item neighbours": item_neighbours,
        "neighbours of the last ten": neighbours_of_the_last,
    },
    builder_options={
        "variant": Option(str, "gru4rec", "How histories are read: by a GRU or self-attention.", ("gru4rec", "sasrec")),
        "fusion": Option(str, "sum", "How the inputs are joined, see mmzoo.fusion."),
    },
    shown_figures=("hit_rate_10", "ndcg_10", "mean_reciprocal_rank"),
)
