"""The demo: from nothing but the package to predictions on the edge runtime, in a few minutes on two cores.

The pretrained nano model learns seven signs that it has no name for, and keeps the 43 it knows.
"""

from __future__ import annotations

import itertools
import pathlib
import time

import numpy as np
from rich.console import Console
from rich.table import Table

IMAGES, EPOCHS, TEST_IMAGES = 5_000, 7, 2_500
# Two thousand drawn signs, many of them hardly readable, can't tell a loss of 0.3 points from chance.
INT8_TOLERANCE = 0.01
# What the table shows, as inputs that are missing.
CASES = {
    "all inputs": (),
    "without the text": ("text",),
    "without the location": ("location",),
    "without the road condition": ("road_condition",),
    "without the image": ("image",),
    "image alone": ("text", "location", "road_condition"),
}


def run(out: str | pathlib.Path, *, seed: int = 0, images: int = IMAGES, epochs: int = EPOCHS) -> dict[str, float]:
    """Teaches the nano model drawn signs that it doesn't know, evaluates, exports, checks parity, predicts on the edge.

    Args:
        out: folder for everything it writes; what an earlier demo left there is replaced.
        seed: of everything random.
        images: number of training images.
        epochs: passes over them.

    Returns:
        The figures of the table it prints: "<new or known> signs <before or after>, <inputs>" -> accuracy.
    """
    console = Console()
    out = pathlib.Path(out)
    out.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    with console.status("Loading TensorFlow ..."):
        import mmzoo
        import mmzoo.edge
        from mmzoo.data.augmentation import ImageAugmentation
        from mmzoo.data.pipeline import from_arrays
        from mmzoo.data.sets.rendered import EXTRA_SIGNS
        from mmzoo.data.sets.road_signs import load_road_signs
        from mmzoo.evaluation.pictures import sample_sheet

    before = mmzoo.build_road_sign_model(size="nano", weights="gtsrb")
    known = before.schema["sign"].classes
    classes = (*known, *EXTRA_SIGNS)
    with console.status("Rendering road signs ..."):
        rendering = time.perf_counter()
        drawn = {"num_classes": len(classes), "seed": seed}
        train = load_road_signs("rendered", "train", limit=images, **drawn)
        test = load_road_signs("rendered", "test", limit=TEST_IMAGES, **drawn)
        rate = (len(train.labels) + len(test.labels)) / (time.perf_counter() - rendering)
    console.print(f"[bold]1[/] Rendered {len(train.labels):,} road signs to train on and {len(test.labels):,} to test "
                  f"with, {rate:,.0f} images/s; {len(EXTRA_SIGNS)} of the {len(classes)} signs are new to the "
                  f"pretrained model. {test.note.capitalize()}.")  # fmt: skip

    model = mmzoo.build_road_sign_model(size="nano", weights="gtsrb", classes=classes, seed=seed)
    console.print(f"[bold]2[/] Fine-tuning build_road_sign_model(size='nano', weights='gtsrb', classes=[... "
                  f"{len(classes)} names]), {model.count_params():,} parameters:")  # fmt: skip
    batches = from_arrays(
        train.inputs(model.schema), train.targets,
        batch_size=64, shuffle=True, seed=seed, augmentation=ImageAugmentation(darken=0.0),
    )  # fmt: skip
    mmzoo.fit(model, batches, epochs=epochs, learning_rate=2e-3, seed=seed, verbose=1)

    data = (test.inputs(model.schema), test.targets)
    with console.status("Evaluating, with every subset of the inputs ..."):
        result = mmzoo.evaluate(model, data, out=out / "evaluation", note=test.note)
        figures = _figures({"before": before, "after": model}, data, len(known))
    console.print("[bold]3[/] Evaluated on signs it has not seen, before and after.")

    with console.status("Exporting: SavedModel, LiteRT float32, dynamic int8, int8; checking each against Keras ..."):
        bundle = mmzoo.export(model, out / "bundle", samples=[data], overwrite=True, int8_tolerance=INT8_TOLERANCE)
    console.print(f"[bold]4[/] Exported to {bundle.path}; every file agrees with the Keras model (parity.json).")

    edge = mmzoo.edge.load(bundle.path, variant="int8")
    rng = np.random.default_rng(seed)
    # Half of the pictures are of the new signs.
    new, old = (rng.permutation(np.flatnonzero(part))[:8] for part in _parts(test.labels, len(known)).values())
    shown = rng.permutation(np.concatenate([new, old]))
    titles = []
    for i in shown:
        prediction = edge.predict(image=test.images[i], top=1)["sign"]
        (name, probability), truth = next(iter(prediction.items())), classes[test.labels[i]]
        titles.append(f"{name}\n{100 * probability:.0f} %" + ("" if name == truth else f"\n(true: {truth})"))
    sample_sheet(
        test.images[shown], titles, out / "predictions.png", title=f"int8 file on the edge runtime; {test.note}"
    )
    console.print("[bold]5[/] Predicted 16 signs with the int8 file on the edge runtime, images alone.")

    console.print(_table(figures, f"{test.note}; {result.samples:,} test signs, one seed"))
    files = Table(show_header=False)
    for file in sorted(bundle.path.glob("*.tflite")):
        files.add_row(file.name, f"{file.stat().st_size / 1000:,.0f} KB")
    console.print(files)
    console.print(f"Pictures: {out}/predictions.png, {out}/evaluation/confusion_sign.png")
    console.print(f"Tables:   {out}/evaluation/missing_inputs.md, {bundle.path}/parity.json")
    console.print(f"Done in {time.perf_counter() - started:.0f} s. Next: mmzoo predict {bundle.path} --image YOUR.jpg")
    return figures


def _parts(labels, known):
    return {"new": labels >= known, "known": labels < known}


def _figures(models, data, known):
    """Accuracy on the new and on the known signs, before and after, as in `CASES`."""
    from mmzoo.evaluation import hide_inputs
    from mmzoo.evaluation.arrays import predict_arrays

    inputs, targets = data
    labels = targets["sign"]
    figures = {}
    for (when, model), (case, hidden) in itertools.product(models.items(), CASES.items()):
        predicted = predict_arrays(model, hide_inputs(inputs, model.schema, hidden))["sign"]
        right = predicted.argmax(axis=1) == labels
        for part, rows in _parts(labels, known).items():
            figures[f"{part} signs {when}, {case}"] = float(right[rows].mean())
    return figures


def _table(figures, title):
    table = Table(title=title)
    table.add_column("top-1 accuracy", no_wrap=True)
    columns = [f"{part} signs {when}" for part in ("new", "known") for when in ("before", "after")]
    for column in columns:
        table.add_column(column.replace(" signs ", " signs\n"), justify="right")
    for case in CASES:
        table.add_row(case, *(f"{100 * figures[f'{column}, {case}']:.1f} %" for column in columns))
    return table
