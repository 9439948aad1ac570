"""saved_models/results.csv, and the tables made from it in README.md, docs/ and the cards of the bundles.

python -m mmzoo.recipes.results add RUN [RUN ...]     # rows from the run.json of evaluated runs
python -m mmzoo.recipes.results add RUN --data NAME   # the same of a table of own data, which has no name of its own
python -m mmzoo.recipes.results add-few-shot RUN      # rows from a run of mmzoo.recipes.few_shot
python -m mmzoo.recipes.results add-pretraining RUN   # rows from a run of mmzoo.bench.pretraining
python -m mmzoo.recipes.results tables                # rewrite the tables of README.md, docs/ and all cards
"""

from __future__ import annotations

import argparse
import dataclasses
import pathlib

import pandas as pd

from mmzoo.bundles import saved_models_dir
from mmzoo.recipes import few_shot_results, pretraining_results, result_tables
from mmzoo.recipes.own_data import results as own_data_results
from mmzoo.recipes.result_tables import (
    KEY,
    card_tables,
    failures_table,
    headlines_table,
    marks,
    models_table,
    read,
    with_table,
)
from mmzoo.recipes.running.recording.record import RECORD, RunRecord

COLUMNS = (*KEY, "value", "samples", "parameters", "bytes_float32", "bytes_int8", "device", "command")


def rows_of(record: RunRecord) -> pd.DataFrame:
    """One row a figure.

    Args:
        record: of an evaluated run.
    """
    files = (record.parity or {}).get("files", {})
    rows = record.table.assign(
        model=record.model,
        data=record.data,
        bytes_float32=files.get("model_float32.tflite", {}).get("bytes"),
        bytes_int8=files.get("model_int8.tflite", {}).get("bytes"),
        device=record.machine,
        command=record.command,
    )
    # What isn't defined for the samples has no row.
    rows = rows.assign(value=rows.value.astype(float).round(5)).dropna(subset="value")
    integers = dict.fromkeys(("parameters", "bytes_float32", "bytes_int8"), "Int64")
    return rows[list(COLUMNS)].astype(integers)


def add(record: RunRecord) -> None:
    """Puts a run's rows into results.csv, in place of older ones of the same model, data, split, arm, seed and figure.

    Raises:
        ValueError: the run was not measured on held-out data.
    """
    if not record.held_out:
        raise ValueError(f"{record.model} on {record.data}, {record.split}: not measured on held-out data")
    put_in(rows_of(record))


def put_in(rows: pd.DataFrame) -> None:
    """Puts rows into results.csv, in place of older ones with the same key."""
    path = result_tables.results_path()
    if path.exists():
        rows = pd.concat([read(path), rows]).drop_duplicates(KEY, keep="last")
    rows.sort_values(KEY, kind="stable").to_csv(path, index=False)


def fresh_tables(readme: pathlib.Path) -> dict[pathlib.Path, str]:
    """Each file with a table made from results.csv -> its text as it should be.

    Args:
        readme: README.md; the pages in docs/ beside it have tables too.

    Raises:
        ValueError: a table has its marks in none of them, or a card has none.
    """
    made = {
        "headlines": headlines_table(),
        "results": models_table(),
        "failures": failures_table(),
        "few pictures": few_shot_results.readme_table(read()),
        "pretraining": pretraining_results.readme_table(read()),
        "own data": own_data_results.readme_table(read()),
    }
    pages = {path: path.read_text(encoding="utf-8") for path in [readme, *sorted(readme.parent.glob("docs/*.md"))]}
    texts = {}
    for name, table in made.items():
        begin, end = marks(name)
        page = next((path for path, text in pages.items() if begin in text), None)
        if page is None:
            raise ValueError(f"{readme.name} and docs/: the marks {begin} and {end} are missing")
        texts[page] = with_table(texts.get(page, pages[page]), table, str(page), name)
    for card in sorted(saved_models_dir().glob("*/CARD.md")):
        texts[card] = with_table(card.read_text(encoding="utf-8"), card_tables(card.parent.name), str(card))
    return texts


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="what", required=True)
    runs = commands.add_parser("add")
    runs.add_argument("runs", nargs="+", type=pathlib.Path)
    runs.add_argument("--data", help="of own data: what the table is called")
    curve = commands.add_parser("add-few-shot")
    curve.add_argument("run", type=pathlib.Path)
    curve.add_argument("--size", default="small")
    curve.add_argument("--fold", type=int, default=0)
    curve.add_argument("--seed", type=int, default=0)
    pretraining = commands.add_parser("add-pretraining")
    pretraining.add_argument("run", type=pathlib.Path)
    tables = commands.add_parser("tables")
    tables.add_argument("readme", nargs="?", type=pathlib.Path, default=pathlib.Path("README.md"))
    options = parser.parse_args(arguments)
    if options.what == "add":
        for run in options.runs:
            record = RunRecord.load(run / RECORD)
            add(record if options.data is None else dataclasses.replace(record, data=options.data))
    elif options.what == "add-pretraining":
        put_in(pretraining_results.read_rows(options.run))
    elif options.what == "add-few-shot":
        import mmzoo
        from mmzoo.recipes.running.recording.hardware import machine

        arguments = {"size": options.size, "fold": options.fold, "seed": options.seed, "device": machine()}
        parameters = mmzoo.build_road_sign_model(size=options.size).count_params()
        table = pd.read_csv(options.run / "few_shot.csv")
        put_in(few_shot_results.rows_of(table, parameters=parameters, **arguments))
    else:
        for path, text in fresh_tables(options.readme).items():
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
