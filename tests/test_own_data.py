"""From a table of own data to a bundle: splits, arms, baselines, what columns are worth, the command."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo import cli
from mmzoo.data.tables.splits import is_split_column, split_table
from mmzoo.evaluation.baseline import BOOSTING, LINEAR, table_baselines
from mmzoo.evaluation.column_worth import column_worth
from mmzoo.exporting import ParityError
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.recipes import list_recipes, results
from mmzoo.recipes.own_data import TableRecipe, prepared, train
from mmzoo.recipes.own_data import results as own_data_results
from mmzoo.recipes.own_data.data import MASK, OTHER, masked, pooled, without_targets_missing
from mmzoo.recipes.running.arms import ALL, CONCAT, arms_of
from mmzoo.recipes.running.exporting import exported
from mmzoo.recipes.running.recording.arms_table import ArmsTable
from mmzoo.recipes.running.recording.record import RunRecord
from mmzoo.schema import Category, Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value

COLOURS = {"red": (220, 40, 30), "green": (30, 200, 40), "blue": (40, 60, 220)}
SIZES = ("large", "small")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A table of things: colour is in the picture, size in the text, and the price follows from both and the weight."""
    folder = tmp_path_factory.mktemp("shop")
    (folder / "pictures").mkdir()
    rng = np.random.default_rng(0)
    rows = []
    for i in range(72):
        colour, size = rng.choice(list(COLOURS)), rng.choice(SIZES)
        pixels = rng.normal(COLOURS[colour], 30, (24, 24, 3)).clip(0, 255).astype(np.uint8)
        Pillow.fromarray(pixels).save(folder / "pictures" / f"thing {i}.png")
        weight = rng.uniform(1, 9)
        rows.append(
            {
                "photo": f"pictures/thing {i}.png",
                "About it": f"{rng.choice(['a really', 'one very', 'this is a'])} {size} thing, number {i}",
                "weight_kg": f"{weight:.2f}" if i % 7 else "",
                "maker": rng.choice(["ACME", "Ajax"]),
                "kind": f"{size} {colour}" if colour != "blue" else "blue",
                "price": f"{2 ** (weight / 2) * (1 + (size == 'large')) * 10:.2f}",
            }
        )
    path = folder / "things.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(shop, tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    recipe = TableRecipe(size="nano", epochs=8, learning_rate=1e-2)
    result = train(shop, "kind", out, recipe=recipe, image_size=24, seeds=1, progress=False, say=lambda line: None)
    return result, recipe


# The whole road ------------------------------------------------------------------------------------------------------


def test_a_table_becomes_a_bundle_beside_its_arms(run):
    result, _ = run
    assert {"inspect.html", "schema.json", "arms.csv", "worth.csv", "summary.txt", "bundle", "evaluation"} <= {
        path.name for path in result.out.iterdir()
    }
    accuracy = result.arms[result.arms.metric == "accuracy"].set_index("arm").value
    assert list(accuracy.index) == [
        *(ALL, CONCAT, "photo alone", "About it alone", "sensors alone"),
        *(BOOSTING, LINEAR),
    ]
    assert accuracy.between(0, 1).all()
    # Nothing but picture and text together tells the kind.
    assert accuracy[[ALL, CONCAT]].max() > accuracy["sensors alone"]
    assert result.schema.inputs["About it"].tokenizer == "ngrams"


def test_the_bundle_answers_raw_rows_on_the_edge(run, shop):
    result, _ = run
    device = mmzoo.edge.load(result.bundle)
    frame = pd.read_csv(shop, dtype=str, keep_default_na=False)
    rows = list(
        mmzoo.edge.predict_rows(device, frame.to_dict("records")[:5], columns=list(frame.columns), folder=shop.parent)
    )
    expected = mmzoo.predict(
        result.model,
        [
            {
                "photo": shop.parent / row["photo"],
                "About it": row["About it"],
                "sensors": {
                    "weight_kg": float(row["weight_kg"]) if row["weight_kg"] else None,
                    "maker": row["maker"],
                    "price": float(row["price"]),
                },
            }
            for row in frame.to_dict("records")[:5]
        ],
    )
    assert [row["predicted_kind"] for row in rows] == [next(iter(answer["kind"])) for answer in expected]


def test_the_summary_says_how_good_it_is_and_what_to_do(run):
    lines = run[0].summary
    assert lines[0].startswith("kind: accuracy ") and "test rows" in lines[0] and "always saying" in lines[0]
    text = "\n".join(lines)
    for words in (
        "best input on its own",
        "scikit-learn",
        "What columns are worth",
        "100.0% the same answers",
        "Next:",
    ):
        assert words in text, words
    assert 5 <= len(lines) <= 10
    page = (run[0].out / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "What each column is worth" in page and "beside its parts" in page and "sensors.weight_kg" in page


def test_called_again_it_trains_nothing(run, shop, monkeypatch, tmp_path):
    result, recipe = run
    folder = shutil.copytree(result.out, tmp_path / "run")
    monkeypatch.setattr("keras.Model.fit", lambda *args, **kwargs: pytest.fail("trained again"))
    again = train(
        *(shop, "kind", folder),
        recipe=recipe,
        image_size=24,
        progress=False,
        export=False,
        say=lambda line: None,
    )
    columns = [column for column in result.arms if column != "parameters"]
    pd.testing.assert_frame_equal(again.arms[columns], result.arms[columns], check_dtype=False)


def test_figures_are_kept_by_split_seed_and_arm(tmp_path):
    table = ArmsTable(tmp_path / "arms.csv")
    table.add("test", 0, ALL, {"y": {"accuracy": 0.5}}, 10, 100)
    table.add("test", 1, ALL, {"y": {"accuracy": 0.7}}, 10, 100)
    table.add("test", 1, ALL, {"y": {"accuracy": 0.9}}, 10, 100)
    again = ArmsTable(tmp_path / "arms.csv")
    assert again.holds("test", 1, ALL) and not again.holds("test", 2, ALL) and not again.holds("other", 1, ALL)
    row = again.summary("y", "accuracy").loc[ALL]
    assert row["mean"] == pytest.approx(0.6) and row.deviation == pytest.approx(0.02**0.5) and row.seeds == 2
    assert again.summary("y", "accuracy", "other").empty
    assert again.records()[0]["value"] == 0.5 and ArmsTable(tmp_path / "none.csv").table.empty


def test_a_run_of_other_settings_is_not_gone_on_with(run, shop):
    result, recipe = run
    arguments = {"image_size": 24, "progress": False, "say": lambda line: None}
    with pytest.raises(ValueError, match=r"holds a run with other settings \(recipe.epochs: 8 there, 9 now"):
        train(shop, "kind", result.out, recipe=dataclasses.replace(recipe, epochs=9), **arguments)
    with pytest.raises(ValueError, match=r"split.group: None there, 'maker' now"):
        train(shop, "kind", result.out, recipe=recipe, group="maker", **arguments)


def test_other_rows_are_not_gone_on_with(tmp_path):
    frame = pd.DataFrame({"x": [str(i / 7) for i in range(40)], "label": ["cat", "dog"] * 20})
    arguments = {"recipe": TableRecipe(size="nano", epochs=1), "arms": False, "baseline": False, "export": False}
    arguments |= {"progress": False, "say": lambda line: None}
    train(frame, "label", tmp_path, **arguments)
    frame.loc[3, "x"] = "0.123"
    with pytest.raises(ValueError, match=r"rows, seed 0\.\w+: '\w+' there, '\w+' now"):
        train(frame, "label", tmp_path, **arguments)
    assert len(train(frame, "label", tmp_path, overwrite=True, **arguments).arms)


def test_values_and_several_outputs(shop, tmp_path):
    result = train(
        shop,
        ["kind", "price"],
        tmp_path / "run",
        recipe=TableRecipe(size="nano", epochs=3),
        kinds={"photo": "ignore"},
        arms=False,
        export=False,
        progress=False,
        say=lambda line: None,
    )
    assert isinstance(result.schema["price"], Value) and result.schema["price"].unit == ""
    assert set(result.arms.output) == {"kind", "price"}
    names = {layer.name for layer in result.model.layers}
    assert {"head_kind_uncertainty", "head_price_uncertainty", "head_price_scaling"} <= names
    assert "price: mae" in "\n".join(result.summary)


def test_a_prepared_folder(shop, tmp_path):
    schema = mmzoo.infer_schema(shop, target="kind", kinds={"photo": "ignore"})
    mmzoo.prepare(shop, schema, tmp_path / "prepared", split={"train": 0.7, "validation": 0.3})
    recipe = TableRecipe(size="nano", epochs=2, text="bytes")
    result = train(
        tmp_path / "prepared",
        out=tmp_path / "run",
        recipe=recipe,
        arms=False,
        export=False,
        progress=False,
        say=lambda line: None,
    )
    assert len(result.arms) and result.schema == schema
    with pytest.raises(ValueError, match="its splits are .*'train'"):
        mmzoo.prepare(shop, schema, tmp_path / "whole")
        train(tmp_path / "whole", out=tmp_path / "run2", progress=False, say=lambda line: None)


def test_of_prepared_training_rows_only_the_first_are_held(shop, tmp_path, monkeypatch):
    schema = mmzoo.infer_schema(shop, target="kind", kinds={"photo": "ignore"})
    mmzoo.prepare(shop, schema, tmp_path / "prepared", split={"train": 0.7, "validation": 0.3})
    monkeypatch.setattr(prepared, "BATCH", 4)
    monkeypatch.setattr(prepared, "MOST_ROWS", 8)
    data = prepared.PreparedData(tmp_path / "prepared")
    assert len(data.arrays("train")[1]["kind"]) == 8 < data.count("train")
    assert len(data.arrays("test")[1]["kind"]) == data.count("test") > 8
    streamed = data.batches(schema.inputs, training=TableRecipe(batch_size=4).training_for(10), seed=0)(0)
    assert sum(len(targets["kind"]) for _, targets in streamed) > 8


def test_figures_reach_the_table_of_results_and_the_documents(run):
    result, _ = run
    record = RunRecord.load(result.out / "run.json")
    assert record.recipe == "own_data" and record.split == "test rows of the table" and record.outputs == {"kind": ""}
    rows = results.rows_of(dataclasses.replace(record, data="shop"))
    assert tuple(rows.columns) == results.COLUMNS
    trained = rows[~rows.arm.str.endswith(" given")]
    assert len(trained) == len(result.arms) and {"photo given", "About it given"} <= set(rows.arm)
    assert set(rows.model) == {"own_data_nano"} and set(rows.data) == {"shop"} and set(rows.output) == {"kind"}
    assert rows.bytes_int8.iloc[0] == (result.bundle / "model_int8.tflite").stat().st_size
    table = own_data_results.readme_table(rows)
    accuracy = result.arms[result.arms.metric == "accuracy"].set_index("arm").value
    assert f"| shop (kind), {rows.samples.iloc[0]}, 1 | nano | accuracy % | {100 * accuracy[ALL]:.1f} | " in table
    assert own_data_results.readme_table(rows[rows.model == "other"]) == ""


def test_a_model_goes_by_the_encoders_that_read_its_inputs():
    schema = Schema("s", {"photo": Image(8, 8), "note": Text(8)}, {"kind": Label(("a", "b"))})
    names = {
        "own_data_small": TableRecipe(image="separable", text="ngrams"),
        "own_data_nano_efficientnet_lite0": TableRecipe("nano", image="efficientnet_lite0", text="ngrams"),
        "own_data_small_efficientnet_lite0_minilm_lora": TableRecipe(
            image="efficientnet_lite0", text={"note": "minilm"}, finetune="lora"
        ),
    }
    assert [own_data_results.model_name(recipe, schema) for recipe in names.values()] == list(names)
    # Nothing reads pictures or texts where there are none.
    numbers = Schema("s", {"sensors": Sensors((Number("x"),))}, {"kind": Label(("a", "b"))})
    assert (
        own_data_results.model_name(names["own_data_small_efficientnet_lite0_minilm_lora"], numbers) == "own_data_small"
    )


def test_without_an_int8_file_that_loses_too_much(run, monkeypatch, tmp_path):
    calls = []

    def refuse(model, path, *, samples, overwrite, int8_float_layers=(), no_int8=None):
        calls.append((tuple(int8_float_layers), no_int8))
        if no_int8 is None:
            raise ParityError("model_int8.tflite: accuracy 0.5, the Keras model has 0.9")
        return "bundle"

    monkeypatch.setattr(mmzoo, "export", refuse)
    said = []
    assert exported(run[0].model, tmp_path, [], say=said.append, overwrite=True) == "bundle"
    assert calls[0] == ((), None) and {"photo_stem", "photo_vector"} <= set(calls[1][0]) and calls[1][1] is None
    assert calls[2][1].startswith("it loses too much: model_int8.tflite: accuracy 0.5") and len(said) == 3

    def fail(*arguments, **options):
        raise ParityError("model_dynamic_int8.tflite: accuracy 0.5")

    monkeypatch.setattr(mmzoo, "export", fail)
    with pytest.raises(ParityError, match="dynamic"):
        exported(run[0].model, tmp_path, [], say=said.append)


# The command ---------------------------------------------------------------------------------------------------------


def test_the_command_trains_on_a_table(shop, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv",
        [
            *("mmzoo", "train", str(shop), "--target", "kind", "--kind", "photo=ignore", "--size", "nano"),
            *("--epochs", "2", "--no-arms", "--no-baseline", "--no-export", "--out", str(tmp_path / "run")),
        ],
    )
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "kind: accuracy" in printed and "Written:" in printed
    record = (tmp_path / "run" / "run.json").read_text(encoding="utf-8")
    assert "mmzoo train things.csv --target kind" in record and str(tmp_path) not in record


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.csv", "--target", "x"], f"neither a model ({', '.join(list_recipes())}) nor a file or folder"),
        (["{shop}"], "name the column to predict with --target, or give --schema"),
        (["{shop}", "--target", "kin"], "kin"),
        (["{shop}", "--target", "kind", "--kind", "photo"], "--kind photo: expected such as column=text"),
        (["{shop}", "--target", "kind", "--mask", "("], "no regular expression"),
    ],
)
def test_the_command_says_what_is_wrong(arguments, message, shop, tmp_path, monkeypatch, capsys):
    words = [word.format(shop=shop) for word in arguments]
    monkeypatch.setattr("sys.argv", ["mmzoo", "train", *words, "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1 and message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"label": [""] * 40}, "column 'label': the target is missing in all rows"),
        ({"label": ["cat"] * 40}, "the target is 'cat' in all rows"),
        ({"label": [f"class {i}" for i in range(40)]}, "more classes than half of the rows"),
        ({"x": ["abc", *(str(i / 7) for i in range(39))]}, r"column 'x': mixed types: 1 of 40 cells .*'abc'; row 2"),
        ({"note": ["/etc/passwd.png"] * 40}, "lie outside of the folder"),
        ({"note": ["the same"] * 40, "x": ["1"] * 40}, "rows the same as an earlier one in every column"),
    ],
)
def test_a_table_not_fit_to_train_on_is_refused_before_training(changed, message, tmp_path):
    frame = pd.DataFrame(
        {
            "note": [f"text number {i} on {'cats' if i % 2 else 'dogs'} here" for i in range(40)],
            "x": [str(i / 7) for i in range(40)],
            "label": ["cat", "dog"] * 20,
        }
    ).assign(**changed)
    frame.to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(
        ValueError, match=rf"bad\.csv: (no schema can be made of it|not fit to train on):[^§]*{message}"
    ):
        train(tmp_path / "bad.csv", "label", tmp_path / "run", progress=False, say=lambda line: None)


def test_bad_rows_are_left_out_on_request(tmp_path):
    lines = []
    frame = pd.DataFrame(
        {
            "note": [f"number {i} on {'cats' if i % 2 else 'dogs'}" for i in range(60)],
            "x": [str(i / 7) for i in range(60)],
            "label": ["cat", "dog"] * 30,
        }
    )
    frame.loc[5, "x"] = "abc"
    frame = pd.concat([frame, frame.iloc[[7, 8]]])
    frame.to_csv(tmp_path / "bad.csv", index=False)
    recipe = TableRecipe(size="nano", epochs=1)
    arguments = {"arms": False, "baseline": False, "export": False, "progress": False, "say": lines.append}
    result = train(tmp_path / "bad.csv", "label", tmp_path / "run", on_error="skip", recipe=recipe, **arguments)
    assert "2 rows the same as an earlier one in every column left out" in lines
    page = (result.out / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "1 rows with bad cells or files left out" in page


# Cleaning ------------------------------------------------------------------------------------------------------------


def test_rows_without_a_target_are_left_out_and_counted():
    frame = pd.DataFrame({"y": ["a", "", None, " ", "b"]})
    kept, notes = without_targets_missing(frame, ["y"])
    assert kept.y.tolist() == ["a", "b"] and notes == ["3 of 5 rows without a target left out"]
    assert without_targets_missing(kept, ["y"]) == (kept, [])
    assert without_targets_missing(frame, ["y"], ["b"])[0].y.tolist() == ["a"]
    frame = pd.DataFrame({"y": ["a", "NA", "-", "b", "b"], "z": ["1", "2", "", "", "3"]})
    kept, notes = without_targets_missing(frame, ["y", "z"])
    assert kept.y.tolist() == ["a", "NA", "b", "b"]
    assert notes == [
        "1 of 5 rows without a target left out",
        "1 rows lack the target 'y' and count for the others",
        "1 rows lack the target 'z' and count for the others",
    ]
    assert len(without_targets_missing(frame, ["y"], classes={"y": ("NA", "-", "a", "b")})[0]) == 5


def test_rare_classes_are_pooled():
    frame, notes = pooled(pd.DataFrame({"y": list("aaaabbc")}), "y", 3)
    assert frame.y.tolist() == [*"aaaa", OTHER, OTHER, OTHER]
    assert notes == ["2 classes of 'y' with fewer than 3 rows are one, '(other)' (3 rows)"]
    # What is missing is no class.
    frame, _ = pooled(pd.DataFrame({"y": [*"aaaabbc", "NA", None, ""]}), "y", 3)
    assert frame.y.tolist() == [*"aaaa", OTHER, OTHER, OTHER, "", "", ""]


def test_words_that_name_the_answer_are_masked():
    frame, notes = masked(pd.DataFrame({"note": ["A COVID-19 case of Covid.", None]}), ["note"], ["covid", r"sars"])
    assert frame.note.tolist() == [f"A {MASK}-19 case of {MASK}.", ""]
    assert "covid, sars" in notes[0]
    with pytest.raises(ValueError, match="no regular expression"):
        masked(frame, ["note"], ["("])


# Splits --------------------------------------------------------------------------------------------------------------


def test_random_splits_keep_the_shares_of_the_classes():
    frame = pd.DataFrame({"x": range(400), "y": ["a"] * 300 + ["b"] * 97 + ["c"] * 3})
    splits = split_table(frame, target="y", seed=1)
    assert [len(splits[name]) for name in splits] == [280, 60, 60]
    assert sorted(np.concatenate([part.x for part in splits.values()])) == list(range(400))
    for part in splits.values():
        assert (part.y == "b").mean() == pytest.approx(97 / 400, abs=0.01)
    assert not split_table(frame, target="y", seed=2)["test"].x.equals(splits["test"].x)
    assert split_table(frame, target="y", seed=1)["test"].x.equals(splits["test"].x)


def test_groups_stay_together():
    frame = pd.DataFrame({"patient": np.arange(300) // 5, "y": [*"abc"] * 100})
    splits = split_table(frame, target="y", group="patient", seed=0)
    groups = [set(part.patient) for part in splits.values()]
    assert not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])
    assert all(25 <= len(part) for part in splits.values())


def test_the_latest_rows_are_the_test():
    days = [f"2024-{1 + i // 28:02d}-{1 + i % 28:02d}" for i in range(200)]
    frame = pd.DataFrame({"day": days, "x": range(200)}).sample(frac=1, random_state=0)
    splits = split_table(frame, time="day")
    assert (
        splits["train"].x.max() < splits["validation"].x.min() <= splits["validation"].x.max() < splits["test"].x.min()
    )
    with pytest.raises(ValueError, match="column 'day': expected an ISO date or a number, got 'soon'; 1 such"):
        split_table(frame.assign(day=["soon", *frame.day[1:]]), time="day")


def test_a_column_says_which_row_is_which():
    frame = pd.DataFrame({"part": ["train"] * 8 + ["Val"] * 2, "x": range(10)})
    assert is_split_column(frame.part) and not is_split_column(frame.x)
    splits = split_table(frame, column="part")
    assert splits["test"].x.tolist() == [8, 9], "without test rows those for validation are the ones measured on"
    assert set(splits["train"].x) | set(splits["validation"].x) == set(range(8))
    splits = split_table(pd.concat([frame, pd.DataFrame({"part": ["test"], "x": [10]})]), column="part")
    assert splits["validation"].x.tolist() == [8, 9] and splits["test"].x.tolist() == [10]
    with pytest.raises(ValueError, match="row 3, column 'part': expected one of .*, got 'later'; 1 such rows"):
        split_table(frame.assign(part=["train"] * 3 + ["later"] + ["test"] * 6), column="part")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"group": "nothing"}, "no column 'nothing'"),
        ({"shares": (0.5, 0.5)}, "three numbers"),
        ({"column": "x", "time": "x"}, "not both"),
        ({"group": "same"}, "one value only"),
    ],
)
def test_what_can_not_be_split(arguments, message):
    frame = pd.DataFrame({"x": range(10), "same": 1})
    with pytest.raises(ValueError, match=message):
        split_table(frame, **arguments)


# Baselines, worth ----------------------------------------------------------------------------------------------------

FIELDS = (Number("a", "", -5, 5), Category("b", ("p", "q")))


def test_baselines_learn_from_columns_and_texts():
    rng = np.random.default_rng(0)
    schema = Schema(
        "x",
        {"sensors": Sensors(FIELDS), "note": Text(16)},
        {"kind": Label(("n", "s")), "tags": MultiLabel(("u", "v")), "size": Value(scale="log")},
    )

    def part(count):
        sensors = np.stack([rng.normal(size=count), rng.integers(0, 2, count).astype(float)], axis=1)
        sensors[::9, 0] = np.nan
        word = rng.integers(0, 2, count)
        kind = ((np.nan_to_num(sensors[:, 0]) > 0) ^ (word == 1)).astype(int)
        tags = np.stack([word, sensors[:, 1]], axis=1)
        texts = [
            f"so {'very' if w else 'hardly'} {'big' if k else 'tiny'} it is" for w, k in zip(word, kind, strict=True)
        ]
        size = np.exp(2 * word + sensors[:, 1])[:, None]
        return {"sensors": sensors}, {"note": texts}, {"kind": kind, "tags": tags, "size": size}

    found = table_baselines(schema, part(400), part(100), part(200))
    assert set(found) == {BOOSTING, LINEAR}
    for figures in found.values():
        assert figures["kind"]["accuracy"] > 0.95 and figures["tags"]["micro_f1"] > 0.95
        assert figures["size"]["r2"] > 0.9
    nothing = Schema("x", {"photo": Image(8, 8)}, {"kind": Label(("n", "s"))})
    part = ({}, {}, {"kind": [0, 1]})
    assert table_baselines(nothing, part, part, part) == {}


def test_boosting_takes_one_thread_on_few_rows(monkeypatch):
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_info

    threads, fit = [], HistGradientBoostingClassifier.fit

    def noted(self, *args, **kwargs):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp")
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(HistGradientBoostingClassifier, "fit", noted)
    values = np.random.default_rng(0).normal(size=(60, 1)).astype(np.float32)
    part = ({"sensors": values}, {}, {"kind": (values[:, 0] > 0).astype(np.int32)})
    schema = Schema("few", {"sensors": Sensors((Number("x", "", -9, 9),))}, {"kind": Label(("low", "high"))})
    found = table_baselines(schema, part, part, part)
    assert threads and set(threads) == {1}
    assert found[BOOSTING]["kind"]["accuracy"] > 0.9


def test_tensorflow_does_not_warn_of_each_arm():
    import logging

    from mmzoo.recipes.running.retracing import without_retracing_warnings

    logger, seen = logging.getLogger("tensorflow"), []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    logger.addHandler(handler)
    try:
        with without_retracing_warnings():
            logger.error("5 out of the last 20 calls to f triggered tf.function retracing.")
            logger.error("anything else")
        logger.error("6 out of the last 21 calls to f triggered tf.function retracing.")
    finally:
        logger.removeHandler(handler)
    assert [message.split()[0] for message in seen] == ["anything", "6"]


def test_a_column_that_decides_is_worth_more_than_one_that_does_not():
    schema = Schema("x", {"s": Sensors((Number("a", "", -3, 3), Number("b", "", -3, 3)))}, {"y": Label(("n", "p"))})
    rows = np.random.default_rng(0).normal(size=(600, 2)).clip(-3, 3).astype(np.float32)
    rows[:60, 1] = np.nan
    labels = (rows[:, 0] > 0).astype(int)
    model = build_multimodal_model(schema, size="nano", seed=0)
    mmzoo.fit(model, ({"s": rows}, {"y": labels}), epochs=15, learning_rate=1e-2, verbose=0, seed=0)
    worth = column_worth(model, {"s": rows}, {"y": labels}).set_index("column")
    assert worth.index[0] == "s.a" and worth.y_accuracy_lost["s.a"] > 0.3 > abs(worth.y_accuracy_lost["s.b"])
    assert worth.given["s.b"] == pytest.approx(0.9)


def test_arms():
    assert [arm.name for arm in arms_of("ab", beside=True)] == [ALL, CONCAT, "a alone", "b alone"]
    assert [arm.name for arm in arms_of("ab", beside=True, concat=False)] == [ALL, "a alone", "b alone"]
    assert [arm.name for arm in arms_of("ab", beside=False)] == [ALL]
    assert TableRecipe().epochs_for(100) == 50 and TableRecipe().epochs_for(100_000) == 20
    assert dataclasses.replace(TableRecipe(), epochs=7).epochs_for(100) == 7
