"""Recipes, the record of a run, its card, the results table, and the demo."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import platform
import sys

import pandas as pd
import pytest
from mmzoo.recipes.card import road_sign_card
from mmzoo.recipes.road_sign_recipe import RECIPES, recipe_for
from mmzoo.recipes.run_record import RunRecord, machine, origin, processor

import mmzoo
from mmzoo import cli
from mmzoo.recipes import demo, get_recipe, results, table_results

ROOT = pathlib.Path(__file__).resolve().parent.parent
ARMS = {"image": 0.985, "text+location+road_condition": 0.31, "image+text+location+road_condition": 0.9912}


def record(**changes):
    values = {
        "model": "road_sign_nano",
        "data": "gtsrb",
        "split": "validation (fold 0)",
        "note": "images real, context simulated",
        "seed": 0,
        "samples": 7560,
        "parameters": 45729,
        "metrics": {"accuracy": 0.9912, "macro_f1": 0.98},
        "arms": ARMS,
        "machine": "2 x some processor",
        "command": "mmzoo train road_sign --size nano --out RUN",
        "recipe": {"size": "nano", "epochs": 24, "learning_rate": 3e-3},
        "training": {"images": 31649, "minutes": 61.5},
        "parity": {"files": {"model_float32.tflite": {"bytes": 240_400}, "model_int8.tflite": {"bytes": 118_600}}},
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture
def csv_file(monkeypatch, tmp_path):
    monkeypatch.setattr(results, "results_path", lambda: tmp_path / "results.csv")
    monkeypatch.setattr(results, "saved_models_dir", lambda: tmp_path / "saved_models")
    bundle = tmp_path / "saved_models" / "road_sign_nano_gtsrb"
    bundle.mkdir(parents=True)
    sizes = {"model_float32.tflite": {"bytes": 240_600}, "model_int8.tflite": {"bytes": 118_600}}
    (bundle / "parity.json").write_text(json.dumps({"files": sizes}))
    return tmp_path / "results.csv"


def test_a_record_survives_its_file(tmp_path):
    record().save(tmp_path / "run.json")
    assert RunRecord.load(tmp_path / "run.json") == record()


def test_where_weights_come_from_is_told_without_folders(tmp_path):
    assert origin(None) is None and origin("gtsrb") == "gtsrb"
    (tmp_path / "bundle").mkdir()
    assert origin(tmp_path / "bundle") == "bundle"
    record().save(tmp_path / "run.json")
    assert origin(tmp_path / "bundle") == f"bundle, made by `{record().command}`"


def test_the_machine_is_described_without_names_or_paths():
    text = machine()
    assert "Keras" in text and "tensorflow" in text and "/" not in text.replace("w/", "")


@pytest.mark.parametrize(
    ("cpuinfo", "said"),
    [
        ("model name\t: Xeon\nflags\t\t: fpu avx2 avx512f avx512_vnni avx_vnni", "Xeon (AVX-512 VNNI)"),
        ("processor\t: 0\nmodel name\t: EPYC\nflags\t\t: fpu avx avx2\n\nprocessor\t: 1", "EPYC (AVX2)"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp", f"{platform.machine()} (ARM dot product)"),
        ("model name\t: 486\nflags\t\t: fpu", "486"),
        ("", platform.machine()),
    ],
)
def test_the_processor_and_what_it_multiplies_with(cpuinfo, said):
    assert processor(cpuinfo) == said


def test_results_are_added_replaced_and_averaged(csv_file):
    results.add(record())
    results.add(record(seed=1, arms={**ARMS, "image": 0.995}))
    results.add(record(model="road_sign_small", parity=None))
    results.add(record(arms={**ARMS, "image": 0.987}))
    with pytest.raises(ValueError, match="road_sign_nano on gtsrb, all: not measured on held-out data"):
        results.add(record(split="all", held_out=False))
    table = pd.read_csv(csv_file)
    assert tuple(table.columns) == results.COLUMNS
    assert len(table) == 3 * len(ARMS), "the last run replaces the first, which had the same seed"
    assert not table.duplicated(results.KEY).any()
    nano, small = results.readme_table().splitlines()[2:]
    # The mean of the two seeds' 98.7 % and 99.5 %.
    assert nano == (
        "| road_sign_nano | 45,729 | 241 KB / 119 KB | gtsrb (validation (fold 0), 7,560) | 2 "
        "| 99.10 % | 31.00 % | 99.12 % |"
    )
    assert small.startswith("| road_sign_small | 45,729 | - |"), "no such bundle is shipped"


def test_folds_have_a_mean_in_the_readme_and_a_row_each_in_the_card(csv_file):
    dark = {"darkened": {arm: 0.5 for arm in ARMS}}
    results.add(record(failures=dark))
    second = record(split="validation (fold 1)", samples=8000, arms={**ARMS, "image": 0.975}, failures=dark)
    results.add(second)
    results.add(record(split="test", samples=12_630))
    results.add(record(model="road_sign_small", failures=dark))
    lines = results.readme_table().splitlines()[2:]
    assert [line.split("|")[4].strip() for line in lines] == [
        "gtsrb (test, 12,630)", "gtsrb (validation, mean of 2 folds, 15,560)", "gtsrb (validation (fold 0), 7,560)"
    ]  # fmt: skip
    assert "| 241 KB / 119 KB | gtsrb (validation, mean of 2 folds, 15,560) | 1 | 98.00 % |" in lines[1]
    sections = results.card_tables("road_sign_nano_gtsrb").split("\n\n")
    assert sections[::2] == [
        "gtsrb, test, 12,630 images:", "gtsrb, validation, mean of 2 folds, 15,560 images:", "Each fold:"
    ]  # fmt: skip
    assert sections[3].splitlines() == [
        "| inputs given | top-1 accuracy | image darkened |",
        "|---|---|---|",
        "| image | 98.00 % | 50.00 % |",
        "| image, text, location, road_condition | 99.12 % | 50.00 % |",
        "| text, location, road_condition | 31.00 % | 50.00 % |",
    ]
    rows = sections[5].splitlines()
    assert rows[0] == "| held-out fold | images | image alone | context alone | all inputs |"
    assert rows[2:] == [
        "| 0 | 7,560 | 98.50 % | 31.00 % | 99.12 % |",
        "| 1 | 8,000 | 97.50 % | 31.00 % | 99.12 % |",
        "| mean | 15,560 | 98.00 % | 31.00 % | 99.12 % |",
    ]


def test_what_the_context_adds_when_the_camera_fails(csv_file):
    results.add(record())
    assert results.failures_table() == ""
    blurred = {"blurred": {arm: value / 2 for arm, value in ARMS.items()}}
    results.add(record(model="road_sign_small", failures=blurred))
    assert results.failures_table().splitlines() == [
        "| image alone → all inputs | clean | blurred |",
        "|---|---|---|",
        "| road_sign_small, gtsrb (validation (fold 0)) | 98.5 → 99.1 % | 49.2 → 49.6 % |",
    ]


def test_weights_measured_on_other_data_go_by_their_bundle(csv_file):
    results.add(record(data="rendered", split="validation"))
    results.add(record(model="road_sign_nano_rendered"))
    sections = results.card_tables("road_sign_nano_rendered").split("\n\n")
    assert sections[::2] == ["gtsrb, validation (fold 0), 7,560 images:", "rendered, validation, 7,560 images:"]
    assert results.card_tables("road_sign_nano_gtsrb") == ""


def test_an_arm_that_was_not_measured_is_a_dash(csv_file):
    results.add(record(arms={"image": 0.9}))
    assert results.readme_table().splitlines()[2].endswith("| 90.00 % | - | - |")


def test_the_table_goes_between_its_marks(csv_file, tmp_path):
    results.add(record())
    text = f"# head\n\n{results.BEGIN}\nold\n{results.END}\n\ntail\n"
    table = results.readme_table()
    once = results.with_table(text, table)
    assert once == f"# head\n\n{results.BEGIN}\n{table}\n{results.END}\n\ntail\n"
    assert results.with_table(once, table) == once
    with pytest.raises(ValueError, match="README.md: the marks .* are missing"):
        results.with_table("# head", table)


def test_the_command_adds_runs_and_rewrites_readme_and_cards(csv_file, monkeypatch, tmp_path):
    (tmp_path / "run").mkdir()
    record().save(tmp_path / "run" / "run.json")
    empty = f"{results.BEGIN}\n{results.END}\n"
    card = tmp_path / "saved_models" / "road_sign_nano_gtsrb" / "CARD.md"
    own = f"{table_results.BEGIN}\n\n{table_results.END}\n"
    card.write_text(empty)
    (tmp_path / "README.md").write_text(empty + own)
    results.main(["add", str(tmp_path / "run")])
    results.main(["tables", str(tmp_path / "README.md")])
    assert (tmp_path / "README.md").read_text() == f"{results.BEGIN}\n{results.readme_table()}\n{results.END}\n{own}"
    assert card.read_text() == f"{results.BEGIN}\n{results.card_tables('road_sign_nano_gtsrb')}\n{results.END}\n"
    card.write_text("# no marks")
    with pytest.raises(ValueError, match="CARD.md: the marks .* are missing"):
        results.fresh_tables(tmp_path / "README.md")


def test_the_tables_of_readme_and_cards_are_up_to_date():
    for path, text in results.fresh_tables(ROOT / "README.md").items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: python -m mmzoo.recipes.results tables"


def test_the_card_says_first_what_is_simulated():
    lines = road_sign_card(record(), mmzoo.road_sign_schema(), 0.4321).splitlines()
    assert lines[0] == "**images real, context simulated**"
    text = "\n".join(lines)
    for figure in ("98.50 %", "43.2 %", "99.12 %", "45,729", "31,649", "61.5 minutes", "mmzoo train road_sign"):
        assert figure in text, figure
    blind = record(held_out=False, samples=0, metrics={}, arms={})
    text = road_sign_card(blind, mmzoo.road_sign_schema(), 0.4)
    assert "trained on all tracks" in text and "These weights, on" not in text
    assert "started from" not in text and "taught by" not in text and "teaching" not in text
    begun = dataclasses.replace(blind, training={**blind.training, "weights": "bundle, made by `mmzoo train x`"})
    text = road_sign_card(begun, mmzoo.road_sign_schema(), 0.4)
    assert "They started from other weights" in text and "- started from: bundle, made by `mmzoo train x`" in text
    drawn = record(data="rendered", note="images drawn, context simulated")
    assert "drawn by mmzoo" in road_sign_card(drawn, mmzoo.road_sign_schema(), 0.4)


def test_recipes_are_found_by_name():
    assert get_recipe("road_sign").recipe_for is recipe_for
    with pytest.raises(ValueError, match=r"no recipe for 'cats'; there are recipes for \['road_sign'\]"):
        get_recipe("cats")


def test_every_size_has_its_recipe():
    from mmzoo.models.road_sign import SIZES

    assert list(RECIPES) == list(SIZES)
    for size, recipe in RECIPES.items():
        assert recipe.size == size
        model = mmzoo.build_road_sign_model(size=size, dropout=recipe.dropout, modality_dropout=recipe.modality_dropout)
        assert model.get_layer("modality_dropout").rates == recipe.modality_dropout


def test_a_recipe_is_as_its_data_and_epochs_want_it():
    assert recipe_for("small", "gtsrb") == RECIPES["small"]
    drawn = recipe_for("small", "rendered", epochs=3)
    assert drawn == dataclasses.replace(RECIPES["small"], epochs=3, bleach=0.0) != RECIPES["small"]


def test_the_demo_from_end_to_end(tmp_path, monkeypatch, capsys):
    """The one slow test here: `mmzoo demo` trains, exports and predicts, with few images."""
    monkeypatch.setattr(demo, "TEST_IMAGES", 129)
    figures = {}
    run = demo.run
    monkeypatch.setattr(demo, "run", lambda out, seed: figures.update(run(out, seed=seed, images=129, epochs=1)))
    monkeypatch.setattr(sys, "argv", ["mmzoo", "demo", "--out", str(tmp_path / "demo")])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert not stop.value.code
    out = capsys.readouterr().out
    assert len(figures) == 24 and all(0 <= value <= 1 for value in figures.values())
    for name, value in figures.items():
        assert f"{100 * value:.1f} %" in out and name.split(", ")[1] in out
    # The pretrained model has no name for the new signs.
    assert all(value == 0 for name, value in figures.items() if name.startswith("new signs before"))
    assert figures["known signs before, image alone"] > 0.8
    assert "images drawn, context simulated" in out.lower()
    assert (tmp_path / "demo" / "predictions.png").stat().st_size > 1000
    assert (tmp_path / "demo" / "evaluation" / "confusion_sign.png").is_file()
    certificate = json.loads((tmp_path / "demo" / "bundle" / "parity.json").read_text())
    assert {"model_float32.tflite", "model_dynamic_int8.tflite", "model_int8.tflite"} <= set(certificate["files"])
    assert certificate["sets"]["real"] == 129
