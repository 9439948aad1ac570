"""Chest X-rays with clinical notes (Cohen et al., "COVID-19 image data collection", 2020), as a table for own data.

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

import pandas as pd

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


def table(folder: str | pathlib.Path) -> pd.DataFrame:
    """The table: `GIVEN`, `TARGET` and `GROUP`; rows whose finding is not known are left out.

    Args:
        folder: of metadata.csv.

    Raises:
        FileNotFoundError: there is no metadata.csv.
        ValueError: it lacks a column, or holds a finding without a diagnosis; the message names it.
    """
    file = pathlib.Path(folder) / "metadata.csv"
    frame = pd.read_csv(file, dtype=str, keep_default_na=False)
    absent = [column for column in (*GIVEN, GROUP, "finding") if column not in frame]
    if absent:
        raise ValueError(f"{file}: no column {absent[0]!r}; it has {list(frame.columns)}")
    finding = frame.finding.str.strip()
    frame, finding = frame[~finding.isin(UNLABELLED)], finding[~finding.isin(UNLABELLED)]
    unknown = sorted(set(finding) - set(DIAGNOSES))
    if unknown:
        raise ValueError(f"{file}: finding {unknown[0]!r} has no diagnosis; put it into DIAGNOSES in {__name__}")
    notes = frame.clinical_notes.map(masked_notes)
    return frame[[*GIVEN, GROUP]].assign(clinical_notes=notes, **{TARGET: finding.map(DIAGNOSES)})


def main(words: list[str]) -> None:
    """Writes the table as a CSV file, and says how many rows of each finding became what."""
    if len(words) != 2:
        raise SystemExit("expected: python -m mmzoo.data.sets.covid_cxr FOLDER TABLE.csv")
    found = table(words[0])
    found.to_csv(words[1], index=False)
    left_out = len(pd.read_csv(pathlib.Path(words[0]) / "metadata.csv", dtype=str)) - len(found)
    print(f"{left_out} rows left out, whose finding is not known ({', '.join(UNLABELLED)})")
    for name, count in found[TARGET].value_counts().items():
        print(f"{count:4} {name}")


if __name__ == "__main__":
    main(sys.argv[1:])
