"""`Transcript`, its task, and the reader's data sets."""

import keras
import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from mmzoo.data.sets import drawn_words, text_lines
from mmzoo.models.reader import build_reader_model
from mmzoo.recipes.zoo import reader
from mmzoo.schema import Image, Schema, Transcript
from mmzoo.tasks import task_for
from mmzoo.tasks.losses import CTC

KIND = Transcript(tuple("abc "), 6)
SCHEMA = Schema("reader", {"image": Image(32, 24, 1)}, {"text": KIND})
TASK = task_for(KIND)


def test_a_text_becomes_letters_and_back():
    target = KIND.encode_target(" ab c ", "row 2")
    assert target.tolist() == [1, 2, 4, 3, 0, 0] and KIND.text_of(target) == "ab c"
    for empty in (None, "", "  "):
        assert not KIND.has_target(KIND.encode_target(empty, "row 2")[None]).any()
    assert Transcript(tuple("ab"), 4, lowercase=True).encode_target("BA", "").tolist() == [2, 1, 0, 0]
    # Composed and decomposed letters are the same.
    assert Transcript(("é",), 2).encode_target("e\N{COMBINING ACUTE ACCENT}", "").tolist() == [1, 0]


def test_what_cannot_be_a_target_names_the_row():
    with pytest.raises(ValueError, match=r"row 7: the alphabet has no 'xy'"):
        KIND.encode_target("axby", "row 7")
    with pytest.raises(ValueError, match=r"row 7: 'aabbc' needs 7 steps .* there are 6"):
        KIND.encode_target("aabbc", "row 7")
    with pytest.raises(ValueError, match="expected each letter to be a single character"):
        Transcript(("a", "bc"), 4)
    with pytest.raises(ValueError, match="in lower case"):
        Transcript(("A",), 4, lowercase=True)
    with pytest.raises(ValueError, match=r"train: sample 1: 'aaaa' needs 7 steps"):
        TASK.encode_targets(KIND, np.array([[1, 2, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0]], np.int32), "train")


def test_decoding_takes_repetitions_together_and_leaves_blanks_out():
    best = np.array([1, 1, 0, 1, 2, 0])
    assert KIND.read(best) == "aab"
    row = np.eye(5, dtype=np.float32)[best]
    assert KIND.decode(row) == "aab" and KIND.cells(row) == ("aab",)
    assert KIND.read(np.zeros(6, int)) == "" and KIND.in_words("") == ["''"]
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA


def test_the_loss_is_the_likelihood_over_all_ways_to_say_it():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 3, 3))
    p = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    # "a" in three steps: every path of 0 and 1 that collapses to it; and the empty text, blanks alone.
    paths = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 0), (0, 1, 1), (1, 1, 1)]
    wanted = [-np.log(sum(np.prod([p[0, t, c] for t, c in enumerate(path)]) for path in paths))]
    wanted.append(-np.log(np.prod(p[1, :, 0])))
    targets = np.array([[1, 0, 0], [0, 0, 0]], np.int32)
    found = keras.ops.convert_to_numpy(CTC(reduction=None)(targets, p.astype(np.float32)))
    np.testing.assert_allclose(found, wanted, rtol=1e-4)
    logits = keras.ops.convert_to_numpy(CTC(from_logits=True, reduction=None)(targets, scores.astype(np.float32)))
    np.testing.assert_allclose(logits, wanted, rtol=1e-4)


def test_error_rates_are_edits_by_length_and_rows_without_a_text_do_not_count():
    truth = np.stack([KIND.encode_target(text, "") for text in ("abc", "a c", None)])
    read = TASK.reduce(KIND, reader.said(KIND, np.stack([KIND.encode_target(t, "") for t in ("abb", "a c", "ab")])))
    found = TASK.measure(KIND, truth, read)
    assert found["character_error_rate"] == pytest.approx(1 / 6) and found["word_error_rate"] == pytest.approx(1 / 3)
    assert found["text_accuracy"] == found["text_accuracy_caseless"] == 0.5
    table = TASK.tables(KIND, truth, read)["mixed_up"]
    assert table.to_numpy().tolist() == [["c", "b", 1]]


def test_it_learns_to_read_three_pictures():
    model = build_reader_model(size="nano", alphabet="ab", image_size=(16, 16), dropout=0.0, seed=0)
    kind = model.schema["text"]
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    targets = np.stack([kind.encode_target(text, "") for text in ("ab", "b", "aa")])
    model.compile(keras.optimizers.Adam(0.02), task_for(kind).loss(model, "text", kind), jit_compile=False)
    model.fit({"image": images}, {"text": targets}, epochs=80, verbose=0)
    # The moving statistics of so few steps are still those of the beginning.
    rows = keras.ops.convert_to_numpy(model({"image": images}, training=True)["text"])
    assert [kind.decode(row) for row in rows] == ["ab", "b", "aa"]


def _folder(path, texts, column=None):
    (path / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    rows = []
    for number, text in enumerate(texts):
        Pillow.fromarray(rng.integers(0, 256, (20, 50)).astype(np.uint8)).save(path / f"images/{number}.png")
        rows.append({"path": f"images/{number}.png", "text": text, **({"split": column[number]} if column else {})})
    pd.DataFrame(rows).to_csv(path / "metadata.csv", index=False)
    return path


def test_a_folder_is_read_and_what_cannot_be_read_is_counted(tmp_path):
    folder = _folder(tmp_path / "a", ["ab", "c a", "axb", "aabbcc", "b"])
    every = text_lines.load_captcha_wp4(folder, "all", schema=SCHEMA)
    assert len(every) == 3 and every.inputs["image"].shape == (3, 32, 24, 1)
    assert every.note.endswith("left out: 1 with letters outside the alphabet (x), 1 too long")
    parts = [text_lines.load_captcha_wp4(_folder(tmp_path / "b", ["ab"] * 40), "all", schema=SCHEMA)]
    parts += [text_lines.load_captcha_wp4(tmp_path / "b", split, schema=SCHEMA) for split in ("train", "validation")]
    assert sorted([*parts[1].ids, *parts[2].ids]) == sorted(parts[0].ids) and len(parts[2]) > 2


def test_a_column_of_splits_decides_where_there_is_one(tmp_path):
    folder = _folder(tmp_path / "c", ["a", "b", "c"], ["train", "val", "train"])
    assert text_lines.load_handwriting_rx(folder, "validation", schema=SCHEMA).ids == ["images/1.png"]


def test_an_empty_text_names_the_row(tmp_path):
    with pytest.raises(ValueError, match=r"metadata\.csv: row 3: the text is empty"):
        text_lines.load_plates_cn(_folder(tmp_path / "d", ["a", " "]), "all", schema=SCHEMA)
    with pytest.raises(ValueError, match="not one of 1 texts can be read"):
        text_lines.load_plates_cn(_folder(tmp_path / "e", ["xyz"]), "all", schema=SCHEMA)


def test_drawn_words_are_the_same_each_time_and_say_what_they_show():
    schema = Schema("reader", {"image": Image(32, 64, 1)}, {"text": Transcript(tuple("abcdefABC0123456789"), 16)})
    first, again = (drawn_words.load_drawn_words(None, "train", schema=schema, limit=6) for _ in range(2))
    np.testing.assert_array_equal(first.inputs["image"], again.inputs["image"])
    other = drawn_words.load_drawn_words(None, "validation", schema=schema, limit=6)
    assert not np.array_equal(first.targets["text"], other.targets["text"])
    for name, target in zip(first.ids, first.targets["text"], strict=True):
        assert name.endswith(f": {schema['text'].text_of(target)}")
    assert (first.inputs["image"].std(axis=(1, 2, 3)) > 5).all()


def test_a_sceptics_answers_are_texts_of_the_training_rows():
    targets = np.stack([KIND.encode_target(text, "") for text in ("aa", "b", "b")])
    np.testing.assert_array_equal([KIND.decode(row) for row in reader.said(KIND, targets)], ["aa", "b", "b"])
