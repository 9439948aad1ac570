"""The demo: from nothing but the package to predictions on the edge runtime, in a few minutes on two cores."""

from __future__ import annotations

import pathlib
import time

import numpy as np
from rich.console import Console
from rich.table import Table

CONTEXT = ("text", "location", "road_condition")
IMAGES, EPOCHS, TEST_IMAGES = 4_300, 3, 2_150
# Two thousand drawn signs, many of them hardly readable, can't tell a loss of 0.3 points from chance.
INT8_TOLERANCE = 0.01


def run(out: str | pathlib.Path, *, seed: int = 0, images: int = IMAGES, epochs: int = EPOCHS) -> dict[str, float]:
    """Renders signs, fine-tunes the nano model on them, evaluates, exports, checks parity, predicts on the edge.

    Args:
        out: folder for everything it writes; what an earlier demo left there is replaced.
        seed: of everything random.
        images: number of training images.
        epochs: passes over them.

    Returns:
        The figures of the table it prints, by name.
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
        from mmzoo.data.sets.road_signs import load_road_signs
        from mmzoo.evaluation.pictures import sample_sheet

    with console.status("Rendering road signs ..."):
        rendering = time.perf_counter()
        train = load_road_signs("rendered", "train", limit=images, seed=seed)
        test = load_road_signs("rendered", "test", limit=TEST_IMAGES, seed=seed)
        rate = (len(train.labels) + len(test.labels)) / (time.perf_counter() - rendering)
    console.print(f"[bold]1[/] Rendered {len(train.labels):,} road signs to train on and {len(test.labels):,} to test "
                  f"with, {rate:,.0f} images/s. {test.note.capitalize()}.")  # fmt: skip

    model = mmzoo.build_road_sign_model(size="nano", weights="gtsrb", seed=seed)
    console.print(f"[bold]2[/] Fine-tuning build_road_sign_model(size='nano', weights='gtsrb'), "
                  f"{model.count_params():,} parameters:")  # fmt: skip
    batches = from_arrays(
        train.inputs(model.schema), train.targets,
        batch_size=64, shuffle=True, seed=seed, augmentation=ImageAugmentation(darken=0.0),
    )  # fmt: skip
    mmzoo.fit(model, batches, epochs=epochs, learning_rate=1e-3, seed=seed, verbose=1)

    data = (test.inputs(model.schema), test.targets)
    with console.status("Evaluating, with every subset of the inputs ..."):
        result = mmzoo.evaluate(model, data, out=out / "evaluation", note=test.note)
    arms = {tuple(name for name in model.schema.inputs if row[name]): row["sign_accuracy"]
            for row in result.missing_inputs.to_dict("records")}  # fmt: skip
    console.print("[bold]3[/] Evaluated on signs it has not seen.")

    with console.status("Exporting: SavedModel, LiteRT float32, dynamic int8, int8; checking each against Keras ..."):
        bundle = mmzoo.export(model, out / "bundle", samples=[data], overwrite=True, int8_tolerance=INT8_TOLERANCE)
    console.print(f"[bold]4[/] Exported to {bundle.path}; every file agrees with the Keras model (parity.json).")

    edge = mmzoo.edge.load(bundle.path, variant="int8")
    shown = np.random.default_rng(seed).choice(len(test.labels), 16, replace=False)
    classes = model.schema["sign"].classes
    titles = []
    for i in shown:
        prediction = edge.predict(image=test.images[i], top=1)["sign"]
        (name, probability), truth = next(iter(prediction.items())), classes[test.labels[i]]
        titles.append(f"{name}\n{100 * probability:.0f} %" + ("" if name == truth else f"\n(true: {truth})"))
    sample_sheet(
        test.images[shown], titles, out / "predictions.png", title=f"int8 file on the edge runtime; {test.note}"
    )
    console.print("[bold]5[/] Predicted 16 signs with the int8 file on the edge runtime, images alone.")

    figures = {
        "all inputs": arms[tuple(model.schema.inputs)],
        "image alone": arms[("image",)],
        "context alone (text, location, road condition)": arms[CONTEXT],
    }
    table = Table(title=f"{test.note}; {result.samples:,} test signs, one seed")
    table.add_column("top-1 accuracy with")
    table.add_column("", justify="right")
    for name, value in figures.items():
        table.add_row(name, f"{100 * value:.1f} %")
    table.add_section()
    for file in sorted(bundle.path.glob("*.tflite")):
        table.add_row(file.name, f"{file.stat().st_size / 1000:,.0f} KB")
    console.print(table)
    console.print(f"Pictures: {out}/predictions.png, {out}/evaluation/confusion_sign.png")
    console.print(f"Tables:   {out}/evaluation/missing_inputs.md, {bundle.path}/parity.json")
    console.print(f"Done in {time.perf_counter() - started:.0f} s. Next: mmzoo predict {bundle.path} --image YOUR.jpg")
    return figures
