"""What own data is told: whether pictures and texts suit an encoder, skewed classes, whether the fusion is worth it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mmzoo.evaluation.metrics import measure_output
from mmzoo.inspection.deciding.balance import proposed_class_weight
from mmzoo.pretrained.golden import drawn_picture
from mmzoo.recipes.own_data.likeness import look_like_language, look_like_photos
from mmzoo.recipes.own_data.recipe import TableRecipe
from mmzoo.recipes.own_data.skew import class_weight_for, leading_figures, skewed_outputs
from mmzoo.recipes.own_data.verdict import verdicts
from mmzoo.recipes.running.recording.arms_table import ArmsTable
from mmzoo.schema import Image, Label, Number, Schema, Sensors, Text, Value

RNG = np.random.default_rng(0)
SCHEMA = Schema(
    "own", {"photo": Image(32, 32), "title": Text(32), "size": Sensors((Number("size"),))}, {"kind": Label(("a", "b"))}
)


def arms(tmp_path, schema=SCHEMA, metric="accuracy", **values):
    table = ArmsTable(tmp_path / "arms.csv")
    (output,) = schema.predicted
    for arm, found in values.items():
        for seed, value in enumerate(found):
            table.add("test", seed, arm.replace("_", " "), {output: {metric: value}}, 400, 10)
    return table


def test_the_fusion_is_not_worth_it_where_one_input_is_within_the_spread(tmp_path):
    figures = arms(tmp_path, all_inputs=[0.91], photo_alone=[0.6], title_alone=[0.90], size_alone=[0.5])
    (verdict,) = verdicts(figures, SCHEMA, {"kind": "accuracy"}, samples=400)
    assert not verdict.is_worth_it and verdict.best == "title" and verdict.others == ("photo", "size")
    assert "the fusion is not worth it here" in verdict.line and "chance explains" in verdict.line
    assert "train without photo, size" in verdict.line
    (surer,) = verdicts(figures, SCHEMA, {"kind": "accuracy"}, samples=40_000)
    assert surer.is_worth_it and "the fusion is worth it: 1.0 points over 'title'" in surer.line


def test_a_worse_fusion_is_not_called_chance(tmp_path):
    figures = arms(tmp_path, all_inputs=[0.7], photo_alone=[0.9], title_alone=[0.5])
    (verdict,) = verdicts(figures, SCHEMA, {"kind": "accuracy"}, samples=400)
    assert "20.0 points worse than 'photo' alone, more than chance explains" in verdict.line


def test_over_seeds_and_for_errors_the_spread_is_the_seeds(tmp_path):
    schema = Schema("own", SCHEMA.inputs, {"price": Value("EUR")})
    values = {"all_inputs": [1.0, 1.2, 1.1], "photo_alone": [1.3, 1.5, 1.4], "title_alone": [2.0, 2.0, 2.0]}
    (verdict,) = verdicts(arms(tmp_path, schema, "mae", **values), schema, {"price": "mae"}, samples=100)
    assert verdict.best == "photo" and verdict.gain == pytest.approx(0.3) and verdict.is_worth_it
    assert verdict.spread == pytest.approx(2 * np.sqrt(2 * 0.01 / 3))
    (tmp_path / "one").mkdir()
    assert verdicts(arms(tmp_path / "one", all_inputs=[0.9]), SCHEMA, {"kind": "accuracy"}, 10) == []


def test_photos_are_told_from_drawings():
    rng = np.random.default_rng(0)
    photos = [np.clip(drawn_picture() + rng.normal(0, 20, (224, 224, 3)), 0, 255).astype(np.uint8) for _ in range(3)]
    drawing = np.full((64, 64, 3), 255, np.uint8)
    drawing[20:40, 20:40] = (200, 0, 0)
    assert look_like_photos(np.stack(photos)) and not look_like_photos(np.stack([drawing] * 3))
    goods = np.full((224, 224, 3), 255, np.uint8)
    goods[60:160, 60:160] = photos[0][60:160, 60:160]
    assert look_like_photos(np.stack([goods, np.zeros_like(goods)])) and not look_like_photos(np.zeros((2, 8, 8, 3)))


def test_language_is_told_from_codes():
    assert look_like_language(["A red cotton towel, soft.", "Watch for men (steel)", "", "It's what she wanted!"])
    for texts in (
        ["AB-1029 XZ/77 9", "Q7 44-1 b2"],
        ["towel", "watch"],
        ["一条红色的毛巾 很软 的", "男士手表 钢 的"],
        [""],
    ):
        assert not look_like_language(texts)


def test_skewed_classes_are_weighed_and_measured_by_recall():
    assert [proposed_class_weight(c) for c in ([5, 5], [], [30, 10], [60, 3], [4, 0])] == [
        None,
        None,
        "sqrt",
        "balanced",
        None,
    ]
    frame = pd.DataFrame({"Kind": ["a"] * 30 + ["b"] * 6 + [None] * 50})
    found = skewed_outputs(SCHEMA, frame, {"kind": "Kind"})
    assert found == {"kind": "sqrt"} and class_weight_for(found) == "sqrt" and class_weight_for({}) is None
    assert class_weight_for({"x": "balanced", "y": "sqrt"}) == "balanced"
    assert leading_figures(SCHEMA, found) == {"kind": "balanced_accuracy"}
    assert leading_figures(SCHEMA, {}) == {"kind": "accuracy"}


def test_pictures_from_scratch_take_more_steps_than_features():
    recipe = TableRecipe()
    fresh = recipe.from_scratch_where_auto().scheduled_for(SCHEMA)
    table = recipe.from_scratch_where_auto().scheduled_for(SCHEMA.keeping(["size"]))
    assert fresh.epochs_for(2_800) > 50 > table.epochs_for(2_800)
    assert fresh.training_for(2_800).ema == pytest.approx(1 - 20 / 5_000, abs=1e-3)
    assert fresh.training_for(100).ema < 0.96 and fresh.training_for(10).ema is None
    assert table.training_for(2_800).ema is None
    assert TableRecipe(epochs=3).from_scratch_where_auto().scheduled_for(SCHEMA).epochs_for(2_800) == 3


def test_skewed_classes_stop_the_training_by_balanced_accuracy():
    import mmzoo
    from mmzoo.models.multimodal import build_multimodal_model
    from mmzoo.recipes.own_data.skew import watched_figure

    schema = SCHEMA.keeping(["size"])
    values = RNG.uniform(0, 1, (60, 1)).astype("f4")
    data = {"size": values}, {"kind": (values[:, 0] > 0.8).astype(int)}
    watched = watched_figure(schema, {"kind": "sqrt"})
    assert watched["monitor"] == "val_balanced_accuracy" and watched_figure(schema, {}) == {}
    # One metric for several trainings, as the arms of a run have it.
    for _ in range(2):
        model = build_multimodal_model(schema, size="nano")
        history = mmzoo.fit(model, data, data, epochs=2, batch_size=20, seed=0, verbose=0, **watched).history
        found = measure_output("kind", schema["kind"], data[1]["kind"], model.predict(data[0], verbose=0)["kind"])
        assert max(history["val_balanced_accuracy"]) == pytest.approx(found["balanced_accuracy"], abs=1e-4)


def test_balanced_accuracy_in_training_is_the_mean_of_recalls():
    from mmzoo.training.balanced_accuracy import BalancedAccuracy

    rng = np.random.default_rng(0)
    truth, guess = rng.integers(0, 3, 60), rng.random((60, 4)).astype("f4")
    metric = BalancedAccuracy(4)
    rows = np.eye(4, dtype="f4")[truth]
    rows[50:] = 0
    for part in (slice(0, 20), slice(20, 60)):
        metric.update_state(rows[part], guess[part])
    expected = np.mean([(guess[:50].argmax(1) == c)[truth[:50] == c].mean() for c in range(3)])
    assert float(metric.result()) == pytest.approx(expected)
