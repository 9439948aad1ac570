"""Comparisons that go on where they were: ways to learn from few labels, and fusions whose inputs disagree."""

from __future__ import annotations

import csv

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from mmzoo.bench import disagreement, pretraining
from mmzoo.recipes import pretraining_results


@pytest.fixture
def folder(tmp_path):
    """Forty tweets, a quarter of them held out."""
    random = np.random.default_rng(0)
    root = tmp_path / "data" / "mvsa_single_4000"
    root.mkdir(parents=True)
    with open(root / "metadata.csv", "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["image", "text", "label", "suggested_split"])
        for i in range(40):
            Pillow.fromarray(random.integers(1, 255, (8, 8, 3), np.uint8)).save(root / f"{i}.png")
            rows.writerow(
                [f"{i}.png", f"text {i} {'ab'[i % 2]}", ["good", "bad"][i % 2], ["train", "val"][i // 2 % 4 == 3]]
            )
    return tmp_path / "data"


def test_a_share_of_the_labels_has_each_class_and_grows():
    arrays = {"text": np.arange(50)[:, None]}, {"sentiment": np.array([0] * 40 + [1] * 9 + [2])}
    few, more = (pretraining.labelled(arrays, "sentiment", share, seed=1) for share in (0.1, 0.3))
    assert np.bincount(few[1]["sentiment"]).tolist() == [4, 1, 1]
    assert np.bincount(more[1]["sentiment"]).tolist() == [12, 3, 1]
    assert set(few[0]["text"].ravel()) < set(more[0]["text"].ravel())
    np.testing.assert_array_equal(pretraining.labelled(arrays, "sentiment", 1.0, 5)[0]["text"], arrays[0]["text"])


def test_points_are_measured_once_and_written(folder, tmp_path, monkeypatch):
    trained = []

    def train(method, schema, unlabelled, rows, *, seed, **_):
        trained.append((method, len(rows[1]["sentiment"]), seed))
        return Guessing(schema)

    class Guessing:
        def __init__(self, schema):
            self.schema = schema

        def predict_on_batch(self, inputs):
            return {"sentiment": np.tile([[1.0, 0.0]], (len(inputs["text"]), 1))}

        def count_params(self):
            return 7

    monkeypatch.setattr(pretraining, "train", train)
    common = {"data_dir": folder, "data": ["mvsa_single_4000"], "shares": (0.1, 1.0), "seeds": 1, "say": lambda _: None}
    assert pretraining.compare(tmp_path / "run", minutes=0, **common).empty and not trained
    table = pretraining.compare(tmp_path / "run", **common)
    assert trained == [(method, count, 0) for count in (4, 30) for method in pretraining.METHODS]
    again = pretraining.compare(tmp_path / "run", **common)
    assert len(trained) == 8 and len(again) == len(table)
    rows = pretraining_results.read_rows(tmp_path / "run")
    assert "masked, 10% of the labels" in set(rows.arm) and set(rows.model) == {"pretraining_nano"}
    shown = pretraining_results.readme_table(rows)
    assert "| mvsa_single_4000 | 10 % | 1 | 50.0 % |" in shown and (tmp_path / "run" / pretraining.PLOT).is_file()
    assert pretraining_results.readme_table(pd.DataFrame({"model": ["a"], "metric": ["b"]})) == ""
    with pytest.raises(ValueError, match="has points of mvsa_single_4000 with .*'steps': 1200.* now .*'steps': 5"):
        pretraining.compare(tmp_path / "run", steps=5, **common)


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="data: expected some of .*, got 'imagenet'"):
        pretraining.compare(tmp_path, data_dir=tmp_path, data=["imagenet"])
    with pytest.raises(ValueError, match="no such file; expected the folder of a run"):
        pretraining_results.read_rows(tmp_path)


def test_fusions_are_compared_once(folder, tmp_path, monkeypatch):
    import mmzoo

    fitted = []
    monkeypatch.setattr(mmzoo, "fit", lambda model, rows, **given: fitted.append(given), raising=False)
    common = {"data_dir": folder, "variants": ["concat", "attention, alignment 0.1"], "seeds": 1, "steps": 4}
    table = disagreement.compare(tmp_path / "run", say=lambda _: None, **common)
    assert [given.get("alignment") for given in fitted] == [None, 0.1] and fitted[0]["epochs"] == 4
    shares = table[table.metric.str.startswith("follows")].groupby("variant").value.sum()
    assert shares.round(6).tolist() == [1, 1] and (table.samples == 10).all()
    written = (tmp_path / "run" / disagreement.TABLE).read_text()
    assert "| mvsa_single_4000 | concat | " in written
    disagreement.compare(tmp_path / "run", say=lambda _: None, **common)
    assert len(fitted) == 2
    with pytest.raises(ValueError, match="variants: expected some of .*, got 'sums'"):
        disagreement.compare(tmp_path / "run", data_dir=folder, variants=["sums"])
