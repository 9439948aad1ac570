"""How many real pictures a class does a road-sign model need? From drawn signs and from scratch.

    python -m mmzoo.recipes.few_shot --data-dir DIR --out RUN      # again after an interruption: goes on

For each number of real GTSRB pictures a class, the model is trained on them alone, once from the weights of drawn
signs ("rendered") and once from nothing, both for the same number of steps. Measured on the camera alone, on the tracks
of the validation split. Writes few_shot.csv and few_shot.png; `python -m mmzoo.recipes.results add-few-shot RUN` puts
the figures into saved_models/results.csv, from where they come into the README.
"""

from __future__ import annotations

import argparse
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from mmzoo.files import holding, replace_text
from mmzoo.recipes.few_shot_results import SCRATCH, STARTS

# Real pictures a class (None: all there are) -> steps of 64 pictures; 0 is the start as it is.
STEPS = {0: 0, 1: 500, 5: 1_000, 20: 2_000, None: 4_000}
BATCH_SIZE = 64
STEPS_PER_EPOCH = 100


@holding
def few_shot_curve(
    out: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    size: str = "small",
    starts: Sequence[str] = tuple(STARTS),
    steps: Mapping[int | None, int] = STEPS,
    fold: int = 0,
    seed: int = 0,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Trains and measures every point of the curve.

    Args:
        out: folder; a point that stands in its few_shot.csv is not trained again, an interrupted one goes on.
        data_dir: where the official GTSRB archives are; None downloads them.
        size: "nano", "small" or "base".
        starts: weights to start from (a name or file), or "scratch" for fresh ones.
        steps: real pictures a class, None for all -> training steps.
        fold: which of the five splits by track.
        seed: of the pictures chosen, the order and the fresh weights.
        say: prints a line of progress.

    Returns:
        One row a point: start, pictures a class (NaN: all), pictures in all, steps, accuracy, samples.
    """
    import mmzoo
    from mmzoo.data.sets.road_signs import load_road_signs
    from mmzoo.recipes.zoo.road_sign import OUTPUT, TRAINING, adjust, image_only

    # As for drawn signs: the curve goes from one to the other.
    out, recipe = pathlib.Path(out), adjust(TRAINING[size], "rendered")
    out.mkdir(parents=True, exist_ok=True)
    table = out / "few_shot.csv"
    rows = pd.read_csv(table).to_dict("records") if table.is_file() else []
    done = {(row["start"], None if pd.isna(row["per_class"]) else int(row["per_class"])) for row in rows}
    signs = load_road_signs("gtsrb", "train", data_dir=data_dir, fold=fold)
    held_out = load_road_signs("gtsrb", "validation", data_dir=data_dir, fold=fold)
    for start in starts:
        for per_class, count in steps.items():
            if (start, per_class) in done or (start == SCRATCH and not count):
                continue
            model = mmzoo.build_road_sign_model(
                size=size,
                weights=None if start == SCRATCH else start,
                seed=seed,
                dropout=recipe.dropout,
                modality_dropout=recipe.modality_dropout,
            )
            chosen = signs if per_class is None else signs.few(per_class, seed)
            if count:
                mmzoo.fit(
                    model,
                    _batches(chosen, model.schema, recipe, seed),
                    epochs=max(1, count // STEPS_PER_EPOCH),
                    steps_per_epoch=min(count, STEPS_PER_EPOCH),
                    learning_rate=recipe.learning_rate / 2,
                    label_smoothing=recipe.label_smoothing,
                    ema=0.99,
                    out=out / f"{pathlib.PurePath(start).stem}_{'all' if per_class is None else per_class}",
                    seed=seed,
                    verbose=0,
                )
            inputs, targets = image_only(model.schema, held_out.inputs(model.schema), held_out.targets)
            guess = model.predict(inputs, batch_size=512, verbose=0)[OUTPUT].argmax(axis=1)
            rows.append(
                {
                    "start": start,
                    "per_class": per_class,
                    "images": len(chosen.labels),
                    "steps": count,
                    "accuracy": round(float((guess == targets[OUTPUT]).mean()), 5),
                    "samples": len(guess),
                }
            )
            amount = "all" if per_class is None else per_class
            say(f"{STARTS.get(start, start)}, {amount} real pictures a class: {100 * rows[-1]['accuracy']:.2f} %")
            frame = pd.DataFrame(rows).astype({"per_class": "Int64"})
            replace_text(table, frame.to_csv(index=False))
    frame = pd.DataFrame(rows).astype({"per_class": "Int64"})
    picture(frame, out / "few_shot.png")
    return frame


def _batches(signs, schema, recipe, seed):
    from mmzoo.data.augmentation import ImageAugmentation
    from mmzoo.data.pipeline import from_arrays

    inputs, augmentation = signs.inputs(schema), ImageAugmentation(**recipe.augmentation)

    def epoch_data(epoch):
        return from_arrays(
            inputs,
            signs.targets,
            batch_size=BATCH_SIZE,
            shuffle=True,
            repeat=True,
            seed=10_007 * seed + epoch,
            augmentation=augmentation,
        )

    return epoch_data


def picture(table: pd.DataFrame, path: str | os.PathLike) -> None:
    """The curve as a picture.

    Args:
        table: of `few_shot_curve`.
        path: PNG file to write.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.6), layout="constrained", dpi=110)
    axes = figure.add_subplot()
    counts = [*sorted(table.per_class.dropna().unique()), pd.NA]
    places = {str(count): place for place, count in enumerate(counts)}
    for number, (start, rows) in enumerate(table.groupby("start", sort=False)):
        x = [places[str(count)] for count in rows.per_class]
        axes.plot(x, 100 * rows.accuracy, marker="o", label=STARTS.get(start, start))
        for place, accuracy in zip(x, rows.accuracy, strict=True):
            axes.annotate(f"{100 * accuracy:.1f}", (place, 100 * accuracy), (0, -14 if number else 6),
                          textcoords="offset points", ha="center", fontsize=8)  # fmt: skip
    axes.set_xticks(range(len(counts)), ["all" if count is pd.NA else str(count) for count in counts])
    axes.set(xlabel="real pictures a class", ylabel="accuracy on held-out tracks, %", ylim=(0, 108))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--size", default="small")
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    table = few_shot_curve(
        options.out, data_dir=options.data_dir, size=options.size, fold=options.fold, seed=options.seed
    )
    print(table.to_string(index=False))


if __name__ == "__main__":
    # As in the command line: separable convolutions train faster with oneDNN.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    main()
