"""What a sceptic would try first on a table: scikit-learn on its columns and texts, without the pictures and sounds."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from mmzoo.evaluation.metrics import class_ids, output_metrics
from mmzoo.schema import Category, Label, MultiLabel, Schema, Sensors, Value

BOOSTING = "gradient boosting (columns + TF-IDF)"
LINEAR = "linear (columns + TF-IDF)"
# Boosting works on dense columns: the texts' TF-IDF is reduced to so many (latent semantic analysis).
TEXT_COMPONENTS = 100
MOST_TERMS = 20_000


def table_baselines(
    schema: Schema,
    train: tuple[Mapping[str, np.ndarray], Mapping[str, list[str]], Mapping[str, np.ndarray]],
    test: tuple[Mapping[str, np.ndarray], Mapping[str, list[str]], Mapping[str, np.ndarray]],
    *,
    seed: int = 0,
) -> dict[str, dict[str, dict[str, float]]]:
    """Fits two baselines for each output and measures them.

    Boosting: histogram gradient boosting on numbers, categories and the reduced TF-IDF of words and word pairs. Linear:
    logistic regression, or ridge regression for a `Value`, on standardised numbers, one-hot categories and the whole
    TF-IDF. A `Value` on a log scale is fitted on its logarithm.

    Args:
        schema: inputs and outputs.
        train: (sensor inputs: name -> float (N, fields) with NaN; text inputs: name -> N strings; targets: output ->
            array (N, ...)), to fit on.
        test: the same, to measure on.
        seed: of the boosting and the reduction.

    Returns:
        Baseline -> output -> metrics as of `output_metrics`; empty where the schema has neither sensors nor texts.
    """
    if not train[0] and not any(any(texts) for texts in train[1].values()):
        return {}
    dense, categorical = _dense(schema, train, test, seed)
    sparse = _sparse(schema, train, test)
    found: dict[str, dict[str, dict[str, float]]] = {BOOSTING: {}, LINEAR: {}}
    for name, output in schema.outputs.items():
        wanted, truth = np.asarray(train[2][name]), test[2][name]
        boosted = _fit(output, wanted, *dense, lambda kind: _booster(kind, categorical, seed))
        found[BOOSTING][name] = output_metrics(output, truth, boosted)
        found[LINEAR][name] = output_metrics(output, truth, _fit(output, wanted, *sparse, _linear))
    return found


def _booster(kind, categorical, seed):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    maker = HistGradientBoostingRegressor if kind is Value else HistGradientBoostingClassifier
    return maker(categorical_features=categorical, random_state=seed, early_stopping=False, max_iter=150)


def _linear(kind):
    from sklearn.linear_model import LogisticRegression, Ridge

    return Ridge(alpha=1.0) if kind is Value else LogisticRegression(C=10.0, max_iter=1_000)


def _fit(output, wanted, x, x_test, make):
    """Predictions (N, units) for the test rows."""
    if isinstance(output, Label):
        ids = class_ids(wanted, output)
        if len(np.unique(ids)) == 1:
            return np.eye(output.units)[np.full(x_test.shape[0], ids[0])]
        model = make(Label).fit(x, ids)
        rows = np.zeros((x_test.shape[0], output.units))
        rows[:, model.classes_] = model.predict_proba(x_test)
        return rows
    if isinstance(output, MultiLabel):
        columns = []
        for column in (wanted > 0.5).T:
            constant = column.all() or not column.any()
            columns.append(
                np.full(x_test.shape[0], float(column[0]))
                if constant
                else make(Label).fit(x, column).predict_proba(x_test)[:, 1]
            )
        return np.stack(columns, axis=1)
    values = wanted.reshape(-1).astype(np.float64)
    log = output.scale == "log"
    guess = make(Value).fit(x, np.log(values) if log else values).predict(x_test)
    return (np.exp(guess) if log else guess)[:, None]


def _fields(schema):
    return [
        (name, column, field)
        for name, modality in schema.inputs.items()
        if isinstance(modality, Sensors)
        for column, field in enumerate(modality.fields)
    ]


def _tfidf(train, test):
    from sklearn.feature_extraction.text import TfidfVectorizer

    parts = []
    for name, texts in train[1].items():
        if not any(text.strip() for text in texts):
            continue
        vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, max_features=MOST_TERMS)
        try:
            parts.append((vectorizer.fit_transform(texts), vectorizer.transform(test[1][name])))
        except ValueError:
            # Only stop signs and single letters: no word in any text.
            continue
    return parts


def _dense(schema, train, test, seed):
    from sklearn.decomposition import TruncatedSVD

    fields = _fields(schema)
    columns = [np.stack([part[0][name][:, c] for name, c, _ in fields], axis=1) for part in (train, test) if fields]
    parts = [columns] if fields else []
    for fitted, applied in _tfidf(train, test):
        count = min(TEXT_COMPONENTS, min(fitted.shape) - 1)
        if count < 1:
            continue
        reduction = TruncatedSVD(count, random_state=seed)
        parts.append([reduction.fit_transform(fitted), reduction.transform(applied)])
    if not parts:
        parts = [[np.zeros((len(next(iter(part[2].values()))), 1)) for part in (train, test)]]
    joined = tuple(np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    # Boosting takes categories of up to 255 values as such; with more, their numbers serve as numbers.
    categorical = [isinstance(f, Category) and len(f.categories) <= 255 for _, _, f in fields]
    return joined, categorical + [False] * (joined[0].shape[1] - len(fields))


def _sparse(schema, train, test):
    from scipy import sparse
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    parts = _tfidf(train, test)
    fields = _fields(schema)
    if fields:
        names = [f"{name}.{field.name}" for name, _, field in fields]
        frames = [
            pd.DataFrame({key: part[0][n][:, c] for key, (n, c, _) in zip(names, fields, strict=True)})
            for part in (train, test)
        ]
        kinds = {key: isinstance(field, Category) for key, (_, _, field) in zip(names, fields, strict=True)}
        numbers = make_pipeline(SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler())
        columns = ColumnTransformer(
            [
                ("numbers", numbers, [key for key in names if not kinds[key]]),
                ("categories", OneHotEncoder(handle_unknown="ignore"), [key for key in names if kinds[key]]),
            ]
        )
        parts.append(
            (sparse.csr_matrix(columns.fit_transform(frames[0])), sparse.csr_matrix(columns.transform(frames[1])))
        )
    if not parts:
        counts = (len(next(iter(part[2].values()))) for part in (train, test))
        parts = [tuple(sparse.csr_matrix((count, 1)) for count in counts)]
    return tuple(sparse.hstack([part[i] for part in parts], format="csr") for i in (0, 1))
