"""`Span`: a part of one of the input texts, such as the answer to a question."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mmzoo.encoding.texts import as_string
from mmzoo.schema.checks import check_sizes, is_text
from mmzoo.schema.inputs.text import Text
from mmzoo.schema.json_tree import where_set
from mmzoo.schema.kinds import register_kind
from mmzoo.schema.outputs.output import Output

# In place of a step: the answer stands beyond what the model reads of the text, or there is none.
NO_STEP = -1
_KEPT = 4_096


@register_kind
@dataclasses.dataclass(frozen=True)
class Span(Output):
    """A part of a `Text` input, from one of its steps to another: float32 (T, 2), T the steps of that input.

    The first column says how likely the part begins at each step, the second how likely it ends there; each sums to 1,
    or is zeros where the text is missing.
    What is said is the pair, begin <= end, whose product is highest; it is cut out of the raw text, so whoever decodes
    needs that.

    Targets are texts that `target` makes: the raw text with all answers to it that count as right, and the steps of one
    of them to learn from. "" is a sample without a target. For the loss they become int (N, 2).

    Attributes:
        of: name of the input.
        longest: steps that an answer has at most.
    """

    of: str
    longest: int = where_set(40)

    target_word = "answer"
    extents = ("longest",)

    def __post_init__(self):
        if not is_text(self.of) or not self.of:
            raise ValueError(f"of: expected the name of a text input, got {self.of!r:.80}")
        check_sizes(longest=self.longest)

    def bound(self, inputs):
        kind = inputs.get(self.of)
        if not isinstance(kind, Text):
            texts = [name for name, modality in inputs.items() if isinstance(modality, Text)]
            raise ValueError(f"of: expected one of the text inputs {texts}, got {self.of!r}")
        if kind.tokenizer == "ngrams" and kind.pairs:
            raise ValueError(f"of: ids of pairs of words have no place in {self.of!r}; give that Text pairs=False")
        known = dataclasses.replace(self)
        object.__setattr__(known, "_bound_text", kind)
        return known

    @property
    def text(self) -> Text:
        """The input that it is a part of.

        Raises:
            ValueError: it is in no schema.
        """
        kind = getattr(self, "_bound_text", None)
        if kind is None:
            raise ValueError(f"this Span is in no schema, so nobody knows how long {self.of!r} is; take it from one")
        return kind

    @property
    def shape(self) -> tuple[int, ...]:
        return self.text.length, 2

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.of,)

    # Targets ---------------------------------------------------------------------------------------------------------

    def target(self, context: str, answers: Iterable[str], start: int | None = None, place: str = "target") -> str:
        """The target of a sample.

        Args:
            context: the raw text.
            answers: all texts that count as right, the one to learn from first.
            start: character at which that one begins; None: where it occurs first, as whole words where it does so.
            place: of the sample, for messages.

        Raises:
            ValueError: no answer, or the first one doesn't stand in the text, or not at its `start`.
        """
        answers = [answer for answer in dict.fromkeys(answers) if answer.strip()]
        if not answers:
            raise ValueError(f"{place}: no answer; expected at least one text")
        begin = _first(context, answers[0]) if start is None else start
        if begin < 0 or not context.startswith(answers[0], begin):
            where = "nowhere in the text" if answers[0] not in context else f"not at character {start}"
            raise ValueError(
                f"{place}: the answer {answers[0]!r:.60} stands {where}, which reads "
                f"{context[max(begin, 0) : max(begin, 0) + 60]!r} there; mend the answer or leave the row out"
            )
        steps = self.steps_of(context, begin, begin + len(answers[0]))
        return json.dumps({"answers": answers, "steps": steps, "text": context}, ensure_ascii=False)

    def steps_of(self, context: str, begin: int, end: int) -> tuple[int, int]:
        """The first and the last step of characters `begin` to `end` of a raw text; (-1, -1) where the text is cut
        before them, or no step stands for them.
        """
        kind = self.text
        # As long as the text is, so that an answer beyond what is read is not taken for its last step.
        places = _whole_places(kind, context)
        touched = np.flatnonzero((places[:, 0] < end) & (places[:, 1] > begin))
        if not touched.size or touched[-1] >= kind.length - bool(kind.end):
            return NO_STEP, NO_STEP
        return int(touched[0]), int(touched[-1])

    def encode_target(self, value: Any, place: str) -> np.ndarray:
        """{"text": ..., "answer": ..., "start": ...}, the start may be left out; see `target`."""
        if value is None or isinstance(value, str) and not value:
            return self.missing_target()
        if not isinstance(value, Mapping) or not {"text", "answer"} <= set(value) <= {"text", "answer", "start"}:
            raise ValueError(f"{place}: expected {{'text': ..., 'answer': ..., 'start': ...}}, got {value!r:.80}")
        return np.array(self.target(value["text"], [value["answer"]], value.get("start"), place), object)

    def missing_target(self) -> np.ndarray:
        return np.array("", object)

    def has_target(self, targets: np.ndarray) -> np.ndarray:
        targets = np.asarray(targets)
        if targets.dtype.kind in "iuf":
            return (targets != NO_STEP).all(axis=-1)
        return np.array([bool(len(target)) for target in targets.reshape(-1)], bool)

    def random_targets(self, count: int, rng: np.random.Generator) -> np.ndarray:
        begins = rng.integers(0, self.text.length, count)
        ends = np.minimum(begins + rng.integers(0, self.longest, count), self.text.length - 1)
        steps = np.stack([begins, ends], axis=1).tolist()
        return np.array([json.dumps({"answers": ["?"], "steps": pair, "text": ""}) for pair in steps], object)

    # Answers ---------------------------------------------------------------------------------------------------------

    def best(self, row: np.ndarray, top: int = 1) -> list[tuple[int, int, float]]:
        """The likeliest parts that have no step in common: (first step, last step, probability), the best first.

        Args:
            row: float (T, 2).
            top: how many.
        """
        row = np.asarray(row, np.float64)
        count = len(row)
        longest = min(self.longest, count)
        ends = np.concatenate([row[:, 1], np.zeros(longest)])
        scores = row[:, :1] * np.lib.stride_tricks.sliding_window_view(ends, longest)[:count]
        found = []
        for _ in range(top):
            begin, more = np.unravel_index(int(scores.argmax()), scores.shape)
            if scores[begin, more] <= 0:
                break
            begin, end = int(begin), int(begin + more)
            found.append((begin, end, float(scores[begin, more])))
            # What has a step in common with it: those that begin in it, and those before it that reach into it.
            scores[begin : end + 1] = 0
            for before in range(max(0, begin - longest + 1), begin):
                scores[before, begin - before :] = 0
        return found

    def cut(self, context: str | bytes | None, begin: int, end: int) -> str:
        """The characters of a raw text from one step to another; "" where these are none of its steps."""
        if not context or begin < 0:
            return ""
        context = as_string(context, self.of)
        places = self.text.places(context)
        first, last = places[begin], places[end]
        return context[first[0] : last[1]] if first[1] and last[1] else ""

    def decode(self, row: np.ndarray, raw: Mapping[str, Any] | None = None, top: int = 3) -> dict[str, float]:
        """{text: probability} of the `top` likeliest answers, in order; {"": 1.0} where there is no text to cut from.

        Raises:
            ValueError: the raw inputs aren't given.
        """
        if raw is None:
            raise ValueError(f"a Span is cut out of the raw {self.of!r}; give the raw inputs")
        found: dict[str, float] = {}
        for begin, end, probability in self.best(row, top):
            answer = self.cut(raw.get(self.of), begin, end)
            if answer:
                found[answer] = max(found.get(answer, 0.0), probability)
        return found or {"": 1.0}

    def columns(self, name: str) -> tuple[str, ...]:
        return name, f"{name}_probability"

    def cells(self, row: np.ndarray, raw: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The likeliest answer and its probability."""
        ((answer, probability),) = self.decode(row, raw, 1).items()
        return answer, f"{probability:.6f}"

    def contract(self) -> str:
        return (
            f"for each of the {self.text.length} steps of `{self.of}` how likely the answer begins there, and how "
            f"likely it ends there: take the first step i and the last step j, i <= j < i + {self.longest}, with the "
            f"highest product, and cut the raw text from the first character of step i to the last of step j; nothing "
            f"where `{self.of}` is missing or i or j is padding"
        )


def _first(context, answer):
    """Where an answer occurs first, and not as a part of another word unless it does so only; -1: nowhere."""
    whole = re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", context)
    return whole.start() if whole else context.find(answer)


@functools.lru_cache(maxsize=_KEPT)
def _whole_places(kind: Text, context: str) -> np.ndarray:
    """`Text.places` without a limit."""
    width = 4 if kind.tokenizer == "bytes" else 1
    return dataclasses.replace(kind, length=width * len(context) + 2).places(context)
