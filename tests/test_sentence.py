"""`Sentence`: its texts, targets, figures, loss, parity; teacher forcing, the loop, prompts, beam search."""

import dataclasses

import keras
import numpy as np
import pytest

import mmzoo
from mmzoo.data.samples.samples import Samples
from mmzoo.data.samples.sentences import sentence_targets
from mmzoo.encoding.joining import joined
from mmzoo.exporting.parity import difference
from mmzoo.exporting.samples import collect_samples
from mmzoo.exporting.static_int8 import why_not_int8
from mmzoo.fusion.arm import only_inputs
from mmzoo.layers import SentenceDecoder
from mmzoo.models.caption import build_caption_learner, build_caption_model
from mmzoo.models.parts.frozen import take_over
from mmzoo.models.schemas.writing import MARKS, SPELLING
from mmzoo.recipes.running.seen_rows import row_hashes
from mmzoo.recipes.sentence_baselines import a_person, constant_sentence, copying, nearest_sentence
from mmzoo.schema import Image, Schema, Sentence, SoFar, Vector
from mmzoo.tasks import figure_of, task_for
from mmzoo.tasks.cider import cider
from mmzoo.tasks.losses import StepCrossEntropy
from mmzoo.tasks.sentence import scores
from mmzoo.training.batches import Batches
from mmzoo.writing import best_sentence

WORDS = (*MARKS, "a", "dog", "cat", "runs", "play", "##s", ".", "the")
KIND = Sentence(WORDS, 6, lowercase=True, language="en", so_far="so_far")
TASK = task_for(KIND)
SCHEMA = Schema("s", {"image": Image(8, 8), "so_far": KIND.beginning("said")}, {"said": KIND})


def said(text, steps=6):
    """What a model gives that is sure of a text."""
    ids = np.zeros(steps, int)
    found = KIND.reference(text)[:steps]
    ids[: len(found)] = found
    return np.eye(len(WORDS), dtype=np.float32)[ids]


# Texts ----------------------------------------------------------------------------------------------------------------


def test_words_are_joined_as_people_write():
    assert joined(["a", "dog", ",", "two", "cat", "##s", "(", "one", "'", "s", ")", "."]) == "a dog, two cats (one's)."
    assert joined(["say", '"', "hi", '"', "!"]) == 'say "hi"!'
    assert joined(["他", "在", "jazz", "里", "，", "好", "。"]) == "他在jazz里，好。"
    assert joined([]) == ""


def test_it_goes_through_json_with_its_beginning():
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert isinstance(SCHEMA["so_far"], SoFar) and SCHEMA["so_far"].vocabulary == WORDS
    # It is no data: in no table of missing inputs, no arm, no column.
    assert list(SCHEMA.given) == ["image"] and SCHEMA["so_far"].teacher == "said"
    assert "from place 2 on" in KIND.contract() and "`so_far`" in KIND.contract()
    with pytest.raises(ValueError, match=r"vocabulary: expected \['\[PAD\]', '\[UNK\]', '\[END\]'\], then pieces"):
        Sentence(("[PAD]", "a"), 4)
    assert "a loop that static int8 can't hold" in why_not_int8(SCHEMA, True)


def test_targets_end_and_bad_texts_are_named():
    target = KIND.encode_target("The dog plays .", "row 3")
    assert target.dtype == np.int32 and target.tolist() == [10, 4, 7, 8, 9, 2]
    assert KIND.text_of(target) == "the dog plays." and not KIND.is_cut(target)
    for empty in (None, "", " ", float("nan")):
        assert not KIND.has_target(KIND.encode_target(empty, "row 3")[None]).any()
    with pytest.raises(ValueError, match="row 3: 'a a a a a a' takes 7 steps with its end, and the model writes 6"):
        KIND.encode_target("a a a a a a", "row 3")
    with pytest.raises(ValueError, match="row 3: the vocabulary has not one word of 'ein Hund'"):
        KIND.encode_target("ein Hund", "row 3")
    with pytest.raises(ValueError, match="row 3: expected a text, got 7"):
        KIND.encode_target(7, "row 3")
    assert KIND.encode_target("a zebra", "").tolist() == [3, 1, 2, 0, 0, 0]
    drawn = KIND.random_targets(50, np.random.default_rng(0))
    assert drawn.shape == (50, 6) and all((row == KIND.end).sum() == 1 for row in drawn)


def test_a_cut_sentence_says_so_and_a_beginning_stays():
    assert KIND.decode(said("a dog runs")) == "a dog runs"
    cut = said("a dog a dog a dog")
    assert KIND.decode(cut) == "a dog a dog a dog …" and KIND.cells(cut) == ("a dog a dog a dog …",)
    assert KIND.in_words(KIND.decode(cut)) == ["a dog a dog a dog … (cut: not finished within 6 steps)"]
    assert KIND.decode(said("a dog runs"), {"so_far": "the cat"}) == "the cat runs"
    # Neither padding nor the unknown word is ever said, however likely.
    row = said("a dog runs")
    row[1] = [0.5, 0.4, 0, 0, 0.1, *[0] * 6]
    assert KIND.decode(row) == "a dog runs"


# Figures --------------------------------------------------------------------------------------------------------------


def test_figures_take_all_references():
    targets = KIND.references([["a dog runs .", "the dog runs ."], ["the cat plays ."]])
    assert targets.shape == (2, 2, 6)
    predicted = TASK.reduce(KIND, np.stack([said("the dog runs ."), said("the cat plays .")]))
    found = TASK.measure(KIND, targets, predicted)
    assert found["bleu"] == pytest.approx(1) and found["chrf"] == pytest.approx(1)
    assert found["cut_short"] == 0 and found["circling"] == 0 and found["cider"] > 0
    # One reference alone: CIDEr says nothing then.
    alone = TASK.measure(KIND, targets[:, 0], TASK.reduce(KIND, predicted))
    assert "cider" not in alone and alone["bleu"] < 1
    assert TASK.measure(KIND, targets, np.tile(np.array([3, 4, 6, 3, 4, 6]), (2, 1)))["circling"] == 1
    assert figure_of("said_bleu").name == "bleu" and TASK.headline.name == "bleu"


def test_bleu_is_that_of_sacrebleu_and_chinese_is_cut_into_signs():
    import sacrebleu

    texts, references = ["a dog runs fast in the park"], [["a dog runs in the park", "the dog runs fast there"]]
    wanted = sacrebleu.corpus_bleu(texts, [["a dog runs in the park"], ["the dog runs fast there"]]).score
    assert scores(texts, references)["bleu"] == pytest.approx(wanted / 100)
    assert (
        scores(["我喜欢你们的狗"], [["我喜欢你们的猫"]], "zh")["bleu"]
        > 0.7
        > scores(["我喜欢你们的狗"], [["我喜欢你们的猫"]])["bleu"]
    )


def test_cider_by_hand():
    # Two pictures whose words differ: each weighs log 2, the captions are the references, so that each cosine is 1.
    assert cider([["a", "b", "c", "d"], ["e", "f", "g", "h"]], [[["a", "b", "c", "d"]], [["e", "f", "g", "h"]]]) == (
        pytest.approx(10)
    )
    # One word of two: cosine 1/2 among single words, no longer run, a quarter of the mean; one picture is all wrong.
    half = cider([["a", "x"], ["q"]], [[["a", "b"]], [["e"]]])
    assert half == pytest.approx(10 * (0.5 / 4) / 2)
    # What every picture has says nothing; another length counts by exp(-d^2 / 72); repetition does not help.
    assert cider([["a"], ["a"]], [[["a"]], [["a"]]]) == 0
    longer = cider([["a", "a", "a"], ["q"]], [[["a"]], [["e"]]])
    assert longer == pytest.approx(10 * (1 * 1 / 3) / 4 / 2 * np.exp(-4 / 72))
    with pytest.raises(ValueError, match="at least one reference"):
        cider([["a"]], [[]])


def test_the_loss_leaves_padding_and_unknown_words_out():
    probabilities = np.full((1, 3, 5), 0.1, np.float32)
    probabilities[0, 0, 3] = probabilities[0, 1, 4] = 0.6
    loss = StepCrossEntropy()
    found = [float(loss(np.array([row]), probabilities)) for row in ([3, 4, 0], [3, 1, 0], [3, 3, 0], [0, 0, 0])]
    wanted = [-np.log(0.6), -np.log(0.6), -(np.log(0.6) + np.log(0.1)) / 2, 0]
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    logits = StepCrossEntropy(from_logits=True)(np.array([[3, 4, 0]]), np.log(probabilities))
    assert float(logits) == pytest.approx(-np.log(0.6), rel=1e-5)
    assert StepCrossEntropy.from_config(StepCrossEntropy(True).get_config()).from_logits


def test_targets_for_training_are_of_the_models_length():
    many = KIND.references([["a dog a dog a dog a dog", "a cat"]])
    assert many.shape == (1, 2, 9) and TASK.encode_targets(KIND, many, "train").tolist() == [[3, 4, 3, 4, 3, 4]]
    with pytest.raises(ValueError, match="train: expected places in the vocabulary"):
        TASK.encode_targets(KIND, np.zeros((2, 6)), "train")
    with pytest.raises(ValueError, match=r"train: a place in the vocabulary is not in 0\.\.10"):
        TASK.encode_targets(KIND, np.full((1, 6), 11), "train")
    texts = [["a dog a dog a dog a dog", "a cat"], ["the dog"]]
    targets, views, _ = sentence_targets(KIND, texts, "train", "said")
    assert targets.shape == (2, 2, 9) and views.shape == (2, 2, 6) and (views[1, 0] == views[1, 1]).all()
    # What is cut has no end.
    assert KIND.end not in views[0, 0] and KIND.end in views[0, 1]
    measured, nothing, note = sentence_targets(KIND, texts, "validation", "said")
    assert (measured == targets).all() and nothing is None and note == ""
    _, _, note = sentence_targets(KIND, [["a dog a dog a dog a dog", "zebra ñ"]], "train", "said")
    assert note == "; said longer than the model writes in 1 of 2; 2 of 10 words or signs of said unknown (zbñ)"


def test_parity_stops_where_both_choose_otherwise():
    wanted, values = said("a dog runs")[None], said("a cat plays .")[None]
    close = 0.9 * wanted + 0.1 * values
    close[:, 3:] = values[:, 3:]
    figures = difference(KIND, wanted, close, 1.0)
    # Up to the step at which they part, that one included; from there each goes on from its own word.
    assert figures["max_difference"] == pytest.approx(1.0) and figures["argmax_agreement"] == 0
    assert TASK.compared(KIND, wanted, close)[1][0, 4:].tolist() == wanted[0, 4:].tolist()
    assert difference(KIND, wanted, wanted, 1.0)["argmax_agreement"] == 1
    assert TASK.golden_expected(KIND, wanted).shape == (1, 6)


def test_of_large_outputs_fewer_samples_are_compared():
    kind = Sentence((*MARKS, *(f"w{i}" for i in range(4_997))), 100)
    schema = Schema("s", {"image": Image(2, 2)}, {"said": kind})
    inputs, _ = collect_samples({"image": np.ones((300, 2, 2, 3), np.uint8)}, schema)
    # 2 MB each, 256 MB in all.
    assert len(inputs["image"]) == 128


# Training and writing -------------------------------------------------------------------------------------------------


def test_fit_fills_in_the_whole_sentence():
    inputs = {"image": np.ones((2, 8, 8, 3), np.uint8)}
    targets = {"said": KIND.references([["a dog", "the dog"], ["the cat runs"]])}
    batch, encoded, weights = next(Batches((inputs, targets), SCHEMA, "train", batch_size=2).epoch(0))
    np.testing.assert_array_equal(batch["so_far"], encoded["said"])
    assert batch["so_far"].shape == (2, 6) and weights["said"].tolist() == [1, 1]
    # Who gives it himself, has it his way.
    own = {**inputs, "so_far": np.zeros((2, 6), np.int32)}
    assert not next(Batches((own, targets), SCHEMA, "train", batch_size=2).epoch(0))[0]["so_far"].any()


def test_each_epoch_learns_another_reference():
    targets, views, _ = sentence_targets(KIND, [["a dog", "the dog"]] * 20, "train", "said")
    samples = Samples({}, {"said": targets}, "", ids=list(range(20)), views={"said": views})
    drawn = samples.drawn(np.random.default_rng(0))["said"]
    assert drawn.shape == (20, 6) and 0 < (drawn == targets[:, 0]).all(axis=1).sum() < 20
    # Weights have seen the row, however its references are padded among others.
    other = dataclasses.replace(
        samples.take(np.arange(2)), targets={"said": np.pad(targets[:2], ((0, 0), (0, 1), (0, 3)))}
    )
    np.testing.assert_array_equal(row_hashes(samples)[:2], row_hashes(other))


@pytest.fixture(scope="module")
def model():
    made = build_caption_model(size="nano", vocabulary=WORDS, steps=6, image_size=(16, 16), seed=0)
    rng = np.random.default_rng(1)
    made.set_weights([w + 0.3 * rng.standard_normal(w.shape) for w in made.get_weights()])
    return made


def test_free_running_is_what_its_own_words_give(model):
    image = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)
    free = np.asarray(model({"image": image, "caption_so_far": np.zeros((3, 6), np.int32)})["caption"])
    kind = model.schema["caption"]
    forced = np.asarray(model({"image": image, "caption_so_far": kind.choices(free).astype(np.int32)})["caption"])
    np.testing.assert_allclose(free, forced, atol=1e-6)
    # A step says nothing of the words behind it.
    begun = kind.choices(free).astype(np.int32)
    begun[:, 2:] = 0
    np.testing.assert_allclose(free, np.asarray(model({"image": image, "caption_so_far": begun})["caption"]), atol=1e-6)
    picture = mmzoo.predict(model, image=image[0], caption_so_far="the cat")["caption"]
    assert picture.startswith("the cat")


def test_beams_find_what_is_likelier(model):
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3)).astype(np.uint8)
    greedy = mmzoo.predict(model, image=image)["caption"]
    assert mmzoo.write(model, image=image, beams=1) == greedy
    assert mmzoo.write(model, image=image, beams=3, caption_so_far="the cat").startswith("the cat")
    with pytest.raises(ValueError, match="beams: expected a whole number of at least 1"):
        mmzoo.write(model, image=image, beams=0)
    with pytest.raises(ValueError, match="output 'x': expected a Sentence"):
        mmzoo.write(model, image=image, output="x")


def test_beams_by_hand():
    # "a" is the likelier beginning, and "the dog" the likelier sentence.
    first = {3: 0.6, 10: 0.4}
    then = {3: {4: 0.4, 5: 0.3, 6: 0.3}, 10: {4: 1.0}}

    def run(arrays):
        found = np.full((len(arrays["so_far"]), 3, len(WORDS)), 1e-9)
        for row, begun in zip(found, arrays["so_far"], strict=True):
            for word, share in first.items():
                row[0, word] = share
            for word, share in then.get(int(begun[0]), {}).items():
                row[1, word] = share
            row[2, KIND.end] = 1
        return found

    kind = Sentence(WORDS, 3, so_far="so_far")
    arrays = {"so_far": np.zeros(3, np.int32)}
    assert kind.text_of(best_sentence(run, kind, arrays, 1)) == "a dog"
    assert kind.text_of(best_sentence(run, kind, arrays, 2)) == "the dog"


def test_the_decoder_reloads_and_drops_only_while_training():
    given, memory = keras.Input((4,), dtype="int32"), keras.Input((2, 8))
    counts, summary = keras.Input((2,), dtype="bool"), keras.Input((5,))
    layer = SentenceDecoder(9, 6, 7, 8, dropout=0.5, word_dropout=0.5, seed=1)
    scores = layer([given, memory, counts, summary])
    assert scores.shape == (None, 4, 9)
    again = SentenceDecoder.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    rng = np.random.default_rng(0)
    inputs = [
        np.array([[3, 4, 5, 2]]), rng.standard_normal((1, 2, 8)), np.zeros((1, 2), bool), rng.standard_normal((1, 5))
    ]  # fmt: skip
    plain = [np.asarray(layer(inputs, training=False)) for _ in range(2)]
    np.testing.assert_array_equal(*plain)
    assert np.isfinite(plain[0]).all()
    assert np.abs(np.asarray(layer(inputs, training=True)) - plain[0]).max() > 1e-3


def test_an_arm_keeps_what_is_no_data_and_a_learner_fits_its_model():
    with only_inputs(("image",)):
        arm = build_caption_model(size="nano", vocabulary=WORDS, steps=6)
    assert list(arm.schema.inputs) == ["image", "caption_so_far"]
    schema = arm.schema.with_inputs(image=Vector(12))
    learner = build_caption_learner(
        schema, size="nano", image="efficientnet_lite0", vocabulary=WORDS, finetune="frozen"
    )
    assert learner.output["caption"].shape == (None, 6, len(WORDS))
    assert {"image_vector", "caption_decoder"} <= {layer.name for layer in learner.layers}
    other = build_caption_learner(schema, size="nano", image="efficientnet_lite0", seed=5)
    take_over(other, learner)
    rows = {"image": np.ones((1, 12), np.float32), "caption_so_far": np.zeros((1, 6), np.int32)}
    np.testing.assert_allclose(other(rows)["caption"], learner(rows)["caption"], atol=1e-6)


# Baselines ------------------------------------------------------------------------------------------------------------


def samples_of(*pairs):
    texts = [text for text, _ in pairs]
    return Samples({}, {"said": KIND.references([own for _, own in pairs])}, "", ids=texts, raw={"text": texts})


def test_baselines_say_what_a_sceptic_would():
    known = samples_of(("ein Hund", ["a dog"]), ("eine Katze rennt", ["the cat runs"]), ("a", ["a dog ."]))
    asked = samples_of(("die Katze", ["the cat", "the cat runs"]), ("der Hund", ["a dog", "the dog"]))
    nearest = nearest_sentence(known, asked, SCHEMA)["said"]
    assert [KIND.text_of(row) for row in nearest] == ["the cat runs", "a dog"]
    copied = copying(known, samples_of(("the dog", ["a dog"])), SCHEMA)["said"]
    assert KIND.text_of(copied[0]) == "the dog"
    constant = constant_sentence(known, asked, SCHEMA)["said"]
    assert len(constant) == 2 and len({KIND.text_of(row) for row in constant}) == 1
    person = a_person(known, asked, SCHEMA)["said"]
    assert 0 < person["chrf"] < 1
    assert a_person(known, samples_of(("x", ["a dog"])), SCHEMA) is None
    assert "always saying" in TASK.trivial(KIND, known.targets["said"], asked.targets["said"])


def test_spelling_writes_any_english():
    kind = Sentence(SPELLING, 40, lowercase=True)
    assert kind.text_of(kind.encode_target("A zebra's 3 foals (tired).", "")) == "a zebra's 3 foals (tired)."
