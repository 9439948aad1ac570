"""The chest X-rays: which finding is which diagnosis, what is given, and what the notes no longer say."""

from __future__ import annotations

import os
import pathlib

import pandas as pd
import pytest

from mmzoo.data.sets import covid_cxr
from mmzoo.data.sets.covid_cxr import DIAGNOSES, GIVEN, GROUP, MASK, TARGET, main, masked_notes, table

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
    found = table(write(tmp_path, ["COVID-19", "SARS", "todo", "No Finding", "Unknown", "COVID-19, ARDS"]))
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


@pytest.mark.skipif(not DATA, reason="MMZOO_DATA is not set, so there are no real notes")
def test_the_real_notes_name_no_disease(tmp_path, capsys):
    covid_cxr.main([str(pathlib.Path(DATA) / "covid_cxr"), str(tmp_path / "table.csv")])
    found = pd.read_csv(tmp_path / "table.csv")
    assert len(found) > 300 and set(found[TARGET]) <= set(DIAGNOSES.values())
    assert str(found[TARGET].value_counts().iloc[0]) in capsys.readouterr().out
    notes = " ".join(found.clinical_notes.dropna()).lower()
    for word in ("covid", "corona", "sars", "pneumoni", "klebsiella", "intubat", "wuhan", "2020"):
        assert word not in notes
