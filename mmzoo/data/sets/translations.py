"""Sentences in two languages.

    multi30k        captions of photos in English and German (Elliott et al., 2016); for some of them the photo is in
                    Flickr8k
    tatoeba_en_zh   everyday sentences in English and Chinese, by the people of Tatoeba

A folder holds metadata.csv, packed with gzip or not. multi30k: en, de, split ("train", "val"), flickr8k_path. Its split
is the official one. tatoeba_en_zh: en, zh; a row of the samples is an English sentence with all its translations, and a
tenth is for validation, such that no sentence of either side is on both sides of the split: sentences that share a
translation, up to case and punctuation, go together.

A picture of the text (the input `page`), where the model has one, is drawn: no such picture is real.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from mmzoo import encoding
from mmzoo.data.samples.metadata import FILE, encoded, findings, hashed_part, read_metadata, refuse_empty
from mmzoo.data.samples.samples import ALL, TRAIN, VALIDATION, Option, Samples, data_set
from mmzoo.data.samples.sentences import sentence_targets, unknown_words
from mmzoo.data.sets.flickr8k import held_out_photos
from mmzoo.schema import Schema

SPLITS = {TRAIN: "train", VALIDATION: "val"}
OUTPUT = "translation"
# Of ten parts of tatoeba's sentences this one is for validation.
_PARTS, _VALIDATION = 10, 0


@data_set(
    about="Multi30k, captions of photos in English and German",
    layout=f"{FILE}.gz (en, de, split, flickr8k_path)",
    licence="non-commercial research and education",
    weights_may_ship=False,
    options={"photos": Option(pathlib.Path, None, "Folder of Flickr8k, for the photos of some of the sentences.")},
)
def load_multi30k(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    photos: pathlib.Path | None = None,
) -> Samples:
    """English sentences and their German translation.

    Args:
        data_dir: the folder.
        split: "train" and "validation", of the official split, or "all".
        schema: of a model with the input `text`, maybe `page` and `photo`, and the output `translation`.
        fold: None, there is one split.
        seed: of the pictures that are drawn.
        limit: at most so many, evenly spread.
        photos: folder of Flickr8k; None: no sentence has its photo. Of training rows those are left out whose photo is
            one of its validation.

    Returns:
        Samples in the order of the table.

    Raises:
        FileNotFoundError: the table or a photo is missing.
        ValueError: no row of the split, or an empty sentence; the message names file and row.
    """
    table = _multi30k(data_dir, split)
    if photos is not None and split == TRAIN:
        # Whoever has learnt from these photos could not be measured on Flickr8k's validation any more.
        table = table[~table["flickr8k_path"].isin(held_out_photos(photos)).to_numpy()]
    table = table if limit is None or limit >= len(table) else table.iloc[np.arange(limit) * len(table) // limit]
    texts = table["en"].tolist()
    paths = table["flickr8k_path"].tolist() if "flickr8k_path" in table else [""] * len(table)
    note = "sentences real"
    given = {}
    if photos is not None and "photo" in schema.inputs:
        given["photo"] = encoded(schema.keeping(["photo"]), {"photo": paths}, table, photos)["photo"]
        note += f"; photos in {sum(map(bool, paths)):,} of {len(paths):,} rows"
    ids = [f"{row}: {text}" for row, text in zip(table.index, texts, strict=True)]
    return _samples(schema, table, data_dir, split, texts, [[text] for text in table["de"]], given, ids, note, seed)


@data_set(
    about="Tatoeba, everyday sentences in English and Chinese",
    layout=f"{FILE}.gz (en, zh)",
    licence="CC BY 2.0 FR",
    weights_may_ship=True,
    weights_licence="CC BY 2.0 FR",
)
def load_tatoeba_en_zh(
    data_dir: pathlib.Path,
    split: str,
    *,
    schema: Schema,
    fold: int | None = None,
    seed: int = 0,
    limit: int | None = None,
) -> Samples:
    """English sentences, each with all its Chinese translations.

    Args:
        data_dir: the folder.
        split: "train", "validation" or "all".
        schema: of a model with the input `text`, maybe `page`, and the output `translation`.
        fold: None, there is one split.
        seed: of the pictures that are drawn.
        limit: at most so many sentences, evenly spread.

    Returns:
        Samples in the order in which the table names their sentence first.

    Raises:
        FileNotFoundError: the table is missing.
        ValueError: an empty sentence; the message names file and row.
    """
    table, translations = _tatoeba(data_dir, split)
    rows = np.arange(len(table))
    rows = rows if limit is None or limit >= len(table) else np.arange(limit) * len(table) // limit
    table, translations = table.iloc[rows], [translations[row] for row in rows]
    texts = table["en"].tolist()
    return _samples(schema, table, data_dir, split, texts, translations, {}, texts, "sentences real", seed)


def multi30k_to_learn(data_dir: pathlib.Path) -> tuple[list[str], list[str]]:
    """(English sentences, German ones) of the training rows."""
    table = _multi30k(data_dir, TRAIN)
    return table["en"].tolist(), table["de"].tolist()


def tatoeba_to_learn(data_dir: pathlib.Path) -> tuple[list[str], list[str]]:
    """(English sentences, Chinese ones) of the training rows."""
    table, translations = _tatoeba(data_dir, TRAIN)
    return table["en"].tolist(), [text for own in translations for text in own]


def _multi30k(data_dir, split):
    table = read_metadata(data_dir, ("en", "de"))
    if split != ALL:
        if "split" not in table:
            raise ValueError(f"{data_dir / FILE}: no column 'split', so its rows are read as split 'all' only")
        table = table[table["split"] == SPLITS[split]]
        if table.empty:
            raise ValueError(f"{data_dir / FILE}: no row of split {split!r}; the column split says {SPLITS[split]!r} "
                             "nowhere")  # fmt: skip
    for column in ("en", "de"):
        refuse_empty(table, column, data_dir)
    return table


def _tatoeba(data_dir, split):
    """(the first row of each English sentence, the translations of each)."""
    table = read_metadata(data_dir, ("en", "zh"))
    for column in ("en", "zh"):
        refuse_empty(table, column, data_dir)
    translations: dict[str, list[str]] = {}
    for text, other in zip(table["en"], table["zh"], strict=True):
        translations.setdefault(text, []).append(other)
    table = table.drop_duplicates("en")
    if split != ALL:
        together = linked(zip(table["en"], (translations[text] for text in table["en"]), strict=True))
        held_out = np.array([hashed_part(f"tatoeba/{key}", _PARTS) == _VALIDATION for key in together])
        table = table[~held_out if split == TRAIN else held_out]
    # Some pairs stand there twice.
    return table, [list(dict.fromkeys(translations[text])) for text in table["en"]]


def linked(pairs) -> list[str]:
    """Of each text with its translations a name of the group that it belongs to: all that share a sentence of either
    side, up to case, spaces and punctuation, directly or through others.

    Args:
        pairs: (text, translations) of each.
    """
    above: dict[tuple[int, str], tuple[int, str]] = {}

    def top(one):
        above.setdefault(one, one)
        while above[one] != one:
            above[one] = above[above[one]]
            one = above[one]
        return one

    first = []
    for text, translations in pairs:
        first.append((0, _bare(text)))
        for other in translations:
            ends = sorted((top(first[-1]), top((1, _bare(other)))))
            above[ends[1]] = ends[0]
    return [top(one)[1] for one in first]


def _bare(text):
    return "".join(filter(str.isalnum, text.casefold())) or text


def _samples(schema, table, folder, split, texts: Sequence[str], translations, given, ids, note, seed) -> Samples:
    kind, columns = schema[OUTPUT], {"text": texts}
    if "page" in schema.inputs:
        from mmzoo.data.sets.drawn_words import draw_line

        page = schema.inputs["page"]
        rngs = (np.random.default_rng((seed, number)) for number in range(len(texts)))
        drawn = (draw_line(text, (page.height, page.width), rng) for text, rng in zip(texts, rngs, strict=True))
        given["page"] = np.stack([encoding.encode_image(page, np.asarray(one), "page") for one in drawn])
        note += ", pictures of them simulated"
    else:
        note += ", nothing simulated"
    inputs = {**encoded(schema, columns, table, folder), **given}
    targets, views, said = sentence_targets(kind, translations, split, OUTPUT)
    return Samples(
        {name: inputs[name] for name in schema.given},
        {OUTPUT: targets},
        note + said + unknown_words(schema.inputs["text"], texts, "text") + findings(schema, columns, inputs),
        ids=ids,
        raw={"text": texts, OUTPUT: translations},
        views={} if views is None else {OUTPUT: views},
    )
