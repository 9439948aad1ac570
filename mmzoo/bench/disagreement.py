"""Which input does a fused model follow where they disagree? By fusion, and by what is done against it in training.

    python -m mmzoo.bench.disagreement --data-dir DIR --out RUN        # again after an interruption: goes on

DIR holds mvsa_single_4000 and flipkart_1050 (see `mmzoo.bench.pretraining`). Each model of picture and text is trained
alike but for its fusion, the hiding of inputs, or the losses beside its own; then the text of a row of another class is
put beside each held-out picture, see `mmzoo.evaluation.disagreement`. Writes points.csv, and disagreement.md.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from mmzoo.bench.points import Points
from mmzoo.bench.pretraining import BATCH, SOURCES, load
from mmzoo.files import holding, replace_text

# What it is called -> (keywords of the builder, keywords of `mmzoo.fit`).
VARIANTS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    **{name: ({"fusion": name}, {}) for name in ("attention", "concat", "late", "product", "sum", "transformer")},
    "attention, nothing hidden": ({"modality_dropout": 0.0}, {}),
    "attention, half hidden": ({"modality_dropout": 0.5}, {}),
    "attention, alignment 0.1": ({}, {"alignment": 0.1}),
    "attention, auxiliary 0.3": ({}, {"auxiliary": 0.3}),
}
TABLE = "disagreement.md"
_SHOWN = {
    "accuracy": "accuracy",
    "follows_swapped": "follows the text",
    "follows_others": "follows the picture",
    "follows_neither": "neither",
}


@holding
def compare(
    out: str | os.PathLike,
    *,
    data_dir: str | os.PathLike,
    data: Sequence[str] = ("mvsa_single_4000",),
    variants: Sequence[str] = tuple(VARIANTS),
    seeds: int = 3,
    steps: int | None = None,
    minutes: float | None = None,
    size: str = "nano",
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Trains and measures every point that is not there yet.

    Args:
        out: folder; a point that stands in its points.csv is not trained again, an interrupted one goes on.
        data_dir: folder with the folders of the data.
        data: which of `mmzoo.bench.pretraining.SOURCES`.
        variants: some of `VARIANTS`.
        seeds: trainings of each.
        steps: of each training; None: as the data has it.
        minutes: begin no other point after so long; None: all.
        size: of the models.
        say: prints a line of progress.

    Returns:
        One row a point and figure.

    Raises:
        ValueError: an unknown variant or data set, or points in `out` of another number of steps or another size.
    """
    import mmzoo
    from mmzoo.evaluation import disagreement, measure_outputs
    from mmzoo.evaluation.arrays import predict_arrays

    for what, given, known in (("data", data, SOURCES), ("variants", variants, VARIANTS)):
        unknown = [name for name in given if name not in known]
        if unknown:
            raise ValueError(f"{what}: expected some of {list(known)}, got {unknown[0]!r}")
    out = pathlib.Path(out)
    settings = {name: {"size": size, "steps": SOURCES[name].steps if steps is None else steps} for name in data}
    points = Points(out, settings, minutes)
    for name in data:
        loaded = None
        for seed, variant in itertools.product(range(seeds), variants):
            point = {"data": name, "variant": variant, "seed": seed}
            if points.holds(point):
                continue
            if points.over:
                say(f"{minutes:g} minutes are over; call again to go on")
                return points.table
            loaded = loaded or load(SOURCES[name], pathlib.Path(data_dir))
            schema, train_rows, measured = loaded
            builder, fitting = VARIANTS[variant]
            model = mmzoo.build_multimodal_model(schema, size=size, seed=seed, **builder)
            output = SOURCES[name].output
            epochs = max(1, round(settings[name]["steps"] / max(1, len(train_rows[1][output]) // BATCH)))
            mmzoo.fit(
                model, train_rows,
                epochs=epochs, batch_size=BATCH, seed=seed, verbose=0, jit_compile=False,
                out=out / name / f"seed{seed}" / variant.replace(", ", "_").replace(" ", "_"), **fitting,
            )  # fmt: skip
            found = measure_outputs(schema, measured[1], predict_arrays(model, measured[0]))[output]
            found |= disagreement(model, *measured, "text", seed=seed)[output]
            points.add(point, {metric: found[metric] for metric in _SHOWN}, samples=found["samples"])
            say(f"{name}, {variant}, seed {seed}: " + ", ".join(f"{_SHOWN[m]} {100 * found[m]:.1f} %" for m in _SHOWN))
            replace_text(out / TABLE, markdown(points.table))
    return points.table


def markdown(table: pd.DataFrame) -> str:
    """The mean of the seeds as a Markdown table.

    Args:
        table: of `compare`.
    """
    values = 100 * table.pivot_table("value", ["data", "variant"], "metric", sort=False)[list(_SHOWN)]
    lines = ["| data | model | " + " | ".join(_SHOWN.values()) + " |", "|---|---|" + "--:|" * len(_SHOWN)]
    for (data, variant), row in values.iterrows():
        lines.append(f"| {data} | {variant} | " + " | ".join(f"{value:.1f} %" for value in row) + " |")
    return "\n".join(lines) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data", action="append", choices=list(SOURCES), help="may be repeated")
    parser.add_argument("--variant", action="append", choices=list(VARIANTS), help="may be repeated; all without")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training, of 32 rows")
    parser.add_argument("--minutes", type=float, help="begin no other training after so long")
    parser.add_argument("--size", default="nano")
    given = parser.parse_args(arguments)
    table = compare(
        given.out, data_dir=given.data_dir, data=given.data or ("mvsa_single_4000",),
        variants=given.variant or tuple(VARIANTS), seeds=given.seeds, steps=given.steps, minutes=given.minutes,
        size=given.size,
    )  # fmt: skip
    if len(table):
        print(markdown(table))


if __name__ == "__main__":
    # As in the command line: separable convolutions train faster with oneDNN.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    main()
