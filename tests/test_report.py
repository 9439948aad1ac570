"""The report page, and the calibration figures in it."""

from __future__ import annotations

import dataclasses
import html.parser
import re

import numpy as np
import pandas as pd
import pytest

from mmzoo.bundles import find_bundle
from mmzoo.evaluation import Evaluation, measure_output, missing_input_table, write_report
from mmzoo.schema import Category, Image, Label, MultiLabel, Number, Schema, Sensors, Text, Value
from mmzoo.tasks.calibration import (
    are_probabilities,
    expected_calibration_error,
    reliability_table,
    wilson_interval,
)
from mmzoo.tasks.label import MISTAKES_A_PAIR

INPUTS = {
    "photo": Image(4, 4),
    "caption": Text(6),
    "place": Sensors((Number("height", unit="m", minimum=0, maximum=9), Category("ground", ("rock", "sand")))),
}
LABEL = Label(("cat", "dog", "<b>bird</b>"))


def evaluation(output, target, predicted, table=None, note=""):
    count = len(target)
    random = np.random.default_rng(0)
    inputs = {
        "photo": random.integers(1, 255, (count, 4, 4, 3)).astype(np.uint8),
        "caption": np.tile(np.array([72, 105, 0, 0, 0, 0], np.int32), (count, 1)),
        "place": np.tile(np.array([2.5, 1], np.float32), (count, 1)),
    }
    schema = Schema("zoo", INPUTS, {"animal": output})
    metrics = {"animal": measure_output("animal", output, target, predicted)}
    return Evaluation(count, metrics, table, schema, inputs, {"animal": target}, {"animal": predicted}, note)


def animals():
    """Ten samples, five of them right and five wrong in the same way."""
    truth = np.array([0, 0, 0, 0, 0, 0, 0, 1, 2, 2])
    predicted = np.full((10, 3), 0.05)
    guess = np.array([1, 1, 1, 1, 1, 0, 0, 1, 2, 2])
    predicted[np.arange(10), guess] = 0.9
    return truth, predicted


class Page(html.parser.HTMLParser):
    """Collects tags, their attributes and the text; notes tags that are left open."""

    VOID = {"meta", "img", "br", "link", "input"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another tag"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("style", "title"):
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture
def page(tmp_path):
    truth, predicted = animals()
    table = pd.DataFrame(
        {"photo": [True, False], "caption": True, "place": [True, True], "animal_accuracy": [0.5, 0.25]}
    )
    path = write_report(
        tmp_path / "report.html",
        evaluation(LABEL, truth, predicted, table, "images drawn, context simulated"),
        title="zoo_small on animals",
        about="one seed",
        command="mmzoo evaluate zoo --out RUN",
        machine="two cores",
    )
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_is_well_formed_and_needs_nothing_from_outside(page):
    assert page.open == []
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "iframe")]
    for tag, attributes in page.tags:
        for name in ("src", "href"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert "url(" not in page.text and "@import" not in page.text


def test_what_stands_on_the_page(page):
    text = page.text
    assert text.index("images drawn, context simulated") < text.index("zoo_small on animals")
    for words in (
        *("50.00 %", "mmzoo evaluate zoo --out RUN", "Measured on two cores", "10 samples · one seed"),
        *("5 wrong of 10", "calibration error", "Recall of each class", "28.6 %", "100.0 %", "✓", "25.00 %"),
        *("caption “Hi”", "height 2.5 m", "ground sand", "dog 90 %"),
    ):
        assert words in text, words


def test_names_from_the_data_are_escaped(page):
    assert "<b>bird</b>" in page.text
    assert ("b", {}) in page.tags, "the figures stand in <b>"
    assert "bird" not in page.words


def test_few_mistakes_of_one_kind_are_shown(page):
    shown = [attributes for tag, attributes in page.tags if tag == "img" and attributes["alt"].startswith("sample ")]
    assert len(shown) == MISTAKES_A_PAIR


def test_only_a_model_that_sees_pictures_leaves_room_for_one(tmp_path):
    seen = evaluation(LABEL, *animals())
    others = {name: kind for name, kind in INPUTS.items() if name != "photo"}
    blind = dataclasses.replace(seen, schema=Schema("zoo", others, {"animal": LABEL}))
    # One of the mistakes has no picture, those beside it have.
    seen.inputs["photo"][0] = 0
    for found, tiles in ((seen, 1), (blind, 0)):
        text = write_report(tmp_path / "report.html", found, title="zoo").read_text(encoding="utf-8")
        assert text.count(">no picture<") == tiles
        assert ('class="bar bare"' in text) == (tiles == 0)


def test_the_heat_map_goes_from_the_worst_to_the_best(page):
    shades = [attributes["style"] for tag, attributes in page.tags if tag == "td" and "style" in attributes]
    assert [shade[-6:-1] for shade in shades] == ["0.470", "0.020"]


def test_a_value_and_a_multi_label_have_a_page_too(tmp_path):
    truth = np.array([1.0, 2.0, 3.0])
    path = write_report(
        tmp_path / "value.html",
        evaluation(Value(unit="EUR"), truth, np.array([[1.5], [2.0], [7.0]])),
        title="price",
    )
    page = Page(path.read_text(encoding="utf-8"))
    assert "3 EUR 7 EUR" in page.text and "mae 1.5" in page.text and "Predicted against true" in page.text
    assert page.text.index("3 EUR 7 EUR") < page.text.index("1 EUR 1.5 EUR"), "the largest error first"
    tags = MultiLabel(("wet", "dark"))
    path = write_report(
        tmp_path / "tags.html",
        evaluation(tags, np.array([[1, 0], [1, 1]]), np.array([[0.9, 0.8], [0.9, 0.9]])),
        title="tags",
    )
    page = Page(path.read_text(encoding="utf-8"))
    assert "dark 1 66.7 % wet 2 100.0 %" in page.text


def test_the_files_of_a_bundle(tmp_path, nano):
    bundle = find_bundle("road_sign_nano_gtsrb")
    inputs = {name: np.stack([empty] * 2) for name, empty in nano.schema.missing().items()}
    predicted = nano.predict(inputs, verbose=0)
    found = Evaluation(2, {"sign": {"accuracy": 0.5}}, None, nano.schema, inputs, {"sign": np.zeros(2, int)}, predicted)
    page = Page(write_report(tmp_path / "r.html", found, title="t", bundle=bundle).read_text(encoding="utf-8"))
    size = (bundle / "model_int8.tflite").stat().st_size
    row = re.search(rf"model_int8.tflite {size / 1000:,.0f} KB ([\d.]+) \(([\d.]+)\) ([\d.]+) \(([\d.]+)\)", page.text)
    assert row and all(float(number) > 0 for number in row.groups())
    assert "ms, 1 thread" in page.text and "ms, 2 threads" in page.text


# Calibration ---------------------------------------------------------------------------------------------------------


def test_reliability_by_hand():
    truth = [0, 1, 0, 0]
    predicted = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [1.0, 0.0]])
    table = reliability_table(truth, predicted, bins=5)
    expected = {"low": [0.4, 0.8], "high": [0.6, 1.0], "samples": [1, 3], "confidence": [0.6, 2.8 / 3]}
    expected["accuracy"] = [1.0, 2 / 3]
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))
    assert expected_calibration_error(table) == pytest.approx((0.4 * 1 + (2.8 / 3 - 2 / 3) * 3) / 4)


def test_a_sure_model_that_is_right_has_no_calibration_error():
    assert expected_calibration_error(reliability_table([0, 1], np.eye(2))) == 0


def test_logits_are_no_probabilities():
    assert are_probabilities(np.array([[0.2, 0.8]])) and not are_probabilities(np.array([[-1.0, 2.0]]))
    assert not are_probabilities(np.array([[0.2, 0.2]]))


def test_wilson_interval():
    # Newcombe (1998), table I: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    low, high = wilson_interval(10, 10)
    assert low == pytest.approx(0.7225, abs=1e-4) and high == pytest.approx(1.0)


# Camera failures -----------------------------------------------------------------------------------------------------


class Bright:
    """Says "dog" of a bright photo, else what the caption's first letter says."""

    schema = Schema("zoo", INPUTS, {"animal": Label(("cat", "dog"))})

    def predict_on_batch(self, inputs):
        bright = inputs["photo"].mean(axis=(1, 2, 3)) > 100
        return {"animal": np.eye(2, dtype=np.float32)[np.where(bright, 1, inputs["caption"][:, 0] % 2)]}


def test_the_missing_input_table_under_a_camera_failure():
    inputs = {
        "photo": np.full((2, 4, 4, 3), 200, np.uint8),
        "caption": np.array([[1] * 6, [2] * 6], np.int32),
        "place": np.zeros((2, 2), np.float32),
    }
    failures = {"darkened": lambda images: images // 10}
    table = missing_input_table(Bright(), inputs, {"animal": np.array([1, 1])}, failures=failures)
    assert list(table.columns)[-2:] == ["animal_accuracy", "animal_accuracy_darkened"]
    rows = {(row.photo, row.caption): row for row in table[table.place].itertuples()}
    assert rows[True, True].animal_accuracy == 1.0 and rows[True, True].animal_accuracy_darkened == 0.5
    assert rows[True, False].animal_accuracy == 1.0 and rows[True, False].animal_accuracy_darkened == 0.0
    assert rows[False, True].animal_accuracy == rows[False, True].animal_accuracy_darkened == 0.5
