"""Memory and speed of data larger than memory: `python -m mmzoo.bench.streaming --rows 1000 10000 100000 --out RUN`.

Each measurement runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence

import numpy as np

from mmzoo.bench.figures import Figure, write_csv
from mmzoo.bench.training import _peak_memory

BATCH = 64
PICTURES, PICTURE_SIZE = 300, 40
STEPS = 300
FORMATS = ("tfrecord", "array_record")
# Measurement -> what it does.
WHAT = {
    "nothing": "TensorFlow and Keras imported",
    "prepare": "mmzoo.prepare",
    "epoch": "an epoch of Prepared.dataset, shuffled",
    "fit": "mmzoo.fit of the nano road-sign model from Prepared.dataset",
    "table": "an epoch of manifest_dataset from the CSV file, shuffled",
}


def streaming_figures(
    rows: Sequence[int],
    *,
    formats: Sequence[str] = FORMATS,
    steps: int = STEPS,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> list[Figure]:
    """Peak memory and rows/s of preparing and reading tables of several lengths.

    The tables have the inputs of the road-sign model: a picture (one of 300 files of noise), a text and two sensor
    inputs, with one value in ten missing.

    Args:
        rows: the tables' lengths.
        formats: formats of the records.
        steps: steps of the training; 0 leaves it out.
        seed: of what is drawn.
        say: prints a line of progress.

    Returns:
        For each length and measurement its peak memory (MB, 1e6 bytes) and its speed (rows/s).

    Raises:
        RuntimeError: a measurement failed; the message holds the end of what it printed.
    """
    figures = []
    for count in rows:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            write_table(folder, count, seed)
            wanted = [("nothing", ""), ("table", "")]
            stages = ("prepare", "epoch", "fit") if steps else ("prepare", "epoch")
            wanted += [(what, form) for form in formats for what in stages]
            for what, form in wanted:
                result = _in_child(what, form, folder, steps)
                name = f"{WHAT[what]}{f', {form}' if form else ''}"
                section = f"{count:,} rows"
                peak = result["peak"] and result["peak"] * 1024 / 1e6
                figures.append(Figure(section, f"{name}: peak memory", peak, "MB"))
                if what != "nothing":
                    figures.append(Figure(section, name, result["rows"] / result["seconds"], "rows/s"))
                say(f"{section}, {name}: {peak or 0:,.0f} MB, {result['seconds']:.0f} s")
    return figures


def markdown(figures: Sequence[Figure], machine: str) -> str:
    """The figures as a Markdown table: a column for each length.

    Args:
        figures: of `streaming_figures`.
        machine: what they were measured on.
    """
    sections = list(dict.fromkeys(figure.section for figure in figures))
    values: dict = {}
    for figure in figures:
        shown = "" if figure.value is None else f"{figure.value:,.0f}"
        values.setdefault(f"{figure.name} ({figure.unit})", {})[figure.section] = shown
    lines = [f"Machine: {machine}.", "", f"| | {' | '.join(sections)} |", "|---|" + "--:|" * len(sections)]
    for unit in ("(MB)", "(rows/s)"):
        lines += [
            f"| {name} | {' | '.join(by_section.get(section, '') for section in sections)} |"
            for name, by_section in values.items()
            if name.endswith(unit)
        ]
    return "\n".join(lines) + "\n"


def write_table(folder: pathlib.Path, rows: int, seed: int) -> None:
    """Writes table.csv and its pictures.

    Args:
        folder: where to.
        rows: number of rows.
        seed: of what is drawn.
    """
    from PIL import Image

    from mmzoo.models.schemas.road_sign import GTSRB_CLASSES, LIGHTS, ROAD_CLASSES, SURFACES, WEATHERS

    rng = np.random.default_rng(seed)
    for index in range(PICTURES):
        pixels = rng.integers(0, 256, (PICTURE_SIZE, PICTURE_SIZE, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    words = "STOP GO SLOW Schule Baustelle Überholen verboten 30 50 80 km/h".split()
    drawn: dict[str, Callable] = {
        "image": lambda: f"{rng.integers(PICTURES)}.png",
        "text": lambda: " ".join(rng.choice(words, rng.integers(1, 7))),
        "latitude": lambda: f"{rng.uniform(-90, 90):.5f}",
        "longitude": lambda: f"{rng.uniform(-180, 180):.5f}",
        "heading": lambda: f"{rng.uniform(0, 360):.1f}",
        "speed": lambda: f"{rng.uniform(0, 200):.1f}",
        "road_class": lambda: rng.choice(ROAD_CLASSES),
        "surface": lambda: rng.choice(SURFACES),
        "weather": lambda: rng.choice(WEATHERS),
        "light": lambda: rng.choice(LIGHTS),
        "visibility": lambda: f"{rng.uniform(0, 10_000):.0f}",
    }
    with open(folder / "table.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", *drawn, "sign"])
        for number in range(rows):
            cells = [draw() if rng.random() > 0.1 else "" for draw in drawn.values()]
            writer.writerow([number, *cells, GTSRB_CLASSES[number % len(GTSRB_CLASSES)]])


def _in_child(what, form, folder, steps):
    import mmzoo

    root = str(pathlib.Path(mmzoo.__file__).resolve().parent.parent)
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    child = subprocess.run(
        [sys.executable, "-m", "mmzoo.bench.streaming", "--measure", what, form, str(folder), str(steps)],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if child.returncode != 0:
        raise RuntimeError(f"{WHAT[what]}: the process ended {child.returncode}: {child.stderr[-800:].strip()}")
    return json.loads(child.stdout.splitlines()[-1])


def _measure(what: str, form: str, folder: pathlib.Path, steps: int) -> dict:
    """One measurement, in this process."""
    import mmzoo
    from mmzoo.data.tables.manifest import manifest_dataset

    model = mmzoo.build_road_sign_model(size="nano", weights=None)
    start, rows = time.perf_counter(), 0
    if what == "prepare":
        prepared = mmzoo.prepare(folder / "table.csv", model.schema, folder / form, file_format=form)
        rows = prepared.splits["train"]
    elif what == "table":
        rows = _count(manifest_dataset(folder / "table.csv", model.schema, batch_size=BATCH, shuffle=True, seed=0))
    elif what == "epoch":
        rows = _count(mmzoo.open_prepared(folder / form).dataset("train", batch_size=BATCH, shuffle=True, seed=0))
    elif what == "fit":
        data = mmzoo.open_prepared(folder / form).dataset("train", batch_size=BATCH, shuffle=True, repeat=True, seed=0)
        mmzoo.fit(model, data, epochs=1, steps_per_epoch=steps, seed=0, verbose=0)
        rows = steps * BATCH
    return {"rows": rows, "seconds": time.perf_counter() - start, "peak": _peak_memory()}


def _count(dataset):
    return sum(len(inputs["image"]) for inputs, _ in dataset.as_numpy_iterator())


def main() -> None:
    """Measures and writes streaming.csv and streaming.md."""
    parser = argparse.ArgumentParser(prog="python -m mmzoo.bench.streaming", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--formats", nargs="+", default=list(FORMATS), choices=FORMATS)
    parser.add_argument("--steps", type=int, default=STEPS, help="of the training")
    parser.add_argument("--out", type=pathlib.Path, help="folder for streaming.csv and streaming.md")
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        what, form, folder, steps = arguments.measure
        print(json.dumps(_measure(what, form, pathlib.Path(folder), int(steps))))
        return
    if arguments.out is None:
        parser.error("--out: name a folder")
    from mmzoo.recipes.running.recording.hardware import machine

    figures = streaming_figures(arguments.rows, formats=arguments.formats, steps=arguments.steps)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write_csv(figures, machine(), arguments.out / "streaming.csv")
    table = markdown(figures, machine())
    (arguments.out / "streaming.md").write_text(table, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
