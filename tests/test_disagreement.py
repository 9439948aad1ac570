"""Inputs that disagree: which one does a model follow?"""

from __future__ import annotations

import json
import types

import numpy as np
import pytest

import mmzoo
from mmzoo.evaluation import disagreement
from mmzoo.evaluation.disagreement import _of_another_class
from mmzoo.recipes.running.reporting import disagreement_records
from mmzoo.schema import Label, Number, Schema, Sensors, Text, Value

SCHEMA = Schema(
    "signs",
    {"text": Text(2), "road": Sensors((Number("speed", "km/h", 0, 300),))},
    {"sign": Label(("stop", "yield", "priority"))},
)


class Following:
    """A model that says what one of its inputs shows; the last `stubborn` samples: always the first class."""

    def __init__(self, whom, schema=SCHEMA):
        self.schema, self.whom = schema, whom

    def predict_on_batch(self, inputs):
        shown = inputs["text"][:, 0] - 65 if self.whom == "text" else inputs["road"][:, 0]
        shown = np.zeros(len(shown)) if self.whom is None else shown
        return {"sign": np.eye(3, dtype="f4")[np.nan_to_num(shown).astype(int)]}


def data(count=60):
    sign = np.arange(count) % 3
    text = np.stack([65 + sign, np.zeros(count, int)], axis=1).astype(np.int32)
    return {"text": text, "road": sign[:, None].astype("f4")}, {"sign": sign}


@pytest.mark.parametrize("whom, swapped, others", [("text", 1, 0), ("road", 0, 1)])
def test_whom_the_model_follows(whom, swapped, others):
    inputs, targets = data()
    inputs["text"][:6] = 0
    inputs["road"][6:9] = np.nan
    targets["sign"][9] = -1
    found = disagreement(Following(whom), inputs, targets, "text")
    assert found == {
        "sign": {"follows_swapped": swapped, "follows_others": others, "follows_neither": 0, "samples": 50}
    }


def test_partners_are_drawn_from_all_rows_of_other_classes():
    classes = np.array([2, 0, 0, 1, 2, 2, 0])
    drawn = [_of_another_class(classes, np.random.default_rng(seed)) for seed in range(60)]
    assert all((classes[one] != classes).all() for one in drawn)
    assert {int(one[3]) for one in drawn} == {0, 1, 2, 4, 5, 6}


def test_what_cannot_disagree_is_named():
    inputs, targets = data()
    with pytest.raises(ValueError, match="disagree: expected an input beside another one, got 'voice'"):
        disagreement(Following("text"), inputs, targets, "voice")
    with pytest.raises(ValueError, match="output 'sign': no two samples of different classes have 'text'"):
        disagreement(Following("text"), inputs, {"sign": np.zeros(60, int)}, "text")
    schema = Schema("price", SCHEMA.inputs, {"price": Value("EUR")})
    with pytest.raises(ValueError, match="needs an output that is a Label; the model has \\['price'\\]"):
        disagreement(Following("text", schema), inputs, targets, "text")


def test_the_figures_are_written(tmp_path):
    result = mmzoo.evaluate(Following("text"), data(), missing_inputs=False, disagree=["text"], out=tmp_path)
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["inputs that disagree"]["text"]["sign"]["follows_swapped"] == 1
    records = disagreement_records(result, "validation", 0, 7)
    assert [(row["arm"], row["metric"], row["value"], row["samples"]) for row in records] == [
        ("all inputs, text of another class", "follows_swapped", 1.0, 60),
        ("all inputs, text of another class", "follows_others", 0.0, 60),
        ("all inputs, text of another class", "follows_neither", 0.0, 60),
    ]
    assert not disagreement_records(types.SimpleNamespace(disagreements={}), "validation", 0, 7)
