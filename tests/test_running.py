"""The machine of all recipes: arms, seeds, folds, controls, baselines, what a run rests on, evaluation, export."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

import mmzoo
from mmzoo.data.samples.samples import Option, Samples, data_set
from mmzoo.fusion.arm import only_inputs
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.recipes import Recipe, Training
from mmzoo.recipes.running.arms import ALL, CONCAT, Arm, arms_of, given_rows
from mmzoo.recipes.running.evaluating import evaluate, export
from mmzoo.recipes.running.recording.identity import RunIdentity
from mmzoo.recipes.running.recording.record import RunRecord
from mmzoo.recipes.running.sources import set_apart
from mmzoo.recipes.running.training import train
from mmzoo.schema import Label, Number, Schema, Sensors, Value

ROWS, FOLDS = 90, 2
SCHEMA = Schema(
    "pump",
    {"flow": Sensors((Number("a", "l/s", -3, 3),)), "heat": Sensors((Number("b", "K", -3, 3),))},
    {"state": Label(("worn", "sound")), "age": Value("years")},
)


def build_pump(*, size="small", weights=None, seed=None, fusion="attention", gain=1.0, dropout=0.0):
    assert gain in (1.0, 2.0) and size in ("nano", "small")
    return build_multimodal_model(SCHEMA, size="nano", weights=weights, seed=seed, fusion=fusion, dropout=dropout)


@data_set(
    about="pumps that were never built",
    layout="rows.csv",
    licence="made up",
    weights_may_ship=True,
    folds=FOLDS,
    group="pump",
    options={"noise": Option(float, 0.1, "How much.")},
)
def load_pumps(data_dir, split, *, schema, fold, seed, limit, noise):
    """Rows of a folder; every second group of three rows is a fold's validation."""
    shift = float((data_dir / "rows.csv").read_text())
    rng = np.random.default_rng(0)
    flow, heat = rng.normal(shift, 1, (2, ROWS, 1)).clip(-3, 3).astype(np.float32)
    groups = np.arange(ROWS) // 3
    targets = {
        "state": (flow[:, 0] > 0).astype(np.int32),
        "age": (heat + noise * rng.normal(size=(ROWS, 1))).astype(np.float32),
    }
    inputs = {name: array for name, array in (("flow", flow), ("heat", heat)) if name in schema.inputs}
    samples = Samples(inputs, targets, "all simulated", [f"{shift} {i}" for i in range(ROWS)], groups)
    if split != "all":
        held_out = groups % FOLDS == fold
        samples = samples.take(held_out if split == "validation" else ~held_out)
    return samples if limit is None else samples.take(slice(limit))


def middle(training, measured, schema):
    """Always the same."""
    return {
        "age": np.full((len(measured), 1), training.targets["age"].mean()),
        "state": np.tile(np.bincount(training.targets["state"], minlength=2) / len(training), (len(measured), 1)),
    }


PUMP = Recipe(
    name="pump",
    build=build_pump,
    data={"pumps": load_pumps},
    training={
        "nano": Training(epochs=3, batch_size=16, learning_rate=0.02, dropout=0.1),
        "small": Training(epochs=1, batch_size=16),
    },
    about="Says what state a pump is in.",
    limits="No pump was harmed.",
    controls=("heat",),
    baselines={"the same for all": middle},
    builder_options={"gain": Option(float, None, "Of nothing.")},
    options={"words": Option(str, None, "Of nothing either.")},
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The public rows, and others laid out like them."""
    folder = tmp_path_factory.mktemp("pumps")
    for name, shift in (("public", "0.0"), ("apart", "0.25")):
        (folder / name).mkdir()
        (folder / name / "rows.csv").write_text(shift)
    return folder


def quiet(out, folders, recipe=PUMP, **arguments):
    return train(
        recipe, out, data_dir=folders / "public", size="nano", verbose=0, say=lambda line: None, **arguments
    )  # fmt: skip


@pytest.fixture(scope="module")
def pooled(folders, tmp_path_factory):
    """A run of everything but seeds."""
    out = tmp_path_factory.mktemp("pooled") / "run"
    record = quiet(out, folders, fold="all", arms=True, export_bundle=False, command="mmzoo train pump")
    return out, record


def test_every_arm_and_fold_is_trained_and_measured(pooled):
    out, record = pooled
    table = record.table
    arms = [ALL, CONCAT, "flow alone", "heat alone", f"{ALL}, heat shuffled"]
    one = table[(table.output == "age") & (table.metric == "mae")]
    for split in ("validation (fold 0)", "validation (fold 1)", "validation, 2 folds pooled"):
        rows = one[(one.split == split) & one.arm.isin(arms)]
        assert list(rows.arm) == arms and set(rows.seed) == {0}
    assert set(one[one.split == "validation (fold 0)"].samples) == {45}
    assert set(one[one.split == "validation, 2 folds pooled"].samples) == {ROWS}
    baseline = one[one.arm == "the same for all"]
    assert len(baseline) == FOLDS + 1 and baseline.parameters.isna().all()
    # An arm has nothing of the inputs that it lacks.
    parameters = one.groupby("arm").parameters.first()
    assert parameters["heat alone"] < parameters[ALL] == parameters[f"{ALL}, heat shuffled"]
    # The age follows from the heat.
    mean = one[one.split == "validation, 2 folds pooled"].groupby("arm").value.mean()
    assert mean["heat alone"] < mean["flow alone"] and mean["heat alone"] < mean[f"{ALL}, heat shuffled"]


def test_seeds_share_their_rows_and_nothing_else(folders, tmp_path):
    record = quiet(tmp_path, folders, seeds=2, epochs=1, export_bundle=False)
    rows = record.table.query("arm == 'all inputs' and metric == 'mae' and output == 'age'")
    assert list(rows.seed) == [0, 1] and rows.value.nunique() == 2
    rows = record.rests_on
    assert rows["rows of fold 0, seed 0"] == rows["rows of fold 0, seed 1"]
    assert set(record.table.query("arm == 'the same for all'").seed) == {0}


def test_pooled_figures_are_those_of_all_predictions_together(pooled):
    out, record = pooled
    guesses, truths = [], []
    for fold in range(FOLDS):
        with np.load(out / "training" / f"fold{fold}_seed0" / "heat_alone" / "predictions.npz") as file:
            guesses.append(file["predicted/age"])
            truths.append(file["target/age"])
    wanted = np.abs(np.concatenate(guesses) - np.concatenate(truths)).mean()
    rows = record.table.query("arm == 'heat alone' and metric == 'mae' and split.str.contains('pooled')")
    assert rows.value.item() == pytest.approx(wanted, rel=1e-5)


def test_a_run_with_all_its_figures_trains_nothing_again(pooled, folders, monkeypatch):
    out, record = pooled
    monkeypatch.setattr("keras.Model.fit", lambda *args, **kwargs: pytest.fail("trained again"))
    again = quiet(out, folders, fold="all", arms=True, export_bundle=False)
    assert again.figures == record.figures


@pytest.fixture(scope="module")
def run(folders, tmp_path_factory):
    """A plain run with its bundle, what was loaded for it, and how often its report was written."""
    loaded, written = [], []
    out = tmp_path_factory.mktemp("run") / "run"
    write = mmzoo.evaluation.Evaluation.write

    def counted(data_dir, split, **keywords):
        loaded.append(split)
        return load_pumps.function(data_dir, split, **keywords)

    recipe = dataclasses.replace(PUMP, data={"pumps": dataclasses.replace(load_pumps, function=counted)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mmzoo.evaluation.Evaluation, "write", lambda *a, **k: written.append(1) or write(*a, **k))
        record = quiet(out, folders, recipe, step_time=True)
    return out, record, loaded, written


def test_data_is_loaded_once_for_training_evaluation_and_export(run):
    out, record, loaded, written = run
    # The report is there before the export, in case that fails, and tells of the bundle behind it.
    assert sorted(loaded) == ["train", "validation"] and written == [1, 1]
    assert record.parity["sets"]["real"] == 45
    card = (out / "bundle" / "CARD.md").read_text()
    assert card.splitlines()[0] == "**all simulated**" and "No pump was harmed." in card and "Data: made up" in card
    assert "| flow |" in card and "a training step: " in card
    again = RunRecord.load(out / "run.json")
    assert again == record and again.outputs == {"state": "", "age": "years"}


def test_weights_are_judged_on_other_rows_laid_out_alike(run, folders, tmp_path):
    out, *_ = run
    judged, result = evaluate(
        PUMP, tmp_path / "run2", data_dir=folders / "apart", split="all", weights=out / "bundle", say=lambda line: None
    )
    metrics = json.loads((tmp_path / "run2" / "evaluation" / "metrics.json").read_text())
    assert metrics["samples"] == ROWS and {"state", "age"} <= set(metrics)
    assert judged.held_out and judged.model == "pump_nano" and judged.split == "all"
    assert judged.metrics("age")["mae"] == metrics["age"]["mae"]
    given = judged.table[judged.table.arm.str.endswith(" given")]
    assert set(given.arm) == {"flow given", "heat given"}


def test_rows_that_were_trained_on_are_found_again(run, folders, tmp_path):
    out, *_ = run
    arguments = {"data_dir": folders / "public", "weights": out / "bundle", "say": lambda line: None}
    judged, _ = evaluate(PUMP, tmp_path / "a", split="all", **arguments)
    assert not judged.held_out and "45 of these samples were trained on" in judged.note
    judged, _ = evaluate(PUMP, tmp_path / "b", split="train", **arguments)
    assert "these samples were trained on, so these are no figures to quote" in judged.note
    judged, _ = evaluate(PUMP, tmp_path / "c", split="validation", fold=0, **arguments)
    assert judged.held_out and judged.split == "validation (fold 0)"


def test_the_record_holds_the_step_with_and_without_xla(run):
    _, record, *_ = run
    times = record.step_time
    assert times["without_xla"] > 0 and times["batch_size"] == 64
    assert isinstance(times["with_xla"], float) or "doesn't compile" in times["with_xla"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fold": 1}, r"folds: \[0\] there, \[1\] now"),
        ({"all_rows": True}, "all_rows: False there, True now"),
        ({"limit": 20}, "limit: None there, 20 now"),
        ({"epochs": 2}, "training.epochs: 3 there, 2 now"),
        ({"options": {"noise": 0.2}}, "options.noise: 0.1 there, 0.2 now"),
        ({"options": {"gain": 2.0}}, "options.gain: None there, 2.0 now"),
        ({"data_dir": "apart"}, r"rows of fold 0, seed 0.train: '\w+' there, '\w+' now"),
    ],
)
def test_a_folder_goes_on_with_the_same_run_or_not_at_all(run, folders, changed, message):
    out, *_ = run
    changed = dict(changed)
    folder = folders / changed.pop("data_dir", "public")
    with pytest.raises(ValueError, match=rf"holds a run with other settings \(.*{message}"):
        train(PUMP, out, data_dir=folder, size="nano", verbose=0, say=lambda line: None, **changed)


def test_overwriting_is_asked_for(folders, tmp_path):
    quiet(tmp_path, folders, export_bundle=False, epochs=1)
    record = quiet(tmp_path, folders, export_bundle=False, epochs=2, overwrite=True)
    assert record.training["epochs"] == 2
    history = pd.read_csv(tmp_path / "training" / "fold0_seed0" / "all_inputs" / "history.csv")
    assert len(history) == 2
    with pytest.raises(ValueError, match="is the folder of a training"):
        evaluate(PUMP, tmp_path, data_dir=folders / "public", weights=tmp_path)
    (tmp_path / "rests_on.json").unlink()
    with pytest.raises(ValueError, match="holds another kind of run"):
        quiet(tmp_path, folders, epochs=2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"size": "huge"}, r"size: expected one of \['nano', 'small'\], got 'huge'"),
        ({"data": "trucks"}, r"data: expected one of \['pumps'\], got 'trucks'"),
        ({"fold": 7}, r"fold: expected 0\.\.1, got 7"),
        ({"options": {"colour": 1}}, r"no option 'colour'; its options are \['gain', 'noise', 'words'\]"),
        ({"options": {"noise": "much"}}, "noise: expected float, got 'much'"),
        ({"shuffle": ["cold"]}, r"no input 'cold'; the inputs are \['flow', 'heat'\]"),
        ({"weights": "x", "arms": True}, "give weights or arms"),
        ({"all_rows": True, "arms": True}, "no row is left to measure arms on"),
        ({"data_dir": None}, "give the folder of the data; it holds rows.csv"),
        ({"data_dir": "nowhere"}, "nowhere: no such folder; expected rows.csv"),
    ],
)
def test_what_is_unknown_is_said_with_what_there_is(arguments, message, folders, tmp_path):
    arguments = {"data_dir": folders / "public", "size": "nano", "say": lambda line: None, **arguments}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        train(PUMP, tmp_path / "run", verbose=0, **arguments)


def test_all_rows_leave_nothing_to_measure(folders, tmp_path):
    record = quiet(tmp_path / "run", folders, all_rows=True, export_bundle=False, epochs=1)
    assert not record.held_out and not record.figures and record.training["samples"] == ROWS
    assert record.split == "none: all rows were trained on" and not (tmp_path / "run" / "evaluation").exists()


def test_what_is_chosen_by_is_not_measured_on(folders, tmp_path):
    training = dataclasses.replace(PUMP.training["nano"], patience=2, restore_best=True, choosing=0.2)
    recipe = dataclasses.replace(PUMP, training={"nano": training})
    record = quiet(tmp_path / "run", folders, recipe, export_bundle=False, epochs=2)
    assert record.training["samples"] == 36 and record.samples == 45
    samples = load_pumps(folders / "public", "train", schema=SCHEMA)
    rest, apart = set_apart(samples, 0.2)
    assert not set(rest.groups) & set(apart.groups) and len(rest) + len(apart) == 45
    with pytest.raises(ValueError, match="one group"):
        set_apart(samples.take(samples.groups == samples.groups[0]), 0.5)


def test_export_takes_its_samples_from_the_data(run, folders, tmp_path, monkeypatch):
    out, *_ = run
    calls = []
    monkeypatch.setattr(mmzoo, "export", lambda model, path, **options: calls.append((path, options)))
    export(PUMP, tmp_path / "bundle", weights=out / "bundle", data_dir=folders / "public", say=lambda line: None)
    ((path, options),) = calls
    assert path == tmp_path / "bundle" and options["parity_samples"] == 45 and not options["overwrite"]


def test_stages_and_balance_are_fields_of_a_training(folders, tmp_path, monkeypatch):
    training = Training(epochs=1, batch_size=16, auxiliary=0.3, stages={"together_epochs": 2})
    recipe = dataclasses.replace(PUMP, training={"nano": training}, controls=(), baselines={})
    record = quiet(tmp_path, folders, recipe, export_bundle=False)
    stages = tmp_path / "training" / "fold0_seed0" / "all_inputs"
    lines = {path.parent.name: len(path.read_text().splitlines()) - 1 for path in stages.glob("*/history.csv")}
    assert lines == {"branch_flow": 1, "branch_heat": 1, "fusion": 1, "together": 2}
    assert record.settings["stages"] == {"together_epochs": 2} and record.settings["auxiliary"] == 0.3
    monkeypatch.setattr("keras.Model.fit", lambda *args, **kwargs: pytest.fail("trained again"))
    assert quiet(tmp_path, folders, recipe, export_bundle=False).figures == record.figures
    with pytest.raises(ValueError, match="holds a run with other settings .*training.stages"):
        quiet(tmp_path, folders, dataclasses.replace(PUMP, training={"nano": Training(epochs=1)}), export_bundle=False)
    by_input = dataclasses.replace(training, stages={"epochs": {"flow": 2, "heat": 1, "noise": 5}})
    assert by_input.for_stages(("flow", "heat")) == {"epochs": {"flow": 2, "heat": 1}}
    assert by_input.for_stages(("flow",)) is None
    assert training.for_fit(("flow",))["epochs"] == 1 and "auxiliary" not in training.for_fit(("flow",))


def test_hooks_make_batches_and_changes(folders, tmp_path):
    seen = []

    def epoch_data(context):
        from mmzoo.recipes.running.sources import shuffled_batches

        seen.append((context.inputs, context.data, context.options["words"], len(context.samples)))
        whole = dataclasses.replace(context, inputs=tuple(context.schema.inputs))
        return shuffled_batches(whole, lambda context: [_same])

    def watch(schema, inputs, targets):
        return {name: array[:5] for name, array in inputs.items()}, {n: a[:5] for n, a in targets.items()}

    recipe = dataclasses.replace(PUMP, epoch_data=epoch_data, watch=watch, controls=())
    quiet(tmp_path, folders, recipe, arms=True, epochs=1, export_bundle=False, options={"words": "w"})
    assert [inputs for inputs, *_ in seen] == [("flow", "heat"), ("flow", "heat"), ("flow",), ("heat",)]
    assert {rest for _, *rest in map(lambda s: (s[0], *s[1:]), seen) for rest in [tuple(rest)]} == {("pumps", "w", 45)}


def _same(inputs, targets, seed):
    return inputs, targets


def test_an_arm_is_cut_from_the_builder():
    whole = build_pump(seed=0)
    with only_inputs(("heat",)):
        arm = build_pump(seed=0)
    assert list(arm.schema.inputs) == ["heat"] == list(arm.input) and list(whole.schema.inputs) == ["flow", "heat"]
    assert not any("flow" in layer.name for layer in arm.layers)
    with pytest.raises(ValueError, match="no input 'cold'"), only_inputs(("cold",)):
        build_pump()
    with pytest.raises(ValueError, match="name at least one"), only_inputs(()):
        pass


def test_arms():
    assert [arm.name for arm in arms_of("ab", beside=True)] == [ALL, CONCAT, "a alone", "b alone"]
    assert [arm.name for arm in arms_of("ab", beside=True, concat=False, alone={})] == [ALL]
    assert [arm.name for arm in arms_of("ab", beside=False, shuffled="b")] == [ALL, f"{ALL}, b shuffled"]
    assert arms_of("abc", beside=False, shuffled=[("a", "b")])[-1].shuffled == ("a", "b")
    assert arms_of("abc", beside=True, alone={"without c": "ab"})[-1].inputs == ("a", "b")
    assert Arm("all inputs, b shuffled", ("b",)).folder == "all_inputs_b_shuffled"


def test_rows_of_missing_inputs_are_not_arms():
    table = pd.DataFrame(
        {"a": [True, True], "b": [True, False], "y_mae": [1.0, 2.0], "y_z_mae": [3.0, 4.0], "y_mae_dark": [5.0, 6.0]}
    )
    assert given_rows(table, "ab", ["y", "y_z"]) == [
        *((ALL, "y", "mae", 1.0), (ALL, "y_z", "mae", 3.0), (ALL, "y", "mae_dark", 5.0)),
        *(("a given", "y", "mae", 2.0), ("a given", "y_z", "mae", 4.0), ("a given", "y", "mae_dark", 6.0)),
    ]
    assert given_rows(None, "ab", ["y"]) == []


def test_an_identity_tells_every_difference(tmp_path):
    RunIdentity(tmp_path, {"a": 1, "b": {"c": [1, 2], "d": None}})
    RunIdentity(tmp_path, {"a": 1, "b": {"c": (1, 2), "d": None}}).add({"e": 5})
    with pytest.raises(ValueError, match=r"a: 1 there, 2 now; b\.d: None there, 'x' now"):
        RunIdentity(tmp_path, {"a": 2, "b": {"c": [1, 2], "d": "x"}})
    with pytest.raises(ValueError, match="e: 5 there, 6 now"):
        RunIdentity(tmp_path, {"a": 1}).add({"e": 6})
    assert RunIdentity(tmp_path, {"a": 2}, overwrite=True).settings == {"a": 2}
