"""The command line: `mmzoo list | demo | inspect | prepare | train | evaluate | export | predict | bench`."""

from __future__ import annotations

import os
import pathlib
import shlex
import sys
from typing import Annotated

import typer

from mmzoo.models.registry import list_models

app = typer.Typer(
    help="Small multimodal Keras models, from a folder of files to a chip.",
    no_args_is_help=True,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)

_MODELS, _OWN = "A model of the zoo", "Own data"

Model = Annotated[str, typer.Argument(help="Name of the model, see `mmzoo list`.")]
Size = Annotated[str, typer.Option(help="nano, small or base.")]
Data = Annotated[str, typer.Option(help="gtsrb or rendered.")]
DataDir = Annotated[
    pathlib.Path | None, typer.Option(help="gtsrb: folder of the official archives; without it they are downloaded.")
]
Fold = Annotated[int, typer.Option(help="gtsrb: which of the five splits by track.", min=0, max=4)]
Seed = Annotated[int, typer.Option(help="Of everything random.", min=0)]
Weights = Annotated[str | None, typer.Option(help="gtsrb, rendered, or a .keras file or bundle.")]
Limit = Annotated[int | None, typer.Option(help="At most so many images.", min=1)]


@app.command("list")
def list_command() -> None:
    """Lists the models and the pretrained weights that come with them."""
    from mmzoo.bundles import shipped_bundles

    for name in list_models():
        print(name)
        for bundle in shipped_bundles(name):
            print(f"    {bundle.path.name}")


@app.command()
def demo(
    out: Annotated[pathlib.Path, typer.Option(help="Folder for everything it writes.")] = pathlib.Path("mmzoo-demo"),
    seed: Seed = 0,
) -> None:
    """Renders road signs, trains, evaluates, exports and predicts on the edge runtime, in a few minutes."""
    from mmzoo.recipes.demo import run

    run(out, seed=seed)


@app.command()
def train(
    what: Annotated[str, typer.Argument(help="A model, see `mmzoo list`; or own data: a CSV file or prepared folder.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the run; an interrupted run in it goes on.")],
    size: Size = "small",
    seed: Seed = 0,
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.", min=1)] = None,
    export: Annotated[bool, typer.Option(help="Also write the bundle.")] = True,
    # Models -----------------------------------------------------------------------------------------------------
    data: Annotated[str, typer.Option(help="gtsrb or rendered.", rich_help_panel=_MODELS)] = "gtsrb",
    data_dir: Annotated[
        pathlib.Path | None, typer.Option(help="gtsrb: folder of the official archives.", rich_help_panel=_MODELS)
    ] = None,
    fold: Annotated[
        int, typer.Option(help="gtsrb: which of the five splits by track.", min=0, max=4, rich_help_panel=_MODELS)
    ] = 0,
    all_tracks: Annotated[
        bool,
        typer.Option(
            "--all-tracks",
            help="gtsrb: train on all tracks; nothing is left to measure on.",
            rich_help_panel=_MODELS,
        ),
    ] = False,
    weights: Annotated[
        str | None, typer.Option(help="gtsrb, rendered, or a .keras file or bundle.", rich_help_panel=_MODELS)
    ] = None,
    teacher: Annotated[
        pathlib.Path | None,
        typer.Option(
            help="A larger model to learn from: a .keras file, a bundle, or the name of one of `mmzoo list`.",
            rich_help_panel=_MODELS,
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many images.", min=1, rich_help_panel=_MODELS)] = None,
    xla: Annotated[
        bool | None,
        typer.Option("--xla/--no-xla", help="Compile the training with XLA, or don't.", rich_help_panel=_MODELS),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option(help="Also write TensorBoard logs (needs mmzoo\\[tensorboard]).", rich_help_panel=_MODELS)
    ] = False,
    # Own data ---------------------------------------------------------------------------------------------------
    target: Annotated[
        list[str] | None, typer.Option(help="Column to predict; may be repeated.", rich_help_panel=_OWN)
    ] = None,
    schema: Annotated[
        pathlib.Path | None,
        typer.Option(help="schema.json, as `mmzoo inspect` writes it, instead of --target.", rich_help_panel=_OWN),
    ] = None,
    root: Annotated[
        pathlib.Path | None, typer.Option(help="Paths are relative to it, not to the table.", rich_help_panel=_OWN)
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option(help="COLUMN=KIND, see `mmzoo inspect -h`.", rich_help_panel=_OWN)
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(help="location=lat,lon: sensors of an input of their own.", rich_help_panel=_OWN),
    ] = None,
    image_size: Annotated[
        int | None, typer.Option(help="Height and width of pictures in the model.", min=1, rich_help_panel=_OWN)
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Column that says which split a row belongs to.", rich_help_panel=_OWN)
    ] = None,
    split_group: Annotated[
        str | None,
        typer.Option(help="Column: rows equal in it (a patient, a track) stay in one split.", rich_help_panel=_OWN),
    ] = None,
    split_time: Annotated[
        str | None, typer.Option(help="Column: the latest rows are the test.", rich_help_panel=_OWN)
    ] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(help="Word in the target for 'not known yet'; such rows are left out.", rich_help_panel=_OWN),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(help="Words in texts to mask, as a regular expression; may be repeated.", rich_help_panel=_OWN),
    ] = None,
    fewest: Annotated[
        int, typer.Option(help="Classes with fewer rows are one, '(other)'.", min=1, rich_help_panel=_OWN)
    ] = 3,
    fusion: Annotated[str, typer.Option(help="attention, concat or sum.", rich_help_panel=_OWN)] = "attention",
    text: Annotated[
        str,
        typer.Option(help="ngrams, bytes, wordpiece, or a keras-hub preset: a folder, a name.", rich_help_panel=_OWN),
    ] = "ngrams",
    image: Annotated[
        str, typer.Option(help="separable, vgg, or a keras-hub preset: a folder, a name.", rich_help_panel=_OWN)
    ] = "separable",
    finetune: Annotated[str, typer.Option(help="Of a preset: frozen, lora or full.", rich_help_panel=_OWN)] = "frozen",
    class_weight: Annotated[
        str | None, typer.Option(help="sqrt or balanced: rare classes count more.", rich_help_panel=_OWN)
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Trainings, each with another split and start.", min=1, rich_help_panel=_OWN)
    ] = 1,
    arms: Annotated[
        bool, typer.Option(help="Also each input alone and plain concatenation.", rich_help_panel=_OWN)
    ] = True,
    baseline: Annotated[
        bool, typer.Option(help="Also scikit-learn on the columns and texts.", rich_help_panel=_OWN)
    ] = True,
    on_error: Annotated[
        str, typer.Option(help="raise, or skip to leave out bad rows.", rich_help_panel=_OWN)
    ] = "raise",
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Also read files outside of the root.", rich_help_panel=_OWN)
    ] = False,
) -> None:
    """Trains, evaluates and exports in one go: a model from its recipe, or a model for a table of own data."""
    if what not in list_models():
        from mmzoo.recipes.own_data_command import run

        run(
            what,
            out,
            targets=target or (),
            schema=schema,
            kinds=kind or (),
            groups=group or (),
            recipe={
                **{"size": size, "epochs": epochs, "fusion": fusion, "text": text, "image": image},
                **{"finetune": finetune, "class_weight": class_weight},
            },
            **{"root": root, "image_size": image_size, "split": split, "group": split_group, "time": split_time},
            **{
                "unlabelled": unlabelled or (),
                "mask": mask or (),
                "fewest": fewest,
                "seeds": seeds,
                "seed": seed,
                "arms": arms,
                "baseline": baseline,
            },
            **{"export": export, "on_error": on_error, "allow_outside_root": allow_outside, "command": _command()},
        )
        return
    from mmzoo.recipes import get_recipe

    get_recipe(what).train(
        out,
        size=size,
        data=data,
        data_dir=data_dir,
        fold=None if all_tracks else fold,
        seed=seed,
        epochs=epochs,
        weights=weights,
        teacher=teacher,
        limit=limit,
        jit_compile="auto" if xla is None else xla,
        tensorboard=tensorboard,
        export_bundle=export,
        command=_command(),
    )
    print("Done:", *(f"{out}/{name}" for name in ("bundle", "evaluation", "run.json") if (out / name).exists()))


@app.command("inspect")
def inspect_command(
    table: Annotated[pathlib.Path, typer.Argument(help="A CSV file: paths of images and sounds, texts, numbers.")],
    target: Annotated[list[str] | None, typer.Option(help="Column to predict; may be repeated.")] = None,
    root: Annotated[pathlib.Path | None, typer.Option(help="Paths are relative to it, not to the table.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=text, category, number, angle, date, image, audio, ignore; label, value, multilabel."
        ),
    ] = None,
    group: Annotated[list[str] | None, typer.Option(help="location=lat,lon: sensors of an input of their own.")] = None,
    split: Annotated[str | None, typer.Option(help="Column that says which rows are for training.")] = None,
    schema: Annotated[pathlib.Path | None, typer.Option(help="Check the table against an edited schema.json.")] = None,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Also read files outside of the root.")
    ] = False,
    out: Annotated[pathlib.Path | None, typer.Option(help="Folder for inspect.html and schema.json.")] = None,
) -> None:
    """Looks at a table of own data: what each column is, what is wrong with it, and a schema to correct."""
    from mmzoo.inspection.command import run

    status = run(
        table,
        targets=target or (),
        root=root,
        kinds=kind or (),
        groups=group or (),
        split=split,
        schema=schema,
        allow_outside_root=allow_outside,
        out=out,
    )
    sys.exit(status)


@app.command()
def evaluate(
    model: Model,
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the figures, tables and pictures.")],
    data: Data = "gtsrb",
    data_dir: DataDir = None,
    size: Size = "small",
    weights: Weights = "gtsrb",
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "validation",
    fold: Fold = 0,
    seed: Seed = 0,
    limit: Limit = None,
) -> None:
    """Measures weights on a split: accuracy, F1, confusion matrix, and what each missing input costs."""
    from mmzoo.evaluation import markdown_table
    from mmzoo.recipes import get_recipe
    from mmzoo.tasks import figure_of

    record, result = get_recipe(model).evaluate(
        out,
        size=size,
        weights=weights,
        data=data,
        data_dir=data_dir,
        split=split,
        fold=fold,
        seed=seed,
        limit=limit,
        command=_command(),
    )
    print(f"\n{record.model} on {record.samples:,} samples of {record.data}, {record.split} ({record.note})\n")
    for name, value in record.metrics.items():
        figure = figure_of(name)
        print(f"{figure.label:16} {figure.text(value):>8}")
    print(f"\n{markdown_table(result.missing_inputs)}")
    print("Files:", *(str(file) for file in result.files), sep="\n  ")


@app.command()
def export(
    model: Model,
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the bundle to write.")],
    weights: Weights = "gtsrb",
    size: Size = "small",
    data: Annotated[
        str, typer.Option(help="gtsrb or rendered: real samples to calibrate and check with.")
    ] = "rendered",
    data_dir: DataDir = None,
    fold: Fold = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace a bundle that is there.")] = False,
) -> None:
    """Writes the bundle of a model: SavedModel, LiteRT files, parity certificate, card."""
    from mmzoo.models.registry import build_model
    from mmzoo.recipes import get_recipe

    bundle = get_recipe(model).export(
        build_model(model, size=size, weights=weights),
        out,
        data=data,
        data_dir=data_dir,
        fold=fold,
        overwrite=overwrite,
    )
    print("Done:", *(str(file) for file in bundle.files), sep="\n  ")


@app.command()
def prepare(
    table: Annotated[pathlib.Path, typer.Argument(help="CSV file of paths, texts, numbers and labels.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the records.")],
    schema: Annotated[pathlib.Path | None, typer.Option(help="schema.json; or give --target.")] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict: the schema is inferred.")] = None,
    root: Annotated[pathlib.Path | None, typer.Option(help="Folder that paths are relative to.")] = None,
    split: Annotated[str | None, typer.Option(help="Column that names each row's split.")] = None,
    validation: Annotated[float | None, typer.Option(help="Share of the rows for choices, such as 0.15.")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the rows to measure on, such as 0.15.")] = None,
    group: Annotated[str | None, typer.Option(help="Column: rows equal in it stay in one split.")] = None,
    seed: Seed = 0,
    file_format: Annotated[str, typer.Option("--format", help="tfrecord or array_record.")] = "tfrecord",
    shards: Annotated[int | None, typer.Option(help="Files a split; by default by size.", min=1)] = None,
    beam: Annotated[bool, typer.Option("--beam", help="Encode with Apache Beam (needs mmzoo\\[beam]).")] = False,
    beam_options: Annotated[str, typer.Option(help='Options for Beam, such as "--runner=DirectRunner".')] = "",
    on_error: Annotated[str, typer.Option(help="raise, or skip to leave out rows that can't be used.")] = "raise",
    image_quality: Annotated[int | None, typer.Option(help="Store JPEGs of this quality; lossless without.")] = None,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Also read files outside of the root.")
    ] = False,
) -> None:
    """Encodes a table once, into sharded records that training streams from disk: for data larger than memory."""
    from mmzoo.data.prepare_command import run_prepare

    run_prepare(
        *(table, out),
        **{"schema": schema, "target": target, "root": root, "split": split},
        **{"validation": validation, "test": test},
        **{"group": group, "seed": seed, "file_format": file_format, "shards": shards, "on_error": on_error},
        **{"beam": beam or bool(beam_options), "beam_options": shlex.split(beam_options)},
        **{"image_quality": image_quality, "allow_outside_root": allow_outside},
    )


@app.command()
def bench(
    model: Model,
    out: Annotated[pathlib.Path, typer.Option(help="Folder for bench.csv and bench.md.")],
    size: Size = "small",
    weights: Weights = "gtsrb",
    quick: Annotated[bool, typer.Option(help="As little as shows that everything runs.")] = False,
) -> None:
    """Measures this machine: latency in every runtime, training, input pipeline, start on the edge, memory."""
    from rich.console import Console

    from mmzoo.bench import rich_table, run

    if model != "road_sign":
        raise ValueError(f"model: {model!r} can't be measured yet; expected 'road_sign'")
    figures, where = run(out, size=size, weights=weights, quick=quick, command=_command())
    Console().print(rich_table(figures, f"{model} {size}; {where}"))
    print(f"Done: {out}/bench.csv, {out}/bench.md")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    add_help_option=False,
)
def predict(context: typer.Context) -> None:
    """Predicts with a bundle on the edge runtime: one sample, a CSV file or a folder of images (`mmzoo predict -h`)."""
    from mmzoo.edge.__main__ import main as edge_main

    sys.exit(edge_main(context.args, prog="mmzoo predict"))


def _command() -> str:
    """What was typed, with paths cut to placeholders: the record must not name this machine's folders."""
    words, hide = ["mmzoo"], {"--out": "RUN", "--data-dir": "DIR"}
    for before, word in zip(["", *sys.argv[1:]], sys.argv[1:], strict=False):
        flag, equals, value = word.partition("=")
        if before in hide:
            word = hide[before]
        elif equals and flag in hide:
            word = f"{flag}={hide[flag]}"
        elif equals and flag.startswith("--") and os.sep in value:
            word = f"{flag}={pathlib.PurePath(value).name}"
        elif os.sep in word:
            word = pathlib.PurePath(word).name
        words.append(word)
    return shlex.join(words)


def main() -> None:
    """Runs the command line; an error that names the file, row or key is printed without a traceback."""
    # Separable convolutions train faster with oneDNN, which TensorFlow leaves off on processors without AVX-512.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        app()
    except (KeyError, OSError, TypeError, ValueError, RuntimeError, FloatingPointError) as error:
        if os.environ.get("MMZOO_TRACEBACK"):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"mmzoo: {message}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
