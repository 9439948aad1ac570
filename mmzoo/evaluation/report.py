"""One self-contained HTML page that says how good a model is: opens from disk, needs no network, no scripts.

`write_report` collects what the page shows as plain values; how it looks stands in report.html.jinja.
"""

from __future__ import annotations

import base64
import collections
import io
import json
import math
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mmzoo import encoding
from mmzoo.evaluation.calibration import are_probabilities, expected_calibration_error, reliability_table
from mmzoo.evaluation.latency import litert_latencies
from mmzoo.evaluation.metrics import class_ids, is_share, lower_is_better
from mmzoo.schema import Label, MultiLabel, Schema

# What a page still shows in full; of more, the worst.
MOST_CLASSES = 60
MOST_MISTAKES = 36
# Of one and the same confusion, so that thirty frames of one sign don't fill the page.
MISTAKES_A_PAIR = 3


def write_report(
    path: str | os.PathLike,
    evaluation,
    *,
    title: str,
    about: str = "",
    command: str = "",
    machine: str = "",
    bundle=None,
    tables: Iterable[tuple[str, str, pd.DataFrame]] = (),
) -> pathlib.Path:
    """Writes report.html.

    Args:
        path: file to write.
        evaluation: an `Evaluation`.
        title: the page's title, e.g. "road_sign_small on gtsrb, validation (fold 0)".
        about: a sentence on data, split and seeds.
        command: how to get these figures again.
        machine: what they were measured on.
        bundle: a `Bundle`, or its folder, of the same model: its files' sizes, parity, and latencies, which are
            measured now; None leaves that part out.
        tables: (title, a sentence about it, table of texts and numbers) to show as well, before the missing inputs.

    Returns:
        The file.
    """
    import jinja2

    schema = evaluation.schema
    page = {
        **{"title": title, "note": evaluation.note, "about": about, "command": command, "machine": machine},
        "samples": evaluation.samples,
        "outputs": [_output_section(evaluation, name) for name in schema.predicted],
        "tables": [
            {"title": heading, "about": text, "columns": list(rows.columns), "rows": rows.astype(str).values.tolist()}
            for heading, text, rows in tables
        ],
        "missing": None if evaluation.missing_inputs is None else _missing_section(evaluation.missing_inputs, schema),
        "files": None if bundle is None else _files_section(bundle, evaluation),
    }
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mmzoo.evaluation", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    path = pathlib.Path(path)
    path.write_text(environment.get_template("report.html.jinja").render(page), encoding="utf-8")
    return path


# One output ----------------------------------------------------------------------------------------------------------


def _output_section(evaluation, name) -> dict[str, Any]:
    output = evaluation.schema.outputs[name]
    if isinstance(output, Label):
        own = _label_section(
            evaluation, output, class_ids(evaluation.targets[name], output), evaluation.predictions[name]
        )
    elif isinstance(output, MultiLabel):
        own = _multi_label_section(
            output, np.asarray(evaluation.targets[name]) > 0.5, evaluation.predictions[name] > 0.5
        )
    else:
        own = _value_section(
            evaluation, output, np.ravel(evaluation.targets[name]), np.ravel(evaluation.predictions[name])
        )
    figures = [(key.replace("_", " "), _metric(key, value)) for key, value in evaluation.metrics[name].items()]
    picture = _png_uri(evaluation.pictures[name]) if name in evaluation.pictures else None
    return {"name": name, "picture": picture, **own, "figures": figures + own.get("figures", [])}


def _label_section(evaluation, output, truth, predicted):
    guess = predicted.argmax(axis=1)
    low, high = wilson_interval(int((truth == guess).sum()), len(truth))
    section = {
        "figures": [],
        "interval": f"95 % interval {100 * low:.2f} to {100 * high:.2f} %, as if samples were independent",
        "errors": f"{(truth != guess).sum():,} wrong of {len(truth):,}",
        "bars_title": "Recall of each class",
        "bars": _label_bars(evaluation, output, truth, predicted),
        "picture_title": "Confusion matrix",
        "mistakes_title": "The worst mistakes",
        "mistakes_about": f"The surest first, at most {MISTAKES_A_PAIR} of one confusion.",
        "mistakes": _label_mistakes(evaluation, output, truth, predicted),
    }
    if are_probabilities(predicted):
        table = reliability_table(truth, predicted)
        section["figures"] = [("calibration error", f"{100 * expected_calibration_error(table):.2f} %")]
        section["reliability"] = table.to_dict("records")
    return section


def _label_bars(evaluation, output, truth, predicted):
    """One row a class that occurs, the lowest recall first."""
    from sklearn.metrics import confusion_matrix

    matrix = confusion_matrix(truth, predicted.argmax(axis=1), labels=range(output.units))
    rows = []
    for index in np.flatnonzero(matrix.sum(axis=1)):
        own = np.flatnonzero(truth == index)
        # The sample the model is surest of is a clear picture of the class.
        example = own[predicted[own, index].argmax()]
        wrong = np.where(np.arange(output.units) == index, 0, matrix[index])
        rows.append(
            {
                "name": output.classes[index],
                "value": matrix[index, index] / matrix[index].sum(),
                "samples": len(own),
                "instead": output.classes[wrong.argmax()] if wrong.any() else "",
                "picture": _sample(evaluation, example)["picture"],
            }
        )
    return sorted(rows, key=lambda row: row["value"])[:MOST_CLASSES]


def _label_mistakes(evaluation, output, truth, predicted):
    guess = predicted.argmax(axis=1)
    wrong = np.flatnonzero(truth != guess)
    shown, pairs = [], collections.Counter()
    for i in wrong[np.argsort(-predicted[wrong, guess[wrong]], kind="stable")]:
        pairs[truth[i], guess[i]] += 1
        if pairs[truth[i], guess[i]] <= MISTAKES_A_PAIR and len(shown) < MOST_MISTAKES:
            said = encoding.decode(output, predicted[i], 2).items()
            shown.append(
                {
                    **_sample(evaluation, i),
                    "truth": output.classes[truth[i]],
                    "said": [f"{name} {100 * score:.0f} %" for name, score in said],
                }
            )
    return shown


def wilson_interval(right: int, count: int, z: float = 1.96) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927), as if the samples were independent of each other."""
    share, spread = right / count, z * z / count
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return centre - half, centre + half


def _multi_label_section(output, truth, guess):
    from sklearn.metrics import f1_score

    scores = f1_score(truth, guess, average=None, zero_division=0)
    bars = [
        {"name": name, "value": float(score), "samples": int(count), "instead": "", "picture": None}
        for name, score, count in zip(output.classes, scores, truth.sum(axis=0), strict=True)
        if count
    ]
    return {"bars_title": "F1 of each class", "bars": sorted(bars, key=lambda row: row["value"])[:MOST_CLASSES]}


def _value_section(evaluation, output, truth, guess):
    worst = np.argsort(-np.abs(truth - guess), kind="stable")[:MOST_MISTAKES]
    said = [f"{value:.4g} {output.unit}".strip() for value in guess]
    return {
        "picture_title": "Predicted against true",
        "mistakes_title": "The largest errors",
        "mistakes_about": "",
        "mistakes": [
            {**_sample(evaluation, i), "truth": f"{truth[i]:.4g} {output.unit}".strip(), "said": [said[i]]}
            for i in worst
        ],
    }


# Samples -------------------------------------------------------------------------------------------------------------


def _sample(evaluation, index) -> dict[str, Any]:
    """What one sample shows: its first picture or curve, its texts, and the rest in words."""
    picture, texts, words = None, [], []
    for name, modality in evaluation.schema.given.items():
        array = evaluation.inputs[name][index]
        pixels, text = modality.picture(array), modality.text(array)
        if picture is None and pixels is not None:
            picture = _data_uri(pixels)
        if text:
            texts.append(f"{name} “{text}”")
        words += modality.words(array)
    return {"index": int(index), "picture": picture, "texts": texts, "words": words}


def _data_uri(pixels: np.ndarray) -> str:
    from PIL import Image as Pillow

    buffer = io.BytesIO()
    Pillow.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG", optimize=True)
    return _png_uri(buffer.getvalue())


def _png_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()


# Missing inputs, files -----------------------------------------------------------------------------------------------


def _missing_section(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    names = list(schema.given)
    metrics = [column for column in table.columns if column not in names]
    rows = []
    for row in table.to_dict("records"):
        cells = []
        for metric in metrics:
            low, high = table[metric].min(), table[metric].max()
            good = (row[metric] - low) / (high - low) if high > low else 1.0
            cells.append({"text": _metric(metric, row[metric]), "good": 1 - good if lower_is_better(metric) else good})
        rows.append({"given": [bool(row[name]) for name in names], "cells": cells})
    return {"inputs": names, "metrics": [metric.replace("_", " ") for metric in metrics], "rows": rows}


def _metric(name: str, value: float) -> str:
    return f"{100 * value:.2f} %" if is_share(name) else f"{value:.4g}"


def _files_section(bundle, evaluation):
    folder = pathlib.Path(getattr(bundle, "path", bundle))
    parity = json.loads((folder / "parity.json").read_text(encoding="utf-8"))
    sample = {name: array[0] for name, array in evaluation.inputs.items()}
    latencies = litert_latencies(folder, sample)
    rows = []
    for file, record in parity["files"].items():
        real = record["sets"][parity["main_set"]].values()
        agreement = [figures["argmax_agreement"] for figures in real if "argmax_agreement" in figures]
        times = latencies[latencies.file == file]
        rows.append(
            {
                "file": file,
                "size": f"{record['bytes'] / 1000:,.0f} KB",
                "times": {int(row.threads): f"{row.median_ms:.2f} ({row.p95_ms:.2f})" for row in times.itertuples()},
                "difference": f"{max(f['max_difference'] for s in record['sets'].values() for f in s.values()):.1e}",
                "agreement": f"{100 * min(agreement):.2f} %" if agreement else "",
                "metrics": ", ".join(
                    f"{found['metric']} {_metric(found['metric'], found['file'])}"
                    for found in record["metrics"].values()
                ),
            }
        )
    return {
        "rows": rows,
        "threads": sorted(int(number) for number in latencies.threads.unique()),
        "checked": parity["sets"][parity["main_set"]],
        "sets": len(parity["sets"]),
        "left_out": parity["left_out"],
    }
