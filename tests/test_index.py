"""`mmzoo.index`: built, searched, saved, brought up to date; and what it refuses."""

from __future__ import annotations

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
from PIL import Image as Pillow

import mmzoo
from mmzoo.cli import indexing as cli
from mmzoo.indexing import Embedder, load_index
from mmzoo.indexing.nearest import exact
from mmzoo.schema import Image, Label, Pair, Schema, Text

COLOURS = {"red": (250, 10, 10), "green": (10, 250, 10), "blue": (10, 10, 250), "grey": (120, 80, 40)}


class ByColour:
    """Stands for a model on the edge: a picture's vector is its mean colour, a text's that of the colour it names."""

    schema = Schema("by_colour", {"image": Image(4, 4), "text": Text(16)}, {"pair": Pair(3)})
    digest = "d1"

    def __init__(self):
        self.runs = 0

    def run(self, arrays):
        self.runs += 1
        image, text = arrays["image"].reshape(-1, 3).mean(axis=0), bytes(arrays["text"].astype(np.uint8)).decode()
        named = next((np.array(rgb) for name, rgb in COLOURS.items() if name in text), np.array([1.0, 1.0, 1.0]))
        vectors = [image, named if arrays["text"].any() else 0 * named]
        return {"pair": np.stack([v / max(np.linalg.norm(v), 1e-9) for v in vectors]).astype(np.float32)}


@pytest.fixture
def model():
    return ByColour()


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "inner").mkdir(parents=True)
    for number, (name, colour) in enumerate(COLOURS.items()):
        Pillow.new("RGB", (8, 8), colour).save(folder / ("inner" if number % 2 else "") / f"{name}.png")
    (folder / "notes.txt").write_text("no picture")
    return folder


# Searching ------------------------------------------------------------------------------------------------------------


def test_pictures_are_found_by_texts_and_by_pictures(model, photos):
    found = mmzoo.index(model, photos)
    assert (
        len(found) == 4
        and not found.skipped
        and found.items == ["blue.png", "red.png", "inner/green.png", "inner/grey.png"]
    )
    hits = found.search("a red thing", k=2)
    assert [hit.item for hit in hits] == ["red.png", "inner/grey.png"] and hits[0].similarity == pytest.approx(
        1, abs=1e-3
    )
    assert found.search(image=photos / "inner" / "green.png", k=1)[0].item == "inner/green.png"
    assert found.search(vector=np.float32([0, 0, 1]), k=1)[0].item == "blue.png"
    assert len(found.search("blue", k=50)) == 4


def test_texts_are_found_by_pictures_and_by_texts(model, photos, tmp_path):
    texts = ["something red", "the blue sea", "", "green grass", "the blue sea"]
    found = mmzoo.index(model, texts)
    assert found.items == ["something red", "the blue sea", "green grass"]
    assert found.search(image=photos / "blue.png", k=1)[0].item == "the blue sea"
    (tmp_path / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    assert mmzoo.index(model, tmp_path / "texts.txt").items == found.items
    with pytest.raises(ValueError, match="the index is over a list of texts; give the list"):
        found.update()
    assert found.update(["green grass", "grey fog"]).deleted == ("something red", "the blue sea")
    assert found.items == ["green grass", "grey fog"]


def test_what_cannot_be_searched_for_says_why(model, photos):
    found = mmzoo.index(model, photos)
    for arguments, message in (
        ({}, "a text or one input by name; got nothing"),
        ({"text": "red", "image": photos / "blue.png"}, "give one thing to search by"),
        ({"text": ""}, "there is nothing in it: it counts as a missing text"),
        ({"sound": "x.wav"}, r"no vector of 'sound'; there are those of \['image', 'text'\]"),
        ({"text": "red", "k": 0}, "k: expected a whole number of at least 1, got 0"),
        ({"vector": np.zeros(2)}, r"expected a finite vector \(3,\)"),
    ):
        with pytest.raises(ValueError, match=message):
            found.search(**arguments)
    with pytest.raises(ValueError, match="image: "):
        found.search(image=photos / "notes.txt")


def test_exact_is_what_sorting_all_gives():
    rng = np.random.default_rng(0)
    vectors, query = rng.integers(-2, 3, (200, 5)).astype(np.float32), rng.integers(-2, 3, 5).astype(np.float32)
    wanted = np.argsort(-(vectors @ query), kind="stable")
    found = exact(vectors, query, 200)
    np.testing.assert_array_equal(found, wanted)
    best = exact(vectors, query, 7)
    np.testing.assert_array_equal((vectors @ query)[best], (vectors @ query)[wanted[:7]])


# Building -------------------------------------------------------------------------------------------------------------


def test_bad_sources_are_errors(model, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: no image in it or below it; it is empty"):
        mmzoo.index(model, tmp_path / "empty")
    (tmp_path / "empty" / "a.pdf").write_text("x")
    with pytest.raises(ValueError, match=r"no image in it or below it; it holds files of '\.pdf'"):
        mmzoo.index(model, tmp_path / "empty")
    with pytest.raises(NotADirectoryError, match="nowhere: no such folder or file"):
        mmzoo.index(model, tmp_path / "nowhere")
    (tmp_path / "empty" / "b.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match="none of 1 can be read; b.png: "):
        mmzoo.index(model, tmp_path / "empty")
    with pytest.raises(TypeError, match="texts: number 2: expected a text, got 7"):
        mmzoo.index(model, ["a", 7])
    with pytest.raises(ValueError, match="texts: no text in it"):
        mmzoo.index(model, ["", " "])


def test_a_model_that_compares_nothing_is_refused():
    class Classifier:
        schema = Schema("cats", {"image": Image(4, 4)}, {"animal": Label(("cat", "dog"))})
        digest = "d"

    with pytest.raises(
        ValueError, match=r"model 'cats': an index takes a model with one Pair, it gives \{'animal': 'Label'\}"
    ):
        Embedder(Classifier())
    with pytest.raises(TypeError, match="expected a bundle, an EdgeModel or a Keras model with a schema, got 7"):
        Embedder(7)


# Bringing up to date --------------------------------------------------------------------------------------------------


def test_only_what_is_new_or_changed_is_read_again(model, photos):
    found = mmzoo.index(model, photos)
    before = dict(zip(found.items, found.vectors, strict=True))
    model.runs = 0
    assert str(found.update()) == "nothing has changed" and model.runs == 0

    shutil.move(photos / "red.png", photos / "inner" / "moved.png")
    (photos / "blue.png").unlink()
    Pillow.new("RGB", (9, 9), COLOURS["red"]).save(photos / "inner" / "grey.png")
    Pillow.new("RGB", (7, 7), COLOURS["blue"]).save(photos / "new.png")
    (photos / "broken.png").write_bytes((photos / "new.png").read_bytes()[:40])
    os.utime(photos / "inner" / "green.png", (1, 1))
    changes = found.update()
    assert changes.new == ("new.png",) and changes.changed == ("inner/grey.png",) and changes.deleted == ("blue.png",)
    assert changes.moved == (("red.png", "inner/moved.png"),) and list(changes.skipped) == ["broken.png"]
    assert "broken.png" in changes.skipped["broken.png"] and model.runs == 2
    after = dict(zip(found.items, found.vectors, strict=True))
    np.testing.assert_array_equal(after["inner/moved.png"], before["red.png"])
    np.testing.assert_allclose(after["inner/grey.png"], before["red.png"])
    assert found.search("blue", k=1)[0].item == "new.png"

    # What is broken is not read again before it changes, and named as long as it is there.
    model.runs = 0
    assert list(found.update().skipped) == ["broken.png"] and model.runs == 0
    shutil.copy(photos / "new.png", photos / "broken.png")
    changes = found.update()
    assert changes.new == ("broken.png",) and not changes.skipped and not found.skipped
    # And what breaks loses its vector.
    (photos / "new.png").write_bytes(b"")
    assert list(found.update().skipped) == ["new.png"] and "new.png" not in found.items


def test_a_failing_update_leaves_the_index_as_it_was(model, photos):
    found = mmzoo.index(model, photos)
    for file in photos.rglob("*.png"):
        file.unlink()
    with pytest.raises(ValueError, match="no image in it"):
        found.update()
    assert len(found) == 4 and found.search("red", k=1)[0].item == "red.png"


# Keeping --------------------------------------------------------------------------------------------------------------


def test_it_is_saved_and_loaded(model, photos, tmp_path):
    (photos / "broken.png").write_bytes(b"x")
    found = mmzoo.index(model, photos)
    found.save(tmp_path / "index")
    again = load_index(tmp_path / "index", model)
    assert (
        again.items == found.items
        and list(again.skipped) == ["broken.png"]
        and again.search("red") == found.search("red")
    )
    model.runs = 0
    assert str(again.update()) == "1 skipped" and model.runs == 0
    # In place, and whole.
    Pillow.new("RGB", (8, 8), (200, 200, 0)).save(photos / "yellow.png")
    again.update()
    again.save(tmp_path / "index")
    assert "yellow.png" in load_index(tmp_path / "index", model).items
    assert sorted(file.name for file in (tmp_path / "index").iterdir()) == ["index.json", "vectors.npz"]


def test_an_index_of_another_model_is_refused(model, photos, tmp_path):
    mmzoo.index(model, photos).save(tmp_path / "index")
    other = ByColour()
    other.digest = "d2"
    with pytest.raises(ValueError, match="was built with another model"):
        load_index(tmp_path / "index", other)
    with pytest.raises(ValueError, match="was built with a model in memory; give the model"):
        load_index(tmp_path / "index")


def test_damage_is_found(model, photos, tmp_path):
    path = tmp_path / "index"
    mmzoo.index(model, photos).save(path)
    (path / "vectors.npz").write_bytes((path / "vectors.npz").read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"vectors.npz: missing, damaged, or of another index"):
        load_index(path, model)
    about = json.loads((path / "index.json").read_text())
    del about["input"]
    (path / "index.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match=r"index.json: damaged \('input'\)"):
        load_index(path, model)
    with pytest.raises(FileNotFoundError, match="no index in it"):
        load_index(photos, model)
    with pytest.raises(FileExistsError, match="is no index, so it is not overwritten"):
        mmzoo.index(model, photos).save(photos)


def test_a_graph_finds_the_same_and_follows_updates(model, photos, tmp_path):
    pytest.importorskip("usearch", reason="the extra mmzoo[index] is not installed")
    found = mmzoo.index(model, photos, approximate=True)
    (photos / "red.png").unlink()
    found.update()
    found.save(tmp_path / "index")
    again = load_index(tmp_path / "index", model)
    assert again.search("blue") == mmzoo.index(model, photos).search("blue")


def test_without_usearch_a_graph_is_an_error_that_says_what_to_install(model, photos, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "usearch.index", None)
    with pytest.raises(ImportError, match=r"needs the package usearch: pip install 'mmzoo\[index\]'"):
        mmzoo.index(model, photos, approximate=True)


# With real models -----------------------------------------------------------------------------------------------------


def test_a_keras_model_and_the_command_line(photos, tmp_path, monkeypatch, capsys):
    keras_model = mmzoo.build_retrieval_model(size="nano", image_size=(8, 8), seed=0)
    found = mmzoo.index(keras_model, photos)
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-5)
    assert found.search(image=photos / "red.png", k=1)[0] == ("red.png", pytest.approx(1, abs=1e-5))
    assert Embedder(keras_model).identity == Embedder(keras_model).identity
    other = mmzoo.build_retrieval_model(size="nano", image_size=(8, 8), seed=1)
    assert Embedder(keras_model).identity != Embedder(other).identity

    # The command line builds, brings up to date, and searches; here on a bundle's stand-in.
    monkeypatch.setattr("mmzoo.edge.runtime.load", lambda bundle: ByColour())
    out = tmp_path / "index"
    cli.index("bundle", photos, out, approximate=False)
    assert f"4 in {out}" in capsys.readouterr().out
    (photos / "blue.png").unlink()
    cli.index("bundle", photos, out, approximate=False)
    said = capsys.readouterr().out
    assert "1 deleted" in said and "deleted: blue.png" in said and f"3 in {out}" in said
    cli.search(out, "something green", None, None, k=1, as_json=False)
    assert "inner/green.png" in capsys.readouterr().out
    cli.search(out, None, pathlib.Path(photos / "red.png"), "bundle", k=1, as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["item"] == "red.png"
