"""What models that write have in common in their schemas, without Keras: their data and devices read it too."""

from __future__ import annotations

import string
from collections.abc import Sequence

from mmzoo.encoding.texts import PADDING, SUFFIX, UNKNOWN
from mmzoo.schema import Image, Schema, Sentence, Text
from mmzoo.schema.outputs.sentence import END

# (height, width) of a picture of a text, and of a photo beside it.
PAGE, PHOTO = (32, 480), (64, 64)
# Pieces that stand in every vocabulary before those that are learnt.
MARKS = (PADDING, UNKNOWN, END)
# By single letters anything in English can be written, if at length: for who gives no words.
SPELLING = (
    *MARKS,
    *string.ascii_lowercase,
    *string.digits,
    *string.punctuation,
    *(f"{SUFFIX}{letter}" for letter in string.ascii_lowercase + string.digits),
)


def caption_schema(
    *, image_size: tuple[int, int] = (64, 64), vocabulary: Sequence[str] = SPELLING, steps: int = 24, language: str = ""
) -> Schema:
    """Inputs and outputs of `build_caption_model`.

    Args:
        image_size: (height, width) of the picture in pixels.
        vocabulary: word pieces that captions are made of, see `mmzoo.schema.Sentence`.
        steps: of a caption at most, its end among them.
        language: of the captions.
    """
    caption = Sentence(vocabulary, steps, lowercase=True, language=language, so_far="caption_so_far")
    inputs = {"image": Image(*image_size), "caption_so_far": caption.beginning("caption")}
    return Schema("caption", inputs, {"caption": caption})


def translation_schema(
    *,
    source: Sequence[str] = SPELLING,
    target: Sequence[str] = SPELLING,
    source_steps: int = 32,
    steps: int = 32,
    lowercase: bool = False,
    language: str = "",
    photo: bool = False,
    page: bool = False,
) -> Schema:
    """Inputs and outputs of `build_translation_model`.

    Args:
        source, target: word pieces of the text and of its translation; both begin with "[PAD]", "[UNK]", "[END]".
        source_steps, steps: of the text and of the translation at most.
        lowercase: read and write in lower case.
        language: of the translation.
        photo: also a photo of what the text speaks of.
        page: also a picture of the text, in grey, in one line.
    """
    translation = Sentence(target, steps, lowercase=lowercase, language=language, so_far="translation_so_far")
    inputs = {"text": Text(source_steps, "wordpiece", tuple(source), lowercase=lowercase)}
    if page:
        inputs["page"] = Image(*PAGE, 1)
    if photo:
        inputs["photo"] = Image(*PHOTO)
    inputs["translation_so_far"] = translation.beginning("translation")
    return Schema("translation", inputs, {"translation": translation})
