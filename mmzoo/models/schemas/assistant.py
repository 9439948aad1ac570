"""The schema of the assistant, without Keras: its data and devices read it too."""

from __future__ import annotations

from collections.abc import Sequence

from mmzoo.schema import Image, Label, Schema, Sensors, Text

# Those to questions about a coloured shape.
ANSWERS = (
    *("yes", "no"),
    *("circle", "rectangle", "triangle"),
    *("black", "blue", "brown", "gray", "green", "red", "teal", "yellow"),
)
# Words that are read of a question; where there is room behind them, also its pairs of words.
QUESTION_STEPS = 24


def assistant_schema(
    answers: Sequence[str] = ANSWERS,
    *,
    image_size: tuple[int, int] = (64, 64),
    words: int = 5_000,
    user: Sensors | None = None,
) -> Schema:
    """Inputs and outputs of `build_assistant_model`.

    Args:
        answers: those that it chooses from.
        image_size: (height, width) of the picture in pixels.
        words: ids of the question's words, that of the padding included.
        user: what is known of who asks; None: there is no such input.
    """
    question = Text(QUESTION_STEPS, tokenizer="ngrams", buckets=words - 1, lowercase=True)
    known = {} if user is None else {"user": user}
    inputs = {"image": Image(*image_size), "question": question, **known}
    return Schema("assistant", inputs, {"answer": Label(tuple(answers))})
