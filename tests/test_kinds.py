"""A kind of input and a kind of field from outside the package, and what is said of kinds that a room does not know."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from keras import layers, ops
from zoo_harness import assert_sound, run, with_missing

import mmzoo
from mmzoo.branches import Features, register_branch
from mmzoo.data.tables.manifest import read_manifest
from mmzoo.data.tables.preparing import prepare
from mmzoo.data.tables.records import PLAIN, record_features, register_record
from mmzoo.edge.table import predict_rows
from mmzoo.evaluation import evaluate
from mmzoo.evaluation.column_worth import column_worth
from mmzoo.exporting.card import contract
from mmzoo.exporting.golden import encode_golden, golden_samples
from mmzoo.exporting.probes import probe_sets, random_samples
from mmzoo.exporting.raw import encoding_ops
from mmzoo.exporting.raw.decoders import decode
from mmzoo.exporting.serving import raw_signature
from mmzoo.layers import SensorEncoder
from mmzoo.models.multimodal import build_multimodal_model
from mmzoo.schema import Field, KindTable, Label, Modality, Number, Schema, Sensors, Text, register_kind
from mmzoo.schema.columns import raw_sample


@register_kind
@dataclasses.dataclass(frozen=True)
class Switches(Modality):
    """Switches that are on (1), off (-1) or unknown (0): int32 (count,); raw "10?"."""

    count: int

    dtype: ClassVar[str] = "int32"
    option: ClassVar[str] = "switches"

    @property
    def shape(self):
        return (self.count,)

    def encode_value(self, value, place):
        if not isinstance(value, str) or len(value) != self.count or set(value) - set("10?"):
            raise ValueError(f"{place}: expected {self.count} times 1, 0 or ?, got {value!r:.80}")
        return np.array([{"1": 1, "0": -1, "?": 0}[one] for one in value], np.int32)

    def check(self, arrays, place):
        if not np.isin(arrays, (-1, 0, 1)).all():
            raise ValueError(f"{place}: expected -1, 0 or 1")

    def random(self, count, rng):
        return rng.choice([-1, 1], (count, self.count)).astype(np.int32)

    def extreme(self, side):
        return np.full(self.shape, (-1, 1)[side], np.int32)

    def golden(self, rng, number):
        return "".join(rng.choice(list("10?"), self.count))

    def golden_extreme(self, side):
        return "01"[side] * self.count

    def contract(self):
        return "1 on, -1 off, 0 unknown"

    def words(self, array):
        return [f"{(array == 1).sum()} switches on"]


def _switches(values, switches, name, settings):
    given = ops.not_equal(values, 0)
    present = ops.any(given, axis=1, keepdims=True)
    vector = layers.Dense(settings.width, name=f"{name}_vector")(ops.cast(values, "float32"))
    return Features(ops.expand_dims(vector, 1), present, vector, present)


register_branch(Switches, _switches)
register_record(Switches, PLAIN)

SCHEMA = Schema(
    "machine",
    {"panel": Switches(4), "heat": Sensors((Number("inside", "C", 0, 99),))},
    {"state": Label(("good", "bad"))},
)


@dataclasses.dataclass(frozen=True)
class Smell(Modality):
    """A kind that no room was told of."""

    shape: tuple[int, ...] = (3,)

    def encode_value(self, value, place):
        return np.asarray(value, np.float32)

    def check(self, arrays, place):
        pass

    def random(self, count, rng):
        return rng.uniform(size=(count, *self.shape)).astype(np.float32)

    def extreme(self, side):
        return np.full(self.shape, side, np.float32)

    def raw_columns(self, name):
        return {name: ("string", ())}

    def contract(self):
        return "smells"


@pytest.fixture
def table(tmp_path):
    rows = [
        {"panel": panel, "inside": i, "state": ("good", "bad")[i % 2]} for i, panel in enumerate(["1010", "", "??01"])
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "t.csv", index=False)
    return tmp_path / "t.csv"


def test_a_modality_from_outside_goes_everywhere(table, tmp_path):
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert raw_sample(SCHEMA, switches="10?1", settings=["inside=3"]) == {"panel": "10?1", "heat": {"inside": 3.0}}
    inputs, targets = read_manifest(table, SCHEMA).arrays()
    assert inputs["panel"].tolist() == [[1, -1, 1, -1], [0] * 4, [0, 0, -1, 1]]
    prepared = prepare(table, SCHEMA, tmp_path / "out")
    (batch,) = prepared.dataset("train", rows=True).as_numpy_iterator()
    np.testing.assert_array_equal(batch[0]["panel"], inputs["panel"][batch[2] - 2])
    model = build_multimodal_model(SCHEMA, size="nano", seed=0)
    mmzoo.fit(model, (inputs, targets), epochs=1, batch_size=2, verbose=0)
    probes = with_missing(SCHEMA, random_samples(SCHEMA, 4))
    assert_sound(SCHEMA, run(model, probes))
    assert set(probe_sets(SCHEMA, probes)) >= {"extremes", "missing_inputs", "missing_fields"}
    result = evaluate(model, (inputs, targets))
    assert list(result.missing_inputs.columns[:2]) == ["panel", "heat"]
    assert set(column_worth(model, inputs, targets)["column"]) == {"panel", "heat.inside"}
    result.write(tmp_path / "evaluation")
    assert "2 switches on" in (tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "| `panel` | int32 (1, 4) | 1 on, -1 off, 0 unknown |" in contract(SCHEMA)
    assert raw_signature(SCHEMA)["panel"].dtype == "int32"
    assert encode_golden(SCHEMA, golden_samples(SCHEMA))["panel"].any()

    class Runs:
        schema = SCHEMA

        @staticmethod
        def run(arrays):
            return {name: value[0] for name, value in run(model, {n: a[None] for n, a in arrays.items()}).items()}

    rows = pd.read_csv(table, dtype=str, keep_default_na=False).to_dict("records")
    assert len(list(predict_rows(Runs(), rows, columns=["panel", "inside", "state"]))) == 3
    with pytest.raises(ValueError, match="row 1, column 'panel': expected 4 times 1, 0 or"):
        list(predict_rows(Runs(), [{"panel": "1"}], columns=["panel"]))


def test_an_unknown_kind_is_an_error_that_names_it():
    schema = Schema("s", {"air": Smell()}, {"y": Label(("a", "b"))})
    with pytest.raises(ValueError, match="inputs.air: unknown kind 'Smell'; expected one of .*'Text'"):
        Schema.from_json(schema.to_json())
    with pytest.raises(
        TypeError, match="input 'air': no branch for the kind Smell; there is one for each .*'Switches'"
    ):
        build_multimodal_model(schema)
    with pytest.raises(
        TypeError, match="input 'air': no record for the kind Smell; there is one for each of .*'Image'"
    ):
        record_features(schema, {})
    with pytest.raises(TypeError, match="input 'air': no decoder in TensorFlow for the kind Smell"):
        decode(Smell(), {"air": None}, "air")

    @dataclasses.dataclass(frozen=True)
    class Colour(Number):
        """Derives from a number, so that it is encoded as one."""

    assert SensorEncoder((Colour("hue"),))(np.zeros((1, 1), np.float32)).shape == (1, 2)

    class Odd(Field):
        name, extremes = "odd", (0.0, 1.0)
        encode_value = good = golden = golden_extreme = contract = None

    with pytest.raises(TypeError, match="field 'odd': no encoding for the kind Odd; there is one for each of"):
        SensorEncoder((Odd(),))
    with pytest.raises(TypeError, match="field 'odd': no operations in TensorFlow for the kind Odd"):
        encoding_ops.encode_field(None, Odd(), "odd")


def test_one_name_is_one_kind():
    with pytest.raises(ValueError, match="'Text' is a kind already, of mmzoo.schema.inputs.text"):
        register_kind(type("Text", (), {}))
    table = KindTable("smell")
    table.register(Modality, "any")
    assert table.answer(Text(3)) == "any"
