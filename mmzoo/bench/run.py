"""All measurements in one run."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import tempfile
from collections.abc import Callable

from mmzoo.bench.figures import Figure, write_csv, write_markdown


@dataclasses.dataclass(frozen=True)
class _Effort:
    prediction_rounds: int
    onnx: bool
    training_rounds: int
    steps: int
    samples: int
    xla_steps: int
    starts: int


FULL = _Effort(
    prediction_rounds=30, onnx=True, training_rounds=10, steps=16, samples=4_300, xla_steps=3, starts=9
)  # fmt: skip
# To see that everything runs; the figures are worth little.
QUICK = _Effort(prediction_rounds=1, onnx=False, training_rounds=1, steps=2, samples=256, xla_steps=0, starts=1)


def run(
    out: str | os.PathLike,
    *,
    size: str = "small",
    weights: str = "gtsrb",
    quick: bool = False,
    command: str = "",
    say: Callable[[str], None] = print,
) -> tuple[list[Figure], str]:
    """Measures a road-sign model on this machine: some minutes, or with `quick` half a minute.

    What is compared is measured in turn, so that other work on the machine falls on all alike; compare figures of one
    run only.

    Args:
        out: folder for bench.csv and bench.md.
        size: "nano", "small" or "base".
        weights: name of pretrained weights, or the path of a bundle.
        quick: as little as shows that everything runs.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        (the figures, the machine and the versions).

    Raises:
        ValueError: the weights don't come as a bundle, or are of another model.
    """
    import mmzoo
    from mmzoo.bench.prediction import SECTION as PREDICTION
    from mmzoo.bench.prediction import prediction_figures
    from mmzoo.bench.start import start_figures
    from mmzoo.bench.training import training_figures
    from mmzoo.models.pretrained import pretrained_path
    from mmzoo.recipes.running.hardware import machine

    effort = QUICK if quick else FULL
    bundle = pathlib.Path(pretrained_path(weights, "road_sign", size))
    if not (bundle / "schema.json").is_file():
        raise ValueError(f"weights: {bundle} is no bundle; mmzoo export writes one, with the files to measure")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model = mmzoo.build_road_sign_model(size=size, weights=bundle)
    variant = "int8" if (bundle / "model_int8.tflite").is_file() else "float32"
    with tempfile.TemporaryDirectory() as folder:
        raw = _raw_sample(pathlib.Path(folder))
        say("Starting the edge runtime ...")
        figures = start_figures(bundle, raw, variant=variant, repetitions=effort.starts)
        say("Predicting ...")
        figures += prediction_figures(model, bundle, raw, rounds=effort.prediction_rounds, onnx=effort.onnx)
        say("Training ...")
        figures += training_figures(
            model, size,
            rounds=effort.training_rounds, steps=effort.steps, samples=effort.samples, xla_steps=effort.xla_steps,
        )  # fmt: skip
    sections = list(dict.fromkeys(figure.section for figure in figures))
    # What most readers look for comes first.
    sections.sort(key=lambda section: section != PREDICTION)
    figures = [figure for section in sections for figure in figures if figure.section == section]
    where = "; ".join(filter(None, [machine(), _versions(), command]))
    write_csv(figures, where, out / "bench.csv")
    write_markdown(figures, where, out / "bench.md")
    return figures, where


def _raw_sample(folder: pathlib.Path) -> dict:
    """One drawn sign, 64 pixels wide, with all that a car would know around it."""
    from PIL import Image

    from mmzoo.data.sets.rendered.scene import render_signs

    Image.fromarray(render_signs([2], image_size=(64, 64), seed=0)[0]).save(folder / "sign.png")
    return {
        "image": folder / "sign.png",
        "text": "50",
        "location": {
            "latitude": 48.1, "longitude": 11.6, "heading": 270.0, "speed": 48.0, "road_class": "residential"
        },
        "road_condition": {"surface": "wet", "weather": "rain", "light": "day", "visibility": 2000.0},
    }  # fmt: skip


def _versions() -> str:
    found = []
    for package in ("tensorflow", "ai-edge-litert", "onnxruntime"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
