"""What a sceptic would try first on a table: scikit-learn on its columns and texts, without the pictures and sounds."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from mmzoo.evaluation.metrics import measure_output
from mmzoo.schema import Schema
from mmzoo.tasks import task_for

BOOSTING = "gradient boosting (columns + TF-IDF)"
LINEAR = "linear (columns + TF-IDF)"
# Boosting works on dense columns: the texts' TF-IDF is reduced to so many (latent semantic analysis).
TEXT_COMPONENTS = 100
MOST_TERMS = 20_000
# Up to so many cells boosting takes one thread. Its threads wait for each other at every node of every tree: with the
# cores busy, 294 rows of 24 columns took 39 s on two threads and 1 s on one.
ONE_THREAD_CELLS = 500_000


# What is chosen between on the validation rows: trees of the boosting, inverse strength of the linear models' penalty.
TREES, LOOSENESS = (40, 150), (1.0, 10.0, 100.0)

Part = tuple[Mapping[str, np.ndarray], Mapping[str, list[str]], Mapping[str, np.ndarray]]


def table_baselines(
    schema: Schema, train: Part, validation: Part, test: Part, *, seed: int = 0
) -> dict[str, dict[str, dict[str, float]]]:
    """Fits two baselines for each output, by the same rows as a model: fitted, chosen and measured on the three splits.

    Boosting: histogram gradient boosting on numbers, categories and the reduced TF-IDF of words and word pairs. Linear:
    logistic regression, or ridge regression for a `Value`, on standardised numbers, one-hot categories and the whole
    TF-IDF. A `Value` on a log scale is fitted on its logarithm. The number of trees and the strength of the penalty are
    chosen on the validation rows.

    Args:
        schema: inputs and outputs.
        train: (inputs with fields: name -> float (N, fields), or (N, steps, fields) of which the newest step counts,
            with NaN; text inputs: name -> N strings; targets: output -> array (N, ...)), to fit on.
        validation: the same, to choose on.
        test: the same, to measure on.
        seed: of the boosting and the reduction.

    Returns:
        Baseline -> output -> metrics as of `measure_output`; empty where the schema has neither fields nor texts, and
        without the outputs that scikit-learn has no answer for.
    """
    if not train[0] and not any(any(texts) for texts in train[1].values()):
        return {}
    parts = (train, validation, test)
    dense, categorical = _dense(schema, parts, seed)
    sparse = _sparse(schema, parts)
    found: dict[str, dict[str, dict[str, float]]] = {BOOSTING: {}, LINEAR: {}}
    for name, output in schema.predicted.items():
        targets = [np.asarray(part[2][name]) for part in parts]
        boosters = [functools.partial(_booster, trees, categorical, seed) for trees in TREES]
        linear = [functools.partial(_linear, looseness) for looseness in LOOSENESS]
        with threadpool_limits(1 if dense[0].size <= ONE_THREAD_CELLS else None, user_api="openmp"):
            boosted = _best(name, output, targets, dense, boosters)
        if boosted is not None:
            found[BOOSTING][name] = boosted
            found[LINEAR][name] = _best(name, output, targets, sparse, linear)
    return found


def _booster(trees, categorical, seed, is_regression):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    maker = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    return maker(categorical_features=categorical, random_state=seed, early_stopping=False, max_iter=trees)


def _linear(looseness, is_regression):
    from sklearn.linear_model import LogisticRegression, Ridge

    return Ridge(alpha=10.0 / looseness) if is_regression else LogisticRegression(C=looseness, max_iter=1_000)


def _best(name, output, targets, arrays, makers):
    """Metrics on the test rows of the maker whose headline metric is the best on the validation rows; or None."""
    task = task_for(output)
    rows = output.has_target(targets[0])
    chosen, best = None, None
    for make in makers:
        predict = task.fit_baseline(output, targets[0][rows], arrays[0][rows], make)
        if predict is None:
            return None
        value = measure_output(name, output, targets[1], task.reduce(output, predict(arrays[1])))[task.headline.name]
        if best is None or task.headline.is_better(value, best):
            chosen, best = predict, value
    return measure_output(name, output, targets[2], task.reduce(output, chosen(arrays[2])))


def _fields(schema):
    return [
        (name, column, field) for name, modality in schema.given.items() for column, field in enumerate(modality.fields)
    ]


def _values(part, name, column):
    """One field of all samples: of a series as it is at the newest step, what a sceptic would look at first."""
    array = np.asarray(part[0][name])[..., column]
    return array.reshape(len(array), -1)[:, -1]


def _tfidf(parts):
    """For each text its TF-IDF on the three splits, learnt on the first."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    found = []
    for name, texts in parts[0][1].items():
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS)
        # It refuses texts without a single word of two letters.
        if any(vectorizer.build_analyzer()(text) for text in texts):
            vectorizer.fit(texts)
            found.append([vectorizer.transform(part[1][name]) for part in parts])
    return found


def _dense(schema, parts, seed):
    from sklearn.decomposition import TruncatedSVD

    fields = _fields(schema)
    columns = [[np.stack([_values(part, n, c) for n, c, _ in fields], axis=1) for part in parts]] if fields else []
    for terms in _tfidf(parts):
        count = min(TEXT_COMPONENTS, min(terms[0].shape) - 1)
        if count >= 1:
            reduction = TruncatedSVD(count, random_state=seed).fit(terms[0])
            columns.append([reduction.transform(part) for part in terms])
    columns = columns or [[np.zeros((_count(part), 1)) for part in parts]]
    joined = [np.concatenate([column[i] for column in columns], axis=1) for i in range(len(parts))]
    # Boosting can't be fitted on a column without a single value.
    never = np.isnan(joined[0]).all(axis=0)
    joined = [np.where(never, 0.0, part) for part in joined]
    # Boosting takes categories of up to 255 values as such; with more, their numbers serve as numbers.
    categorical = [0 < len(f.categories) <= 255 for _, _, f in fields]
    return joined, categorical + [False] * (joined[0].shape[1] - len(fields))


def _sparse(schema, parts):
    from scipy import sparse
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns, fields = _tfidf(parts), _fields(schema)
    if fields:
        names = [f"{name}.{field.name}" for name, _, field in fields]
        frames = [
            pd.DataFrame({key: _values(part, n, c) for key, (n, c, _) in zip(names, fields, strict=True)})
            for part in parts
        ]
        kinds = {key: bool(field.categories) for key, (_, _, field) in zip(names, fields, strict=True)}
        numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
        transform = ColumnTransformer(
            [
                ("numbers", numbers, [key for key in names if not kinds[key]]),
                ("categories", OneHotEncoder(handle_unknown="ignore"), [key for key in names if kinds[key]]),
            ]
        ).fit(frames[0])
        columns.append([sparse.csr_matrix(transform.transform(frame)) for frame in frames])
    columns = columns or [[sparse.csr_matrix((_count(part), 1)) for part in parts]]
    return [sparse.hstack([column[i] for column in columns], format="csr") for i in range(len(parts))]


def _count(part):
    return len(next(iter(part[2].values())))
