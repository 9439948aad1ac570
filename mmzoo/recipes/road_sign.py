"""Road signs: GTSRB or drawn signs, with simulated context: training, evaluation, export."""

from __future__ import annotations

import dataclasses
import os
import pathlib
from collections.abc import Callable

from mmzoo.recipes.road_sign_recipe import recipe_for
from mmzoo.recipes.run_record import RunRecord, machine, origin

OUTPUT = "sign"
# A fresh draw of contexts and drawn signs costs seconds: a few are made and taken in turn.
DRAWS = 4
# Seeds of the drawn signs that are mixed in, away from those of the "rendered" data.
DRAWN_SEED = 1_000_000


def train(
    out: str | os.PathLike,
    *,
    size: str = "small",
    data: str = "gtsrb",
    data_dir: str | os.PathLike | None = None,
    fold: int | None = 0,
    seed: int = 0,
    epochs: int | None = None,
    weights: str | None = None,
    teacher: str | os.PathLike | None = None,
    limit: int | None = None,
    jit_compile: bool | str = "auto",
    tensorboard: bool = False,
    export_bundle: bool = True,
    verbose: int | str = "auto",
    command: str = "",
    say: Callable[[str], None] = print,
) -> RunRecord:
    """Trains, evaluates and exports in one go; called again after an interruption, it goes on where it was.

    Args:
        out: folder of the run: training/ (history, checkpoints), evaluation/, bundle/, run.json.
        size: "nano", "small" or "base".
        data: "gtsrb" or "rendered".
        data_dir: gtsrb: where the official archives are; None downloads them.
        fold: gtsrb: which of the five splits by track; None trains on all tracks, so that nothing is left to measure
            on: what the recipe is worth is then what its runs on folds say.
        seed: of everything random.
        epochs: instead of the recipe's.
        weights: pretrained weights to start from.
        teacher: a road-sign model to learn from, see `mmzoo.training.distillation`: a .keras file, a bundle, or the
            name of a bundle that comes with mmzoo.
        limit: at most so many training images.
        jit_compile: XLA: "auto" (measured on a CPU), True or False.
        tensorboard: also write TensorBoard logs.
        export_bundle: also export.
        verbose: of `mmzoo.fit`.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        The record of the run.
    """
    import mmzoo
    from mmzoo.data.augmentation import ImageAugmentation
    from mmzoo.data.pipeline import from_arrays
    from mmzoo.data.sets.road_signs import load_road_signs
    from mmzoo.training.distillation import taught

    recipe = recipe_for(size, data, epochs)
    augmentation = ImageAugmentation(**recipe.augmentation, bleach=recipe.bleach)
    out = pathlib.Path(out)
    model = mmzoo.build_road_sign_model(
        size=size, weights=weights, seed=seed, dropout=recipe.dropout, modality_dropout=recipe.modality_dropout
    )
    say(f"Loading {data} ...")
    loading = {"data_dir": data_dir, "fold": fold, "seed": seed}
    signs = load_road_signs(data, "train", limit=limit, **loading)
    held_out = None if fold is None else load_road_signs(data, "validation", **loading)
    count = len(held_out.labels) if held_out else 0
    say(f"{len(signs.labels):,} training and {count:,} validation images; {signs.note}.")
    learnt_from = None if teacher is None else mmzoo.load_model(teacher)
    draws: dict[int, tuple] = {}

    def epoch_data(epoch: int):
        draw = epoch % DRAWS
        if draw not in draws:
            mixed = signs.with_drawn(recipe.drawn, DRAWN_SEED + DRAWS * seed + draw)
            draws[draw] = mixed.inputs(model.schema, epoch=draw), mixed.targets
        inputs, targets = draws[draw]
        batches = from_arrays(
            inputs,
            targets,
            batch_size=recipe.batch_size,
            shuffle=True,
            drop_remainder=len(signs.labels) > recipe.batch_size,
            seed=10_007 * seed + epoch,
            augmentation=augmentation,
        )
        return batches if learnt_from is None else taught(batches, learnt_from, recipe.teaching)

    mmzoo.fit(
        model,
        epoch_data,
        # Watched on the camera alone, which is what the weights are for.
        held_out and image_only(model.schema, (held_out.inputs(model.schema), held_out.targets)),
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        label_smoothing=recipe.label_smoothing,
        class_weight=recipe.class_weight,
        ema=recipe.ema,
        # The last epoch, not the best on the images that the figures are for.
        restore_best=False,
        jit_compile=jit_compile,
        out=out / "training",
        seed=seed,
        tensorboard=tensorboard,
        verbose=verbose,
    )
    if fold is None:
        result, record = None, _record(model, size=size, data=data, note=signs.note, seed=seed, command=command)
    else:
        record, result = evaluate(
            out / "evaluation", model=model, data=data, data_dir=data_dir, split="validation", fold=fold, size=size,
            seed=seed, command=command, say=say,
        )  # fmt: skip
    record = dataclasses.replace(
        record,
        recipe={**dataclasses.asdict(recipe), "augmentation": dataclasses.asdict(augmentation)},
        training={
            "images": len(signs.labels),
            "epochs": recipe.epochs,
            "minutes": _minutes(out / "training"),
            "weights": origin(weights),
            "teacher": origin(teacher),
            "limit": limit,
        },
    )
    if export_bundle:
        bundle = export(
            model, out / "bundle", data=data, data_dir=data_dir, fold=fold, record=record, overwrite=True, say=say
        )
        record = dataclasses.replace(record, parity=bundle.parity)
        if result:
            # Once more, as it shows the files too.
            _write(out / "evaluation", record, result, bundle.path)
    record.save(out / "run.json")
    return record


def evaluate(
    out: str | os.PathLike,
    *,
    model=None,
    size: str = "small",
    weights: str | None = "gtsrb",
    data: str = "gtsrb",
    data_dir: str | os.PathLike | None = None,
    split: str = "validation",
    fold: int = 0,
    seed: int = 0,
    limit: int | None = None,
    command: str = "",
    say: Callable[[str], None] = print,
):
    """Evaluates weights, or a model, on a split: metrics, missing-input table under camera failures, report.

    Args:
        out: folder for the files, see `mmzoo.evaluate`, and run.json.
        model: the model; None builds it from `size` and `weights`.
        size, weights: see `build_road_sign_model`.
        data, data_dir, split, fold, seed, limit: see `load_road_signs`.
        command: what the user typed, for the record.
        say: prints a line of progress.

    Returns:
        (the record of the run, the `Evaluation`).
    """
    import mmzoo
    from mmzoo.data.corruption import CAMERA_FAILURES
    from mmzoo.data.sets.road_signs import load_road_signs

    bundle = None
    if model is None:
        model = mmzoo.build_road_sign_model(size=size, weights=weights)
        bundle = _bundle_of(weights, size)
    signs = load_road_signs(
        data, split, data_dir=data_dir, fold=fold, seed=seed, limit=limit, image_size=model.schema["image"].shape[:2]
    )
    # The weights that come with mmzoo have seen all of gtsrb but the official test.
    trained_on = ("train", "validation") if data == "gtsrb" else ("train",)
    held_out = bundle is None or weights != data or split not in trained_on
    note = signs.note if held_out else f"{signs.note}; these images were trained on, so these are no figures to quote"
    say(f"Evaluating on {len(signs.labels):,} images of {data} {split} ({note}) ...")
    samples = (signs.inputs(model.schema), signs.targets)
    result = mmzoo.evaluate(model, samples, note=note, failures=CAMERA_FAILURES)
    record = dataclasses.replace(
        _record(model, size=size, data=data, note=note, seed=seed, command=command),
        # Weights measured on other data than they were trained on go by the name of their bundle.
        model=bundle.name if bundle and weights != data else f"road_sign_{size}",
        split=f"{split} (fold {fold})" if data == "gtsrb" and split != "test" else split,
        samples=result.samples,
        held_out=held_out,
        metrics=result.metrics[OUTPUT],
        arms=_arms(result.missing_inputs, model.schema, f"{OUTPUT}_accuracy"),
        failures={
            failure: _arms(result.missing_inputs, model.schema, f"{OUTPUT}_accuracy_{failure}")
            for failure in CAMERA_FAILURES
        },
    )
    _write(out, record, result, bundle)
    record.save(pathlib.Path(out) / "run.json")
    return record, result


def export(
    model,
    path: str | os.PathLike,
    *,
    data: str = "gtsrb",
    data_dir: str | os.PathLike | None = None,
    fold: int | None = 0,
    record: RunRecord | None = None,
    overwrite: bool = False,
    say: Callable[[str], None] = print,
):
    """Writes the bundle: calibrated and checked on real samples, with a card if there is a record.

    Args:
        model: the trained model.
        path: folder to write.
        data, data_dir, fold: the validation split that the samples are; without a fold that of the first, since how
            far a file is from the Keras model can be seen on any picture.
        record: of the training, for the card.
        overwrite: replace a bundle that is there.
        say: prints a line of progress.

    Returns:
        The `Bundle`.
    """
    import mmzoo
    from mmzoo.data.sets.road_signs import load_road_signs

    signs = load_road_signs(data, "validation", data_dir=data_dir, fold=fold or 0)
    say(f"Exporting to {path} and checking every file against the Keras model ...")
    card = None if record is None else _card(record, model.schema)
    samples = [(signs.inputs(model.schema), signs.targets)]
    return mmzoo.export(model, path, samples=samples, card=card, overwrite=overwrite, parity_samples=len(signs.labels))


def image_only(schema, data):
    """(inputs, targets) with every input but the camera's missing."""
    from mmzoo.evaluation import hide_inputs

    inputs, targets = data
    return hide_inputs(inputs, schema, [name for name in schema.inputs if name != "image"]), targets


def _record(model, *, size, data, note, seed, command) -> RunRecord:
    """The record of a model that was not evaluated."""
    return RunRecord(
        model=f"road_sign_{size}",
        data=data,
        split="none: all tracks were trained on",
        note=note,
        seed=seed,
        samples=0,
        parameters=model.count_params(),
        metrics={},
        arms={},
        machine=machine(),
        held_out=False,
        command=command,
    )


def _bundle_of(weights, size):
    """The bundle that pretrained weights lie in, or None."""
    from mmzoo.models.pretrained import pretrained_path

    path = None if weights is None else pretrained_path(weights, "road_sign", size)
    return path if path and (path / "parity.json").is_file() else None


def _write(out, record, result, bundle):
    by_track = record.held_out and record.split.startswith("validation (")
    whole_tracks = "no physical sign is also in the training data; " if by_track else ""
    result.write(
        out,
        title=f"{record.model} on {record.data}, {record.split}",
        about=f"{record.parameters:,} parameters; {whole_tracks}one seed ({record.seed})",
        command=record.command,
        machine=record.machine,
        bundle=bundle,
    )


def _card(record, schema):
    from mmzoo.recipes.card import road_sign_card
    from mmzoo.recipes.context_only import context_only_accuracy

    found = context_only_accuracy()
    return road_sign_card(record, schema, max(found["forest"], found["logistic"]))


def _minutes(folder: pathlib.Path) -> float:
    """Time of all epochs, those before an interruption included."""
    import pandas as pd

    return round(float(pd.read_csv(folder / "history.csv").seconds.sum()) / 60, 1)


def _arms(table, schema, column) -> dict[str, float]:
    """A column of the missing-input table, by the names of the inputs given."""
    return {"+".join(name for name in schema.inputs if row[name]): row[column] for row in table.to_dict("records")}
