"""How the texts of a schema are read: swaps the tokenizer of its `Text` inputs."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping

from mmzoo.presets import PresetError, text_for_preset
from mmzoo.schema import Schema, Text

# Words and pairs of words that are looked at: more than this rarely says anything new.
NGRAM_STEPS = 256
_KINDS = ("bytes", "ngrams", "wordpiece")


def with_texts(
    schema: Schema, text: str | pathlib.Path | Mapping[str, str | pathlib.Path] | None, *, buckets: int = 8_192
) -> tuple[Schema, dict[str, str | pathlib.Path]]:
    """The schema with its texts read in another way.

    Args:
        schema: the schema.
        text: "bytes", "ngrams", "wordpiece", "glove", or a keras-hub preset; one for all texts or by input name.
            What is None, or left out, stays as it is.
        buckets: number of ids that n-grams are hashed into.

    Returns:
        (the schema, input name -> keras-hub preset, or "glove").

    Raises:
        ValueError: an input that is no text, "wordpiece" where the schema holds no vocabulary, or a preset whose texts
            can't be cut up on a device.
        mmzoo.presets.PresetError: none of the three, and no preset that can be had.
    """
    texts = schema.of_kind(Text)
    chosen = text if isinstance(text, Mapping) else {name: text for name in texts}
    inputs, presets = dict(schema.inputs), {}
    for name, kind in chosen.items():
        if name not in texts:
            raise ValueError(f"text: {name!r} is no text input; there are {texts}")
        old = inputs[name]
        if kind is None or kind == old.tokenizer:
            continue
        if kind not in _KINDS:
            presets[name] = kind
            inputs[name] = _of_preset(name, kind, old.length)
        elif kind == "wordpiece":
            raise ValueError(
                f"text: the schema holds no vocabulary of word pieces for {name!r}; make one of the training texts "
                "with mmzoo.data.tables.vocabulary.wordpiece_text(texts) and put it into the schema with with_inputs"
            )
        elif kind == "ngrams":
            inputs[name] = Text(NGRAM_STEPS, "ngrams", buckets=buckets, lowercase=True)
        else:
            inputs[name] = Text(old.length)
    return schema.with_inputs(**inputs), presets


def _of_preset(name, preset, length):
    try:
        return text_for_preset(preset, length)
    except PresetError as error:
        raise PresetError(f"text: {str(preset)!r} for {name!r} is none of {list(_KINDS)}; as a {error}") from error
    except ValueError as error:
        raise ValueError(f"text: input {name!r}: {error}") from error
