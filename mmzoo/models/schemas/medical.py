"""The schema of the medical model, without Keras: its recipe and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Category, Image, Label, Number, Schema, Sensors, Text

# Of skin, as HAM10000 abbreviates them: actinic keratosis, basal cell carcinoma, benign keratosis, dermatofibroma,
# melanoma, naevus, vascular lesion.
DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
SITES = (
    *("abdomen", "acral", "back", "chest", "ear", "face", "foot", "genital", "hand", "lower extremity", "neck"),
    *("scalp", "trunk", "upper extremity"),
)
PATIENT = Sensors((Number("age", "years", 0, 120), Category("sex", ("female", "male")), Category("site", SITES)))
# Words that are read of a record; where there is room behind them, also its pairs of words.
RECORD_STEPS = 64


def medical_schema(
    diagnoses: Sequence[str] = DIAGNOSES,
    *,
    biomarkers: Sensors = PATIENT,
    record: bool = True,
    image_size: tuple[int, int] = (96, 96),
    words: int = 8_000,
) -> Schema:
    """Inputs and outputs of `build_medical_model`.

    Args:
        diagnoses: those that it chooses from.
        biomarkers: what is known of the patient, with units and declared ranges.
        record: whether there is a text.
        image_size: (height, width) of the picture in pixels.
        words: ids of the record's words, that of the padding included.
    """
    text = {"record": Text(RECORD_STEPS, tokenizer="ngrams", buckets=words - 1, lowercase=True)} if record else {}
    inputs = {"image": Image(*image_size), **text, "biomarkers": biomarkers}
    return Schema("medical", inputs, {"diagnosis": Label(tuple(diagnoses))})
