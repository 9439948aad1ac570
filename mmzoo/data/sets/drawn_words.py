"""Words drawn with Pillow, for a reader to learn from: nothing in them is real.

The faces are those that matplotlib carries (DejaVu, in several weights and slants), so that every machine draws the
same. A text is a made-up word of syllables, a number, or a row of any characters of the alphabet; it is drawn with a
colour and a ground of its own, slanted, seen from aside, blurred and noisy, as a sign in a photo is.
"""

from __future__ import annotations

import functools
import pathlib

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFilter, ImageFont

from mmzoo import encoding
from mmzoo.data.samples.samples import TRAIN, VALIDATION, Samples, data_set
from mmzoo.schema import Schema, Transcript

COUNTS = {TRAIN: 20_000, VALIDATION: 2_000}
NOTE = "words drawn by a program, none of them real"
_FACES = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSansMono")
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvwyz"
_LEAST_CONTRAST = 60


@data_set(
    about="words drawn by a program",
    layout="",
    licence="none needed",
    weights_may_ship=True,
    splits=(TRAIN, VALIDATION),
    needs_folder=False,
)
def load_drawn_words(
    data_dir: pathlib.Path | None,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """Drawn words, the same ones for the same seed.

    Args:
        data_dir: not looked at.
        split: "train" or "validation".
        schema: of a model with the input `image` and the output `text`, a `Transcript`.
        fold: None, there is one split.
        seed: of all that is drawn.
        limit: at most so many.
    """
    kind, count = schema["text"], min(COUNTS[split], limit or COUNTS[split])
    rng = np.random.default_rng((seed, list(COUNTS).index(split)))
    texts = [draw_text(kind, rng) for _ in range(count)]
    images = [encoding.encode_image(schema["image"], np.asarray(draw_word(text, rng)), text) for text in texts]
    targets = np.stack([kind.encode_target(text, text) for text in texts])
    ids = [f"{split} {number}: {text}" for number, text in enumerate(texts)]
    return Samples({"image": np.stack(images)}, {"text": targets}, NOTE, ids=ids)


def draw_text(kind: Transcript, rng: np.random.Generator) -> str:
    """A text of one to twelve characters that a `Transcript` can hold."""
    known = [letter for letter in kind.alphabet if _has_glyph(letter)]
    while True:
        text = _word(rng, known)
        text = "".join(letter for letter in kind.normalised(text) if letter in kind.alphabet).strip()
        if text and kind.steps_needed(text) <= kind.steps:
            return text


def _word(rng, known):
    how = rng.random()
    if how < 0.6:
        syllables = [rng.choice(list(_CONSONANTS)) + rng.choice(list(_VOWELS)) for _ in range(rng.integers(1, 5))]
        word = "".join(syllables) + (str(rng.choice(list(_CONSONANTS))) if rng.random() < 0.5 else "")
        return (str.lower, str.capitalize, str.upper)[rng.integers(3)](word)
    if how < 0.8:
        return "".join(rng.choice(list("0123456789"), rng.integers(1, 7)))
    return "".join(rng.choice(known, rng.integers(1, 9)))


@functools.cache
def _has_glyph(letter: str) -> bool:
    """Whether the faces can draw a character; one that they lack looks as any other that they lack."""
    font = _font(_FACES[0], 20)
    return letter == " " or bytes(font.getmask(letter)) != bytes(font.getmask("\U000f0000"))


@functools.cache
def _font(face: str, size: int) -> ImageFont.FreeTypeFont:
    import matplotlib

    return ImageFont.truetype(str(pathlib.Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{face}.ttf"), size)


def draw_word(text: str, rng: np.random.Generator) -> Pillow.Image:
    """A picture of a text, grey, some 20 to 48 pixels high.

    Args:
        text: what to draw.
        rng: draws how.
    """
    font = _font(_FACES[rng.integers(len(_FACES))], int(rng.integers(18, 40)))
    left, top, right, bottom = font.getbbox(text)
    margins = rng.integers(1, 9, 4)
    size = (max(4, right - left) + int(margins[0] + margins[1]), max(4, bottom - top) + int(margins[2] + margins[3]))
    ground = int(rng.integers(0, 256))
    ink = int(rng.choice([shade for shade in range(256) if abs(shade - ground) >= _LEAST_CONTRAST]))
    picture = Pillow.new("L", size, ground)
    ImageDraw.Draw(picture).text((margins[0] - left, margins[2] - top), text, font=font, fill=ink)
    picture = _from_aside(picture, ground, rng)
    if rng.random() < 0.5:
        picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.2, 1.6))))
    pixels = np.asarray(picture, np.float32)
    shade = np.linspace(*rng.uniform(-30, 30, 2), pixels.shape[1], dtype=np.float32)
    pixels = pixels + shade + rng.normal(0, rng.uniform(0, 14), pixels.shape)
    return Pillow.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def draw_line(text: str, image_size: tuple[int, int], rng: np.random.Generator) -> Pillow.Image:
    """A picture of a sentence in one line, grey: as large as fits, at the left, a little blurred and noisy.

    Args:
        text: what to draw.
        image_size: (height, width) of the picture.
        rng: draws face, colours and blur.
    """
    height, width = image_size
    face = _FACES[rng.integers(len(_FACES))]
    size = int(height * rng.uniform(0.45, 0.65))
    while size > 5 and _font(face, size).getlength(text) > 0.97 * width:
        size -= 1
    font = _font(face, size)
    ground = int(rng.integers(0, 256))
    ink = int(rng.choice([shade for shade in range(256) if abs(shade - ground) >= _LEAST_CONTRAST]))
    picture = Pillow.new("L", (width, height), ground)
    left, top, _, bottom = font.getbbox(text)
    place = int(rng.integers(1, 5)) - left, (height - (bottom - top)) // 2 - top + int(rng.integers(-2, 3))
    ImageDraw.Draw(picture).text(place, text, font=font, fill=ink)
    picture = picture.filter(ImageFilter.GaussianBlur(float(rng.uniform(0.0, 0.7))))
    pixels = np.asarray(picture, np.float32) + rng.normal(0, rng.uniform(0, 10), (height, width))
    return Pillow.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))


def _from_aside(picture, ground, rng):
    """The picture turned by a few degrees, and its corners moved as if seen from aside."""
    picture = picture.rotate(float(rng.normal(0, 4)), Pillow.Resampling.BICUBIC, expand=True, fillcolor=ground)
    width, height = picture.size
    moved = rng.uniform(-0.12, 0.12, (4, 2)) * (height, height)
    corners = np.array([(0, 0), (0, height), (width, height), (width, 0)]) + moved
    return picture.transform(
        picture.size, Pillow.Transform.QUAD, corners.ravel().tolist(), Pillow.Resampling.BILINEAR, fillcolor=ground
    )
