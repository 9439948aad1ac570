"""Recipes, the record of a run, its card, the results table, and the demo."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import platform
import subprocess
import sys

import pandas as pd
import pytest

import mmzoo
from mmzoo import cli
from mmzoo.data.sets.road_signs import rendered_signs
from mmzoo.recipes import Recipe, Training, demo, get_recipe, result_tables, results
from mmzoo.recipes.running.arms import ALL
from mmzoo.recipes.running.options import model_name
from mmzoo.recipes.running.recording.card import recipe_card
from mmzoo.recipes.running.recording.hardware import machine, processor
from mmzoo.recipes.running.recording.record import RunRecord, origin

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONTEXT = "text+location+road_condition given"
ARMS = {"image given": 0.985, CONTEXT: 0.31, ALL: 0.9912}


def figures(arms=ARMS, failures=None, split="validation (fold 0)", seed=0, samples=7560, parameters=45729, **metrics):
    """Figures of a record: the headline of each arm, under each failure too, and more metrics of the model itself."""
    measured = {"accuracy": arms, **{f"accuracy_{name}": values for name, values in (failures or {}).items()}}
    measured |= {name: {ALL: value} for name, value in metrics.items()}
    common = {"split": split, "seed": seed, "output": "sign", "samples": samples, "parameters": parameters}
    return [
        {**common, "arm": arm, "metric": metric, "value": value}
        for metric, values in measured.items()
        for arm, value in values.items()
    ]


def record(*, arms=ARMS, failures=None, split="validation (fold 0)", seed=0, samples=7560, **changes):
    values = {
        "recipe": "road_sign",
        "model": "road_sign_nano",
        "data": "gtsrb",
        "split": split,
        "note": "images real, context simulated",
        "seed": seed,
        "samples": samples,
        "parameters": 45729,
        "outputs": {"sign": ""},
        "figures": figures(arms, failures, split, seed, samples, macro_f1=0.98),
        "machine": "2 x some processor",
        "command": "mmzoo train road_sign --size nano --out RUN",
        "settings": {"epochs": 24, "learning_rate": 3e-3},
        "training": {"samples": 31649, "minutes": 61.5},
        "parity": {"files": {"model_float32.tflite": {"bytes": 240_400}, "model_int8.tflite": {"bytes": 118_600}}},
    }
    return RunRecord(**{**values, **changes})


@pytest.fixture
def csv_file(monkeypatch, tmp_path):
    for module in (results, result_tables):
        monkeypatch.setattr(module, "saved_models_dir", lambda: tmp_path / "saved_models")
    bundle = tmp_path / "saved_models" / "road_sign_nano_gtsrb"
    bundle.mkdir(parents=True)
    sizes = {"model_float32.tflite": {"bytes": 240_600}, "model_int8.tflite": {"bytes": 118_600}}
    (bundle / "parity.json").write_text(json.dumps({"files": sizes}))
    return tmp_path / "saved_models" / "results.csv"


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
    results.add(record(seed=1, arms={**ARMS, "image given": 0.995}))
    results.add(record(model="road_sign_small", parity=None))
    results.add(record(arms={**ARMS, "image given": 0.987}))
    with pytest.raises(ValueError, match="road_sign_nano on gtsrb, all: not measured on held-out data"):
        results.add(record(split="all", held_out=False))
    table = pd.read_csv(csv_file)
    assert tuple(table.columns) == results.COLUMNS
    assert len(table) == 3 * (len(ARMS) + 1), "the last run replaces the first, which had the same seed"
    assert not table.duplicated(result_tables.KEY).any()
    assert set(table.output) == {"sign"} and table.command.str.startswith("mmzoo train").all()
    nano, small = result_tables.models_table().splitlines()[2:]
    # The mean of the two seeds' 98.7 % and 99.5 %.
    assert nano == (
        "| road_sign_nano | 45,729 | 241 KB / 119 KB | gtsrb (validation (fold 0), 7,560) | sign: accuracy | 2 "
        "| 99.10 % ± 0.6 | 31.00 % ± 0.0 | 99.12 % ± 0.0 |"
    )
    assert small.startswith("| road_sign_small | 45,729 | - |"), "no such bundle is shipped"


def test_folds_have_a_mean_in_the_readme_and_a_row_each_in_the_card(csv_file):
    dark = {"darkened": {arm: 0.5 for arm in ARMS}}
    results.add(record(failures=dark))
    second = record(split="validation (fold 1)", samples=8000, arms={**ARMS, "image given": 0.975}, failures=dark)
    results.add(second)
    results.add(record(split="test", samples=12_630))
    results.add(record(model="road_sign_small", failures=dark))
    lines = result_tables.models_table().splitlines()[2:]
    assert [line.split("|")[4].strip() for line in lines] == [
        "gtsrb (official test, used for no choice, 12,630)",
        *("gtsrb (validation, mean of 2 folds, 15,560)", "gtsrb (validation (fold 0), 7,560)"),
    ]  # fmt: skip
    assert (
        "| 241 KB / 119 KB | gtsrb (validation, mean of 2 folds, 15,560) | sign: accuracy | 1 | 98.00 % |" in lines[1]
    )
    sections = result_tables.card_tables("road_sign_nano_gtsrb").split("\n\n")
    assert sections[::2] == [
        "gtsrb, test, 12,630 samples, sign:", "gtsrb, validation, mean of 2 folds, 15,560 samples, sign:", "Each fold:"
    ]  # fmt: skip
    assert sections[3].splitlines() == [
        "| arm | accuracy | accuracy darkened |",
        "|---|---|---|",
        "| all inputs | 99.12 % | 50.00 % |",
        "| image given | 98.00 % | 50.00 % |",
        "| text, location, road_condition given | 31.00 % | 50.00 % |",
    ]
    rows = sections[5].splitlines()
    assert rows[0] == "| held-out fold | samples | figure | image given | context given | all inputs |"
    assert rows[2:] == [
        "| 0 | 7,560 | sign: accuracy | 98.50 % | 31.00 % | 99.12 % |",
        "| 1 | 8,000 | sign: accuracy | 97.50 % | 31.00 % | 99.12 % |",
        "| mean | 15,560 | sign: accuracy | 98.00 % | 31.00 % | 99.12 % |",
    ]


def test_what_the_context_adds_when_the_camera_fails(csv_file):
    results.add(record())
    assert result_tables.failures_table() == ""
    blurred = {"blurred": {arm: value / 2 for arm, value in ARMS.items()}}
    results.add(record(model="road_sign_small", failures=blurred))
    assert result_tables.failures_table().splitlines() == [
        "| image given → all inputs | clean | blurred |",
        "|---|---|---|",
        "| road_sign_small, gtsrb (validation (fold 0)) | 98.5 → 99.1 % | 49.2 → 49.6 % |",
    ]


def test_weights_measured_on_other_data_go_by_their_bundle(csv_file):
    results.add(record(data="rendered", split="validation"))
    results.add(record(model="road_sign_nano_rendered"))
    sections = result_tables.card_tables("road_sign_nano_rendered").split("\n\n")
    assert sections[::2] == [
        *("gtsrb, validation (fold 0), 7,560 samples, sign:", "rendered, validation, 7,560 samples, sign:")
    ]
    assert result_tables.card_tables("road_sign_nano_gtsrb") == ""


def test_an_arm_that_was_not_measured_is_a_dash(csv_file):
    results.add(record(arms={"image given": 0.9}))
    assert result_tables.models_table().splitlines()[2].endswith("| 90.00 % | - | - |")


def test_the_table_goes_between_its_marks(csv_file, tmp_path):
    results.add(record())
    begin, end = result_tables.marks("results")
    text = f"# head\n\n{begin}\nold\n{end}\n\ntail\n"
    table = result_tables.models_table()
    once = result_tables.with_table(text, table)
    assert once == f"# head\n\n{begin}\n{table}\n{end}\n\ntail\n"
    assert result_tables.with_table(once, table) == once
    with pytest.raises(ValueError, match="README.md: the marks .* are missing"):
        result_tables.with_table("# head", table)


def test_the_headlines_are_the_first_figure_beside_the_best_of_the_rest(csv_file):
    rows = [
        dict(arm=arm, seed=seed, metric=metric, value=value)
        for arm, values in {
            "all inputs": (0.9, 0.8),
            "all inputs, text shuffled": (0.99, 0.99),
            "commonest answer": (0.3, 0.3),
            "image alone": (0.6, 0.5),
        }.items()
        for seed, value in enumerate(values)
        for metric in ("accuracy", "macro_f1")
    ]
    common = dict(model="assistant_nano", data="easy_vqa", split="validation", output="answer", samples=10)
    pd.DataFrame([{**common, **row} for row in rows]).to_csv(csv_file, index=False)
    assert result_tables.headlines_table().splitlines()[2:] == [
        "| assistant_nano | easy_vqa (validation, 10) | answer: accuracy | 2 "
        "| 85.00 % ± 7.1 | 55.00 % ± 7.1, image alone |"
    ]


def test_the_command_adds_runs_and_rewrites_pages_and_cards(csv_file, monkeypatch, tmp_path):
    (tmp_path / "run").mkdir()
    record().save(tmp_path / "run" / "run.json")

    def empty(*names):
        return "".join("{}\n{}\n".format(*result_tables.marks(name)) for name in names)

    card = tmp_path / "saved_models" / "road_sign_nano_gtsrb" / "CARD.md"
    card.write_text(empty("results"))
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text(empty("headlines"))
    others = ("results", "failures", "few pictures", "pretraining", "own data")
    (tmp_path / "docs" / "results.md").write_text(empty(*others))
    results.main(["add", str(tmp_path / "run")])
    results.main(["tables", str(tmp_path / "README.md")])
    begin, end = result_tables.marks("headlines")
    assert (tmp_path / "README.md").read_text() == f"{begin}\n{result_tables.headlines_table()}\n{end}\n"
    begin, end = result_tables.marks("results")
    page = (tmp_path / "docs" / "results.md").read_text()
    assert page.startswith(f"{begin}\n{result_tables.models_table()}\n{end}\n")
    assert card.read_text() == f"{begin}\n{result_tables.card_tables('road_sign_nano_gtsrb')}\n{end}\n"
    (tmp_path / "docs" / "results.md").write_text(empty(*(name for name in others if name != "few pictures")))
    with pytest.raises(ValueError, match="the marks <!-- few pictures: begin --> .* are missing"):
        results.fresh_tables(tmp_path / "README.md")
    (tmp_path / "docs" / "results.md").write_text(empty(*others))
    card.write_text("# no marks")
    with pytest.raises(ValueError, match="CARD.md: the marks .* are missing"):
        results.fresh_tables(tmp_path / "README.md")


def test_every_kind_of_output_has_its_rows_in_the_tables(csv_file, monkeypatch):
    recipe = Recipe(name="pump", data={"pumps": rendered_signs}, training={"small": Training(epochs=1)}, about="",
                    limits="")  # fmt: skip
    for name, value in {"list_recipes": lambda: ["pump"], "get_recipe": lambda name: recipe}.items():
        monkeypatch.setattr(result_tables, name, value)
    arms = {ALL: 0.05, "all inputs, concatenated": 0.06, "image alone": 0.07, "last value": 0.09, "image given": 0.08}
    rows = [
        {**row, "output": "steering", "metric": "mae", "seed": seed, "value": row["value"] + 0.01 * seed}
        for seed in (0, 1)
        for row in figures(arms, split="validation, 5 folds pooled")
    ]
    rows += [{**row, "output": "brake"} for row in figures({ALL: 0.9}, split="validation, 5 folds pooled")]
    rows += figures(arms, split="validation (fold 0)")
    results.add(record(model="pump_small", data="pumps", split="validation, 5 folds pooled", figures=rows))
    lines = result_tables.models_table().splitlines()
    assert lines[0].endswith("| all inputs | all inputs, concatenated | image alone | last value |")
    assert lines[2].endswith("| brake: accuracy | 1 | 90.00 % | - | - | - |")
    assert lines[3].endswith(
        "| steering: mae | 2 | 0.055 ± 0.00707 | 0.065 ± 0.00707 | 0.075 ± 0.00707 | 0.095 ± 0.00707 |"
    )
    assert len(lines) == 4, "of pooled folds each fold is left out"


def test_the_tables_of_readme_and_cards_are_up_to_date():
    for path, text in results.fresh_tables(ROOT / "README.md").items():
        assert path.read_text(encoding="utf-8") == text, f"{path}: python -m mmzoo.recipes.results tables"


def test_the_card_says_first_what_is_simulated(monkeypatch):
    monkeypatch.setattr(
        "mmzoo.recipes.context_only.context_only_accuracy", lambda: {"forest": 0.4321, "logistic": 0.4}
    )  # fmt: skip

    def card(record):
        return recipe_card(get_recipe("road_sign"), record, mmzoo.road_sign_schema())

    lines = card(record()).splitlines()
    assert lines[0] == "**images real, context simulated**"
    text = "\n".join(lines)
    for figure in ("98.50 %", "43.2 %", "99.12 %", "45,729", "31,649", "61.5 minutes", "mmzoo train road_sign"):
        assert figure in text, figure
    blind = record(held_out=False, samples=0, figures=[])
    text = card(blind)
    assert "trained on all rows" in text and "These weights, on" not in text
    assert "started from" not in text and "teacher" not in text
    begun = dataclasses.replace(blind, training={**blind.training, "weights": "bundle, made by `mmzoo train x`"})
    text = card(begun)
    assert "They started from other weights" in text and "- started from: bundle, made by `mmzoo train x`" in text
    taught = dataclasses.replace(blind, settings={"teacher": "large.keras", "teaching": 0.7})
    assert "- teacher: large.keras" in card(taught) and "- teaching: 0.7" in card(taught)
    drawn = record(data="rendered", note="images drawn, context simulated")
    assert "drawn by mmzoo" in card(drawn)


def test_recipes_are_found_by_the_name_of_their_file():
    assert get_recipe("road_sign").name == "road_sign"
    with pytest.raises(ValueError, match=r"no recipe for 'cats'; there are recipes for \[.*'road_sign'.*\]"):
        get_recipe("cats")


def test_a_recipe_is_read_without_a_framework():
    code = (
        "import sys; from mmzoo.recipes import *; [get_recipe(n) for n in list_recipes()]; print(sorted(sys.modules))"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "'mmzoo.recipes.zoo.road_sign'" in modules
    assert not any(f"'{heavy}'" in modules for heavy in ("tensorflow", "keras", "pandas", "sklearn"))


def test_every_size_has_its_recipe():
    from mmzoo.models.road_sign import SIZES

    recipe = get_recipe("road_sign")
    assert list(recipe.training) == list(SIZES)
    for size, training in recipe.training.items():
        model = mmzoo.build_road_sign_model(size=size, **training.for_builder())
        assert model.get_layer("modality_dropout").rates == training.modality_dropout


def test_a_recipe_is_as_its_data_and_epochs_want_it():
    recipe = get_recipe("road_sign")
    small = recipe.training["small"]
    assert recipe.training_for("small", "gtsrb") == small and small.augmentation["bleach"] == 0.1
    drawn = recipe.training_for("small", "rendered", epochs=3)
    assert drawn == dataclasses.replace(small, epochs=3, augmentation={"cover": 0.08}) != small


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


def test_a_model_goes_by_what_its_builder_was_told():
    recipe = get_recipe("cat_dog")
    assert model_name(recipe, "nano", {"variant": "modern"}) == "cat_dog_nano"
    assert model_name(recipe, "small", {"variant": "classic"}) == "cat_dog_small_classic"
