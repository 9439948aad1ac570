"""`History`, `Ranking`, tables of interactions, MovieLens, and what the recommendation model must keep to."""

import csv
import gzip
import logging
import os
import pathlib

import numpy as np
import pytest

import mmzoo
from mmzoo.data.interactions import Interactions, answers, histories, in_order, last_rows, read_interactions, spread
from mmzoo.data.sets.movielens import film_names, load_movielens_100k
from mmzoo.data.sets.own_interactions import load_interactions
from mmzoo.models.schemas.recommendation import USER, recommendation_schema
from mmzoo.recipes import get_recipe
from mmzoo.recipes.item_baselines import item_neighbours, neighbours_of_the_last, popularity
from mmzoo.schema import History, Ranking, Schema
from mmzoo.schema.columns import encode_row, match_columns, raw_sample
from mmzoo.schema.outputs.ranking import ranks_of
from mmzoo.tasks import figure_of, task_for

ITEMS = ("tea", "coffee", "milk", "7", "cake")
HISTORY, RANKING = History(3, ITEMS), Ranking(ITEMS)
TASK = task_for(RANKING)
SCHEMA = Schema("shop", {"history": HISTORY}, {"item": RANKING})


# History --------------------------------------------------------------------------------------------------------------


def test_a_history_holds_the_newest_items_last_and_is_padded_in_front():
    assert HISTORY.encode(["tea"], "history").tolist() == [0, 0, 1]
    assert HISTORY.encode("tea| milk |7|cake", "history").tolist() == [3, 4, 5]
    # As spreadsheets and pandas write numbers.
    assert HISTORY.encode([7, 7.0, "7.0"], "history").tolist() == [4, 4, 4]
    for missing in (None, "", [], float("nan"), [None, ""]):
        assert not HISTORY.encode(missing, "history").any()
    assert HISTORY.encode(["tea"] * 10_000 + ["milk"], "history").tolist() == [1, 1, 3]
    assert HISTORY.names(np.array([0, 1, 3])) == ["tea", "milk"] and HISTORY.text(np.array([0, 1, 3])) == "tea | milk"


def test_items_that_are_not_known_are_left_out_and_counted(caplog):
    with caplog.at_level(logging.WARNING):
        assert HISTORY.encode("beer|tea|wine", "row 4").tolist() == [0, 0, 1]
    assert "row 4: 2 of 3 items are not known and left out, first 'beer'" in caplog.text


@pytest.mark.parametrize(
    ("value", "error"),
    [(5, "history: expected a list of items"), (["tea", ["milk"]], "history, item 1: expected its name, got list")],
)
def test_what_is_no_history_is_refused(value, error):
    with pytest.raises(TypeError, match=error):
        HISTORY.encode(value, "history")


def test_names_that_a_cell_could_not_hold_are_refused():
    for name in ("a|b", " a"):
        with pytest.raises(ValueError, match="without '|' and without white space"):
            History(3, (name,))
    with pytest.raises(ValueError, match="'tea' stands there twice"):
        Ranking(("tea", "tea"))
    with pytest.raises(ValueError, match=r"history: expected items 0\.\.5, got 6"):
        HISTORY.check(np.array([[0, 0, 6]]), "history")


def test_a_history_stands_in_json_a_table_and_on_a_command_line():
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    row = {"history": "tea|cake", "price": "3"}
    arrays = encode_row(SCHEMA, match_columns(SCHEMA, list(row), "t.csv"), row, place="t.csv: row 2")
    assert arrays["history"].tolist() == [0, 1, 5]
    assert SCHEMA.encode(raw_sample(SCHEMA, settings=["history=tea|cake"]))["history"].tolist() == [0, 1, 5]
    assert SCHEMA.encode(raw_sample(SCHEMA, history="tea|cake"))["history"].tolist() == [0, 1, 5]


# Ranking --------------------------------------------------------------------------------------------------------------


def test_what_the_user_has_had_is_no_answer():
    row = np.array([3.0, 2.0, 1.0, 0.0, -1.0])
    assert list(RANKING.decode(row, {}, top=2)) == ["tea", "coffee"]
    found = RANKING.decode(row, {"history": "tea|beer"}, top=2)
    assert list(found) == ["coffee", "milk"]
    assert sum(RANKING.decode(row, {"history": ["tea"]}, top=9).values()) == pytest.approx(1)
    assert RANKING.decode(row, {"history": list(ITEMS)}, top=3) == {}
    assert RANKING.cells(row, {"history": ["tea"]}) == ("coffee|milk|7|cake",)


def test_ranks_are_those_of_a_loop_over_all_items():
    rng = np.random.default_rng(0)
    scores = rng.integers(0, 6, (40, 30)).astype(np.float32)
    targets = np.stack([rng.permutation(30)[:8] for _ in range(40)]).astype(np.int32)
    targets[::3, 4:] = -1
    for row, target, found in zip(scores, targets, ranks_of(scores, targets), strict=True):
        left = [i for i in range(30) if i not in target[1:]]
        ahead = sum(row[i] > row[target[0]] for i in left)
        level = sum(row[i] == row[target[0]] for i in left) - 1
        assert found == 1 + ahead + level / 2
    assert ranks_of(scores[:2], np.array([-2, 3]))[0] == np.inf


def test_figures_are_over_all_items_and_an_unknown_one_is_never_found():
    scores = np.tile(np.arange(20, 0, -1, np.float32), (4, 1))
    kind = Ranking(tuple(map(str, range(20))))
    found = task_for(kind).measure(kind, np.array([0, 9, 10, -2]), scores)
    assert found["hit_rate_10"] == 0.5
    assert found["ndcg_10"] == pytest.approx((1 + 1 / np.log2(11)) / 4)
    assert found["mean_reciprocal_rank"] == pytest.approx((1 + 1 / 10 + 1 / 11) / 4)
    assert task_for(kind).measure(kind, np.array([0, -1]), scores[:2])["hit_rate_10"] == 1
    assert all(figure_of(f"item_{name}").name == name for name in found)
    # Ten others are left out, so that the eleventh is the first.
    assert task_for(kind).measure(kind, np.array([[10, *range(10)]]), scores[:1])["mean_reciprocal_rank"] == 1


def test_the_item_to_predict_in_the_history_is_refused():
    with pytest.raises(ValueError, match="sample 0: the item to predict, number 2, is among those that the user has"):
        TASK.measure(RANKING, np.array([[2, 0, 2]]), np.zeros((1, 5), np.float32))


def test_targets_are_checked():
    assert TASK.encode_targets(RANKING, np.array([[1, 4], [-2, -1], [-1, -1]]), "item").tolist() == [1, -1, -1]
    assert RANKING.has_target(np.array([1, -2, -1])).tolist() == [True, True, False]
    for targets, error in (
        (np.array([0.5]), "got float64"),
        (np.array([1, 5]), r"sample 1: item 5 is not in 0\.\.4"),
        (np.array([[1, 2], [2, 9]]), r"sample 1: item 9 is not in 0\.\.4"),
    ):
        with pytest.raises(ValueError, match=error):
            TASK.encode_targets(RANKING, targets, "item")
    with pytest.raises(ValueError, match="row 3: unknown item 'beer'; expected one of 'tea'"):
        RANKING.encode_target("beer", "row 3")
    assert RANKING.encode_target(7.0, "row 3") == 3


# Interactions ---------------------------------------------------------------------------------------------------------


def interactions(rows, users=("ann", "bob")):
    user, item, time = (np.array(column) for column in zip(*rows, strict=True))
    part = np.full(len(rows), "train")
    return in_order(Interactions(list(users), user.astype(np.int32), item.astype(np.int32), time.astype(float), part))


def test_rows_out_of_order_are_sorted_those_of_one_second_stay_and_both_is_said():
    table = interactions([(0, 4, 30), (1, 0, 5), (0, 2, 10), (0, 1, 10), (0, 3, 10)])
    assert table.item.tolist() == [2, 1, 3, 4, 0] and table.user.tolist() == [0, 0, 0, 0, 1]
    assert len(table.notes) == 2 and "2 of 5 interactions share their second" in table.notes[1]
    assert interactions([(0, 1, 3), (1, 0, 2)]).notes == ()


def test_what_is_not_known_and_what_was_had_before_are_left_out_and_counted():
    table = interactions([(0, 1, 1), (0, -1, 2), (0, 2, 3), (0, 1, 4)])
    assert table.item.tolist() == [1, 2]
    assert table.notes[0] == "1 interactions with items that are not known left out"
    assert table.notes[1] == "1 interactions with an item that the user had had already left out"


def test_a_history_is_what_lies_before_of_the_same_user_alone():
    table = interactions([(0, 1, 1), (0, 2, 2), (0, 3, 3), (1, 4, 1), (1, 0, 2)])
    rows = np.arange(5)
    assert histories(table, rows, 2).tolist() == [[0, 0], [0, 2], [2, 3], [0, 0], [0, 5]]
    assert answers(table, rows[[2, 4]]).tolist() == [[3, 1, 2], [0, 4, -1]]
    assert last_rows(table).tolist() == [2, 4] and spread(rows, 2).tolist() == [0, 2]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("ann,,3", "row 3: the what is empty"),
        (",tea,3", "row 3: the who is empty"),
        ("ann,tea,soon", "row 3, column 'when': expected seconds since 1970"),
    ],
)
def test_a_broken_table_is_refused_with_its_row(tmp_path, line, error):
    path = tmp_path / "orders.csv"
    path.write_text(f"who,what,when\nbob,tea,1\n{line}\n")
    columns = {"user": "who", "item": "what", "time": "when"}
    with pytest.raises(ValueError, match=error):
        read_interactions(path, ITEMS.index, columns)
    with pytest.raises(ValueError, match="no column 'day'"):
        read_interactions(path, ITEMS.index, {**columns, "time": "day"})


def test_times_may_be_dates(tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("who,what,when\nbob,milk,1970-01-02\nbob,tea,1970-01-01 00:00:05\n")
    table = read_interactions(path, ITEMS.index, {"user": "who", "item": "what", "time": "when"})
    assert table.time.tolist() == [5, 86_400] and table.item.tolist() == [0, 2] and table.users == ["bob"]


# MovieLens ------------------------------------------------------------------------------------------------------------


def write_movies(folder, rows, users=True):
    folder.mkdir(exist_ok=True)
    with gzip.open(folder / "metadata.csv.gz", "wt", newline="") as file:
        csv.writer(file).writerows([("userId", "movieId", "rating", "timestamp", "split"), *rows])
    (folder / "items.csv").write_text("movieId,title\n10,A (1990)\n20,B\n30,B\n40,C|D\n50,E \n")
    if users:
        (folder / "users.csv").write_text("userId,age,gender,occupation\n1,24,M,writer\n2,,F,\n")
    return folder


SEEN = [(1, 10, 4, 0, "train"), (1, 20, 2, 60, "train"), (1, 30, 5, 61, "val"), (2, 40, 5, 90_000, "train"),
        (2, 10, 5, 90_060, "val")]  # fmt: skip
LAST = [(1, 40, 3, 62, "test"), (2, 50, 3, 90_061, "test")]


def items(folder, data="movielens_100k"):
    return get_recipe("recommendation").from_rows(folder, data, None)["items"]


@pytest.fixture
def movies(tmp_path):
    return write_movies(tmp_path / "movies", SEEN)


@pytest.fixture
def schema(movies):
    return recommendation_schema(items(movies), length=3)


def test_films_of_one_title_have_their_number_behind_it(movies):
    assert list(film_names(movies).values()) == ["A (1990)", "B #20", "B #30", "C/D", "E"]


def test_the_films_before_are_the_history_of_each(movies, schema):
    train = load_movielens_100k(movies, "train", schema=schema)
    assert train.inputs["history"].tolist() == [[0, 0, 0], [0, 0, 1], [0, 0, 0]]
    assert train.targets["item"].tolist() == [0, 1, 3]
    # Who she is; 90,000 s after the first midnight of 1970 it was Friday, one in the morning.
    places = {field.name: place for place, field in enumerate(USER.fields)}
    assert train.inputs["user"][0, places["age"]] == 24 and np.isnan(train.inputs["user"][2, places["age"]])
    assert train.inputs["context"].tolist() == [[0, 3], [0.25, 3], [15, 4]]
    held_back = load_movielens_100k(movies, "validation", schema=schema)
    assert held_back.inputs["history"].tolist() == [[0, 1, 2], [0, 0, 4]]
    assert held_back.targets["item"].tolist() == [[2, 0, 1], [0, 3, -1]]
    assert len(load_movielens_100k(movies, "all", schema=schema)) == 5


def test_last_films_that_lie_alone_need_those_before_them(movies, schema, tmp_path):
    apart = write_movies(tmp_path / "apart", LAST)
    with pytest.raises(ValueError, match="holds the last film of each user and nothing before it.*--before"):
        load_movielens_100k(apart, "all", schema=schema)
    found = load_movielens_100k(apart, "all", schema=schema, before=movies)
    assert found.inputs["history"].tolist() == [[1, 2, 3], [0, 4, 1]]
    assert found.targets["item"].tolist() == [[3, 0, 1, 2], [4, 3, 0, -1]]
    # The same where the folder kept apart holds all.
    whole = write_movies(tmp_path / "whole", [*SEEN, *LAST])
    again = load_movielens_100k(whole, "all", schema=schema)
    assert again.fingerprint() == found.fingerprint()


def test_without_a_list_of_users_nothing_is_known_of_them(movies, schema):
    (movies / "users.csv").unlink()
    assert np.isnan(load_movielens_100k(movies, "train", schema=schema).inputs["user"]).all()
    with pytest.raises(ValueError, match="none of the films is an item of the model"):
        load_movielens_100k(movies, "train", schema=recommendation_schema())


def test_baselines_know_what_is_popular_and_what_is_near(movies, schema):
    train = load_movielens_100k(movies, "all", schema=schema)
    measured = load_movielens_100k(movies, "validation", schema=schema)
    assert popularity(train, measured, schema)["item"][0].tolist() == [2, 1, 1, 1, 0]
    # A and C were had by user 2, A and B by user 1: whoever had C is offered A.
    for baseline in (item_neighbours, neighbours_of_the_last):
        scores = baseline(train, measured, schema)["item"]
        assert scores[1].argmax() == 0 and scores[1, 0] == pytest.approx(np.sqrt(0.5))


@pytest.mark.skipif(not os.environ.get("MMZOO_DATA"), reason="needs MMZOO_DATA=<directory with movielens_100k/>")
def test_the_baselines_of_the_real_data_are_those_that_are_known():
    folder = pathlib.Path(os.environ["MMZOO_DATA"]) / "movielens_100k"
    schema = recommendation_schema(items(folder))
    train, held_back = (load_movielens_100k(folder, split, schema=schema) for split in ("train", "validation"))
    assert (len(train), len(held_back), len(schema["item"].items)) == (98_114, 943, 1_682)
    assert "50,146 of 99,057 interactions share their second" in train.note
    found = neighbours_of_the_last(train, held_back, schema)["item"]
    measured = task_for(schema["item"]).measure(schema["item"], held_back.targets["item"], found)
    assert measured["hit_rate_10"] == pytest.approx(0.1803, abs=1e-4)


# A table of one's own -------------------------------------------------------------------------------------------------


def test_the_last_item_of_each_user_of_ones_own_table_is_held_back(tmp_path):
    lines = ["user,item,time", "ann,tea,2", "bob,milk,1", "ann,milk,3", "ann,cake,1", "cy,tea,9", "ann,tea,5"]
    (tmp_path / "interactions.csv").write_text("\n".join(lines))
    assert items(tmp_path, "interactions") == ("tea", "milk", "cake")
    schema = recommendation_schema(items(tmp_path, "interactions"), length=3, user=None)
    train = load_interactions(tmp_path, "train", schema=schema)
    # Of users with a single item nothing is held back; what ann had a second time is left out, and said.
    assert train.targets["item"].tolist() == [2, 0, 1, 0] and "had had already left out" in train.note
    held_back = load_interactions(tmp_path, "validation", schema=schema)
    assert held_back.inputs["history"].tolist() == [[0, 3, 1]] and held_back.targets["item"].tolist() == [[1, 2, 0]]
    (tmp_path / "interactions.csv").write_text("user,item,time\nann,tea|milk,1\nbob,tea,1\n")
    with pytest.raises(ValueError, match=r"item 'tea\|milk': '\|' stands between items"):
        items(tmp_path, "interactions")
    (tmp_path / "interactions.csv").write_text("user,item,time\nann,tea,1\nbob,tea,1\n")
    with pytest.raises(ValueError, match="no user has two items"):
        load_interactions(tmp_path, "train", schema=recommendation_schema(("tea",), user=None))
    with pytest.raises(FileNotFoundError, match="no interactions.csv or interactions.csv.gz"):
        items(tmp_path / "elsewhere", "interactions")


# The model ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", ["gru4rec", "sasrec"])
def test_both_variants_rank_for_new_users_and_save(variant, tmp_path):
    model = mmzoo.build_recommendation_model(variant=variant, size="nano", items=ITEMS, length=4, seed=0)
    model.save(tmp_path / "m.keras")
    again = mmzoo.load_model(tmp_path / "m.keras")
    arrays = model.schema.encode_batch([{"history": "tea|milk", "context": {"time": "14:00"}}, {}])
    found = np.asarray(model(arrays)["item"])
    assert np.isfinite(found).all() and not np.allclose(found[0], found[1])
    np.testing.assert_allclose(np.asarray(again(arrays)["item"]), found, atol=1e-6)
    # What lies in front of the newest counts, and so does their order.
    other = model.schema.encode_batch([{"history": "milk|tea", "context": {"time": "14:00"}}])
    assert not np.allclose(np.asarray(model(other)["item"])[0], found[0])
    assert "tea" not in mmzoo.predict(model, history="tea|milk")["item"]
    with pytest.raises(ValueError, match="variant: expected one of"):
        mmzoo.build_recommendation_model(variant="bert4rec")


def test_user_and_context_may_be_left_out():
    model = mmzoo.build_recommendation_model(size="nano", items=ITEMS, user=None, context=None)
    assert list(model.schema.inputs) == ["history"]


def test_the_recipe_trains_and_measures_on_a_folder(tmp_path):
    rng = np.random.default_rng(0)
    rows = []
    for user in range(1, 13):
        had = rng.permutation([10, 20, 30, 40, 50])[:4]
        rows += [(user, had[i], 5, 100 * user + i, "val" if i == 3 else "train") for i in range(4)]
    folder = write_movies(tmp_path / "movies", rows, users=False)
    from mmzoo.recipes.running.training import train

    record = train(
        get_recipe("recommendation"), tmp_path / "run", size="nano", data_dir=folder, epochs=1, export_bundle=False,
        verbose=0, say=lambda line: None,
    )  # fmt: skip
    found = {(row["arm"], row["metric"]): row["value"] for row in record.figures}
    assert found["all inputs", "hit_rate_10"] == 1
    assert {"popularity", "item neighbours", "neighbours of the last ten"} <= {arm for arm, _ in found}
    cells = list(csv.reader((tmp_path / "run" / "evaluation" / "predictions.csv").open(encoding="utf-8")))
    assert cells[0] == ["sample", "item_true", "item", "item_score"] and len(cells) == 13
