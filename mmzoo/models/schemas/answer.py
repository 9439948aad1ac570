"""The schema of the answer model, without Keras: its data and devices read it too."""

from __future__ import annotations

from mmzoo.schema import Schema, Span, Text

# Of a question; the longest of SQuAD has 34 words.
QUESTION_STEPS = 32
# So many ids that hardly two words of a question and its text are taken for one another.
WORD_IDS = 60_000


def answer_schema(*, steps: int = 256, longest: int = 40) -> Schema:
    """Inputs and outputs of `build_answer_model`.

    Args:
        steps: words that are read of the text; of Chinese, characters.
        longest: words that an answer has at most.
    """
    words = {"tokenizer": "ngrams", "buckets": WORD_IDS, "lowercase": True, "pairs": False}
    inputs = {"question": Text(QUESTION_STEPS, **words), "context": Text(steps, **words)}
    return Schema("answer", inputs, {"answer": Span("context", longest)})
