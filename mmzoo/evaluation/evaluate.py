"""Evaluates a model and writes what a person wants to see."""

from __future__ import annotations

import csv
import dataclasses
import functools
import json
import math
import os
import pathlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from mmzoo.evaluation.arrays import gather, predict_arrays
from mmzoo.evaluation.disagreement import disagreement
from mmzoo.evaluation.metrics import measure_outputs, samples_with_target
from mmzoo.evaluation.missing_inputs import missing_input_table
from mmzoo.evaluation.report import sample_in_words, write_report
from mmzoo.files import replace_file, replace_text
from mmzoo.schema import Schema
from mmzoo.tasks import figure_of, task_for


@dataclasses.dataclass
class Evaluation:
    """What `evaluate` found.

    Attributes:
        samples: number of samples.
        metrics: output name -> {metric: value}, all inputs as they are in the data; samples without a target of the
            output are left out.
        missing_inputs: the metric for every subset of the inputs; see `missing_input_table`. None if not asked for.
        schema: of the model.
        inputs: input name -> array (N, ...).
        targets: output name -> array (N, ...).
        predictions: output name -> float (N, ...), as `predict_arrays` gives it.
        note: what is real in the data and what is simulated.
        disagreements: input -> output -> figures of samples in which that input is one of another class, see
            `mmzoo.evaluation.disagreement`; {} if not asked for.
        files: what was written.
    """

    samples: int
    metrics: dict[str, dict[str, float]]
    missing_inputs: pd.DataFrame | None
    schema: Schema
    inputs: dict[str, np.ndarray]
    targets: dict[str, np.ndarray]
    predictions: dict[str, np.ndarray]
    note: str = ""
    disagreements: dict[str, dict[str, dict[str, float]]] = dataclasses.field(default_factory=dict)
    files: tuple[pathlib.Path, ...] = ()

    @functools.cached_property
    def pictures(self) -> dict[str, bytes]:
        """Output name -> a PNG: of a `Label` the confusion matrix, of a `Value` what is predicted against the truth."""
        pictures = {
            name: task_for(output).picture(output, self.targets[name], self.predictions[name], self.note)
            for name, output in self.schema.predicted.items()
        }
        return {name: picture for name, picture in pictures.items() if picture is not None}

    @functools.cached_property
    def samples_of(self) -> dict[str, int]:
        """Output name -> number of samples that have a target of it, which its figures are measured on."""
        return samples_with_target(self.schema, self.targets)

    def sample(self, index: int) -> dict[str, Any]:
        """What one sample shows in the report, see `sample_in_words`."""
        return sample_in_words(self, index)

    def write(self, out: str | os.PathLike, **page) -> tuple[pathlib.Path, ...]:
        """Writes what a person wants to see, and sets `files`.

        Args:
            out: folder for report.html, metrics.json, missing_inputs.csv, missing_inputs.md, predictions.csv and what
                the outputs' tasks add, such as per_class_<output>.csv and confusion_<output>.png, with the outputs'
                names in `Schema.tensor_names`.
            page: what report.html says beside the figures, see `write_report`; its title need not be given.

        Returns:
            The files.
        """
        out = pathlib.Path(out)
        out.mkdir(parents=True, exist_ok=True)
        self.files = tuple(_write(out, self, {"title": f"{self.schema.name}: evaluation", **page}))
        return self.files


def evaluate(
    model,
    data,
    *,
    out=None,
    missing_inputs: bool = True,
    failures: Mapping[str, Callable] | None = None,
    disagree: Iterable[str] = (),
    batch_size: int = 512,
    note: str = "",
    progress=None,
) -> Evaluation:
    """Measures a model on data it was not trained on.

    Args:
        model: a model with a schema.
        data: (inputs, targets) as dicts of arrays, or a finite `tf.data.Dataset` of such batches.
        out: folder for what `Evaluation.write` writes, a report and the figures it shows; None writes nothing.
        missing_inputs: also measure every subset of the inputs, 2^n - 1 passes over the data; not of a model all of
            whose outputs compare its inputs with each other.
        failures: with `missing_inputs`: also under each of these camera failures, see `missing_input_table`.
        disagree: inputs to be taken from a row of another class, one after another, see `disagreement`.
        batch_size: samples a prediction step.
        note: first line of every table written, e.g. "images real, context simulated".
        progress: called with (done, total) after each subset of the inputs.

    Returns:
        The figures.

    Raises:
        ValueError: no samples, or targets that don't fit the schema.
    """
    inputs, targets = gather(data, model.schema)
    count = len(next(iter(inputs.values())))
    if count == 0:
        raise ValueError("no samples to evaluate on")
    predictions = predict_arrays(model, inputs, batch_size)
    metrics = measure_outputs(model.schema, targets, predictions)
    table = None
    if missing_inputs and not all(kind.compares for kind in model.schema.predicted.values()):
        table = missing_input_table(model, inputs, targets, failures=failures, batch_size=batch_size, progress=progress)
    disagreements = {name: disagreement(model, inputs, targets, name, batch_size=batch_size) for name in disagree}
    result = Evaluation(count, metrics, table, model.schema, inputs, targets, predictions, note, disagreements)
    if out:
        result.write(out)
    return result


def markdown_table(table: pd.DataFrame) -> str:
    """The missing-input table as Markdown: a tick for each input that was given, shares in per cent."""
    lines = ["| " + " | ".join(column.replace("_", " ") for column in table.columns) + " |"]
    lines.append("|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        cells = [("✓" if cell else "·") if isinstance(cell, bool | np.bool_) else cell for cell in row]
        columns = table.columns
        for i, cell in enumerate(cells):
            if isinstance(cell, float):
                cells[i] = figure_of(columns[i]).text(cell)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _write(out, result: Evaluation, page):
    schema, targets, predictions, table = result.schema, result.targets, result.predictions, result.missing_inputs
    note = result.note
    files = [out / "report.html", out / "metrics.json"]
    write_report(files[0], result, **page)
    figures = {"note": note, "samples": result.samples}
    for name, found in result.metrics.items():
        # What isn't defined for the samples, such as the AUROC of one class: JSON knows no NaN.
        known = {metric: value if math.isfinite(value) else None for metric, value in found.items()}
        figures[name] = {**known, "samples": result.samples_of[name]}
    if result.disagreements:
        figures["inputs that disagree"] = result.disagreements
    replace_text(files[1], json.dumps(figures, indent=2) + "\n")
    for name, output in schema.predicted.items():
        task, file = task_for(output), schema.tensor_names[name]
        for key, rows in task.tables(output, targets[name], predictions[name]).items():
            files.append(out / f"{key}_{file}.csv")
            _write_csv(files[-1], rows, note)
        if task.picture_file and name in result.pictures:
            files.append(out / f"{task.picture_file}_{file}.png")
            replace_file(files[-1], lambda path, png=result.pictures[name]: path.write_bytes(png))
    if table is not None:
        files += [out / "missing_inputs.csv", out / "missing_inputs.md"]
        _write_csv(files[-2], table, note)
        replace_text(files[-1], (f"{note}\n\n" if note else "") + markdown_table(table))
    files.append(out / "predictions.csv")
    replace_file(files[-1], lambda path: _write_predictions(path, result))
    return files


def _write_predictions(path, result):
    schema, targets, predictions = result.schema, result.targets, result.predictions
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", *(f"{name}{end}" for name in schema.predicted for end in ("_true", "", "_score"))])
        for i in range(result.samples):
            row = [i]
            for name, output in schema.predicted.items():
                row += task_for(output).prediction_cells(output, targets[name][i], predictions[name][i])
            writer.writerow(row)


def _write_csv(path, table, note):
    replace_text(path, (f"# {note}\n" if note else "") + table.to_csv(index=False))
