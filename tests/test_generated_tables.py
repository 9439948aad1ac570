"""A table in which `inspect` finds no error can be trained on, exported and predicted from: over generated tables."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from mmzoo.data.tables.manifest import manifest_dataset, read_manifest
from mmzoo.data.tables.splits import SPLITS, split_table
from mmzoo.data.tables.table import read_table
from mmzoo.encoding.tables import open_table
from mmzoo.inspection import inspect_table
from mmzoo.schema.columns import encode_row, match_columns

ROWS = 36
PICTURES = 12
MISSING = ["", "NA", "nan", "?", "-", "#N/A", "NULL", " n/a "]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    for i in range(PICTURES):
        picture = np.random.default_rng(i).integers(0, 256, (20, 20, 3), np.uint8)
        Pillow.fromarray(picture).save(folder / f"p{i}.{('png', 'jfif')[i % 2]}", format=("PNG", "JPEG")[i % 2])
    return folder


def each(cells):
    return st.lists(cells, min_size=ROWS, max_size=ROWS)


NUMBERS = st.floats(-1e4, 1e4).map(lambda x: f"{x:.3f}")
KINDS = {
    "number": each(NUMBERS),
    "whole": each(st.integers(-50, 50).map(str)),
    "minus": each(st.floats(-5, 5).map(lambda x: f"{x:.2f}".replace("-", "\u2212"))),
    "money": each(st.floats(-5, 5).map(lambda x: f"({-x:.2f})" if x < 0 else f"{x:.2f}")),
    "few": each(st.sampled_from(["red", "green", "none", "Blue "])),
    "sign": each(st.sampled_from(["+", "-"])),
    "flag": each(st.sampled_from(["true", "FALSE", "True"])),
    "level": each(st.sampled_from(["1", "2", "3"])),
    "words": each(st.text("abcdé ñ,;'\"\n0123", min_size=1, max_size=30)),
    "any": each(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)),
    "clock": each(st.times().map(lambda t: t.strftime("%H:%M"))),
    "pm": each(st.times().map(lambda t: t.strftime("%I:%M %p"))),
    "day": each(st.dates().map(lambda d: d.replace(year=2000 + d.year % 30).isoformat())),
    "heading": each(st.integers(0, 359).map(str)),
    "link": each(st.integers(0, 99).map(lambda i: f"https://example.com/{i}.png")),
    "fold": each(st.sampled_from("01234")),
    "fold_change": each(st.sampled_from(["up", "none", "down"])),
    "part": each(st.sampled_from(["train", "train", "val", "test"])),
    "photo": each(st.integers(0, PICTURES - 1).map(lambda i: f"p{i}.{('png', 'jfif')[i % 2]}")),
    "key": st.just([f"K{i:05}" for i in range(ROWS)]),
    "same": st.just(["x"] * ROWS),
}
TARGETS = {
    "label": each(st.sampled_from(["ok", "hot", "cold"])),
    "grade": each(st.sampled_from("12345")),
    "yes": each(st.sampled_from(["+", "-"])),
    "tags": each(st.sampled_from(["a|b", "b", "a", "b|c"])),
    "price": each(st.floats(-100, 100).map(lambda x: f"{x:.2f}")),
}


@st.composite
def tables(draw, kinds=tuple(KINDS), fewest=2):
    """(columns, the targets among them): each column of one kind, with missing cells and white space here and there."""
    names = draw(st.lists(st.sampled_from(kinds), unique=True, min_size=fewest, max_size=6))
    targets = draw(st.lists(st.sampled_from(list(TARGETS)), unique=True, min_size=1, max_size=2))
    columns = {}
    for name in names:
        cells = draw(KINDS[name])
        if name != "part" and draw(st.booleans()):
            holes = draw(st.lists(st.integers(0, ROWS - 1), max_size=ROWS // 3))
            cells = [draw(st.sampled_from(MISSING)) if i in holes else cell for i, cell in enumerate(cells)]
        columns[name] = cells
    # What tells the rows apart, as equal rows are an error.
    columns["reading"] = [f"{i * 0.37 % 9:.4f}" for i in range(ROWS)]
    for number, name in enumerate(targets):
        columns[name] = draw(TARGETS[name])
        if len(targets) > 1:
            # No row lacks both: training leaves such out.
            columns[name] = ["NA" if i % 7 == number else cell for i, cell in enumerate(columns[name])]
    return columns, targets


def write(path, columns):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return path


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables())
def test_without_an_error_the_rows_are_the_same_in_training_and_at_prediction(folder, table):
    columns, targets = table
    path = write(folder / "t.csv", columns)
    inspection = inspect_table(path, targets)
    left_out = {column.name for column in inspection.columns if column.role == "left out"}
    assert left_out <= {finding.column for finding in inspection.findings}
    if inspection.of_level("error"):
        return
    schema = inspection.schema
    manifest = read_manifest(path, schema, columns=inspection.mapping)
    inputs, labels = manifest.arrays()
    found = open_table(path)
    matches = match_columns(schema, found.columns, "t")
    for index, (row, cells) in enumerate(found.read()):
        given_row = dict(zip(found.columns, cells, strict=True))
        arrays = encode_row(schema, matches, given_row, folder=folder, place=f"row {row}")
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, inputs[name][index])
    for name, output in schema.predicted.items():
        assert len(labels[name]) == ROWS and output.has_target(labels[name]).any()
    split = next((column.name for column in inspection.columns if column.role == "split"), None)
    if split is not None:
        assert sum(len(part) for part in split_table(path, column=split).values()) == ROWS
    # A frame of typed cells is read like the file.
    frame, _ = read_table(path)
    again = read_manifest(frame, schema, columns=inspection.mapping, root=folder)
    for name, array in again.inputs.items():
        np.testing.assert_array_equal(array, manifest.inputs[name])


def test_batches_are_drawn(folder):
    columns = {name: KINDS[name] for name in ("number", "clock", "few", "photo")}
    rng = np.random.default_rng(0)
    cells = {
        "number": [f"{x:.2f}" for x in rng.normal(size=ROWS)],
        "clock": [f"{i % 24:02}:15" for i in range(ROWS)],
        "few": ["red", "NA", "green"] * (ROWS // 3),
        "photo": [f"p{i % PICTURES}.{('png', 'jfif')[i % 2]}" if i % 5 else "?" for i in range(ROWS)],
        "label": ["ok", "hot"] * (ROWS // 2),
    }
    assert set(columns) < set(cells)
    path = write(folder / "batches.csv", cells)
    inspection = inspect_table(path, "label")
    assert not inspection.of_level("error")
    inputs, targets = next(iter(manifest_dataset(path, inspection.schema, batch_size=8, shuffle=True, seed=0)))
    assert inputs["photo"].shape[0] == inputs["sensors"].shape[0] == targets["label"].shape[0] == 8


def road(folder, out, columns, targets, *, whole):
    """Inspects, trains a tiny model for an epoch, exports it and predicts from the same table: the predictions.

    `whole`: the whole bundle, all of it checked; else the float32 LiteRT file alone, in a tenth of the time.
    """
    from mmzoo import edge
    from mmzoo.bundles import write_checksums
    from mmzoo.exporting.litert import write_litert
    from mmzoo.recipes.own_data import TableRecipe, train

    path = write(folder / f"{out.name}.csv", columns)
    if inspect_table(path, targets).of_level("error"):
        return None
    recipe = TableRecipe(size="nano", epochs=1)
    options = {"arms": False, "baseline": False, "progress": False, "say": lambda line: None}
    run = train(path, targets, out, recipe=recipe, export=whole, **options)
    file = run.bundle
    if not whole:
        file = out / "edge"
        file.mkdir()
        write_litert(run.model, file / "model_float32.tflite")
        run.model.schema.save(file / "schema.json")
        write_checksums(file)
    predictions = folder / f"{out.name}-predicted.csv"
    assert edge.predict_csv(edge.load(file), path, predictions) == ROWS
    return pd.read_csv(predictions, dtype=str, keep_default_na=False)


def test_a_table_of_all_kinds_goes_the_whole_road(folder, tmp_path):
    rng = np.random.default_rng(1)
    columns = {
        "photo": [f"p{i % PICTURES}.{('png', 'jfif')[i % 2]}" if i % 7 else "NA" for i in range(ROWS)],
        "note": [" ".join(rng.choice(["warm", "cold", "wet", "dry", "loud"], 3)) + f" {i}" for i in range(ROWS)],
        "clock": [f"{i % 24:02}:{i:02}" for i in range(ROWS)],
        "delta": [f"{x:.2f}".replace("-", "\u2212") if i % 5 else "?" for i, x in enumerate(rng.normal(size=ROWS))],
        "money": [f"({-x:.2f})" if x < 0 else f"{x:.2f}" for x in rng.normal(size=ROWS)],
        "fold_change": ["up", "none", "down"] * (ROWS // 3),
        "fold": ["0", "1", "2"] * (ROWS // 3),
        "sign": ["+", "-"] * (ROWS // 2),
        "label": ["ok" if i % 3 else "hot" if i % 2 else "NA" for i in range(ROWS)],
        "price": [f"{x:.2f}" if i % 4 else "" for i, x in enumerate(rng.normal(50, 9, ROWS))],
    }
    predicted = road(folder, tmp_path / "all", columns, ["label", "price"], whole=False)
    assert set(predicted.predicted_label) <= {"ok", "hot"} and predicted.predicted_price.astype(float).notna().all()


@pytest.mark.export
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(tables(fewest=3))
def test_generated_tables_go_the_whole_road(folder, tmp_path_factory, table):
    columns, targets = table
    out = tmp_path_factory.mktemp("road")
    road(folder, out / out.name, columns, targets, whole=True)


def test_every_split_has_rows(folder):
    path = write(folder / "parts.csv", {"x": [str(i) for i in range(ROWS)], "y": ["a", "b"] * (ROWS // 2)})
    assert set(split_table(path, target="y")) == set(SPLITS)
