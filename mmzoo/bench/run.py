"""All measurements in one run."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

from mmzoo.bench.figures import Figure, write_csv, write_markdown
from mmzoo.recipes.recipe import Recipe
from mmzoo.schema import Audio, Image, Schema


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
    recipe: Recipe,
    out: str | os.PathLike,
    *,
    size: str | None = None,
    weights: str | os.PathLike | None = None,
    data: str | None = None,
    data_dir: str | os.PathLike | None = None,
    fold: int | None = None,
    options: Mapping[str, Any] | None = None,
    quick: bool = False,
    command: str = "",
    say: Callable[[str], None] = print,
) -> tuple[list[Figure], str]:
    """Measures a model of the zoo on this machine: some minutes, or with `quick` half a minute.

    What is compared is measured in turn, so that other work on the machine falls on all alike; compare figures of one
    run only.

    Args:
        recipe: the model's.
        out: folder for bench.csv and bench.md.
        size: of weights that go by a name.
        weights: name of pretrained weights, or the path of a bundle; None: those that ship first.
        data: name of a data set of the recipe; None: one that is made on the spot, or else the first.
        data_dir: its folder; without it a data set that needs one is not loaded, and training is not measured.
        fold: which of its splits.
        options: the data set's own, by name.
        quick: as little as shows that everything runs.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        (the figures, the machine and the versions).

    Raises:
        ValueError: the weights don't come as a bundle, or are of another model.
    """
    from mmzoo.bench.prediction import SECTION as PREDICTION
    from mmzoo.bench.prediction import prediction_figures
    from mmzoo.bench.start import start_figures
    from mmzoo.recipes.running.evaluating import loaded, weights_path
    from mmzoo.recipes.running.recording.hardware import machine

    effort = QUICK if quick else FULL
    size = size or recipe.default_size
    bundle = weights_path(recipe, weights, size)
    if not (bundle / "schema.json").is_file():
        raise ValueError(f"weights: {bundle} is no bundle; mmzoo export writes one, with the files to measure")
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    model = loaded(recipe, bundle, size)
    variant = "int8" if (bundle / "model_int8.tflite").is_file() else "float32"
    with tempfile.TemporaryDirectory() as folder:
        raw = raw_sample(model.schema, pathlib.Path(folder))
        say("Starting the edge runtime ...")
        figures = start_figures(bundle, raw, variant=variant, repetitions=effort.starts)
        say("Predicting ...")
        figures += prediction_figures(model, bundle, raw, rounds=effort.prediction_rounds, onnx=effort.onnx)
        say("Training ...")
        figures += _training(recipe, model, size, data, data_dir, fold, options or {}, effort)
    sections = list(dict.fromkeys(figure.section for figure in figures))
    # What most readers look for comes first.
    sections.sort(key=lambda section: section != PREDICTION)
    figures = [figure for section in sections for figure in figures if figure.section == section]
    where = "; ".join(filter(None, [machine(), _versions(), command]))
    write_csv(figures, where, out / "bench.csv")
    write_markdown(figures, where, out / "bench.md")
    return figures, where


def _training(recipe, model, size, data, data_dir, fold, options, effort):
    """Training on the recipe's own samples, where there are any without a folder that wasn't given."""
    from mmzoo.bench.training import BATCH, SECTION, training_figures
    from mmzoo.recipes.recipe import EpochContext
    from mmzoo.recipes.running.evaluating import set_on_the_spot
    from mmzoo.recipes.running.options import run_options
    from mmzoo.recipes.running.sources import shuffled_batches

    data, data_set = recipe.data_set(data or set_on_the_spot(recipe))
    if data_set.needs_folder and data_dir is None:
        note = f"give --data-dir: {data} is not made on the spot"
        return [Figure(SECTION, "through the pipeline", None, "samples/s", note=note)]
    chosen = run_options(recipe, data_set, options)
    began = time.perf_counter()
    samples = data_set(data_dir, "train", schema=model.schema, fold=fold, limit=effort.samples, **chosen.data)
    loading = len(samples) / (time.perf_counter() - began)
    if len(samples) < BATCH:
        samples = samples.take([i % len(samples) for i in range(BATCH)])
    training = dataclasses.replace(recipe.training_for(size, data), batch_size=BATCH)
    context = EpochContext(model.schema, tuple(model.schema.inputs), samples, training, data, 0, chosen.own)
    return training_figures(
        model,
        shuffled_batches(context, recipe.augment),
        bare=None if recipe.bare is None else recipe.bare(model, size),
        loading=loading,
        samples=len(samples),
        rounds=effort.training_rounds,
        steps=effort.steps,
        xla_steps=effort.xla_steps,
    )


def raw_sample(schema: Schema, folder: pathlib.Path) -> dict[str, Any]:
    """A sample as a device would get it: pictures and sounds as files, the rest as JSON holds it.

    Args:
        schema: of the model.
        folder: where the files go.
    """
    from mmzoo.exporting.golden import golden_samples

    # The first has nothing at all.
    _, raw = golden_samples(schema)[1]
    found = {}
    for name, value in raw.items():
        modality = schema.inputs[name]
        if isinstance(modality, Image):
            from PIL import Image as Pillow

            found[name] = folder / f"{name}.png"
            Pillow.fromarray(value[..., 0] if value.shape[-1] == 1 else value).save(found[name])
        elif isinstance(modality, Audio):
            import soundfile

            found[name] = folder / f"{name}.wav"
            soundfile.write(found[name], value, modality.sample_rate, subtype="PCM_16")
        else:
            found[name] = value.tolist() if hasattr(value, "tolist") else value
    return found


def _versions() -> str:
    found = []
    for package in ("tensorflow", "ai-edge-litert", "onnxruntime"):
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)
