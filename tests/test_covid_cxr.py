"""The chest X-rays: which finding is which diagnosis, what is given, and what the notes no longer say."""

from __future__ import annotations

import os
import pathlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from mmzoo.data.sets import covid_cxr
from mmzoo.data.sets.covid_cxr import DIAGNOSES, GIVEN, GROUP, MASK, TARGET, load_covid_cxr, main, masked_notes, table
from mmzoo.models.schemas.medical import medical_schema

DATA = os.environ.get("MMZOO_DATA")


def write(folder, findings, **changes):
    rows = [
        {
            **dict.fromkeys((*GIVEN, "survival", "location", "date"), "x"),
            GROUP: str(i // 2),
            "finding": finding,
            **changes,
        }
        for i, finding in enumerate(findings)
    ]
    pd.DataFrame(rows).to_csv(folder / "metadata.csv", index=False)
    return folder


def test_only_what_does_not_tell_the_answer_is_given(tmp_path):
    found, left_out = table(write(tmp_path, ["COVID-19", "SARS", "todo", "No Finding", "Unknown", "COVID-19, ARDS"]))
    assert left_out == 2
    assert list(found.columns) == [*GIVEN, GROUP, TARGET]
    assert found[TARGET].tolist() == ["COVID-19", "other pneumonia", "other or none", "COVID-19"]
    assert found[GROUP].tolist() == ["0", "0", "1", "2"]


def test_rows_without_a_diagnosis_are_counted(tmp_path, capsys):
    main([str(write(tmp_path, ["SARS", "todo", "Unknown"])), str(tmp_path / "table.csv")])
    assert "2 rows left out, whose finding is not known (todo, Unknown)" in capsys.readouterr().out


def test_a_finding_or_column_that_is_not_known_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"metadata.csv: finding 'Gout' has no diagnosis; put it into DIAGNOSES"):
        table(write(tmp_path, ["SARS", "Gout"]))
    pd.DataFrame({"finding": ["SARS"]}).to_csv(tmp_path / "metadata.csv", index=False)
    with pytest.raises(ValueError, match="no column 'path'"):
        table(tmp_path)


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ("Fever and a dry cough, 38.2 C.", f"Fever and a dry cough, 38.2 {MASK}."),
        ("the patient was intubated and died", f"the patient was {MASK} and {MASK}"),
        ("seen at Cho Ray Hospital in Ho Chi Minh City", f"seen at {MASK} in {MASK}"),
        ("non-COVID, RT-PCR negative", MASK),
        ("", ""),
    ],
)
def test_notes_lose_what_tells_the_answer(notes, expected):
    assert masked_notes(notes) == expected


def test_as_a_data_set_of_the_medical_model(tmp_path):
    Pillow.new("RGB", (8, 8), (90, 90, 90)).save(tmp_path / "x.png")
    given = {"path": "x.png", "view": "PA", "sex": "M", "age": "65", "temperature": "38.2", "pO2_saturation": "340"}
    counts = {"leukocyte_count": "", "neutrophil_count": "2.8", "lymphocyte_count": "0.8"}
    findings = ["COVID-19", "todo", *["SARS", "No Finding"] * 20]
    write(tmp_path, findings, **given, **counts, clinical_notes="Fever since January 2020.")
    schema = medical_schema(covid_cxr.CLASSES, biomarkers=covid_cxr.PATIENT, image_size=(8, 8))
    found = load_covid_cxr(tmp_path, "all", schema=schema)
    assert len(found) == 41 and found.raw["record"][0] == f"Fever since {MASK}."
    np.testing.assert_array_equal(found.targets["diagnosis"][:3], [0, 1, 2])
    np.testing.assert_allclose(found.inputs["biomarkers"][0], [65, 1, 0, 38.2, np.nan, np.nan, 2.8, 0.8], rtol=1e-6)
    assert "; 1 rows of the table without a diagnosis left out" in found.note
    assert "; pO2_saturation in another unit or unknown, so missing, in 41 rows" in found.note
    parts = [load_covid_cxr(tmp_path, "validation", schema=schema, fold=fold) for fold in range(5)]
    train = load_covid_cxr(tmp_path, "train", schema=schema, fold=1)
    assert sum(map(len, parts)) == 41 and not set(train.groups) & set(parts[1].groups)
    write(tmp_path, ["COVID-19"], **given | {"temperature": "warm"}, **counts)
    with pytest.raises(ValueError, match=r"row 2, column 'temperature': expected a number, got 'warm'"):
        load_covid_cxr(tmp_path, "all", schema=schema)


@pytest.mark.skipif(not DATA, reason="MMZOO_DATA is not set, so there are no real notes")
def test_the_real_notes_name_no_disease(tmp_path, capsys):
    covid_cxr.main([str(pathlib.Path(DATA) / "covid_cxr"), str(tmp_path / "table.csv")])
    found = pd.read_csv(tmp_path / "table.csv")
    assert len(found) > 300 and set(found[TARGET]) <= set(DIAGNOSES.values())
    assert str(found[TARGET].value_counts().iloc[0]) in capsys.readouterr().out
    notes = " ".join(found.clinical_notes.dropna()).lower()
    for word in ("covid", "corona", "sars", "pneumoni", "klebsiella", "intubat", "wuhan", "2020"):
        assert word not in notes
