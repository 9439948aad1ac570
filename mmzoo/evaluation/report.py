"""One self-contained HTML page that says how good a model is: opens from disk, needs no network, no scripts.

`write_report` collects what the page shows as plain values; how it looks stands in report.html.jinja.
"""

from __future__ import annotations

import base64
import io
import json
import os
import pathlib
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.evaluation.latency import litert_latencies
from mmzoo.files import replace_text
from mmzoo.schema import Schema
from mmzoo.tasks import figure_of, task_for


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
    replace_text(path, environment.get_template("report.html.jinja").render(page))
    return path


# One output ----------------------------------------------------------------------------------------------------------


def _output_section(evaluation, name) -> dict[str, Any]:
    output = evaluation.schema.outputs[name]
    own = task_for(output).report(output, name, evaluation)
    found = {figure_of(key): value for key, value in evaluation.metrics[name].items()}
    figures = [(figure.label, figure.text(value, output.unit)) for figure, value in found.items()]
    if evaluation.samples_of[name] < evaluation.samples:
        figures.append(("samples with a target", f"{evaluation.samples_of[name]:,}"))
    picture = _png_uri(evaluation.pictures[name]) if name in evaluation.pictures else None
    return {"name": name, "picture": picture, **own, "figures": figures + own.get("figures", [])}


# Samples -------------------------------------------------------------------------------------------------------------


def sample_in_words(evaluation, index: int) -> dict[str, Any]:
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
            figure, low, high = figure_of(metric), table[metric].min(), table[metric].max()
            good = (row[metric] - low) / (high - low) if high > low else 1.0
            cells.append({"text": figure.text(row[metric]), "good": 1 - good if figure.lower_is_better else good})
        rows.append({"given": [bool(row[name]) for name in names], "cells": cells})
    return {"inputs": names, "metrics": [metric.replace("_", " ") for metric in metrics], "rows": rows}


def _file_figure(output, value):
    return task_for(output).parity_figure.text(value, output.unit)


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
                    f"{found['metric']} {_file_figure(evaluation.schema.outputs[name], found['file'])}"
                    for name, found in record["metrics"].items()
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
