"""The command line: `mmzoo list | presets | demo | inspect | prepare | train | evaluate | export | predict | index |
search | bench`.
"""

from __future__ import annotations

import os
import pathlib
import sys
from typing import Annotated

import typer

from mmzoo.cli.commands import SETTINGS
from mmzoo.encoding.terminal import any_text_prints, shown

app = typer.Typer(
    help="Small multimodal Keras models, from a folder of files to a chip.",
    no_args_is_help=True,
    add_completion=False,
    context_settings=SETTINGS,
    pretty_exceptions_enable=False,
)
# The words behind these are parsed by a command of the recipe, the table or the bundle that is named among them.
_PASSED_ON = {
    "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
    "add_help_option": False,
}


@app.command("list")
def list_command() -> None:
    """Lists the models and the pretrained weights that come with them."""
    from mmzoo.bundles import shipped_bundles
    from mmzoo.models.registry import list_models

    for name in list_models():
        print(name)
        for bundle in shipped_bundles(name):
            print(f"    {bundle.path.name}")


@app.command("presets")
def presets_command(
    check: Annotated[
        bool, typer.Option("--check", help="Also run those that are here and compare with their golden vectors.")
    ] = False,
) -> None:
    """Lists the pretrained encoders: size, licence, whether they are here, and how to get those that are not."""
    from mmzoo.cli import presets

    sys.exit(presets.run(check=check))


@app.command()
def demo(
    out: Annotated[pathlib.Path, typer.Option(help="Folder for everything it writes.")] = pathlib.Path("mmzoo-demo"),
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
) -> None:
    """Renders road signs, trains, evaluates, exports and predicts on the edge runtime, in a few minutes."""
    from mmzoo.recipes.demo import run

    run(out, seed=seed)


@app.command(**_PASSED_ON)
def train(context: typer.Context) -> None:
    """Trains, evaluates and exports: a model of the zoo (`mmzoo train NAME -h`), or one for a table of own data."""
    from mmzoo.cli import models, own_data
    from mmzoo.cli.commands import run_command, split_off
    from mmzoo.recipes import list_recipes

    name, _ = split_off(context.args, list_recipes())
    if name is not None:
        models.run("train", context.args)
    else:
        run_command(typer.main.get_command(own_data.app), context.args, "mmzoo train")


@app.command("inspect")
def inspect_command(
    table: Annotated[
        pathlib.Path, typer.Argument(help="CSV, Excel, Parquet, JSON lines; or a folder with one a class.")
    ],
    target: Annotated[list[str] | None, typer.Option(help="Column to predict; may be repeated.")] = None,
    root: Annotated[pathlib.Path | None, typer.Option(help="Paths are relative to it, not to the table.")] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="COLUMN=text, category, number, angle, date, time, image, audio, ignore; label, value, multilabel, "
            "sentence, transcript."
        ),
    ] = None,
    group: Annotated[list[str] | None, typer.Option(help="location=lat,lon: sensors of an input of their own.")] = None,
    split: Annotated[str | None, typer.Option(help="Column that says which rows are for training.")] = None,
    schema: Annotated[pathlib.Path | None, typer.Option(help="Check the table against an edited schema.json.")] = None,
    allow_outside: Annotated[
        bool, typer.Option("--allow-outside", help="Also read files outside of the root.")
    ] = False,
    missing: Annotated[
        list[str] | None, typer.Option(help="Word that means an empty cell, beside NA, ?, null; may be repeated.")
    ] = None,
    out: Annotated[pathlib.Path | None, typer.Option(help="Folder for inspect.html and schema.json.")] = None,
) -> None:
    """Looks at a table of own data: what each column is, what is wrong with it, and a schema to correct."""
    from mmzoo.cli.inspecting import run

    status = run(
        table,
        targets=target or (),
        root=root,
        kinds=kind or (),
        groups=group or (),
        split=split,
        schema=schema,
        allow_outside_root=allow_outside,
        missing=missing or (),
        out=out,
    )
    sys.exit(status)


@app.command(**_PASSED_ON)
def evaluate(context: typer.Context) -> None:
    """Measures weights on a split: accuracy, F1, confusion matrix, and what each missing input costs."""
    from mmzoo.cli import models

    models.run("evaluate", context.args)


@app.command(**_PASSED_ON)
def export(context: typer.Context) -> None:
    """Writes the bundle of a model: SavedModel, LiteRT files, parity certificate, card."""
    from mmzoo.cli import models

    models.run("export", context.args)


@app.command(**_PASSED_ON)
def prepare(context: typer.Context) -> None:
    """Encodes a table, or a model's data set, once, into sharded records that training streams from disk."""
    from mmzoo.cli import preparing

    preparing.run(context.args)


@app.command(**_PASSED_ON)
def bench(context: typer.Context) -> None:
    """Measures this machine: latency in every runtime, training, input pipeline, start on the edge, memory."""
    from mmzoo.cli import models

    models.run("bench", context.args)


@app.command(**_PASSED_ON)
def predict(context: typer.Context) -> None:
    """Predicts with a bundle on the edge runtime: one sample, a CSV file or a folder of images (`mmzoo predict -h`)."""
    from mmzoo.edge.__main__ import main as edge_main

    sys.exit(edge_main(context.args, prog="mmzoo predict"))


@app.command("index")
def index_command(
    bundle: Annotated[str, typer.Argument(help="Folder that mmzoo.export wrote, of a model with a Pair.")],
    source: Annotated[pathlib.Path, typer.Argument(help="Folder of pictures, or a file with a text a line.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder of the index; one that lies there is brought up to date.")],
    approximate: Annotated[
        bool, typer.Option("--approximate", help="For millions: also a graph (needs mmzoo\\[index]).")
    ] = False,
) -> None:
    """Builds an index over pictures or texts, or brings it up to date: new, changed, moved and deleted ones."""
    from mmzoo.cli import indexing

    indexing.index(bundle, source, out, approximate=approximate)


@app.command("search")
def search_command(
    index: Annotated[pathlib.Path, typer.Argument(help="Folder that mmzoo index wrote.")],
    text: Annotated[str | None, typer.Argument(help='What to look for: "two dogs on a beach".')] = None,
    image: Annotated[pathlib.Path | None, typer.Option(help="Look for what is like a picture instead.")] = None,
    k: Annotated[int, typer.Option("-k", "--top", help="How many to print.", min=1)] = 5,
    bundle: Annotated[str | None, typer.Option(help="The model, where it lies elsewhere by now.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Finds pictures or texts in an index by what is said or shown."""
    from mmzoo.cli import indexing

    indexing.search(index, text, image, bundle, k=k, as_json=as_json)


def main() -> None:
    """Runs the command line; an error that names the file, row or key is printed without a traceback."""
    # Separable convolutions train faster with oneDNN, which TensorFlow leaves off on processors without AVX-512.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    any_text_prints()
    try:
        app()
    except (KeyError, OSError, TypeError, ValueError, RuntimeError, ImportError, ArithmeticError, MemoryError) as error:
        if os.environ.get("MMZOO_TRACEBACK"):
            raise
        message = error.args[0] if isinstance(error, KeyError) and error.args else error
        print(f"mmzoo: {shown(str(message) or type(error).__name__)}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
