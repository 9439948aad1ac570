"""A sceptic's baselines of models that write sentences; what they say are places in the vocabulary, int32 (N, T)."""

from __future__ import annotations

import numpy as np

from mmzoo.data.samples.samples import Samples
from mmzoo.recipes.picture_baselines import places
from mmzoo.tasks import task_for
from mmzoo.tasks.sentence import references_of, scores

# Sentences that are tried as the one to be always said, and samples that they are tried on.
_TRIED, _JUDGED = 100, 200
# Sentences that are compared with all known ones at once.
_AT_ONCE = 256


def constant_sentence(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """Always one and the same sentence: of a hundred of the training rows the one with the best BLEU on others."""
    (name,) = schema.predicted
    kind, rng = schema[name], np.random.default_rng(0)
    known = train.targets[name]
    judged = references_of(kind, known[rng.permutation(len(known))[:_JUDGED]])
    tried = known[rng.permutation(len(known))[:_TRIED], 0]
    each = [scores([kind.text_of(row)] * len(judged), judged, kind.language)["bleu"] for row in tried]
    return {name: np.repeat(tried[[int(np.argmax(each))]], len(measured), axis=0)}


def nearest_picture(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """The first sentence of the training picture that is most alike in the colours of 8 x 8 places."""
    from sklearn.neighbors import NearestNeighbors

    (name,) = schema.predicted
    known, seen = (places(samples.inputs["image"]) for samples in (train, measured))
    nearest = NearestNeighbors(n_neighbors=1).fit(known).kneighbors(seen, return_distance=False)[:, 0]
    return {name: train.targets[name][nearest, 0]}


def a_person(train: Samples, measured: Samples, schema) -> dict[str, dict[str, float]] | None:
    """What one of the references says, measured by the others, the mean over all of them: about as good as can be."""
    (name,) = schema.predicted
    kind, targets = schema[name], measured.targets[name]
    if targets.ndim < 3 or targets.shape[1] < 2 or not targets[:, 1].any(axis=1).all():
        return None
    found = []
    for one in range(targets.shape[1]):
        rows = np.flatnonzero(targets[:, one].any(axis=1))
        others = np.delete(targets[rows], one, axis=1)
        found.append(task_for(kind).measure(kind, others, targets[rows, one]))
    return {name: {metric: float(np.mean([each[metric] for each in found])) for metric in found[0]}}


def nearest_sentence(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """The translation of the training sentence that shares most words, rare ones above all (TF-IDF, cosine)."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    (name,) = schema.predicted
    terms = TfidfVectorizer(token_pattern=r"\w+|[^\w\s]", sublinear_tf=True)
    known = terms.fit_transform(train.raw["text"])
    asked = terms.transform(measured.raw["text"])
    nearest = [
        (asked[start : start + _AT_ONCE] @ known.T).toarray().argmax(axis=1)
        for start in range(0, len(measured), _AT_ONCE)
    ]
    return {name: train.targets[name][np.concatenate(nearest), 0]}


def copying(train: Samples, measured: Samples, schema) -> dict[str, np.ndarray]:
    """The text as it is, not translated."""
    (name,) = schema.predicted
    return {name: schema[name].references([[text] for text in measured.raw["text"]])[:, 0]}
