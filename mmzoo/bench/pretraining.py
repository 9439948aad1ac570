"""What does pretraining bring with few labels? Plain training beside it, for the same number of steps.

    python -m mmzoo.bench.pretraining --data-dir DIR --out RUN                   # again after an interruption: goes on
    python -m mmzoo.bench.pretraining --data-dir DIR --out RUN --minutes 30      # stops after so long; again: goes on
    python -m mmzoo.recipes.results add-pretraining RUN                          # into saved_models/results.csv

DIR holds flipkart_1050 (name and picture of a product, its category) and mvsa_single_4000 (text and picture of a tweet,
its sentiment). For each share of the labels and each seed a model of picture and text learns

    plain         all steps with labels, all of it at once
    contrastive   half of the steps without labels, on all rows: picture and text by contrast (CLIP); half with labels
    masked        half of the steps without labels, on all texts: filling in what is hidden; half with labels
    stagewise     half of the steps each branch alone, a quarter fusion and heads, a quarter all together

so that every way sees as many batches. The rows of "val" are measured once, at the end, and used for no choice. Writes
points.csv (with the minutes that each took), pretraining.png, and results.csv with the columns of
saved_models/results.csv.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from mmzoo.bench.points import Points
from mmzoo.files import holding, replace_text
from mmzoo.recipes.pretraining_results import FILE, rows_of
from mmzoo.recipes.running.recording.hardware import machine
from mmzoo.schema import Image, Label, Schema, Text

METHODS = ("plain", "contrastive", "masked", "stagewise")
SHARES = (0.1, 0.3, 1.0)
BATCH, PICTURE, WORDS, BUCKETS = 32, 64, 64, 8_000
PLOT = "pretraining.png"


@dataclasses.dataclass(frozen=True)
class Source:
    """A table with a picture, a text and a class.

    Attributes:
        folder: in the folder of all data.
        text: column of the text.
        output: what the class is called.
        label: column of it.
        steps: of a training with all ways.
    """

    folder: str
    text: str
    output: str
    label: str
    steps: int


SOURCES = {
    "flipkart_1050": Source("flipkart_1050", "product_name", "category", "category", 600),
    "mvsa_single_4000": Source("mvsa_single_4000", "text", "sentiment", "label", 1_200),
}
Arrays = tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray]]


def load(source: Source, data_dir: pathlib.Path) -> tuple[Schema, Arrays, Arrays]:
    """(schema, training rows, rows to measure on), encoded.

    Args:
        source: which table.
        data_dir: the folder of all data.
    """
    from mmzoo.data.samples.metadata import classes_of, encoded, read_metadata

    folder = data_dir / source.folder
    table = read_metadata(folder, ("image", source.text, source.label, "suggested_split"))
    classes = tuple(sorted(set(table[source.label])))
    text = Text(WORDS, tokenizer="ngrams", buckets=BUCKETS, lowercase=True)
    schema = Schema(source.folder, {"image": Image(PICTURE, PICTURE), "text": text}, {source.output: Label(classes)})
    held_out = (table["suggested_split"] == "val").to_numpy(bool)
    parts = []
    for rows in (table[~held_out], table[held_out]):
        inputs = encoded(
            schema, {"image": rows["image"].tolist(), "text": rows[source.text].tolist()}, rows, folder
        )  # fmt: skip
        parts.append((inputs, {source.output: classes_of(rows, source.label, classes, folder)}))
    return schema, *parts


def labelled(arrays: Arrays, output: str, share: float, seed: int) -> Arrays:
    """A share of the rows, the same of each class, and one of each at least.

    Args:
        arrays: all rows.
        output: whose classes count.
        share: 0..1.
        seed: draws them; a larger share has the rows of a smaller one.
    """
    inputs, targets = arrays
    order = np.random.default_rng(seed).permutation(len(targets[output]))
    chosen = []
    for number in np.unique(targets[output]):
        of_class = order[targets[output][order] == number]
        chosen.append(of_class[: max(1, round(share * len(of_class)))])
    rows = np.sort(np.concatenate(chosen))
    return {name: array[rows] for name, array in inputs.items()}, {output: targets[output][rows]}


def train(
    method: str, schema: Schema, unlabelled: Arrays, rows: Arrays, *, steps: int, seed: int, out: pathlib.Path,
    shared: pathlib.Path, size: str = "nano",
):  # fmt: skip
    """A model trained in one of the ways.

    Args:
        method: one of `METHODS`.
        schema: of the data.
        unlabelled: all training rows, whose targets are not looked at.
        rows: those with labels.
        steps: of all parts together.
        seed: of everything random.
        out: folder of this training.
        shared: folder of what no label has a say in: it is the same for every share of them.
        size: of the model.

    Raises:
        ValueError: an unknown method.
    """
    import mmzoo
    from mmzoo.fusion import copy_branches
    from mmzoo.training import fit_stagewise, pretrain_contrastive, pretrain_masked

    if method not in METHODS:
        raise ValueError(f"method: expected one of {list(METHODS)}, got {method!r}")

    def built(fusion):
        return mmzoo.build_multimodal_model(schema, size=size, fusion=fusion, seed=seed)

    def epochs(arrays, share):
        return max(1, round(share * steps / max(1, len(arrays[1][next(iter(schema.outputs))]) // BATCH)))

    model = built("attention")
    common = {"batch_size": BATCH, "seed": seed, "verbose": 0, "jit_compile": False}
    if method == "stagewise":
        fit_stagewise(
            model, rows,
            epochs=epochs(rows, 0.5), fusion_epochs=epochs(rows, 0.25), together_epochs=epochs(rows, 0.25), out=out,
            **common,
        )  # fmt: skip
        return model
    before = {"epochs": epochs(unlabelled, 0.5), "out": shared, **common}
    if method == "contrastive":
        pretrain_contrastive(model, unlabelled[0], inputs=("image", "text"), **before)
    elif method == "masked":
        twin = built("transformer")
        pretrain_masked(twin, unlabelled[0], input="text", **before)
        copy_branches(twin, model, ["text"])
    mmzoo.fit(model, rows, epochs=epochs(rows, 1.0 if method == "plain" else 0.5), out=out, **common)
    return model


@holding
def compare(
    out: str | os.PathLike,
    *,
    data_dir: str | os.PathLike,
    data: Sequence[str] = tuple(SOURCES),
    shares: Sequence[float] = SHARES,
    methods: Sequence[str] = METHODS,
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
        data: which of `SOURCES`.
        shares: of the labels.
        methods: some of `METHODS`.
        seeds: trainings of each, which also have labels of other rows.
        steps: of each training; None: as the data has it.
        minutes: begin no other point after so long; None: all.
        size: of the models.
        say: prints a line of progress.

    Returns:
        One row a point and figure: data, share, method, seed, output, metric, value, samples, parameters, minutes.

    Raises:
        ValueError: an unknown method or data set, or points in `out` of another number of steps or another size.
    """
    from mmzoo.evaluation import measure_outputs
    from mmzoo.evaluation.arrays import predict_arrays

    unknown = [name for name in data if name not in SOURCES]
    if unknown:
        raise ValueError(f"data: expected some of {list(SOURCES)}, got {unknown[0]!r}")
    out = pathlib.Path(out)
    settings = {name: {"size": size, "steps": SOURCES[name].steps if steps is None else steps} for name in data}
    points = Points(out, settings, minutes)
    for name in data:
        source, loaded = SOURCES[name], None
        for seed, share, method in itertools.product(range(seeds), shares, methods):
            point = {"data": name, "share": share, "method": method, "seed": seed}
            if points.holds(point):
                continue
            if points.over:
                say(f"{minutes:g} minutes are over; call again to go on")
                return points.table
            loaded = loaded or load(source, pathlib.Path(data_dir))
            schema, train_rows, measured = loaded
            folder, start = out / name / f"seed{seed}", time.monotonic()
            model = train(
                method, schema, train_rows, labelled(train_rows, source.output, share, seed),
                steps=settings[name]["steps"], seed=seed, out=folder / f"{method}_{round(100 * share)}",
                shared=folder / f"{method}_unlabelled", size=size,
            )  # fmt: skip
            found = measure_outputs(schema, measured[1], predict_arrays(model, measured[0]))[source.output]
            took = round((time.monotonic() - start) / 60, 2)
            points.add(
                point, found,
                output=source.output, samples=len(measured[1][source.output]), parameters=int(model.count_params()),
                minutes=took,
            )  # fmt: skip
            accuracy = f"{100 * found['accuracy']:.1f} % ({took} min)"
            say(f"{name}, {share:.0%} of the labels, {method}, seed {seed}: {accuracy}")
            replace_text(out / FILE, rows_of(points.table, machine()).to_csv(index=False))
            picture(points.table, out / PLOT)
    return points.table


def picture(table: pd.DataFrame, path: pathlib.Path) -> None:
    """One panel a data set: accuracy over the share of the labels, the mean of the seeds and their range.

    Args:
        table: of `compare`.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure

    table = table[table.metric == "accuracy"]
    names = list(dict.fromkeys(table.data))
    figure = Figure(figsize=(4.6 * len(names), 3.6), layout="constrained", dpi=110)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for number, (method, rows) in enumerate(table[table.data == name].groupby("method", sort=False)):
            values = 100 * rows.groupby("share").value.agg(["mean", "min", "max"])
            x = [SHARES.index(share) if share in SHARES else share for share in values.index]
            spread = [values["mean"] - values["min"], values["max"] - values["mean"]]
            axes.errorbar(np.array(x) + 0.04 * number, values["mean"], spread, marker="o", capsize=3, label=method)
        axes.set_xticks(range(len(SHARES)), [f"{share:.0%}" for share in SHARES])
        axes.set(title=name, xlabel="share of the labels", ylabel="accuracy, %")
        axes.grid(alpha=0.3)
        axes.legend(loc="lower right")
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=pathlib.Path, required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data", action="append", choices=list(SOURCES), help="may be repeated; all without")
    parser.add_argument("--share", action="append", type=float, help="of the labels; may be repeated")
    parser.add_argument("--method", action="append", choices=METHODS, help="may be repeated; all without")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of each training, of 32 rows")
    parser.add_argument("--minutes", type=float, help="begin no other training after so long")
    parser.add_argument("--size", default="nano")
    given = parser.parse_args(arguments)
    table = compare(
        given.out, data_dir=given.data_dir, data=given.data or tuple(SOURCES), shares=given.share or SHARES,
        methods=given.method or METHODS, seeds=given.seeds, steps=given.steps, minutes=given.minutes, size=given.size,
    )  # fmt: skip
    if table.empty:
        return
    accuracy = table[table.metric == "accuracy"]
    print(accuracy.pivot_table("value", ["data", "share"], "method").mul(100).round(1).to_string())


if __name__ == "__main__":
    # As in the command line: separable convolutions train faster with oneDNN.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    main()
