"""Words and marks back to a text as people write it. Python only."""

from __future__ import annotations

from collections.abc import Iterable

from mmzoo.encoding.texts import SUFFIX

# No space before these, none behind those, and none on either side of the last ones.
CLOSING, OPENING, BINDING = ".,!?;:)]}%…’", "([{¿¡", "-/'"
_QUOTE = '"'
# Scripts that are written without spaces: kana, ideographs, their marks, and the full-width forms.
_SPACELESS = (("\u3000", "\u30ff"), ("\u3400", "\u9fff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef"))


def joined(pieces: Iterable[str]) -> str:
    """A text of word pieces.

    A piece that begins with "##" goes on with the word before it. Between words stands a space, but for: none before
    . , ! ? ; : ) ] } % … ’; none behind ( [ {; none on either side of - / '; none beside ideographs, kana and their
    marks; and of two quotation marks the first opens and the second closes.

    Args:
        pieces: of the vocabulary.

    >>> joined(["a", "dog", "'", "s", "play", "##ground", ",", "see", "(", '"', "t", "-", "shirt", '"', ")", "."])
    'a dog\\'s playground, see ("t-shirt").'
    >>> joined(["我", "喜", "欢", "jazz", "。"])
    '我喜欢jazz。'
    """
    text, glue, is_quoted = "", True, False
    for piece in pieces:
        if piece.startswith(SUFFIX) and len(piece) > len(SUFFIX):
            text, glue = text + piece[len(SUFFIX) :], False
            continue
        closes = piece in CLOSING or piece in BINDING or (piece == _QUOTE and is_quoted)
        wide = _is_spaceless(piece[:1]) or _is_spaceless(text[-1:])
        text += piece if glue or closes or wide else f" {piece}"
        glue = piece in OPENING or piece in BINDING or (piece == _QUOTE and not is_quoted)
        is_quoted ^= piece == _QUOTE
    return text


def _is_spaceless(character):
    return any(first <= character <= last for first, last in _SPACELESS)
