"""A sceptic's baselines of models that rank items: what is popular, and what is like what a user has had."""

from __future__ import annotations

import numpy as np

from mmzoo.data.samples.samples import Samples
from mmzoo.schema.outputs.ranking import places_of

NEIGHBOURS, NEWEST = 100, 10
_EVERY = 512


def popularity(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """The same for everybody: how often each item was had.

    Args:
        train: what it learns from.
        measured: what it is measured on.
        schema: of the model.
    """
    (name,) = schema.predicted
    counts = np.bincount(places_of(train.targets[name]), minlength=len(schema[name].items))
    return {name: np.tile(counts.astype(np.float32), (len(measured), 1))}


def item_neighbours(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """Items that the same users had as those of this one (Sarwar et al., "Item-based collaborative filtering
    recommendation algorithms", WWW 2001): sums of the cosines to all that the user has had, of the 100 nearest items
    each.
    """
    (name,) = schema.predicted
    had = measured.targets[name][:, 1:]
    return {name: _near(_similarities(train, schema[name], name), had)}


def neighbours_of_the_last(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """The same of the last ten items that the user has had."""
    (name,) = schema.predicted
    return {name: _near(_similarities(train, schema[name], name), measured.inputs["history"][:, -NEWEST:] - 1)}


def _similarities(train, kind, name):
    """Cosines between items, sparse (items, items), of each item the nearest only."""
    from scipy.sparse import csr_matrix, vstack
    from sklearn.preprocessing import normalize

    users, rows = np.unique(train.groups, return_inverse=True)
    shape = len(kind.items), len(users)
    had = csr_matrix((np.ones(len(rows), np.float32), (places_of(train.targets[name]), rows)), shape)
    had = normalize(had)
    blocks = []
    for start in range(0, len(kind.items), _EVERY):
        block = (had[start : start + _EVERY] @ had.T).toarray()
        block[np.arange(len(block)), start + np.arange(len(block))] = 0
        least = -np.partition(-block, min(NEIGHBOURS, block.shape[1] - 1), axis=1)[:, [NEIGHBOURS - 1]] if (
            block.shape[1] > NEIGHBOURS) else 0  # fmt: skip
        blocks.append(csr_matrix(np.where((block >= least) & (block > 0), block, 0)))
    return vstack(blocks).tocsr()


def _near(similarities, had):
    """Sums of the similarities to what users have had, places (N, S), less than 0 for none: float32 (N, items)."""
    from scipy.sparse import csr_matrix

    rows, columns = np.nonzero(had >= 0)
    ones = np.ones(len(rows), np.float32)
    profile = csr_matrix((ones, (rows, had[rows, columns])), (len(had), similarities.shape[0]))
    return np.asarray((profile @ similarities).toarray(), np.float32)
