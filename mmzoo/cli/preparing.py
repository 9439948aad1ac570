"""`mmzoo prepare`: a table, or a data set of the zoo, into sharded records."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import typer

from mmzoo.cli.commands import REQUIRED, SETTINGS, Given, common, option, recipe_command, run_command, split_off
from mmzoo.data.samples.samples import TRAIN, VALIDATION
from mmzoo.recipes import list_recipes
from mmzoo.recipes.recipe import Recipe

app = typer.Typer(add_completion=False, context_settings=SETTINGS, pretty_exceptions_enable=False)


def run(words: list[str]) -> None:
    """Runs the command on the recipe or the table that is named in its words."""
    name, rest = split_off(words, list_recipes())
    if name is None:
        run_command(typer.main.get_command(app), words, "mmzoo prepare")
    else:
        about = "Encodes a data set of a model once, into records."
        made = recipe_command(name, _prepare_data_set, _parameters, about, options=_options)
        run_command(made, rest, f"mmzoo prepare {name}")


@app.command()
def prepare_table(
    table: Annotated[pathlib.Path, typer.Argument(help="Table of paths, texts, numbers and labels.")],
    out: Annotated[pathlib.Path, typer.Option(help="Folder for the records.")],
    schema: Annotated[pathlib.Path | None, typer.Option(help="schema.json; or give --target.")] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict: the schema is inferred.")] = None,
    root: Annotated[pathlib.Path | None, typer.Option(help="Folder that paths are relative to.")] = None,
    missing: Annotated[
        list[str] | None, typer.Option(help="Word that means an empty cell, beside NA, ?, null; may be repeated.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Column that names each row's split.")] = None,
    validation: Annotated[float | None, typer.Option(help="Share of the rows for choices, such as 0.15.")] = None,
    test: Annotated[float | None, typer.Option(help="Share of the rows to measure on, such as 0.15.")] = None,
    group: Annotated[str | None, typer.Option(help="Column: rows equal in it stay in one split.")] = None,
    seed: Annotated[int, typer.Option(help="Of everything random.", min=0)] = 0,
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
    """Encodes once, into sharded records that training streams from disk: a table, as below, or a data set of a model \
(`mmzoo prepare NAME -h`)."""
    prepare_and_tell(
        table,
        out,
        schema=schema,
        target=target,
        root=root,
        missing=missing or (),
        split=split,
        validation=validation,
        test=test,
        group=group,
        seed=seed,
        file_format=file_format,
        shards=shards,
        on_error=on_error,
        beam=beam or bool(beam_options),
        beam_options=shlex.split(beam_options),
        image_quality=image_quality,
        allow_outside_root=allow_outside,
    )


def _options(recipe: Recipe):
    from mmzoo.recipes.running.options import data_options_of

    # The builder's say what the schema is.
    return {**recipe.builder_options, **data_options_of(recipe)}


def _parameters(recipe: Recipe) -> dict[str, Given]:
    return {
        "out": option(pathlib.Path, REQUIRED, "Folder for the records."),
        **common(recipe),
        "all_rows": option(bool, False, "All rows as one split.", "--all-rows"),
        "seed": option(int, 0, "Of what is simulated.", min=0),
        "limit": option(int | None, None, "At most so many samples of each split.", min=1),
        "file_format": option(str, "tfrecord", "tfrecord or array_record.", "--format"),
        "shards": option(int | None, None, "Files a split; by default by size.", min=1),
        "beam": option(bool, False, "Encode with Apache Beam (needs mmzoo\\[beam]).", "--beam"),
        "beam_options": option(str, "", 'Options for Beam, such as "--runner=DirectRunner".'),
        "image_quality": option(int | None, None, "Store JPEGs of this quality; lossless without."),
    }


def _prepare_data_set(
    recipe: Recipe, *, out, options, size, data, data_dir, all_rows, seed, limit, beam, beam_options, fold=None, **given
) -> None:
    from mmzoo.data.samples.preparing import prepare_samples
    from mmzoo.recipes.running.options import run_options

    data, data_set = recipe.data_set(data)
    chosen = run_options(recipe, data_set, options)
    schema = recipe.builder()(size=size or recipe.default_size, **chosen.builder).schema
    splits = ["all"] if all_rows else [TRAIN, VALIDATION]
    loading = {"schema": schema, "fold": fold, "seed": seed, "limit": limit, **chosen.data}
    parts = {split: data_set(data_dir, split, **loading) for split in splits}
    if all_rows:
        # TFDS keeps "all" for itself.
        parts = {TRAIN: parts["all"]}
    with _progress() as show:
        prepared = prepare_samples(
            parts, schema, out, name=data, progress=show, beam=beam or bool(beam_options),
            beam_options=shlex.split(beam_options), **given,
        )  # fmt: skip
    _tell(prepared, out)


def prepare_and_tell(
    table: str | os.PathLike,
    out: str | os.PathLike,
    *,
    schema: str | os.PathLike | None = None,
    target: str | None = None,
    root: str | os.PathLike | None = None,
    missing: Sequence[str] = (),
    split: str | None = None,
    validation: float | None = None,
    test: float | None = None,
    allow_outside_root: bool = False,
    beam_options: Sequence[str] = (),
    **options,
) -> None:
    """Prepares a table and prints what was made.

    Args:
        table: the path of a table.
        out: folder for the records.
        schema: a schema.json; or
        target: the column to predict, to infer a schema for; a column that names the splits is then found too. The
            table must fit in memory for that.
        root: folder that the table's paths are relative to.
        missing: words that mean an empty cell.
        split: the column that names each row's split; or
        validation, test: shares of the rows that become the splits of these names.
        allow_outside_root: also read files outside of the root.
        beam_options: see `mmzoo.data.tables.preparing.prepare`; only with `beam`.
        **options: of `prepare`.

    Raises:
        ValueError: neither or both of `schema` and `target`, both a `split` and shares; see `prepare`.
    """
    import mmzoo
    from mmzoo.data.tables.preparing import prepare
    from mmzoo.schema import Schema

    if (schema is None) == (target is None):
        raise ValueError("give --schema schema.json, or --target with the column to predict, to infer a schema for")
    shares = {name: share for name, share in (("validation", validation), ("test", test)) if share is not None}
    if split is not None and shares:
        raise ValueError(f"--split and --{next(iter(shares))}: give one of them")
    if shares and not (min(shares.values()) > 0 and sum(shares.values()) < 1):
        raise ValueError(f"expected shares above 0, less than 1 together, got {shares}: something is to train on")
    files = {"root": root, "allow_outside_root": allow_outside_root, "missing": tuple(missing)}
    if schema is not None:
        known, columns = Schema.load(schema), None
    else:
        inspection = mmzoo.inspect_table(table, target, **files)
        # Where none can be made, this says why.
        known = inspection.schema or mmzoo.infer_schema(table, target, **files)
        columns = inspection.mapping
        if not shares:
            split = split or next((column.name for column in inspection.columns if column.role == "split"), None)
    if shares:
        shares = {"train": 1 - sum(shares.values()), **shares}
    with _progress() as show:
        prepared = prepare(
            table,
            known,
            out,
            columns=columns,
            split=split or shares or None,
            beam_options=beam_options,
            progress=show,
            **files,
            **options,
        )
    _tell(prepared, out)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for each stage."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*shown, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(stage, done, total):
            if stage not in tasks:
                tasks[stage] = bar.add_task(f"{stage} rows", total=total)
            bar.update(tasks[stage], completed=done, total=total)

        yield show


def _tell(prepared, out):
    print(prepared.note)
    print(f"Done: {out}/schema.json, {out}/prepared.json" + (f", {out}/skipped.csv" if prepared.skipped else ""))
    print(f'In Python: mmzoo.open_prepared("{pathlib.Path(out)}").dataset("{next(iter(prepared.splits))}")')
