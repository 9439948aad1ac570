"""The medical model: HAM10000 in a drawn folder, units and unknown words, the sceptic's baselines, the variants."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.data.sets import ham10000
from mmzoo.data.sets.ham10000 import load_ham10000
from mmzoo.models.schemas.medical import DIAGNOSES, PATIENT, SITES, medical_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.zoo.medical import commonest, trees

ROWS = 140
SCHEMA = medical_schema(record=False, image_size=(8, 8))
HEADER = ",".join(ham10000.COLUMNS)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The age tells the diagnosis; every tenth patient's is unknown."""
    folder = tmp_path_factory.mktemp("ham10000")
    Pillow.new("RGB", (8, 8), (90, 60, 50)).save(folder / "skin.png")
    lines = [HEADER]
    for number in range(ROWS):
        diagnosis = number % len(DIAGNOSES)
        age = "" if number % 10 == 9 else str(10 * diagnosis + 5)
        sex, site = ("unknown", "unknown") if number % 10 == 9 else ("male", SITES[number % len(SITES)])
        lines.append(f"skin.png,{DIAGNOSES[diagnosis]},HAM_{number // 2:04},{age},{sex},{site}")
    (folder / "metadata.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_lesions_stay_together_and_folds_make_up_all(folder):
    held_out = [load_ham10000(folder, "validation", schema=SCHEMA, fold=fold) for fold in range(5)]
    train = load_ham10000(folder, "train", schema=SCHEMA, fold=2)
    assert sum(map(len, held_out)) == ROWS and len(train) == ROWS - len(held_out[2])
    assert not set(train.groups) & set(held_out[2].groups)
    assert train.note.startswith("No medical device")


def test_what_is_unknown_is_missing_and_nothing_else_of_the_table_is_fed(folder):
    samples = load_ham10000(folder, "all", schema=SCHEMA)
    assert list(samples.inputs) == ["image", "biomarkers"] and not samples.raw
    patients = samples.inputs["biomarkers"]
    assert np.isnan(patients[9]).all() and not np.isnan(patients[:9]).any()
    np.testing.assert_array_equal(patients[3], [35, 1, 3])
    np.testing.assert_array_equal(samples.targets["diagnosis"], np.arange(ROWS) % len(DIAGNOSES))
    with_record = load_ham10000(folder, "all", schema=medical_schema(image_size=(8, 8)), limit=3)
    assert with_record.inputs["record"].shape == (3, 64) and not with_record.inputs["record"].any()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("skin.png,nv,L,54000,male,back", "row 2.*age.*0.*120"),
        ("skin.png,nv,L,old,male,back", "row 2, column 'age': expected a number, got 'old'"),
        ("skin.png,,L,54,male,back", "row 2: expected a dx of .* got ''"),
        ("skin.png,nv,L,54,male,tail", "row 2.*tail"),
    ],
)
def test_rows_that_cannot_be_used_are_named(row, message, folder, tmp_path):
    (tmp_path / "metadata.csv").write_text(f"{HEADER}\n{row}\n", encoding="utf-8")
    (tmp_path / "skin.png").write_bytes((folder / "skin.png").read_bytes())
    with pytest.raises(ValueError, match=message):
        load_ham10000(tmp_path, "all", schema=SCHEMA)


def test_the_sceptics_look_at_no_picture(folder):
    samples = load_ham10000(folder, "all", schema=SCHEMA)
    found = trees(samples, samples, SCHEMA)["diagnosis"]
    assert found.shape == (ROWS, len(DIAGNOSES))
    assert np.mean(found.argmax(axis=1) == samples.targets["diagnosis"]) > 0.85
    chance = commonest(samples, samples, SCHEMA)["diagnosis"]
    np.testing.assert_allclose(chance[0], 1 / len(DIAGNOSES), atol=1e-6)


def test_the_variants_and_a_model_without_records():
    model = mmzoo.build_medical_model(variant="classic", size="nano", cell="rnn", image_size=(32, 32))
    assert {"record_rnn", "image_flat", "biomarkers_dense", "fusion"} <= {layer.name for layer in model.layers}
    assert list(model.input) == ["image", "record", "biomarkers"]
    training = get_recipe("medical").training_for("nano", "ham10000")
    assert training.builder == {"record": False} and training.class_weight == "balanced"
    for keywords in ({"variant": "other"}, {"size": "huge"}, {"finetune": "half"}, {"cell": "elman"}):
        with pytest.raises(ValueError, match="expected one of"):
            mmzoo.build_medical_model(**{"size": "nano", **keywords})
    with pytest.raises(ValueError, match="only for variant 'modern'"):
        mmzoo.build_medical_model(variant="classic", image="vgg")
    with pytest.raises(ValueError, match="there is no record to be read"):
        mmzoo.build_medical_model(record=False, text="bytes")
    assert [field.name for field in PATIENT.fields] == ["age", "sex", "site"]
