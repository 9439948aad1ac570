"""The schema of the retrieval model, without Keras: its data and devices read it too."""

from __future__ import annotations

from mmzoo.schema import Image, Pair, Schema, Text

# Words that are read of a text; where there is room behind them, also its pairs of words. Captions have 12 on average.
TEXT_STEPS = 32


def retrieval_schema(*, image_size: tuple[int, int] = (80, 80), words: int = 8_000, width: int = 128) -> Schema:
    """Inputs and outputs of `build_retrieval_model`.

    Args:
        image_size: (height, width) of the picture in pixels.
        words: ids of the text's words, that of the padding included.
        width: of the vectors.
    """
    text = Text(TEXT_STEPS, tokenizer="ngrams", buckets=words - 1, lowercase=True)
    return Schema("retrieval", {"image": Image(*image_size), "text": text}, {"pair": Pair(width)})
