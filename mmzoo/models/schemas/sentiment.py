"""The schema of the sentiment model, without Keras: its recipe and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Audio, Image, Label, Schema, Text

SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = ("anger", "boredom", "disgust", "fear", "happiness", "neutral", "sadness")
INPUTS, OUTPUTS = ("text", "image", "voice"), ("sentiment", "emotion")
# Words that are read of a text and, behind them, its pairs of words; a tweet has 27 words at most.
TEXT_STEPS = 48
SAMPLE_RATE, SECONDS = 16_000, 2


def sentiment_schema(
    inputs: Sequence[str] = INPUTS,
    outputs: Sequence[str] = OUTPUTS,
    *,
    image_size: tuple[int, int] = (96, 96),
    words: int = 10_000,
) -> Schema:
    """Inputs and outputs of `build_sentiment_model`.

    Args:
        inputs: those that it has, of "text", "image" and "voice".
        outputs: those that it has, of "sentiment" and "emotion".
        image_size: (height, width) of the picture in pixels.
        words: ids of the text's words, that of the padding included.

    Raises:
        ValueError: an input or output that there isn't.
    """
    known = {
        "text": Text(TEXT_STEPS, tokenizer="ngrams", buckets=words - 1, lowercase=True),
        "image": Image(*image_size),
        "voice": Audio(SECONDS * SAMPLE_RATE, SAMPLE_RATE),
    }
    labels = {"sentiment": Label(SENTIMENTS), "emotion": Label(EMOTIONS)}
    for word, names, there in (("inputs", inputs, known), ("outputs", outputs, labels)):
        unknown = [name for name in names if name not in there]
        if unknown or not names:
            raise ValueError(f"{word}: expected some of {list(there)}, got {list(names)}")
    return Schema("sentiment", {name: known[name] for name in inputs}, {name: labels[name] for name in outputs})
