"""Sentences in two languages: what a row is, a split on which neither side recurs, pictures that are drawn."""

import gzip
import os
import pathlib

import numpy as np
import pytest
from PIL import Image as Pillow

from mmzoo.data.sets.translations import (
    linked,
    load_multi30k,
    load_tatoeba_en_zh,
    multi30k_to_learn,
    tatoeba_to_learn,
)
from mmzoo.data.tables.vocabulary import frequent_words
from mmzoo.models.schemas.writing import MARKS, translation_schema
from mmzoo.schema.outputs.sentence import END

SIGNS = (*MARKS, *"我你他是好很的人在不这那。，")
SCHEMA = translation_schema(target=SIGNS, lowercase=True, language="zh", steps=8, source_steps=8)


def write(folder, text, packed=True):
    folder.mkdir(exist_ok=True)
    if packed:
        (folder / "metadata.csv.gz").write_bytes(gzip.compress(text.encode()))
    else:
        (folder / "metadata.csv").write_text(text, encoding="utf-8")
    return folder


def test_sentences_that_share_a_translation_go_together():
    names = linked([("Hi.", ["你好。"]), ("Hello!", ["你好", "您好"]), ("hello", ["喂"]), ("No.", ["不。"])])
    assert names[0] == names[1] == names[2] != names[3]


@pytest.fixture(scope="module")
def tatoeba(tmp_path_factory):
    lines = ["en,zh"]
    for number in range(60):
        lines += [f"number {number} is good.,我是{number}。", f"number {number} is good.,我很{number}。"]
    return write(tmp_path_factory.mktemp("tatoeba"), "\n".join(lines) + "\n")


def test_a_row_is_a_sentence_with_all_its_translations(tatoeba):
    learnt, held_out = (load_tatoeba_en_zh(tatoeba, split, schema=SCHEMA) for split in ("train", "validation"))
    assert len(learnt) + len(held_out) == 60 and not set(learnt.ids) & set(held_out.ids) and len(held_out) > 1
    assert learnt.targets["translation"].shape == (len(learnt), 2, 8)
    assert learnt.views["translation"].shape == (len(learnt), 2, 8)
    assert held_out.targets["translation"].shape == (len(held_out), 2, 8) and not held_out.views
    assert list(learnt.inputs) == ["text"] and learnt.note.startswith("sentences real, nothing simulated; ")
    assert len(load_tatoeba_en_zh(tatoeba, "all", schema=SCHEMA, limit=7)) == 7
    texts, translations = tatoeba_to_learn(tatoeba)
    assert set(texts) == set(learnt.ids) and len(translations) == 2 * len(texts)


def test_what_is_wrong_with_a_table_is_named(tmp_path):
    folder = write(tmp_path / "a", "en,zh\nHi.,嗨。\nNo.,\n")
    with pytest.raises(ValueError, match=r"metadata.csv: row 3: the zh is empty"):
        load_tatoeba_en_zh(folder, "all", schema=SCHEMA)
    folder = write(tmp_path / "b", "en,de\nA dog.,Ein Hund.\n", packed=False)
    with pytest.raises(ValueError, match="no column 'split', so its rows are read as split 'all' only"):
        load_multi30k(folder, "train", schema=SCHEMA)
    assert len(load_multi30k(folder, "all", schema=SCHEMA)) == 1
    with pytest.raises(FileNotFoundError, match="metadata.csv"):
        load_multi30k(tmp_path, "all", schema=SCHEMA)


def test_photos_and_drawn_pictures_beside_the_text(tmp_path):
    table = "en,de,split,flickr8k_path\nA dog.,Ein Hund.,train,images/1.png\nA cat.,Eine Katze.,train,\n"
    # What has a photo of Flickr8k's validation is no row to learn from with photos.
    table += "A bee.,Eine Biene.,train,images/2.png\n"
    folder = write(tmp_path / "multi30k", table + "A cow.,Eine Kuh.,val,\n")
    (tmp_path / "flickr8k" / "images").mkdir(parents=True)
    Pillow.new("RGB", (20, 20), (200, 10, 10)).save(tmp_path / "flickr8k" / "images" / "1.png")
    (tmp_path / "flickr8k" / "metadata.csv").write_text(
        "path,caption_0,split\nimages/1.png,a,train\nimages/2.png,b,val\n"
    )
    schema = translation_schema(photo=True, page=True)
    found = load_multi30k(folder, "train", schema=schema, photos=tmp_path / "flickr8k")
    assert list(found.inputs) == list(schema.given) == ["text", "page", "photo"]
    assert found.inputs["photo"].any(axis=(1, 2, 3)).tolist() == [True, False]
    page = found.inputs["page"]
    assert page.shape == (2, 32, 480, 1) and np.ptp(page[0].astype(int)) > 60 and (page[0] != page[1]).any()
    assert found.note.startswith("sentences real; photos in 1 of 2 rows, pictures of them simulated")
    assert not load_multi30k(folder, "train", schema=schema).inputs["photo"].any()
    assert multi30k_to_learn(folder)[1] == ["Ein Hund.", "Eine Katze.", "Eine Biene."]


def test_frequent_words_take_ideographs_one_by_one():
    found = frequent_words(["我很好。", "你很好", "x"], 7, reserved=(END,))
    assert found == ("[PAD]", "[UNK]", END, "好", "很")
    with pytest.raises(ValueError, match="no word in them occurs 3 times"):
        frequent_words(["a b"], 9, least=3)


@pytest.mark.skipif(not os.environ.get("MMZOO_DATA"), reason="needs the real data in MMZOO_DATA")
def test_neither_side_of_a_real_split_recurs():
    folder = pathlib.Path(os.environ["MMZOO_DATA"]) / "tatoeba_en_zh"
    sides = [load_tatoeba_en_zh(folder, split, schema=SCHEMA).raw for split in ("train", "validation")]
    english, chinese = ([set(side["text"]) for side in sides], [set(sum(side["translation"], [])) for side in sides])
    assert not english[0] & english[1] and not chinese[0] & chinese[1]
    assert 0.05 < len(english[1]) / len(english[0]) < 0.2
