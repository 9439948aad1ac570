"""`mmzoo train data.csv --target label`: training on a table or a prepared folder."""

from __future__ import annotations

import pathlib
from typing import Annotated

import typer

from mmzoo.cli.commands import SETTINGS
from mmzoo.cli.recorded import recorded_command
from mmzoo.encoding.terminal import shown
from mmzoo.recipes import list_recipes

app = typer.Typer(add_completion=False, context_settings=SETTINGS, pretty_exceptions_enable=False)

_SPLIT, _MODEL = "Rows", "Model"


@app.command()
def train_own(
    table: Annotated[pathlib.Path, typer.Argument(help="As of `mmzoo inspect`, or what `mmzoo prepare` wrote.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the run; an interrupted run in it goes on.")],
    target: Annotated[list[str] | None, typer.Option(help="Column to predict; may be repeated.")] = None,
    schema: Annotated[
        pathlib.Path | None, typer.Option(help="schema.json, as `mmzoo inspect` writes it, instead of --target.")
    ] = None,
    root: Annotated[pathlib.Path | None, typer.Option(help="Paths are relative to it, not to the table.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="COLUMN=KIND, see `mmzoo inspect -h`.")] = None,
    group: Annotated[list[str] | None, typer.Option(help="location=lat,lon: sensors of an input of their own.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Height and width of pictures in the model.", min=1)] = None,
    on_error: Annotated[str, typer.Option(help="raise, or skip to leave out bad rows.")] = "raise",
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Also read files outside of the root.")
    ] = False,
    missing: Annotated[
        list[str] | None, typer.Option(help="Word that means an empty cell, beside NA, ?, null; may be repeated.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run that lies there.")] = False,
    # Rows -------------------------------------------------------------------------------------------------------
    split: Annotated[
        str | None, typer.Option(help="Column that says which split a row belongs to.", rich_help_panel=_SPLIT)
    ] = None,
    split_group: Annotated[
        str | None,
        typer.Option(help="Column: rows equal in it (a patient, a track) stay in one split.", rich_help_panel=_SPLIT),
    ] = None,
    split_time: Annotated[
        str | None, typer.Option(help="Column: the latest rows are the test.", rich_help_panel=_SPLIT)
    ] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(help="Word in the target for 'not known yet'; such rows are left out.", rich_help_panel=_SPLIT),
    ] = None,
    mask: Annotated[
        list[str] | None,
        typer.Option(help="Words in texts to mask, as a regular expression; may be repeated.", rich_help_panel=_SPLIT),
    ] = None,
    fewest: Annotated[
        int, typer.Option(help="Classes with fewer rows are one, '(other)'.", min=1, rich_help_panel=_SPLIT)
    ] = 3,
    # Model ------------------------------------------------------------------------------------------------------
    size: Annotated[str, typer.Option(help="nano, small or base.", rich_help_panel=_MODEL)] = "small",
    fusion: Annotated[str, typer.Option(help="See `mmzoo.fusion`.", rich_help_panel=_MODEL)] = "attention",
    text: Annotated[
        str,
        typer.Option(
            help="auto, ngrams, bytes, wordpiece, minilm, glove, or another pretrained encoder: a folder, a name; see "
            "`mmzoo presets`.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    image: Annotated[
        str,
        typer.Option(
            help="auto, separable, vgg, efficientnet_lite0, or another pretrained encoder: a folder, a name.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    audio: Annotated[
        str, typer.Option(help="spectrogram, or speech_embedding.", rich_help_panel=_MODEL)
    ] = "spectrogram",
    finetune: Annotated[
        str, typer.Option(help="Of a preset: frozen, lora or full.", rich_help_panel=_MODEL)
    ] = "frozen",
    class_weight: Annotated[
        str,
        typer.Option(
            help="sqrt or balanced: rare classes count more; auto: where classes are skewed; none.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    epochs: Annotated[int | None, typer.Option(help="Instead of the recipe's.", min=1, rich_help_panel=_MODEL)] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0, rich_help_panel=_MODEL)] = 0,
    seeds: Annotated[
        int, typer.Option(help="Trainings, each with another split and start.", min=1, rich_help_panel=_MODEL)
    ] = 1,
    arms: Annotated[
        bool, typer.Option(help="Also each input alone and plain concatenation.", rich_help_panel=_MODEL)
    ] = True,
    baseline: Annotated[
        bool, typer.Option(help="Also scikit-learn on the columns and texts.", rich_help_panel=_MODEL)
    ] = True,
    tensorboard: Annotated[
        bool,
        typer.Option(
            "--tensorboard", help="Also write TensorBoard logs (needs mmzoo\\[tensorboard]).", rich_help_panel=_MODEL
        ),
    ] = False,
    export: Annotated[bool, typer.Option(help="Also write the bundle.", rich_help_panel=_MODEL)] = True,
) -> None:
    """Trains, evaluates and exports in one go: a model for a table of own data, as below, or a model of the zoo: \
`mmzoo train NAME -h` shows that model's data sets and options."""
    if not table.exists():
        raise ValueError(f"{str(table)!r}: neither a model ({', '.join(list_recipes())}) nor a file or folder")
    from mmzoo.data.tables.table import is_prepared

    if not (target or schema or is_prepared(table)):
        raise ValueError(f"{table}: name the column to predict with --target, or give --schema")
    from mmzoo.cli.inspecting import pairs
    from mmzoo.recipes.own_data import TableRecipe, train
    from mmzoo.schema import Schema

    kinds, groups = pairs(kind or (), group or ())
    recipe = TableRecipe(
        size=size,
        fusion=fusion,
        text=text,
        image=image,
        audio=audio,
        finetune=finetune,
        epochs=epochs,
        class_weight=None if class_weight == "none" else class_weight,
    )
    result = train(
        table,
        target or None,
        out,
        schema=None if schema is None else Schema.load(schema),
        root=root,
        kinds=kinds,
        groups=groups,
        image_size=image_size,
        split=split,
        group=split_group,
        time=split_time,
        unlabelled=unlabelled or (),
        mask=mask or (),
        fewest=fewest,
        recipe=recipe,
        seeds=seeds,
        seed=seed,
        arms=arms,
        baseline=baseline,
        tensorboard=tensorboard,
        export=export,
        on_error=on_error,
        allow_outside_root=allow_outside,
        missing=missing or (),
        overwrite=overwrite,
        command=recorded_command(),
        say=lambda line: print(shown(line)),
    )
    print(*map(shown, result.summary), sep="\n")
    print(
        f"Written: {out}/summary.txt, arms.csv, inspect.html, evaluation/report.html"
        + ", bundle/" * bool(result.bundle)
    )
