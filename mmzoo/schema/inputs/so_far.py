"""What of a sentence stands there already, for a model that writes it."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from mmzoo.schema.inputs.text import Text
from mmzoo.schema.kinds import register_kind


@register_kind
@dataclasses.dataclass(frozen=True)
class SoFar(Text):
    """The beginning of a `Sentence`, as a text: int32 (length,), 0 = padding. Raw: str.

    Missing: the model writes all of it, and goes on from its own words. A part: it goes on from there. While training
    it is the whole sentence, which `mmzoo.fit` fills in by itself (teacher forcing): each word is then learnt from the
    right ones before it.

    Attributes:
        of: name of the output that it is the beginning of.
    """

    of: str = ""

    option: ClassVar[str | None] = None
    is_given: ClassVar[bool] = False

    @property
    def teacher(self) -> str:
        return self.of

    def contract(self):
        return (
            f"what stands there already of `{self.of}`, at first nothing; the model goes on from there: "
            f"{super().contract()}"
        )
