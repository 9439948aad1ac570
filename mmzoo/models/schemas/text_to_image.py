"""The schema of the model that makes pictures, without Keras: its data and devices read it too."""

from __future__ import annotations

from mmzoo.schema import Noise, Picture, Schema, Text

# Words and pairs of words that are read of what is asked for.
TEXT_STEPS = 24


def text_to_image_schema(*, image_size: tuple[int, int] = (32, 32), words: int = 2_000, judge: str = "") -> Schema:
    """Inputs and outputs of `build_text_to_image_model`.

    Args:
        image_size: (height, width) of the picture in pixels.
        words: ids of the text's words, that of the padding included.
        judge: see `mmzoo.schema.Picture`.
    """
    height, width = image_size
    text = Text(TEXT_STEPS, tokenizer="ngrams", buckets=words - 1, lowercase=True)
    inputs = {"text": text, "noise": Noise((height, width, 3))}
    return Schema("text_to_image", inputs, {"picture": Picture(height, width, judge=judge)})
