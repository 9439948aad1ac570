"""Chest X-rays with clinical notes (Cohen et al., "COVID-19 image data collection", 2020): a data set of the zoo, and
a table for own data.

python -m mmzoo.data.sets.covid_cxr FOLDER TABLE.csv
mmzoo train TABLE.csv --root FOLDER --target diagnosis --split-group patientid --kind patientid=ignore --out RUN

A folder holds metadata.csv and the pictures. What is to be predicted is one of three: COVID-19, another pneumonia,
something else or nothing (`DIAGNOSES`). Given are the picture, its view, sex, age, temperature, oxygen saturation, the
three cell counts and the notes. Nothing else is: survival, intensive care, intubation, dates, places and sources tell
the answer. So do the notes, which were written by people who knew it: in them the names of diseases and germs, tests,
treatments and outcomes, dates, and every word with a capital inside of a sentence (places, hospitals, journals) are
masked. What is left may still tell something by its style; that a model of it does well says little about patients.
"""

from __future__ import annotations

import pathlib
import re
import sys
from typing import TYPE_CHECKING

import numpy as np

from mmzoo.data.samples.metadata import FILE, classes_of, encoded, findings, hashed_part, read_metadata
from mmzoo.data.samples.samples import ALL, TRAIN, Samples, data_set
from mmzoo.schema import Category, Number, Schema, Sensors

if TYPE_CHECKING:
    import pandas as pd

NOTE = "No medical device. Pictures, notes and patients' data real, nothing simulated; tested on one collection alone"
FOLDS = 5
COVID, PNEUMONIA, OTHER = "COVID-19", "other pneumonia", "other or none"
TARGET, GROUP = "diagnosis", "patientid"
GIVEN = (
    "path",
    "view",
    "sex",
    "age",
    "temperature",
    "pO2_saturation",
    "leukocyte_count",
    "neutrophil_count",
    "lymphocyte_count",
    "clinical_notes",
)
# Finding -> diagnosis; behind it the number of rows in the training part (472 rows, 11/2026).
DIAGNOSES = {
    "COVID-19": COVID,  # 308
    "COVID-19, ARDS": COVID,  # 8
    "SARS": PNEUMONIA,  # 14
    "Pneumocystis": PNEUMONIA,  # 11
    "Pneumonia": PNEUMONIA,  # 9
    "Streptococcus": PNEUMONIA,  # 8
    "Klebsiella": PNEUMONIA,  # 7
    "E.Coli": PNEUMONIA,  # 4
    "Varicella": PNEUMONIA,  # 4
    "Mycoplasma Bacterial Pneumonia": PNEUMONIA,  # 4
    "Legionella": PNEUMONIA,  # 3
    "Lipoid": PNEUMONIA,  # 3
    "Bacterial": PNEUMONIA,  # 2
    "Chlamydophila": PNEUMONIA,  # 1
    "Influenza": PNEUMONIA,  # 1
    "No Finding": OTHER,  # 6
    "ARDS": OTHER,  # 4
    # In the collection, not in the training part.
    "MERS-CoV": PNEUMONIA,
    "Staphylococcus": PNEUMONIA,
    "Aspergillosis": PNEUMONIA,
    "Nocardia": PNEUMONIA,
    "Herpes": PNEUMONIA,
    "Tuberculosis": OTHER,
}
# Not known: 74 and 1 rows, left out.
UNLABELLED = ("todo", "Unknown")

CLASSES = (COVID, PNEUMONIA, OTHER)
VIEWS = ("PA", "AP", "AP Supine", "AP Erect", "L")
# The collection writes some oxygen pressures (mmHg) into the column of the saturation (%); what lies outside of a
# range is in another unit and counts as missing.
PATIENT = Sensors(
    (
        Number("age", "years", 0, 120),
        Category("sex", ("F", "M")),
        Category("view", VIEWS),
        Number("temperature", "degC", 30, 45),
        Number("pO2_saturation", "%", 0, 100),
        Number("leukocyte_count", "10^9/l", 0, 100),
        Number("neutrophil_count", "10^9/l", 0, 100),
        Number("lymphocyte_count", "10^9/l", 0, 100),
    )
)

MASK = "___"
_TELLING = (
    # Diseases and germs.
    *("covid", "corona", "ncov", "sars", "mers", "pneumon", "pneumocyst", "pcp", "pjp", "strepto", "staphylo"),
    *("klebsiell", "coli", "escherichia", "varicella", "chickenpox", "zoster", "mycoplasm", "legionell", "lipoid"),
    *("chlamyd", "influenza", "bacteri", "virus", "viral", "ards", "tubercul", "aspergill", "nocardi", "herpes"),
    *("fung", "hiv", "aids", "infect", "distress", "sepsis", "septic"),
    # Tests, treatments and outcomes.
    *("pcr", "swab", "nucleic", "antibod", "antigen", "cultur", "positiv", "negativ", "confirm", "diagnos", "suspect"),
    *("ritonavir", "lopinavir", "remdesivir", "chloroquine", "oseltamivir", "interferon", "antibiotic", "steroid"),
    *("intensive", "icu", "intubat", "extubat", "ventilat", "oxygen", "died", "death", "deceas", "surviv", "discharg"),
    # How it spread, and when.
    *("outbreak", "epidemic", "pandemic", "quarantin", "isolat", "travel", "contact", "exposure", "return"),
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
_WORDS = re.compile(rf"[\w-]*(?:{'|'.join(_TELLING)})[\w-]*|\b(?:19|20)\d\d\b", re.IGNORECASE)
# A word with a capital inside of a sentence is a name.
_NAMES = re.compile(r"(?<=[\w,;:)] )(?=[A-Z])[\w'’-]+")


def masked_notes(text: str) -> str:
    """Notes without the words that tell the answer, each run of them as one `MASK`.

    >>> masked_notes("A 45-year-old man from Wuhan with fever since January 2020. CT shows SARS-CoV-2 pneumonia.")
    'A 45-year-old man from ___ with fever since ___. CT shows ___.'
    """
    masked = _NAMES.sub(MASK, _WORDS.sub(MASK, text))
    return re.sub(rf"{MASK}(?:[\s,/-]*{MASK})+", MASK, masked)


def table(folder: str | pathlib.Path) -> tuple[pd.DataFrame, int]:
    """The table (`GIVEN`, `TARGET` and `GROUP`), and how many rows, whose finding is not known, were left out of it.

    Args:
        folder: of metadata.csv.

    Raises:
        FileNotFoundError: there is no metadata.csv.
        ValueError: it lacks a column, or holds a finding without a diagnosis; the message names it.
    """
    folder = pathlib.Path(folder)
    frame = read_metadata(folder, (*GIVEN, GROUP, "finding"))
    finding = frame.finding.str.strip()
    unlabelled = finding.isin(UNLABELLED)
    frame, finding = frame[~unlabelled], finding[~unlabelled]
    unknown = sorted(set(finding) - set(DIAGNOSES))
    if unknown:
        raise ValueError(
            f"{folder / FILE}: finding {unknown[0]!r} has no diagnosis; put it into DIAGNOSES in {__name__}"
        )
    notes = frame.clinical_notes.map(masked_notes)
    found = frame[[*GIVEN, GROUP]].assign(clinical_notes=notes, **{TARGET: finding.map(DIAGNOSES)})
    return found, int(unlabelled.sum())


@data_set(
    about="chest X-rays with masked clinical notes and what was measured, three diagnoses",
    layout=f"{FILE} ({', '.join((*GIVEN, GROUP, 'finding'))}) and the pictures",
    licence="each picture its own, many CC BY-NC-SA",
    weights_may_ship=False,
    folds=FOLDS,
    group="patient",
)
def load_covid_cxr(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = 0,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Pictures, masked notes, what was measured, and diagnoses of a split.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all", of a folder kept apart too.
        schema: its inputs `image`, `record` and `biomarkers` (`PATIENT`) are encoded; `diagnosis` knows the classes.
        fold: 0..4, the patients that "validation" has and "train" lacks.
        seed: nothing is drawn.
        limit: at most so many rows, evenly spread.

    Returns:
        Samples in the order of the table, in groups of one patient; the target `diagnosis` is int32 (N,). The note
        counts the rows without a diagnosis, which are left out, and the values outside of their ranges, which are
        missing.

    Raises:
        FileNotFoundError: the table or a picture is missing.
        ValueError: a finding without a diagnosis, a value that is no number, or a broken picture; the message names
            file and row.
    """
    data_dir = pathlib.Path(data_dir)
    rows, unlabelled = table(data_dir)
    if split != ALL:
        held_out = np.array([hashed_part(f"covid_cxr/{patient}", FOLDS) == fold for patient in rows[GROUP]], bool)
        rows = rows[~held_out if split == TRAIN else held_out]
    if limit is not None and limit < len(rows):
        rows = rows.iloc[np.arange(limit) * len(rows) // limit]
    patients, outside = _patients(rows, data_dir)
    columns = {
        "image": rows["path"].tolist(),
        "record": rows["clinical_notes"].tolist(),
        "biomarkers": patients,
    }
    inputs = encoded(schema, columns, rows, data_dir)
    said = f"; {unlabelled} rows of the table without a diagnosis left out" if unlabelled else ""
    said += "".join(f"; {name} in another unit or unknown, so missing, in {n} rows" for name, n in outside.items())
    targets = classes_of(rows, TARGET, schema["diagnosis"].classes, data_dir)
    return Samples(
        inputs,
        {"diagnosis": targets},
        NOTE + said + findings(schema, columns, inputs),
        raw={"record": columns["record"]},
        ids=columns["image"],
        groups=rows[GROUP].to_numpy(str),
    )


def _patients(rows, folder):
    """What was measured of each row's patient, and by field how many values are in another unit or not known."""
    patients, outside = [{} for _ in range(len(rows))], {}
    for field in PATIENT.fields:
        for patient, row, cell in zip(patients, rows.index, rows[field.name].str.strip(), strict=True):
            value = _measured(field, cell, f"{folder / FILE}: row {row}, column {field.name!r}")
            patient[field.name] = value
            if value is None and cell:
                outside[field.name] = outside.get(field.name, 0) + 1
    return patients, outside


def _measured(field, cell, place):
    if isinstance(field, Category):
        return cell if cell in field.categories else None
    try:
        value = float(cell or "nan")
    except ValueError:
        raise ValueError(f"{place}: expected a number, got {cell!r}") from None
    return value if field.minimum <= value <= field.maximum else None


def main(words: list[str]) -> None:
    """Writes the table as a CSV file, and says how many rows of each finding became what."""
    if len(words) != 2:
        raise SystemExit("expected: python -m mmzoo.data.sets.covid_cxr FOLDER TABLE.csv")
    found, left_out = table(words[0])
    found.to_csv(words[1], index=False)
    print(f"{left_out} rows left out, whose finding is not known ({', '.join(UNLABELLED)})")
    for name, count in found[TARGET].value_counts().items():
        print(f"{count:4} {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
