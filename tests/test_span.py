"""`Span`: places of texts' ids, targets, figures, decoding; the data sets, baselines and the model that answers."""

import json
import os
import pathlib

import numpy as np
import pandas as pd
import pytest

import mmzoo
from mmzoo.data.sets import questions
from mmzoo.recipes.zoo import answer as recipe
from mmzoo.schema import Image, Schema, Span, Text, Value
from mmzoo.tasks import task_for
from mmzoo.tasks.span import overlap, words

WORDS = Text(6, "ngrams", buckets=50, lowercase=True, pairs=False)
SCHEMA = Schema("s", {"question": Text(4), "context": WORDS}, {"answer": Span("context", longest=3)})
KIND = SCHEMA["answer"]
TASK = task_for(KIND)
OIL = "In the year 1973, oil rose"


# Places ---------------------------------------------------------------------------------------------------------------

PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "ec", "##ole", "the", "is", "big", "!", "중")
TEXT = "The \0École is, b\u0301ig! 中文 3.5"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Text(9, "ngrams", buckets=9, lowercase=True, pairs=False), "The École is b\u0301ig 中 文 3 5 -".split(" ")),
        (
            Text(11, "wordpiece", PIECES, lowercase=True, strip_accents=True, start="[CLS]", end="[SEP]"),
            ["-", "The", "Éc", "ole", "is", ",", "b\u0301ig", "!", "中", "文", "-"],
        ),
        (Text(8), ["T", "h", "e", " ", "É", "É", "c", "o"]),
        (Text(5), ["T", "h", "e", " ", "-"]),
    ],
)
def test_every_id_knows_the_characters_it_stands_for(kind, expected):
    places = kind.places(TEXT)
    assert [TEXT[begin:end] or "-" for begin, end in places] == expected
    # One place for each id, but for marks and padding.
    ids = kind.encode(TEXT, "x")
    assert ((ids != 0) >= (places[:, 1] > 0)).all() and kind.places(TEXT.replace("\0", "").encode()).any()


@pytest.mark.parametrize("kind", [WORDS, Text(40), Text(6, "wordpiece", PIECES, lowercase=True, strip_accents=True)])
def test_places_go_on_in_order_and_agree_with_the_ids(kind):
    rng = np.random.default_rng(0)
    letters = list("aBé\u0301ñ 中文, .!\0🙂\ud800İ가9-’")
    for _ in range(200):
        value = "".join(rng.choice(letters, rng.integers(0, 12)))
        ids, places = kind.encode(value, "x"), kind.places(value)
        given = places[:, 1] > 0
        np.testing.assert_array_equal(given, ids != 0, err_msg=repr(value))
        assert (np.diff(places[given, 0]) >= 0).all() and places.max(initial=0) <= len(value), repr(value)


def test_words_alone_are_the_first_ids_of_words_and_pairs():
    both = Text(12, "ngrams", buckets=900, lowercase=True)
    alone = Text(12, "ngrams", buckets=900, lowercase=True, pairs=False)
    ids = alone.encode(OIL, "x")
    assert (ids > 0).sum() == 6 and (both.encode(OIL, "x")[:6] == ids[:6]).all()
    assert '"pairs"' not in Schema("s", {"t": both}, {"x": Value()}).to_json()
    assert alone.steps_in_turn == 12 and both.steps_in_turn == 0 and "pair" not in alone.contract()
    with pytest.raises(ValueError, match="have no place"):
        both.places(OIL)
    with pytest.raises(ValueError, match="pairs: only for the tokenizer 'ngrams'"):
        Text(12, pairs=False)


def test_tensorflow_gives_the_same_words():
    from mmzoo.exporting.raw.text_ops import encode_text

    values = [OIL, "", "中文 3.5 Straße", "a " * 20]
    np.testing.assert_array_equal(encode_text(values, WORDS), [WORDS.encode(value, "x") for value in values])


# The kind -------------------------------------------------------------------------------------------------------------


def test_it_knows_its_input_only_in_a_schema():
    assert KIND.shape == (6, 2) and Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert SCHEMA.with_inputs(context=Text(9))["answer"].shape == (9, 2)
    with pytest.raises(ValueError, match="in no schema"):
        Span("context").shape  # noqa: B018
    with pytest.raises(
        ValueError, match=r"schema 's': output 'a': of: expected one of the text inputs \['t'\], got 'i'"
    ):
        Schema("s", {"t": Text(4), "i": Image(8, 8)}, {"a": Span("i")})
    with pytest.raises(ValueError, match="pairs=False"):
        Schema("s", {"t": Text(4, "ngrams", buckets=9)}, {"a": Span("t")})


def test_a_target_points_at_the_steps_of_its_answer():
    def steps(context, text, start=None):
        return json.loads(KIND.target(context, [text], start))["steps"]

    assert steps(OIL, "1973, oil") == [3, 4]
    # Where no place is given, whole words come first.
    assert steps("n24 n2", "n2") == [1, 1] and steps("n24 n3", "n2") == [0, 0]
    # A word is taken as a whole, and punctuation at an end has no step.
    assert steps(OIL, "973, ") == [3, 3] and steps("a b a", "a") == [0, 0] and steps("a b a", "a", 4) == [2, 2]
    # Beyond what is read, or cut in two by it.
    assert steps("1 2 3 4 5 6 7", "7") == steps("1 2 3 4 5 6 7", "6 7") == [-1, -1]
    assert steps("1 2 3 4 5 6 7", "6") == [5, 5]
    with pytest.raises(ValueError, match=r"row 3: the answer '1974' stands nowhere in the text"):
        KIND.target(OIL, ["1974"], place="row 3")
    with pytest.raises(ValueError, match="stands not at character 2"):
        KIND.target(OIL, ["1973"], 2)
    with pytest.raises(ValueError, match="row 3: no answer"):
        KIND.target(OIL, [" "], place="row 3")


def test_targets_become_steps_and_gaps_teach_nothing():
    targets = np.array([KIND.target(OIL, ["1973"]), "", KIND.target("1 2 3 4 5 6 7", ["7"])], object)
    np.testing.assert_array_equal(TASK.encode_targets(KIND, targets, "train"), [[3, 3], [-1, -1], [-1, -1]])
    # What a tf.data pipeline gives.
    coded = np.array([target.encode() for target in targets], object)
    np.testing.assert_array_equal(TASK.encode_targets(KIND, coded, "train")[0], [3, 3])
    assert KIND.has_target(targets).tolist() == KIND.has_target(coded).tolist() == [True, False, True]
    assert not KIND.has_target(KIND.encode_target(None, "x")[None]).any()
    given = KIND.encode_target({"text": OIL, "answer": "oil"}, "row 2")
    assert json.loads(given.item())["steps"] == [4, 4]
    with pytest.raises(ValueError, match="row 2: expected {'text'"):
        KIND.encode_target("oil", "row 2")
    with pytest.raises(ValueError, match="train: sample 0: the answer ends at step 3, 'context' has 2"):
        short = SCHEMA.with_inputs(context=Text(2, "ngrams", buckets=9, pairs=False))["answer"]
        TASK.encode_targets(short, targets[:1], "train")
    assert KIND.has_target(KIND.random_targets(5, np.random.default_rng(0))).all()


def row(begins, ends):
    found = np.zeros((6, 2), np.float32)
    for column, given in enumerate((begins, ends)):
        for step, share in given.items():
            found[step, column] = share
    return found


def test_it_decodes_to_the_likeliest_part_that_does_not_end_before_it_begins():
    said = row({4: 0.9, 1: 0.1}, {1: 0.8, 5: 0.2})
    assert KIND.best(said, 3) == [(4, 5, pytest.approx(0.18)), (1, 1, pytest.approx(0.08))]
    assert KIND.decode(said, {"context": OIL}) == {"oil rose": pytest.approx(0.18), "the": pytest.approx(0.08)}
    assert KIND.cells(said, {"context": OIL.encode()}) == ("oil rose", "0.180000")
    # At most so many steps.
    assert KIND.best(row({1: 1.0}, {4: 0.9, 3: 0.1}))[0][:2] == (1, 3)
    for nothing in (None, "", "."):
        assert KIND.decode(said, {"context": nothing}) == {"": 1.0}
    with pytest.raises(ValueError, match="give the raw inputs"):
        KIND.decode(said)


# Figures --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "said", "f1"),
    [
        ("The Oil crisis", "oil crisis!", 1.0),
        ("the oil crisis", "oil", 2 / 3),
        ("北京市", "北京。", 0.8),
        ("U.S.", "US", 1.0),
        ("a the", "", 1.0),
        ("oil", "", 0.0),
    ],
)
def test_texts_are_compared_as_squad_does_it(answer, said, f1):
    assert overlap(answer, said) == pytest.approx(f1)


def test_figures_are_of_texts_against_the_nearest_right_answer():
    assert words("The 中文 (A)!") == ["中", "文"]
    targets = np.array([KIND.target(OIL, ["1973", "the year 1973"]), KIND.target(OIL, ["oil"]), ""], object)
    said = np.stack([row({2: 1.0}, {3: 1.0}), row({0: 1.0}, {0: 1.0}), row({}, {})])
    reduced = TASK.reduce(KIND, said)
    assert reduced.tolist() == [[2, 3], [0, 0], [-1, -1]] and (TASK.reduce(KIND, reduced) == reduced).all()
    assert TASK.measure(KIND, targets, reduced) == {"token_f1": pytest.approx(0.5), "exact_match": 0.5}
    assert TASK.prediction_cells(KIND, targets[0], reduced[0]) == ("1973", "year 1973", "1.000")
    assert TASK.prediction_cells(KIND, "", reduced[0]) == ("", "", "")
    assert TASK.parity(KIND, said, said)["argmax_agreement"] == 1.0 and TASK.same(KIND, said[0], said[0])


def test_the_loss_is_that_of_both_ends():
    import keras

    from mmzoo.tasks.losses import SpanCrossEntropy

    said = np.stack([row({2: 0.5, 1: 0.5}, {3: 0.25, 4: 0.75}), row({0: 1.0}, {0: 1.0})])
    found = keras.ops.convert_to_numpy(SpanCrossEntropy(reduction="none")(np.array([[2, 3], [-1, -1]]), said))
    np.testing.assert_allclose(found, [-np.log(0.125), 0.0], atol=1e-6)


# Data -----------------------------------------------------------------------------------------------------------------


def folder(path, **changes):
    rows = [
        {"title": f"t{i % 9}", "context": f"{OIL} {i}. It fell.", "question": f"When {i}?", "answer": "1973",
         "answer_start": 12, "answers": '["1973", "year 1973"]'}
        for i in range(18)
    ]  # fmt: skip
    rows[4] |= changes
    path.mkdir()
    pd.DataFrame(rows).to_csv(path / "metadata.csv.gz", index=False)
    return path


def test_questions_are_read_with_all_answers_and_split_as_a_whole(tmp_path):
    data = folder(tmp_path / "a", answer="7", answer_start="26", context="1 2 3 4 5 6 A B C D E F G 7", answers='["7"]')
    every = questions.load_squad_dev(data, "all", schema=SCHEMA)
    assert len(every) == 18 and every.note.endswith("answer beyond what is read in 1 of 18")
    assert json.loads(every.targets["answer"][0])["answers"] == ["1973", "year 1973"]
    parts = [questions.load_squad_dev(data, split, schema=SCHEMA) for split in ("train", "validation")]
    assert sum(map(len, parts)) == 18 and not set(parts[0].groups) & set(parts[1].groups)
    assert every.take(np.array([3])).targets["answer"].shape == (1,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "1974"}, r"metadata\.csv: row 6: the answer '1974' stands nowhere in the text"),
        ({"answer": "oil"}, r"metadata\.csv: row 6: the answer 'oil' stands not at character 12"),
        ({"question": " "}, r"metadata\.csv: row 6: the question is empty"),
        ({"answers": "1973"}, r"metadata\.csv: row 6: answers: expected a JSON list of texts, got '1973'"),
        ({"answer_start": "x"}, r"row 6, column 'answer_start': expected a number, got 'x'"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        questions.load_squad_dev(folder(tmp_path / "a", **changes), "all", schema=SCHEMA)


@pytest.mark.parametrize("name", ["squad_dev", "cmrc2018"])
def test_the_real_sets_can_be_answered_and_the_sceptic_is_what_their_source_says(name):
    root = os.environ.get("MMZOO_DATA")
    if not root or not (pathlib.Path(root) / name).is_dir():
        pytest.skip(f"needs MMZOO_DATA=<directory with {name}/>")
    from mmzoo.models.schemas.answer import answer_schema

    schema = answer_schema(steps=256 if name == "squad_dev" else 640, longest=60)
    kind = schema["answer"]
    held_out = recipe.RECIPE.data[name](pathlib.Path(root) / name, "validation", schema=schema)
    targets = held_out.targets["answer"]
    gold = task_for(kind).encode_targets(kind, targets, "x").astype(np.int16)
    assert task_for(kind).measure(kind, targets, gold)["token_f1"] > 0.99
    sentence = recipe.best_sentence(held_out, held_out, schema)["answer"]
    low = {"squad_dev": 0.18, "cmrc2018": 0.28}[name]
    assert low < task_for(kind).measure(kind, targets, sentence)["token_f1"] < low + 0.1


def test_baselines_point_into_the_best_sentence(tmp_path):
    schema = SCHEMA.with_inputs(context=Text(40, "ngrams", buckets=9, pairs=False))
    context = "It was 1973. The 3.5 oil price of Kuwait City rose. Then 4."
    data = folder(tmp_path / "a", context=context, answer_start="7", question="What oil price rose?")
    found = questions.load_squad_dev(data, "all", schema=schema).take(np.array([4]))
    kind = schema["answer"]
    said = [function(found, found, schema)["answer"][0] for function in (recipe.best_sentence, recipe.last_name)]
    assert [kind.cut(context, *steps) for steps in said] == ["The 3.5 oil price of Kuwait City rose", "Kuwait City"]
    found.raw["question"][0] = "什么?"
    assert recipe.last_name(found, found, schema) is None


# The model ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learnt():
    """A model that has learnt what stands behind a word of the question."""
    rng = np.random.default_rng(0)
    names = [f"n{i}" for i in range(30)]
    model = mmzoo.build_model("answer", size="nano", steps=12, longest=3, dropout=0.0, seed=0)
    kind, raws, targets = model.schema["answer"], [], []
    for _ in range(400):
        shown = rng.choice(names, 10, replace=False)
        place = int(rng.integers(0, 9))
        raws.append({"question": f"what follows {shown[place]}?", "context": ", ".join(shown)})
        targets.append(kind.target(raws[-1]["context"], [shown[place + 1]]))
    inputs, targets = model.schema.encode_batch(raws), np.array(targets, object)
    mmzoo.fit(model, (inputs, {"answer": targets}), epochs=12, batch_size=40, learning_rate=8e-3, seed=0, verbose=0)
    return model, raws, inputs, targets


def test_it_learns_and_cuts_its_answers_out_of_the_text(learnt):
    model, raws, inputs, targets = learnt
    found = mmzoo.evaluate(model, (inputs, {"answer": targets}), missing_inputs=True)
    assert found.metrics["answer"]["token_f1"] > 0.8
    hidden = found.missing_inputs.set_index(["question", "context"])["answer_token_f1"]
    assert hidden[False, True] < 0.5
    assert hidden[True, False] == 0.0
    steps = task_for(model.schema["answer"]).encode_targets(model.schema["answer"], targets, "x")
    right = int(np.flatnonzero((found.predictions["answer"] == steps).all(axis=1))[0])
    said = mmzoo.predict(model, raws[right], top=1)["answer"]
    assert list(said) == json.loads(targets[right])["answers"] and 0 < max(said.values()) <= 1
    assert mmzoo.predict(model, question="what?")["answer"] == {"": 1.0}


def test_its_report_shows_mistakes_and_its_predictions_texts(learnt, tmp_path):
    model, _, inputs, targets = learnt
    wrong = targets.copy()
    wrong[:3] = model.schema["answer"].target("zz", ["zz"])
    mmzoo.evaluate(model, (inputs, {"answer": wrong}), missing_inputs=False, out=tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "not wholly right" in page and "of 400" in page and "zz" in page
    table = pd.read_csv(tmp_path / "predictions.csv")
    assert table.answer_true[5] == json.loads(targets[5])["answers"][0]


def test_unknown_arguments_are_refused():
    with pytest.raises(ValueError, match=r"size: expected one of \['nano', 'small'\], got 'huge'"):
        mmzoo.build_model("answer", size="huge")
    with pytest.raises(ValueError, match="finetune: expected one of"):
        mmzoo.build_model("answer", finetune="some")


def test_chinese_gets_more_steps_and_squad_does_not():
    chosen = {name: recipe.RECIPE.training_for("small", name).builder for name in recipe.RECIPE.data}
    assert chosen == {
        "squad_dev": {},
        "cmrc2018": {"steps": 640, "longest": 60},
        "dureader_robust": {"steps": 640, "longest": 60},
    }
